//! Equal flows as one.

use super::FLOWS;
use plimsoll_model::{Flow, FlowEnd, FlowKey, Seen};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// So many bytes of names and labels are kept.
const BYTES: usize = 512 << 20;

/// Flows so far, each once.
#[derive(Debug, Default)]
pub(super) struct Fold {
    flows: HashMap<FlowKey, Seen>,
    /// Each end once in memory: the same ones are in many flows.
    ends: HashSet<Arc<FlowEnd>>,
    /// What their names and labels take.
    bytes: usize,
    /// Records of flows for which there was no room.
    pub(super) beyond: u64,
}

impl Fold {
    /// Takes in a flow.
    pub(super) fn add(&mut self, key: FlowKey, seen: Seen) {
        if let Some(known) = self.flows.get_mut(&key) {
            return known.add(seen);
        }
        let FlowKey { source, destination, protocol, port, verdict } = key;
        match (self.end(source), self.end(destination)) {
            (Some(source), Some(destination)) if self.flows.len() < FLOWS => {
                self.flows.insert(FlowKey { source, destination, protocol, port, verdict }, seen);
            }
            _ => self.beyond += 1,
        }
    }

    fn end(&mut self, end: Arc<FlowEnd>) -> Option<Arc<FlowEnd>> {
        if let Some(known) = self.ends.get(&end) {
            return Some(known.clone());
        }
        let labels: usize = end.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.bytes += size_of::<FlowEnd>() + labels + end.namespace.len() + end.workload.len() + end.pod.len() + end.domain.len();
        if self.bytes > BYTES {
            return None;
        }
        self.ends.insert(end.clone());
        Some(end)
    }

    /// Takes in what another one has.
    pub(super) fn merge(&mut self, other: Self) {
        // Near the limits it matters which come first.
        let mut flows: Vec<_> = other.flows.into_iter().collect();
        if self.flows.len() + flows.len() > FLOWS || self.bytes + other.bytes > BYTES {
            flows.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
        }
        flows.into_iter().for_each(|(key, seen)| self.add(key, seen));
        self.beyond += other.beyond;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    /// All of them in order.
    pub(super) fn flows(self) -> Vec<Flow> {
        let mut flows: Vec<Flow> = self.flows.into_iter().map(|(key, seen)| Flow { key, seen }).collect();
        flows.sort_unstable();
        flows
    }
}
