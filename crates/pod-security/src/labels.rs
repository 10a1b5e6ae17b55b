//! Namespace labels to policies.
//!
//! Source of the rules: kubernetes/pod-security-admission `api/helpers.go` (`PolicyToEvaluate`), `api/constants.go`.

use crate::words::go_quoted;
use crate::{Level, LevelVersion, Version};
use plimsoll_model::{Node, Object};
use std::fmt;

/// What a namespace asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Pods that violate it are refused.
    pub enforce: LevelVersion,
    /// Violations are noted in the audit log.
    pub audit: LevelVersion,
    /// Violations are told to whoever makes the request.
    pub warn: LevelVersion,
}

/// A value that the API does not accept, in the words of its field errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// `metadata.labels[pod-security.kubernetes.io/enforce]`.
    pub field: String,
    /// `Invalid value: "x": must be …`.
    pub message: String,
}

/// The prefix of the labels and of audit annotations.
pub(crate) const PREFIX: &str = "pod-security.kubernetes.io/";

impl Policy {
    /// The policy of a namespace: its labels over `defaults`, and what is wrong with them.
    ///
    /// A wrong level fails safe for enforce (restricted) and open for audit and warn (privileged); a wrong version is
    /// `latest`. Without a warn label, warn follows a stricter enforce.
    pub fn of_namespace(namespace: &Object<'_>, defaults: &Self) -> (Self, Vec<FieldError>) {
        Self::from_labels(|name| namespace.label(&format!("{PREFIX}{name}")), defaults)
    }

    /// The policy that the labels of `metadata.labels` ask for; see [`Policy::of_namespace`].
    pub(crate) fn of_labels(labels: Option<Node<'_>>, defaults: &Self) -> (Self, Vec<FieldError>) {
        Self::from_labels(|name| labels?.get(&format!("{PREFIX}{name}")).map(Node::text), defaults)
    }

    fn from_labels<'a>(label: impl Fn(&str) -> Option<&'a str>, defaults: &Self) -> (Self, Vec<FieldError>) {
        let mut policy = *defaults;
        let mut errors = Vec::new();
        let modes = [
            ("enforce", &mut policy.enforce, Level::Restricted),
            ("audit", &mut policy.audit, Level::Privileged),
            ("warn", &mut policy.warn, Level::Privileged),
        ];
        for (mode, target, fallback) in modes {
            if let Some(text) = label(mode) {
                target.level = text.parse().unwrap_or_else(|rule: String| {
                    errors.push(FieldError::label(mode, text, &rule));
                    fallback
                });
            }
            let mode = format!("{mode}-version");
            if let Some(text) = label(&mode) {
                target.version = text.parse().unwrap_or_else(|rule: String| {
                    errors.push(FieldError::label(&mode, text, &rule));
                    Version::Latest
                });
            }
        }
        let explicit = label("enforce").is_some_and(|text| text.parse::<Level>().is_ok());
        if label("warn").is_none() && explicit && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            if label("warn-version").is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, errors)
    }

    /// Whether nothing is forbidden, noted or told.
    pub fn is_fully_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|one| one.level == Level::Privileged)
    }

    /// Whether two policies judge alike: at the privileged level versions do not matter.
    pub(crate) fn is_equivalent(&self, other: &Self) -> bool {
        let alike = |a: LevelVersion, b: LevelVersion| a == b || (a.level == Level::Privileged && b.level == Level::Privileged);
        alike(self.enforce, other.enforce) && alike(self.audit, other.audit) && alike(self.warn, other.warn)
    }
}

impl Default for Policy {
    fn default() -> Self {
        let privileged = Level::Privileged.at(Version::Latest);
        Self { enforce: privileged, audit: privileged, warn: privileged }
    }
}

impl FieldError {
    fn label(name: &str, value: &str, rule: &str) -> Self {
        Self::invalid(format!("metadata.labels[{PREFIX}{name}]"), value, rule)
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &str, rule: &str) -> Self {
        Self { field: field.into(), message: format!("Invalid value: {}: {rule}", go_quoted(value)) }
    }

    /// Several errors as upstream puts them into one line: alone as it is, else in brackets, each once.
    pub fn aggregate(errors: &[Self]) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in errors.iter().map(Self::to_string) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        match lines.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
