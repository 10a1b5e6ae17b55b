//! The part of the graph that lies on ways from the sources to the sinks.

use super::units::{Cover, Origins, RightName, Units};
use crate::graph::{Graph, Sink, Vertex};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// One edge on such a way.
pub(super) struct Way {
    from: u32,
    to: u32,
    /// Its place in the graph.
    pub(super) edge: u32,
    /// What takes it away.
    pub(super) covers: Vec<Cover>,
}

/// A source and a sink: the place of the vertex that the source is, in the graph that the question is about, and that of
/// the sink among those that were asked for.
pub(super) type Pair = (u32, usize);

/// The ways, with the vertices renumbered.
pub(super) struct Net {
    pub(super) ways: Vec<Way>,
    /// The ways into each vertex.
    into: Vec<Vec<u32>>,
    /// For each sink the vertices that are it.
    ends: Vec<Vec<u32>>,
    /// The pairs that are asked about, with where they start.
    starts: Vec<(Pair, u32)>,
}

/// What is taken away: units, and of rules only some of the rights where these are given.
#[derive(Debug, Default, Clone)]
pub(super) struct Removal {
    pub(super) units: BTreeSet<u32>,
    pub(super) rights: BTreeMap<u32, BTreeSet<RightName>>,
}

impl Removal {
    pub(super) fn whole(units: BTreeSet<u32>) -> Self {
        Self { units, rights: BTreeMap::new() }
    }

    fn takes(&self, way: &Way) -> bool {
        way.covers.iter().any(|(unit, right)| {
            self.units.contains(unit)
                && match (self.rights.get(unit), right) {
                    (Some(rights), Some(right)) => rights.contains(right),
                    _ => true,
                }
        })
    }
}

impl Net {
    /// The ways of `graph` from the sources, each by its vertex and what it is called in pairs, to `sinks`.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer vertices than in the graph, which counts them so")]
    pub(super) fn new(
        graph: &Graph<'_, '_>,
        units: &mut Units<'_>,
        origins: &Origins,
        sources: &[(u32, Vertex<'_>)],
        sinks: &[Sink<'_>],
        is_asked: &dyn Fn(Pair) -> bool,
    ) -> Self {
        let mut reaches = vec![false; graph.vertices.len()];
        let is_sink = |vertex: &Vertex<'_>| sinks.iter().any(|sink| sink.is(vertex));
        let mut queue: Vec<u32> = (0u32..).zip(&graph.vertices).filter(|(_, vertex)| is_sink(vertex)).map(|(at, _)| at).collect();
        let mut visit = |at: u32| reaches.get_mut(at as usize).is_some_and(|reached| !std::mem::replace(reached, true));
        queue.retain(|at| visit(*at));
        let mut backward: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        while let Some(at) = queue.pop() {
            for (place, edge) in graph.edges_into(at).filter(|(_, edge)| !edge.is_blocked()) {
                backward.entry(edge.from).or_default().push(place);
                if visit(edge.from) {
                    queue.push(edge.from);
                }
            }
        }
        let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
        let mut queue: Vec<u32> = Vec::new();
        let mut starts: Vec<(Pair, u32)> = Vec::new();
        let mut number = |at: u32, queue: &mut Vec<u32>| {
            let next = numbers.len() as u32;
            *numbers.entry(at).or_insert_with(|| {
                queue.push(at);
                next
            })
        };
        for (name, vertex) in sources {
            let Some(at) = graph.find(vertex).filter(|at| reaches.get(*at as usize) == Some(&true)) else { continue };
            let start = number(at, &mut queue);
            let asked = sinks.iter().enumerate().filter(|(_, sink)| !sink.is(vertex)).map(|(sink, _)| (*name, sink));
            starts.extend(asked.filter(|pair| is_asked(*pair)).map(|pair| (pair, start)));
        }
        let mut ways = Vec::new();
        while let Some(at) = queue.pop() {
            let from = number(at, &mut queue);
            for place in backward.get(&at).into_iter().flatten() {
                let Some(edge) = graph.edge(*place) else { continue };
                let to = number(edge.to, &mut queue);
                ways.push(Way { from, to, edge: *place, covers: units.of_edge(graph, origins, edge) });
            }
        }
        let mut into = vec![Vec::new(); numbers.len()];
        for (at, way) in ways.iter().enumerate() {
            into.get_mut(way.to as usize).into_iter().for_each(|into: &mut Vec<u32>| into.push(at as u32));
        }
        let end = |sink: &Sink<'_>| {
            let is_end = |at: &u32| graph.vertex(*at).is_some_and(|vertex| sink.is(&vertex));
            let mut ends: Vec<u32> = numbers.iter().filter(|(at, _)| is_end(at)).map(|(_, number)| *number).collect();
            ends.sort_unstable();
            ends
        };
        let ends = sinks.iter().map(end).collect();
        Self { ways, into, ends, starts }
    }

    /// The pairs between which a way is left, with the one that the fewest changes can close; in order.
    pub(super) fn open(&self, removal: &Removal) -> Vec<(Pair, Vec<&Way>)> {
        self.search(&|way| removal.takes(way))
    }

    /// The pairs with a way that nothing can close.
    pub(super) fn fixed(&self) -> Vec<(Pair, Vec<&Way>)> {
        self.search(&|way| !way.covers.is_empty())
    }

    fn search(&self, is_gone: &dyn Fn(&Way) -> bool) -> Vec<(Pair, Vec<&Way>)> {
        let mut found = Vec::new();
        for (sink, ends) in self.ends.iter().enumerate() {
            let starts: Vec<&(Pair, u32)> = self.starts.iter().filter(|((_, one), _)| *one == sink).collect();
            if starts.is_empty() || ends.is_empty() {
                continue;
            }
            let next = self.backwards(ends, is_gone);
            for (pair, start) in starts {
                let mut path = Vec::new();
                let mut at = *start;
                while let Some(way) = next.get(at as usize).and_then(|way| self.ways.get(way.1 as usize)) {
                    path.push(way);
                    at = way.to;
                }
                if !path.is_empty() {
                    found.push((*pair, path));
                }
            }
        }
        found
    }

    /// For each vertex the cost and the way to take; the greatest ones where it reaches none of `ends`.
    fn backwards(&self, ends: &[u32], is_gone: &dyn Fn(&Way) -> bool) -> Vec<(u64, u32)> {
        let mut best = vec![(u64::MAX, u32::MAX); self.into.len()];
        let mut queue: BinaryHeap<Reverse<(u64, u32)>> = ends.iter().map(|end| Reverse((0, *end))).collect();
        while let Some(Reverse((so_far, at))) = queue.pop() {
            let is_end = |at: u32| ends.binary_search(&at).is_ok();
            if !is_end(at) && best.get(at as usize).is_none_or(|(cost, _)| *cost < so_far) {
                continue;
            }
            for place in self.into.get(at as usize).into_iter().flatten() {
                let Some(way) = self.ways.get(*place as usize).filter(|way| !is_gone(way) && !is_end(way.from)) else { continue };
                let cost = so_far + 1 + 64 * way.covers.len() as u64;
                let Some(known) = best.get_mut(way.from as usize).filter(|known| (cost, *place) < **known) else { continue };
                let is_shorter = cost < known.0;
                *known = (cost, *place);
                if is_shorter {
                    queue.push(Reverse((cost, way.from)));
                }
            }
        }
        best
    }
}
