//! What admission counts.

use crate::{LevelVersion, Request};

/// Something that is counted: what happened, and to what kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// The operation of the request in lower case.
    pub operation: String,
    /// `pod`, `namespace` or `controller`.
    pub resource: &'static str,
    /// The subresource of the request; mostly empty.
    pub subresource: String,
}

/// What happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A policy was evaluated. Audit and warn count only what they object to.
    Evaluation {
        /// The verdict.
        allowed: bool,
        /// The policy as the namespace asks for it.
        policy: LevelVersion,
        /// The mode.
        mode: Mode,
    },
    /// It was not judged because it is exempt.
    Exemption,
    /// It could not be judged as it should be.
    Error {
        /// Whether it could not be judged at all.
        fatal: bool,
    },
}

/// The modes of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Refuse.
    Enforce,
    /// Note.
    Audit,
    /// Tell.
    Warn,
}

impl Event {
    pub(crate) fn of(request: &Request<'_>, what: What) -> Self {
        let resource = match (request.resource.group, request.resource.name) {
            ("", "pods") => "pod",
            ("", "namespaces") => "namespace",
            _ => "controller",
        };
        Self { what, operation: request.operation.to_ascii_lowercase(), resource, subresource: request.subresource.to_owned() }
    }
}

impl Mode {
    /// The name, as in labels and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Warn => "warn",
        }
    }
}
