//! Where everything stands: places in their regions, regions in columns, the outside at the edges.

use super::fold::{Folded, Zone};
use super::layers::{columns, get, levels, set, within};
use super::{Map, PlaceKind};

pub(super) const CARD: (f64, f64) = (208.0, 46.0);
/// Between cards, one beside and one below the other.
const GAP: (f64, f64) = (52.0, 24.0);
const PADDING: f64 = 18.0;
/// Room for the name of a region.
pub(super) const HEADING: f64 = 34.0;
/// Between regions.
const BETWEEN: (f64, f64) = (104.0, 34.0);
pub(super) const MARGIN: f64 = 28.0;
/// What a line that does not lead to the right costs, as a length.
const TURN: f64 = 1500.0;
/// Rounds of moving things to what they are connected with.
const SWEEPS: usize = 10;

/// A rectangle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The side at which something leaves: the right one, or the left one.
    pub(super) fn leaves(&self, at_right: bool) -> f64 {
        if at_right { self.right() } else { self.x }
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// Where everything stands.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) regions: Vec<Rect>,
    pub(super) places: Vec<Rect>,
    /// Columns of cards over the whole map, from left to right.
    pub(super) slabs: Vec<Slab>,
}

/// A column of cards, and what of it no line may cross.
#[derive(Debug, Default)]
pub(super) struct Slab {
    pub(super) left: f64,
    pub(super) right: f64,
    /// From and until where, apart and from the top.
    pub(super) blocked: Vec<(f64, f64)>,
}

/// The places of a region: columns of those with ways among each other, then a grid of the others.
struct Inside {
    columns: Vec<Vec<usize>>,
    /// How many of `columns` hold places with ways.
    linked: usize,
    size: (f64, f64),
    /// The room of columns with ways.
    room: f64,
    others: Vec<usize>,
    across: usize,
}

#[expect(clippy::cast_precision_loss, reason = "fewer cards than a float can count")]
fn wide(cards: usize) -> f64 {
    (CARD.0 + GAP.0).mul_add(cards as f64, -GAP.0).max(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "fewer cards than a float can count")]
fn high(cards: usize) -> f64 {
    (CARD.1 + GAP.1).mul_add(cards as f64, -GAP.1).max(0.0)
}

/// Cards beside each other, so that `count` of them are about as wide as they are high.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers, not below 0")]
fn across(count: usize) -> usize {
    ((count as f64 / 3.2).sqrt().ceil() as usize).max(1)
}

impl Inside {
    fn of(places: &[usize], edges: &[(usize, usize)]) -> Self {
        let count = places.len();
        let most = across(count) * 3 + 2;
        // A column per layer, and more than one for those that are too high.
        let layer = columns(count, edges, most);
        let linked = layer.iter().flatten().count();
        let rows = count.div_ceil(across(count)).max(5);
        let mut columns: Vec<Vec<usize>> = Vec::new();
        for at in 0..layer.iter().flatten().max().map_or(0, |last| last + 1) {
            let here = places.iter().zip(&layer).filter(|(_, layer)| **layer == Some(at)).map(|(place, _)| *place);
            let here: Vec<usize> = here.collect();
            let parts = here.len().div_ceil(rows).max(1);
            columns.extend(here.chunks(here.len().div_ceil(parts).max(1)).map(<[usize]>::to_vec));
        }
        let others: Vec<usize> = places.iter().zip(&layer).filter(|(_, layer)| layer.is_none()).map(|(place, _)| *place).collect();
        let across = if linked == 0 { across(others.len()) } else { columns.len().max(across(others.len()).min(4)) };
        let room = high(columns.iter().map(Vec::len).max().unwrap_or(0));
        let gap = if room > 0.0 && !others.is_empty() { GAP.1 } else { 0.0 };
        let height = room + gap + high(others.len().div_ceil(across));
        let width = wide(columns.len()).max(wide(others.len().min(across)));
        let size = (width.max(CARD.0) + 2.0 * PADDING, height.max(CARD.1) + HEADING + PADDING);
        Self { linked: columns.len(), columns, size, room, others, across }
    }
}

struct Board<'f> {
    map: &'f Map,
    /// What is connected, by places; lines and the ends of bundles.
    near: Vec<Vec<usize>>,
    inside: Vec<Inside>,
    layout: Layout,
}

/// Places everything.
pub(super) fn layout(map: &Map, folded: &Folded) -> Layout {
    let count = map.places.len();
    let zones: Vec<Zone> = (0..count).map(|at| Zone::of(map, at)).collect();
    let mut near = vec![Vec::new(); count];
    let mut inner: Vec<Vec<(usize, usize)>> = vec![Vec::new(); map.regions.len()];
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); map.regions.len()];
    let mut slot = vec![0; count];
    for (at, zone) in zones.iter().enumerate() {
        if let Zone::Region(region) = zone
            && let Some(members) = members.get_mut(*region)
        {
            set(&mut slot, at, members.len());
            members.push(at);
        }
    }
    let mut outer: Vec<(Zone, Zone)> = Vec::new();
    for line in &folded.lines {
        near.get_mut(line.from).into_iter().for_each(|near: &mut Vec<usize>| near.push(line.to));
        near.get_mut(line.to).into_iter().for_each(|near| near.push(line.from));
        match (zones.get(line.from), zones.get(line.to)) {
            (Some(Zone::Region(from)), Some(Zone::Region(to))) if from == to => {
                inner.get_mut(*from).into_iter().for_each(|inner| inner.push((get(&slot, line.from), get(&slot, line.to))));
            }
            (Some(from), Some(to)) => outer.push((*from, *to)),
            _ => {}
        }
    }
    for bundle in folded.bundles.iter().filter(|bundle| bundle.from != bundle.to) {
        outer.push((bundle.from, bundle.to));
    }
    let inside: Vec<Inside> = members.iter().zip(&inner).map(|(places, edges)| Inside::of(places, edges)).collect();
    let layout = Layout { regions: vec![Rect::default(); map.regions.len()], places: vec![Rect::default(); count], ..Layout::default() };
    let mut board = Board { map, near, inside, layout };
    let mut best: Option<(f64, Layout)> = None;
    for (stretch, is_layered) in [1.0, 0.72, 1.4, 2.0].into_iter().flat_map(|stretch| [(stretch, true), (stretch, false)]) {
        board.arrange(&outer, stretch, is_layered);
        let cost = board.cost(folded);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, std::mem::take(&mut board.layout)));
            board.layout =
                Layout { regions: vec![Rect::default(); map.regions.len()], places: vec![Rect::default(); count], ..Layout::default() };
        }
    }
    let mut layout = best.map(|(_, layout)| layout).unwrap_or_default();
    layout.slabs = slabs(&layout, !folded.hubs.is_empty());
    layout
}

impl Board<'_> {
    fn size(&self, zone: Zone) -> (f64, f64) {
        match zone {
            Zone::Region(at) => self.inside.get(at).map_or(CARD, |inside| inside.size),
            Zone::Place(_) => CARD,
        }
    }

    fn rect(&self, zone: Zone) -> Rect {
        match zone {
            Zone::Region(at) => get(&self.layout.regions, at),
            Zone::Place(at) => get(&self.layout.places, at),
        }
    }

    /// Stands regions in columns about `stretch` times as high as they would have to be for a picture of ordinary proportions.
    fn arrange(&mut self, outer: &[(Zone, Zone)], stretch: f64, is_layered: bool) {
        let columns = self.zones(outer, stretch, is_layered);
        let tall = |board: &Self, column: &[Zone]| -> f64 {
            column.iter().map(|zone| board.size(*zone).1 + gap(*zone)).sum::<f64>() - column.last().map_or(0.0, |zone| gap(*zone))
        };
        let room = columns.iter().map(|column| tall(self, column)).fold(0.0, f64::max);
        // From left to right, and all in the middle of their columns at first.
        let mut x = MARGIN;
        for column in &columns {
            let width = column.iter().map(|zone| self.size(*zone).0).fold(0.0, f64::max);
            let mut y = (room - tall(self, column)) / 2.0;
            for zone in column {
                let (own, height) = self.size(*zone);
                self.stand(*zone, Rect { x, y, width: own, height });
                y += height + gap(*zone);
            }
            x += width + BETWEEN.0;
        }
        self.layout.width = x - BETWEEN.0 + MARGIN;
        self.layout.height = room + 2.0 * MARGIN;
        let mut linked: Vec<Vec<Zone>> = columns;
        let mut near: std::collections::BTreeMap<Zone, Vec<Zone>> = std::collections::BTreeMap::new();
        for (from, to) in outer {
            near.entry(*from).or_default().push(*to);
            near.entry(*to).or_default().push(*from);
        }
        for sweep in 0..SWEEPS {
            let order: Vec<usize> = if sweep % 2 == 0 { (0..linked.len()).collect() } else { (0..linked.len()).rev().collect() };
            for at in order {
                let column = linked.get_mut(at).map(std::mem::take).unwrap_or_default();
                let moved = self.align(column, &near, room);
                set(&mut linked, at, moved);
            }
            for region in 0..self.inside.len() {
                self.fill(region, sweep);
            }
        }
        for rect in self.layout.regions.iter_mut().chain(&mut self.layout.places) {
            rect.y += MARGIN;
        }
    }

    /// The columns: the outside that sends at the left, the outside that is only sent to at the right.
    fn zones(&self, outer: &[(Zone, Zone)], stretch: f64, is_layered: bool) -> Vec<Vec<Zone>> {
        let sends = |at: usize| self.map.ways.iter().any(|way| way.from == at);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (at, place) in self.map.places.iter().enumerate().filter(|(at, _)| matches!(Zone::of(self.map, *at), Zone::Place(_))) {
            let is_left = sends(at) || place.kind == PlaceKind::Entrance || !self.map.ways.iter().any(|way| way.to == at);
            if is_left { &mut left } else { &mut right }.push(Zone::Place(at));
        }
        let regions: Vec<usize> = (0..self.map.regions.len()).filter(|at| self.inside.get(*at).is_some_and(Inside::is_there)).collect();
        let mut slot = vec![usize::MAX; self.map.regions.len()];
        for (place, at) in regions.iter().enumerate() {
            set(&mut slot, *at, place);
        }
        let edges: Vec<(usize, usize)> = outer
            .iter()
            .filter_map(|ends| match ends {
                (Zone::Region(from), Zone::Region(to)) => Some((get(&slot, *from), get(&slot, *to))),
                _ => None,
            })
            .collect();
        let area: f64 = regions.iter().map(|at| self.size(Zone::Region(*at))).map(|(x, y)| (x + BETWEEN.0) * (y + BETWEEN.1)).sum();
        let room = (area / 1.7).sqrt() * stretch;
        let layer = columns(regions.len(), &edges, usize::MAX);
        let level = levels(regions.len(), &edges);
        let key = |at: usize| (layer.get(at).copied().flatten(), level.get(at).copied().flatten());
        let mut order: Vec<usize> = (0..regions.len()).collect();
        // What is connected with nothing comes last.
        order.sort_by(|one, two| {
            let ((a, b), (c, d)) = (key(*one), key(*two));
            let layers = a.unwrap_or(usize::MAX).cmp(&c.unwrap_or(usize::MAX));
            let levels = b.unwrap_or(f64::MAX).total_cmp(&d.unwrap_or(f64::MAX));
            if is_layered { layers.then(levels).then(one.cmp(two)) } else { levels.then(one.cmp(two)) }
        });
        let mut middle: Vec<Vec<Zone>> = Vec::new();
        let (mut height, mut last) = (0.0, None);
        for at in order {
            let zone = Zone::Region(get(&regions, at));
            let own = self.size(zone).1;
            let is_next = is_layered && key(at).0.is_some() && key(at).0 != last;
            if middle.is_empty() || is_next || height + own > room {
                middle.push(Vec::new());
                height = 0.0;
            }
            height += own + BETWEEN.1;
            last = key(at).0;
            middle.last_mut().into_iter().for_each(|column| column.push(zone));
        }
        // What is outside stands in several columns only if there is much of it.
        let edge = |list: Vec<Zone>| list.chunks(40).map(<[Zone]>::to_vec).collect::<Vec<_>>();
        edge(left).into_iter().chain(middle).chain(edge(right)).collect()
    }

    /// Puts a column into the order of what its zones are connected with, and each as near to that as the others let.
    #[expect(clippy::cast_precision_loss, reason = "fewer zones than a float can count")]
    fn align(&mut self, mut column: Vec<Zone>, near: &std::collections::BTreeMap<Zone, Vec<Zone>>, room: f64) -> Vec<Zone> {
        let wanted = |board: &Self, zone: &Zone| -> f64 {
            let near = near.get(zone).map(Vec::as_slice).unwrap_or_default();
            match near {
                [] => board.rect(*zone).middle(),
                near => near.iter().map(|other| board.rect(*other).middle()).sum::<f64>() / near.len() as f64,
            }
        };
        column.sort_by(|one, two| wanted(self, one).total_cmp(&wanted(self, two)).then(one.cmp(two)));
        let (mut y, mut offsets) = (0.0, Vec::new());
        for zone in &column {
            offsets.push(y);
            y += self.size(*zone).1 + gap(*zone);
        }
        let tops: Vec<f64> = column.iter().map(|zone| wanted(self, zone) - self.size(*zone).1 / 2.0).collect();
        let last = column.last().map_or(0.0, |zone| self.size(*zone).1);
        let placed = within(&tops, &offsets, room - last);
        for (zone, y) in column.iter().zip(placed) {
            let rect = self.rect(*zone);
            self.stand(*zone, Rect { y, ..rect });
        }
        column
    }

    fn stand(&mut self, zone: Zone, rect: Rect) {
        match zone {
            Zone::Place(at) => set(&mut self.layout.places, at, rect),
            Zone::Region(at) => {
                let before = get(&self.layout.regions, at);
                set(&mut self.layout.regions, at, rect);
                let (x, y) = (rect.x - before.x, rect.y - before.y);
                let Some(inside) = self.inside.get(at) else { return };
                for place in inside.columns.iter().flatten().chain(&inside.others) {
                    if let Some(card) = self.layout.places.get_mut(*place) {
                        (card.x, card.y) = (card.x + x, card.y + y);
                    }
                }
            }
        }
    }

    /// Stands the places of a region, each near to what it is connected with.
    #[expect(clippy::cast_precision_loss, reason = "fewer places than a float can count")]
    fn fill(&mut self, region: usize, sweep: usize) {
        let Some(inside) = self.inside.get_mut(region) else { return };
        let rect = get(&self.layout.regions, region);
        let places = &mut self.layout.places;
        let near = &self.near;
        let wanted = |places: &[Rect], place: usize| -> f64 {
            match near.get(place).map(Vec::as_slice).unwrap_or_default() {
                [] => get(places, place).middle(),
                near => near.iter().map(|other| get(places, *other).middle()).sum::<f64>() / near.len() as f64,
            }
        };
        let (left, top) = (rect.x + PADDING, rect.y + HEADING);
        let count = inside.linked;
        for step in 0..count {
            let at = if sweep.is_multiple_of(2) { step } else { count - 1 - step };
            let Some(column) = inside.columns.get_mut(at) else { continue };
            column.sort_by(|one, two| wanted(places, *one).total_cmp(&wanted(places, *two)).then(one.cmp(two)));
            let offsets: Vec<f64> = (0..column.len()).map(|row| (CARD.1 + GAP.1) * row as f64).collect();
            let tops: Vec<f64> = column.iter().map(|place| wanted(places, *place) - CARD.1 / 2.0 - top).collect();
            let x = left + (CARD.0 + GAP.0) * at as f64;
            for (place, y) in column.iter().zip(within(&tops, &offsets, inside.room - CARD.1)) {
                set(places, *place, Rect { x, y: top + y, width: CARD.0, height: CARD.1 });
            }
        }
        inside.others.sort_by(|one, two| {
            let key = |place: usize| if near.get(place).is_none_or(Vec::is_empty) { f64::MAX } else { wanted(places, place) };
            key(*one).total_cmp(&key(*two)).then(one.cmp(two))
        });
        let below = if inside.room > 0.0 { inside.room + GAP.1 } else { 0.0 };
        for (at, place) in inside.others.iter().enumerate() {
            let (row, column) = (at / inside.across, at % inside.across);
            let (x, y) = (left + (CARD.0 + GAP.0) * column as f64, top + below + (CARD.1 + GAP.1) * row as f64);
            set(places, *place, Rect { x, y, width: CARD.0, height: CARD.1 });
        }
    }

    /// How bad a picture is: long lines, and more of it than a screen shows.
    #[expect(clippy::cast_precision_loss, reason = "fewer lines than a float can count")]
    fn cost(&self, folded: &Folded) -> f64 {
        // What does not lead to the right is harder to follow.
        let length = |from: Rect, to: Rect| {
            let turn = if to.x >= from.right() { 0.0 } else { TURN };
            (from.x - to.x).abs() + (from.middle() - to.middle()).abs() + turn
        };
        let lines = folded.lines.iter().map(|line| length(get(&self.layout.places, line.from), get(&self.layout.places, line.to)));
        let bundles = folded.bundles.iter().map(|bundle| length(self.rect(bundle.from), self.rect(bundle.to)));
        let (count, sum) = lines.chain(bundles).fold((0_usize, 0.0), |(count, sum), one| (count + 1, sum + one));
        let (width, height) = (self.layout.width, self.layout.height);
        let screens = (width / 1600.0).max(height / 900.0).max(0.8);
        screens.powf(0.7) * (0.5 + sum / count.max(1) as f64 / (width + height))
    }
}

impl Inside {
    fn is_there(&self) -> bool {
        !self.columns.is_empty() || !self.others.is_empty()
    }
}

/// What stays free below a zone.
fn gap(zone: Zone) -> f64 {
    match zone {
        Zone::Region(_) => BETWEEN.1,
        Zone::Place(_) => GAP.1,
    }
}

/// The columns of cards. Regions that stand in one column stand flush left, so that their cards do, too.
fn slabs(layout: &Layout, has_marks: bool) -> Vec<Slab> {
    let mut cards: Vec<Rect> = layout.places.clone();
    cards.sort_by(|one, two| one.x.total_cmp(&two.x).then(one.y.total_cmp(&two.y)));
    let below = if has_marks { 10.0 } else { 5.0 };
    let columns = cards.chunk_by(|one, two| (one.x - two.x).abs() < 1.0).map(|cards| {
        let left = cards.first().map_or(0.0, |card| card.x);
        let right = left + CARD.0;
        let headings = layout.regions.iter().filter(|region| region.x < right && region.right() > left);
        let mut blocked: Vec<(f64, f64)> = headings.map(|region| (region.y - 3.0, region.y + HEADING - 4.0)).collect();
        blocked.extend(cards.iter().map(|card| (card.y - 5.0, card.bottom() + below)));
        blocked.sort_by(|one, two| one.0.total_cmp(&two.0));
        let mut apart: Vec<(f64, f64)> = Vec::new();
        for (top, bottom) in blocked {
            match apart.last_mut() {
                Some(last) if top <= last.1 + 2.0 => last.1 = last.1.max(bottom),
                _ => apart.push((top, bottom)),
            }
        }
        Slab { left, right, blocked: apart }
    });
    columns.collect()
}
