//! What can be taken away, and which edges go with it.

use super::Goal;
use crate::graph::primitive::{Need, Primitive};
use crate::graph::{Edge, Evidence, Graph, Power, Scope, Step, Vertex};
use plimsoll_model::rbac::{Binding, Identity, Role, Rule, Subject, is_bootstrapped};
use plimsoll_model::{Object, escape};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Something that can be taken away by one change of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The object's place in the inventory.
    pub object: u32,
    /// What of it.
    pub part: Part,
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A subject of a binding, by its index.
    Subject(u32),
    /// A rule of a role, by its index, or the rights of it that matter.
    Rule(u32),
    /// A field below the spec of a pod: `/hostPID`.
    Pod(String),
    /// That a namespace enforces no Pod Security level.
    Level,
    /// An annotation.
    Annotation(String),
    /// The object as a whole.
    Whole,
}

/// A right that somebody would lose.
#[derive(Debug)]
pub struct Held<'h, 'a> {
    /// By which binding it is held.
    pub binding: &'h Binding<'a>,
    /// By which subject of it.
    pub subject: &'h Subject<'a>,
    /// The role.
    pub role: &'h Role<'a>,
    /// Its rule.
    pub rule: &'h Rule<'a>,
    /// What of the rule would be lost; `None` for all of it.
    pub lost: Option<&'static Need>,
}

/// A need of a primitive, by its place.
type Right = (&'static Primitive, usize);

/// The same by the primitive's name.
pub(super) type RightName = (&'static str, usize);

/// A unit with the right that it takes away, where it is of a rule.
pub(super) type Cover = (u32, Option<RightName>);

/// The units of all edges that were asked about.
pub(super) struct Units<'u> {
    goal: &'u Goal<'u>,
    /// The place of each object by where it stands.
    places: HashMap<(usize, usize), u32>,
    pub(super) table: Vec<Unit>,
    ids: BTreeMap<Unit, u32>,
    pub(super) weights: Vec<u64>,
    /// Why a right of a rule is in use, by the rule and the right.
    used: BTreeMap<(u32, u32, &'static str, usize), Option<String>>,
    used_subjects: BTreeMap<(u32, u32), Option<String>>,
    /// What would have been taken away if it were not in use, with the uses.
    pub(super) kept: BTreeMap<Unit, BTreeSet<String>>,
}

/// How many changes one weighs, in the weight of what else it takes away.
pub(super) const CHANGE: u64 = 1 << 20;

/// Which index something had before objects were changed, by the object's place.
pub(super) type Origins = BTreeMap<u32, Vec<u32>>;

fn key(object: &Object<'_>) -> (usize, usize) {
    (std::ptr::from_ref(object.node.document()) as usize, object.node.span().range().start)
}

impl<'u> Units<'u> {
    pub(super) fn new(goal: &'u Goal<'u>) -> Self {
        let (places, table, ids, weights) = (HashMap::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { goal, places, table, ids, weights, used: BTreeMap::new(), used_subjects: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// Says as which object of the inventory one counts.
    pub(super) fn locate(&mut self, place: u32, object: &Object<'_>) {
        self.places.insert(key(object), place);
    }

    pub(super) fn place(&self, object: &Object<'_>) -> Option<u32> {
        self.places.get(&key(object)).copied()
    }

    pub(super) fn get(&self, id: u32) -> Option<&Unit> {
        self.table.get(id as usize)
    }

    pub(super) fn weight(&self, id: u32) -> u64 {
        self.weights.get(id as usize).copied().unwrap_or(CHANGE)
    }

    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    fn id(&mut self, unit: Unit, collateral: usize) -> u32 {
        if let Some(id) = self.ids.get(&unit) {
            return *id;
        }
        let id = self.table.len() as u32;
        self.weights.push(u64::from((self.goal.cost)(&unit).max(1)) * CHANGE + collateral.min(999) as u64);
        self.table.push(unit.clone());
        self.ids.insert(unit, id);
        id
    }

    /// The changes each of which takes an edge away, in order, with the right of the rule where it is one; empty where nothing
    /// can.
    pub(super) fn of_edge(&mut self, graph: &Graph<'_, '_>, origins: &Origins, edge: &Edge<'_>) -> Vec<Cover> {
        let mut found: Vec<Cover> = Vec::new();
        let mut rule = |units: &mut Self, role: u32, rule: u32, need: usize| {
            if let Step::Primitive(primitive) = edge.step {
                found.extend(units.rule(graph, origins, role, rule, (primitive, need)).map(|id| (id, Some((primitive.name, need)))));
            }
        };
        match &edge.evidence {
            Evidence::Rule(role, at) => rule(self, *role, *at, 0),
            Evidence::Rules(granted) => {
                for (need, granted) in granted.iter().enumerate() {
                    rule(self, granted.role, granted.rule, need);
                }
                for granted in granted {
                    found.extend(self.subject(graph, origins, granted.binding, granted.subject).map(|id| (id, None)));
                }
            }
            Evidence::Binding(binding, subject) => found.extend(self.subject(graph, origins, *binding, *subject).map(|id| (id, None))),
            Evidence::Object(_) | Evidence::Nothing => found.extend(self.setting(graph, edge).map(|id| (id, None))),
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn subject(&mut self, graph: &Graph<'_, '_>, origins: &Origins, binding: u32, subject: u32) -> Option<u32> {
        let rbac = graph.authorizer.rbac();
        let one = rbac.bindings.get(binding as usize).filter(|one| is_ours(&one.object, one.is_default))?;
        let place = self.place(&one.object)?;
        let role = rbac.granted(one);
        let subject = one.subjects.get(subject as usize)?;
        let index = original(origins, place, subject.index);
        let used = self.used_subjects.entry((place, index)).or_insert_with(|| {
            let role = role?;
            role.rules.iter().find_map(|rule| self.goal.use_of(&Held { binding: one, subject, role, rule, lost: None }))
        });
        let (used, unit) = (used.clone(), Unit { object: place, part: Part::Subject(index) });
        self.unless_used(unit, used, role.map_or(0, |role| role.rules.len()))
    }

    fn rule(&mut self, graph: &Graph<'_, '_>, origins: &Origins, role: u32, rule: u32, right: Right) -> Option<u32> {
        let rbac = graph.authorizer.rbac();
        let rule = rbac.roles.get(role as usize)?.rules.get(rule as usize)?;
        if !is_ours(&rule.role, false) {
            return None;
        }
        let place = self.place(&rule.role)?;
        let index = original(origins, place, rule.index);
        let used = self.use_of(graph, place, index, role, rule, right);
        let bound: usize = graph.authorizer.bindings_of(role as usize).map(|binding| binding.subjects.len()).take(1000).sum();
        self.unless_used(Unit { object: place, part: Part::Rule(index) }, used, bound)
    }

    fn unless_used(&mut self, unit: Unit, used: Option<String>, collateral: usize) -> Option<u32> {
        let Some(used) = used else { return Some(self.id(unit, collateral)) };
        self.kept.entry(unit).or_default().insert(used);
        None
    }

    /// Whether anybody who holds the rule of a role, by their places, uses what would go.
    pub(super) fn uses(&mut self, graph: &Graph<'_, '_>, role: u32, rule: u32, right: Right) -> bool {
        let Some(one) = graph.authorizer.rbac().roles.get(role as usize).and_then(|role| role.rules.get(rule as usize)) else {
            return false;
        };
        let Some(place) = self.place(&one.role) else { return true };
        let index = u32::try_from(one.index).unwrap_or(u32::MAX);
        self.use_of(graph, place, index, role, one, right).is_some()
    }

    /// How anybody who holds the rule uses what would go.
    fn use_of(
        &mut self,
        graph: &Graph<'_, '_>,
        place: u32,
        index: u32,
        role: u32,
        rule: &Rule<'_>,
        (primitive, need): Right,
    ) -> Option<String> {
        let key = (place, index, primitive.name, need);
        if let Some(used) = self.used.get(&key) {
            return used.clone();
        }
        let rbac = graph.authorizer.rbac();
        let lost = primitive.needs.get(need);
        // Roles that are made of this one hold the rule too.
        let holds = |one: &&Role<'_>| one.rules.iter().any(|one| one.index == rule.index && self.place(&one.role) == Some(place));
        let own = rbac.roles.get(role as usize);
        let is_aggregated = own.is_some_and(|own| self.place(&own.object) != Some(place)) || is_labelled(&rule.role);
        let roles: Vec<usize> = match is_aggregated {
            true => (0..rbac.roles.len()).filter(|at| rbac.roles.get(*at).filter(holds).is_some()).collect(),
            false => vec![role as usize],
        };
        let used = roles.into_iter().find_map(|at| {
            let role = rbac.roles.get(at)?;
            let mut holders =
                graph.authorizer.bindings_of(at).flat_map(|binding| binding.subjects.iter().map(move |subject| (binding, subject)));
            holders.find_map(|(binding, subject)| self.goal.use_of(&Held { binding, subject, role, rule, lost }))
        });
        self.used.insert(key, used.clone());
        used
    }

    /// Changes of pods, namespaces, Secrets and annotations.
    fn setting(&mut self, graph: &Graph<'_, '_>, edge: &Edge<'_>) -> Option<u32> {
        let Step::Setting(setting) = edge.step else { return None };
        let from = graph.vertex(edge.from)?;
        if let Vertex::Power(Power::HostPods, Scope::Namespace(namespace)) = from {
            let object = graph.inventory.find("Namespace", "", namespace).filter(|_| !is_of_kubernetes(namespace))?;
            let needs_it = graph.inventory.in_namespace(namespace).any(|workload| !(self.goal.is_baseline)(&workload.pod));
            let place = self.place(&object).filter(|_| !needs_it)?;
            return Some(self.id(Unit { object: place, part: Part::Level }, 2));
        }
        let Evidence::Object(evidence) = &edge.evidence else { return None };
        let (object, pointer) = evidence.as_ref();
        let place = self.place(object)?;
        if let Vertex::Workload(at) = from {
            // A volume that the pod claims shows it too, and is no part of the pod.
            let workload = graph.workload(at).filter(|workload| workload.object.id() == object.id() && !is_system_pod(object))?;
            let below = pointer.strip_prefix(&format!("{}/spec", workload.pod.pointer)).unwrap_or(pointer);
            let field = match setting.name {
                "mounted-token" => {
                    let field = "/automountServiceAccountToken".to_owned();
                    let used = use_of_account(self.goal, graph, edge);
                    return self.unless_used(Unit { object: place, part: Part::Pod(field) }, used, 3);
                }
                "host-ipc" => "/hostIPC",
                "host-pid" => "/hostPID",
                "host-path" | "host-path-read" | "runtime-socket" | "core-pattern" | "log-directory" | "pod-tokens" => {
                    below.strip_suffix("/hostPath/path")?
                }
                "privileged-container" | "host-process" | "capability" => below,
                // Pods on a network of their own reach it unless a policy keeps them from it.
                "instance-metadata" if below != "/hostNetwork" => return None,
                "host-network" | "instance-metadata" => "/hostNetwork",
                _ => return None,
            };
            return Some(self.id(Unit { object: place, part: Part::Pod(field.to_owned()) }, 3));
        }
        match setting.name {
            "workload-identity" => {
                let name = plimsoll_model::tokens(pointer).next_back()?.into_owned();
                Some(self.id(Unit { object: place, part: Part::Annotation(name) }, 3))
            }
            "token-secret" => Some(self.id(Unit { object: place, part: Part::Whole }, 1)),
            _ => None,
        }
    }

    /// What holds an edge although something could take it away: who uses it, for the user.
    pub(super) fn kept_for(&self, graph: &Graph<'_, '_>, edge: &Edge<'_>) -> Option<String> {
        let rbac = graph.authorizer.rbac();
        let by_rule = |role: u32, rule: u32, lost: Option<&'static Need>| {
            let (at, role) = (role as usize, rbac.roles.get(role as usize)?);
            let rule = role.rules.get(rule as usize)?;
            let mut holders =
                graph.authorizer.bindings_of(at).flat_map(|binding| binding.subjects.iter().map(move |subject| (binding, subject)));
            holders.find_map(|(binding, subject)| self.goal.use_of(&Held { binding, subject, role, rule, lost }))
        };
        match (&edge.evidence, edge.step) {
            (Evidence::Binding(binding, subject), _) => {
                let binding = rbac.bindings.get(*binding as usize)?;
                let (subject, role) = (binding.subjects.get(*subject as usize)?, rbac.granted(binding)?);
                role.rules.iter().find_map(|rule| self.goal.use_of(&Held { binding, subject, role, rule, lost: None }))
            }
            (Evidence::Rule(role, rule), Step::Primitive(primitive)) => by_rule(*role, *rule, primitive.needs.first()),
            (Evidence::Rules(granted), Step::Primitive(primitive)) => {
                granted.iter().zip(primitive.needs).find_map(|(one, need)| by_rule(one.role, one.rule, Some(need)))
            }
            (_, Step::Setting(setting)) if setting.name == "mounted-token" => use_of_account(self.goal, graph, edge),
            _ => None,
        }
    }
}

/// What the account does that a mounted token is of.
fn use_of_account(goal: &Goal<'_>, graph: &Graph<'_, '_>, edge: &Edge<'_>) -> Option<String> {
    let Some(Vertex::Identity(identity @ Identity::ServiceAccount(..))) = graph.vertex(edge.to) else { return None };
    Some(format!("{identity} uses its token: {}", (goal.acts)(identity)?))
}

fn original(origins: &Origins, place: u32, index: usize) -> u32 {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    origins.get(&place).map_or(index, |origins| origins.get(index as usize).copied().unwrap_or(u32::MAX))
}

/// Whether it is a user's to change: not a role or binding that the API server makes, and makes again.
fn is_ours(object: &Object<'_>, is_default: bool) -> bool {
    !is_default && !is_bootstrapped(object) && !object.name.starts_with("system:")
}

fn is_labelled(role: &Object<'_>) -> bool {
    role.kind == "ClusterRole" && role.node.at(&["metadata", "labels"]).is_some_and(|labels| labels.entries().next().is_some())
}

fn is_of_kubernetes(namespace: &str) -> bool {
    matches!(namespace, "kube-system" | "kube-public" | "kube-node-lease")
}

/// Whether a pod belongs to Kubernetes: the control plane, the proxy, DNS, what a kubelet runs from its files.
fn is_system_pod(object: &Object<'_>) -> bool {
    let is_mirror = object.node.at(&["metadata", "annotations"]).is_some_and(|notes| notes.get("kubernetes.io/config.mirror").is_some());
    let is_part = object.label("tier") == Some("control-plane") || matches!(object.label("k8s-app"), Some("kube-proxy" | "kube-dns"));
    is_mirror || object.effective_namespace() == "kube-system" && (is_part || matches!(object.name, "kube-proxy" | "coredns"))
}

/// The pointer of an annotation.
pub(super) fn annotation(name: &str) -> String {
    format!("/metadata/annotations/{}", escape(name))
}
