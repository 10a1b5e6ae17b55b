//! Who asks, and whom bindings name.
//!
//! Source: kubernetes `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation/rule.go`; the groups that are
//! implied are those of *Authenticating* in the Kubernetes documentation.

use crate::Node;
use std::collections::BTreeMap;
use std::fmt;

/// Everybody who could authenticate.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Everybody who did not try.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user of requests without credentials.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group that no authorizer is asked about.
pub const MASTERS: &str = "system:masters";
/// The group of kubelets.
pub const NODES: &str = "system:nodes";
/// What the user name of a kubelet starts with.
pub const NODE_PREFIX: &str = "system:node:";
/// The group of all service accounts; with a `:` and a namespace, of those of the namespace.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// What the user name of a service account starts with, before `NAMESPACE:NAME`.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Who makes a request: the `userInfo` of authentication.k8s.io/v1.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User {
    /// The user name.
    pub name: String,
    /// The groups, in the order in which authentication gave them.
    pub groups: Vec<String>,
    /// The uid; empty where there is none.
    pub uid: String,
    /// What else authentication says.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user of this name with these groups and nothing implied: what a review says.
    pub fn exactly(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), groups: groups.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A user of this name with the groups that authentication adds by itself: those of service accounts, of kubelets and
    /// of everybody.
    pub fn named(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut user = Self::exactly(name, groups);
        let mut implied = Vec::new();
        if let Some((namespace, _)) = user.service_account() {
            implied = vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")];
        } else if user.name.starts_with(NODE_PREFIX) {
            implied.push(NODES.to_owned());
        }
        implied.push(if user.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED }.to_owned());
        for group in implied {
            if !user.groups.contains(&group) {
                user.groups.push(group);
            }
        }
        user
    }

    /// A service account.
    pub fn account(namespace: &str, name: &str) -> Self {
        Self::named(format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"), None::<String>)
    }

    /// Namespace and name of the service account that it is.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        service_account(&self.name)
    }

    /// The node that it is the kubelet of (kubernetes `pkg/auth/nodeidentifier`: name and group are both needed).
    pub fn node(&self) -> Option<&str> {
        self.name.strip_prefix(NODE_PREFIX).filter(|_| self.is_in(NODES))
    }

    /// Whether it is in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|one| one == group)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.service_account() {
            Some((namespace, name)) => write!(f, "service account {namespace}/{name}"),
            None => write!(f, "user {}", self.name),
        }
    }
}

/// Namespace and name of the service account that a user name means.
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// An identity that a binding can name, or that a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity<'a> {
    /// A service account: namespace, name.
    ServiceAccount(&'a str, &'a str),
    /// A user.
    User(&'a str),
    /// A group.
    Group(&'a str),
}

impl<'a> Identity<'a> {
    /// The identity that a user name is: a name in the form of a service account's is that service account.
    pub fn of_user(name: &'a str) -> Self {
        service_account(name).map_or(Self::User(name), |(namespace, name)| Self::ServiceAccount(namespace, name))
    }

    /// The kind, as in a binding's subject.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ServiceAccount(..) => "ServiceAccount",
            Self::User(_) => "User",
            Self::Group(_) => "Group",
        }
    }

    /// The name, without a namespace.
    pub fn name(&self) -> &'a str {
        match self {
            Self::ServiceAccount(_, name) | Self::User(name) | Self::Group(name) => name,
        }
    }

    /// The user that has it and is in the groups that follow from it; of a group, somebody in it.
    pub fn user(&self) -> User {
        match self {
            Self::ServiceAccount(namespace, name) => User::account(namespace, name),
            Self::User(name) => User::named(*name, None::<String>),
            Self::Group(UNAUTHENTICATED) => User::named(ANONYMOUS, None::<String>),
            // No user name, so that no binding to a user applies.
            Self::Group(group) => User::named("", [*group]),
        }
    }

    /// The groups that everybody who has it is in besides, without those of a service account's namespace.
    pub fn groups(&self) -> &'static [&'static str] {
        match self {
            Self::Group(UNAUTHENTICATED | AUTHENTICATED) => &[],
            Self::User(ANONYMOUS) => &[UNAUTHENTICATED],
            Self::User(name) if name.starts_with(NODE_PREFIX) => &[NODES, AUTHENTICATED],
            Self::ServiceAccount(..) => &[SERVICE_ACCOUNTS, AUTHENTICATED],
            Self::Group(name) if name.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.starts_with(':')) => {
                &[SERVICE_ACCOUNTS, AUTHENTICATED]
            }
            Self::User(_) | Self::Group(_) => &[AUTHENTICATED],
        }
    }

    /// Whether it is one of Kubernetes itself, by its name.
    pub fn is_system(&self) -> bool {
        match self {
            Self::ServiceAccount(namespace, _) => *namespace == "kube-system",
            Self::User(name) | Self::Group(name) => name.starts_with("system:"),
        }
    }
}

/// As a person would call it, and as the command line takes it: `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`.
impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount(namespace, name) => write!(f, "service account {namespace}/{name}"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// A subject of a binding.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whom it names. A service account whose namespace is left out in a RoleBinding is one of the binding's namespace.
    pub identity: Identity<'a>,
    /// Its place in `subjects`.
    pub index: usize,
    /// Where it stands.
    pub node: Node<'a>,
}

impl Subject<'_> {
    /// Whether it is the user, or a group that the user is in.
    pub fn applies_to(&self, user: &User) -> bool {
        match self.identity {
            Identity::Group(group) => user.is_in(group),
            Identity::User(name) => user.name == name,
            Identity::ServiceAccount(namespace, name) => {
                let rest = user.name.strip_prefix(SERVICE_ACCOUNT_PREFIX).and_then(|rest| rest.strip_prefix(namespace));
                rest.and_then(|rest| rest.strip_prefix(':')) == Some(name)
            }
        }
    }

    /// JSON pointer from the binding to the subject.
    pub fn pointer(&self) -> String {
        format!("/subjects/{}", self.index)
    }
}
