//! The parts that answers are made of: names, places, and what grants what. Plain data, for outputs.

use crate::Grant;
use plimsoll_model::rbac::{ANONYMOUS, AUTHENTICATED, Binding, Identity, MASTERS, NODES, Rbac, Rule, SERVICE_ACCOUNTS, UNAUTHENTICATED};
use plimsoll_model::{Node, Object};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// The version of the JSON outputs of `plimsoll access`: grows when something that a program may rely on changes or goes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// A place in what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// The file, or what the user would call the source.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// A role or binding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether it was not read, but is one that every API server makes.
    pub default: bool,
}

/// Somebody whom a binding can name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// `ServiceAccount`, `User` or `Group`.
    pub kind: String,
    /// The namespace of a service account; else empty.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Who that is in words, where the name stands for many or for anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
}

/// A rule and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stated {
    /// The rule in words.
    pub text: String,
    /// The role that it stands in, which may be another than the one that is bound: one that is aggregated.
    pub role: Named,
    /// Its place in that role's `rules`.
    pub index: usize,
    /// Where it stands.
    pub place: Place,
}

/// How somebody comes to hold something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct By {
    /// Whom the binding names.
    pub subject: Who,
    /// The binding.
    pub binding: Named,
    /// The role that it binds, which many share.
    pub role: Arc<Named>,
    /// The rule.
    pub rule: Arc<Stated>,
}

/// A binding whose role was not read: what it grants is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The binding.
    pub binding: Named,
    /// The kind of the role.
    pub role_kind: String,
    /// The name of the role.
    pub role_name: String,
    /// Whom the binding names.
    pub subjects: Vec<Who>,
}

impl Place {
    pub(crate) fn of(node: Node<'_>) -> Self {
        let location = node.location();
        let start = location.start();
        Self { file: location.source.name.clone(), line: start.line, column: start.column }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        // JSON of one line.
        if self.line == 1 && self.column > 1 { write!(f, ":{}", self.column) } else { Ok(()) }
    }
}

impl Named {
    pub(crate) fn of(rbac: &Rbac<'_>, object: &Object<'_>) -> Self {
        Self {
            kind: object.kind.to_owned(),
            namespace: object.effective_namespace().to_owned(),
            name: object.name.to_owned(),
            place: Place::of(object.node),
            default: rbac.is_assumed(object),
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

impl Who {
    /// An identity, in words too.
    pub fn of(identity: Identity<'_>) -> Self {
        let namespace = if let Identity::ServiceAccount(namespace, _) = identity { namespace } else { "" };
        Self {
            kind: identity.kind().to_owned(),
            namespace: namespace.to_owned(),
            name: identity.name().to_owned(),
            means: meaning(identity),
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        match kind.as_str() {
            "ServiceAccount" => write!(f, "service account {namespace}/{name}"),
            "Group" => write!(f, "group {name}"),
            _ => write!(f, "user {name}"),
        }
    }
}

/// Who an identity is that stands for many, or for anybody.
fn meaning(identity: Identity<'_>) -> Option<String> {
    let words = match identity {
        Identity::Group(AUTHENTICATED) => "everybody who has authenticated, every service account included",
        Identity::Group(UNAUTHENTICATED) | Identity::User(ANONYMOUS) => "everybody who can reach the API server, without credentials",
        Identity::Group(MASTERS) => "may do everything; no authorizer is asked",
        Identity::Group(NODES) => "all kubelets",
        Identity::Group(SERVICE_ACCOUNTS) => "all service accounts of all namespaces",
        Identity::Group(name) => {
            let namespace = name.strip_prefix(SERVICE_ACCOUNTS)?.strip_prefix(':')?;
            return Some(format!("all service accounts of namespace {namespace}"));
        }
        _ => return None,
    };
    Some(words.to_owned())
}

impl Stated {
    pub(crate) fn of(rbac: &Rbac<'_>, rule: &Rule<'_>) -> Self {
        Self { text: rule.to_string(), role: Named::of(rbac, &rule.role), index: rule.index, place: Place::of(rule.node()) }
    }
}

impl By {
    pub(crate) fn of(rbac: &Rbac<'_>, grant: &Grant<'_, '_>, rule: &Rule<'_>) -> Self {
        let role = grant.role.map_or(&rule.role, |role| &role.object);
        Self::with(rbac, grant, Arc::new(Named::of(rbac, role)), Arc::new(Stated::of(rbac, rule)))
    }

    fn with(rbac: &Rbac<'_>, grant: &Grant<'_, '_>, role: Arc<Named>, rule: Arc<Stated>) -> Self {
        Self { subject: Who::of(grant.subject.identity), binding: Named::of(rbac, &grant.binding.object), role, rule }
    }

    /// Many, those of a role after each other: what is said of the role is said once.
    pub(crate) fn all<'r, 'a: 'r>(
        rbac: &Rbac<'_>,
        grants: impl Iterator<Item = (Grant<'r, 'a>, &'r Rule<'a>)>,
    ) -> Vec<(Grant<'r, 'a>, Self)> {
        let mut last: Option<(&Rule<'_>, Arc<Named>, Arc<Stated>)> = None;
        let tell = |(grant, rule): (Grant<'r, 'a>, &'r Rule<'a>)| {
            let by = match &last {
                Some((known, role, stated)) if std::ptr::eq(*known, rule) => Self::with(rbac, &grant, Arc::clone(role), Arc::clone(stated)),
                _ => {
                    let by = Self::of(rbac, &grant, rule);
                    last = Some((rule, Arc::clone(&by.role), Arc::clone(&by.rule)));
                    by
                }
            };
            (grant, by)
        };
        grants.map(tell).collect()
    }
}

impl Unknown {
    pub(crate) fn of(rbac: &Rbac<'_>, binding: &Binding<'_>) -> Self {
        Self {
            binding: Named::of(rbac, &binding.object),
            role_kind: binding.role_kind.to_owned(),
            role_name: binding.role_name.to_owned(),
            subjects: binding.subjects.iter().map(|subject| Who::of(subject.identity)).collect(),
        }
    }
}
