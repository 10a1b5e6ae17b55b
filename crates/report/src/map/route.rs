//! The curves of lines and bundles: out at the side that faces the other end, in at the side that faces back.

use super::fold::{Folded, Zone};
use super::layers::get;
use super::layout::{HEADING, Layout, Rect, Slab};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Between ends of lines at a card, and of bundles at a region.
const STEP: (f64, f64) = (8.0, 19.0);
/// What a number at the end of a bundle needs.
const NUMBER: f64 = 17.0;
/// Columns of cards that are nearer to each other are those of one region.
const NEAR: f64 = 64.0;

/// What lines that pass the same edge take of the room there, and which part of it each.
const LANE: f64 = 14.0;
const LANES: [f64; 6] = [0.0, 0.4, 0.8, 0.2, 0.6, 1.0];

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
    let sides = |(from, to): (Zone, Zone)| -> Sides {
        let (from, to) = (rect(from), rect(to));
        match () {
            () if to.x >= from.right() => (true, true),
            () if to.right() <= from.x => (false, false),
            // One above the other: around at the right.
            () => (true, false),
        }
    };
    // What leaves or enters at one side, in the order of where it goes to next or comes from last.
    let mut ports: BTreeMap<(Zone, bool), Vec<Port>> = BTreeMap::new();
    for (at, (from, to)) in ends.iter().enumerate().filter(|(_, (from, to))| from != to) {
        let (out, into) = sides((*from, *to));
        let (one, two) = (rect(*from), rect(*to));
        let stops = stops(None, (out, into), (one.leaves(out), one.middle()), (two.leaves(!into), two.middle()), &layout.slabs);
        let next = stops.first().map_or(two.middle(), |stop| stop.y);
        let last = stops.last().map_or(one.middle(), |stop| stop.y);
        ports.entry((*from, out)).or_default().push((next, at, false));
        ports.entry((*to, !into)).or_default().push((last, at, true));
    }
    let mut place: BTreeMap<(usize, bool), Spot> = BTreeMap::new();
    for ((zone, _), mut ports) in ports {
        ports.sort_by(|one, two| one.0.total_cmp(&two.0).then((one.1, one.2).cmp(&(two.1, two.2))));
        for ((_, at, is_end), spot) in ports.iter().zip(spots(zone, rect(zone), ports.len())) {
            place.insert((*at, *is_end), spot);
        }
    }
    let mut lanes = Lanes::new();
    let mut curves = ends.iter().enumerate().map(|(at, (from, to))| {
        let spot = |is_end| place.get(&(at, is_end)).copied().unwrap_or_default();
        if from == to {
            return Curve::default();
        }
        let sides = sides((*from, *to));
        let (start, end) = ((rect(*from).leaves(sides.0), spot(false).0), (rect(*to).leaves(!sides.1), spot(true).0));
        let stops = stops(Some(&mut lanes), sides, start, end, &layout.slabs);
        Curve { has_room: spot(false).1, ..curve(start, end, sides, &stops) }
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

/// How a line leaves and enters: to the right, in from the left.
type Sides = (bool, bool);
/// Where an end of a line is, and whether there is room for a number.
type Spot = (f64, bool);

/// A column of cards that a line passes: where it enters and leaves it, and how high.
struct Stop {
    enter: f64,
    leave: f64,
    y: f64,
}

/// An end at a side: the height that its line comes from or goes to, the number of the line, and whether it ends here.
type Port = (f64, usize, bool);

/// How many lines pass above or below each card already: by column, and by the place of the edge that they pass.
type Lanes = BTreeMap<(usize, u64), usize>;

/// The columns that a line has to find a way through; none if nothing is in its way. With `lanes` it takes one of its own.
fn stops(mut lanes: Option<&mut Lanes>, (out, into): Sides, start: (f64, f64), end: (f64, f64), slabs: &[Slab]) -> Vec<Stop> {
    let (low, high) = (start.0.min(end.0), start.0.max(end.0));
    let mut between: Vec<(usize, &Slab)> = slabs.iter().enumerate().filter(|(_, slab)| slab.left > low && slab.right < high).collect();
    if out != into || !between.iter().any(|(_, slab)| slab.is_hit(start, end)) {
        return Vec::new();
    }
    if !out {
        between.reverse();
    }
    let sides = |slab: &Slab| if out { (slab.left - 4.0, slab.right + 4.0) } else { (slab.right + 4.0, slab.left - 4.0) };
    let is_near = |one: f64, two: f64| (one - two).abs() < NEAR;
    let mut stops: Vec<Stop> = Vec::new();
    let (mut at, mut y) = (start, start.1);
    // Columns of a region are passed at one height as far as that goes: that of the end in its own region, and in that of the start
    // the height there.
    for run in between.chunk_by(|(_, one), (_, two)| is_near(sides(one).1, sides(two).0)) {
        let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) else { continue };
        let (enter, leave) = (sides(first).0, sides(last).1);
        if is_near(leave, end.0) {
            y = end.1;
        } else if !is_near(enter, start.0) {
            y = (end.1 - at.1).mul_add((f64::midpoint(enter, leave) - at.0) / (end.0 - at.0), at.1);
        }
        for (column, slab) in run {
            let (enter, leave) = sides(slab);
            let y = slab.free(y).map_or(y, |(edge, away)| {
                let lane = lanes.as_mut().map_or(0, |lanes| {
                    let taken = lanes.entry((*column, edge.to_bits())).or_default();
                    *taken += 1;
                    *taken - 1
                });
                LANES.get(lane % LANES.len()).map_or(edge, |share| share.mul_add(away, edge))
            });
            stops.push(Stop { enter, leave, y });
        }
        at = (leave, stops.last().map_or(y, |stop| stop.y));
    }
    stops
}

/// A line from one point to another by its stops.
fn curve(start: (f64, f64), end: (f64, f64), (out, into): Sides, stops: &[Stop]) -> Curve {
    // The arrow's head stands at the end.
    let tip = (if into { end.0 - 6.0 } else { end.0 + 6.0 }, end.1);
    let mut path = format!("M{:.1} {:.1}", start.0, start.1);
    if out == into {
        let mut at = start;
        for stop in stops {
            bend(&mut path, at, (stop.enter, stop.y));
            // Writing to a string does not fail.
            let _ = write!(path, "H{:.1}", stop.leave);
            at = (stop.leave, stop.y);
        }
        bend(&mut path, at, tip);
    } else {
        let around = start.0.max(tip.0) + ((end.1 - start.1).abs() * 0.16).clamp(16.0, 44.0);
        let _ = write!(path, "C{around:.1} {:.1} {around:.1} {:.1} {:.1} {:.1}", start.1, end.1, tip.0, end.1);
    }
    Curve { path, start, end, is_rightward: (out, into), has_room: false }
}

/// A curve that starts and ends level.
fn bend(path: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let middle = f64::midpoint(x1, x2);
    let _ = write!(path, "C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}");
}

impl Slab {
    /// Whether a [`bend`] from one point to another hits something here.
    fn is_hit(&self, from: (f64, f64), to: (f64, f64)) -> bool {
        let height = |x: f64| {
            let (mut low, mut high) = (0.0, 1.0);
            let share = (x - from.0) / (to.0 - from.0);
            let mut t = 0.5;
            for _ in 0..12 {
                t = f64::midpoint(low, high);
                // Both controls stand in the middle.
                let at = t * t * t + 1.5 * t * (1.0 - t);
                if at < share { low = t } else { high = t }
            }
            (to.1 - from.1).mul_add(t * t * 2.0f64.mul_add(-t, 3.0), from.1)
        };
        let (one, two) = (height(self.left), height(self.right));
        let (top, bottom) = (one.min(two), one.max(two));
        self.blocked.iter().any(|(from, until)| *from < bottom && *until > top)
    }

    /// The edge nearest to `wanted` that a line may pass, and how far from there it may be, upwards if below 0; none if nothing is in
    /// its way.
    fn free(&self, wanted: f64) -> Option<(f64, f64)> {
        let (top, bottom) = self.blocked.iter().copied().find(|(top, bottom)| *top <= wanted && wanted <= *bottom)?;
        let above = self.blocked.iter().rev().find(|(_, until)| *until <= top).map_or(LANE, |(_, until)| top - until);
        let below = self.blocked.iter().find(|(from, _)| *from >= bottom).map_or(LANE, |(from, _)| from - bottom);
        Some(if wanted - top < bottom - wanted { (top, -above.min(LANE)) } else { (bottom, below.min(LANE)) })
    }
}
