//! The authorizer against another one that is slow and plainly right: it is written from the Kubernetes documentation (*Using
//! RBAC Authorization*), looks through everything for every request, and shares no code with the engine.
//!
//! Worlds are small and made of few words, so that rules, names and selectors meet; every request that these words can make is
//! asked for every user in every world.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_model::rbac::{Defaults, Rbac, Request, User};
use plimsoll_model::{Document, Limits, Origin, Source, parse};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const WORLDS: u64 = 240;

const VERBS: &[&str] = &["get", "list", "create", "delete"];
const GROUPS: &[&str] = &["", "apps"];
const RESOURCES: &[(&str, &str)] = &[("pods", ""), ("pods", "log"), ("deployments", "scale"), ("deployments", ""), ("nodes", "log")];
const NAMES: &[&str] = &["", "x", "\"y\n\u{1f6a2}"];
const NAMESPACES: &[&str] = &["", "a", "b", "default"];
const PATHS: &[&str] = &["/healthz", "/api", "/api/v1", "/", "*"];

// What rules say, which is more than what is asked.
const SAID_VERBS: &[&str] = &["get", "list", "create", "*", "GET", ""];
const SAID_GROUPS: &[&str] = &["", "apps", "*", "batch"];
const SAID_RESOURCES: &[&str] =
    &["pods", "pods/log", "*/log", "*", "deployments", "deployments/scale", "*/scale", "pods/*", "*/*", "nodes", "", "/log"];
const SAID_PATHS: &[&str] = &["/healthz", "/api/*", "*", "/api", "/ap*", "/a**", "", "/*/v1"];

/// Users with their groups.
const USERS: &[(&str, &[&str])] = &[
    ("ann", &[]),
    ("ann", &["dev", "system:authenticated"]),
    ("bob", &["ops"]),
    ("system:serviceaccount:a:x", &["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]),
    ("system:serviceaccount:b:x", &["system:serviceaccounts", "system:serviceaccounts:b"]),
    ("system:serviceaccount:default:x", &[]),
    ("system:serviceaccount:a:", &["dev"]),
    ("", &["ops", "dev"]),
    ("system:anonymous", &["system:unauthenticated"]),
    ("root", &["system:masters"]),
];

/// Subjects as bindings say them: kind, namespace, name.
const SUBJECTS: &[(&str, &str, &str)] = &[
    ("User", "", "ann"),
    ("User", "", "bob"),
    ("User", "", "system:serviceaccount:a:x"),
    ("User", "", "system:anonymous"),
    ("Group", "", "dev"),
    ("Group", "", "ops"),
    ("Group", "", "system:serviceaccounts:a"),
    ("Group", "", "system:authenticated"),
    ("Group", "", "ann"),
    ("ServiceAccount", "a", "x"),
    ("ServiceAccount", "b", "x"),
    ("ServiceAccount", "", "x"),
    ("Robot", "", "ann"),
    ("User", "", ""),
];

const LABELS: &[(&str, &str)] = &[("to", "admin"), ("to", "view"), ("team", "web"), ("aggregate", "true")];

struct Rule {
    verbs: Vec<&'static str>,
    groups: Vec<&'static str>,
    resources: Vec<&'static str>,
    names: Vec<&'static str>,
    paths: Vec<&'static str>,
}

enum Selector {
    Label(&'static str, &'static str),
    In(&'static str, &'static str),
    NotIn(&'static str, &'static str),
    Exists(&'static str),
    DoesNotExist(&'static str),
    Everything,
}

struct Role {
    /// Empty for a ClusterRole.
    namespace: &'static str,
    name: String,
    labels: Vec<(&'static str, &'static str)>,
    selectors: Option<Vec<Selector>>,
    rules: Vec<Rule>,
}

struct Binding {
    /// Empty for a ClusterRoleBinding.
    namespace: &'static str,
    name: String,
    role_kind: &'static str,
    role_name: String,
    subjects: Vec<(&'static str, &'static str, &'static str)>,
}

struct World {
    roles: Vec<Role>,
    bindings: Vec<Binding>,
}

#[derive(Clone, Copy)]
enum Asked {
    Resource {
        verb: &'static str,
        group: &'static str,
        resource: &'static str,
        sub: &'static str,
        namespace: &'static str,
        name: &'static str,
    },
    Path {
        verb: &'static str,
        path: &'static str,
    },
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % sides as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    /// Mostly a few, now and then none.
    fn some<T: Copy>(&mut self, of: &[T]) -> Vec<T> {
        let many = [1, 2, 2, 3, 3, 4, 0][self.roll(7)];
        (0..many).map(|_| self.one(of)).collect()
    }
}

// --- A world

fn rule(dice: &mut Dice) -> Rule {
    let is_of_paths = dice.roll(6) == 0;
    let of = |dice: &mut Dice, words: &[&'static str]| if is_of_paths { Vec::new() } else { dice.some(words) };
    Rule {
        verbs: dice.some(SAID_VERBS),
        groups: of(dice, SAID_GROUPS),
        resources: of(dice, SAID_RESOURCES),
        names: if dice.roll(3) == 0 { of(dice, NAMES) } else { Vec::new() },
        paths: if is_of_paths || dice.roll(20) == 0 { dice.some(SAID_PATHS) } else { Vec::new() },
    }
}

fn selector(dice: &mut Dice) -> Selector {
    let (key, value) = dice.one(LABELS);
    match dice.roll(9) {
        0..4 => Selector::Label(key, value),
        4 => Selector::In(key, value),
        5 => Selector::NotIn(key, value),
        6 => Selector::Exists(key),
        7 => Selector::DoesNotExist(key),
        _ => Selector::Everything,
    }
}

fn world(dice: &mut Dice) -> World {
    let mut roles = Vec::new();
    for number in 0..9 {
        let is_cluster = number < 6;
        let selectors = (is_cluster && dice.roll(3) == 0).then(|| (0..=dice.roll(2)).map(|_| selector(dice)).collect());
        let mut labels = dice.some(LABELS);
        labels.sort_unstable();
        labels.dedup_by_key(|(key, _)| *key);
        roles.push(Role {
            namespace: if is_cluster { "" } else { ["a", "b", "default"][number % 3] },
            name: if is_cluster { format!("r{number}") } else { format!("r{}", number % 2) },
            labels,
            selectors,
            rules: (0..dice.roll(4)).map(|_| rule(dice)).collect(),
        });
    }
    let mut bindings = Vec::new();
    for number in 0..9 {
        let is_cluster = number < 3;
        let role_kind = if dice.roll(if is_cluster { 5 } else { 2 }) == 0 { "Role" } else { "ClusterRole" };
        bindings.push(Binding {
            namespace: if is_cluster { "" } else { ["a", "b", "default"][dice.roll(3)] },
            name: format!("b{number}"),
            role_kind,
            // One role is missing.
            role_name: format!("r{}", dice.roll(if role_kind == "Role" { 3 } else { 7 })),
            subjects: (0..dice.roll(5)).map(|_| dice.one(SUBJECTS)).collect(),
        });
    }
    World { roles, bindings }
}

impl World {
    fn documents(&self) -> Vec<Document> {
        let objects = self.roles.iter().map(Role::object).chain(self.bindings.iter().map(Binding::object));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.collect::<Vec<_>>()});
        parse(&Source::new("world", Origin::File, list.to_string()), Limits::default()).0
    }
}

impl Role {
    fn object(&self) -> Value {
        let rules: Vec<Value> = self.rules.iter().map(Rule::object).collect();
        let labels: serde_json::Map<_, _> = self.labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let mut object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if self.namespace.is_empty() { "ClusterRole" } else { "Role" },
            "metadata": {"name": self.name, "labels": labels},
            "rules": rules,
        });
        // `default` is where an object goes that names no namespace.
        if !matches!(self.namespace, "" | "default") {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        if let Some(selectors) = &self.selectors {
            let selectors: Vec<Value> = selectors.iter().map(Selector::object).collect();
            object["aggregationRule"] = json!({"clusterRoleSelectors": selectors});
        }
        object
    }
}

impl Rule {
    fn object(&self) -> Value {
        let mut object = json!({"verbs": self.verbs});
        let lists =
            [("apiGroups", &self.groups), ("resources", &self.resources), ("resourceNames", &self.names), ("nonResourceURLs", &self.paths)];
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            object[key] = json!(list);
        }
        object
    }
}

impl Selector {
    fn object(&self) -> Value {
        let expression = |key, operator, values: Option<&str>| {
            let mut expression = json!({"key": key, "operator": operator});
            if let Some(value) = values {
                expression["values"] = json!([value, "other"]);
            }
            json!({"matchExpressions": [expression]})
        };
        match self {
            Self::Label(key, value) => json!({"matchLabels": {*key: value}}),
            Self::In(key, value) => expression(key, "In", Some(value)),
            Self::NotIn(key, value) => expression(key, "NotIn", Some(value)),
            Self::Exists(key) => expression(key, "Exists", None),
            Self::DoesNotExist(key) => expression(key, "DoesNotExist", None),
            Self::Everything => json!({}),
        }
    }
}

impl Binding {
    fn object(&self) -> Value {
        let subject = |(kind, namespace, name): &(&str, &str, &str)| {
            let mut subject = json!({"kind": kind, "name": name});
            if !namespace.is_empty() {
                subject["namespace"] = json!(namespace);
            }
            subject
        };
        let mut object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if self.namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" },
            "metadata": {"name": self.name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": self.role_kind, "name": self.role_name},
            "subjects": self.subjects.iter().map(subject).collect::<Vec<_>>(),
        });
        if !matches!(self.namespace, "" | "default") {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        object
    }
}

// --- The slow authorizer

/// *Aggregated ClusterRoles*: the rules that a role comes to are those of the roles that it selects, until nothing is added.
fn rules_of(world: &World) -> Vec<Vec<&Rule>> {
    let own = |role: &'_ Role| role.selectors.is_none();
    let mut rules: Vec<Vec<&Rule>> =
        world.roles.iter().map(|role| if own(role) { role.rules.iter().collect() } else { Vec::new() }).collect();
    loop {
        let mut changed = false;
        for (at, role) in world.roles.iter().enumerate() {
            let Some(selectors) = &role.selectors else { continue };
            for (other, part) in world.roles.iter().enumerate() {
                if other != at && part.namespace.is_empty() && selectors.iter().any(|selector| selects(selector, &part.labels)) {
                    for rule in rules[other].clone() {
                        if !rules[at].iter().any(|known| std::ptr::eq(*known, rule)) {
                            rules[at].push(rule);
                            changed = true;
                        }
                    }
                }
            }
        }
        if !changed {
            return rules;
        }
    }
}

fn selects(selector: &Selector, labels: &[(&str, &str)]) -> bool {
    let value = |wanted: &str| labels.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    match selector {
        Selector::Label(key, wanted) | Selector::In(key, wanted) => value(key) == Some(wanted),
        Selector::NotIn(key, wanted) => value(key) != Some(wanted),
        Selector::Exists(key) => value(key).is_some(),
        Selector::DoesNotExist(key) => value(key).is_none(),
        Selector::Everything => true,
    }
}

fn rule_allows(rule: &Rule, asked: Asked) -> bool {
    let has = |list: &[&str], word: &str| list.contains(&"*") || list.contains(&word);
    match asked {
        Asked::Resource { verb, group, resource, sub, name, .. } => {
            let resource_is_said = if sub.is_empty() {
                has(&rule.resources, resource)
            } else {
                has(&rule.resources, &format!("{resource}/{sub}")) || rule.resources.contains(&format!("*/{sub}").as_str())
            };
            has(&rule.verbs, verb) && has(&rule.groups, group) && resource_is_said && (rule.names.is_empty() || rule.names.contains(&name))
        }
        Asked::Path { verb, path } => {
            let covers = |said: &&str| *said == path || said.ends_with('*') && path.starts_with(said.trim_end_matches('*'));
            has(&rule.verbs, verb) && rule.paths.iter().any(covers)
        }
    }
}

/// The role that a binding grants, by its place.
fn granted(world: &World, binding: &Binding) -> Option<usize> {
    let namespace = match (binding.role_kind, binding.namespace) {
        ("ClusterRole", _) => "",
        // A ClusterRoleBinding cannot grant a Role.
        ("Role", "") => return None,
        ("Role", namespace) => namespace,
        _ => return None,
    };
    world.roles.iter().position(|role| role.namespace == namespace && role.name == binding.role_name)
}

fn is_meant(subject: &(&str, &str, &str), binding: &Binding, user: &str, groups: &[&str]) -> bool {
    let (kind, namespace, name) = *subject;
    match kind {
        _ if name.is_empty() => false,
        "User" => user == name,
        "Group" => groups.contains(&name),
        "ServiceAccount" => {
            let namespace = if namespace.is_empty() { binding.namespace } else { namespace };
            !namespace.is_empty() && user == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn reaches(binding: &Binding, asked: Asked) -> bool {
    match asked {
        _ if binding.namespace.is_empty() => true,
        Asked::Resource { namespace, .. } => namespace == binding.namespace,
        Asked::Path { .. } => false,
    }
}

/// The bindings that allow a request, whomever they name.
fn allowing(world: &World, rules: &[Vec<&Rule>], asked: Asked) -> Vec<usize> {
    let allows = |at: &usize| {
        let binding = &world.bindings[*at];
        let role = granted(world, binding);
        reaches(binding, asked) && role.is_some_and(|role| rules[role].iter().any(|rule| rule_allows(rule, asked)))
    };
    (0..world.bindings.len()).filter(allows).collect()
}

// --- Both

fn questions() -> Vec<Asked> {
    let mut questions = Vec::new();
    for verb in VERBS {
        for group in GROUPS {
            for (resource, sub) in RESOURCES {
                for namespace in NAMESPACES {
                    questions.extend(NAMES.iter().map(|name| Asked::Resource { verb, group, resource, sub, namespace, name }));
                }
            }
        }
        questions.extend(PATHS.iter().map(|path| Asked::Path { verb, path }));
    }
    questions
}

fn request(asked: Asked) -> Request<'static> {
    match asked {
        Asked::Path { verb, path } => Request::path(verb, path),
        Asked::Resource { verb, group, resource, sub, namespace, name } => Request {
            verb,
            target: plimsoll_model::rbac::Target::Resource(plimsoll_model::rbac::Resource {
                group,
                resource,
                subresource: sub,
                namespace,
                name,
            }),
        },
    }
}

fn show(rule: &plimsoll_model::rbac::Rule<'_>) -> String {
    format!("{:?}", (&rule.verbs, &rule.api_groups, &rule.resources, &rule.resource_names, &rule.non_resource_urls))
}

/// Asks everything of one world, and returns how many decisions were compared.
fn compare(seed: u64) -> usize {
    let world = world(&mut Dice(seed));
    let documents = world.documents();
    let objects = documents.iter().flat_map(|document| document.objects().0);
    let authorizer = Authorizer::of(Rbac::of(objects, Defaults::Leave));
    assert_eq!(authorizer.rbac().roles.len(), world.roles.len(), "world {seed}");
    let rules = rules_of(&world);
    let users: Vec<User> = USERS.iter().map(|(name, groups)| User::exactly(*name, groups.iter().copied())).collect();
    let number = |name: &str| name.trim_start_matches('b').parse::<usize>().expect("a number");
    let mut decisions = 0;
    for asked in questions() {
        let request = request(asked);
        let allowing = allowing(&world, &rules, asked);
        for (user, (name, groups)) in users.iter().zip(USERS) {
            let meant =
                |at: &usize| world.bindings[*at].subjects.iter().any(|subject| is_meant(subject, &world.bindings[*at], name, groups));
            let by: Vec<usize> = allowing.iter().copied().filter(meant).collect();
            let wanted = groups.contains(&"system:masters") || !by.is_empty();
            let decision = authorizer.authorize(user, &request);
            assert_eq!(decision.is_allowed(), wanted, "world {seed}: {user:?} {request:?}");
            assert_eq!(authorizer.allows(user, &request), wanted, "world {seed}: {user:?} {request:?}");
            if let Some((grant, rule)) = decision.allowed_by {
                assert!(by.contains(&number(grant.binding.object.name)), "world {seed}: {user:?} {request:?} by {grant:?}");
                assert!(rule.allows(&request), "world {seed}: {rule:?}");
            }
            decisions += 1;
        }
        let found: BTreeSet<(usize, usize)> =
            authorizer.who_can(&request).iter().map(|(grant, _)| (number(grant.binding.object.name), grant.subject.index)).collect();
        let is_somebody = |binding: &Binding, (kind, namespace, name): &(&str, &str, &str)| {
            let has_place = !namespace.is_empty() || !binding.namespace.is_empty();
            !name.is_empty() && (matches!(*kind, "User" | "Group") || *kind == "ServiceAccount" && has_place)
        };
        let wanted: BTreeSet<(usize, usize)> = allowing
            .iter()
            .flat_map(|at| {
                let binding = &world.bindings[*at];
                let subjects = binding.subjects.iter().enumerate().filter(move |(_, subject)| is_somebody(binding, subject));
                subjects.map(move |(place, _)| (*at, place))
            })
            .collect();
        assert_eq!(found, wanted, "world {seed}: who can {request:?}");
    }
    for (user, (name, groups)) in users.iter().zip(USERS) {
        for namespace in NAMESPACES {
            let holds = |binding: &&Binding| {
                (binding.namespace.is_empty() || binding.namespace == *namespace)
                    && binding.subjects.iter().any(|subject| is_meant(subject, binding, name, groups))
            };
            let roles = world.bindings.iter().filter(holds).filter_map(|binding| granted(&world, binding));
            // What two roles say alike, an aggregated one says once.
            let wanted: BTreeSet<String> = roles
                .flat_map(|role| &rules[role])
                .map(|rule| format!("{:?}", (&rule.verbs, &rule.groups, &rule.resources, &rule.names, &rule.paths)))
                .collect();
            let found: BTreeSet<String> = authorizer.rules_for(user, namespace).iter().map(|(_, rule)| show(rule)).collect();
            assert_eq!(found, wanted, "world {seed}: the rules of {user:?} in {namespace:?}");
        }
    }
    decisions
}

#[test]
fn decisions_are_those_of_a_slow_and_plainly_right_authorizer() {
    let decisions: usize = (0..WORLDS).into_par_iter().map(compare).sum();
    assert!(decisions >= 1_000_000, "{decisions} decisions");
}

/// The worlds are worth asking about: a good part of the decisions is yes, and roles are aggregated, in circles too.
#[test]
fn worlds_have_something_to_say() {
    let (mut yes, mut all, mut aggregated) = (0, 0, 0);
    for seed in 0..20 {
        let world = world(&mut Dice(seed));
        let rules = rules_of(&world);
        aggregated += world.roles.iter().zip(&rules).filter(|(role, rules)| role.selectors.is_some() && !rules.is_empty()).count();
        for asked in questions() {
            all += 1;
            yes += usize::from(!allowing(&world, &rules, asked).is_empty());
        }
    }
    assert!(yes * 10 > all && yes * 10 < all * 9, "{yes} of {all}");
    assert!(aggregated > 10, "{aggregated}");
}
