//! Our own rules (`rules/`): they load without a word, each answers to what it is for, and to nothing that only looks like it.

#![cfg(test)]

mod audit;
mod syscalls;
mod world;

use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::fields::Catalogue;
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{self, Loaded, SYSCALL, Sources, lint};
use plimsoll_detect::state::Limits;
use plimsoll_model::{Origin, Source};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const AUDIT: &str = "k8s_audit";

/// A rule, events that it answers to, and events of everyday life that come close to it.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

static LOADED: LazyLock<Loaded> = LazyLock::new(|| load(&[0, 1, 2]));

/// The files in an order.
fn load(order: &[usize]) -> Loaded {
    let files = [
        ("rules/lists.yaml", include_str!("../../../../rules/lists.yaml")),
        ("rules/syscalls.yaml", include_str!("../../../../rules/syscalls.yaml")),
        ("rules/audit.yaml", include_str!("../../../../rules/audit.yaml")),
    ];
    let files: Vec<_> = order.iter().map(|at| files[*at]).map(|(name, text)| Source::new(name, Origin::File, text)).collect();
    rules::load(&files, Sources::new().with(SYSCALL, &Syscalls).with(AUDIT, &Audit), Vec::new())
}

fn engine(source: &str, catalogue: &dyn Catalogue) -> Engine {
    Engine::new(&LOADED.rules, source, catalogue, Matching::First).unwrap()
}

#[test]
fn they_load_and_nothing_is_odd_about_them() {
    let loaded = &*LOADED;
    let said: Vec<String> = loaded.diagnostics.0.iter().map(|found| format!("{found:?}")).collect();
    assert_eq!((said, loaded.schema.len()), (Vec::new(), 0));
    let odd: Vec<String> = lint(&loaded.rules, true).0.iter().map(|found| format!("{found:?}")).collect();
    assert_eq!(odd, Vec::<String>::new());
    // As a directory is read: by name.
    assert!(load(&[2, 0, 1]).diagnostics.is_ok() && load(&[2]).diagnostics.is_ok());
}

/// Each alert has to say where it happened, what it may mean and when it means nothing.
#[test]
fn they_say_what_they_are_about() {
    for rule in &LOADED.rules.rules {
        let (name, tags) = (&rule.name, &rule.tags);
        let tagged = |test: fn(&str) -> bool| tags.iter().any(|tag| test(tag));
        assert!(tagged(|tag| matches!(tag, "container" | "host" | "k8s")), "{name} says where");
        assert!(tagged(|tag| tag.starts_with("mitre_")) && tagged(|tag| tag.starts_with('T')), "{name} has a technique and a tactic");
        assert!(rule.description.split(". ").count() > 1, "{name} says what else it can be");
        let all = rule.source == SYSCALL && rule.event_types == plimsoll_detect::condition::EventSet::all();
        assert!(!all, "{name} looks at each event");
    }
}

#[test]
fn each_rule_answers_to_what_it_is_for_and_to_nothing_else() {
    let cases: Vec<(&Case, &str)> =
        syscalls::CASES.iter().map(|case| (case, SYSCALL)).chain(audit::CASES.iter().map(|case| (case, AUDIT))).collect();
    let mut machine = Detector::new(engine(SYSCALL, &Syscalls), Limits::default());
    let mut api_server = AuditDetector::new(engine(AUDIT, &Audit));
    let mut wrong = Vec::new();
    for ((rule, threats, everyday), source) in &cases {
        let mut alerts =
            |event: &str| if *source == SYSCALL { world::alerts(&mut machine, event) } else { audit::alerts(&mut api_server, event) };
        assert!(!threats.is_empty() && !everyday.is_empty(), "{rule} needs an event of either kind");
        let expected =
            threats.iter().map(|event| (event, vec![(*rule).to_owned()])).chain(everyday.iter().map(|event| (event, Vec::new())));
        for (event, expected) in expected {
            let found = alerts(event);
            if found != expected {
                wrong.push(format!("{event}\n    wanted {expected:?}, found {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let tested: BTreeSet<&str> = cases.iter().map(|((rule, ..), _)| *rule).collect();
    let rules = &LOADED.rules.rules;
    let untested: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).filter(|name| !tested.contains(name)).collect();
    assert_eq!((untested, tested.len()), (Vec::new(), rules.len()));
}

/// The table in `docs/rules.md` has each technique with the rules that are tagged with it, and the names of what users fill in.
#[test]
fn they_are_described() {
    let text = include_str!("../../../../docs/rules.md");
    let described: BTreeSet<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| T")?.split_once(" | "))
        .filter_map(|(technique, rest)| Some((technique.split(' ').next()?, rest.split_once(" | ")?.0)))
        .flat_map(|(technique, rules)| rules.split("; ").map(move |rule| (technique, rule)))
        .collect();
    let rules = LOADED.rules.rules.iter();
    let tagged: BTreeSet<(&str, &str)> =
        rules.flat_map(|rule| rule.tags.iter().filter_map(|tag| Some((tag.strip_prefix('T')?, rule.name.as_str())))).collect();
    assert_eq!(described, tagged);
    let files = [include_str!("../../../../rules/lists.yaml"), include_str!("../../../../rules/audit.yaml")];
    let hooks =
        files.iter().flat_map(|file| file.lines()).filter_map(|line| line.split_once(": my_").filter(|(kind, _)| kind.starts_with("- ")));
    for (_, name) in hooks {
        assert!(text.contains(&format!("| `my_{name}` |")), "my_{name} is not described");
    }
}
