//! What a check is, and what it says.

use crate::Level;
use plimsoll_model::{Pod, Reference, Severity, Violation};

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
