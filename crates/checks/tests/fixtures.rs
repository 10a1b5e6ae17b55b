//! Every check has a fixture, `fixtures/<domain>/<name>.yaml`: objects that it objects to, with `# expect` at the end of
//! the line that it points at, and objects that it leaves alone.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test reads its fixtures, and fails where it cannot"
)]

use plimsoll_checks::{Assessment, DOMAINS, Parameters, Resources, assess, checks, judge_own, rules};
use plimsoll_model::{Inventory, Limits, Origin, Severity, Snapshot, Source, WorkloadKinds, parse};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn fixture(id: &str) -> PathBuf {
    let (prefix, name) = id.split_once('-').unwrap();
    let (_, domain) = DOMAINS.iter().find(|(known, _)| *known == prefix).unwrap_or_else(|| panic!("no domain has the prefix {prefix}"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(domain).join(format!("{}.yaml", name.replace('-', "_")))
}

/// `# parameter: name=a,b` lines of a fixture.
fn parameters(text: &str) -> Parameters {
    let mut parameters = Parameters::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("# parameter: ")) {
        let (name, values) = line.split_once('=').unwrap();
        parameters.set(name, values.split(',').map(str::to_owned).collect()).unwrap();
    }
    parameters
}

fn snapshot(text: &str) -> Snapshot {
    let (documents, problems) = parse(&Source::new("fixture", Origin::File, text), Limits::default());
    assert_eq!(problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>(), Vec::<String>::new(), "{text}");
    Snapshot { documents, problems: Vec::new() }
}

/// What all checks say of `text`.
fn assessed(text: &str) -> Assessment {
    let snapshot = snapshot(text);
    assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), &parameters(text))
}

/// The lines that findings of the check point at.
fn found(id: &str, text: &str) -> (BTreeSet<u32>, usize, usize) {
    let assessment = assessed(text);
    let lines = assessment.findings.iter().filter(|finding| finding.rule.id == id);
    let lines = lines.map(|finding| finding.location.as_ref().unwrap().start().line).collect();
    let at = checks().iter().position(|check| check.id == id).unwrap();
    (lines, assessment.tallies[at].evaluated, assessment.tallies[at].failed)
}

#[test]
fn each_check_finds_what_its_fixture_marks_and_nothing_else() {
    let mut wrong = BTreeMap::new();
    for check in checks() {
        let path = fixture(check.id);
        let Ok(text) = std::fs::read_to_string(&path) else {
            wrong.insert(check.id, format!("no fixture {}", path.display()));
            continue;
        };
        let marked = |(at, line): (usize, &str)| line.trim_end().ends_with("# expect").then_some(u32::try_from(at).unwrap() + 1);
        let wanted: BTreeSet<u32> = text.lines().enumerate().filter_map(marked).collect();
        let (got, evaluated, failed) = found(check.id, &text);
        if wanted != got {
            wrong.insert(check.id, format!("marked {wanted:?}, found {got:?}"));
        } else if failed == 0 || (failed == evaluated && !check.id.ends_with("-review")) {
            wrong.insert(check.id, format!("needs what is wrong and what is right: {failed} of {evaluated} fail"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_control_counts_the_objects_that_its_checks_look_at() {
    for check in checks() {
        let text = std::fs::read_to_string(fixture(check.id)).unwrap();
        let snapshot = snapshot(&text);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let assessment = assess(&inventory, &parameters(&text));
        let mut resources = Resources::new(&inventory, &[]);
        let unknown: Vec<_> = assessment.tallies.iter().flat_map(|tally| tally.unknown.iter().cloned()).collect();
        resources.add(&assessment.findings, &unknown);
        let controls: Vec<_> = rules().iter().map(|rule| (&*rule.id, vec![rule])).collect();
        let objects = judge_own("all", &controls, &resources).controls;
        for (tally, objects) in assessment.tallies.iter().zip(objects) {
            // Inputs are objects, or several in one object: the subjects of a binding, the files of a node.
            let alike = |inputs: usize, objects: usize| objects <= inputs && (objects > 0) == (inputs > 0);
            assert!(alike(tally.evaluated, objects.evaluated), "{} of {}: {tally:?} {objects:?}", objects.id, check.id);
            assert!(alike(tally.failed, objects.failed), "{} of {}: {tally:?} {objects:?}", objects.id, check.id);
            assert!(objects.unknown <= tally.unknown.len(), "{} of {}: {tally:?} {objects:?}", objects.id, check.id);
        }
    }
}

#[test]
fn the_registry_is_in_order() {
    let mut seen = BTreeSet::new();
    for (check, rule) in checks().iter().zip(rules()) {
        assert!(seen.insert(check.id), "{} is there twice", check.id);
        assert_eq!(check.id, rule.id);
        assert!(
            !check.title.ends_with('.') && (check.title.starts_with(char::is_uppercase) || check.title.starts_with("etcd ")),
            "{}: {}",
            check.id,
            check.title
        );
        for section in ["## What it detects", "## Why it matters", "## How to fix"] {
            assert!(rule.docs.contains(section), "{} lacks `{section}`", check.id);
        }
    }
    assert!(checks().is_sorted_by_key(|check| check.id));
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: shop}
spec:
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain}}
    spec:
      RUNTIME
      containers:
      - {name: a, image: registry.example.com/a:1.0}
      - {name: b, image: registry.example.com/b:1.0}
";

#[test]
fn a_plain_workload_hears_little_of_isolation() {
    let assessment = assessed(&DEPLOYMENT.replace("RUNTIME", "restartPolicy: Always"));
    let about_isolation: Vec<_> = assessment.findings.iter().filter(|finding| finding.rule.id.starts_with("ISO-")).collect();
    assert!(about_isolation.len() <= 1, "{about_isolation:#?}");
    assert!(about_isolation.iter().all(|finding| finding.severity == Severity::Info));
}

#[test]
fn what_was_not_read_is_unknown_and_not_missing() {
    let unknown = |id: &str, text: &str| {
        let at = checks().iter().position(|check| check.id == id).unwrap();
        let tally = assessed(text).tallies[at].clone();
        (tally.failed, tally.unknown.into_iter().map(|unknown| unknown.missing).collect::<Vec<_>>())
    };
    let table = [
        ("ISO-runtime-class-missing", "runtimeClassName: gvisor", "RuntimeClass `gvisor`"),
        (
            "ISO-seccomp-profile-missing",
            "securityContext: {seccompProfile: {type: Localhost, localhostProfile: operator/shop/a.json}}",
            "the file `operator/shop/a.json` below /var/lib/kubelet/seccomp of the nodes",
        ),
        (
            "ISO-apparmor-profile-missing",
            "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: a}}",
            "whether the nodes have loaded the AppArmor profile `a`",
        ),
        (
            "ISO-selinux-type-missing",
            "securityContext: {seLinuxOptions: {type: a_shop.process}}",
            "whether the policy of the nodes has the SELinux type `a_shop.process`",
        ),
        ("ISO-user-namespace-version", "hostUsers: false", "the versions of the kubelets (Node objects)"),
    ];
    for (id, line, missing) in table {
        assert_eq!(unknown(id, &DEPLOYMENT.replace("RUNTIME", line)), (0, vec![missing.to_owned()]), "{id}");
    }
}
