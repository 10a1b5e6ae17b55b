//! Traffic by number: equal sets once, and operations on them done once.

use crate::traffic::Traffic;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The number of a set of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

impl Id {
    /// Nothing.
    pub(super) const NONE: Self = Self(0);
    /// Everything.
    pub(super) const ALL: Self = Self(1);

    /// Its place in what [`Traffics::into_list`] gives.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// All sets there are, shared among threads.
pub(super) struct Traffics(RwLock<Known>);

#[derive(Default)]
struct Known {
    list: Vec<Traffic>,
    ids: HashMap<Traffic, Id>,
}

impl Traffics {
    pub(super) fn new() -> Self {
        let traffics = Self(RwLock::default());
        traffics.id(&Traffic::none());
        traffics.id(&Traffic::all());
        traffics
    }

    /// The number of a set.
    #[expect(clippy::cast_possible_truncation, reason = "memory ends before 2^32 sets")]
    pub(super) fn id(&self, traffic: &Traffic) -> Id {
        if let Some(id) = self.0.read().unwrap_or_else(PoisonError::into_inner).ids.get(traffic) {
            return *id;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = Id(known.list.len() as u32);
        // Another thread may have been here in between.
        let id = *known.ids.entry(traffic.clone()).or_insert(next);
        if id == next {
            known.list.push(traffic.clone());
        }
        id
    }

    fn get(&self, id: Id) -> Traffic {
        self.0.read().unwrap_or_else(PoisonError::into_inner).list.get(id.index()).cloned().unwrap_or_default()
    }

    /// The sets by number.
    pub(super) fn into_list(self) -> Vec<Traffic> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).list
    }
}

/// What one thread has already worked out.
pub(super) struct Operations<'t> {
    traffics: &'t Traffics,
    done: HashMap<(Operation, Id, Id), Id>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl<'t> Operations<'t> {
    pub(super) fn new(traffics: &'t Traffics) -> Self {
        Self { traffics, done: HashMap::default() }
    }

    pub(super) fn id(&self, traffic: &Traffic) -> Id {
        self.traffics.id(traffic)
    }

    fn cached(&mut self, operation: Operation, one: Id, two: Id) -> Id {
        *self.done.entry((operation, one, two)).or_insert_with(|| {
            let (left, right) = (self.traffics.get(one), self.traffics.get(two));
            self.traffics.id(&match operation {
                Operation::Union => left.union(&right),
                Operation::Intersection => left.intersection(&right),
                Operation::Difference => left.difference(&right),
            })
        })
    }

    pub(super) fn union(&mut self, one: Id, two: Id) -> Id {
        match (one, two) {
            (Id::NONE, other) | (other, Id::NONE) => other,
            (Id::ALL, _) | (_, Id::ALL) => Id::ALL,
            _ if one == two => one,
            _ => self.cached(Operation::Union, one.min(two), one.max(two)),
        }
    }

    pub(super) fn intersection(&mut self, one: Id, two: Id) -> Id {
        match (one, two) {
            (Id::ALL, other) | (other, Id::ALL) => other,
            (Id::NONE, _) | (_, Id::NONE) => Id::NONE,
            _ if one == two => one,
            _ => self.cached(Operation::Intersection, one.min(two), one.max(two)),
        }
    }

    pub(super) fn difference(&mut self, one: Id, two: Id) -> Id {
        match (one, two) {
            (Id::NONE, _) | (_, Id::ALL) => Id::NONE,
            (_, Id::NONE) => one,
            _ if one == two => Id::NONE,
            _ => self.cached(Operation::Difference, one, two),
        }
    }
}
