//! Changes made for real: patches of objects, and the graph of what they leave.

use super::net::Removal;
use super::units::{Origins, Part, Units, annotation};
use super::{Goal, rules};
use crate::Authorizer;
use crate::graph::primitive::{Need, hits};
use crate::graph::{Graph, leads_to_node};
use plimsoll_model::edit::patch_json;
use plimsoll_model::{Inventory, JsonText, Limits, Node, Object, Origin, PatchKind, PatchOp, Source, parse};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// An object with what is taken away from it.
#[derive(Debug)]
pub(super) struct Changed {
    /// Its place in the inventory.
    pub(super) object: u32,
    /// As operations of RFC 6902, in an order in which they can be made one after the other.
    pub(super) patch: Vec<PatchOp>,
    /// Whether nothing is left of it that means anything.
    pub(super) is_gone: bool,
    /// The object as it is then.
    pub(super) value: Value,
    /// Which index each subject or rule had.
    pub(super) origins: Option<Vec<u32>>,
}

/// The changes that a removal comes to, in order of the objects.
pub(super) fn changes(graph: &Graph<'_, '_>, units: &mut Units<'_>, removal: &Removal) -> Vec<Changed> {
    let mut by_object: BTreeMap<u32, Vec<(u32, Part)>> = BTreeMap::new();
    for id in &removal.units {
        let Some(unit) = units.get(*id) else { continue };
        by_object.entry(unit.object).or_default().push((*id, unit.part.clone()));
    }
    let change = |(place, parts): (u32, Vec<(u32, Part)>)| {
        let object = *graph.inventory.objects.get(place as usize)?;
        let mut changed = Changed { object: place, patch: Vec::new(), is_gone: false, value: whole(&object), origins: None };
        for (id, part) in &parts {
            match part {
                Part::Subject(index) => changed.patch.push(PatchOp::remove(format!("/subjects/{index}"))),
                Part::Rule(index) => changed.rule(&object, *index, &needs(graph, units, &object, *index, removal.rights.get(id))),
                Part::Pod(field) => changed.pod(graph, &object, field),
                Part::Level if object.node.at(&["metadata", "labels"]).is_some_and(Node::is_map) => {
                    changed.patch.push(PatchOp::add(format!("/metadata/labels/{}", plimsoll_model::escape(ENFORCE)), "baseline"));
                }
                Part::Level => changed.patch.push(PatchOp::add("/metadata/labels", json!({ ENFORCE: "baseline" }))),
                Part::Annotation(name) => changed.patch.push(PatchOp::remove(annotation(name))),
                Part::Whole => changed.is_gone = true,
            }
        }
        changed.finish(&object);
        Some(changed)
    };
    by_object.into_iter().filter_map(change).collect()
}

/// An object that stands for itself: items of a list leave out what the list says.
fn whole(object: &Object<'_>) -> Value {
    let mut value = object.node.to_json();
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), json!(object.api_version));
        map.insert("kind".to_owned(), json!(object.kind));
    }
    value
}

/// What a rule has to lose: the rights that are named, or else all that nobody uses. `None` for the whole rule.
fn needs(
    graph: &Graph<'_, '_>,
    units: &mut Units<'_>,
    object: &Object<'_>,
    index: u32,
    rights: Option<&BTreeSet<super::units::RightName>>,
) -> Option<Vec<&'static Need>> {
    let place = units.place(object);
    let roles = &graph.authorizer.rbac().roles;
    let is_it = |rule: &plimsoll_model::rbac::Rule<'_>| rule.index == index as usize && units.place(&rule.role) == place;
    let (role, at) = (0u32..).zip(roles).find_map(|(role, one)| Some((role, (0u32..).zip(&one.rules).find(|(_, rule)| is_it(rule))?.0)))?;
    let rule = roles.get(role as usize)?.rules.get(at as usize)?;
    let hits = hits(std::slice::from_ref(rule));
    let is_wanted = |right: &(&'static str, usize)| rights.is_none_or(|rights| rights.contains(right));
    let (mut lost, mut is_whole) = (Vec::new(), rights.is_none());
    for hit in &hits {
        let need = usize::from(hit.need);
        if !is_wanted(&(hit.primitive.name, need)) {
            continue;
        }
        if rights.is_none() && units.uses(graph, role, at, (hit.primitive, need)) {
            is_whole = false;
        } else {
            lost.extend(hit.primitive.needs.get(need));
        }
    }
    (!is_whole).then_some(lost)
}

impl Changed {
    /// Leaves of a rule what it says without `needs`; nothing, without them.
    fn rule(&mut self, object: &Object<'_>, index: u32, needs: &Option<Vec<&'static Need>>) {
        let pointer = format!("/rules/{index}");
        let Some(rule) = object.node.resolve(&pointer).map(Node::to_json) else { return };
        let mut left = if needs.is_some() { vec![rule] } else { Vec::new() };
        for need in needs.iter().flatten() {
            left = left.iter().flat_map(|rule| rules::without(rule, need)).collect();
        }
        let mut left = left.into_iter();
        match left.next() {
            Some(first) => self.patch.push(PatchOp::replace(pointer, first)),
            None => self.patch.push(PatchOp::remove(pointer)),
        }
        let origins = self.origins.get_or_insert_default();
        for more in left {
            origins.push(index);
            self.patch.push(PatchOp::add("/rules/-", more));
        }
    }

    fn pod(&mut self, graph: &Graph<'_, '_>, object: &Object<'_>, field: &str) {
        let Some(workload) = graph.inventory.workload(object) else { return };
        let spec = format!("{}/spec", workload.pod.pointer);
        let at = |pointer: &str| object.node.resolve(&format!("{spec}{pointer}"));
        let mut push = |op| self.patch.push(op);
        let off = |pointer: &str| PatchOp::replace(format!("{spec}{pointer}"), false);
        if field == "/automountServiceAccountToken" {
            push(PatchOp::add(format!("{spec}{field}"), false));
            for (volume, one) in at("/volumes").into_iter().flat_map(Node::items).enumerate() {
                for (source, one) in one.at(&["projected", "sources"]).into_iter().flat_map(Node::items).enumerate() {
                    if one.get("serviceAccountToken").is_some_and(|token| token.get("audience").is_none()) {
                        push(PatchOp::remove(format!("{spec}/volumes/{volume}/projected/sources/{source}")));
                    }
                }
            }
        } else if field.starts_with("/volumes/") {
            push(PatchOp::add(format!("{spec}{field}/emptyDir"), json!({})));
            push(PatchOp::remove(format!("{spec}{field}/hostPath")));
        } else if field.ends_with("/capabilities/add") {
            let kept: Vec<&str> = at(field).into_iter().flat_map(Node::items).map(Node::text).filter(|name| !leads_to_node(name)).collect();
            push(PatchOp::replace(format!("{spec}{field}"), json!(kept)));
        } else if at(field).is_none() && field.ends_with("/windowsOptions/hostProcess") {
            push(off("/securityContext/windowsOptions/hostProcess"));
        } else {
            push(off(field));
        }
    }

    /// Puts the operations in order, and makes them.
    fn finish(&mut self, object: &Object<'_>) {
        let index = |op: &PatchOp| op.path.rsplit('/').next().and_then(|last| last.parse::<usize>().ok()).unwrap_or(0);
        let parent = |op: &PatchOp| op.path.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default();
        let kind = |op: &PatchOp| match op.op {
            PatchKind::Replace => 0,
            PatchKind::Add => 1,
            PatchKind::Remove => 2,
        };
        // Of a list, what stands later goes first.
        self.patch.sort_by_cached_key(|op| match op.op {
            PatchKind::Remove => (kind(op), parent(op), std::cmp::Reverse(index(op))),
            _ => (kind(op), String::new(), std::cmp::Reverse(0)),
        });
        self.patch.dedup_by(|one, other| {
            let value = |op: &PatchOp| op.value.as_ref().map(JsonText::value);
            one.op == other.op && one.path == other.path && value(one) == value(other)
        });
        let removed: BTreeSet<usize> = self
            .patch
            .iter()
            .filter(|op| op.op == PatchKind::Remove && matches!(&*parent(op), "/rules" | "/subjects"))
            .map(index)
            .collect();
        let list = match object.kind {
            "RoleBinding" | "ClusterRoleBinding" => Some("subjects"),
            "Role" | "ClusterRole" => Some("rules"),
            _ => None,
        };
        if let Some(list) = list {
            let count = object.node.get(list).map_or(0, |list| list.items().count());
            let kept = (0..count).filter(|at| !removed.contains(at)).filter_map(|at| u32::try_from(at).ok());
            let appended = self.origins.take().unwrap_or_default();
            self.origins = Some(kept.chain(appended).collect());
        }
        self.is_gone |= list == Some("subjects") && self.origins.as_ref().is_some_and(Vec::is_empty);
        // What cannot be patched stays as it is: reading it again shows what is still open.
        let mut value = self.value.clone();
        if patch_json(&mut value, &self.patch).is_ok() {
            self.value = value;
        }
    }
}

/// Reads the changed objects anew and gives `then` the graph of everything, with what its indices were.
pub(super) fn rebuilt<R>(
    graph: &Graph<'_, '_>,
    goal: &Goal<'_>,
    units: &mut Units<'_>,
    changed: &[Changed],
    then: impl FnOnce(&Graph<'_, '_>, &mut Units<'_>, &Origins) -> R,
) -> R {
    let read = |changed: &Changed| parse(&Source::new("changed", Origin::Live, changed.value.to_string()), Limits::default()).0;
    let documents: Vec<_> = changed.iter().map(read).collect();
    let mut objects = Vec::with_capacity(graph.inventory.objects.len());
    let mut origins = Origins::new();
    let places: BTreeMap<u32, usize> = changed.iter().enumerate().map(|(at, changed)| (changed.object, at)).collect();
    for (place, object) in (0u32..).zip(&graph.inventory.objects) {
        let Some((changed, documents)) = places.get(&place).and_then(|at| Some((changed.get(*at)?, documents.get(*at)?))) else {
            objects.push(*object);
            continue;
        };
        let new = documents.iter().flat_map(|document| document.objects().0).next();
        if let Some(new) = new.filter(|_| !changed.is_gone) {
            units.locate(place, &new);
            objects.push(new);
        }
        if let Some(of_list) = &changed.origins {
            origins.insert(place, of_list.clone());
        }
    }
    let inventory = Inventory::of(objects, goal.kinds);
    let authorizer = Authorizer::new(&inventory, goal.defaults);
    let graph = Graph::new(&inventory, &authorizer, goal.situation);
    then(&graph, units, &origins)
}
