//! RBAC as objects say it (rbac.authorization.k8s.io): rules, roles with what they aggregate, bindings, subjects.
//!
//! A pure reading: who may do what is said by the `access` engine, and by the engines that ask for a part of it.

mod aggregation;
mod defaults;
mod rule;
mod subject;

pub use defaults::defaults;
pub use rule::{Request, Resource, Rule, Target, url_covers};
pub use subject::{
    ANONYMOUS, AUTHENTICATED, Identity, MASTERS, NODE_PREFIX, NODES, SERVICE_ACCOUNT_PREFIX, SERVICE_ACCOUNTS, Subject, UNAUTHENTICATED,
    User, service_account,
};

use crate::names::is_dns_subdomain;
use crate::{Inventory, Node, Object, Problem, ProblemKind};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// The roles and bindings among what was read.
#[derive(Debug, Default)]
pub struct Rbac<'a> {
    /// Roles and ClusterRoles, in order.
    pub roles: Vec<Role<'a>>,
    /// RoleBindings and ClusterRoleBindings, in order.
    pub bindings: Vec<Binding<'a>>,
    /// What is wrong with them, with its place.
    pub problems: Vec<Problem>,
    /// Whether a running API server gave them: then what is not here is not there.
    pub is_live: bool,
    /// Whether those that every API server makes were added.
    pub has_assumed: bool,
    by_name: HashMap<(&'a str, &'a str, &'a str), usize>,
}

/// A Role or ClusterRole.
#[derive(Debug, Clone)]
pub struct Role<'a> {
    /// The object.
    pub object: Object<'a>,
    /// What it grants: its rules, or those of the roles that it aggregates.
    pub rules: Vec<Rule<'a>>,
    /// Whether it was not read but is one that every API server makes.
    pub is_default: bool,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone)]
pub struct Binding<'a> {
    /// The object.
    pub object: Object<'a>,
    /// `Role` or `ClusterRole`, whatever else stands there.
    pub role_kind: &'a str,
    /// The role's name.
    pub role_name: &'a str,
    /// The role's place in [`Rbac::roles`]; `None` where it was not read, so that what is granted is not known.
    pub role: Option<usize>,
    /// Those whom it names.
    pub subjects: Vec<Subject<'a>>,
    /// Whether it was not read but is one that every API server makes.
    pub is_default: bool,
}

/// Whether to take the roles and bindings that every API server makes at its start as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defaults {
    /// Only what was read.
    Leave,
    /// Add those that were not read, unless what was read comes from a running API server, which has them all.
    Assume,
}

impl<'a> Rbac<'a> {
    /// Reads what is in `inventory`.
    pub fn new(inventory: &Inventory<'a>, defaults: Defaults) -> Self {
        let of_kind = |kind| inventory.of_kind(kind).filter(|object| object.group() == GROUP);
        let objects = of_kind("ClusterRole").chain(of_kind("Role")).chain(of_kind("ClusterRoleBinding")).chain(of_kind("RoleBinding"));
        Self::of(objects, defaults)
    }

    /// Reads `objects`; those of other kinds are left out.
    pub fn of(objects: impl Iterator<Item = Object<'a>>, defaults: Defaults) -> Self {
        let mut rbac = Self::default();
        let (roles, bindings): (Vec<Object<'a>>, Vec<Object<'a>>) = objects
            .filter(|object| matches!(object.kind, "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"))
            .partition(|object| !object.kind.ends_with("Binding"));
        for object in roles {
            rbac.add_role(object, false);
        }
        // A running API server has labelled all that it made.
        rbac.is_live = rbac.roles.iter().any(|role| role.object.kind == "ClusterRole" && is_bootstrapped(&role.object));
        rbac.has_assumed = defaults == Defaults::Assume && !rbac.is_live;
        let assumed = if rbac.has_assumed { defaults::defaults() } else { &[] };
        for object in assumed.iter().filter(|object| !object.kind.ends_with("Binding")) {
            rbac.assume_role(*object);
        }
        aggregation::resolve(&mut rbac.roles, rbac.is_live, &mut rbac.problems);
        let mut known: HashMap<(&str, &str, &str), usize> = HashMap::with_capacity(bindings.len());
        rbac.bindings.reserve(bindings.len() + assumed.len());
        for object in bindings {
            match known.entry(key(&object)) {
                // What has no name is no second one of another.
                Entry::Occupied(_) if !object.name.is_empty() => rbac.problems.push(twice(&object)),
                place => {
                    place.or_insert(rbac.bindings.len());
                    let binding = rbac.read_binding(object, false);
                    rbac.bindings.push(binding);
                }
            }
        }
        for object in assumed.iter().filter(|object| object.kind.ends_with("Binding")) {
            rbac.assume_binding(*object, known.get(&key(object)).copied());
        }
        rbac
    }

    /// The role of a kind, namespace (empty for a ClusterRole) and name.
    pub fn role(&self, kind: &str, namespace: &str, name: &str) -> Option<&Role<'a>> {
        self.by_name.get(&(kind, namespace, name)).and_then(|at| self.roles.get(*at))
    }

    /// The role that a binding grants.
    pub fn granted(&self, binding: &Binding<'a>) -> Option<&Role<'a>> {
        self.roles.get(binding.role?)
    }

    /// Whether an object, a role or binding of these or the origin of one of their rules, was not read but assumed.
    pub fn is_assumed(&self, object: &Object<'_>) -> bool {
        self.has_assumed && defaults::defaults().iter().any(|one| one.node == object.node)
    }

    fn add_role(&mut self, object: Object<'a>, is_default: bool) {
        check_name(&object, &mut self.problems);
        match self.by_name.entry(key(&object)) {
            Entry::Occupied(_) => self.problems.push(twice(&object)),
            Entry::Vacant(free) => {
                free.insert(self.roles.len());
                let rules = Rule::of_role(object, &mut self.problems);
                rules.iter().for_each(|rule| check_rule(rule, &mut self.problems));
                self.roles.push(Role { object, rules, is_default });
            }
        }
    }

    /// A role that the API server makes: it also gives one that was read back what is taken from it (*Auto-reconciliation*).
    fn assume_role(&mut self, object: Object<'a>) {
        let Some(mine) = self.by_name.get(&key(&object)).and_then(|at| self.roles.get_mut(*at)) else {
            self.add_role(object, true);
            return;
        };
        if is_left_alone(&mine.object) {
            return;
        }
        // It is made of others again, and loses what it says itself.
        if object.node.get("aggregationRule").is_some() && mine.object.node.get("aggregationRule").is_none() {
            *mine = Role { object, rules: Vec::new(), is_default: true };
            return;
        }
        let missing = Rule::of_role(object, &mut self.problems);
        let missing: Vec<_> = missing.into_iter().filter(|rule| !mine.rules.iter().any(|own| own.is_same(rule))).collect();
        mine.rules.extend(missing);
    }

    /// A binding that the API server makes: it gives one that was read back the subjects that are taken from it, and makes one
    /// again that grants another role (kubernetes `pkg/registry/rbac/reconciliation`).
    fn assume_binding(&mut self, object: Object<'a>, read: Option<usize>) {
        let mut made = self.read_binding(object, true);
        match read.and_then(|at| self.bindings.get_mut(at)) {
            Some(mine) if is_left_alone(&mine.object) => {}
            Some(mine) if (mine.role_kind, mine.role_name) != (made.role_kind, made.role_name) => *mine = made,
            mine => {
                let known = mine.map(|mine| mine.subjects.as_slice()).unwrap_or_default();
                made.subjects.retain(|subject| !known.iter().any(|known| known.identity == subject.identity));
                if !made.subjects.is_empty() || read.is_none() {
                    self.bindings.push(made);
                }
            }
        }
    }

    fn read_binding(&mut self, object: Object<'a>, is_default: bool) -> Binding<'a> {
        check_name(&object, &mut self.problems);
        let text = |key| object.node.at(&["roleRef", key]).map_or("", Node::text);
        let (role_kind, role_name) = (text("kind"), text("name"));
        let namespace = if role_kind == "Role" { object.effective_namespace() } else { "" };
        let role = self.by_name.get(&(role_kind, namespace, role_name)).copied();
        self.problems.extend(wrong_group(&object, object.node.get("roleRef"), "roleRef", GROUP));
        if role.is_none() {
            self.problems.push(missing_role(&object, role_kind, namespace, role_name));
        }
        let subjects = object.node.get("subjects").filter(|subjects| !subjects.is_null());
        if let Some(subjects) = subjects.filter(|subjects| !subjects.is_list()) {
            let message = format!("`subjects` must be a list, is {}: {} grants nobody anything", subjects.describe(), object.id());
            self.problems.push(Problem::at(ProblemKind::WrongType, subjects, message));
        }
        let subjects = subjects.into_iter().flat_map(Node::items).enumerate();
        let subjects = subjects.filter_map(|(index, node)| read_subject(&object, index, node, &mut self.problems)).collect();
        Binding { object, role_kind, role_name, role, subjects, is_default }
    }
}

impl<'a> Role<'a> {
    /// Whether it is a ClusterRole.
    pub fn is_cluster(&self) -> bool {
        self.object.kind == "ClusterRole"
    }

    /// The first rule that allows `request`, wherever the role is bound.
    pub fn allows(&self, request: &Request<'_>) -> Option<&Rule<'a>> {
        self.rules.iter().find(|rule| rule.allows(request))
    }
}

impl<'a> Binding<'a> {
    /// The namespace that it grants in; `None` for the whole cluster.
    pub fn namespace(&self) -> Option<&'a str> {
        (self.object.kind == "RoleBinding").then(|| self.object.effective_namespace())
    }

    /// Whether it says something about a request: everything is in the scope of a ClusterRoleBinding, only what is in its
    /// namespace in that of a RoleBinding.
    pub fn reaches(&self, request: &Request<'_>) -> bool {
        self.namespace().is_none_or(|namespace| matches!(request.target, Target::Resource(_)) && request.namespace() == namespace)
    }
}

/// Whether the API server made the object itself.
pub fn is_bootstrapped(object: &Object<'_>) -> bool {
    object.label("kubernetes.io/bootstrapping") == Some("rbac-defaults")
}

/// Whether the API server is told to keep its hands off a role or binding that it made.
fn is_left_alone(object: &Object<'_>) -> bool {
    let annotation = object.node.at(&["metadata", "annotations", "rbac.authorization.kubernetes.io/autoupdate"]);
    annotation.is_some_and(|value| value.text() == "false")
}

fn key<'a>(object: &Object<'a>) -> (&'a str, &'a str, &'a str) {
    (object.kind, object.effective_namespace(), object.name)
}

/// What a subject stands for. What is wrong with it is what the API refuses (kubernetes `pkg/apis/rbac/validation`); the
/// authorizer, which sees only what was not refused, asks for less.
fn read_subject<'a>(binding: &Object<'a>, index: usize, node: Node<'a>, problems: &mut Vec<Problem>) -> Option<Subject<'a>> {
    let text = |key| node.get(key).map_or("", Node::text);
    let (kind, name, namespace) = (text("kind"), text("name"), text("namespace"));
    let mut complain = |message: String| problems.push(Problem::at(ProblemKind::Invalid, node, message));
    if name.is_empty() {
        complain(format!("a subject of {} has no name: it stands for nobody", binding.id()));
        return None;
    }
    let identity = match kind {
        "User" => Identity::of_user(name),
        "Group" => Identity::Group(name),
        "ServiceAccount" if !namespace.is_empty() => Identity::ServiceAccount(namespace, name),
        "ServiceAccount" if binding.kind == "ClusterRoleBinding" => {
            complain(format!("service account `{name}` of {} needs a `namespace`: the API server refuses the binding", binding.id()));
            return None;
        }
        "ServiceAccount" => Identity::ServiceAccount(binding.effective_namespace(), name),
        other => {
            complain(format!("a subject's kind must be User, Group or ServiceAccount, is `{other}`: it stands for nobody"));
            return None;
        }
    };
    if kind == "ServiceAccount" && !is_dns_subdomain(name) {
        let shown = name.escape_debug();
        complain(format!(
            "no service account can be called `{shown}`, as a subject of {} is: the API server refuses the binding",
            binding.id()
        ));
    }
    problems.extend(wrong_group(binding, Some(node), "a subject", if kind == "ServiceAccount" { "" } else { GROUP }));
    Some(Subject { identity, index, node })
}

/// A part of a binding whose `apiGroup` is neither left out nor the one that there is.
fn wrong_group(binding: &Object<'_>, part: Option<Node<'_>>, what: &str, wanted: &str) -> Option<Problem> {
    let group = part?.get("apiGroup").filter(|group| !group.text().is_empty() && group.text() != wanted)?;
    let wanted = if wanted.is_empty() { "empty for a ServiceAccount" } else { wanted };
    let shown = group.text().escape_debug();
    let message = format!("`apiGroup` of {what} of {} must be {wanted}, is `{shown}`: the API server refuses the binding", binding.id());
    Some(Problem::at(ProblemKind::Invalid, group, message))
}

fn twice(object: &Object<'_>) -> Problem {
    Problem::at(
        ProblemKind::Note,
        object.node,
        format!("{} was read before: what stands here is not looked at for who may do what", object.id()),
    )
}

fn missing_role(binding: &Object<'_>, kind: &str, namespace: &str, name: &str) -> Problem {
    let node = binding.node.get("roleRef").unwrap_or(binding.node);
    if !matches!(kind, "Role" | "ClusterRole") || name.is_empty() {
        let message = format!("{} names no role: `roleRef` needs a `kind` (Role or ClusterRole) and a `name`", binding.id());
        return Problem::at(ProblemKind::Invalid, node, message);
    }
    if binding.kind == "ClusterRoleBinding" && kind == "Role" {
        let message = format!("{} refers to a Role: a ClusterRoleBinding takes a ClusterRole", binding.id());
        return Problem::at(ProblemKind::Invalid, node, message);
    }
    let place = if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") };
    let message = format!("{kind} `{name}`{place} was not read: what {} grants is not known", binding.id());
    Problem::at(ProblemKind::Note, node, message).help("read the role too, or remove the binding if there is none")
}

/// What the API refuses in a rule (kubernetes `pkg/apis/rbac/validation`): it says less than its author meant.
fn check_rule(rule: &Rule<'_>, problems: &mut Vec<Problem>) {
    let mut complain = |message: &str| {
        let message = format!("rule {} of {} {message}", rule.index, rule.role.id());
        problems.push(Problem::at(ProblemKind::Invalid, rule.node(), message));
    };
    let names_resources = !rule.api_groups.is_empty() || !rule.resources.is_empty() || !rule.resource_names.is_empty();
    if rule.verbs.is_empty() {
        complain("has no `verbs`: it allows nothing");
    }
    match (names_resources, rule.non_resource_urls.is_empty()) {
        (false, true) => complain("names neither `resources` nor `nonResourceURLs`: it allows nothing"),
        (true, false) => complain("has both `resources` and `nonResourceURLs`: the API server refuses it"),
        (false, false) if rule.role.kind == "Role" => complain("has `nonResourceURLs`, which only a ClusterRole can grant"),
        (true, true) if rule.api_groups.is_empty() => complain("has no `apiGroups`: it allows nothing (the core group is \"\")"),
        (true, true) if rule.resources.is_empty() => complain("has no `resources`: it allows nothing"),
        _ => {}
    }
}

/// Names of RBAC objects may hold colons and more, but must fit into a path (apimachinery `path.ValidatePathSegmentName`).
fn check_name(object: &Object<'_>, problems: &mut Vec<Problem>) {
    if matches!(object.name, "." | "..") || object.name.contains(['/', '%']) {
        let message = format!("the name `{}` cannot be in a path of the API: no `/`, no `%`, not `.` or `..`", object.name.escape_debug());
        problems.push(Problem::at(ProblemKind::Invalid, object.node, message));
    }
}
