//! The table of threads: who is whose child, who belongs to which process, who takes children over.

use super::descriptor_table::DescriptorTable;
use super::families::Families;
use super::hash::Map;
use super::thread::{Links, NOWHERE, Slot, Thread};
use super::{Losses, flags};

/// How many steps up the tree are taken at most to find who takes orphans over: there may be a loop, and each exit asks. Upstream goes on
/// to the end.
const DEEPEST: usize = 64;

/// How many threads are looked at to find one that can be given up.
const CANDIDATES: usize = 16;

/// For how long an exit is remembered, in nanoseconds.
const RECENT: u64 = 2_000_000_000;

/// The threads of one process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// How many of them run.
    pub(super) alive: u32,
    /// Whether orphans below it become its children.
    pub(super) reaper: bool,
    first: Slot,
    last: Slot,
}

/// An exit that was seen lately.
#[derive(Debug, Clone, Copy, Default)]
struct Exit {
    tid: i64,
    ptid: i64,
    time: u64,
}

/// All threads.
#[derive(Debug)]
pub(super) struct Threads {
    slots: Vec<Option<Box<Thread>>>,
    free: Vec<Slot>,
    places: Map<i64, Slot>,
    groups: Map<i64, Group>,
    families: Families,
    /// How many there may be.
    limit: usize,
    /// Where the search for one to give up goes on.
    hand: usize,
    /// One that is in use and not given up.
    pub(super) kept: Slot,
    /// How many descriptors all of them have, as limits count them.
    pub(super) descriptors: usize,
    /// How many bytes their texts have.
    texts: usize,
    texts_limit: usize,
    exits: [Exit; 64],
    next_exit: usize,
}

impl Threads {
    pub(super) fn new(limit: usize, texts_limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            places: Map::default(),
            groups: Map::default(),
            families: Families::default(),
            limit: limit.clamp(CANDIDATES, NOWHERE as usize - 1),
            hand: 0,
            kept: NOWHERE,
            descriptors: 0,
            texts: 0,
            texts_limit,
            exits: [Exit::default(); 64],
            next_exit: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn place(&self, tid: i64) -> Option<Slot> {
        self.places.get(&tid).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Thread> {
        self.slots.get(slot as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Thread> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    pub(super) fn of(&self, tid: i64) -> Option<&Thread> {
        self.get(self.place(tid)?)
    }

    /// All of them, by where they are kept.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        0..Slot::try_from(self.slots.len()).unwrap_or(NOWHERE)
    }

    /// The id of a thread's parent: of the one that started its process or took it over, 0 for none, -1 where that is not known.
    pub(super) fn ptid(&self, thread: &Thread) -> i64 {
        self.families.parent(thread.family).unwrap_or(thread.ptid)
    }

    /// The leader of a thread's group, if it is known.
    pub(super) fn leader(&self, slot: Slot) -> Option<Slot> {
        let thread = self.get(slot)?;
        if thread.is_leader() {
            return Some(slot);
        }
        let first = self.group(thread)?.first;
        self.get(first).filter(|first| first.is_leader()).map(|_| first)
    }

    /// The same of a thread at hand.
    pub(super) fn leader_of<'t>(&'t self, thread: &'t Thread) -> Option<&'t Thread> {
        if thread.is_leader() { Some(thread) } else { self.get(self.group(thread)?.first).filter(|first| first.is_leader()) }
    }

    pub(super) fn group(&self, thread: &Thread) -> Option<&Group> {
        self.groups.get(&thread.pid).filter(|_| thread.grouped)
    }

    pub(super) fn group_mut(&mut self, slot: Slot) -> Option<&mut Group> {
        let pid = self.get(slot).filter(|thread| thread.grouped)?.pid;
        self.groups.get_mut(&pid)
    }

    /// The threads of a group, its leader first.
    pub(super) fn members(&self, pid: i64) -> impl Iterator<Item = Slot> {
        let mut at = self.groups.get(&pid).map_or(NOWHERE, |group| group.first);
        std::iter::from_fn(move || {
            let found = self.get(at).map(|_| at)?;
            at = self.get(at).map_or(NOWHERE, |thread| thread.in_group.next);
            Some(found)
        })
    }

    /// A thread by its id; a stand-in is made for one that is not known.
    pub(super) fn known(&mut self, tid: i64, losses: &mut Losses) -> Slot {
        match self.place(tid) {
            Some(slot) => slot,
            None => self.add(Thread::placeholder(tid), losses),
        }
    }

    /// Adds a thread, without relations, in place of the one with its id: the children of that one are its own.
    pub(super) fn add(&mut self, mut thread: Thread, losses: &mut Losses) -> Slot {
        if let Some(old) = self.place(thread.tid) {
            if let Some(old) = self.get_mut(old) {
                thread.children = std::mem::replace(&mut old.children, NOWHERE);
            }
            self.take_out(old);
        }
        thread.weight = thread.texts();
        self.texts += thread.weight;
        self.make_room(self.limit - 1, losses);
        let tid = thread.tid;
        self.descriptors += thread.table.cost();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                Slot::try_from(self.slots.len() - 1).unwrap_or(NOWHERE)
            }
        };
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(Box::new(thread));
            self.places.insert(tid, slot);
        }
        slot
    }

    /// Puts a thread into its group and below its parent, unless it stands there already. A parent that is not known is none.
    pub(super) fn relate(&mut self, slot: Slot) {
        let Some(thread) = self.get(slot) else { return };
        if thread.is_placeholder() || thread.grouped {
            return;
        }
        let (pid, ptid, leads) = (thread.pid, self.ptid(thread), thread.is_leader());
        let reaper = pid == 1 || thread.vpid == 1;
        let group = self.groups.entry(pid).or_insert(Group { alive: 0, reaper, first: NOWHERE, last: NOWHERE });
        group.alive += 1;
        let (first, last) = (group.first, group.last);
        let links = if leads {
            group.first = slot;
            if last == NOWHERE {
                group.last = slot;
            }
            Links { previous: NOWHERE, next: first }
        } else {
            group.last = slot;
            if first == NOWHERE {
                group.first = slot;
            }
            Links { previous: last, next: NOWHERE }
        };
        if let Some(next) = self.get_mut(links.next) {
            next.in_group.previous = slot;
        }
        if let Some(previous) = self.get_mut(links.previous) {
            previous.in_group.next = slot;
        }
        if let Some(thread) = self.get_mut(slot) {
            thread.in_group = links;
            thread.grouped = true;
        }
        // Of those that exited only the first waits for the end of its process.
        if leads && self.get(first).is_some_and(|former| former.dead) {
            self.take_out(first);
        }
        if pid == 1 {
            return;
        }
        let parent = self.place(ptid).filter(|parent| *parent != slot);
        match parent.filter(|parent| self.get(*parent).is_some_and(|parent| !parent.is_placeholder())) {
            Some(parent) => self.adopt(parent, slot),
            None => {
                self.leave_parent(slot);
                if let Some(thread) = self.get_mut(slot) {
                    thread.ptid = 0;
                }
            }
        }
    }

    /// Makes a thread a child of another.
    fn adopt(&mut self, parent: Slot, child: Slot) {
        self.leave_parent(child);
        let Some((family, tid)) = self.get(parent).map(|parent| (parent.children, parent.tid)) else { return };
        let family = self.families.join(family, tid);
        if let Some(parent) = self.get_mut(parent) {
            parent.children = family;
        }
        if let Some(child) = self.get_mut(child) {
            child.family = family;
        }
    }

    fn leave_parent(&mut self, child: Slot) {
        let family = self.get_mut(child).map_or(NOWHERE, |child| std::mem::replace(&mut child.family, NOWHERE));
        if family != NOWHERE {
            self.families.leave(family);
        }
    }

    fn leave_group(&mut self, slot: Slot) {
        let Some(thread) = self.get_mut(slot).filter(|thread| thread.grouped) else { return };
        thread.grouped = false;
        let (pid, dead) = (thread.pid, thread.dead);
        let Links { previous, next } = std::mem::replace(&mut thread.in_group, Links::NONE);
        if let Some(previous) = self.get_mut(previous) {
            previous.in_group.next = next;
        }
        if let Some(next) = self.get_mut(next) {
            next.in_group.previous = previous;
        }
        if let Some(group) = self.groups.get_mut(&pid) {
            if !dead {
                group.alive = group.alive.saturating_sub(1);
            }
            if group.first == slot {
                group.first = next;
            }
            if group.last == slot {
                group.last = previous;
            }
            if group.first == NOWHERE {
                self.groups.remove(&pid);
            }
        }
    }

    /// Moves a thread to the group of another process: the kernel says that it belongs there. Upstream changes the number alone, so that the
    /// thread still counts in its former process, and is never forgotten if it leads the new one.
    pub(super) fn regroup(&mut self, slot: Slot, pid: i64) {
        self.leave_group(slot);
        if let Some(thread) = self.get_mut(slot) {
            thread.pid = pid;
        }
        self.relate(slot);
    }

    /// Frees a thread's place. Its children have no parent then.
    fn take_out(&mut self, slot: Slot) {
        self.give_children_to(slot, None);
        self.leave_parent(slot);
        self.leave_group(slot);
        if let Some(thread) = self.slots.get_mut(slot as usize).and_then(Option::take) {
            self.descriptors = self.descriptors.saturating_sub(thread.table.cost());
            self.texts = self.texts.saturating_sub(thread.weight);
            self.places.remove(&thread.tid);
            self.free.push(slot);
        }
    }

    fn give_children_to(&mut self, slot: Slot, heir: Option<Slot>) {
        let family = self.get_mut(slot).map_or(NOWHERE, |thread| std::mem::replace(&mut thread.children, NOWHERE));
        if family == NOWHERE {
            return;
        }
        let Some((heir, tid, heirs)) = heir.and_then(|heir| self.get(heir).map(|thread| (heir, thread.tid, thread.children))) else {
            self.families.orphan(family);
            return;
        };
        let family = self.families.inherit(family, heirs, tid);
        if let Some(heir) = self.get_mut(heir) {
            heir.children = family;
        }
    }

    /// Counts a thread as exited.
    pub(super) fn bury(&mut self, slot: Slot) {
        let Some(thread) = self.get_mut(slot) else { return };
        thread.flags |= flags::CLOSED;
        if std::mem::replace(&mut thread.dead, true) {
            return;
        }
        if let Some(group) = self.group_mut(slot) {
            group.alive = group.alive.saturating_sub(1);
        }
    }

    /// Counts a thread as running again: a leader that had exited gets the id of the thread that executes a file.
    pub(super) fn revive(&mut self, slot: Slot) {
        let Some(thread) = self.get_mut(slot) else { return };
        thread.flags &= !flags::CLOSED;
        if !std::mem::replace(&mut thread.dead, false) {
            return;
        }
        if let Some(group) = self.group_mut(slot) {
            group.alive += 1;
        }
    }

    /// Takes a thread out. A leader stays, dead, while other threads of its process run; its children go to who takes them over.
    pub(super) fn remove(&mut self, tid: i64, losses: &mut Losses) {
        let Some(slot) = self.place(tid) else { return };
        let Some(thread) = self.get(slot) else { return };
        let (pid, leads, reaper) = (thread.pid, thread.is_leader(), thread.reaper);
        if thread.is_placeholder() || !thread.grouped {
            self.take_out(slot);
            return;
        }
        self.bury(slot);
        if self.get(slot).is_some_and(|thread| self.families.any(thread.children)) {
            let named = if reaper > 0 && reaper != tid { Some(self.known(reaper, losses)) } else { None };
            let heir = named.filter(|heir| self.get(*heir).is_some_and(|heir| !heir.is_placeholder())).or_else(|| self.find_reaper(slot));
            let heir = heir.filter(|heir| *heir != slot);
            if let Some(heir) = heir
                && self.get(heir).is_some_and(|heir| heir.pid != pid)
                && let Some(group) = self.group_mut(heir)
            {
                group.reaper = true;
            }
            self.give_children_to(slot, heir);
        }
        let (first, alive) = self.groups.get(&pid).map_or((slot, 0), |group| (group.first, group.alive));
        if alive == 0 {
            self.take_out(first);
        }
        if alive == 0 || !leads || first != slot {
            self.take_out(slot);
        }
    }

    /// Who takes the children of a thread over: another thread of its process, or the nearest reaper above it in the same pid namespace.
    /// Of the machine that is process 1, also where the way there is too long.
    fn find_reaper(&self, slot: Slot) -> Option<Slot> {
        let thread = self.get(slot)?;
        let running = |pid| self.members(pid).find(|member| *member != slot && self.get(*member).is_some_and(|member| !member.dead));
        if let Some(found) = running(thread.pid).filter(|_| thread.grouped) {
            return Some(found);
        }
        let mut above = self.of(self.ptid(thread));
        for _ in 0..DEEPEST {
            let parent = above.filter(|parent| parent.tid != thread.tid && parent.in_pid_namespace() == thread.in_pid_namespace())?;
            if self.group(parent).is_some_and(|group| group.reaper && group.alive > 0) {
                return running(parent.pid);
            }
            above = self.of(self.ptid(parent));
        }
        if thread.in_pid_namespace() { None } else { running(1) }
    }

    /// Counts the texts of a thread anew, after they changed.
    pub(super) fn weigh(&mut self, slot: Slot, losses: &mut Losses) {
        let Some(thread) = self.get_mut(slot) else { return };
        let weight = thread.texts();
        let before = std::mem::replace(&mut thread.weight, weight);
        self.texts = self.texts.saturating_sub(before) + weight;
        self.make_room(self.limit, losses);
    }

    /// Changes the descriptors of a thread.
    pub(super) fn change_table(&mut self, owner: Slot, change: impl FnOnce(&mut DescriptorTable)) {
        let Some(thread) = self.get_mut(owner) else { return };
        let before = thread.table.cost();
        change(&mut thread.table);
        let after = thread.table.cost();
        self.descriptors = self.descriptors.saturating_sub(before) + after;
    }

    /// Gives threads up until there are no more than so many, and their texts are within their limit.
    fn make_room(&mut self, threads: usize, losses: &mut Losses) {
        while (self.len() > threads || self.texts > self.texts_limit) && self.give_up_one() {
            losses.threads += 1;
        }
    }

    /// Gives one thread up to make room: of some, a dead one or the one that was idle longest.
    fn give_up_one(&mut self) -> bool {
        let mut chosen: Option<(bool, u64, i64)> = None;
        let mut seen = 0;
        for _ in 0..self.slots.len() {
            self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
            let Some(thread) = self.slots.get(self.hand).and_then(Option::as_deref) else { continue };
            if Slot::try_from(self.hand) == Ok(self.kept) || thread.pid == 1 {
                continue;
            }
            let worth = (!thread.dead, thread.last_event.max(thread.clone_time), thread.tid);
            chosen = Some(chosen.map_or(worth, |best| best.min(worth)));
            seen += 1;
            if seen == CANDIDATES {
                break;
            }
        }
        let Some(slot) = chosen.and_then(|(_, _, tid)| self.place(tid)) else { return false };
        self.bury(slot);
        let heir = self.get(slot).and_then(|thread| self.place(self.ptid(thread)));
        self.give_children_to(slot, heir);
        self.take_out(slot);
        true
    }

    /// Remembers that a thread exited.
    pub(super) fn note_exit(&mut self, tid: i64, ptid: i64, time: u64) {
        if let Some(place) = self.exits.get_mut(self.next_exit) {
            *place = Exit { tid, ptid, time };
        }
        self.next_exit = (self.next_exit + 1) % self.exits.len();
    }

    /// Whether a child of a thread exited lately.
    pub(super) fn exited_lately(&self, tid: i64, ptid: i64, time: u64) -> bool {
        self.exits.iter().any(|exit| exit.tid == tid && exit.ptid == ptid && time.checked_sub(exit.time).is_some_and(|age| age < RECENT))
    }
}

#[cfg(test)]
impl Threads {
    /// Holds all that is counted or linked against what is there.
    #[expect(clippy::iter_over_hash_type, reason = "each is looked at for itself")]
    pub(super) fn check(&self) {
        let all = || self.slots().filter_map(|slot| Some((slot, self.get(slot)?)));
        assert!(all().all(|(slot, thread)| self.place(thread.tid) == Some(slot)));
        assert_eq!(all().count(), self.len());
        assert_eq!(all().map(|(_, thread)| thread.table.cost()).sum::<usize>(), self.descriptors);
        assert_eq!(all().map(|(_, thread)| thread.weight).sum::<usize>(), self.texts);
        for (pid, group) in &self.groups {
            let members: Vec<Slot> = self.members(*pid).take(self.len() + 1).collect();
            let grouped = all().filter(|(_, thread)| thread.grouped && thread.pid == *pid);
            assert_eq!((grouped.count(), members.last()), (members.len(), Some(&group.last)), "{pid}");
            let alive = members.iter().filter(|member| self.get(**member).is_some_and(|member| !member.dead)).count();
            assert_eq!(alive, group.alive as usize, "{pid}");
            assert!(members.len() - alive <= 1, "who exited and stays is one at most: {pid}");
        }
        for (_, thread) in all() {
            assert!(!thread.grouped || self.groups.contains_key(&thread.pid));
            let parent = self.families.parent(thread.family);
            assert!(parent.is_none_or(|parent| parent == 0 || self.of(parent).is_some()), "{} below {parent:?}", thread.tid);
            let children = all().filter(|(_, child)| self.families.parent(child.family) == Some(thread.tid)).count();
            // 0 is nobody's id, and what orphans have.
            assert!(thread.tid == 0 || (children > 0) == self.families.any(thread.children), "{}", thread.tid);
        }
    }
}
