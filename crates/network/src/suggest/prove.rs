//! What policies make of needs: what does not pass, and what passes beyond.

use super::Options;
use super::needs::{Need, Needs, Party};
use crate::addresses::Addresses;
use crate::listing::{Connection, Side, written};
use crate::matrix::Matrix;
use crate::policy::Policy;
use crate::traffic::Traffic;
use crate::world::World;
use plimsoll_model::{Inventory, Limits, Object, Origin, Source, WorkloadKinds, manifest, parse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What policies make of needs.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// How many needs pass.
    pub met: usize,
    /// Those that do not.
    pub unmet: Vec<Unmet>,
    /// What passes and nobody needs.
    pub slack: Vec<Connection>,
}

/// A need that does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unmet {
    /// Who cannot send.
    pub from: Side,
    /// To whom.
    pub to: Side,
    /// What of it does not pass.
    pub traffic: Traffic,
}

/// Reads drafted policies again and asks them.
pub(super) fn prove(world: &World<'_>, needs: &Needs, objects: &[Json], options: &Options) -> Proof {
    let (documents, _) = parse(&Source::new("suggested", Origin::File, manifest(objects)), Limits::default());
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    let inventory = Inventory::of(objects, &WorkloadKinds::default());
    let mut problems = Vec::new();
    let policies = Policy::read_all(&inventory, &mut problems);
    of(&world.with_policies(policies), needs, options)
}

/// What the policies of a world make of needs.
pub(super) fn of(world: &World<'_>, needs: &Needs, options: &Options) -> Proof {
    let matrix = Matrix::new(world);
    // What goes on between others is not what the policies are for.
    let is_in_scope = |at: usize| {
        let namespace = world.endpoints.get(at).map(|endpoint| world.namespace_of(endpoint).name);
        options.namespaces.as_ref().is_none_or(|wanted| namespace.is_some_and(|name| wanted.contains(name)))
    };
    let mut proof = Proof::default();
    let mut beyond = Beyond::new(&matrix, is_in_scope);
    for need in needs.iter() {
        let missing = missing(&matrix, &need);
        if missing.is_empty() {
            proof.met += 1;
        }
        proof.unmet.extend(missing);
        beyond.take(&need);
    }
    proof.slack = beyond.connections();
    proof
}

/// What of a need does not pass.
fn missing(matrix: &Matrix, need: &Need) -> Vec<Unmet> {
    let outside = |rows: &[Vec<(Traffic, Addresses)>], at: usize, addresses: &Addresses, of: &dyn Fn(Side) -> (Side, Side)| -> Vec<Unmet> {
        let Some(row) = matrix.class_of.get(at).and_then(|class| rows.get(*class as usize)) else { return Vec::new() };
        let mut rest = addresses.clone();
        let mut missing: BTreeMap<Traffic, Addresses> = BTreeMap::new();
        let mut add = |traffic: Traffic, part: Addresses| {
            if !traffic.is_none() && !part.is_empty() {
                let known = missing.entry(traffic).or_default();
                *known = known.union(&part);
            }
        };
        for (allowed, part) in row {
            let part = part.intersection(addresses);
            rest = rest.difference(&part);
            add(need.traffic.difference(allowed), part);
        }
        add(need.traffic.clone(), rest);
        let unmet = |(traffic, part): (Traffic, Addresses)| {
            let (from, to) = of(Side::Outside(written(&part)));
            Unmet { from, to, traffic }
        };
        missing.into_iter().map(unmet).collect()
    };
    let workload = |at: usize| Side::Workloads(vec![at]);
    match (&need.from, &need.to) {
        (Party::Workload(from), Party::Workload(to)) => {
            let allowed = matrix.between(*from, *to).cloned().unwrap_or_default();
            let traffic = need.traffic.difference(&allowed);
            if traffic.is_none() { Vec::new() } else { vec![Unmet { from: workload(*from), to: workload(*to), traffic }] }
        }
        (Party::Workload(from), Party::Outside(addresses)) => {
            outside(&matrix.to_outside, *from, addresses, &|side| (workload(*from), side))
        }
        (Party::Outside(addresses), Party::Workload(to)) => outside(&matrix.from_outside, *to, addresses, &|side| (side, workload(*to))),
        // Whoever it is: if all of the outside gets through, the rule asks nobody who they are.
        (Party::Anyone, Party::Workload(to)) => outside(&matrix.from_outside, *to, &Addresses::all(), &|side| (side, workload(*to))),
        _ => Vec::new(),
    }
}

/// What passes, less what is needed.
struct Beyond {
    between: BTreeMap<(usize, usize), Traffic>,
    incoming: BTreeMap<usize, Vec<(Traffic, Addresses)>>,
    outgoing: BTreeMap<usize, Vec<(Traffic, Addresses)>>,
}

impl Beyond {
    fn new(matrix: &Matrix, is_in_scope: impl Fn(usize) -> bool) -> Self {
        let allowed = Needs::of_matrix(matrix);
        let mut beyond = Self { between: BTreeMap::new(), incoming: BTreeMap::new(), outgoing: BTreeMap::new() };
        for Need { from, to, traffic } in allowed.iter() {
            match (from, to) {
                // Whether the pods of one workload talk to each other nobody can see from outside.
                (Party::Workload(from), Party::Workload(to)) if from == to || !is_in_scope(from) && !is_in_scope(to) => {}
                (Party::Workload(from), Party::Workload(to)) => {
                    beyond.between.insert((from, to), traffic);
                }
                (Party::Workload(at), Party::Outside(_)) | (Party::Outside(_), Party::Workload(at)) if !is_in_scope(at) => {}
                (Party::Workload(from), Party::Outside(addresses)) => beyond.outgoing.entry(from).or_default().push((traffic, addresses)),
                (Party::Outside(addresses), Party::Workload(to)) => beyond.incoming.entry(to).or_default().push((traffic, addresses)),
                _ => {}
            }
        }
        beyond
    }

    fn take(&mut self, need: &Need) {
        let outside = |parts: Option<&mut Vec<(Traffic, Addresses)>>, addresses: &Addresses| {
            let Some(parts) = parts else { return };
            let split: Vec<_> = std::mem::take(parts)
                .into_iter()
                .flat_map(|(traffic, part)| {
                    let within = part.intersection(addresses);
                    [(traffic.clone(), part.difference(addresses)), (traffic.difference(&need.traffic), within)]
                })
                .filter(|(traffic, part)| !traffic.is_none() && !part.is_empty())
                .collect();
            *parts = split;
        };
        match (&need.from, &need.to) {
            (Party::Workload(from), Party::Workload(to)) => {
                if let Some(traffic) = self.between.get_mut(&(*from, *to)) {
                    *traffic = traffic.difference(&need.traffic);
                }
            }
            (Party::Workload(from), Party::Outside(addresses)) => outside(self.outgoing.get_mut(from), addresses),
            (Party::Outside(addresses), Party::Workload(to)) => outside(self.incoming.get_mut(to), addresses),
            (Party::Anyone, Party::Workload(to)) => {
                outside(self.incoming.get_mut(to), &Addresses::all());
                for (_, traffic) in self.between.iter_mut().filter(|((_, into), _)| into == to) {
                    *traffic = traffic.difference(&need.traffic);
                }
            }
            _ => {}
        }
    }

    /// Those with the same beyond what they need together.
    fn connections(self) -> Vec<Connection> {
        let mut by_source: BTreeMap<(usize, Traffic), Vec<usize>> = BTreeMap::new();
        for ((from, to), traffic) in self.between.into_iter().filter(|(_, traffic)| !traffic.is_none()) {
            by_source.entry((from, traffic)).or_default().push(to);
        }
        let mut alike: BTreeMap<(Vec<usize>, Traffic), Vec<usize>> = BTreeMap::new();
        for ((from, traffic), to) in by_source {
            alike.entry((to, traffic)).or_default().push(from);
        }
        let mut connections: Vec<_> = alike
            .into_iter()
            .map(|((to, traffic), from)| Connection { from: Side::Workloads(from), to: Side::Workloads(to), traffic })
            .collect();
        for (parts, is_out) in [(self.outgoing, true), (self.incoming, false)] {
            let mut alike: BTreeMap<(Addresses, Traffic), Vec<usize>> = BTreeMap::new();
            for (at, (traffic, addresses)) in parts.into_iter().flat_map(|(at, parts)| parts.into_iter().map(move |part| (at, part))) {
                alike.entry((addresses, traffic)).or_default().push(at);
            }
            connections.extend(alike.into_iter().map(|((addresses, traffic), list)| {
                let (ours, theirs) = (Side::Workloads(list), Side::Outside(written(&addresses)));
                if is_out { Connection { from: ours, to: theirs, traffic } } else { Connection { from: theirs, to: ours, traffic } }
            }));
        }
        connections.sort_by(|one, two| (&one.from, &one.to, &one.traffic).cmp(&(&two.from, &two.to, &two.traffic)));
        connections
    }
}
