//! Who the parent of whom is, so that a thread's children get another parent at once, however many they are.

use super::thread::{NOWHERE, Slot};

/// The children of one thread. When their parent exits, its family becomes part of its heir's: of two, one gets a way up to the other, and
/// the parent stands at the top. The smaller one goes below the greater, so that no way up has more than a few steps.
#[derive(Debug, Clone, Copy)]
struct Family {
    /// The family that this one is part of now.
    up: Slot,
    /// The id of the parent, 0 for none; of a family that is at the top.
    parent: i64,
    /// How many children there are; likewise.
    children: u32,
    /// The longest way up to it at most, in steps.
    height: u8,
    /// How many hold on to it: children, families below it, its parent.
    holders: u32,
}

/// All families, by number.
#[derive(Debug, Default)]
pub(super) struct Families {
    all: Vec<Family>,
    free: Vec<Slot>,
}

impl Families {
    /// The parent of those in a family; `None` for no family.
    pub(super) fn parent(&self, family: Slot) -> Option<i64> {
        Some(self.get(self.top(family))?.parent)
    }

    /// Whether a parent has children.
    pub(super) fn any(&self, family: Slot) -> bool {
        self.get(self.top(family)).is_some_and(|top| top.children > 0)
    }

    /// Makes one more a child of the parent who holds on to `family`, and answers the family where that one had none yet.
    pub(super) fn join(&mut self, family: Slot, parent: i64) -> Slot {
        let family = if family == NOWHERE { self.start(parent) } else { family };
        if let Some(found) = self.get_mut(family) {
            found.holders += 1;
            found.children += 1;
        }
        family
    }

    /// A child leaves its family, which may be part of another by now.
    pub(super) fn leave(&mut self, family: Slot) {
        let top = self.top(family);
        if let Some(top) = self.get_mut(top) {
            top.children = top.children.saturating_sub(1);
        }
        self.release(family);
    }

    /// A parent leaves its family to nobody.
    pub(super) fn orphan(&mut self, family: Slot) {
        if let Some(found) = self.get_mut(family) {
            found.parent = 0;
        }
        self.release(family);
    }

    /// A parent leaves its family to another, whose own is `heirs`; answers what that one's is then.
    pub(super) fn inherit(&mut self, family: Slot, heirs: Slot, heir: i64) -> Slot {
        let Some(left) = self.get(family).copied() else { return heirs };
        let Some(own) = self.get(heirs).copied().filter(|_| heirs != family) else {
            if let Some(found) = self.get_mut(family) {
                found.parent = heir;
            }
            return family;
        };
        let (below, above) = if left.height > own.height { (heirs, family) } else { (family, heirs) };
        if let Some(found) = self.get_mut(above) {
            found.parent = heir;
            found.children = left.children + own.children;
            found.height += u8::from(left.height == own.height);
            found.holders += 1;
        }
        if let Some(found) = self.get_mut(below) {
            found.up = above;
        }
        self.release(below);
        above
    }

    fn start(&mut self, parent: i64) -> Slot {
        let family = Family { up: NOWHERE, parent, children: 0, height: 0, holders: 1 };
        match self.free.pop() {
            Some(at) => {
                if let Some(place) = self.get_mut(at) {
                    *place = family;
                }
                at
            }
            None => {
                self.all.push(family);
                Slot::try_from(self.all.len() - 1).unwrap_or(NOWHERE)
            }
        }
    }

    /// One lets go of a family; where nobody is left, it goes, and lets go of the one above.
    fn release(&mut self, mut family: Slot) {
        while let Some(found) = self.get_mut(family) {
            found.holders = found.holders.saturating_sub(1);
            if found.holders > 0 {
                return;
            }
            let up = found.up;
            self.free.push(family);
            family = up;
        }
    }

    fn top(&self, mut family: Slot) -> Slot {
        while let Some(up) = self.get(family).map(|found| found.up).filter(|up| *up != NOWHERE) {
            family = up;
        }
        family
    }

    fn get(&self, family: Slot) -> Option<&Family> {
        self.all.get(family as usize)
    }

    fn get_mut(&mut self, family: Slot) -> Option<&mut Family> {
        self.all.get_mut(family as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What happens to one of eight threads: it gets the other as its parent, or leaves its children to the other, to nobody.
    type Step = (usize, usize, u8);

    fn id(thread: usize) -> i64 {
        thread as i64 + 1
    }

    proptest! {
        #[test]
        fn everybody_has_the_parent_that_a_plain_list_says(steps in proptest::collection::vec((0..8_usize, 0..8_usize, 0..4_u8), 0..200)) {
            let mut families = Families::default();
            // Of each thread: the family it is in, the family of its children, and its parent as a plain number.
            let (mut within, mut own, mut plain) = ([NOWHERE; 8], [NOWHERE; 8], [None; 8]);
            let steps: &[Step] = &steps;
            for &(one, other, what) in steps {
                let heir = (what == 2 && one != other).then_some(other);
                if what < 2 {
                    if within[one] != NOWHERE {
                        families.leave(within[one]);
                    }
                    own[other] = families.join(own[other], id(other));
                    (within[one], plain[one]) = (own[other], Some(id(other)));
                    continue;
                }
                let left = std::mem::replace(&mut own[one], NOWHERE);
                match heir {
                    Some(heir) => own[heir] = families.inherit(left, own[heir], id(heir)),
                    None => families.orphan(left),
                }
                let parent = heir.map_or(0, id);
                plain.iter_mut().filter(|parent| **parent == Some(id(one))).for_each(|found| *found = Some(parent));
                for (thread, parent) in plain.iter().enumerate() {
                    prop_assert_eq!(families.parent(within[thread]).filter(|_| within[thread] != NOWHERE), *parent);
                    prop_assert_eq!(families.any(own[thread]), plain.contains(&Some(id(thread))) && own[thread] != NOWHERE);
                }
            }
            (0..8).for_each(|thread| families.orphan(own[thread]));
            within.iter().filter(|family| **family != NOWHERE).for_each(|family| families.leave(*family));
            prop_assert_eq!(families.free.len(), families.all.len(), "nothing is left over");
        }
    }
}
