//! Addresses that no rule tells apart.

use crate::addresses::Addresses;
use crate::policy::{Direction, Peers};
use crate::ranges::{Number, Ranges};
use crate::world::World;
use core::net::IpAddr;
use std::collections::{BTreeSet, HashMap};

/// The most places of sets that all parts may name together: beyond it somebody has stacked blocks onto each other to fill memory.
const LIMIT: usize = 8_000_000;

impl World<'_> {
    /// Addresses by which rules of these policies are about them: the places of these among all rules of the policies, and the
    /// addresses. None where there are too many different ones.
    pub(crate) fn split(&self, addresses: &Addresses, about: &[usize], direction: Direction) -> Option<Vec<(Vec<u32>, Addresses)>> {
        let rules = about.iter().filter_map(|at| self.policies.get(*at)?.rules(direction)).flatten();
        let meant = rules.map(|rule| match &rule.peers {
            Peers::Anyone => Addresses::all(),
            Peers::Listed(peers) => {
                let meant: Vec<_> = peers.iter().map(|peer| self.addresses_of(&peer.means)).collect();
                Addresses::union_of(&meant)
            }
        });
        parts(addresses, &meant.collect::<Vec<_>>())
    }
}

/// Splits `whole` by which of the sets its addresses are in. In the order of the first addresses.
fn parts(whole: &Addresses, sets: &[Addresses]) -> Option<Vec<(Vec<u32>, Addresses)>> {
    let mut found: HashMap<Vec<u32>, Vec<Addresses>> = HashMap::new();
    let mut left = LIMIT;
    sweep(whole.v4(), sets.iter().map(Addresses::v4), &mut left, |within, first, last| {
        found.entry(within).or_default().push(Addresses::range(IpAddr::V4(first.into()), IpAddr::V4(last.into())));
    })?;
    sweep(whole.v6(), sets.iter().map(Addresses::v6), &mut left, |within, first, last| {
        found.entry(within).or_default().push(Addresses::range(IpAddr::V6(first.into()), IpAddr::V6(last.into())));
    })?;
    let mut parts: Vec<_> = found.into_iter().map(|(within, parts)| (within, Addresses::union_of(&parts))).collect();
    parts.sort_by_key(|(_, part)| part.iter().next());
    Some(parts)
}

/// Walks over all starts and ends of ranges in order, and tells each stretch of `whole` with the sets that it is in.
fn sweep<'s, T: Number + 's>(
    whole: &Ranges<T>,
    sets: impl Iterator<Item = &'s Ranges<T>>,
    left: &mut usize,
    mut tell: impl FnMut(Vec<u32>, T, T),
) -> Option<()> {
    const WHOLE: u32 = u32::MAX;
    // Where a set begins (true) or has ended.
    let mut turns: Vec<(T, bool, u32)> = Vec::new();
    #[expect(clippy::cast_possible_truncation, reason = "fewer rules than nodes of documents")]
    for (place, set) in sets.enumerate().map(|(place, set)| (place as u32, set)).chain(std::iter::once((WHOLE, whole))) {
        for (first, last) in set.iter() {
            turns.push((first, true, place));
            turns.extend(last.next().map(|after| (after, false, place)));
        }
    }
    turns.sort_unstable();
    let mut within = BTreeSet::new();
    let mut turns = turns.chunk_by(|(one, ..), (two, ..)| one == two).peekable();
    while let Some(now) = turns.next() {
        // A set that ends where another range of it begins does not come to be here: ranges do not touch.
        for (_, begins, place) in now {
            if *begins {
                within.insert(*place)
            } else {
                within.remove(place)
            };
        }
        let Some((first, ..)) = now.first().filter(|_| within.contains(&WHOLE)) else { continue };
        let next = turns.peek().and_then(|next| next.first());
        let last = next.map_or(Some(T::MAX), |(next, ..)| next.previous())?;
        *left = left.checked_sub(within.len())?;
        tell(within.iter().copied().filter(|place| *place != WHOLE).collect(), *first, last);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set() -> impl Strategy<Value = Addresses> {
        let ends = || prop_oneof![0u32..20, (u32::MAX - 10)..=u32::MAX];
        prop::collection::vec((ends(), ends()), 0..4).prop_map(|ranges| {
            let ranges: Vec<_> = ranges.into_iter().map(|(a, b)| Addresses::range(IpAddr::V4(a.into()), IpAddr::V4(b.into()))).collect();
            Addresses::union_of(&ranges)
        })
    }

    proptest! {
        #[test]
        fn parts_are_all_there_is_once_and_in_what_they_say(whole in set(), sets in prop::collection::vec(set(), 0..5)) {
            let (none, parts) = (Addresses::none(), parts(&whole, &sets).unwrap());
            prop_assert_eq!(Addresses::union_of(parts.iter().map(|(_, part)| part)), whole);
            for (at, (within, part)) in parts.iter().enumerate() {
                prop_assert!(parts.iter().skip(at + 1).all(|(other, next)| part.intersection(next).is_empty() && other != within));
                for (place, set) in sets.iter().enumerate() {
                    let is_in = within.contains(&(place as u32));
                    let both = part.intersection(set);
                    prop_assert_eq!(&both, if is_in { part } else { &none });
                }
            }
        }
    }
}
