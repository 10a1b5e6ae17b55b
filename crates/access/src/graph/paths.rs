//! The shortest ways to what attackers are after: fewest assumptions first, then fewest steps.

use super::Graph;
use super::vertex::{Edge, Evidence, Granted, Sink, Step, Vertex};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// All shortest ways to one sink, found backwards at once.
pub struct Search<'s> {
    /// The cost from each vertex; `u64::MAX` where no way leads there.
    cost: Vec<u64>,
    /// The edge that the shortest way takes from each vertex.
    next: Vec<u32>,
    sink: Sink<'s>,
}

/// A way to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'s> {
    /// Where it starts, by its place.
    pub source: u32,
    /// What it reaches.
    pub sink: Sink<'s>,
    /// Its steps, each of which is something that is done.
    pub hops: Vec<Hop>,
    /// How many of them rest on something that was not read.
    pub assumptions: usize,
}

/// One step of a way: what is done, with what comes of it without doing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its edges in order, by their places.
    pub edges: Vec<u32>,
    /// That of them which is the step itself.
    pub step: u32,
}

/// The cost of one edge: assumptions weigh more than steps, steps more than what is implied.
fn cost(edge: &Edge<'_>) -> u64 {
    let assumed = u64::from(edge.condition.is_some()) << 40;
    let step = match edge.step {
        Step::Implied | Step::Bound => 0,
        Step::Primitive(_) | Step::Setting(_) => 1 << 20,
    };
    assumed + step + 1
}

impl<'s> Search<'s> {
    /// Looks for all ways to `sink` but those that take an edge for which `is_gone` says so.
    pub fn new(graph: &Graph<'_, '_>, sink: Sink<'s>, is_gone: impl Fn(u32, &Edge<'_>) -> bool) -> Self {
        Self::over(graph, sink, |place, edge| !edge.is_blocked() && !is_gone(place, edge))
    }

    /// The ways that there would be if nothing that was read stopped them.
    pub fn past_blocks(graph: &Graph<'_, '_>, sink: Sink<'s>) -> Self {
        Self::over(graph, sink, |_, _| true)
    }

    fn over(graph: &Graph<'_, '_>, sink: Sink<'s>, may_take: impl Fn(u32, &Edge<'_>) -> bool) -> Self {
        let mut search = Self { cost: vec![u64::MAX; graph.vertices.len()], next: vec![u32::MAX; graph.vertices.len()], sink };
        let mut queue = BinaryHeap::new();
        for (at, _) in (0u32..).zip(&graph.vertices).filter(|(_, vertex)| sink.is(vertex)) {
            search.reach(at, 0, u32::MAX);
            queue.push(Reverse((0, at)));
        }
        while let Some(Reverse((so_far, at))) = queue.pop() {
            if search.cost.get(at as usize).is_none_or(|best| *best < so_far) {
                continue;
            }
            for (place, edge) in graph.edges_into(at).filter(|(place, edge)| may_take(*place, edge)) {
                let cost = so_far + cost(edge);
                if search.reach(edge.from, cost, place) {
                    queue.push(Reverse((cost, edge.from)));
                }
            }
        }
        search
    }

    /// Whether that is a shorter way from a vertex.
    fn reach(&mut self, at: u32, cost: u64, by: u32) -> bool {
        let Some((best, next)) = self.cost.get_mut(at as usize).zip(self.next.get_mut(at as usize)) else { return false };
        // Of ways that cost the same, the one by the earlier edge, so that the answer does not depend on the order of the search.
        if (cost, by) < (*best, *next) {
            let is_shorter = cost < *best;
            (*best, *next) = (cost, by);
            return is_shorter;
        }
        false
    }

    /// Whether a way leads from a vertex to the sink.
    pub fn reaches(&self, source: u32) -> bool {
        self.cost.get(source as usize).is_some_and(|cost| *cost != u64::MAX)
    }

    /// The shortest way from a vertex; `None` where there is none, or where the vertex is the sink.
    pub fn path(&self, graph: &Graph<'_, '_>, source: u32) -> Option<Path<'s>> {
        if !self.reaches(source) {
            return None;
        }
        let (mut edges, mut at) = (Vec::new(), source);
        while let Some(edge) = self.next.get(at as usize).and_then(|next| graph.edges.get(*next as usize).map(|edge| (*next, edge))) {
            edges.push(edge.0);
            at = edge.1.to;
        }
        let assumptions = edges.iter().filter(|at| graph.edges.get(**at as usize).is_some_and(|edge| edge.condition.is_some())).count();
        let hops = hops(graph, &edges);
        (!hops.is_empty()).then_some(Path { source, sink: self.sink, hops, assumptions })
    }
}

/// Puts edges together to steps: what is implied before the first step belongs to it, what is implied after one to that one.
fn hops(graph: &Graph<'_, '_>, edges: &[u32]) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    let mut pending: Vec<u32> = Vec::new();
    for at in edges {
        let Some(edge) = graph.edges.get(*at as usize) else { continue };
        match (edge.step, hops.last_mut()) {
            (Step::Implied, Some(last)) if pending.is_empty() && !leads_on_by_group(graph, edge) => last.edges.push(*at),
            (Step::Implied | Step::Bound, _) => pending.push(*at),
            (Step::Primitive(_) | Step::Setting(_), _) => {
                pending.push(*at);
                hops.push(Hop { edges: std::mem::take(&mut pending), step: *at });
            }
        }
    }
    match (hops.last_mut(), pending.is_empty()) {
        (_, true) => {}
        (Some(last), false) => last.edges.append(&mut pending),
        // The sink is a group that one is in, or a role that one holds.
        (None, false) => {
            if let Some(step) = pending.last().copied() {
                hops.push(Hop { edges: pending, step });
            }
        }
    }
    hops
}

/// Whether an edge says that somebody is in a group: that is how the next step is held, not what the last one came to.
fn leads_on_by_group(graph: &Graph<'_, '_>, edge: &Edge<'_>) -> bool {
    use plimsoll_model::rbac::Identity;
    let is_identity = |at: u32| matches!(graph.vertex(at), Some(Vertex::Identity(_)));
    is_identity(edge.from) && matches!(graph.vertex(edge.to), Some(Vertex::Identity(Identity::Group(_))))
}

impl<'a> Graph<'_, 'a> {
    /// The edge at a place.
    pub fn edge(&self, at: u32) -> Option<&Edge<'a>> {
        self.edges.get(at as usize)
    }

    /// Where a step starts: whoever does it.
    pub fn start(&self, hop: &Hop) -> Option<Vertex<'a>> {
        self.vertex(self.edge(*hop.edges.first()?)?.from)
    }

    /// Where a step ends.
    pub fn end(&self, hop: &Hop) -> Option<Vertex<'a>> {
        self.vertex(self.edge(*hop.edges.last()?)?.to)
    }

    /// The binding that a way starts with, and the place of its subject; none where it starts with being in a group, whose grant
    /// it is, or with something that no binding gives.
    pub fn first_grant(&self, path: &Path<'_>) -> Option<(u32, u32)> {
        let edges = path.hops.first()?.edges.iter().filter_map(|at| self.edge(*at));
        for edge in edges {
            match (&edge.evidence, edge.step) {
                (Evidence::Binding(binding, subject), _) => return Some((*binding, *subject)),
                (Evidence::Rules(rules), _) => {
                    // What comes by a group that everybody is in is the group's: what counts was given to whom the way starts with.
                    let is_own = |granted: &&Granted| {
                        let binding = self.authorizer.rbac().bindings.get(granted.binding as usize);
                        let subject = binding.and_then(|binding| binding.subjects.get(granted.subject as usize));
                        subject.is_some_and(|subject| self.vertex(path.source) == Some(Vertex::Identity(subject.identity)))
                    };
                    let granted = rules.iter().find(is_own).or_else(|| rules.first())?;
                    return Some((granted.binding, granted.subject));
                }
                (_, Step::Implied) => return None,
                _ => {}
            }
        }
        None
    }
}
