//! Where everything stands: layers by how far it is to the end (Sugiyama's method): long edges get a point in every layer that
//! they cross, one for all that lead to the same, neighbours are brought together by their barycentre, and heights are as near to the neighbours' as the order lets.

use super::Diagram;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds of bringing neighbours together.
const SWEEPS: usize = 24;

pub(super) const NODE_WIDTH: f64 = 218.0;
const NODE_HEIGHT: f64 = 40.0;
const PORT: f64 = 15.0;
const GAP: f64 = 12.0;
/// What an edge that only passes takes.
const LANE: f64 = 9.0;
/// What curves need between the labels and the next layer.
const CURVE: f64 = 60.0;
pub(super) const MARGIN: f64 = 24.0;
const HEADING: f64 = 24.0;
/// The width of a letter of a label of an edge.
const LETTER: f64 = 6.3;
/// Letters of an edge's label that are shown.
pub(super) const SHOWN: usize = 30;

/// The picture with places.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Left edge, top edge and height of each node.
    pub(super) nodes: Vec<(f64, f64, f64)>,
    pub(super) edges: Vec<Route>,
    /// The groups with the top of their heading.
    pub(super) headings: Vec<(usize, f64)>,
}

/// The way of an edge, by its place among the edges.
pub(super) struct Route {
    pub(super) edge: usize,
    /// Where it starts, where its curve may start, and the points that it goes through, the last of which is its end.
    pub(super) start: (f64, f64),
    pub(super) run: f64,
    pub(super) points: Vec<(f64, f64)>,
}

/// A place in a layer: a node, or a point of an edge.
#[derive(Clone, Copy, PartialEq)]
enum Item {
    Node(usize),
    Point,
}

struct Board {
    items: Vec<Item>,
    layers: Vec<Vec<usize>>,
    /// Neighbours to the left and to the right.
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// Above what of the same layer it must not stand: nodes of a group stay together.
    group: Vec<usize>,
    middle: Vec<f64>,
    height: Vec<f64>,
    /// The points on the way to a node, by layer.
    lanes: BTreeMap<(usize, usize), usize>,
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer nodes than pixels that a float can count")]
pub(super) fn layout(diagram: &Diagram) -> Layout {
    let count = diagram.nodes.len();
    let edges: Vec<(usize, usize, usize)> = diagram
        .edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| edge.from < count && edge.to < count && edge.from != edge.to)
        .map(|(at, edge)| (at, edge.from, edge.to))
        .collect();
    let layer = layers(diagram, &edges);
    let depth = layer.iter().copied().max().unwrap_or(0);
    let mut board = Board::of(diagram, &layer, depth);
    let mut chains: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, from, to) in &edges {
        chains.push((*at, board.chain(*from, *to, &layer)));
    }
    board.order();
    // Room for every edge that leaves a node.
    let mut leaving = vec![0usize; count];
    for (_, from, to) in &edges {
        if get(&layer, *from) > get(&layer, *to) {
            leaving.get_mut(*from).into_iter().for_each(|ports| *ports += 1);
        }
    }
    for (at, ports) in leaving.iter().enumerate() {
        let height = (*ports as f64).mul_add(PORT, 10.0).max(NODE_HEIGHT);
        board.height.get_mut(at).into_iter().for_each(|slot| *slot = height);
    }
    let headings = board.heights(diagram);
    let columns = columns(diagram, &edges, &layer, depth);
    let x = |at: usize| columns.get(depth - get(&layer, at)).copied().unwrap_or_default();
    let nodes: Vec<(f64, f64, f64)> = (0..count)
        .map(|at| {
            let height = value(&board.height, at);
            (x(at), value(&board.middle, at) - height / 2.0, height)
        })
        .collect();
    let routes = board.routes(&chains, &edges, &layer, &columns, depth, &nodes);
    let bottom = nodes.iter().map(|(_, y, height)| y + height).fold(0.0, f64::max);
    let bottom = routes.iter().flat_map(|route| &route.points).map(|point| point.1).fold(bottom, f64::max);
    let right = columns.last().copied().unwrap_or_default() + NODE_WIDTH;
    Layout { width: right + MARGIN, height: bottom + MARGIN, nodes, edges: routes, headings }
}

fn get(list: &[usize], at: usize) -> usize {
    list.get(at).copied().unwrap_or_default()
}

fn value(list: &[f64], at: usize) -> f64 {
    list.get(at).copied().unwrap_or_default()
}

/// How many steps it is from each node to an end at most, circles left out; where ways start stands at the left.
fn layers(diagram: &Diagram, edges: &[(usize, usize, usize)]) -> Vec<usize> {
    let count = diagram.nodes.len();
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut is_led_to = vec![false; count];
    for (_, from, to) in edges {
        out.get_mut(*from).into_iter().for_each(|out| out.push(*to));
        is_led_to.get_mut(*to).into_iter().for_each(|led| *led = true);
    }
    let mut layer = vec![0usize; count];
    // 0: not seen, 1: being looked at, 2: done.
    let mut state = vec![0u8; count];
    for root in 0..count {
        let mut stack = vec![(root, 0usize)];
        while let Some((at, next)) = stack.pop() {
            if next == 0 {
                if state.get(at) != Some(&0) {
                    continue;
                }
                state.get_mut(at).into_iter().for_each(|state| *state = 1);
            }
            match out.get(at).and_then(|out| out.get(next)) {
                Some(to) => {
                    stack.push((at, next + 1));
                    if state.get(*to) == Some(&0) {
                        stack.push((*to, 0));
                    }
                }
                None => {
                    // What is being looked at still closes a circle: that edge goes back.
                    let after = out.get(at).into_iter().flatten().filter(|to| state.get(**to) == Some(&2));
                    let own = after.map(|to| get(&layer, *to) + 1).max().unwrap_or(0);
                    layer.get_mut(at).into_iter().for_each(|layer| *layer = own);
                    state.get_mut(at).into_iter().for_each(|state| *state = 2);
                }
            }
        }
    }
    let depth = layer.iter().copied().max().unwrap_or(0);
    for (at, layer) in layer.iter_mut().enumerate() {
        let node = diagram.nodes.get(at);
        let starts = node.is_some_and(|node| node.group.is_some() && !node.is_sink) && is_led_to.get(at) == Some(&false);
        if starts && out.get(at).is_some_and(|out| !out.is_empty()) {
            *layer = depth;
        }
    }
    layer
}

/// Where each layer starts, the leftmost first: as far from the one before as the labels between them need.
#[expect(clippy::cast_precision_loss, reason = "labels are short")]
fn columns(diagram: &Diagram, edges: &[(usize, usize, usize)], layer: &[usize], depth: usize) -> Vec<f64> {
    let mut x = MARGIN;
    let mut columns = vec![x];
    for column in (0..depth).rev() {
        let here = edges.iter().filter(|(_, from, to)| get(layer, *from) == column + 1 && get(layer, *to) < column + 1);
        let letters = here.filter_map(|(at, ..)| Some(diagram.edges.get(*at)?.label.chars().count().min(SHOWN))).max().unwrap_or(0);
        x += NODE_WIDTH + (letters as f64).mul_add(LETTER, 22.0) + CURVE;
        columns.push(x);
    }
    columns
}

impl Board {
    fn of(diagram: &Diagram, layer: &[usize], depth: usize) -> Self {
        let count = diagram.nodes.len();
        let mut layers = vec![Vec::new(); depth + 1];
        for at in 0..count {
            layers.get_mut(get(layer, at)).into_iter().for_each(|layer: &mut Vec<usize>| layer.push(at));
        }
        let first = |at: usize| get(layer, at) == depth && depth > 0;
        let group =
            (0..count).map(|at| diagram.nodes.get(at).and_then(|node| node.group).filter(|_| first(at)).map_or(0, |group| group + 1));
        let group: Vec<usize> = group.collect();
        if let Some(first) = layers.last_mut() {
            first.sort_by_key(|at| (get(&group, *at), *at));
        }
        Self {
            items: (0..count).map(Item::Node).collect(),
            layers,
            left: vec![Vec::new(); count],
            right: vec![Vec::new(); count],
            group,
            middle: vec![0.0; count],
            height: vec![NODE_HEIGHT; count],
            lanes: BTreeMap::new(),
        }
    }

    /// Joins two nodes by points in the layers between them; nothing between nodes of which the second stands to the left.
    fn chain(&mut self, from: usize, to: usize, layer: &[usize]) -> Vec<usize> {
        let (start, end) = (get(layer, from), get(layer, to));
        let mut chain = Vec::new();
        if start <= end {
            return chain;
        }
        let mut last = from;
        for between in (end + 1..start).rev() {
            let known = self.lanes.get(&(to, between)).copied();
            let point = known.unwrap_or_else(|| self.point(to, between));
            self.join(last, point);
            chain.push(point);
            last = point;
        }
        self.join(last, to);
        chain
    }

    fn point(&mut self, to: usize, layer: usize) -> usize {
        let point = self.items.len();
        self.items.push(Item::Point);
        self.layers.get_mut(layer).into_iter().for_each(|layer| layer.push(point));
        self.left.push(Vec::new());
        self.right.push(Vec::new());
        self.group.push(0);
        self.middle.push(0.0);
        self.height.push(LANE);
        self.lanes.insert((to, layer), point);
        point
    }

    fn join(&mut self, from: usize, to: usize) {
        self.right.get_mut(from).into_iter().for_each(|right| right.push(to));
        self.left.get_mut(to).into_iter().for_each(|left| left.push(from));
    }

    /// Orders the layers by where the neighbours stand, from the left and from the right in turn; keeps the order with the
    /// fewest crossings.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer nodes than a float can count")]
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        for sweep in 0..SWEEPS {
            let count = self.layers.len();
            let order: Vec<usize> = if sweep % 2 == 0 { (0..count).collect() } else { (0..count).rev().collect() };
            for at in order {
                let side = if sweep % 2 == 0 { &self.right } else { &self.left };
                let place = self.places();
                let mut layer = self.layers.get(at).cloned().unwrap_or_default();
                let weight = |item: usize| {
                    let near = side.get(item).map(Vec::as_slice).unwrap_or_default();
                    if near.is_empty() {
                        return value(&place, item);
                    }
                    near.iter().map(|near| value(&place, *near)).sum::<f64>() / near.len() as f64
                };
                layer.sort_by(|a, b| {
                    let key = |item: usize| (get(&self.group, item), weight(item));
                    let ((group_a, a_), (group_b, b_)) = (key(*a), key(*b));
                    group_a.cmp(&group_b).then(a_.total_cmp(&b_)).then(value(&place, *a).total_cmp(&value(&place, *b)))
                });
                if let Some(slot) = self.layers.get_mut(at) {
                    *slot = layer;
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    /// The place of every item in its layer, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer nodes than a float can count")]
    fn places(&self) -> Vec<f64> {
        let mut places = vec![0.0; self.items.len()];
        for layer in &self.layers {
            for (at, item) in layer.iter().enumerate() {
                places.get_mut(*item).into_iter().for_each(|place| *place = (at as f64 + 0.5) / layer.len() as f64);
            }
        }
        places
    }

    fn crossings(&self) -> usize {
        let place = self.places();
        let mut crossings = 0;
        for layer in self.layers.iter().skip(1) {
            let mut ends: Vec<f64> = Vec::new();
            for item in layer {
                let mut right: Vec<f64> = self.right.get(*item).into_iter().flatten().map(|to| value(&place, *to)).collect();
                right.sort_by(f64::total_cmp);
                for end in &right {
                    crossings += ends.len() - ends.partition_point(|other| other <= end);
                }
                for end in right {
                    let at = ends.partition_point(|other| *other <= end);
                    ends.insert(at, end);
                }
            }
        }
        crossings
    }

    /// Gives everything its height: as near to its neighbours as the order and the room lets. Returns the headings.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer nodes than a float can count")]
    fn heights(&mut self, diagram: &Diagram) -> Vec<(usize, f64)> {
        let room: Vec<Vec<f64>> = (0..self.layers.len()).map(|at| self.room(at)).collect();
        for (layer, offsets) in self.layers.iter().zip(&room) {
            for (item, offset) in layer.iter().zip(offsets) {
                self.middle.get_mut(*item).into_iter().for_each(|middle| *middle = *offset);
            }
        }
        let last = self.layers.len().saturating_sub(1);
        for round in 0..8 {
            let count = self.layers.len();
            let order: Vec<usize> = if round % 2 == 0 { (0..count).rev().collect() } else { (0..count).collect() };
            for at in order {
                // The first column, with the headings, is as dense as it can be; all others stand by it.
                if at == last && count > 1 {
                    continue;
                }
                let (Some(layer), Some(offsets)) = (self.layers.get(at), room.get(at)) else { continue };
                let wanted: Vec<f64> = layer
                    .iter()
                    .map(|item| {
                        let sides = [&self.left, &self.right].map(|side| side.get(*item).map(Vec::as_slice).unwrap_or_default());
                        let near: Vec<f64> = match (round % 2 == 0, sides) {
                            (_, [[], []]) => return value(&self.middle, *item),
                            (true, [[], other]) | (false, [other, []]) | (true, [other, _]) | (false, [_, other]) => {
                                other.iter().map(|near| value(&self.middle, *near)).collect()
                            }
                        };
                        near.iter().sum::<f64>() / near.len() as f64
                    })
                    .collect();
                let placed = nearest(&wanted, offsets);
                for (item, middle) in self.layers.get(at).cloned().unwrap_or_default().into_iter().zip(placed) {
                    self.middle.get_mut(item).into_iter().for_each(|slot| *slot = middle);
                }
            }
        }
        let top = (0..self.items.len()).map(|at| value(&self.middle, at) - value(&self.height, at) / 2.0).fold(f64::MAX, f64::min);
        let shift = MARGIN + HEADING - if top == f64::MAX { 0.0 } else { top };
        self.middle.iter_mut().for_each(|middle| *middle += shift);
        let mut headings: Vec<(usize, f64)> = Vec::new();
        let mut seen = BTreeSet::new();
        for item in self.layers.last().into_iter().flatten() {
            if let Some(group) = get(&self.group, *item).checked_sub(1).filter(|group| *group < diagram.groups.len())
                && seen.insert(group)
            {
                headings.push((group, value(&self.middle, *item) - value(&self.height, *item) / 2.0 - HEADING + 6.0));
            }
        }
        headings
    }

    /// The middles of a layer's items if each stands as high as it can.
    fn room(&self, at: usize) -> Vec<f64> {
        let (mut y, mut group) = (0.0, 0);
        let mut offsets = Vec::new();
        for item in self.layers.get(at).into_iter().flatten() {
            let (height, own) = (value(&self.height, *item), get(&self.group, *item));
            if own != group {
                y += HEADING + if offsets.is_empty() { 0.0 } else { 6.0 };
                group = own;
            }
            offsets.push(y + height / 2.0);
            y += height + if self.items.get(*item) == Some(&Item::Point) { 3.0 } else { GAP };
        }
        offsets
    }

    fn routes(
        &self,
        chains: &[(usize, Vec<usize>)],
        edges: &[(usize, usize, usize)],
        layer: &[usize],
        columns: &[f64],
        depth: usize,
        nodes: &[(f64, f64, f64)],
    ) -> Vec<Route> {
        let next = |chain: &[usize], to: usize| chain.first().copied().unwrap_or(to);
        let before = |chain: &[usize], from: usize| chain.last().copied().unwrap_or(from);
        // Ports in order of where their edges come from and go to, so that these do not cross; what comes the same way enters
        // by one.
        let mut leaves: Vec<Vec<(f64, usize)>> = vec![Vec::new(); nodes.len()];
        let mut enters: Vec<Vec<(f64, usize)>> = vec![Vec::new(); nodes.len()];
        for (at, ((_, chain), (_, from, to))) in chains.iter().zip(edges).enumerate() {
            if get(layer, *from) > get(layer, *to) {
                let before = before(chain, *from);
                leaves.get_mut(*from).into_iter().for_each(|ports| ports.push((value(&self.middle, next(chain, *to)), at)));
                enters.get_mut(*to).into_iter().for_each(|ports| ports.push((value(&self.middle, before), before)));
            }
        }
        for ports in leaves.iter_mut().chain(&mut enters) {
            ports.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            ports.dedup();
        }
        let port = |ports: &[Vec<(f64, usize)>], node: usize, key: usize| {
            let (_, y, height) = nodes.get(node).copied().unwrap_or_default();
            let here = ports.get(node).map(Vec::as_slice).unwrap_or_default();
            let place = here.iter().position(|(_, one)| *one == key).unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "there are fewer edges than a float can count")]
            let (place, count) = (place as f64, here.len().max(1) as f64);
            let step = PORT.min((height - 12.0) / count);
            (place - (count - 1.0) / 2.0).mul_add(step, y + height / 2.0)
        };
        let mut routes = Vec::new();
        for (index, ((at, chain), (_, from, to))) in chains.iter().zip(edges).enumerate() {
            let (Some((from_x, from_y, from_height)), Some((to_x, to_y, to_height))) = (nodes.get(*from).copied(), nodes.get(*to).copied())
            else {
                continue;
            };
            if get(layer, *from) <= get(layer, *to) {
                // Back to the left, below everything that is between.
                let (start, end) = ((from_x, from_y + from_height - 6.0), (to_x + NODE_WIDTH, to_y + to_height - 6.0));
                routes.push(Route { edge: *at, start, run: from_x, points: vec![end] });
                continue;
            }
            let start = (from_x + NODE_WIDTH, port(&leaves, *from, index));
            let column = depth - get(layer, *from);
            let run = columns.get(column + 1).map_or(start.0, |next| next - CURVE);
            let mut points = Vec::new();
            for (step, point) in chain.iter().enumerate() {
                let x = columns.get(column + 1 + step).copied().unwrap_or_default();
                let y = value(&self.middle, *point);
                let after = columns.get(column + 2 + step).map_or(x + NODE_WIDTH, |next| next - CURVE);
                points.extend([(x, y), (after, y)]);
            }
            points.push((to_x, port(&enters, *to, before(chain, *from))));
            routes.push(Route { edge: *at, start, run, points });
        }
        routes
    }
}

/// The places nearest to those that are wanted that keep the order and the distances of `offsets` (pool adjacent violators).
#[expect(clippy::cast_precision_loss, reason = "there are fewer nodes than a float can count")]
pub(crate) fn nearest(wanted: &[f64], offsets: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(offsets) {
        blocks.push((wanted - offset, 1));
        while let [.., (a, many), (b, more)] = *blocks.as_slice()
            && a > b
        {
            blocks.truncate(blocks.len() - 2);
            let (many_, more_) = (many as f64, more as f64);
            blocks.push((a.mul_add(many_, b * more_) / (many_ + more_), many + more));
        }
    }
    let bases = blocks.into_iter().flat_map(|(base, count)| std::iter::repeat_n(base, count));
    bases.zip(offsets).map(|(base, offset)| base + offset).collect()
}
