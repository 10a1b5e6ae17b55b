//! What admission answers, in the form of `admission.k8s.io/v1`, and what it counts.

use crate::labels::FieldError;
use crate::words::go_quoted;
use crate::{LevelVersion, Request};
use serde::Serialize;
use std::collections::BTreeMap;

/// `AdmissionResponse`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The request's uid; empty until the answer is put into a review.
    pub uid: String,
    /// The verdict.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// For the audit log. The API server puts `pod-security.kubernetes.io/` or the webhook's name before the keys.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audit_annotations: BTreeMap<&'static str, String>,
    /// For whoever made the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `metav1.Status` of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    metadata: BTreeMap<&'static str, String>,
    status: &'static str,
    /// For people.
    pub message: String,
    /// For programs: `Forbidden`, `Invalid`, `BadRequest`, `InternalError`.
    pub reason: &'static str,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// HTTP status.
    pub code: u16,
}

/// `metav1.StatusDetails`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Details {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The resource of a refusal, the kind of an invalid object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What exactly is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// `metav1.StatusCause`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// For programs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For people.
    pub message: String,
    /// The field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
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

/// Something that is counted, and of which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// In lower case, as metrics show it.
    pub operation: String,
    /// `pod`, `namespace` or `controller`.
    pub resource: &'static str,
    /// Empty for the resource itself.
    pub subresource: String,
    /// What happened.
    pub counted: Counted,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A policy was evaluated. Audit and warn count only what they object to.
    Evaluation {
        /// The verdict.
        allowed: bool,
        /// The policy as the namespace asks for it.
        policy: LevelVersion,
        /// The mode.
        mode: Mode,
    },
    /// A request was not judged because it is exempt.
    Exemption,
    /// A request could not be judged as it should be.
    Error {
        /// Whether it could not be judged at all.
        fatal: bool,
    },
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

impl Event {
    pub(crate) fn of(request: &Request<'_>, counted: Counted) -> Self {
        let resource = match (request.resource.group, request.resource.name) {
            ("", "pods") => "pod",
            ("", "namespaces") => "namespace",
            _ => "controller",
        };
        Self { operation: request.operation.to_ascii_lowercase(), resource, subresource: request.subresource.to_owned(), counted }
    }
}

impl Response {
    pub(crate) fn allowed() -> Self {
        Self { allowed: true, ..Self::default() }
    }

    pub(crate) fn annotated(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.audit_annotations.insert(key, value.into());
        self
    }

    /// A request that could not be judged; `cause` is for the audit log only.
    pub(crate) fn error(status: Status, cause: Option<&str>) -> Self {
        let text = cause.map_or_else(|| status.message.clone(), |cause| format!("{}: {cause}", status.message));
        Self { status: Some(status), ..Self::default() }.annotated("error", text)
    }

    pub(crate) fn refused(status: Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

impl Status {
    fn failure(reason: &'static str, code: u16, message: String, details: Option<Details>) -> Self {
        Self { metadata: BTreeMap::new(), status: "Failure", message, reason, details, code }
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::failure("BadRequest", 400, message.to_owned(), None)
    }

    pub(crate) fn internal(message: &str) -> Self {
        let causes = vec![Cause { message: message.to_owned(), ..Cause::default() }];
        let details = Details { causes, ..Details::default() };
        Self::failure("InternalError", 500, format!("Internal error occurred: {message}"), Some(details))
    }

    pub(crate) fn forbidden(request: &Request<'_>, why: &str) -> Self {
        let (group, resource) = (request.resource.group, request.resource.name);
        let what = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let message = if request.name.is_empty() {
            format!("{what} is forbidden: {why}")
        } else {
            format!("{what} {} is forbidden: {why}", go_quoted(request.name))
        };
        let details = Details { name: request.name.to_owned(), group: group.to_owned(), kind: resource.to_owned(), causes: Vec::new() };
        Self::failure("Forbidden", 403, message, Some(details))
    }

    pub(crate) fn invalid(request: &Request<'_>, errors: &[FieldError]) -> Self {
        let (group, kind) = (request.kind.group, request.kind.name);
        let what = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let message = format!("{what} {} is invalid: {}", go_quoted(request.name), FieldError::aggregate(errors));
        let cause = |error: &FieldError| Cause {
            reason: "FieldValueInvalid".to_owned(),
            message: error.message.clone(),
            field: error.field.clone(),
        };
        let causes = errors.iter().map(cause).collect();
        let details = Details { name: request.name.to_owned(), group: group.to_owned(), kind: kind.to_owned(), causes };
        Self::failure("Invalid", 422, message, Some(details))
    }
}
