//! What is drawn of all ways: one line each as long as these can be told apart; else what many places have in common as a hub, and
//! what leads from one region to another as a bundle.

use super::{Map, WayState};
use std::collections::{BTreeMap, BTreeSet};

/// So many ways are drawn as they are.
const FEW: usize = 40;
/// So many lines between regions are drawn before they are bundled.
const LINES: usize = 60;
/// Lines of a bundle at least; as soon as there are more than a few, and when there are too many.
const BUNDLE: (usize, usize) = (8, 3);
/// Ways of a hub at least.
const HUB: usize = 12;
/// Hubs at most: a card has room for the marks of so many.
const HUBS: usize = 5;
/// Sets of senders that are tried for a hub.
const TRIED: usize = 24;
/// So many ways are looked at for a hub, all in all.
const LOOKS: usize = 1_000_000;

/// What is drawn of a map's ways, by their places in [`Map::ways`]. Every way to a place that is there is in one of these.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// What many have in common, shown as marks and not as lines.
    pub(super) hubs: Vec<Hub>,
    /// Lines between places.
    pub(super) lines: Vec<Line>,
    /// What leads from one part of the map to another.
    pub(super) bundles: Vec<Bundle>,
}

/// Places each of which may send the same to each of others.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) senders: Vec<usize>,
    pub(super) receivers: Vec<usize>,
    pub(super) ways: Vec<usize>,
}

/// The ways from one place to another of one state.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) ways: Vec<usize>,
}

/// The ways from one part of the map to another, or those within a region.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) from: Zone,
    pub(super) to: Zone,
    pub(super) ways: Vec<usize>,
}

/// A part of the map: a region, or a place outside of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    Region(usize),
    Place(usize),
}

impl Zone {
    /// The zone of a place.
    pub(super) fn of(map: &Map, place: usize) -> Self {
        let region = map.places.get(place).and_then(|place| place.region).filter(|region| *region < map.regions.len());
        region.map_or(Self::Place(place), Self::Region)
    }
}

/// Decides how each way is drawn.
pub(super) fn fold(map: &Map) -> Folded {
    let count = map.places.len();
    let is_drawn = |at: &usize| map.ways.get(*at).is_some_and(|way| way.from != way.to && way.from.max(way.to) < count);
    let mut left: BTreeSet<usize> = (0..map.ways.len()).filter(is_drawn).collect();
    let hubs = hubs(map, &mut left);
    // Parallel ways are one line.
    let mut lines: BTreeMap<(usize, usize, WayState), Vec<usize>> = BTreeMap::new();
    for at in left {
        if let Some(way) = map.ways.get(at) {
            lines.entry((way.from, way.to, way.state)).or_default().push(at);
        }
    }
    let mut zones: BTreeMap<(Zone, Zone, WayState), Vec<Line>> = BTreeMap::new();
    for ((from, to, state), ways) in lines {
        zones.entry((Zone::of(map, from), Zone::of(map, to), state)).or_default().push(Line { from, to, ways });
    }
    let mut inside = vec![0_usize; map.regions.len()];
    for place in &map.places {
        place.region.and_then(|region| inside.get_mut(region)).into_iter().for_each(|count| *count += 1);
    }
    let room = |zone: Zone| match zone {
        Zone::Region(at) => FEW.max(2 * inside.get(at).copied().unwrap_or_default()),
        Zone::Place(_) => 0,
    };
    let mut between: usize = zones.iter().filter(|((from, to, _), _)| from != to).map(|(_, lines)| lines.len()).sum();
    let mut order: Vec<_> = zones.into_iter().collect();
    order.sort_by_key(|(zones, lines)| (std::cmp::Reverse(lines.len()), *zones));
    let mut folded = Folded { hubs, ..Folded::default() };
    for ((from, to, _), lines) in order {
        let is_bundle = if from == to {
            lines.len() > room(from)
        } else {
            between > FEW && lines.len() >= if between > LINES { BUNDLE.1 } else { BUNDLE.0 }
        };
        if is_bundle {
            between -= if from == to { 0 } else { lines.len() - 1 };
            folded.bundles.push(Bundle { from, to, ways: lines.into_iter().flat_map(|line| line.ways).collect() });
        } else {
            folded.lines.extend(lines);
        }
    }
    folded.lines.sort_by_key(|line| line.ways.first().copied());
    folded.bundles.sort_by_key(|bundle| (bundle.from, bundle.to, bundle.ways.first().copied()));
    folded
}

/// The ways of one label and state: for each receiver its senders, with the place of the way.
type Columns = BTreeMap<usize, BTreeMap<usize, usize>>;

/// Senders and receivers that have the most ways in common, and how many these are.
type Best = (usize, BTreeSet<usize>, Vec<usize>);

/// Takes hubs out of the ways that are left, the largest first.
fn hubs(map: &Map, left: &mut BTreeSet<usize>) -> Vec<Hub> {
    let mut hubs = Vec::new();
    if left.len() <= FEW {
        return hubs;
    }
    let least = HUB.max(left.len() / 80);
    let mut alike: BTreeMap<(WayState, &str), Columns> = BTreeMap::new();
    for at in left.iter() {
        if let Some(way) = map.ways.get(*at) {
            alike.entry((way.state, &way.label)).or_default().entry(way.to).or_default().insert(way.from, *at);
        }
    }
    let mut sets: Vec<(Columns, Option<Best>)> = alike.into_values().map(|columns| (columns, None)).collect();
    for (columns, best) in &mut sets {
        *best = largest(columns);
    }
    while hubs.len() < HUBS {
        let size = |(_, best): &(Columns, Option<Best>)| best.as_ref().map_or(0, |(count, ..)| *count);
        // The first of the largest.
        let found = sets.iter_mut().rev().max_by_key(|set| size(set)).filter(|set| size(set) >= least);
        let Some((columns, best)) = found else { break };
        let Some((_, senders, receivers)) = best.take() else { break };
        let mut ways = Vec::new();
        for receiver in &receivers {
            if let Some(column) = columns.get_mut(receiver) {
                ways.extend(senders.iter().filter_map(|sender| column.remove(sender)));
            }
        }
        ways.sort_unstable();
        ways.iter().for_each(|way| _ = left.remove(way));
        hubs.push(Hub { senders: senders.into_iter().collect(), receivers, ways });
        *best = largest(columns);
    }
    hubs
}

/// Senders and receivers of which each may send to each, as many ways as are found soon. A place need not be able to send to itself.
fn largest(columns: &Columns) -> Option<Best> {
    let mut tried: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for (receiver, column) in columns.iter().filter(|(_, column)| !column.is_empty()) {
        let senders: BTreeSet<usize> = column.keys().copied().collect();
        let mut with_itself = senders.clone();
        with_itself.insert(*receiver);
        tried.extend([senders, with_itself]);
    }
    // Of sets of all sizes only some are tried, fewer where there is much to look at.
    let mut tried: Vec<_> = tried.into_iter().collect();
    tried.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let ways: usize = columns.values().map(BTreeMap::len).sum();
    let most = (LOOKS / ways.max(1)).clamp(2, TRIED);
    let step = tried.len().div_ceil(most).max(1);
    let mut best: Option<Best> = None;
    for found in tried.into_iter().step_by(step).map(|senders| grown(columns, senders)) {
        if best.as_ref().is_none_or(|(most, ..)| found.0 > *most) {
            best = Some(found);
        }
    }
    best
}

/// Takes more and more receivers, and of the senders those that may send to all of them, as long as that makes more ways.
fn grown(columns: &Columns, mut senders: BTreeSet<usize>) -> Best {
    let is_way = |sender: &usize, receiver: usize, column: &BTreeMap<usize, usize>| *sender == receiver || column.contains_key(sender);
    let shared = |(receiver, column): (&usize, &BTreeMap<usize, usize>)| {
        let count = senders.iter().filter(|sender| is_way(sender, *receiver, column)).count();
        (std::cmp::Reverse(count), *receiver)
    };
    let mut order: Vec<_> = columns.iter().map(shared).collect();
    order.sort_unstable();
    let mut receivers = Vec::new();
    for (_, receiver) in order {
        let Some(column) = columns.get(&receiver) else { continue };
        let kept = senders.iter().filter(|sender| is_way(sender, receiver, column)).count();
        if kept * (receivers.len() + 1) > senders.len() * receivers.len() {
            senders.retain(|sender| is_way(sender, receiver, column));
            receivers.push(receiver);
        }
    }
    receivers.sort_unstable();
    let own = receivers.iter().filter(|receiver| senders.contains(receiver)).count();
    (senders.len() * receivers.len() - own, senders, receivers)
}
