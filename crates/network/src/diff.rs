//! What differs between two states of the world: the answer of `plimsoll net diff`.
//!
//! Workloads that are alike before and alike afterwards are one class here, so that cost grows with how many behave differently. Changes
//! that are the same are named once, with all whom they are about.

use crate::addresses::Addresses;
use crate::entrances::FromUnknown;
use crate::listing::{Answered, By, Entrance, Side, Workload, written};
use crate::matrix::Matrix;
use crate::networks::Secondary;
use crate::policy::Direction;
use crate::ranges::Ranges;
use crate::traffic::Traffic;
use crate::world::World;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What differs between two states of the world.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// What the API leaves open, as it was answered here.
    pub settings: Answered,
    /// The workloads of both states, by their place in the lists below.
    pub workloads: Vec<Workload>,
    /// Workloads that were not there before.
    pub new: Vec<usize>,
    /// Workloads that are not there any more.
    pub gone: Vec<usize>,
    /// The ways in that changes name, as they are afterwards, or were before where they are gone; by their place in the changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrances: Vec<Entrance>,
    /// Connections that differ, in order.
    pub changes: Vec<Change>,
}

/// Connections that differ in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The network beside the first one of pods that it is about: `UserDefinedNetwork shop/own`; empty for the first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// Whether both ends are there before and afterwards.
    pub ends: Ends,
    /// What becomes of the connection.
    pub kind: ChangeKind,
    /// Who sends.
    pub from: Side,
    /// To whom. Where both are the same workload, its pods send to each other.
    pub to: Side,
    /// What might be sent before.
    pub before: Traffic,
    /// What may be sent afterwards.
    pub after: Traffic,
    /// What may be sent afterwards and not before.
    pub gained: Traffic,
    /// What might be sent before and not afterwards.
    pub lost: Traffic,
}

/// Whether the ends of connections are there, in the network, before and afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ends {
    /// Both are: what differs is what may be sent.
    Kept,
    /// One of them is new.
    New,
    /// One of them is not there any more.
    Gone,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// Nothing might be sent before.
    Added,
    /// Something might be sent before and may be afterwards, but not the same.
    Changed,
    /// Nothing may be sent afterwards.
    Removed,
}

/// A state of the world with what may flow in it.
#[derive(Debug, Clone, Copy)]
pub struct State<'w, 'a> {
    /// The world.
    pub world: &'w World<'a>,
    /// What may flow.
    pub matrix: &'w Matrix,
}

impl Diff {
    /// What differs. Both worlds should be made together ([`World::pair`]), so that pods are parted in the same way.
    pub fn new(before: State<'_, '_>, after: State<'_, '_>) -> Self {
        let pairs = paired(before.world, after.world);
        let classes = classes(pairs.iter().map(|(_, pair)| *pair).enumerate(), before.matrix, after.matrix);
        let mut changes = inside(&classes, before.matrix, after.matrix);
        for direction in Direction::BOTH {
            changes.extend(outside(&classes, direction, before.matrix, after.matrix));
        }
        changes.extend(attached(&pairs, before.world, after.world));
        let entrances = ways_in(&pairs, before, after, &mut changes);
        changes.sort();
        let places = |is: fn(&Pair) -> bool| pairs.iter().enumerate().filter(|(_, (_, pair))| is(pair)).map(|(at, _)| at).collect();
        Self {
            settings: Answered::from(&after.world.settings),
            new: places(|pair| pair.before.is_none()),
            gone: places(|pair| pair.after.is_none()),
            workloads: pairs.into_iter().map(|(workload, _)| workload).collect(),
            entrances,
            changes,
        }
    }
}

impl Change {
    fn new(ends: Ends, (from, to): (Side, Side), (before, after): (&Traffic, &Traffic)) -> Self {
        let kind = match (before.is_none(), after.is_none()) {
            (true, _) => ChangeKind::Added,
            (_, true) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        let (gained, lost) = (after.difference(before), before.difference(after));
        Self { network: String::new(), ends, kind, from, to, before: before.clone(), after: after.clone(), gained, lost }
    }
}

/// The places of one workload in both worlds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) before: Option<usize>,
    pub(crate) after: Option<usize>,
}

/// The workloads of both worlds, by name, with their places in each.
pub(crate) fn paired(before: &World<'_>, after: &World<'_>) -> Vec<(Workload, Pair)> {
    let mut pairs: BTreeMap<Workload, Pair> = BTreeMap::new();
    for (at, endpoint) in before.endpoints.iter().enumerate() {
        pairs.insert(Workload::of(before, endpoint), Pair { before: Some(at), after: None });
    }
    for (at, endpoint) in after.endpoints.iter().enumerate() {
        pairs.entry(Workload::of(after, endpoint)).or_insert(Pair { before: None, after: None }).after = Some(at);
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    // Pods that others part in another way are still those of the workload, if there is no doubt which.
    let mut dropped = Vec::new();
    let is_same = |one: &(Workload, Pair), two: &(Workload, Pair)| one.0.is_same_workload(&two.0);
    let mut start = 0;
    for alike in pairs.chunk_by_mut(is_same) {
        let mut old = alike.iter().enumerate().filter(|(_, (_, pair))| pair.after.is_none());
        let mut new = alike.iter().enumerate().filter(|(_, (_, pair))| pair.before.is_none());
        if let (Some((one, (_, old_pair))), None, Some((two, _)), None) = (old.next(), old.next(), new.next(), new.next()) {
            let place = old_pair.before;
            dropped.push(start + one);
            if let Some((_, pair)) = alike.get_mut(two) {
                pair.before = place;
            }
        }
        start += alike.len();
    }
    let mut at = 0..;
    pairs.retain(|_| at.next().is_none_or(|at| dropped.binary_search(&at).is_err()));
    pairs
}

/// What arrives from ways in.
type Arriving<'w> = BTreeMap<(&'w str, &'w str, &'w str, By), BTreeMap<usize, Traffic>>;

/// What arrives at which workload, by way in; who sends is a part of its name, as another sender is another way in.
fn arriving<'w>(state: State<'w, '_>, pairs: &[(Workload, Pair)], place: fn(&Pair) -> Option<usize>) -> Arriving<'w> {
    let joint: HashMap<usize, usize> = pairs.iter().enumerate().filter_map(|(at, (_, pair))| Some((place(pair)?, at))).collect();
    let mut from_unknown = FromUnknown::default();
    let mut arriving: Arriving<'_> = BTreeMap::new();
    for entrance in &state.world.entrances {
        let by = Entrance::of(entrance, |at| joint.get(&at).copied()).by;
        let object = &entrance.object;
        let arrives = entrance.arrives(state.world, state.matrix, &mut from_unknown);
        // The same object may be there twice.
        let known = arriving.entry((object.kind, object.effective_namespace(), object.name, by)).or_default();
        for (at, traffic) in arrives.into_iter().filter_map(|(at, traffic)| Some((*joint.get(&at)?, traffic))) {
            let all = known.entry(at).or_default();
            *all = all.union(&traffic);
        }
    }
    arriving
}

/// Connections by ways in.
fn ways_in(pairs: &[(Workload, Pair)], before: State<'_, '_>, after: State<'_, '_>, changes: &mut Vec<Change>) -> Vec<Entrance> {
    let old = arriving(before, pairs, |pair| pair.before);
    let new = arriving(after, pairs, |pair| pair.after);
    let nothing = BTreeMap::new();
    let mut named = Vec::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        let (old, new) = (old.get(key).unwrap_or(&nothing), new.get(key).unwrap_or(&nothing));
        let mut alike: BTreeMap<(Ends, Traffic, Traffic), Vec<usize>> = BTreeMap::new();
        for at in old.keys().chain(new.keys().filter(|at| !old.contains_key(at))) {
            let of = |arriving: &BTreeMap<usize, Traffic>| arriving.get(at).cloned().unwrap_or_default();
            let (was, is) = (of(old), of(new));
            let ends = match pairs.get(*at) {
                Some((_, Pair { before: None, .. })) => Ends::New,
                Some((_, Pair { after: None, .. })) => Ends::Gone,
                _ => Ends::Kept,
            };
            if was != is {
                alike.entry((ends, was, is)).or_default().push(*at);
            }
        }
        if alike.is_empty() {
            continue;
        }
        for ((ends, was, is), mut to) in alike {
            to.sort_unstable();
            changes.push(Change::new(ends, (Side::Entrance(named.len()), Side::Workloads(to)), (&was, &is)));
        }
        let (kind, namespace, name, by) = key;
        named.push(Entrance { kind: (*kind).to_owned(), namespace: (*namespace).to_owned(), name: (*name).to_owned(), by: by.clone() });
    }
    named
}

/// Workloads that are alike before and alike afterwards.
struct Class {
    before: Option<u32>,
    after: Option<u32>,
    /// Their places in [`Diff::workloads`], in order.
    members: Vec<usize>,
}

fn classes(pairs: impl Iterator<Item = (usize, Pair)>, before: &Matrix, after: &Matrix) -> Vec<Class> {
    let mut found: BTreeMap<(Option<u32>, Option<u32>), Vec<usize>> = BTreeMap::new();
    for (at, pair) in pairs {
        let class = |matrix: &Matrix, place: Option<usize>| place.and_then(|place| matrix.class_of.get(place).copied());
        found.entry((class(before, pair.before), class(after, pair.after))).or_default().push(at);
    }
    found.into_iter().map(|((before, after), members)| Class { before, after, members }).collect()
}

/// Connections over networks that pods are attached to beside their first.
fn attached(pairs: &[(Workload, Pair)], before: &World<'_>, after: &World<'_>) -> Vec<Change> {
    let mut networks: BTreeMap<String, [Option<&Secondary<'_>>; 2]> = BTreeMap::new();
    for (side, world) in [before, after].into_iter().enumerate() {
        for network in &world.secondary {
            if let Some(known) = networks.entry(network.network.title()).or_default().get_mut(side) {
                *known = Some(network);
            }
        }
    }
    let mut changes = Vec::new();
    for (title, sides) in networks {
        let [old, new] = sides.map(|side| side.map_or_else(Matrix::default, |network| Matrix::new(&network.world)));
        let [was, is] = sides.map(|side| {
            let members = side.into_iter().flat_map(|network| network.members.iter().copied().enumerate());
            members.map(|(within, place)| (place, within)).collect::<HashMap<_, _>>()
        });
        let within = pairs.iter().map(|(_, pair)| Pair {
            before: pair.before.and_then(|place| was.get(&place).copied()),
            after: pair.after.and_then(|place| is.get(&place).copied()),
        });
        let members = within.enumerate().filter(|(_, pair)| pair.before.is_some() || pair.after.is_some());
        let found = inside(&classes(members, &old, &new), &old, &new);
        changes.extend(found.into_iter().map(|change| Change { network: title.clone(), ..change }));
    }
    changes
}

impl ChangeKind {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl Ends {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }

    /// Of a connection between two classes; nothing flows between one that is new and one that is gone.
    fn of(classes: [&Class; 2]) -> Self {
        match classes {
            classes if classes.iter().any(|class| class.before.is_none()) => Self::New,
            classes if classes.iter().any(|class| class.after.is_none()) => Self::Gone,
            _ => Self::Kept,
        }
    }
}

type Row = [(Traffic, Ranges<u32>)];

/// Connections between workloads.
fn inside(classes: &[Class], before: &Matrix, after: &Matrix) -> Vec<Change> {
    let mut known = Known::default();
    // Sources with the same rows on both sides are looked at once.
    let mut rows: BTreeMap<(Option<&Row>, Option<&Row>), Vec<usize>> = BTreeMap::new();
    for (at, class) in classes.iter().enumerate() {
        rows.entry((row(&before.rows, class.before), row(&after.rows, class.after))).or_default().push(at);
    }
    let mut changes: BTreeMap<(Ends, u32, u32, Vec<u32>), Vec<usize>> = BTreeMap::new();
    for ((old, new), sources) in rows {
        let old = known.each(old.unwrap_or_default(), before.classes.len());
        let new = known.each(new.unwrap_or_default(), after.classes.len());
        let Some(source) = sources.first().and_then(|at| classes.get(*at)) else { continue };
        let mut differing: BTreeMap<(Ends, u32, u32), Vec<u32>> = BTreeMap::new();
        for (at, class) in (0..).zip(classes) {
            let id = |row: &[u32], class: Option<u32>| class.and_then(|class| row.get(class as usize)).copied().unwrap_or_default();
            let (old, new) = (id(&old, class.before), id(&new, class.after));
            if old != new {
                differing.entry((Ends::of([source, class]), old, new)).or_default().push(at);
            }
        }
        for ((ends, old, new), destinations) in differing {
            changes.entry((ends, old, new, destinations)).or_default().extend(&sources);
        }
    }
    let side = |places: &mut dyn Iterator<Item = usize>| {
        let mut members: Vec<_> = places.filter_map(|at| classes.get(at)).flat_map(|class| &class.members).copied().collect();
        members.sort_unstable();
        Side::Workloads(members)
    };
    let of = |((ends, old, new, destinations), sources): ((Ends, u32, u32, Vec<u32>), Vec<usize>)| {
        let sides = (side(&mut sources.into_iter()), side(&mut destinations.into_iter().map(|at| at as usize)));
        Change::new(ends, sides, (known.get(old), known.get(new)))
    };
    changes.into_iter().map(of).collect()
}

/// The row of a class.
fn row<T>(rows: &[Vec<T>], class: Option<u32>) -> Option<&[T]> {
    rows.get(class? as usize).map(Vec::as_slice)
}

/// Sets of traffic by number; 0 is nothing.
struct Known<'m> {
    ids: HashMap<&'m Traffic, u32>,
    list: Vec<&'m Traffic>,
    nothing: Traffic,
}

impl Default for Known<'_> {
    fn default() -> Self {
        Self { ids: HashMap::new(), list: Vec::new(), nothing: Traffic::none() }
    }
}

impl<'m> Known<'m> {
    /// What a row says of each class.
    fn each(&mut self, row: &'m Row, classes: usize) -> Vec<u32> {
        let mut each = vec![0; classes];
        for (traffic, set) in row.iter().filter(|(traffic, _)| !traffic.is_none()) {
            #[expect(clippy::cast_possible_truncation, reason = "fewer sets than cells of a matrix in memory")]
            let next = self.list.len() as u32 + 1;
            let id = *self.ids.entry(traffic).or_insert(next);
            if id == next {
                self.list.push(traffic);
            }
            for (first, last) in set.iter() {
                each.iter_mut().take(last as usize + 1).skip(first as usize).for_each(|cell| *cell = id);
            }
        }
        each
    }

    fn get(&self, id: u32) -> &Traffic {
        (id as usize).checked_sub(1).and_then(|at| self.list.get(at)).copied().unwrap_or(&self.nothing)
    }
}

type Outside = [(Traffic, Addresses)];

/// Connections with the outside.
fn outside(classes: &[Class], direction: Direction, before: &Matrix, after: &Matrix) -> Vec<Change> {
    let [before, after] = [before, after].map(|matrix| match direction {
        Direction::Ingress => &matrix.from_outside,
        Direction::Egress => &matrix.to_outside,
    });
    let mut rows: BTreeMap<(Option<&Outside>, Option<&Outside>), Vec<usize>> = BTreeMap::new();
    for class in classes {
        rows.entry((row(before, class.before), row(after, class.after))).or_default().extend(&class.members);
    }
    let mut changes: BTreeMap<(Ends, Traffic, Traffic, Addresses), Vec<usize>> = BTreeMap::new();
    for ((old, new), members) in rows {
        let ends = match (old, new) {
            (None, _) => Ends::New,
            (_, None) => Ends::Gone,
            _ => Ends::Kept,
        };
        let mut differing: BTreeMap<(Traffic, Traffic), Addresses> = BTreeMap::new();
        let (old, new) = (everywhere(old.unwrap_or_default()), everywhere(new.unwrap_or_default()));
        for (was, held) in &old {
            for (is, holds) in new.iter().filter(|(is, _)| is != was) {
                let both = held.intersection(holds);
                if !both.is_empty() {
                    let known = differing.entry((was.clone(), is.clone())).or_default();
                    *known = known.union(&both);
                }
            }
        }
        for ((was, is), addresses) in differing {
            changes.entry((ends, was, is, addresses)).or_default().extend(&members);
        }
    }
    let of = |((ends, was, is, addresses), mut members): ((Ends, Traffic, Traffic, Addresses), Vec<usize>)| {
        members.sort_unstable();
        let (ours, theirs) = (Side::Workloads(members), Side::Outside(written(&addresses)));
        let sides = if direction == Direction::Ingress { (theirs, ours) } else { (ours, theirs) };
        Change::new(ends, sides, (&was, &is))
    };
    changes.into_iter().map(of).collect()
}

/// What may flow with each address, those with which nothing does included.
fn everywhere(row: &Outside) -> Vec<(Traffic, Addresses)> {
    let held = Addresses::union_of(row.iter().map(|(_, addresses)| addresses));
    let rest = Addresses::all().difference(&held);
    row.iter().cloned().chain([(Traffic::none(), rest)]).collect()
}
