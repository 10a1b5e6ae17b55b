//! Listings as maps: namespaces as regions, workloads as places, and places for the outside.

use super::names;
use plimsoll_network::listing::{Connection, Listing, Side, Workload};
use plimsoll_report::map::{Map, Place, PlaceKind, Way, WayState};
use std::collections::{BTreeMap, BTreeSet};

/// So many workloads have a place each. Of more, those of a kind and namespace that may talk to the same ones share one.
const APART: usize = 200;
/// Letters of the ports in a caption.
const CAPTION: usize = 22;

/// A map, and which workloads each of its places stands for: their places in [`Listing::workloads`].
pub(super) struct Picture {
    pub(super) map: Map,
    pub(super) members: Vec<Vec<usize>>,
}

impl Picture {
    /// Of all that a listing says; with a focus without the workloads that have no connection to what is in it.
    pub(super) fn of(listing: &Listing, focus: Option<&BTreeSet<usize>>) -> Self {
        let workloads = &listing.workloads;
        // Who stands where: in which connections, on which side.
        let mut sides: Vec<Vec<(usize, bool)>> = vec![Vec::new(); workloads.len()];
        for (at, Connection { from, to, .. }) in listing.connections.iter().enumerate() {
            for (side, is_to) in [(from, false), (to, true)] {
                let Side::Workloads(list) = side else { continue };
                for one in list {
                    sides.get_mut(*one).into_iter().for_each(|sides| sides.push((at, is_to)));
                }
            }
        }
        let is_linked = |at: &usize| sides.get(*at).is_some_and(|sides| !sides.is_empty());
        let is_drawn = |at: &usize| focus.is_none_or(|focus| focus.contains(at)) || is_linked(at);
        let drawn: Vec<usize> = (0..workloads.len()).filter(is_drawn).collect();
        let members: Vec<Vec<usize>> = if drawn.len() <= APART {
            drawn.into_iter().map(|at| vec![at]).collect()
        } else {
            let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
            for at in drawn {
                let workload = workloads.get(at).map(|workload| (&workload.namespace, &workload.kind));
                alike.entry((workload, sides.get(at))).or_default().push(at);
            }
            let mut members: Vec<_> = alike.into_values().collect();
            members.sort();
            members
        };
        let mut picture = Self { map: Map { title: "Who may talk to whom".to_owned(), ..Map::default() }, members };
        picture.places(workloads);
        picture.ways(listing);
        picture.captions();
        let Self { map, members } = &mut picture;
        let count: usize = members.iter().map(Vec::len).sum();
        let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        map.summary = format!("{} in {}", plural(count, "workload"), plural(map.regions.len(), "namespace"));
        if members.len() < count {
            map.notes.push(format!(
                "Workloads of a namespace that may talk to the same ones share a place: {} for {count}.",
                plural(members.len(), "place")
            ));
        }
        picture
    }

    fn places(&mut self, workloads: &[Workload]) {
        let Self { map, members } = self;
        let drawn = || members.iter().flatten().filter_map(|at| workloads.get(*at));
        map.regions = drawn().map(|workload| workload.namespace.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        for list in members.iter() {
            let mut here = list.iter().filter_map(|at| workloads.get(*at));
            let Some(first) = here.next() else { continue };
            let region = map.regions.binary_search(&first.namespace).ok();
            let mut label = if first.variant.is_empty() { first.name.clone() } else { format!("{}{{{}}}", first.name, first.variant) };
            let (mut caption, mut facts) = (first.kind.clone(), Vec::new());
            if list.len() > 1 {
                label = format!("{label} and {} more", list.len() - 1);
                caption = format!("{} × {caption}", list.len());
                facts.extend([first].into_iter().chain(here).map(names::name));
            }
            map.places.push(Place { label, caption, region, kind: PlaceKind::Workload, facts });
        }
    }

    fn ways(&mut self, listing: &Listing) {
        let Self { map, members } = self;
        let mut place: Vec<Option<usize>> = vec![None; listing.workloads.len()];
        for (at, list) in members.iter().enumerate() {
            for one in list {
                place.get_mut(*one).into_iter().for_each(|place| *place = Some(at));
            }
        }
        let mut outside: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for Connection { from, to, traffic } in &listing.connections {
            let mut places = |side: &Side| -> Vec<usize> {
                match side {
                    Side::Workloads(list) => {
                        let some: BTreeSet<usize> = list.iter().filter_map(|at| place.get(*at).copied().flatten()).collect();
                        some.into_iter().collect()
                    }
                    Side::Outside(ranges) => vec![*outside.entry(ranges.clone()).or_insert_with(|| outside_of(ranges, &mut map.places))],
                }
            };
            let (from, to) = (places(from), places(to));
            let label = traffic.to_string();
            for one in &from {
                for two in to.iter().filter(|two| *two != one) {
                    map.ways.push(Way { from: *one, to: *two, label: label.clone(), state: WayState::Open, facts: Vec::new() });
                }
                // Many at one place, who may send each other the same.
                if to.contains(one) && members.get(*one).is_some_and(|list| list.len() > 1) {
                    map.places
                        .get_mut(*one)
                        .into_iter()
                        .for_each(|place| place.facts.push(format!("each may send to the others: {label}")));
                }
            }
        }
    }

    /// Says what places receive, if that is little.
    fn captions(&mut self) {
        let mut received: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); self.map.places.len()];
        for way in &self.map.ways {
            received.get_mut(way.to).into_iter().for_each(|labels| _ = labels.insert(&way.label));
        }
        for (place, labels) in self.map.places.iter_mut().zip(received).filter(|(place, _)| place.kind == PlaceKind::Workload) {
            let labels: Vec<_> = labels.into_iter().collect();
            let ports = labels.join("; ");
            if !ports.is_empty() && ports.chars().count() <= CAPTION && !labels.contains(&"all") {
                place.caption = format!("{} · {ports}", place.caption);
            }
        }
    }
}

/// Makes the place of addresses outside; its number.
fn outside_of(ranges: &[String], places: &mut Vec<Place>) -> usize {
    let label = match ranges {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    let caption = "outside of the cluster".to_owned();
    places.push(Place { label, caption, region: None, kind: PlaceKind::Outside, facts: ranges.to_vec() });
    places.len() - 1
}
