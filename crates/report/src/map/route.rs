//! The curves of lines and bundles: out at the side that faces the other end, in at the side that faces back.

use super::fold::{Folded, Zone};
use super::layers::get;
use super::layout::{HEADING, Layout, Rect};
use std::collections::BTreeMap;

/// Between ends of lines at a card, and of bundles at a region.
const STEP: (f64, f64) = (8.0, 19.0);
/// What a number at the end of a bundle needs.
const NUMBER: f64 = 17.0;

/// The curve from one rectangle to another.
#[derive(Debug, Default)]
pub(super) struct Curve {
    /// As SVG writes paths.
    pub(super) path: String,
    pub(super) start: (f64, f64),
    pub(super) end: (f64, f64),
    /// Whether it starts at the right, and whether it comes in from the left.
    pub(super) is_rightward: (bool, bool),
    /// Whether there is room for a number where it starts.
    pub(super) has_room: bool,
}

/// The curves of the lines, and those of the bundles; a bundle within a region has none.
pub(super) fn curves(folded: &Folded, layout: &Layout) -> (Vec<Curve>, Vec<Curve>) {
    let lines = folded.lines.iter().map(|line| (Zone::Place(line.from), Zone::Place(line.to)));
    let ends: Vec<(Zone, Zone)> = lines.chain(folded.bundles.iter().map(|bundle| (bundle.from, bundle.to))).collect();
    let rect = |zone: Zone| match zone {
        Zone::Place(at) => get(&layout.places, at),
        Zone::Region(at) => get(&layout.regions, at),
    };
    let sides = |(from, to): (Zone, Zone)| -> (bool, bool) {
        let (from, to) = (rect(from), rect(to));
        match () {
            () if to.x >= from.right() => (true, true),
            () if to.right() <= from.x => (false, false),
            // One above the other: around at the right.
            () => (true, false),
        }
    };
    // What leaves or enters at one side, in the order of where it goes to or comes from.
    let mut ports: BTreeMap<(Zone, bool), Vec<(f64, usize, bool)>> = BTreeMap::new();
    for (at, (from, to)) in ends.iter().enumerate().filter(|(_, (from, to))| from != to) {
        let (out, into) = sides((*from, *to));
        ports.entry((*from, out)).or_default().push((rect(*to).middle(), at, false));
        ports.entry((*to, !into)).or_default().push((rect(*from).middle(), at, true));
    }
    let mut place: BTreeMap<(usize, bool), (f64, bool)> = BTreeMap::new();
    for ((zone, _), mut ports) in ports {
        ports.sort_by(|one, two| one.0.total_cmp(&two.0).then((one.1, one.2).cmp(&(two.1, two.2))));
        for ((_, at, is_end), spot) in ports.iter().zip(spots(zone, rect(zone), ports.len())) {
            place.insert((*at, *is_end), spot);
        }
    }
    let mut curves = ends.iter().enumerate().map(|(at, (from, to))| {
        let spot = |is_end| place.get(&(at, is_end)).copied().unwrap_or_default();
        if from == to { Curve::default() } else { curve(sides((*from, *to)), (rect(*from), spot(false)), (rect(*to), spot(true))) }
    });
    let lines = curves.by_ref().take(folded.lines.len()).collect();
    (lines, curves.collect())
}

/// The heights at which `count` ends meet a side, and whether each has room for a number.
#[expect(clippy::cast_precision_loss, reason = "fewer ends than a float can count")]
fn spots(zone: Zone, rect: Rect, count: usize) -> Vec<(f64, bool)> {
    let (top, bottom, most) = match zone {
        Zone::Place(_) => (rect.y + 7.0, rect.bottom() - 7.0, STEP.0),
        Zone::Region(_) => (rect.y + HEADING, rect.bottom() - 14.0, STEP.1),
    };
    let step = most.min((bottom - top) / count.saturating_sub(1).max(1) as f64);
    let first = f64::midpoint(top, bottom) - step * count.saturating_sub(1) as f64 / 2.0;
    (0..count).map(|at| (step.mul_add(at as f64, first), count == 1 || step >= NUMBER)).collect()
}

fn curve((out, into): (bool, bool), (from, spot): (Rect, (f64, bool)), (to, end): (Rect, (f64, bool))) -> Curve {
    let x1 = if out { from.right() } else { from.x };
    let x2 = if into { to.x } else { to.right() };
    let (y1, y2) = (spot.0, end.0);
    // The arrow's head stands at the end.
    let tip = if into { x2 - 6.0 } else { x2 + 6.0 };
    let path = if out == into {
        let pull = ((tip - x1).abs() * 0.5).max(14.0) * if out { 1.0 } else { -1.0 };
        format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {tip:.1} {y2:.1}", x1 + pull, tip - pull)
    } else {
        let around = x1.max(tip) + ((y2 - y1).abs() * 0.16).clamp(16.0, 44.0);
        format!("M{x1:.1} {y1:.1}C{around:.1} {y1:.1} {around:.1} {y2:.1} {tip:.1} {y2:.1}")
    };
    Curve { path, start: (x1, y1), end: (x2, y2), is_rightward: (out, into), has_room: spot.1 }
}
