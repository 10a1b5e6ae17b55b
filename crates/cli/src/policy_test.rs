//! Tests of policies in the formats of their own projects: gator's suites, `kyverno-test.yaml`.

use crate::input;
use anyhow::{Context, bail};
use plimsoll_policy::{Policies, Request, Verdict, World, admitted};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;

/// What came of one expectation.
pub(crate) struct Result {
    /// Suite, test and case.
    pub(crate) name: String,
    /// What was wanted and what came instead; nothing if it holds.
    pub(crate) complaint: Option<String>,
}

/// `kind: Suite` of test.gatekeeper.sh.
#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    tests: Vec<SuiteTest>,
}

#[derive(Deserialize)]
struct SuiteTest {
    name: String,
    template: String,
    constraint: String,
    #[serde(default)]
    cases: Vec<SuiteCase>,
    #[serde(default)]
    skip: bool,
}

#[derive(Deserialize)]
struct SuiteCase {
    name: String,
    object: String,
    #[serde(default)]
    inventory: Vec<String>,
    #[serde(default)]
    assertions: Vec<Assertion>,
    #[serde(default)]
    skip: bool,
}

#[derive(Deserialize)]
struct Assertion {
    violations: Option<Json>,
    message: Option<String>,
}

/// `kind: Test` of cli.kyverno.io.
#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    results: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    policy: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource: String,
    result: String,
}

/// Runs every suite in `paths`. What a suite names and is not there is an error.
pub(crate) fn run(paths: &[String]) -> anyhow::Result<Vec<Result>> {
    let (_, snapshot) = input::all_policies(paths);
    let mut results = Vec::new();
    for document in &snapshot.documents {
        let Some(root) = document.root() else { continue };
        let word = |key: &str| root.get(key).map_or("", |node| node.text());
        let file = Path::new(&document.source.name);
        let base = file.parent().unwrap_or(Path::new("."));
        let group = word("apiVersion").split('/').next().unwrap_or("");
        let read = || format!("cannot read the tests in {}", file.display());
        match (group, word("kind")) {
            ("test.gatekeeper.sh", "Suite") => {
                let suite: Suite = serde_json::from_value(root.to_json()).with_context(read)?;
                gator(&suite, file, base, &mut results)?;
            }
            ("cli.kyverno.io", "Test") => {
                let test: Test = serde_json::from_value(root.to_json()).with_context(read)?;
                kyverno(&test, file, base, &mut results)?;
            }
            _ => {}
        }
    }
    Ok(results)
}

/// The policies and objects in files beside a suite.
fn read(base: &Path, files: &[&String]) -> anyhow::Result<(Policies, Vec<Json>)> {
    let paths: Vec<String> = files.iter().map(|file| base.join(file).display().to_string()).collect();
    if let Some(missing) = paths.iter().find(|path| !Path::new(path).exists()) {
        bail!("{missing}: no such file or directory");
    }
    let (policies, snapshot) = input::policies(&paths);
    if let Some(problem) = snapshot.problems.iter().find(|problem| problem.kind.is_error()) {
        bail!("{}: {}", problem.place(), problem.message);
    }
    let objects = snapshot.documents.iter().flat_map(|document| document.objects().0);
    Ok((policies, objects.map(|object| admitted(object.node.to_json())).collect()))
}

fn gator(suite: &Suite, file: &Path, base: &Path, results: &mut Vec<Result>) -> anyhow::Result<()> {
    for test in suite.tests.iter().filter(|test| !test.skip) {
        let (policies, _) = read(base, &[&test.template, &test.constraint])?;
        for case in test.cases.iter().filter(|case| !case.skip) {
            let (_, objects) = read(base, &[&case.object])?;
            let inventory = if case.inventory.is_empty() { Vec::new() } else { read(base, &case.inventory.iter().collect::<Vec<_>>())?.1 };
            let object = objects.first().with_context(|| format!("{} holds no object", case.object))?;
            let is_review = object.get("kind").is_some_and(|kind| kind == "AdmissionReview");
            let request =
                if is_review { Request::of_review(object).context("the review carries no request")? } else { Request::create(object) };
            let world = World::new(inventory.iter().collect());
            let mut messages = Vec::new();
            let mut complaint = None;
            for (_, verdict) in policies.judge(&request, &world) {
                match verdict {
                    Verdict::Failed(breaches) => messages.extend(breaches.into_iter().map(|breach| breach.message)),
                    Verdict::Unknown(why) => complaint = Some(why),
                    Verdict::NotMatched | Verdict::Skipped | Verdict::Passed => {}
                }
            }
            for assertion in &case.assertions {
                complaint = complaint.or(assertion.complaint(&messages)?);
            }
            results.push(Result { name: format!("{}: {}/{}", file.display(), test.name, case.name), complaint });
        }
    }
    Ok(())
}

impl Assertion {
    /// What it has against the messages of the violations.
    fn complaint(&self, messages: &[String]) -> anyhow::Result<Option<String>> {
        let pattern = self.message.as_deref().unwrap_or("");
        let regex = Regex::new(pattern).with_context(|| format!("`{pattern}` is no regular expression"))?;
        let count = messages.iter().filter(|message| regex.is_match(message)).count();
        let (holds, wanted) = match &self.violations {
            // `no` without quotes is a boolean of YAML 1.1.
            Some(Json::Bool(false)) => (count == 0, "no violation".to_owned()),
            Some(Json::String(word)) if word == "no" => (count == 0, "no violation".to_owned()),
            Some(Json::Number(number)) => (number.as_u64() == u64::try_from(count).ok(), format!("{number} violations")),
            _ => (count > 0, "a violation".to_owned()),
        };
        let like = if pattern.is_empty() { String::new() } else { format!(" like `{pattern}`") };
        Ok((!holds)
            .then(|| format!("wanted {wanted}{like}, got {}", if messages.is_empty() { "none".to_owned() } else { messages.join("; ") })))
    }
}

fn kyverno(test: &Test, file: &Path, base: &Path, results: &mut Vec<Result>) -> anyhow::Result<()> {
    let (policies, _) = read(base, &test.policies.iter().collect::<Vec<_>>())?;
    let (_, objects) = read(base, &test.resources.iter().collect::<Vec<_>>())?;
    let namespaces: Vec<&Json> = objects.iter().filter(|object| object.get("kind").is_some_and(|kind| kind == "Namespace")).collect();
    let world = World::new(objects.iter().collect()).at(Some(jiff::Timestamp::now()));
    let text = |object: &Json, pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or("").to_owned();
    for expected in &test.results {
        // `namespace/policy` and `namespace/name` name what is in a namespace.
        let policy = expected.policy.rsplit('/').next().unwrap_or("");
        let rule = ["autogen-cronjob-", "autogen-"].iter().find_map(|prefix| expected.rule.strip_prefix(prefix)).unwrap_or(&expected.rule);
        for wanted in expected.resources.iter().chain(Some(&expected.resource).filter(|name| !name.is_empty())) {
            let name = format!("{}: {policy}/{rule} on {} {wanted}", file.display(), expected.kind);
            let (home, own) = wanted.rsplit_once('/').unwrap_or(("", wanted));
            let is_it = |object: &&Json| {
                (expected.kind.is_empty() || text(object, "/kind") == expected.kind)
                    && text(object, "/metadata/name") == own
                    && (home.is_empty() || text(object, "/metadata/namespace") == home)
            };
            let Some(object) = objects.iter().find(is_it) else {
                results.push(Result { name, complaint: Some("there is no such resource".to_owned()) });
                continue;
            };
            let request = Request::create(object);
            let made = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": request.namespace}});
            let namespace = namespaces.iter().find(|namespace| text(namespace, "/metadata/name") == request.namespace);
            let request = request.in_namespace(Some(namespace.copied().unwrap_or(&made)));
            let verdicts = policies.judge(&request, &world);
            let verdict = verdicts.iter().find(|(one, _)| one.name == policy && (one.part.is_empty() || one.part == rule));
            let got = match verdict.map(|(_, verdict)| verdict) {
                Some(Verdict::Failed(_)) => "fail",
                Some(Verdict::Passed) => "pass",
                Some(Verdict::Skipped | Verdict::NotMatched) => "skip",
                Some(Verdict::Unknown(why)) => why,
                None => "no such policy or rule",
            };
            results.push(Result { name, complaint: (got != expected.result).then(|| format!("wanted {}, got {got}", expected.result)) });
        }
    }
    Ok(())
}
