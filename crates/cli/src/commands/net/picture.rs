//! Answers as maps: namespaces as regions, workloads and ways in as places there, and places for the outside.

use super::names;
use super::sides::{Sides, entrance_name};
use plimsoll_network::listing::{Listing, Side, Workload};
use plimsoll_network::traffic::Traffic;
use plimsoll_report::map::{Map, Place, PlaceKind, Way, WayState};
use std::collections::{BTreeMap, BTreeSet};

/// So many workloads have a place each. Of more, those of a kind and namespace that may talk to the same ones share one.
const APART: usize = 200;
/// Letters of the ports in a caption.
const CAPTION: usize = 22;

/// A map that is made of sides of connections.
pub(super) struct Picture {
    pub(super) map: Map,
    /// Which workloads each of the first places stands for, by their places in the answer.
    pub(super) members: Vec<Vec<usize>>,
    /// The place of each workload, as far as it is drawn.
    place: Vec<Option<usize>>,
    outside: BTreeMap<Vec<String>, usize>,
}

impl Picture {
    /// The places for the connections between `pairs`, without ways yet. Workloads that none of them names are there only if `keep`
    /// has them; without it all are.
    pub(super) fn new(title: &str, sides: &Sides<'_>, pairs: &[(&Side, &Side)], keep: Option<&BTreeSet<usize>>) -> Self {
        let workloads = sides.workloads;
        // Who stands where: in which pairs, on which side.
        let mut stands: Vec<Vec<(usize, bool)>> = vec![Vec::new(); workloads.len()];
        for (at, (from, to)) in pairs.iter().enumerate() {
            for (side, is_to) in [(from, false), (to, true)] {
                let Side::Workloads(list) = side else { continue };
                for one in list {
                    stands.get_mut(*one).into_iter().for_each(|stands| stands.push((at, is_to)));
                }
            }
        }
        let is_linked = |at: &usize| stands.get(*at).is_some_and(|stands| !stands.is_empty());
        let is_drawn = |at: &usize| keep.is_none_or(|keep| keep.contains(at)) || is_linked(at);
        let drawn: Vec<usize> = (0..workloads.len()).filter(is_drawn).collect();
        let count = drawn.len();
        let members: Vec<Vec<usize>> = if count <= APART {
            drawn.into_iter().map(|at| vec![at]).collect()
        } else {
            let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
            for at in drawn {
                let workload = workloads.get(at).map(|workload| (&workload.namespace, &workload.kind));
                alike.entry((workload, stands.get(at), keep.is_some_and(|keep| keep.contains(&at)))).or_default().push(at);
            }
            let mut members: Vec<_> = alike.into_values().collect();
            members.sort();
            members
        };
        let mut place = vec![None; workloads.len()];
        for (at, list) in members.iter().enumerate() {
            for one in list {
                place.get_mut(*one).into_iter().for_each(|place| *place = Some(at));
            }
        }
        let mut picture = Self { map: Map { title: title.to_owned(), ..Map::default() }, members, place, outside: BTreeMap::new() };
        picture.fill(sides);
        let Self { map, members, .. } = &mut picture;
        let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        map.summary = format!("{} in {}", plural(count, "workload"), plural(map.regions.len(), "namespace"));
        if members.len() < count {
            let places = plural(members.len(), "place");
            map.notes.push(format!("Workloads of a namespace that may talk to the same ones share a place: {places} for {count}."));
        }
        picture
    }

    /// What a listing says; with a focus only that and what it may talk to.
    pub(super) fn of(listing: &Listing, focus: Option<&BTreeSet<usize>>) -> Self {
        let sides = Sides::new(&listing.workloads, &listing.entrances);
        let attached = listing.networks.iter().flat_map(|network| network.connections.iter().map(move |one| (one, Some(&network.name))));
        let all: Vec<_> = listing.connections.iter().map(|one| (one, None)).chain(attached).collect();
        let pairs: Vec<_> = all.iter().map(|(one, _)| (&one.from, &one.to)).collect();
        let mut picture = Self::new("Who may talk to whom", &sides, &pairs, focus);
        for (one, network) in all {
            let over: Vec<String> = network.map(|name| format!("over {name}")).into_iter().collect();
            picture.ways(&one.from, &one.to, &one.traffic, WayState::Open, &over);
        }
        picture.captions();
        picture
    }

    /// The place of a workload.
    pub(super) fn place(&mut self, workload: usize) -> Option<&mut Place> {
        self.map.places.get_mut((*self.place.get(workload)?)?)
    }

    /// Draws that each of `from` may send to each of `to`.
    pub(super) fn ways(&mut self, from: &Side, to: &Side, traffic: &Traffic, state: WayState, facts: &[String]) {
        let label = traffic.to_string();
        let (from, to) = (self.places(from), self.places(to));
        for one in &from {
            for two in to.iter().filter(|two| *two != one) {
                self.map.ways.push(Way { from: *one, to: *two, label: label.clone(), state, facts: facts.to_vec() });
            }
            // Many at one place, who may send each other the same.
            if to.contains(one) && self.members.get(*one).is_some_and(|list| list.len() > 1) {
                self.map.places.get_mut(*one).into_iter().for_each(|place| place.facts.push(format!("each to the others: {label}")));
            }
        }
    }

    /// Draws that something was seen to go from one to another, and would not any more: what is drawn as gone there is broken.
    pub(super) fn broken(&mut self, from: &Side, to: &Side, traffic: &Traffic, facts: &[String]) {
        for from in self.places(from) {
            for to in self.places(to).into_iter().filter(|to| *to != from) {
                let is_it = |way: &&mut Way| (way.from, way.to) == (from, to) && matches!(way.state, WayState::Removed | WayState::Broken);
                match self.map.ways.iter_mut().find(is_it) {
                    Some(way) => {
                        way.state = WayState::Broken;
                        way.facts.extend_from_slice(facts);
                    }
                    None => {
                        let (label, state) = (traffic.to_string(), WayState::Broken);
                        self.map.ways.push(Way { from, to, label, state, facts: facts.to_vec() });
                    }
                }
            }
        }
    }

    fn places(&mut self, side: &Side) -> Vec<usize> {
        match side {
            Side::Workloads(list) => {
                let places: BTreeSet<usize> = list.iter().filter_map(|at| self.place.get(*at).copied().flatten()).collect();
                places.into_iter().collect()
            }
            Side::Entrance(at) => vec![self.members.len() + at],
            Side::Outside(ranges) => {
                let places = &mut self.map.places;
                vec![*self.outside.entry(ranges.clone()).or_insert_with(|| outside(ranges, places))]
            }
        }
    }

    fn fill(&mut self, sides: &Sides<'_>) {
        let Self { map, members, .. } = self;
        let drawn = members.iter().flatten().filter_map(|at| sides.workloads.get(*at)).map(|workload| &workload.namespace);
        let namespaces: BTreeSet<&String> = drawn.chain(sides.entrances.iter().map(|entrance| &entrance.namespace)).collect();
        map.regions = namespaces.into_iter().cloned().collect();
        for list in members.iter() {
            let mut here = list.iter().filter_map(|at| sides.workloads.get(*at));
            let Some(first) = here.next() else { continue };
            let region = map.regions.binary_search(&first.namespace).ok();
            let (mut label, mut caption, mut facts) = (short(first), first.kind.clone(), Vec::new());
            if list.len() > 1 {
                label = format!("{label} and {} more", list.len() - 1);
                caption = format!("{} × {caption}", list.len());
                facts.extend([first].into_iter().chain(here).map(names::name));
            }
            map.places.push(Place { label, caption, region, kind: PlaceKind::Workload, facts });
        }
        for entrance in sides.entrances {
            let facts = vec![entrance_name(entrance), sides.sender(entrance)];
            let region = map.regions.binary_search(&entrance.namespace).ok();
            let (label, caption) = (entrance.name.clone(), entrance.kind.clone());
            map.places.push(Place { label, caption, region, kind: PlaceKind::Entrance, facts });
        }
    }

    /// Says what workloads receive, if that is little.
    fn captions(&mut self) {
        let mut received: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); self.map.places.len()];
        for way in &self.map.ways {
            received.get_mut(way.to).into_iter().for_each(|labels| _ = labels.insert(&way.label));
        }
        for (place, labels) in self.map.places.iter_mut().zip(received).filter(|(place, _)| place.kind == PlaceKind::Workload) {
            let ports = labels.iter().copied().collect::<Vec<_>>().join("; ");
            if !ports.is_empty() && ports.chars().count() <= CAPTION && !labels.contains("all") {
                place.caption = format!("{} · {ports}", place.caption);
            }
        }
    }
}

/// A workload's name within its namespace.
fn short(Workload { name, variant, .. }: &Workload) -> String {
    if variant.is_empty() { name.clone() } else { format!("{name}{{{variant}}}") }
}

/// Makes the place of addresses outside.
fn outside(ranges: &[String], places: &mut Vec<Place>) -> usize {
    let label = match ranges {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    let caption = "outside of the cluster".to_owned();
    places.push(Place { label, caption, region: None, kind: PlaceKind::Outside, facts: ranges.to_vec() });
    places.len() - 1
}
