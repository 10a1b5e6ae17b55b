//! Verdicts to findings: with subject, place, evidence and the minimal patch.

use crate::check::Check;
use crate::checks::ALL;
use crate::evaluate::checks_of;
use crate::{Level, LevelVersion, Version};
use plimsoll_model::{Finding, ObjectId, Reference, Rule, Severity, Violation, Workload};
use std::sync::{Arc, LazyLock};

/// The rules of the nineteen checks, in the order of [`crate::checks`].
static RULES: LazyLock<Vec<Arc<Rule>>> = LazyLock::new(|| ALL.iter().map(|check| Arc::new(rule(check))).collect());

/// The rules that findings of this room carry, in upstream's order of checks.
pub fn rules() -> &'static [Arc<Rule>] {
    &RULES
}

/// Everything in `workload` that `policy` forbids, as findings.
pub fn findings(workload: &Workload<'_>, policy: LevelVersion) -> Vec<Finding> {
    let minor = policy.version.effective();
    let mut findings = Vec::new();
    let mut object = None;
    for check in checks_of(policy) {
        if (check.forbid)(&workload.pod, minor).is_some() {
            let id = object.get_or_insert_with(|| Arc::new(workload.object.id()));
            findings.extend((check.violations)(&workload.pod, minor).into_iter().map(|violation| finding(workload, check, violation, id)));
        }
    }
    findings
}

/// Everything that keeps `workload` from the restricted level at `version`, each place once: what baseline forbids is
/// reported by the baseline check, also where a restricted check takes its place in admission.
///
/// `enforced` is the policy that the workload's namespace enforces. What that policy forbids is at least of high
/// severity, because the API server refuses the pods; for a template nobody is told but the controller's events.
pub fn assess(workload: &Workload<'_>, version: Version, enforced: Option<LevelVersion>) -> Vec<Finding> {
    let mut all = findings(workload, Level::Restricted.at(version));
    if all.is_empty() && enforced.is_none() {
        return all;
    }
    let mut add = |more: Vec<Finding>| {
        all.retain(|finding| !more.iter().any(|other| other.subject.pointer == finding.subject.pointer));
        all.extend(more);
    };
    add(findings(workload, Level::Baseline.at(version)));
    if let Some(policy) = enforced {
        let refusals = findings(workload, policy);
        let refused: Vec<String> = refusals.iter().map(|finding| finding.subject.pointer.clone()).collect();
        // What an older version forbids and the newest allows.
        let older = refusals.into_iter().filter(|finding| !all.iter().any(|known| known.subject.pointer == finding.subject.pointer));
        let older: Vec<Finding> = older.collect();
        all.extend(older);
        for finding in all.iter_mut().filter(|finding| refused.contains(&finding.subject.pointer)) {
            finding.severity = finding.severity.max(Severity::High);
            finding
                .evidence
                .push(format!("namespace `{}` enforces {policy}: the API server refuses these pods", workload.object.namespace));
        }
    }
    all
}

fn finding(workload: &Workload<'_>, check: &'static Check, violation: Violation, object: &Arc<ObjectId>) -> Finding {
    let pod = &workload.pod;
    let known = ALL.iter().position(|one| std::ptr::eq(*one, check)).and_then(|at| RULES.get(at));
    let rule = known.map_or_else(|| Arc::new(rule(check)), Arc::clone);
    violation.into_finding(&rule, object, pod.node, &pod.pointer, Some(pod))
}

fn rule(check: &'static Check) -> Rule {
    let standard = Reference {
        system: "PSS",
        id: check.level.name(),
        url: match check.level {
            Level::Restricted => "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
            _ => "https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline",
        },
    };
    Rule {
        id: check.rule_id().into(),
        title: check.title.into(),
        severity: check.severity,
        docs: check.docs.trim().into(),
        references: std::iter::once(standard).chain(check.references.iter().cloned()).collect::<Vec<_>>().into(),
    }
}
