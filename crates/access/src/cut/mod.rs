//! The fewest changes after which no way leads from chosen sources to chosen sinks.
//!
//! Every way is a set of changes each of which closes it; a cut hits all of these sets. They are not listed: the smallest set
//! that hits those that are known is made for real, and a way that is still open is the next set (*implicit hitting sets*).
//! When none is left, no smaller set can do, as even the known ways need as much. What large worlds ask for is bounded:
//! above [`ROUNDS`] rounds or the budget of the exact search the answer is a cut without a needless change, and says that
//! it is not proven to be the smallest.
//!
//! A cut is verified: the objects are changed, read and judged again.

mod apply;
mod hitting;
mod log;
mod net;
mod rules;
mod units;

pub use log::InUse;
pub use units::{Held, Part, Unit};

use crate::graph::{Evidence, Graph, Sink, Situation, Vertex};
use crate::least::UNSEEN_VERBS;
use apply::Changed;
use net::{Net, Pair, Removal, Way};
use plimsoll_model::rbac::{Defaults, Identity, Rule};
use plimsoll_model::{Node, Object, ObjectId, PatchOp, Pod, WorkloadKinds};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use units::{CHANGE, Origins, Units};

/// How often the world is made anew, and how often ways are looked for, before the rest is cut by greed.
const ROUNDS: usize = 400;
/// How many ways are remembered.
const WAYS: usize = 20_000;

/// What is to be cut, and by what means.
pub struct Goal<'q> {
    /// Where the ways start, by their places.
    pub sources: &'q [u32],
    /// Where they end.
    pub sinks: &'q [Sink<'q>],
    /// What the graph was made with.
    pub situation: &'q Situation,
    /// What carries a pod template.
    pub kinds: &'q WorkloadKinds,
    /// What the authorizer was made with.
    pub defaults: Defaults,
    /// How a right that would be lost is in use, in words: then it stays.
    pub in_use: &'q dyn Fn(&Held<'_, '_>) -> Option<String>,
    /// What an account does, in words: then its token stays mounted.
    pub acts: &'q dyn Fn(Identity<'_>) -> Option<String>,
    /// Whether the Pod Security level `baseline` lets a pod, as that engine says: only then it can be enforced.
    pub is_baseline: &'q dyn Fn(&Pod<'_>) -> bool,
    /// What a change costs; 1 for all looks for the fewest.
    pub cost: &'q dyn Fn(&Unit) -> u32,
}

impl Goal<'_> {
    /// Who uses a right and how, in words.
    fn use_of(&self, held: &Held<'_, '_>) -> Option<String> {
        let used = (self.in_use)(held)?;
        let (binding, role) = (held.binding.object.id(), held.role.object.id());
        Some(format!("{} uses it, by {binding} and {role}: {used}", held.subject.identity))
    }
}

/// A cut.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cut {
    /// How many pairs of a source and a sink a way joined that can be closed.
    pub pairs: usize,
    /// What is to be changed, what closes most first.
    pub changes: Vec<Change>,
    /// The objects that change, with all that changes about them.
    pub objects: Vec<ChangedObject>,
    /// Whether no cheaper set of changes is a cut.
    pub is_smallest: bool,
    /// What every cut costs at least.
    pub at_least: u64,
    /// What is on the ways and would be less of a change, or close what stays open, but is in use.
    pub kept: Vec<Kept>,
    /// The pairs that nothing closes which may be changed.
    pub open: Vec<Open>,
    /// The pairs that a way still joined when the changed objects were read again; empty for a cut that is one.
    pub remaining: Vec<Open>,
}

/// One change.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What to do, as a sentence without a full stop.
    pub what: String,
    /// The object.
    pub object: ObjectId,
    /// Where it stands: file and line.
    pub place: String,
    /// JSON pointer to what changes.
    pub pointer: String,
    /// What the rule says afterwards, for one that is split.
    pub leaves: Vec<String>,
    /// Verbs that go whose use no audit log shows ([`UNSEEN_VERBS`]): whether they are in use is not known.
    pub unseen: Vec<String>,
    /// How many pairs stay joined without this change, if all others are made.
    pub closes: usize,
}

/// An object that changes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedObject {
    /// Which.
    pub object: ObjectId,
    /// Where it stands.
    pub place: String,
    /// JSON Patch (RFC 6902).
    pub patch: Vec<PatchOp>,
    /// Whether it is to be deleted: a binding without subjects, a Secret with a token.
    pub delete: bool,
    /// The object afterwards.
    pub manifest: Value,
}

/// Something that would close a way, and stays because it is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What stays.
    pub what: String,
    /// The object.
    pub object: ObjectId,
    /// Where it stands: file and line.
    pub place: String,
    /// JSON pointer to what stays.
    pub pointer: String,
    /// Who uses it, and how.
    pub in_use: Vec<String>,
}

/// A pair that a way joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// Who.
    pub source: String,
    /// What is reached.
    pub sink: String,
    /// The steps of the way: from what to what, by what.
    pub way: Vec<String>,
    /// What holds it: rights on it that are in use.
    pub in_use: Vec<String>,
}

/// Looks for a cut, and verifies it.
pub fn cut(graph: &Graph<'_, '_>, goal: &Goal<'_>) -> Cut {
    let mut units = Units::new(goal);
    for (place, object) in (0u32..).zip(&graph.inventory.objects) {
        units.locate(place, object);
    }
    let sources: Vec<(u32, Vertex<'_>)> = goal.sources.iter().filter_map(|at| Some((*at, graph.vertex(*at)?))).collect();
    let net = Net::new(graph, &mut units, &Origins::new(), &sources, goal.sinks, &|_| true);
    let mut open: BTreeMap<Pair, Open> = BTreeMap::new();
    for (pair, way) in net.fixed() {
        open.insert(pair, describe(graph, &units, goal, pair, &way));
    }
    let net = Net::new(graph, &mut units, &Origins::new(), &sources, goal.sinks, &|pair| !open.contains_key(&pair));
    let mut search = Search { graph, goal, units, sources, net, sets: BTreeSet::new(), open, budget: hitting::BUDGET };
    let (members, is_smallest, at_least) = search.members();
    let pairs = search.net.open(&Removal::default()).iter().filter(|(pair, _)| !search.open.contains_key(pair)).count();
    let mut removal = search.narrowed(members);
    let remaining = search.verified(&mut removal);
    search.told(
        &removal,
        Cut { pairs, changes: Vec::new(), objects: Vec::new(), is_smallest, at_least, kept: Vec::new(), open: Vec::new(), remaining },
    )
}

struct Search<'s, 'g, 'a> {
    graph: &'s Graph<'g, 'a>,
    goal: &'s Goal<'s>,
    units: Units<'s>,
    sources: Vec<(u32, Vertex<'a>)>,
    net: Net,
    /// The ways that are known, each as what closes it.
    sets: BTreeSet<BTreeSet<u32>>,
    /// What nothing closes.
    open: BTreeMap<Pair, Open>,
    /// How much of the exact search may still be done.
    budget: usize,
}

impl Search<'_, '_, '_> {
    /// What to take away, whether it is the least, and what the least is not below.
    fn members(&mut self) -> (BTreeSet<u32>, bool, u64) {
        let in_changes = |weight: u64| weight / CHANGE;
        for _ in 0..ROUNDS {
            let sets: Vec<_> = self.sets.iter().cloned().collect();
            let quick = hitting::greedy(&sets, &|unit| self.units.weight(unit));
            if self.learns_from(&quick) {
                if self.sets.len() > WAYS {
                    break;
                }
                continue;
            }
            // A cut without a needless change; is there a smaller one?
            let best = hitting::lightest(&sets, &|unit| self.units.weight(unit), &mut self.budget);
            let least = in_changes(best.at_least);
            if best.members == quick || !self.learns_from(&best.members) {
                return (best.members, best.is_proven, least);
            }
        }
        let mut members = BTreeSet::new();
        // Each round closes at least one way more, with something that was not taken before.
        loop {
            let sets: Vec<_> = self.sets.iter().filter(|set| set.is_disjoint(&members)).cloned().collect();
            members.extend(hitting::greedy(&sets, &|unit| self.units.weight(unit)));
            if !self.learns_from(&members) {
                break;
            }
        }
        let sets: Vec<_> = self.sets.iter().cloned().collect();
        let (mut sparse, least) = (members.clone(), hitting::lightest(&sets, &|unit| self.units.weight(unit), &mut self.budget).at_least);
        for member in &members {
            sparse.remove(member);
            if self.is_open(&sparse) {
                sparse.insert(*member);
            }
        }
        (sparse, false, in_changes(least))
    }

    /// Whether ways are left that were not known: they are, then.
    fn learns_from(&mut self, members: &BTreeSet<u32>) -> bool {
        let removal = Removal::whole(members.clone());
        let known = self.sets.len();
        for (pair, way) in self.net.open(&removal) {
            if !self.open.contains_key(&pair) {
                self.sets.insert(units_of(&way));
            }
        }
        if self.sets.len() > known {
            return true;
        }
        let (sets, fixed) = self.judged_again(&removal);
        self.open.extend(fixed);
        self.sets.extend(sets);
        self.sets.len() > known
    }

    fn is_open(&mut self, members: &BTreeSet<u32>) -> bool {
        let removal = Removal::whole(members.clone());
        let is_asked = |pair: &Pair| !self.open.contains_key(pair);
        if self.net.open(&removal).iter().any(|(pair, _)| is_asked(pair)) {
            return true;
        }
        let (sets, fixed) = self.judged_again(&removal);
        !sets.is_empty() || !fixed.is_empty()
    }

    /// Makes the changes and looks again: the ways that are open, and those of them that nothing closes.
    fn judged_again(&mut self, removal: &Removal) -> (BTreeSet<BTreeSet<u32>>, BTreeMap<Pair, Open>) {
        let changed = apply::changes(self.graph, &mut self.units, removal);
        let (sources, goal, open) = (&self.sources, self.goal, &self.open);
        apply::rebuilt(self.graph, goal, &mut self.units, &changed, |graph, units, origins| {
            let net = Net::new(graph, units, origins, sources, goal.sinks, &|pair| !open.contains_key(&pair));
            let fixed: BTreeMap<Pair, Open> =
                net.fixed().iter().map(|(pair, way)| (*pair, describe(graph, units, goal, *pair, way))).collect();
            let ways = net.open(&Removal::default());
            let ways = ways.iter().filter(|(pair, _)| !fixed.contains_key(pair)).map(|(_, way)| units_of(way));
            (ways.filter(|set| !set.is_empty()).collect(), fixed)
        })
    }

    /// Of each rule only what has to go: one rule after the other, as what stays of one must not open what was taken of another.
    fn narrowed(&self, members: BTreeSet<u32>) -> Removal {
        let mut removal = Removal::whole(members);
        for unit in removal.units.clone() {
            if !matches!(self.units.get(unit), Some(Unit { part: Part::Rule(_), .. })) {
                continue;
            }
            removal.rights.insert(unit, BTreeSet::new());
            // Each way that is open without the rule's rights needs one of them.
            loop {
                let open = self.net.open(&removal);
                let ways = open.iter().filter(|(pair, _)| !self.open.contains_key(pair));
                let rights: Vec<_> = ways
                    .flat_map(|(_, way)| way.iter().flat_map(|way| &way.covers))
                    .filter(|(one, _)| *one == unit)
                    .filter_map(|(_, right)| *right)
                    .collect();
                let known = removal.rights.entry(unit).or_default();
                let count = known.len();
                known.extend(rights);
                if known.len() == count {
                    break;
                }
            }
        }
        removal
    }

    /// Reads the world again with the changes made. What of a rule was left and still leads on goes too.
    fn verified(&mut self, removal: &mut Removal) -> Vec<Open> {
        loop {
            let changed = apply::changes(self.graph, &mut self.units, removal);
            let (sources, goal, open) = (&self.sources, self.goal, &self.open);
            let (left, rights) = apply::rebuilt(self.graph, goal, &mut self.units, &changed, |graph, units, origins| {
                let net = Net::new(graph, units, origins, sources, goal.sinks, &|pair| !open.contains_key(&pair));
                let ways = net.open(&Removal::default());
                let rights: BTreeSet<_> = ways.iter().flat_map(|(_, way)| way.iter().flat_map(|way| way.covers.iter().copied())).collect();
                (ways.iter().map(|(pair, way)| describe(graph, units, goal, *pair, way)).collect::<Vec<_>>(), rights)
            });
            let mut is_less = false;
            for (unit, right) in rights {
                if let (Some(rights), Some(right)) = (removal.rights.get_mut(&unit), right) {
                    is_less |= rights.insert(right);
                }
            }
            if left.is_empty() || !is_less {
                return left;
            }
        }
    }

    fn told(mut self, removal: &Removal, mut cut: Cut) -> Cut {
        let changed = apply::changes(self.graph, &mut self.units, removal);
        for unit in &removal.units {
            let mut others = removal.clone();
            others.units.remove(unit);
            let open = self.net.open(&others);
            let closes = open.iter().filter(|(pair, _)| !self.open.contains_key(pair)).count();
            let of_object = |unit: &Unit| changed.iter().find(|changed| changed.object == unit.object);
            if let Some(unit) = self.units.get(*unit)
                && let Some(object) = self.graph.inventory.objects.get(unit.object as usize)
                && let Some(changed) = of_object(unit)
            {
                let unseen = unseen(self.graph, unit, object, changed);
                cut.changes.push(change(unit, object, changed, unseen, closes));
            }
        }
        // What was on the way only once the objects were changed closes what the graph as it was does not show.
        cut.changes.sort_by(|a, b| b.closes.cmp(&a.closes).then_with(|| (&a.object, &a.pointer).cmp(&(&b.object, &b.pointer))));
        cut.objects = changed
            .into_iter()
            .filter_map(|changed| {
                let object = self.graph.inventory.objects.get(changed.object as usize)?;
                let Changed { patch, is_gone, value, .. } = changed;
                Some(ChangedObject { object: object.id(), place: place(object, ""), patch, delete: is_gone, manifest: value })
            })
            .collect();
        let kept = |(unit, in_use): (&Unit, &BTreeSet<String>)| {
            Some(kept(unit, self.graph.inventory.objects.get(unit.object as usize)?, in_use.iter().cloned().collect()))
        };
        cut.kept = self.units.kept.iter().filter_map(kept).collect();
        cut.open = self.open.into_values().collect();
        cut
    }
}

fn units_of(way: &[&Way]) -> BTreeSet<u32> {
    way.iter().flat_map(|way| way.covers.iter().map(|(unit, _)| *unit)).collect()
}

/// File and line of a part of an object.
fn place(object: &Object<'_>, pointer: &str) -> String {
    let location = object.node.nearest(pointer).0.location();
    format!("{}:{}", location.source.name, location.start().line)
}

fn change(unit: &Unit, object: &Object<'_>, changed: &Changed, unseen: Vec<String>, closes: usize) -> Change {
    let id = object.id();
    let (pointer, what) = match &unit.part {
        Part::Subject(index) => {
            let only = if changed.is_gone { ": nobody is left in it, delete it" } else { "" };
            (format!("/subjects/{index}"), format!("take {} out of {id}{only}", subject(object, *index)))
        }
        Part::Rule(index) => {
            let (pointer, rule) = (format!("/rules/{index}"), rule(object, *index));
            let is_split = changed.patch.iter().any(|op| op.path == pointer && op.value.is_some());
            let verb = if is_split { "narrow" } else { "remove" };
            (pointer, format!("{verb} the rule `{rule}` of {id}"))
        }
        Part::Pod(field) => (
            field.clone(),
            match field.as_str() {
                "/automountServiceAccountToken" => format!("do not mount the token of the service account in {id}"),
                field if field.starts_with("/volumes/") => {
                    format!("do not mount a directory of the node in {id}: an empty one in its place")
                }
                field if field.ends_with("/capabilities/add") => format!("take the capabilities that lead to the node from {id}"),
                field => format!("turn `{}` off in {id}", field.rsplit('/').next().unwrap_or(field)),
            },
        ),
        Part::Level => ("/metadata/labels".to_owned(), format!("enforce the Pod Security level baseline in {id}")),
        Part::Annotation(name) => (units::annotation(name), format!("take the cloud identity from {id}")),
        Part::Whole => (String::new(), format!("delete {id}, which holds a token")),
    };
    let at = if matches!(unit.part, Part::Pod(_)) {
        changed.patch.first().map_or_else(String::new, |op| op.path.clone())
    } else {
        pointer.clone()
    };
    let leaves = match unit.part {
        Part::Rule(index) => left(object, changed, index).iter().map(Rule::to_string).collect(),
        _ => Vec::new(),
    };
    Change { what, object: id, place: place(object, &at), pointer: at, leaves, unseen, closes }
}

fn kept(unit: &Unit, object: &Object<'_>, in_use: Vec<String>) -> Kept {
    let id = object.id();
    let (pointer, what) = match &unit.part {
        Part::Subject(index) => (format!("/subjects/{index}"), format!("{} in {id}", subject(object, *index))),
        Part::Rule(index) => (format!("/rules/{index}"), format!("the rule `{}` of {id}", rule(object, *index))),
        _ => (String::new(), format!("the token in {id}")),
    };
    Kept { what, object: id, place: place(object, &pointer), pointer, in_use }
}

/// A subject of a binding in words.
fn subject(object: &Object<'_>, index: u32) -> String {
    let part = |key: &str| object.node.resolve(&format!("/subjects/{index}/{key}")).map_or("", Node::text);
    match part("namespace") {
        "" => format!("{} {}", part("kind"), part("name")),
        namespace => format!("{} {namespace}/{}", part("kind"), part("name")),
    }
}

/// A rule of a role in words.
fn rule(object: &Object<'_>, index: u32) -> String {
    let rules = Rule::of_role(*object, &mut Vec::new());
    rules.into_iter().find(|rule| rule.index == index as usize).map(|rule| rule.to_string()).unwrap_or_default()
}

/// What a rule says afterwards.
fn left<'r>(object: &Object<'r>, changed: &'r Changed, index: u32) -> Vec<Rule<'r>> {
    let rules = changed.value.get("rules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten().zip(changed.origins.iter().flatten()).filter(|(_, origin)| **origin == index);
    rules.map(|(rule, _)| rules::read(*object, rule)).collect()
}

/// The verbs that go with a change whose use no log shows.
fn unseen(graph: &Graph<'_, '_>, unit: &Unit, object: &Object<'_>, changed: &Changed) -> Vec<String> {
    let rbac = graph.authorizer.rbac();
    let has = |rules: &[Rule<'_>], verb: &str| rules.iter().any(|rule| rule.verbs.contains(&verb));
    let is_lost = |verb: &&&str| match unit.part {
        Part::Rule(index) => {
            let own = Rule::of_role(*object, &mut Vec::new()).into_iter().filter(|rule| rule.index == index as usize);
            has(&own.collect::<Vec<_>>(), verb) && !has(&left(object, changed, index), verb)
        }
        Part::Subject(_) => {
            let binding = rbac.bindings.iter().find(|one| one.object.node == object.node);
            binding.and_then(|binding| rbac.granted(binding)).is_some_and(|role| has(&role.rules, verb))
        }
        _ => false,
    };
    UNSEEN_VERBS.iter().filter(is_lost).map(|verb| (*verb).to_owned()).collect()
}

fn describe(graph: &Graph<'_, '_>, units: &Units<'_>, goal: &Goal<'_>, (source, sink): Pair, way: &[&Way]) -> Open {
    let edges: Vec<_> = way.iter().filter_map(|way| graph.edge(way.edge)).collect();
    let name = |at: u32| graph.vertex(at).map(|vertex| graph.name(&vertex)).unwrap_or_default();
    let step = |edge: &&crate::graph::Edge<'_>| {
        let by = edge.step.name();
        let evidence = match &edge.evidence {
            Evidence::Binding(binding, _) => graph.authorizer.rbac().bindings.get(*binding as usize).map(|one| one.object.id()),
            Evidence::Rule(role, _) => graph.authorizer.rbac().roles.get(*role as usize).map(|one| one.object.id()),
            _ => None,
        };
        let evidence = evidence.map(|id| format!(", by {id}")).unwrap_or_default();
        let by = if by.is_empty() { String::new() } else { format!(" ({by}{evidence})") };
        format!("{} -> {}{by}", name(edge.from), name(edge.to))
    };
    Open {
        source: edges.first().map_or_else(|| source.to_string(), |edge| name(edge.from)),
        sink: goal.sinks.get(sink).map(|sink| sink.name().into_owned()).unwrap_or_default(),
        way: edges.iter().map(step).collect(),
        in_use: edges.iter().filter_map(|edge| units.kept_for(graph, edge)).collect(),
    }
}

#[cfg(test)]
mod tests;
