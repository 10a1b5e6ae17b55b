//! What earlier events tell of the present one: threads and processes, descriptors, users and groups, containers.
//!
//! [`State::apply`] takes an event in, before its fields are asked for; [`State::settle`] forgets, after they were, what the event
//! ended (an exited thread, a closed descriptor). Everything has a limit ([`Limits`]); what was given up for it is counted
//! ([`State::losses`]). What each event means follows `userspace/libsinsp/parsers.cpp` of falcosecurity/libs; there is a file for
//! each family of events, and [`handlers`] says which event is whose.

mod accounts;
mod address;
mod clone;
mod containers;
mod descriptor;
mod descriptor_table;
mod entries;
mod exec;
mod exit;
mod families;
mod fds;
mod flags;
mod handlers;
mod hash;
mod identity;
mod open;
mod process;
mod snapshot;
mod socket;
mod start;
#[cfg(test)]
mod tests;
mod thread;
mod threads;
mod told_containers;

pub use containers::{Container, Containers, Mount};
pub use descriptor::{Descriptor, DescriptorType, Endpoint, Role, SocketState};
pub use thread::{Bytes, Thread, items};

use accounts::Accounts;
use entries::Entries;
use plimsoll_model::events::{Event, EventFlags, Group, Interface, Machine, Params, User, kinds};
use thread::Slot;
use threads::Threads;

/// How much is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Threads.
    pub threads: usize,
    /// Descriptors of all processes; one with a long name counts as several.
    pub descriptors: usize,
    /// Descriptors of one process.
    pub open: usize,
    /// Bytes of one command line, environment or list of control groups.
    pub text: usize,
    /// Bytes of all texts of threads; those that several share count for each.
    pub texts: usize,
    /// Users, and likewise groups.
    pub accounts: usize,
    /// Bytes of what events tell of containers.
    pub containers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 131_072, descriptors: 1_048_576, open: 4096, text: 65_536, texts: 1 << 30, accounts: 65_536, containers: 1 << 26 }
    }
}

/// What was given up because of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// Threads that were forgotten although they may run.
    pub threads: u64,
    /// Descriptors that were not noted.
    pub descriptors: u64,
    /// Texts that were cut.
    pub texts: u64,
    /// Users and groups that were not noted.
    pub accounts: u64,
    /// Containers of which nothing was noted.
    pub containers: u64,
}

/// What is known of the machine at one moment.
#[derive(Debug)]
pub struct State {
    limits: Limits,
    losses: Losses,
    threads: Threads,
    users: Accounts<User>,
    groups: Accounts<Group>,
    containers: Containers,
    machine: Machine,
    interfaces: Vec<Interface>,
    /// Whether the processes of the start have been related to each other.
    started: bool,
    present: Present,
    entries: Entries,
    /// Memory for paths that are put together.
    path: Vec<u8>,
}

/// What the event that was taken in last is about.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    tid: i64,
    /// Its thread, as the event itself knew it.
    thread: Option<Slot>,
    /// Whose table its descriptor is in, and which it is.
    descriptor: Option<(Slot, i64)>,
    /// Whether the event gave that descriptor its name.
    renamed: bool,
    /// What an event can tell of an error beside its result.
    error: Option<i64>,
    /// It closed its descriptor.
    closes: bool,
    /// It ended its thread.
    exits: bool,
    time: u64,
}

impl Default for State {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl State {
    /// A state that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            losses: Losses::default(),
            threads: Threads::new(limits.threads, limits.texts),
            users: Accounts::default(),
            groups: Accounts::default(),
            containers: Containers::default(),
            machine: Machine::default(),
            interfaces: Vec::new(),
            started: false,
            present: Present::default(),
            entries: Entries::default(),
            path: Vec::new(),
        }
    }

    /// Takes an event in. What the event's own fields need (its thread, its descriptor) is kept at hand until [`State::settle`].
    pub fn apply(&mut self, event: &Event<'_>) {
        self.settle();
        self.containers.forget_told();
        self.begin();
        self.locate(event);
        if let Some(handle) = handlers::of(event.kind) {
            handle(self, event);
        }
        if event.kind != kinds::SCHEDSWITCH_6_E
            && let Some(slot) = self.present.thread
            && let Some(thread) = self.threads.get_mut(slot)
        {
            thread.previous_event = thread.last_event;
            thread.last_event = event.time;
            if !event.kind.is_enter() {
                self.entries.take(event.tid);
            }
        }
    }

    /// Forgets what the last event ended.
    pub fn settle(&mut self) {
        let Present { tid, thread, descriptor, closes, exits, time, .. } = std::mem::take(&mut self.present);
        if exits {
            let ptid = self.threads.of(tid).map_or(-1, |thread| self.threads.ptid(thread));
            self.threads.note_exit(tid, ptid, time);
            self.threads.remove(tid, &mut self.losses);
        }
        if closes
            && thread.is_some()
            && let Some((owner, fd)) = descriptor
        {
            self.threads.change_table(owner, |table| table.remove(fd));
        }
    }

    /// What was given up for the limits.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// A thread by its id.
    #[must_use]
    pub fn thread(&self, tid: i64) -> Option<&Thread> {
        self.threads.of(tid)
    }

    /// The thread that made the event which was taken in last.
    #[must_use]
    pub fn current(&self) -> Option<&Thread> {
        match self.present.thread {
            Some(slot) => self.threads.get(slot),
            None => self.threads.of(self.present.tid),
        }
    }

    /// The leader of a thread's group: itself, or the thread whose id is that of the process.
    #[must_use]
    pub fn leader<'s>(&'s self, thread: &'s Thread) -> Option<&'s Thread> {
        self.threads.leader_of(thread)
    }

    /// The thread that started this one's process, or took it over.
    #[must_use]
    pub fn parent(&self, thread: &Thread) -> Option<&Thread> {
        self.threads.of(self.ptid(thread))
    }

    /// Its id: 0 for none, -1 where it is not known.
    #[must_use]
    pub fn ptid(&self, thread: &Thread) -> i64 {
        self.threads.ptid(thread)
    }

    /// How many threads of a thread's process run.
    #[must_use]
    pub fn running_threads(&self, thread: &Thread) -> u64 {
        self.threads.group(thread).map_or(0, |group| u64::from(group.alive))
    }

    /// The descriptors of a thread, by number.
    pub fn descriptors<'s>(&'s self, thread: &'s Thread) -> impl Iterator<Item = &'s Descriptor> {
        self.table_of(thread).into_iter().flat_map(|owner| owner.table.iter())
    }

    /// How many descriptors a thread's process has open.
    #[must_use]
    pub fn open_descriptors(&self, thread: &Thread) -> u64 {
        self.leader(thread).map_or(0, |leader| leader.table.len() as u64)
    }

    /// An open descriptor of a thread.
    #[must_use]
    pub fn descriptor<'s>(&'s self, thread: &'s Thread, fd: i64) -> Option<&'s Descriptor> {
        if fd < 0 { None } else { self.table_of(thread)?.table.get(fd) }
    }

    /// The descriptor that the last event is about, even if the event closed it.
    #[must_use]
    pub fn current_descriptor(&self) -> Option<&Descriptor> {
        let (owner, fd) = self.present.descriptor?;
        self.threads.get(owner)?.table.get(fd)
    }

    /// The number of that descriptor, known even where nothing else of it is.
    #[must_use]
    pub fn current_fd(&self) -> Option<i64> {
        self.current().map(|thread| thread.last_fd)
    }

    /// Whether the last event gave its descriptor another name.
    #[must_use]
    pub fn name_changed(&self) -> bool {
        self.present.renamed
    }

    /// A user, as the container of a thread has them.
    #[must_use]
    pub fn user(&self, container: &[u8], uid: u32) -> Option<&User> {
        self.users.get(container, uid)
    }

    /// A group, likewise.
    #[must_use]
    pub fn group(&self, container: &[u8], gid: u32) -> Option<&Group> {
        self.groups.get(container, gid)
    }

    /// What is known of containers beside what control groups tell.
    #[must_use]
    pub fn containers(&self) -> &Containers {
        &self.containers
    }

    /// The container that the last event tells of, or that its thread runs in, with its id; nothing if no more is known of it.
    #[must_use]
    pub fn container(&self) -> Option<(&[u8], &Container)> {
        self.containers.told().or_else(|| {
            let id = &*self.current()?.container;
            self.containers.get(id).map(|found| (id, found))
        })
    }

    /// What is known of containers, to be filled.
    pub fn containers_mut(&mut self) -> &mut Containers {
        &mut self.containers
    }

    /// The machine that events come from.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Its network interfaces.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The thread in whose table a thread's descriptors are.
    fn table_of<'s>(&'s self, thread: &'s Thread) -> Option<&'s Thread> {
        if thread.flags & flags::CLONE_FILES == 0 { Some(thread) } else { self.leader(thread) }
    }

    /// The same as a place.
    fn table_owner(&self, slot: Slot) -> Option<Slot> {
        if self.threads.get(slot)?.flags & flags::CLONE_FILES == 0 { Some(slot) } else { self.threads.leader(slot) }
    }

    /// The thread of the present event.
    fn me(&mut self) -> Option<&mut Thread> {
        self.threads.get_mut(self.present.thread?)
    }

    /// The descriptor of the present event.
    fn mine(&mut self) -> Option<&mut Descriptor> {
        let (owner, fd) = self.present.descriptor?;
        self.threads.get_mut(owner)?.table.get_mut(fd)
    }

    /// Makes the descriptor with this number the one that the present event is about.
    fn point_at(&mut self, slot: Slot, fd: i64) {
        let owner = if fd < 0 { None } else { self.table_owner(slot) };
        let found = owner.filter(|owner| self.threads.get(*owner).is_some_and(|owner| owner.table.get(fd).is_some()));
        self.present.descriptor = found.map(|owner| (owner, fd));
    }

    /// Gives the present event's descriptor a name.
    fn rename(&mut self, name: &[u8]) {
        if self.current_descriptor().is_some_and(|descriptor| *descriptor.name != *name)
            && let Some((owner, fd)) = self.present.descriptor
        {
            self.threads.change_table(owner, |table| table.rename(fd, name));
            self.present.renamed = true;
        }
    }

    /// Adds a descriptor of the present event's thread; the event is about it then.
    fn open_descriptor(&mut self, fd: i64, descriptor: Descriptor) {
        self.present.descriptor = None;
        let renamed = !descriptor.name.is_empty();
        let added = self.add_descriptor_of(fd, descriptor);
        if let Some(owner) = added {
            self.present.descriptor = Some((owner, fd));
            self.present.renamed = renamed;
        }
    }

    /// Adds a descriptor of the present event's thread, and answers in whose table it is.
    fn add_descriptor_of(&mut self, fd: i64, descriptor: Descriptor) -> Option<Slot> {
        let slot = self.present.thread?;
        let owner = self.table_owner(slot)?;
        self.threads.get_mut(slot)?.last_fd = fd;
        self.insert_descriptor(owner, Descriptor { fd, ..descriptor }).then_some(owner)
    }

    /// Puts a descriptor into a table; false if there is no room for it.
    fn insert_descriptor(&mut self, owner: Slot, descriptor: Descriptor) -> bool {
        let full = self.threads.descriptors >= self.limits.descriptors;
        let limit = self.limits.open;
        let Some(thread) = self.threads.get(owner) else { return false };
        if (full || thread.table.len() >= limit) && thread.table.get(descriptor.fd).is_none() {
            self.losses.descriptors += 1;
            return false;
        }
        self.threads.change_table(owner, |table| table.insert(descriptor));
        true
    }

    /// A text within its limit.
    fn cut<'b>(&mut self, text: &'b [u8]) -> &'b [u8] {
        match text.get(..self.limits.text) {
            Some(start) if text.len() > self.limits.text => {
                self.losses.texts += 1;
                start
            }
            _ => text,
        }
    }

    /// Finds the thread and the descriptor of an event.
    fn locate(&mut self, event: &Event<'_>) {
        self.present = Present { tid: event.tid, time: event.time, ..Present::default() };
        self.threads.kept = thread::NOWHERE;
        let kind = event.kind;
        let seen = match kind {
            kinds::PROCINFO_E => {
                self.present.thread = self.threads.place(event.tid);
                return;
            }
            _ if event.info().flags.has(EventFlags::SKIP_RESET) || handlers::is_about_no_thread(kind) => return,
            // These do not show that a thread runs.
            kinds::CLONE_20_X | kinds::CLONE3_X | kinds::FORK_20_X | kinds::VFORK_20_X | kinds::PROCEXIT_1_E | kinds::SCHEDSWITCH_6_E => {
                None
            }
            _ => Some(flags::ACTIVE),
        };
        let place = match seen {
            Some(_) => Some(self.threads.known(event.tid, &mut self.losses)),
            None => self.threads.place(event.tid),
        };
        self.present.thread = place;
        let Some(slot) = place else { return };
        self.threads.kept = slot;
        let Some(thread) = self.threads.get_mut(slot) else { return };
        if kind == kinds::SCHEDSWITCH_6_E {
            return;
        }
        thread.flags |= seen.unwrap_or(0);
        let uses = event.info().flags.has(EventFlags::USES_FD);
        if kind.is_enter() {
            thread.last_fd = -1;
            thread.entered = kind;
            if uses {
                let fd = event.params.int(handlers::descriptor_at_entry(kind)).unwrap_or(-1);
                thread.last_fd = fd;
                self.point_at(slot, fd);
            }
            return;
        }
        thread.entry_fits =
            kind.0.checked_sub(1) == Some(thread.entered.0) || (kind == kinds::EXECVE_19_X && thread.entered == kinds::EXECVEAT_E);
        if !thread.entry_fits {
            thread.last_fd = -1;
        }
        if !uses {
            return;
        }
        if thread.last_fd == -1
            && let Some(fd) = handlers::descriptor_at_exit(kind).and_then(|at| event.params.int(at))
        {
            thread.last_fd = fd;
        }
        let fd = thread.last_fd;
        self.point_at(slot, fd);
    }
}

/// A text; where there is none, what stands for one that could not be read, as old captures have it in words of their own.
fn text<'a>(params: &Params<'a>, at: usize) -> &'a [u8] {
    match params.text(at) {
        None | Some(b"(NULL)") => open::UNREAD,
        Some(text) => text,
    }
}

/// What a system call returned; 0 if the event does not say.
fn result(event: &Event<'_>) -> i64 {
    event.params.int(0).unwrap_or(0)
}
