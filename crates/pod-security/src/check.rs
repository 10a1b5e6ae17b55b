//! What a check is, and what it says.

use crate::Level;
use plimsoll_model::{Applicability, Pod, Reference, Severity};
use serde_json::Value;
use std::borrow::Cow;

/// One check of the Pod Security Standards.
///
/// Sources: kubernetes/pod-security-admission `policy/check_*.go` (July 2026, rules up to v1.37) and the page
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
#[derive(Debug)]
pub struct Check {
    /// Upstream's id; ours is `PSS-` and this.
    pub id: &'static str,
    /// The level that asks for it. Restricted also asks for everything that baseline asks for.
    pub level: Level,
    /// The versions in which its rules changed, the oldest first; before the first it does not exist.
    pub versions: &'static [Versioned],
    /// A few words.
    pub title: &'static str,
    /// How bad a violation is.
    pub severity: Severity,
    /// The page: Markdown.
    pub docs: &'static str,
    /// Where else the field asks for it.
    pub references: &'static [Reference],
    /// Upstream's verdict under the rules of a minor version; `None` allows the pod.
    pub(crate) forbid: fn(&Pod<'_>, u32) -> Option<Forbidden>,
    /// The same verdict as places in the pod; empty exactly where `forbid` allows the pod.
    pub(crate) violations: fn(&Pod<'_>, u32) -> Vec<Violation>,
}

/// The version from which a form of a check holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versioned {
    /// The minor version.
    pub min: u32,
    /// Ids of baseline checks that this one takes the place of.
    pub overrides: &'static [&'static str],
}

/// What one check forbids in a pod, in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Upstream's `ForbiddenReason`, byte for byte.
    pub reason: String,
    /// Upstream's `ForbiddenDetail`, byte for byte; may be empty.
    pub detail: String,
}

/// One place in a pod that a check forbids, and what cures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The index of the container in [`Pod::containers`]; `None` for the pod itself.
    pub container: Option<usize>,
    /// JSON pointer from the pod (what holds `metadata` and `spec`) to the value that is wrong or missing.
    pub pointer: String,
    /// What is wrong, with its container named.
    pub message: String,
    /// The severity here, where it differs from the check's.
    pub severity: Option<Severity>,
    /// What to do.
    pub cure: &'static str,
    /// The smallest set of changes that cures it.
    pub changes: Vec<Change>,
    /// Whether the manifest alone shows that the changes are harmless.
    pub applicability: Applicability,
}

/// A value to set or to remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// JSON pointer from the pod; missing parents are to be made, `/-` appends to a list that exists.
    pub pointer: String,
    /// The value, or `None` to remove what is there.
    pub value: Option<Value>,
}

impl Check {
    /// The form of the check under the rules of `v1.minor`; `None` where it does not exist yet.
    pub fn at(&self, minor: u32) -> Option<&'static Versioned> {
        self.versions.iter().rev().find(|version| version.min <= minor)
    }

    /// Upstream's verdict on `pod` under the rules of `v1.minor`.
    pub fn forbid(&self, pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
        self.at(minor).and_then(|_| (self.forbid)(pod, minor))
    }

    /// The places that the check forbids in `pod` under the rules of `v1.minor`.
    pub fn violations(&self, pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
        if self.at(minor).is_some() { (self.violations)(pod, minor) } else { Vec::new() }
    }

    /// The id that findings carry and exceptions name.
    pub fn rule_id(&self) -> String {
        format!("PSS-{}", self.id)
    }
}

impl Forbidden {
    pub(crate) fn new(reason: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason: reason.into(), detail: detail.into() }
    }
}

impl Violation {
    /// A violation of the pod itself; `message` has no subject in it that `pod` would not give.
    pub(crate) fn of_pod(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            container: None,
            pointer: pointer.into(),
            message: message.into(),
            severity: None,
            cure: "",
            changes: Vec::new(),
            applicability: Applicability::Safe,
        }
    }

    /// A violation of container `index`; `pointer` is below the container.
    pub(crate) fn of_container(pod: &Pod<'_>, index: usize, pointer: &str, message: impl FnOnce(&str) -> String) -> Self {
        let (place, name) = pod.containers.get(index).map_or_else(Default::default, |one| (one.pointer(), one.name));
        Self { container: Some(index), ..Self::of_pod(format!("/spec{place}{pointer}"), message(&format!("container `{name}`"))) }
    }

    /// What cures it: `what` to do, the value that the violation's own pointer gets (`None` removes it).
    pub(crate) fn cured_by(self, what: &'static str, value: Option<Value>) -> Self {
        let pointer = self.pointer.clone();
        self.cured_at(what, pointer, value)
    }

    /// What cures it by a change at another place.
    pub(crate) fn cured_at(mut self, what: &'static str, pointer: impl Into<String>, value: Option<Value>) -> Self {
        self.cure = what;
        self.changes.push(Change { pointer: pointer.into(), value });
        self
    }

    /// What has to be known before the change is made.
    pub(crate) fn needs(mut self, evidence: impl Into<Cow<'static, str>>) -> Self {
        self.applicability = Applicability::NeedsEvidence(evidence.into());
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}
