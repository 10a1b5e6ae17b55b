//! The smallest set that hits every one of many sets: what to take away so that no way is left whole.
//!
//! Exact for what the budget allows: branch and bound on the set with the fewest members, each independent part for itself,
//! with disjoint sets as the lower bound. Above it, greedy.

use std::collections::{BTreeMap, BTreeSet};

/// How often sets are looked at in all before an answer counts as not proven: about a second.
pub(super) const BUDGET: usize = 4_000_000;
/// Above so many sets in one part, nothing is tried but greed.
const SETS: usize = 4_000;

/// Members that hit all sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hitting {
    /// They, in order.
    pub(super) members: BTreeSet<u32>,
    /// What no such set can weigh less than.
    pub(super) at_least: u64,
    /// Whether it is the lightest.
    pub(super) is_proven: bool,
}

/// Takes again and again what hits most for its weight; then leaves out what the rest makes needless.
pub(super) fn greedy(sets: &[BTreeSet<u32>], weight: &dyn Fn(u32) -> u64) -> BTreeSet<u32> {
    let mut left: Vec<&BTreeSet<u32>> = sets.iter().collect();
    let mut taken: Vec<u32> = Vec::new();
    while !left.is_empty() {
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        left.iter().flat_map(|set| set.iter()).for_each(|member| *counts.entry(*member).or_default() += 1);
        // a/w > b/v without fractions; of equals, the one that was met first.
        let better = |a: &(u32, u64), b: &(u32, u64)| a.1 * weight(b.0) > b.1 * weight(a.0);
        let best = counts.into_iter().reduce(|best, one| if better(&one, &best) { one } else { best });
        let Some((best, _)) = best else { break };
        taken.push(best);
        left.retain(|set| !set.contains(&best));
    }
    let mut members: BTreeSet<u32> = taken.iter().copied().collect();
    taken.sort_by_key(|member| std::cmp::Reverse((weight(*member), *member)));
    for member in taken {
        let is_needed = |set: &BTreeSet<u32>| set.contains(&member) && set.intersection(&members).count() == 1;
        if !sets.iter().any(is_needed) {
            members.remove(&member);
        }
    }
    members
}

/// The lightest set of members that hits all `sets`, none of which is empty, as far as the budget goes.
pub(super) fn lightest(sets: &[BTreeSet<u32>], weight: &dyn Fn(u32) -> u64, budget: &mut usize) -> Hitting {
    let mut whole = Hitting { members: BTreeSet::new(), at_least: 0, is_proven: true };
    for part in parts(&minimal(sets)) {
        let part = without_dominated(part, weight);
        let first = greedy(&part, weight);
        let best = weigh(&first, weight);
        let mut search = Search { sets: &part, weight, best, members: first, left: *budget };
        if part.len() <= SETS {
            search.branch(&mut BTreeSet::new(), &mut BTreeSet::new(), 0);
        }
        let is_proven = part.len() <= SETS && search.left > 0;
        let (best, members) = (search.best, search.members);
        *budget = search.left;
        whole.at_least += if is_proven { best } else { bound(part.iter(), &BTreeSet::new(), weight) };
        whole.is_proven &= is_proven;
        whole.members.extend(members);
    }
    whole
}

pub(super) fn weigh(members: &BTreeSet<u32>, weight: &dyn Fn(u32) -> u64) -> u64 {
    members.iter().map(|member| weight(*member)).sum()
}

/// Leaves out sets that hold another one whole: whoever hits that one hits them.
fn minimal(sets: &[BTreeSet<u32>]) -> Vec<BTreeSet<u32>> {
    let mut sorted: Vec<&BTreeSet<u32>> = sets.iter().collect();
    sorted.sort_unstable_by_key(|set| (set.len(), *set));
    sorted.dedup();
    if sorted.len() > SETS {
        return sorted.into_iter().cloned().collect();
    }
    let mut kept: Vec<BTreeSet<u32>> = Vec::new();
    for set in sorted {
        if !kept.iter().any(|known| known.is_subset(set)) {
            kept.push(set.clone());
        }
    }
    kept
}

/// Sets that share no member, directly or by others, are hit each for itself.
fn parts(sets: &[BTreeSet<u32>]) -> Vec<Vec<BTreeSet<u32>>> {
    let mut part_of: BTreeMap<u32, usize> = BTreeMap::new();
    let mut parts: Vec<Vec<BTreeSet<u32>>> = Vec::new();
    for set in sets {
        let met: BTreeSet<usize> = set.iter().filter_map(|member| part_of.get(member).copied()).collect();
        let home = met.first().copied().unwrap_or(parts.len());
        if home == parts.len() {
            parts.push(Vec::new());
        }
        let moved: Vec<BTreeSet<u32>> =
            met.iter().skip(1).flat_map(|other| parts.get_mut(*other).map(std::mem::take).unwrap_or_default()).collect();
        for member in set.iter().chain(moved.iter().flatten()) {
            part_of.insert(*member, home);
        }
        if let Some(part) = parts.get_mut(home) {
            part.extend(moved);
            part.push(set.clone());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Leaves out members in whose place another one can always be taken that hits at least the same and weighs no more.
fn without_dominated(mut sets: Vec<BTreeSet<u32>>, weight: &dyn Fn(u32) -> u64) -> Vec<BTreeSet<u32>> {
    let mut hits: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    for (at, set) in sets.iter().enumerate() {
        set.iter().for_each(|member| {
            hits.entry(*member).or_default().insert(at);
        });
    }
    let mut gone: BTreeSet<u32> = BTreeSet::new();
    for (member, mine) in &hits {
        // Whatever dominates it is in each of its sets.
        let Some(first) = mine.first().and_then(|at| sets.get(*at)) else { continue };
        let dominates = |other: &u32| {
            let theirs = hits.get(other).filter(|_| other != member && !gone.contains(other));
            theirs.is_some_and(|theirs| mine.is_subset(theirs) && weight(*other) <= weight(*member))
        };
        if first.iter().any(dominates) {
            gone.insert(*member);
        }
    }
    sets.iter_mut().for_each(|set| set.retain(|member| !gone.contains(member)));
    minimal(&sets)
}

/// What it takes at least: of sets that share no member, each needs one of its own.
fn bound<'s>(sets: impl Iterator<Item = &'s BTreeSet<u32>>, forbidden: &BTreeSet<u32>, weight: &dyn Fn(u32) -> u64) -> u64 {
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    let mut total = 0u64;
    for set in sets {
        if set.iter().any(|member| seen.contains(member)) {
            continue;
        }
        let lightest = set.iter().filter(|member| !forbidden.contains(member)).map(|member| weight(*member)).min();
        total = total.saturating_add(lightest.unwrap_or(u64::MAX));
        seen.extend(set);
    }
    total
}

struct Search<'s> {
    sets: &'s [BTreeSet<u32>],
    weight: &'s dyn Fn(u32) -> u64,
    best: u64,
    members: BTreeSet<u32>,
    left: usize,
}

impl Search<'_> {
    /// Tries every way to go on from `taken`, without what is forbidden.
    fn branch(&mut self, taken: &mut BTreeSet<u32>, forbidden: &mut BTreeSet<u32>, so_far: u64) {
        self.left = self.left.saturating_sub(self.sets.len());
        if self.left == 0 {
            return;
        }
        let open = || self.sets.iter().filter(|set| set.is_disjoint(taken));
        let choices = |set: &BTreeSet<u32>| set.difference(forbidden).count();
        let Some(next) = open().min_by_key(|set| choices(set)) else {
            if so_far < self.best {
                self.best = so_far;
                self.members.clone_from(taken);
            }
            return;
        };
        if so_far.saturating_add(bound(open(), forbidden, self.weight)) >= self.best {
            return;
        }
        let mut tried: Vec<(u64, std::cmp::Reverse<usize>, u32)> = next
            .difference(forbidden)
            .map(|member| ((self.weight)(*member), std::cmp::Reverse(open().filter(|set| set.contains(member)).count()), *member))
            .collect();
        tried.sort_unstable_by_key(|(weight, count, member)| (*count, *weight, *member));
        let mut closed = Vec::new();
        for (weight, _, member) in tried {
            taken.insert(member);
            self.branch(taken, forbidden, so_far + weight);
            taken.remove(&member);
            // What follows is without it: with it, everything was tried.
            if forbidden.insert(member) {
                closed.push(member);
            }
        }
        closed.iter().for_each(|member| {
            forbidden.remove(member);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute(sets: &[BTreeSet<u32>], weight: &dyn Fn(u32) -> u64) -> u64 {
        let all: Vec<u32> = sets.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let chosen = |mask: u32| all.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, member)| *member).collect();
        let masks = (0u32..1 << all.len()).map(chosen);
        let hits = |chosen: &BTreeSet<u32>| sets.iter().all(|set| !set.is_disjoint(chosen));
        masks.filter(hits).map(|chosen| weigh(&chosen, weight)).min().expect("all members hit all sets")
    }

    proptest! {
        #[test]
        fn lightest_is_as_light_as_any(
            sets in prop::collection::vec(prop::collection::btree_set(0u32..9, 1..5), 0..12),
            weights in prop::collection::vec(1u64..5, 9),
        ) {
            let weight = |member: u32| weights[member as usize];
            let found = lightest(&sets, &weight, &mut { BUDGET });
            prop_assert!(found.is_proven);
            prop_assert!(sets.iter().all(|set| !set.is_disjoint(&found.members)));
            prop_assert_eq!(weigh(&found.members, &weight), brute(&sets, &weight));
            prop_assert_eq!(found.at_least, brute(&sets, &weight));
            let quick = greedy(&sets, &weight);
            prop_assert!(sets.iter().all(|set| !set.is_disjoint(&quick)));
            for member in &quick {
                let rest: BTreeSet<u32> = quick.iter().filter(|one| *one != member).copied().collect();
                prop_assert!(sets.iter().any(|set| set.is_disjoint(&rest)), "{member} is needless");
            }
        }
    }

    #[test]
    fn what_is_too_large_to_prove_is_bounded() {
        let triples = (0u32..70).flat_map(|a| (1..5).map(move |b| BTreeSet::from([a, (a * 7 + b * 11) % 70, (a * 13 + b * 29) % 70])));
        let sets: Vec<_> = triples.collect();
        let found = lightest(&sets, &|_| 1, &mut 20_000);
        assert!(sets.iter().all(|set| !set.is_disjoint(&found.members)));
        assert!(found.at_least <= found.members.len() as u64 && found.at_least > 0);
    }
}
