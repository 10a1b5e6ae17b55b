//! Every cure of every fixture clears its finding.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test reads its fixtures, and fails where it cannot"
)]

use plimsoll_checks::{Parameters, assess};
use plimsoll_model::edit::patch_json;
use plimsoll_model::{Finding, Inventory, Limits, Location, ObjectChange, Origin, Remediation, Snapshot, Source, WorkloadKinds, parse};
use serde_json::Value;
use std::path::Path;

/// `# parameter: name=a,b` lines of a fixture, and what cures are made with.
fn parameters(text: &str) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.set("target-namespace", vec!["shop".to_owned()]).unwrap();
    parameters.set("registry-mirror", vec!["registry.example/mirror".to_owned()]).unwrap();
    let digest = "0123456789abcdef".repeat(4);
    let pins = ["nginx", "nginx:1.25", "nginx:latest"].map(|image| format!("{image}@sha256:{digest}"));
    parameters.set("image-digests", pins.to_vec()).unwrap();
    for line in text.lines().filter_map(|line| line.strip_prefix("# parameter: ")) {
        let (name, values) = line.split_once('=').unwrap();
        parameters.set(name, values.split(',').map(str::to_owned).collect()).unwrap();
    }
    parameters
}

fn judge(objects: &[Value], parameters: &Parameters) -> Vec<Finding> {
    // Each object is a source of its own, called by its place.
    let sources = objects.iter().enumerate().map(|(at, object)| Source::new(at.to_string(), Origin::Stdin, object.to_string()));
    let documents = sources.flat_map(|source| parse(&source, Limits::default()).0).collect();
    let snapshot = Snapshot { documents, problems: Vec::new() };
    assess(&Inventory::new(&snapshot, &WorkloadKinds::default()), parameters).findings
}

fn at(location: &Location) -> usize {
    location.source.name.parse().unwrap()
}

fn make(objects: &mut Vec<Value>, finding: &Finding, cure: &Remediation) {
    patch_json(&mut objects[at(finding.location.as_ref().unwrap())], &cure.patch).unwrap();
    for change in &cure.changes {
        match change {
            ObjectChange::Create { object } => objects.push(object.value()),
            ObjectChange::Patch { target, patch } => patch_json(&mut objects[at(&target.location)], patch).unwrap(),
            ObjectChange::Delete { target } => objects[at(&target.location)] = Value::Null,
        }
    }
}

/// How many findings of a rule there are at an object, by its place: names change where an object is moved.
fn count(findings: &[Finding], like: &Finding) -> usize {
    let place = |finding: &Finding| finding.location.as_ref().map(at);
    findings.iter().filter(|one| one.rule.id == like.rule.id && place(one) == place(like)).count()
}

#[test]
fn cures_of_fixtures_clear_what_they_are_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> =
        std::fs::read_dir(root).unwrap().flat_map(|domain| std::fs::read_dir(domain.unwrap().path()).unwrap()).collect();
    files.sort_by_key(|file| file.as_ref().unwrap().path());
    let (mut made, mut wrong) = (0, Vec::new());
    for file in files {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (documents, _) = parse(&Source::new("fixture", Origin::File, text.as_str()), Limits::default());
        let objects: Vec<Value> = documents.iter().filter_map(|document| Some(document.root()?.to_json())).collect();
        let parameters = parameters(&text);
        let before = judge(&objects, &parameters);
        // The checks that the fixture is for; all others are seen in their own.
        let name = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
        for finding in before.iter().filter(|finding| finding.rule.id.to_lowercase().ends_with(&format!("-{name}"))) {
            let Some(cure) = finding.remediation.as_ref().filter(|cure| cure.is_concrete()) else { continue };
            let mut cured = objects.clone();
            make(&mut cured, finding, cure);
            made += 1;
            let after = judge(&cured, &parameters);
            if count(&after, finding) >= count(&before, finding) {
                wrong.push(format!("{}: {} is not cured", finding.rule.id, finding.message));
            }
        }
    }
    assert!(made > 100, "{made}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
