//! Verdicts to findings: with subject, place, evidence and the minimal patch.

use crate::check::{Change, Check, Violation};
use crate::checks::ALL;
use crate::evaluate::checks_of;
use crate::{Level, LevelVersion, Version};
use plimsoll_model::{Finding, Location, Node, ObjectId, PatchOp, Reference, Remediation, Rule, Severity, Subject, Workload, tokens};
use serde_json::{Value, json};
use std::borrow::Cow;
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
    let container = violation.container.and_then(|index| pod.containers.get(index));
    let known = ALL.iter().position(|one| std::ptr::eq(*one, check)).and_then(|at| RULES.get(at));
    Finding {
        rule: known.map_or_else(|| Arc::new(rule(check)), Arc::clone),
        severity: violation.severity.unwrap_or(check.severity),
        subject: Subject {
            object: Arc::clone(object),
            container: container.map(|container| container.name.to_owned()),
            image: container.map(|container| container.image.to_owned()).filter(|image| !image.is_empty()),
            pointer: format!("{}{}", pod.pointer, violation.pointer),
        },
        location: pod.node.map(|node| place(node, &violation.pointer)),
        evidence: Vec::new(),
        remediation: pod.node.map(|node| Remediation {
            summary: Cow::Borrowed(violation.cure),
            patch: patch(node, &pod.pointer, &violation.changes),
            applicability: violation.applicability,
        }),
        message: violation.message,
        exception: None,
    }
}

/// The bytes of the value at `pointer` with its key; of a value that is missing, the key of the nearest parent, which
/// for a container is its name.
fn place(pod: Node<'_>, pointer: &str) -> Location {
    let (nearest, reached) = pod.nearest(pointer);
    let holder = |pointer: &str| {
        pointer.rsplit_once('/').map_or((String::new(), String::new()), |(holder, key)| (holder.to_owned(), key.to_owned()))
    };
    let mut location = nearest.location();
    if reached {
        let (parent, key) = holder(pointer);
        let entry = pod.resolve(&parent).and_then(|parent| parent.entry(&key));
        if let Some((key, _)) = entry.filter(|(_, value)| !value.is_map() && !value.is_list() && !value.is_alias()) {
            location.span.start = key.span().start;
        } else if let Some((key, _)) = entry {
            location.span = key.span();
        }
        return location;
    }
    if let Some((key, name)) = nearest.entry("name").filter(|(_, name)| !name.is_map()) {
        location.span = key.span();
        location.span.end = name.span().end.max(location.span.end);
        return location;
    }
    // The nearest parent is a map with content: its key is enough to show.
    let path = nearest.pointer();
    let base = pod.pointer();
    let (parent, key) = holder(path.strip_prefix(base.as_str()).unwrap_or(""));
    if let Some((key, _)) = pod.resolve(&parent).and_then(|parent| parent.entry(&key)) {
        location.span = key.span();
    }
    location
}

/// `changes` as a JSON Patch of the object: parents that are missing are part of the value that is added.
fn patch(pod: Node<'_>, base: &str, changes: &[Change]) -> Vec<PatchOp> {
    changes.iter().filter_map(|change| operation(pod, base, change)).collect()
}

fn operation(pod: Node<'_>, base: &str, change: &Change) -> Option<PatchOp> {
    let at = |pointer: &str| format!("{base}{pointer}");
    let Some(value) = &change.value else {
        return pod.resolve(&change.pointer).map(|_| PatchOp::remove(at(&change.pointer)));
    };
    if change.pointer.ends_with("/-") {
        return Some(PatchOp::add(at(&change.pointer), value.clone()));
    }
    let mut pointer = String::new();
    let mut rest = tokens(&change.pointer).collect::<Vec<_>>().into_iter();
    let mut node = pod;
    for token in rest.by_ref() {
        pointer.push('/');
        pointer.push_str(&plimsoll_model::escape(&token));
        match pod.resolve(&pointer) {
            // A `securityContext:` without a value is replaced as a whole.
            Some(child) if !child.is_null() => node = child,
            found => {
                let value = rest.rev().fold(value.clone(), |value, key| json!({ key: value }));
                let path = at(&pointer);
                return Some(if found.is_some() { PatchOp::replace(path, value) } else { PatchOp::add(path, value) });
            }
        }
    }
    (node.to_json() != *value).then(|| PatchOp::replace(at(&pointer), Value::clone(value)))
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
