//! Who is granted what: each subject of each binding with the rules of its role.
//!
//! Roles with what they aggregate are those of `model::rbac`. Bindings are looked at as they stand, also where one of the same name
//! was read before: a finding is about a place in a file.

use plimsoll_model::rbac::{Defaults, Rbac, Role, Rule, is_bootstrapped, service_account};
use plimsoll_model::{Inventory, Node, Object, shell_word};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// All grants, in order of the bindings.
pub(crate) struct Grants<'a> {
    all: Vec<Grant<'a>>,
    /// The grants of each service account by itself: namespace, name.
    of_account: HashMap<(String, String), Vec<usize>>,
    /// The grants to groups that service accounts are in without being named.
    of_groups: Vec<usize>,
}

/// One subject of one binding, with the role that it is given.
pub(crate) struct Grant<'a> {
    /// The RoleBinding or ClusterRoleBinding; the role itself where nothing that was read binds it.
    pub(crate) binding: Object<'a>,
    /// The Role or ClusterRole.
    pub(crate) role: Object<'a>,
    /// The place of the subject in `subjects`.
    pub(crate) index: usize,
    /// `ServiceAccount`, `User` or `Group`; empty where nothing that was read binds the role.
    pub(crate) kind: &'a str,
    /// The subject's name.
    pub(crate) name: &'a str,
    /// The namespace of a ServiceAccount.
    pub(crate) namespace: &'a str,
    /// The role's rules, aggregated ones included.
    pub(crate) rules: Arc<[Rule<'a>]>,
}

/// What a rule may give: some of the verbs on some of the resources of some of the API groups. Wildcards of the rule count.
pub(crate) struct Power {
    pub(crate) verbs: &'static [&'static str],
    pub(crate) groups: &'static [&'static str],
    pub(crate) resources: &'static [&'static str],
    /// Only objects of these names matter; empty for all.
    pub(crate) names: &'static [&'static str],
}

impl<'a> Grants<'a> {
    pub(crate) fn new(inventory: &Inventory<'a>) -> Self {
        let rbac = Rbac::of(inventory.of_kind("Role").chain(inventory.of_kind("ClusterRole")), Defaults::Leave);
        let key = |role: &Role<'a>| (role.object.kind, role.object.effective_namespace(), role.object.name);
        let known: HashMap<_, (Object<'a>, Arc<[Rule<'a>]>)> =
            rbac.roles.iter().map(|role| (key(role), (role.object, role.rules.clone().into()))).collect();
        let mut all = Vec::new();
        let mut bound = HashSet::new();
        for binding in inventory.of_kind("RoleBinding").chain(inventory.of_kind("ClusterRoleBinding")) {
            let text = |path: &[&str]| binding.node.at(path).map_or("", Node::text);
            let (kind, name) = (text(&["roleRef", "kind"]), text(&["roleRef", "name"]));
            let namespace = if kind == "Role" { binding.effective_namespace() } else { "" };
            // The API server gives `cluster-admin` back what a manifest takes from it.
            let is_whole = |rules: &[Rule<'_>]| name != "cluster-admin" || kind == "Role" || rules.iter().any(is_everything);
            let found = known.get(&(kind, namespace, name)).filter(|(_, rules)| is_whole(rules)).cloned();
            let Some((role, rules)) = found.or_else(|| own_role(binding, kind, name)) else { continue };
            bound.insert((kind, namespace, name));
            for (index, subject) in binding.node.get("subjects").into_iter().flat_map(Node::items).enumerate() {
                let text = |key| subject.get(key).map_or("", Node::text);
                let (kind, name) = (text("kind"), text("name"));
                let namespace = match text("namespace") {
                    "" if kind == "ServiceAccount" && binding.kind == "RoleBinding" => binding.effective_namespace(),
                    namespace => namespace,
                };
                all.push(Grant { binding, role, index, kind, name, namespace, rules: Arc::clone(&rules) });
            }
        }
        // A role that nothing binds yet grants to whoever is bound to it next. Those of the API server itself are what they are.
        let unbound = rbac.roles.iter().filter(|role| !bound.contains(&key(role)) && !is_of_the_api_server(&role.object));
        let mut unbound: Vec<Grant<'a>> = unbound
            .filter_map(|role| known.get(&key(role)))
            .map(|(role, rules)| Grant {
                binding: *role,
                role: *role,
                index: 0,
                kind: "",
                name: "",
                namespace: "",
                rules: Arc::clone(rules),
            })
            .collect();
        unbound.sort_by_key(|grant| (grant.role.kind, grant.role.effective_namespace(), grant.role.name));
        all.append(&mut unbound);
        let mut of_account: HashMap<_, Vec<usize>> = HashMap::new();
        let mut of_groups = Vec::new();
        for (at, grant) in all.iter().enumerate() {
            match grant.service_account() {
                Some((namespace, name)) => of_account.entry((namespace.to_owned(), name.to_owned())).or_default().push(at),
                None if grant.kind == "Group" => of_groups.push(at),
                None => {}
            }
        }
        Self { all, of_account, of_groups }
    }

    pub(crate) fn all(&self) -> &[Grant<'a>] {
        &self.all
    }

    /// What a service account is granted, by itself and through groups.
    pub(crate) fn of_service_account(&self, namespace: &str, name: &str) -> Vec<&Grant<'a>> {
        let own = self.of_account.get(&(namespace.to_owned(), name.to_owned())).into_iter().flatten();
        let grants = own.chain(&self.of_groups).filter_map(|at| self.all.get(*at));
        grants.filter(|grant| grant.is_service_account(namespace, name)).collect()
    }
}

/// A role that every API server makes at its start and manifests leave out (Kubernetes documentation, *Default roles*).
/// Only the one whose rules never change; the binding stands in for it.
fn own_role<'a>(binding: Object<'a>, kind: &str, name: &str) -> Option<(Object<'a>, Arc<[Rule<'a>]>)> {
    let all = || vec!["*"];
    let rule = Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::empty(binding) };
    (kind == "ClusterRole" && name == "cluster-admin").then(|| (binding, [rule].into()))
}

/// Whether a role is one that the API server makes, or gets its rules from others that are looked at themselves.
fn is_of_the_api_server(role: &Object<'_>) -> bool {
    is_bootstrapped(role)
        || role.name.starts_with("system:")
        || role.node.get("aggregationRule").is_some()
        || (role.kind == "ClusterRole" && matches!(role.name, "admin" | "cluster-admin" | "edit" | "view"))
}

impl Grant<'_> {
    /// Namespace and name of the service account that the subject is.
    fn service_account(&self) -> Option<(&str, &str)> {
        match self.kind {
            "ServiceAccount" => Some((self.namespace, self.name)),
            "User" => service_account(self.name),
            _ => None,
        }
    }

    /// Whether the subject is this service account, by itself or through the groups of all service accounts.
    fn is_service_account(&self, namespace: &str, name: &str) -> bool {
        match (self.kind, self.name.strip_prefix("system:serviceaccounts")) {
            ("Group", Some("")) => true,
            ("Group", Some(rest)) => rest.strip_prefix(':') == Some(namespace),
            ("Group", None) => self.name == "system:authenticated",
            _ => self.service_account() == Some((namespace, name)),
        }
    }

    /// Whether nothing that was read binds the role.
    pub(crate) fn is_unbound(&self) -> bool {
        self.kind.is_empty()
    }

    /// The subject as a person would call it.
    pub(crate) fn subject(&self) -> String {
        match self.kind {
            "" => format!("whoever is bound to {} `{}`", self.role.kind, self.role.name),
            "ServiceAccount" => format!("service account `{}/{}`", self.namespace, self.name),
            "Group" => format!("group `{}`", self.name),
            _ => format!("user `{}`", self.name),
        }
    }

    /// What shows the requests of the subject in an audit log.
    pub(crate) fn audit_query(&self) -> String {
        let Self { name, namespace, .. } = self;
        let text = serde_json::Value::String;
        let is_it = match self.kind {
            "ServiceAccount" => format!(".user.username == {}", text(format!("system:serviceaccount:{namespace}:{name}"))),
            "Group" => format!(".user.groups | index({})", text((*name).to_owned())),
            _ => format!(".user.username == {}", text((*name).to_owned())),
        };
        let program = format!("select({is_it}) | [.verb, .objectRef.resource, .objectRef.namespace]");
        format!("jq -c {} audit.log", shell_word(&program))
    }

    /// JSON pointer from the binding to the subject.
    pub(crate) fn pointer(&self) -> String {
        format!("/subjects/{}", self.index)
    }

    /// The first rule that gives a part of `power`.
    pub(crate) fn gives(&self, power: &Power) -> Option<&Rule<'_>> {
        self.rules.iter().find(|rule| power.is_given_by(rule))
    }
}

impl Power {
    /// Whether the rule gives a part of it.
    pub(crate) fn is_given_by(&self, rule: &Rule<'_>) -> bool {
        let fits = |mine: &[&str], wanted: &[&str]| mine.iter().any(|one| *one == "*" || wanted.contains(one));
        // `*/status` is that subresource of every resource.
        let resource = |one: &&str| {
            *one == "*"
                || self.resources.contains(one)
                || one
                    .strip_prefix("*/")
                    .is_some_and(|sub| self.resources.iter().any(|wanted| wanted.split_once('/').is_some_and(|(_, of)| of == sub)))
        };
        let names = &rule.resource_names;
        let name = || self.names.is_empty() || names.is_empty() || names.iter().any(|name| self.names.contains(name));
        fits(&rule.verbs, self.verbs) && fits(&rule.api_groups, self.groups) && rule.resources.iter().any(resource) && name()
    }
}

/// Whether a rule allows every verb on every resource, of the core group or of all.
pub(crate) fn is_everything(rule: &Rule<'_>) -> bool {
    has_all_verbs(rule) && rule.resources.contains(&"*") && rule.api_groups.iter().any(|group| group.is_empty() || *group == "*")
}

/// Whether it allows every verb that objects have, by `*` or by naming each.
fn has_all_verbs(rule: &Rule<'_>) -> bool {
    const OBJECT_VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
    rule.verbs.contains(&"*") || OBJECT_VERBS.iter().all(|verb| rule.verbs.contains(verb))
}

/// JSON pointer from its role to the rule; of a role that was not read, what refers to it.
pub(crate) fn pointer(rule: &Rule<'_>) -> String {
    if is_of_own_role(rule) { "/roleRef".to_owned() } else { rule.pointer() }
}

/// Whether the rule is one of a role that the API server makes itself and that was not read.
pub(crate) fn is_of_own_role(rule: &Rule<'_>) -> bool {
    rule.role.kind.ends_with("Binding")
}
