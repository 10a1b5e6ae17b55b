//! What polaris, checkov, trivy-checks and kubesec say of whole manifests.

use super::{curable, judge};
use crate::conformance::{Cases, json_lines};
use crate::peers::{Answer, Peers, is_answer};
use anyhow::Context;
use plimsoll_checks::Parameters;
use plimsoll_model::{Document, Finding, Limits, Origin, Snapshot, Source, parse};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Parameters that a check of a user's own asks for: check, parameter, values.
type Chosen = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Verdicts on single checks.
pub(crate) fn verdicts(file: &Path) -> anyhow::Result<Cases> {
    #[derive(Deserialize)]
    struct Verdict {
        name: String,
        tool: String,
        check: String,
        verdict: String,
        manifest: String,
    }
    let peers = Peers::read()?;
    let chosen: Chosen = toml::from_str(include_str!("verdicts.toml")).context("posture/verdicts.toml")?;
    let mut cases = Cases::default();
    let mut seen: BTreeMap<String, [Vec<String>; 2]> = BTreeMap::new();
    for case in json_lines(file)? {
        let case: Verdict = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let name = || format!("{} ({})", case.name, case.check);
        let answer = peers.answer(&case.tool, &case.check);
        let [answered, without] = seen.entry(case.tool.clone()).or_default();
        let list = if let Some(Answer::Checks(_)) = answer { answered } else { without };
        if !list.contains(&case.check) {
            list.push(case.check.clone());
        }
        let Some(answer) = answer else {
            cases.unreadable(name(), "peers.toml does not know the check");
            continue;
        };
        let Answer::Checks(answers) = answer else {
            cases.known();
            continue;
        };
        let mut parameters = Parameters::default();
        for (parameter, values) in chosen.get(&case.check).into_iter().flatten() {
            parameters.set(parameter, values.clone()).with_context(|| format!("parameters of {}", case.check))?;
        }
        let findings = judge(&snapshot(&case.manifest), &parameters);
        cases.case(name, &case.verdict, if fails(&findings, answers) { "fail" } else { "pass" });
    }
    for (tool, [answered, without]) in seen {
        cases.notes.push(format!("{tool}: {} of {} checks have an answer", answered.len(), answered.len() + without.len()));
    }
    Ok(cases)
}

/// What checkov says of each check on its own examples. Differences are argued by check and direction.
pub(crate) fn checkov(file: &Path) -> anyhow::Result<Cases> {
    #[derive(Deserialize)]
    struct Manifest {
        name: String,
        manifest: String,
        passed: Vec<String>,
        failed: Vec<String>,
    }
    let peers = Peers::read()?;
    let mut statements = Statements::new(&peers, "checkov");
    for case in json_lines(file)? {
        let case: Manifest = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                statements.cases.unreadable("a manifest".to_owned(), error);
                continue;
            }
        };
        let findings = judge(&snapshot(&case.manifest), &Parameters::default());
        for check in &case.failed {
            statements.compare(&case.name, check, true, &findings);
        }
        for check in &case.passed {
            statements.compare(&case.name, check, false, &findings);
        }
    }
    Ok(statements.finish())
}

/// What kubesec says of each object: rules that are critical or advised find something, those that pass do not.
pub(crate) fn kubesec(file: &Path) -> anyhow::Result<Cases> {
    #[derive(Deserialize)]
    struct Manifest {
        name: String,
        manifest: String,
        results: Vec<Outcome>,
    }
    #[derive(Deserialize)]
    struct Outcome {
        object: String,
        valid: bool,
        critical: Vec<String>,
        passed: Vec<String>,
        advise: Vec<String>,
    }
    let peers = Peers::read()?;
    let mut statements = Statements::new(&peers, "kubesec");
    for case in json_lines(file)? {
        let case: Manifest = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                statements.cases.unreadable("a manifest".to_owned(), error);
                continue;
            }
        };
        let findings = judge(&snapshot(&case.manifest), &Parameters::default());
        for result in case.results.iter().filter(|result| result.valid) {
            // `Kind/name.namespace`, with words of its own for what an object does not say.
            let is_about = |finding: &&Finding| {
                let object = &finding.subject.object;
                let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
                let (name, namespace) = (or(&object.name, "undefined"), or(&object.namespace, "default"));
                format!("{}/{name}.{namespace}", object.kind) == result.object
            };
            let findings: Vec<Finding> = findings.iter().filter(is_about).cloned().collect();
            let name = format!("{} {}", case.name, result.object);
            for rule in result.critical.iter().chain(&result.advise) {
                statements.compare(&name, rule, true, &findings);
            }
            for rule in &result.passed {
                statements.compare(&name, rule, false, &findings);
            }
        }
    }
    Ok(statements.finish())
}

/// Manifests that polaris mends: our cures have to clear what it objects to, and its own have to be good enough here.
pub(crate) fn mutations(file: &Path) -> anyhow::Result<Cases> {
    #[derive(Deserialize)]
    struct Mutation {
        name: String,
        check: String,
        input: String,
        expected: String,
    }
    let peers = Peers::read()?;
    let mut cases = Cases::default();
    for (at, case) in json_lines(file)?.into_iter().enumerate() {
        let case: Mutation = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {at}"), error);
                continue;
            }
        };
        let name = || format!("{} ({}, {})", case.name, case.check, at + 1);
        let Some(Answer::Checks(answers)) = peers.answer("polaris", &case.check) else {
            cases.unreadable(name(), "no check answers");
            continue;
        };
        let objects = parse(&Source::new("case", Origin::Stdin, case.input.as_str()), Limits::default()).0;
        let objects: Vec<Value> = objects.iter().filter_map(Document::root).map(|root| root.to_json()).collect();
        let got = match curable(&objects, &Parameters::default(), |finding| answers.iter().any(|one| is_answer(one, finding))) {
            Err(why) => why,
            Ok(()) if fails(&judge(&snapshot(&case.expected), &Parameters::default()), answers) => {
                "cured, but what polaris made of it is not good enough".to_owned()
            }
            Ok(()) => "cured".to_owned(),
        };
        cases.case(name, "cured", &got);
    }
    Ok(cases)
}

/// What a peer says of many checks, compared check by check.
struct Statements<'p> {
    peers: &'p Peers,
    peer: &'static str,
    cases: Cases,
    /// Check and whether it fails there, with the cases in which it is the other way here.
    different: BTreeMap<(String, bool), Vec<String>>,
}

impl<'p> Statements<'p> {
    fn new(peers: &'p Peers, peer: &'static str) -> Self {
        Self { peers, peer, cases: Cases::default(), different: BTreeMap::new() }
    }

    fn compare(&mut self, case: &str, check: &str, wanted: bool, findings: &[Finding]) {
        match self.peers.answer(self.peer, check) {
            None => self.cases.unreadable(format!("{case} ({check})"), "peers.toml does not know the check"),
            Some(Answer::None(_)) => self.cases.known(),
            Some(Answer::Checks(answers)) if fails(findings, answers) == wanted => self.cases.passed(),
            Some(Answer::Checks(_)) => self.different.entry((check.to_owned(), wanted)).or_default().push(case.to_owned()),
        }
    }

    fn finish(mut self) -> Cases {
        for ((check, wanted), names) in self.different {
            let (there, here) = if wanted { ("fail", "pass") } else { ("pass", "fail") };
            let name = format!("{check}: {} {there} there and {here} here", names.len());
            self.cases.group(name, names.len(), there, &format!("{here}: {}", names.join(", ")));
        }
        self.cases.notes.push(self.peers.coverage(self.peer));
        self.cases
    }
}

fn fails(findings: &[Finding], answers: &[String]) -> bool {
    findings.iter().any(|finding| answers.iter().any(|answer| is_answer(answer, finding)))
}

fn snapshot(manifest: &str) -> Snapshot {
    Snapshot { documents: parse(&Source::new("case", Origin::Stdin, manifest), Limits::default()).0, problems: Vec::new() }
}
