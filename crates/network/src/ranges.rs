//! Sets of numbers as sorted, disjoint ranges: ports, addresses, places in a list.

use std::fmt;

/// A number that ranges are made of.
pub trait Number: Copy + Ord + fmt::Debug {
    /// The lowest.
    const MIN: Self;
    /// The highest.
    const MAX: Self;
    /// The next one; none after the highest.
    fn next(self) -> Option<Self>;
    /// The one before; none before the lowest.
    fn previous(self) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            const MIN: Self = <$number>::MIN;
            const MAX: Self = <$number>::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}

numbers!(u16, u32, u128);

/// A set of numbers. Canonical: ranges are closed, sorted, and neither overlap nor touch, so that equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges<T>(Vec<(T, T)>);

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Number> Ranges<T> {
    /// All numbers.
    pub fn all() -> Self {
        Self(vec![(T::MIN, T::MAX)])
    }

    /// From `first` to `last`, both included; empty if `last` is below.
    pub fn range(first: T, last: T) -> Self {
        Self(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// One number.
    pub fn one(number: T) -> Self {
        Self(vec![(number, number)])
    }

    /// Of ranges in any order, which may overlap. Costs sorting them.
    pub fn of(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut set = Self(Vec::with_capacity(ranges.len()));
        ranges.into_iter().for_each(|range| set.push(range));
        set
    }

    /// Adds a range that starts where none in the set starts later.
    fn push(&mut self, (first, last): (T, T)) {
        match self.0.last_mut() {
            Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => self.0.push((first, last)),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything is in it.
    pub fn is_all(&self) -> bool {
        self.0.as_slice() == [(T::MIN, T::MAX)]
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: T) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (T, T)> + '_ {
        self.0.iter().copied()
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = Self(Vec::with_capacity(self.0.len() + other.0.len()));
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one <= two => left.next(),
                (Some(_), None) => left.next(),
                (_, Some(_)) => right.next(),
                (None, None) => return set,
            };
            next.into_iter().for_each(|range| set.push(*range));
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut set = Vec::new();
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(&&(a, b)), Some(&&(c, d))) = (left.peek(), right.peek()) {
            if a.max(c) <= b.min(d) {
                set.push((a.max(c), b.min(d)));
            }
            if b < d {
                left.next()
            } else {
                right.next()
            };
        }
        Self(set)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut set = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(T::MIN);
        for (first, last) in &self.0 {
            if let (Some(from), Some(before)) = (from, first.previous())
                && from <= before
            {
                set.push((from, before));
            }
            from = last.next();
        }
        set.extend(from.map(|from| (from, T::MAX)));
        Self(set)
    }

    /// What is in it and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_empty() { self.clone() } else { self.intersection(&other.complement()) }
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set() -> impl Strategy<Value = Ranges<u16>> {
        let near_ends = prop_oneof![0u16..40, (u16::MAX - 20)..=u16::MAX];
        prop::collection::vec((near_ends.clone(), near_ends), 0..6).prop_map(Ranges::of)
    }

    fn numbers() -> impl Iterator<Item = u16> {
        (0..60).chain(u16::MAX - 30..=u16::MAX)
    }

    fn is_canonical(set: &Ranges<u16>) -> bool {
        set.0.iter().all(|(first, last)| first <= last) && set.0.windows(2).all(|pair| u32::from(pair[0].1) + 1 < u32::from(pair[1].0))
    }

    proptest! {
        #[test]
        fn sets_are_what_their_members_say(a in set(), b in set()) {
            for (what, set, is_in) in [
                ("union", a.union(&b), (|a, b| a || b) as fn(bool, bool) -> bool),
                ("intersection", a.intersection(&b), |a, b| a && b),
                ("difference", a.difference(&b), |a, b| a && !b),
                ("complement", a.complement(), |a, _| !a),
            ] {
                prop_assert!(is_canonical(&set), "{what}: {set:?}");
                for number in numbers() {
                    prop_assert_eq!(set.contains(number), is_in(a.contains(number), b.contains(number)), "{} of {}", what, number);
                }
            }
            prop_assert_eq!(a.is_subset(&b), a.union(&b) == b);
            prop_assert_eq!(a.is_all(), a.complement().is_empty());
        }
    }
}
