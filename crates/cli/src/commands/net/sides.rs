//! Sides of connections: in words, and each end by itself.

use super::names::{self, Names};
use plimsoll_network::listing::{By, Entrance, Side, Workload};

/// The sides of the connections of one answer.
pub(super) struct Sides<'l> {
    pub(super) workloads: &'l [Workload],
    pub(super) entrances: &'l [Entrance],
    /// The names of the workloads.
    pub(super) names: Names<'l>,
}

impl<'l> Sides<'l> {
    pub(super) fn new(workloads: &'l [Workload], entrances: &'l [Entrance]) -> Self {
        Self { workloads, entrances, names: Names::new(workloads) }
    }

    /// One side in words.
    pub(super) fn words(&self, side: &Side) -> String {
        match side {
            Side::Workloads(list) => self.names.words(list).join(", "),
            Side::Outside(ranges) => format!("outside ({})", ranges.join(", ")),
            Side::Entrance(at) => {
                let entrance = self.entrances.get(*at);
                entrance.map_or_else(String::new, |one| format!("{} ({})", entrance_name(one), self.sender(one)))
            }
        }
    }

    /// Each end by itself.
    pub(super) fn ends(&self, side: &Side) -> Vec<String> {
        match side {
            Side::Workloads(list) => list.iter().filter_map(|at| self.workloads.get(*at)).map(names::name).collect(),
            Side::Outside(ranges) => ranges.clone(),
            Side::Entrance(at) => self.entrances.get(*at).map(entrance_name).into_iter().collect(),
        }
    }

    /// Who sends to the pods behind a way in.
    pub(super) fn sender(&self, entrance: &Entrance) -> String {
        match &entrance.by {
            By::Controller(pods) => format!("by {}", self.names.words(pods).join(", ")),
            By::Unknown => "by a controller that was not read".to_owned(),
            By::Clients(addresses) => format!("from {}", addresses.join(", ")),
        }
    }
}

/// A way in: `Ingress shop/web`.
pub(super) fn entrance_name(entrance: &Entrance) -> String {
    format!("{} {}/{}", entrance.kind, entrance.namespace, entrance.name)
}
