//! Tests of rules of events (`docs/detect.md`).

use crate::appended::Appended;
use crate::rule_files::{self, AUDIT, SYSCALL};
use anyhow::{Context, anyhow, bail};
use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::engine::{Alert, Engine, Matching};
use plimsoll_detect::fields::Catalogue;
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{Pick, Rules};
use plimsoll_detect::state::Limits;
use plimsoll_detect::testing::{self, Case, Expected, Test, Which};
use plimsoll_model::events::Start;
use plimsoll_model::{Document, Problem};
use plimsoll_sources::audit;
use plimsoll_sources::capture::{self, Item, Reader};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// When the events of a test begin, unless they say when: the year 2026.
const BEGIN: u64 = 1_767_225_600_000_000_000;
/// The time between two of them.
const STEP: u64 = 1_000_000;

/// What came of one case.
pub(crate) struct Result {
    /// The file and the case.
    pub(crate) name: String,
    /// What is wrong; nothing if it passed.
    pub(crate) complaint: Option<String>,
}

/// Runs the tests in a document; nothing if it holds none.
pub(crate) fn run(document: &Document) -> Vec<Result> {
    let Some(root) = document.root() else { return Vec::new() };
    let word = |key: &str| root.get(key).map_or("", |node| node.text());
    if word("kind") != "RuleTest" || word("apiVersion").split('/').next() != Some("plimsoll.dev") {
        return Vec::new();
    }
    let file = Path::new(&document.source.name);
    let named = |name: &str| format!("{}: {name}", file.display());
    let prepared = serde_json::from_value::<Test>(root.to_json()).context("the test cannot be read").and_then(|test| {
        let rules = rules(&test, file)?;
        Ok((test, rules))
    });
    let (test, rules) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return vec![Result { name: file.display().to_string(), complaint: Some(format!("{error:#}")) }],
    };
    let suite = Suite { rules: &rules, matching: test.matching, base: file.parent().unwrap_or(Path::new(".")) };
    let results = test.cases.iter().enumerate().map(|(at, case)| {
        let name = if case.name.is_empty() { format!("case {}", at + 1) } else { case.name.clone() };
        let complaint = suite.alerts(case).and_then(|alerts| suite.complaint(case, &alerts));
        Result { name: named(&name), complaint: complaint.unwrap_or_else(|error| Some(format!("{error:#}"))) }
    });
    results.collect()
}

/// The rules that a test is about; all of them are switched on, so that those are tested, too, that users switch on.
fn rules(test: &Test, file: &Path) -> anyhow::Result<Rules> {
    let base = file.parent().unwrap_or(Path::new("."));
    let paths: Vec<PathBuf> = test.rules.iter().map(|path| base.join(path)).collect();
    // Alerts say what they say without further options.
    let sources = rule_files::sources();
    let extras = Appended::suggested().extras(&sources, &BTreeMap::new()).map_err(anyhow::Error::msg)?;
    let (loaded, problems) = rule_files::load(&paths, sources, extras)?;
    if let Some(problem) = problems.iter().find(|problem| problem.kind.is_error()) {
        bail!("{}: {}", problem.place(), problem.message);
    }
    let mut rules = loaded.rules;
    rules.rules.iter_mut().for_each(|rule| rule.enabled = true);
    Ok(rules)
}

struct Suite<'t> {
    rules: &'t Rules,
    matching: Which,
    base: &'t Path,
}

impl Suite<'_> {
    fn engine(&self, source: &str, catalogue: &dyn Catalogue) -> anyhow::Result<Engine> {
        let matching = match self.matching {
            Which::All => Matching::All,
            Which::First => Matching::First,
        };
        Engine::new(self.rules, source, catalogue, matching).map_err(|error| anyhow!("{}", error.message))
    }

    /// All alerts of a case.
    fn alerts(&self, case: &Case) -> anyhow::Result<Vec<Alert>> {
        let mut alerts = Vec::new();
        let inline = !case.events.is_empty() || !case.processes.is_empty();
        let given = [case.capture.is_some(), inline, case.audit.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            bail!("a case has either `capture`, or `events` with `processes`, or `audit`");
        }
        if let Some(log) = &case.audit {
            self.judge_log(log, &mut alerts)?;
            return Ok(alerts);
        }
        let mut detector = Detector::new(self.engine(SYSCALL, &Syscalls)?, Limits::default());
        for container in &case.containers {
            let (id, known) = container.known();
            detector.state_mut().containers_mut().insert(&id, known);
        }
        if let Some(file) = &case.capture {
            self.replay(file, &mut detector, &mut alerts)?;
            return Ok(alerts);
        }
        case.processes.iter().flat_map(testing::TestProcess::start).for_each(|start: Start| detector.start(start));
        let mut time = BEGIN;
        for (number, event) in (1_u64..).zip(&case.events) {
            let event = event.event(number, time, detector.state()).map_err(|problem| anyhow!("event {number}: {problem}"))?;
            time = event.time.saturating_add(STEP);
            detector.event(&event.view(), |alert| alerts.push(alert));
        }
        Ok(alerts)
    }

    fn replay(&self, file: &str, detector: &mut Detector, alerts: &mut Vec<Alert>) -> anyhow::Result<()> {
        let file = std::fs::File::open(self.base.join(file)).with_context(|| format!("cannot read {file}"))?;
        let mut reader = Reader::new(file, capture::Options::default());
        while let Some(item) = reader.next() {
            match item {
                Item::Start(start) => detector.start(start),
                Item::Event(event) => detector.event(&event, |alert| alerts.push(alert)),
                Item::Damage { offset, what } => bail!("the capture is damaged at byte {offset}: {what}"),
            }
        }
        Ok(())
    }

    fn judge_log(&self, log: &testing::Audit, alerts: &mut Vec<Alert>) -> anyhow::Result<()> {
        let mut detector = AuditDetector::new(self.engine(AUDIT, &Audit)?);
        // What the reader hands over is JSON, and so is what is written here: reading it again does not fail.
        let mut judge = |event: &[u8]| {
            let _ = detector.event(event, |alert| alerts.push(alert));
        };
        match log {
            testing::Audit::Events(events) => events.iter().for_each(|event| {
                judge(serde_json::Value::Object(event.clone()).to_string().as_bytes());
            }),
            testing::Audit::File(file) => {
                let path = self.base.join(file);
                let problems = audit::raw(&[path], &audit::Options::default(), io::empty(), |event| judge(event.json.raw()));
                if let Some(Problem { message, .. }) = problems.iter().find(|problem| problem.kind.is_error()) {
                    bail!("{file}: {message}");
                }
            }
        }
        Ok(())
    }

    /// What is not as a case wants it.
    fn complaint(&self, case: &Case, alerts: &[Alert]) -> anyhow::Result<Option<String>> {
        if case.expect.is_empty() && case.expect_none.is_empty() {
            bail!("nothing is expected: say `expect` or `expectNone`");
        }
        let mut complaints = Vec::new();
        for expected in &case.expect {
            if !self.rules.rules.iter().any(|rule| rule.name == expected.rule) {
                bail!("there is no rule `{}`", expected.rule);
            }
            complaints.extend(missing(expected, alerts));
        }
        for name in &case.expect_none {
            let pick = Pick::Name(name.clone());
            if !self.rules.rules.iter().any(|rule| pick.matches(rule)) {
                bail!("there is no rule `{name}`");
            }
            let found = alerts.iter().find(|alert| pick.matches(&alert.rule));
            complaints.extend(found.map(|alert| format!("wanted no alert of `{}`, got {}", alert.rule.name, shown(alert))));
        }
        Ok((!complaints.is_empty()).then(|| complaints.join("\n  ")))
    }
}

/// What is missing of the alerts of a rule.
fn missing(expected: &Expected, alerts: &[Alert]) -> Option<String> {
    let Expected { rule, count, output } = expected;
    let of_rule: Vec<&Alert> = alerts.iter().filter(|alert| alert.rule.name == *rule).collect();
    let got = of_rule.len() as u64;
    match count {
        Some(count) if *count != got => return Some(format!("wanted {count} alerts of `{rule}`, got {got}")),
        None if got == 0 => {
            let others = if alerts.is_empty() { String::new() } else { format!(", but {} of other rules", alerts.len()) };
            return Some(format!("wanted an alert of `{rule}`, got none{others}"));
        }
        _ => {}
    }
    let holds = |alert: &&&Alert| {
        let text = String::from_utf8_lossy(&alert.message);
        output.all().iter().all(|wanted| text.contains(wanted.as_str()))
    };
    if of_rule.iter().any(|alert| holds(&alert)) || output.all().is_empty() {
        return None;
    }
    let first = of_rule.first().map_or_else(|| "no alert".to_owned(), |alert| shown(alert));
    Some(format!("wanted an output of `{rule}` with `{}`, got {first}", output.all().join("` and `")))
}

fn shown(alert: &Alert) -> String {
    format!("event {}: {}", alert.number, String::from_utf8_lossy(&alert.message))
}
