//! The conformance runner: suites made from what upstream projects test, through the public entry points of the engines.
//!
//! A suite is data beside the checkout, never part of it. What is expected to fail stands in `conformance.toml` with a
//! reason; a case that starts to pass has to leave that list.

mod access;
mod cel;
mod falco;
mod network;
mod policy;
mod posture;
mod psa;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Run the conformance suites.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Suites: a folder (`psa`) or a file in it (`psa/matrix`). Without any, all.
    suites: Vec<String>,
    /// Where the suites are; `$PLIMSOLL_CONFORMANCE`, then `../shared/conformance`.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Known failures.
    #[arg(long, value_name = "FILE", default_value_os_t = crate::root().join("conformance.toml"))]
    known: PathBuf,
    /// `text` or `json`.
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

/// A suite: its name, and how to run what is in the folder of suites.
struct Suite {
    name: &'static str,
    /// The file or folder that has to be there, below the root.
    data: &'static str,
    run: fn(&Path) -> anyhow::Result<Cases>,
}

const SUITES: &[Suite] = &[
    Suite { name: "access/access-reviews", data: "access/apiserver/access-reviews.jsonl", run: access::access_reviews },
    Suite { name: "access/escalation-checks", data: "access/apiserver/escalation-checks.jsonl", run: access::escalation_checks },
    Suite { name: "access/kubernetes", data: "access/kubernetes/tables.jsonl", run: access::tables },
    Suite { name: "access/node-authorizer", data: "admission/node-authorizer.jsonl", run: access::node_authorizer },
    Suite { name: "access/default-objects", data: "access/kubernetes/default-objects.jsonl", run: access::default_objects },
    Suite { name: "access/kubescape-rules", data: "access/escalation/kubescape-rules.jsonl", run: access::kubescape_rules },
    // The same rules as among those of posture: the same checks answer.
    Suite { name: "access/regolibrary", data: "access/escalation/regolibrary.jsonl", run: posture::kubescape },
    Suite { name: "access/primitives", data: "access/escalation/primitives.md", run: access::primitives },
    Suite { name: "access/rbac-police", data: "access/escalation/rbac-police.jsonl", run: access::rbac_police },
    Suite { name: "access/kubehound", data: "access/escalation/kubehound/edges.jsonl", run: access::kubehound },
    Suite { name: "access/kubesplaining", data: "access/escalation/kubesplaining/cases.jsonl", run: access::kubesplaining },
    Suite { name: "access/audit2rbac", data: "access/audit2rbac/process.jsonl", run: access::process },
    Suite { name: "access/audit2rbac-demo", data: "access/audit2rbac/demo.jsonl", run: access::demo },
    Suite { name: "access/recorded", data: "../data/audit/kube-apiserver-1.36.jsonl.gz", run: access::recorded },
    Suite { name: "access/openings", data: "../data/audit/kube-apiserver-1.36.jsonl.gz", run: access::openings },
    Suite { name: "cel/crd-rules", data: "cel/crd-rules.jsonl", run: cel::crd_rules },
    Suite { name: "cel/k8s-libraries", data: "cel/k8s-libraries.jsonl", run: cel::libraries },
    Suite { name: "falco/extract", data: "falco/extract/cases.jsonl", run: falco::extract },
    Suite { name: "falco/language", data: "falco/language/cases.jsonl", run: falco::language },
    Suite { name: "falco/legacy-alerts", data: "falco/modern/captures.jsonl", run: falco::legacy_alerts },
    Suite { name: "falco/legacy-fields", data: "falco/modern/captures.jsonl", run: falco::legacy_fields },
    Suite { name: "falco/modern-alerts", data: "falco/modern/captures.jsonl", run: falco::modern_alerts },
    Suite { name: "falco/modern-conditions", data: "falco/modern/conditions.jsonl", run: falco::modern_conditions },
    Suite { name: "falco/modern-fields", data: "falco/modern/captures.jsonl", run: falco::modern_fields },
    Suite { name: "falco/replay", data: "falco/replay/cases.jsonl", run: falco::replay_runs },
    Suite { name: "falco/k8s_audit", data: "falco/k8s_audit/cases.jsonl", run: falco::audit_runs },
    Suite { name: "falco/rules", data: "falco/rules/cases.jsonl", run: falco::rules },
    Suite { name: "falco/scap", data: "falco/scap/cases.jsonl", run: falco::scap },
    Suite { name: "falco/validate", data: "falco/validate/cases.jsonl", run: falco::validate },
    Suite { name: "network/cluster-network-policy", data: "network/cluster-network-policy.jsonl", run: network::cluster_network_policy },
    Suite { name: "network/cyclonus", data: "network/cyclonus.jsonl.gz", run: network::cyclonus },
    Suite { name: "network/kubernetes-e2e", data: "network/kubernetes-e2e.jsonl", run: network::kubernetes },
    Suite { name: "network/np-guard-explain", data: "network/np-guard/cases.jsonl", run: network::explain },
    Suite { name: "network/np-guard-diff", data: "network/np-guard/cases.jsonl", run: network::diff },
    Suite { name: "network/np-guard-list", data: "network/np-guard/cases.jsonl", run: network::list },
    Suite { name: "network/round-trip", data: "network/np-guard/manifests", run: network::round_trip },
    Suite { name: "policy/gatekeeper", data: "policy/gatekeeper/cases.jsonl", run: policy::gatekeeper },
    Suite { name: "policy/kyverno-cel", data: "policy/kyverno-cel/cases.jsonl", run: policy::kyverno_cel },
    Suite { name: "policy/regolibrary", data: "policy/regolibrary/expected.jsonl", run: policy::regolibrary },
    Suite { name: "policy/vap", data: "policy/vap/cases.jsonl", run: policy::vap },
    Suite { name: "posture/kubescape", data: "posture/kubescape/cases.jsonl", run: posture::kubescape },
    Suite { name: "posture/host", data: "posture/kubescape/host/cases.jsonl", run: posture::kubescape },
    Suite { name: "posture/cloud", data: "posture/kubescape/cloud/cases.jsonl", run: posture::kubescape },
    Suite { name: "posture/cures", data: "posture/kubescape/cases.jsonl", run: posture::cures },
    Suite { name: "posture/fix-paths", data: "posture/kubescape/cases.jsonl", run: posture::fix_paths::fix_paths },
    Suite { name: "posture/frameworks", data: "posture/kubescape/frameworks.jsonl", run: posture::frameworks },
    Suite { name: "posture/verdicts", data: "posture/verdicts.jsonl", run: posture::peers::verdicts },
    Suite { name: "posture/checkov-results", data: "posture/checkov-results.jsonl", run: posture::peers::checkov },
    Suite { name: "posture/kubesec", data: "posture/kubesec.jsonl", run: posture::peers::kubesec },
    Suite { name: "posture/polaris-mutations", data: "posture/polaris-mutations.jsonl", run: posture::peers::mutations },
    Suite { name: "psa/admission-reviews", data: "psa/admission-reviews.jsonl", run: psa::admission_reviews },
    Suite { name: "psa/checks", data: "psa/checks.jsonl", run: psa::checks },
    Suite { name: "psa/checks-unit", data: "psa/checks-unit.jsonl", run: psa::checks_unit },
    Suite { name: "psa/matrix", data: "psa/matrix.jsonl", run: psa::matrix },
];

/// What came of a suite's cases.
#[derive(Default)]
struct Cases {
    total: usize,
    failures: Vec<Failure>,
    /// Cases that are known to fail for a reason that holds for many of them.
    known: usize,
    /// What else is worth knowing of the suite, one line each.
    notes: Vec<String>,
}

#[derive(Serialize, Clone, Debug, PartialEq)]
struct Failure {
    case: String,
    wanted: String,
    got: String,
}

impl Cases {
    fn case(&mut self, name: impl FnOnce() -> String, wanted: &str, got: &str) {
        self.total += 1;
        if wanted != got {
            self.failures.push(Failure { case: name(), wanted: wanted.to_owned(), got: got.to_owned() });
        }
    }

    /// A case that came out as wanted.
    fn passed(&mut self) {
        self.total += 1;
    }

    /// Cases that fail in the same way and are argued together; the name says how many.
    fn group(&mut self, name: String, count: usize, wanted: &str, got: &str) {
        self.total += count;
        self.known += count.saturating_sub(1);
        self.failures.push(Failure { case: name, wanted: wanted.to_owned(), got: got.to_owned() });
    }

    /// A case that fails for a reason that is written down for all of its kind. It never counts as passed.
    fn known(&mut self) {
        self.total += 1;
        self.known += 1;
    }

    /// A case that could not even be read.
    fn unreadable(&mut self, name: String, why: impl std::fmt::Display) {
        self.total += 1;
        self.failures.push(Failure { case: name, wanted: "a readable case".to_owned(), got: why.to_string() });
    }
}

#[derive(Serialize, Debug, PartialEq)]
struct Outcome {
    name: String,
    passed: usize,
    total: usize,
    expected_failures: usize,
    /// Whether the data is not there: then nothing was run, and nothing passed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    absent: bool,
    failures: Vec<Failure>,
    /// What else is worth knowing, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Known failures that pass now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratchet: Vec<String>,
}

#[derive(Serialize)]
struct Outcomes {
    suites: Vec<Outcome>,
}

/// `conformance.toml`: suite to case to reason.
#[derive(Deserialize, Default)]
struct Known(BTreeMap<String, BTreeMap<String, String>>);

pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let root = args.root.clone().or_else(|| std::env::var_os("PLIMSOLL_CONFORMANCE").map(PathBuf::from));
    let root = root.unwrap_or_else(|| crate::root().join("../shared/conformance"));
    let known = Known::read(&args.known)?;
    let chosen: Vec<_> = SUITES.iter().filter(|suite| is_chosen(suite.name, &args.suites)).collect();
    if let Some(unknown) = args.suites.iter().find(|wanted| !SUITES.iter().any(|suite| is_chosen(suite.name, std::slice::from_ref(wanted))))
    {
        bail!("no suite is called `{unknown}`; there are {}", SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", "));
    }
    let outcomes = Outcomes { suites: chosen.into_iter().map(|suite| outcome(suite, &root, &known)).collect() };
    if args.output == "json" {
        println!("{}", serde_json::to_string(&outcomes)?);
    } else {
        print(&outcomes);
    }
    Ok(outcomes.suites.iter().all(Outcome::is_good))
}

fn is_chosen(name: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| name == wanted || name.split('/').next() == Some(wanted.as_str()))
}

fn outcome(suite: &Suite, root: &Path, known: &Known) -> Outcome {
    let absent = Outcome {
        name: suite.name.to_owned(),
        passed: 0,
        total: 0,
        expected_failures: 0,
        absent: true,
        failures: Vec::new(),
        notes: Vec::new(),
        ratchet: Vec::new(),
    };
    let path = root.join(suite.data);
    if !path.exists() {
        return absent;
    }
    let mut cases = match (suite.run)(&path) {
        Ok(cases) => cases,
        Err(error) => {
            let mut cases = Cases::default();
            cases.unreadable(suite.name.to_owned(), format!("{error:#}"));
            cases
        }
    };
    let expected = known.0.get(suite.name);
    let is_known = |failure: &Failure| expected.is_some_and(|known| known.contains_key(&failure.case));
    let failed: Vec<String> = cases.failures.iter().map(|failure| failure.case.clone()).collect();
    let ratchet = expected.into_iter().flat_map(BTreeMap::keys).filter(|case| !failed.contains(case)).cloned().collect();
    let passed = cases.total - cases.failures.len() - cases.known;
    let expected_failures = cases.known + cases.failures.iter().filter(|failure| is_known(failure)).count();
    cases.failures.retain(|failure| !is_known(failure));
    Outcome {
        passed,
        total: cases.total,
        expected_failures,
        absent: false,
        failures: cases.failures,
        notes: cases.notes,
        ratchet,
        ..absent
    }
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.failures.is_empty() && self.ratchet.is_empty()
    }
}

impl Known {
    fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let known: Self = toml::from_str(&text).with_context(|| format!("{} is not what it should be", path.display()))?;
        for (suite, cases) in &known.0 {
            if let Some((case, _)) = cases.iter().find(|(_, reason)| reason.trim().is_empty()) {
                bail!("{}: `{suite}` / `{case}` has no reason", path.display());
            }
        }
        Ok(known)
    }
}

fn print(outcomes: &Outcomes) {
    for suite in &outcomes.suites {
        if suite.absent {
            println!("{} absent", suite.name);
            continue;
        }
        let expected =
            if suite.expected_failures > 0 { format!(" ({} expected failures)", suite.expected_failures) } else { String::new() };
        println!("{} {}/{}{expected}", suite.name, suite.passed, suite.total);
        for note in &suite.notes {
            println!("  {note}");
        }
        for failure in &suite.failures {
            println!("  FAILED {}\n    wanted {}\n    got    {}", failure.case, failure.wanted, failure.got);
        }
        for case in &suite.ratchet {
            println!("  passes now, remove it from conformance.toml: {case}");
        }
    }
}

/// The lines of a file of JSON values.
fn json_lines(path: &Path) -> anyhow::Result<Vec<Result<serde_json::Value, serde_json::Error>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(run: fn(&Path) -> anyhow::Result<Cases>) -> Suite {
        Suite { name: "made/up", data: ".", run }
    }

    fn one_of_two(_: &Path) -> anyhow::Result<Cases> {
        let mut cases = Cases::default();
        cases.case(|| "good".to_owned(), "a", "a");
        cases.case(|| "bad".to_owned(), "a", "b");
        Ok(cases)
    }

    fn known(case: &str) -> Known {
        Known(BTreeMap::from([("made/up".to_owned(), BTreeMap::from([(case.to_owned(), "because".to_owned())]))]))
    }

    #[test]
    fn a_failure_is_listed_and_fails() {
        let outcome = outcome(&suite(one_of_two), Path::new("."), &Known::default());
        assert_eq!((outcome.passed, outcome.total, outcome.is_good()), (1, 2, false));
        assert_eq!(outcome.failures[0].case, "bad");
    }

    #[test]
    fn a_known_failure_is_counted_and_passes() {
        let outcome = outcome(&suite(one_of_two), Path::new("."), &known("bad"));
        assert_eq!((outcome.passed, outcome.total, outcome.expected_failures, outcome.is_good()), (1, 2, 1, true));
    }

    #[test]
    fn a_known_failure_that_passes_has_to_go() {
        let outcome = outcome(&suite(one_of_two), Path::new("."), &known("good"));
        assert_eq!((outcome.ratchet.as_slice(), outcome.is_good()), (&["good".to_owned()][..], false));
    }

    #[test]
    fn absent_data_is_not_passed() {
        let suite = Suite { name: "made/up", data: "no/such/file", run: one_of_two };
        let outcome = outcome(&suite, Path::new("."), &Known::default());
        assert_eq!((outcome.passed, outcome.total, outcome.absent), (0, 0, true));
    }

    #[test]
    fn an_unreadable_suite_fails() {
        let outcome = outcome(&suite(|_| bail!("broken")), Path::new("."), &Known::default());
        assert_eq!((outcome.passed, outcome.total, outcome.is_good()), (0, 1, false));
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(json["failures"][0], serde_json::json!({"case": "made/up", "wanted": "a readable case", "got": "broken"}));
    }

    #[test]
    fn suites_are_chosen_by_folder_or_file() {
        let chosen = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|wanted| (*wanted).to_owned()).collect();
            SUITES.iter().filter(|suite| is_chosen(suite.name, &wanted)).count()
        };
        assert_eq!((chosen(&[]), chosen(&["psa"]), chosen(&["psa/matrix"]), chosen(&["psa/matri"])), (SUITES.len(), 4, 1, 0));
    }
}
