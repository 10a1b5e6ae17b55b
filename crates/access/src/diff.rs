//! What a change of roles and bindings changes: who gains or loses what, which ways open or close, and whether the API server
//! would take it.
//!
//! Gains and losses are those of identities that bindings name, by what they hold in effect: what somebody gets who held it
//! before through a group is no gain.

use crate::answer::{By, Named, SCHEMA_VERSION, Unknown, Who};
use crate::cover::{compact, uncovered};
use crate::escalation::{check_among, everything};
use crate::graph::Graph;
use crate::turns::{TurnKind, WayChange, turns};
use crate::{Authorizer, Grant};
use plimsoll_model::rbac::{GROUP, Identity, Request, Role, Rule, User};
use plimsoll_model::{ApiResources, Node, Object};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What differs between two states.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access diff")]
pub struct Diff {
    /// The version of this form.
    pub schema_version: u32,
    /// Who gains or loses what, and where.
    pub changes: Vec<Change>,
    /// The roles and bindings that are new, changed or gone.
    pub objects: Vec<ObjectChange>,
    /// The ways to what attackers are after that open or close, or go otherwise.
    pub ways: Vec<WayChange>,
    /// Bindings of one state only whose roles were not read: what they change is not known.
    pub unknown: Vec<Unknown>,
    /// Whether this is all, as far as roles and bindings say: everything was read, and no role is missing.
    pub complete: bool,
    /// Who would make the change; absent where nobody was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applier: Option<String>,
}

/// What one identity gains and loses in one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Who.
    pub subject: Who,
    /// The namespace; absent for the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What it can do afterwards only.
    pub gained: Vec<Part>,
    /// What it can do before only.
    pub lost: Vec<Part>,
}

/// Verbs on one kind of thing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The verbs.
    pub verbs: Vec<String>,
    /// The API group of the resource; empty for the core group and for paths.
    pub group: String,
    /// The resources, or the paths.
    pub on: Vec<String>,
    /// The object's name; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In words.
    pub text: String,
    /// What gives it, or gave it.
    pub by: By,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is gone.
    Removed,
}

/// A role or binding that is new, changed or gone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// What becomes of it.
    pub change: ChangeKind,
    /// The object, as it stands afterwards where it is not gone.
    pub object: Named,
    /// Why the API server would refuse it; for a change by nobody in particular, what it refuses to everybody.
    pub refused: Vec<String>,
    /// What has to be held to make the change, where nobody in particular makes it.
    pub needs: Vec<String>,
}

/// Compares two states. `applier` is who would make the change; `is_complete` says whether everything could be read. What has no
/// namespace, by the resources that Kubernetes has and those that either state defines, a RoleBinding does not grant.
pub fn diff(before: &Graph<'_, '_>, after: &Graph<'_, '_>, applier: Option<&User>, is_complete: bool) -> Diff {
    let ways = turns(before, after);
    let resources = &ApiResources::of(after.inventory.objects.iter().chain(&before.inventory.objects).copied());
    let (before, after) = (before.authorizer, after.authorizer);
    let identities: BTreeSet<Identity<'_>> = before.identities().into_iter().chain(after.identities()).collect();
    let changes = identities.into_iter().flat_map(|identity| changes_of(before, after, resources, identity)).collect();
    let unknown = unknown(before, after);
    Diff {
        schema_version: SCHEMA_VERSION,
        changes,
        objects: objects(before, after, applier),
        ways,
        complete: is_complete && unknown.is_empty(),
        unknown,
        applier: applier.map(|user| user.name.clone()),
    }
}

impl Diff {
    /// Whether anybody can do more afterwards.
    pub fn gains(&self) -> bool {
        self.changes.iter().any(|change| !change.gained.is_empty())
    }

    /// Whether a way opens.
    pub fn opens(&self) -> bool {
        self.ways.iter().any(|way| way.change == TurnKind::Opened)
    }

    /// Whether the API server would refuse something.
    pub fn is_refused(&self) -> bool {
        self.objects.iter().any(|object| !object.refused.is_empty())
    }
}

type Scoped<'r, 'a> = BTreeMap<Option<&'a str>, Vec<(Grant<'r, 'a>, &'r Rule<'a>)>>;

/// What one identity holds by its own name, by namespace.
fn own<'r, 'a>(state: &'r Authorizer<'a>, identity: Identity<'_>) -> Scoped<'r, 'a> {
    let mut scopes = Scoped::new();
    for grant in state.grants_to(identity) {
        let rules = grant.role.into_iter().flat_map(|role| &role.rules).map(|rule| (grant, rule));
        scopes.entry(grant.binding.namespace()).or_default().extend(rules);
    }
    scopes
}

fn changes_of(before: &Authorizer<'_>, after: &Authorizer<'_>, resources: &ApiResources<'_>, identity: Identity<'_>) -> Vec<Change> {
    let user = identity.user();
    let (had, has) = (own(before, identity), own(after, identity));
    let scopes: BTreeSet<Option<&str>> = had.keys().chain(has.keys()).copied().collect();
    let change = |namespace: Option<&str>| {
        // A RoleBinding grants no paths, and nothing that is in no namespace.
        let counts = |part: &Rule<'_>| {
            let is_of_cluster = |resource: &&str| part.api_groups.iter().all(|group| resources.is_cluster_scoped(group, resource));
            namespace.is_none() || part.is_of_resources() && !part.resources.iter().all(is_of_cluster)
        };
        let more = |granted: &Scoped<'_, '_>, there: &Authorizer<'_>, here: &Authorizer<'_>| {
            parts(there, &user, granted.get(&namespace).map(Vec::as_slice).unwrap_or_default(), here, namespace, counts)
        };
        let (gained, lost) = (more(&has, before, after), more(&had, after, before));
        let is_any = !gained.is_empty() || !lost.is_empty();
        is_any.then(|| Change { subject: Who::of(identity), namespace: namespace.map(str::to_owned), gained, lost })
    };
    scopes.into_iter().filter_map(change).collect()
}

/// What of `granted`, which holds in `here`, does not hold for `user` in `there`, of what `counts` there.
fn parts(
    there: &Authorizer<'_>,
    user: &User,
    granted: &[(Grant<'_, '_>, &Rule<'_>)],
    here: &Authorizer<'_>,
    namespace: Option<&str>,
    counts: impl Fn(&Rule<'_>) -> bool,
) -> Vec<Part> {
    if granted.is_empty() {
        return Vec::new();
    }
    let held: Vec<&Rule<'_>> = there.rules_for(user, namespace.unwrap_or_default()).into_iter().map(|(_, rule)| rule).collect();
    let mut said: Vec<&Rule<'_>> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    for (grant, rule) in granted {
        // Most rules stay as they are.
        if held.iter().chain(&said).any(|known| known.is_same(rule)) {
            continue;
        }
        let owner: Vec<&Rule<'_>> = held.iter().chain(&said).copied().collect();
        let mut missing = uncovered(&owner, std::slice::from_ref(*rule));
        missing.retain(&counts);
        for rule in alike(compact(missing)) {
            let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            parts.push(Part {
                verbs: texts(&rule.verbs),
                group: rule.api_groups.first().copied().unwrap_or_default().to_owned(),
                on: texts(if rule.is_of_resources() { &rule.resources } else { &rule.non_resource_urls }),
                name: rule.resource_names.first().map(|name| (*name).to_owned()),
                text: rule.to_string(),
                by: By::of(here.rbac(), grant, &rule),
            });
        }
        said.push(rule);
    }
    parts
}

/// Puts rules together that differ in their resources or paths only.
fn alike(rules: Vec<Rule<'_>>) -> Vec<Rule<'_>> {
    let mut together: Vec<Rule<'_>> = Vec::new();
    for rule in rules {
        let is_alike = |known: &&mut Rule<'_>| {
            let same = |rule: &Rule<'_>| rule.is_of_resources();
            (&known.verbs, &known.api_groups, &known.resource_names, same(known))
                == (&rule.verbs, &rule.api_groups, &rule.resource_names, same(&rule))
        };
        match together.iter_mut().find(is_alike) {
            Some(known) => {
                known.resources.extend(rule.resources);
                known.non_resource_urls.extend(rule.non_resource_urls);
            }
            None => together.push(rule),
        }
    }
    together
}

/// Bindings without a role that only one of the states has, or has so.
fn unknown(before: &Authorizer<'_>, after: &Authorizer<'_>) -> Vec<Unknown> {
    let (old, new) = (before.unknown(|_| true), after.unknown(|_| true));
    let key = |one: &Unknown| {
        let Unknown { binding, role_kind, role_name, subjects } = one.clone();
        (binding.kind, binding.namespace, binding.name, role_kind, role_name, subjects)
    };
    let (known_before, known_after): (BTreeSet<_>, BTreeSet<_>) = (old.iter().map(key).collect(), new.iter().map(key).collect());
    let mut one_sided: Vec<Unknown> = old.into_iter().filter(|one| !known_after.contains(&key(one))).collect();
    one_sided.extend(new.into_iter().filter(|one| !known_before.contains(&key(one))));
    one_sided
}

/// The roles and bindings that were read, by kind, namespace and name.
fn read<'r, 'a>(state: &'r Authorizer<'a>) -> BTreeMap<(&'static str, &'a str, &'a str), Object<'a>> {
    let rbac = state.rbac();
    let roles = rbac.roles.iter().filter(|role| !role.is_default).map(|role| role.object);
    let bindings = rbac.bindings.iter().filter(|binding| !binding.is_default).map(|binding| binding.object);
    let key = |object: &Object<'a>| (kind(object), object.effective_namespace(), object.name);
    roles.chain(bindings).map(|object| (key(&object), object)).collect()
}

/// In the order in which they have to be made: what is referred to comes first.
fn kind(object: &Object<'_>) -> &'static str {
    match object.kind {
        "ClusterRole" => "1 clusterroles",
        "Role" => "2 roles",
        "ClusterRoleBinding" => "3 clusterrolebindings",
        _ => "4 rolebindings",
    }
}

fn objects(before: &Authorizer<'_>, after: &Authorizer<'_>, applier: Option<&User>) -> Vec<ObjectChange> {
    let (old, new) = (read(before), read(after));
    let mut changes = Vec::new();
    for (key, object) in &new {
        let was = old.get(key);
        if was.is_some_and(|was| says_same(was, object)) {
            continue;
        }
        let change = if was.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
        let mut refused: Vec<String> = was.and_then(|was| immutable(was, object)).into_iter().collect();
        let mut needs = Vec::new();
        match applier {
            Some(user) => refused.extend(refusals(before, after, user, object, change)),
            None => needs = requirements(after, object, change),
        }
        changes.push(ObjectChange { change, object: Named::of(after.rbac(), object), refused, needs });
    }
    for object in old.iter().filter(|(key, _)| !new.contains_key(*key)).map(|(_, object)| object) {
        let change = ChangeKind::Removed;
        let (refused, needs) = match applier {
            Some(user) => (may_write(before, user, object, change).into_iter().collect(), Vec::new()),
            None => (Vec::new(), vec![writing(object, change)]),
        };
        changes.push(ObjectChange { change, object: Named::of(before.rbac(), object), refused, needs });
    }
    changes
}

/// Whether two objects of a name say the same for who may do what.
fn says_same(one: &Object<'_>, other: &Object<'_>) -> bool {
    let same = |path: &[&str]| match (one.node.at(path), other.node.at(path)) {
        (Some(one), Some(other)) => equals(one, other),
        (one, other) => one.is_none_or(Node::is_null) && other.is_none_or(Node::is_null),
    };
    same(&["rules"]) && same(&["aggregationRule"]) && same(&["roleRef"]) && same(&["subjects"]) && same(&["metadata", "labels"])
}

fn equals(one: Node<'_>, other: Node<'_>) -> bool {
    if one.is_list() || other.is_list() {
        return one.is_list()
            && other.is_list()
            && one.items().count() == other.items().count()
            && one.items().zip(other.items()).all(|(one, other)| equals(one, other));
    }
    let size = |node: Node<'_>| node.entries().count();
    if size(one) > 0 || size(other) > 0 {
        return size(one) == size(other)
            && one.entries().all(|(key, value)| other.get(key.text()).is_some_and(|other| equals(value, other)));
    }
    one.text() == other.text()
}

/// What the API server refuses to everybody (kubernetes `pkg/apis/rbac/validation`): another role for a binding.
fn immutable(was: &Object<'_>, object: &Object<'_>) -> Option<String> {
    let role = |object: &Object<'_>| ["kind", "name"].map(|key| object.node.at(&["roleRef", key]).map_or("", Node::text).to_owned());
    let (old, new) = (role(was), role(object));
    (old != new).then(|| {
        format!("`roleRef` of a binding cannot be changed ({} to {}): delete the binding, and make it anew", old.join(" "), new.join(" "))
    })
}

fn refusals(before: &Authorizer<'_>, after: &Authorizer<'_>, user: &User, object: &Object<'_>, change: ChangeKind) -> Vec<String> {
    let escalation = check_among(before, after.rbac(), user, Object { namespace: object.effective_namespace(), ..*object })
        .err()
        .map(|refusal| refusal.message().to_owned());
    may_write(before, user, object, change).into_iter().chain(escalation).collect()
}

fn plural(object: &Object<'_>) -> &'static str {
    kind(object).split_once(' ').map_or("", |(_, plural)| plural)
}

/// Why the user may not write the object at all; any verb that does it will do.
fn may_write(before: &Authorizer<'_>, user: &User, object: &Object<'_>, change: ChangeKind) -> Option<String> {
    let verbs: &[&str] = match change {
        ChangeKind::Added => &["create"],
        ChangeKind::Changed => &["patch", "update"],
        ChangeKind::Removed => &["delete"],
    };
    let may = |verb: &&str| {
        let name = if change == ChangeKind::Added { "" } else { object.name };
        before.allows(user, &Request::resource(verb, GROUP, plural(object), object.effective_namespace(), name))
    };
    (!verbs.iter().any(may)).then(|| format!("{user} may not {}", writing(object, change)))
}

/// What has to be allowed to write the object.
fn writing(object: &Object<'_>, change: ChangeKind) -> String {
    let verb = match change {
        ChangeKind::Added => "create",
        ChangeKind::Changed => "patch or update",
        ChangeKind::Removed => "delete",
    };
    let place = if object.is_cluster_scoped() { String::new() } else { format!(" in namespace {}", object.effective_namespace()) };
    format!("{verb} {}.{GROUP}{place}", plural(object))
}

/// What whoever makes the change has to hold.
fn requirements(after: &Authorizer<'_>, object: &Object<'_>, change: ChangeKind) -> Vec<String> {
    let rbac = after.rbac();
    let text = |key| object.node.at(&["roleRef", key]).map_or("", Node::text);
    let is_aggregated = object.kind == "ClusterRole" && object.node.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    let (instead, rules) = match object.kind {
        _ if is_aggregated => (format!("escalate on {}", plural(object)), everything()),
        "Role" | "ClusterRole" => (format!("escalate on {}", plural(object)), Rule::of_role(*object, &mut Vec::new())),
        _ => {
            let (kind, name) = (text("kind"), text("name"));
            let namespace = if kind == "Role" { object.effective_namespace() } else { "" };
            let instead = format!("bind on {}s named {name}", kind.to_lowercase());
            match rbac.role(kind, namespace, name) {
                Some(Role { rules, .. }) => (instead, rules.clone()),
                None => {
                    return vec![writing(object, change), format!("{instead}, since the role was not read: what it grants is not known")];
                }
            }
        }
    };
    let mut needs = vec![writing(object, change)];
    if !rules.is_empty() {
        let rules: Vec<String> = rules.iter().map(Rule::to_string).collect();
        needs.push(format!("{}; or else {instead}", rules.join("; ")));
    }
    needs
}
