//! Things in columns from the left to the right, so that most of what leads from one to another leads to the right.

/// Rounds of moving levels.
const ROUNDS: usize = 40;

/// A copy of an item; zero where there is none.
pub(super) fn get<T: Copy + Default>(list: &[T], at: usize) -> T {
    list.get(at).copied().unwrap_or_default()
}

/// Puts `value` at a place that is there.
pub(super) fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = value;
    }
}

/// How far downstream each thing is: a step after what leads to it and before what it leads to, as far as circles let (trophic levels).
/// None for what nothing leads to or from.
#[expect(clippy::cast_precision_loss, reason = "fewer edges than a float can count")]
pub(super) fn levels(count: usize, edges: &[(usize, usize)]) -> Vec<Option<f64>> {
    let mut near: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        near.get_mut(*from).into_iter().for_each(|near| near.push((*to, -1.0)));
        near.get_mut(*to).into_iter().for_each(|near| near.push((*from, 1.0)));
    }
    let mut levels = vec![0.0_f64; count];
    for _ in 0..ROUNDS {
        for (at, near) in near.iter().enumerate().filter(|(_, near)| !near.is_empty()) {
            let sum: f64 = near.iter().map(|(other, step)| get(&levels, *other) + step).sum();
            set(&mut levels, at, sum / near.len() as f64);
        }
    }
    levels.into_iter().zip(near).map(|(level, near)| (!near.is_empty()).then_some(level)).collect()
}

/// The column of each thing, `most` at most: after everything that leads to it, circles broken where they lead upstream. None for what
/// nothing leads to or from.
pub(super) fn columns(count: usize, edges: &[(usize, usize)], most: usize) -> Vec<Option<usize>> {
    let levels = levels(count, edges);
    let mut order: Vec<(usize, f64)> = levels.iter().enumerate().filter_map(|(at, level)| level.map(|level| (at, level))).collect();
    order.sort_by(|one, two| one.1.total_cmp(&two.1).then(one.0.cmp(&two.0)));
    let mut rank = vec![0; count];
    for (place, (at, _)) in order.iter().enumerate() {
        set(&mut rank, *at, place);
    }
    let mut forward: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges.iter().filter(|(from, to)| get(&rank, *from) < get(&rank, *to)) {
        forward.get_mut(*from).into_iter().for_each(|list| list.push(*to));
    }
    let mut column = vec![0_usize; count];
    let mut is_led_to = vec![false; count];
    for (at, _) in &order {
        let next = get(&column, *at) + 1;
        for to in forward.get(*at).into_iter().flatten() {
            let after = next.max(get(&column, *to));
            set(&mut column, *to, after);
            set(&mut is_led_to, *to, true);
        }
    }
    // What starts ways stands just before the first that it leads to.
    for (at, _) in order.iter().filter(|(at, _)| !get(&is_led_to, *at)) {
        if let Some(first) = forward.get(*at).into_iter().flatten().map(|to| get(&column, *to)).min() {
            set(&mut column, *at, first.saturating_sub(1));
        }
    }
    let depth = order.iter().map(|(at, _)| get(&column, *at) + 1).max().unwrap_or(0);
    if depth > most {
        for (place, (at, _)) in order.iter().enumerate() {
            set(&mut column, *at, place * most / order.len());
        }
    }
    levels.iter().zip(column).map(|(level, column)| level.map(|_| column)).collect()
}

/// Shifts what stands in order, `offsets` apart at least, as near to where it is wanted as `room` lets, from 0 on.
pub(super) fn within(wanted: &[f64], offsets: &[f64], room: f64) -> Vec<f64> {
    let last = offsets.last().copied().unwrap_or_default();
    let placed = crate::diagram::nearest(wanted, offsets);
    placed.iter().zip(offsets).map(|(at, offset)| (at - offset).clamp(0.0, (room - last).max(0.0)) + offset).collect()
}
