//! Sides of connections: in words, each end by itself, and as places on a map.

use super::names::{self, Names};
use plimsoll_network::listing::{By, Entrance, Side, Workload};
use plimsoll_report::map::{Map, Place, PlaceKind};
use std::collections::BTreeSet;

/// The sides of the connections of one answer.
pub(super) struct Sides<'l> {
    workloads: &'l [Workload],
    entrances: &'l [Entrance],
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
    fn sender(&self, entrance: &Entrance) -> String {
        match &entrance.by {
            By::Controller(pods) => format!("by {}", self.names.words(pods).join(", ")),
            By::Unknown => "by a controller that was not read".to_owned(),
            By::Clients(addresses) => format!("from {}", addresses.join(", ")),
        }
    }

    /// A map of all workloads and ways in, each at its own place, without ways yet.
    pub(super) fn map(&self, title: &str) -> Map {
        let mut map = Map { title: title.to_owned(), ..Map::default() };
        map.regions = self.workloads.iter().map(|workload| workload.namespace.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        for workload in self.workloads {
            let region = map.regions.binary_search(&workload.namespace).ok();
            let facts = vec![names::name(workload)];
            let caption = workload.kind.clone();
            map.places.push(Place { label: workload.name.clone(), caption, region, kind: PlaceKind::Workload, facts });
        }
        for entrance in self.entrances {
            let facts = vec![entrance_name(entrance), self.sender(entrance)];
            let region = map.regions.binary_search(&entrance.namespace).ok();
            let (label, caption) = (entrance.name.clone(), entrance.kind.clone());
            map.places.push(Place { label, caption, region, kind: PlaceKind::Entrance, facts });
        }
        map
    }

    /// The places of one side on such a map.
    pub(super) fn places(&self, side: &Side, map: &mut Map) -> Vec<usize> {
        match side {
            Side::Workloads(list) => list.clone(),
            Side::Entrance(at) => vec![self.workloads.len() + at],
            Side::Outside(ranges) => vec![place_of(ranges, &mut map.places)],
        }
    }
}

/// The place of addresses outside; made for the first who asks.
fn place_of(ranges: &[String], places: &mut Vec<Place>) -> usize {
    let known = places.iter().position(|place| place.kind == PlaceKind::Outside && place.facts == ranges);
    known.unwrap_or_else(|| {
        let label = match ranges {
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        };
        let caption = "outside of the cluster".to_owned();
        places.push(Place { label, caption, region: None, kind: PlaceKind::Outside, facts: ranges.to_vec() });
        places.len() - 1
    })
}

/// A way in: `Ingress shop/web`.
fn entrance_name(entrance: &Entrance) -> String {
    format!("{} {}/{}", entrance.kind, entrance.namespace, entrance.name)
}
