//! A thread.

use super::descriptor_table::DescriptorTable;
use super::flags;
use plimsoll_model::events::EventType;
use std::sync::Arc;

/// Bytes that threads share: a new thread starts as its parent.
pub type Bytes = Arc<[u8]>;

/// One thread, with what is known of its process. Ids are -1 where they are not known.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Its id.
    pub tid: i64,
    /// Its process: the leader's id.
    pub pid: i64,
    /// The thread that started its process, as an event told; [`State::ptid`](super::State::ptid) says who took it over since.
    pub(super) ptid: i64,
    /// Its session.
    pub sid: i64,
    /// Its process group, as its own pid namespace numbers it.
    pub vpgid: i64,
    /// Its process group, as the host numbers it.
    pub pgid: i64,
    /// Its id in its own pid namespace.
    pub vtid: i64,
    /// Its process in its own pid namespace.
    pub vpid: i64,
    /// Bits of `clone_flags`.
    pub flags: u32,
    /// `comm`: at most 15 bytes.
    pub comm: Bytes,
    /// The first argument.
    pub exe: Bytes,
    /// The file that is run.
    pub exepath: Bytes,
    /// The arguments after the first, each with a zero byte behind it.
    pub args: Bytes,
    /// Environment, likewise.
    pub env: Bytes,
    /// `subsystem=path`, likewise.
    pub cgroups: Bytes,
    /// The working directory, with a slash at its end.
    pub cwd: Bytes,
    /// The root directory.
    pub root: Bytes,
    /// The most descriptors that it may have open.
    pub fdlimit: i64,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The user that logged in; `u32::MAX` is nobody.
    pub loginuid: u32,
    /// Permitted capabilities as bits.
    pub cap_permitted: u64,
    /// Effective capabilities.
    pub cap_effective: u64,
    /// Inheritable capabilities.
    pub cap_inheritable: u64,
    /// Whether its user may write the file that it runs.
    pub exe_writable: bool,
    /// Whether that file lies in the upper layer of an overlay.
    pub exe_upper_layer: bool,
    /// Whether it lies in a lower layer.
    pub exe_lower_layer: bool,
    /// Whether it is memory (`memfd_create`).
    pub exe_from_memfd: bool,
    /// The inode of that file.
    pub exe_ino: u64,
    /// When the inode changed: nanoseconds since 1970.
    pub exe_ino_ctime: u64,
    /// When the content changed.
    pub exe_ino_mtime: u64,
    /// Nanoseconds from that change to the start of the process.
    pub exe_ino_ctime_duration_clone: u64,
    /// Nanoseconds from the start of the pid namespace to that change.
    pub exe_ino_ctime_duration_pidns_start: u64,
    /// Virtual memory in KiB.
    pub vmsize_kb: u32,
    /// Resident memory in KiB.
    pub vmrss_kb: u32,
    /// Swapped memory in KiB.
    pub vmswap_kb: u32,
    /// Major page faults.
    pub pfmajor: u64,
    /// Minor page faults.
    pub pfminor: u64,
    /// When the first process of its pid namespace started: nanoseconds since 1970.
    pub pidns_init_start: u64,
    /// The number of the controlling terminal; 0 is none.
    pub tty: u32,
    /// When it was made: nanoseconds since 1970.
    pub clone_time: u64,
    /// When it last executed a file.
    pub exec_time: u64,
    /// When its last event was made.
    pub last_event: u64,
    /// The event before that.
    pub previous_event: u64,
    /// The descriptor of its last event; -1 for none.
    pub last_fd: i64,
    /// The container that it runs in, where its control groups tell; empty on the host.
    pub container: Bytes,
    /// Whether it has exited but is still needed for what it left behind.
    pub dead: bool,
    /// Its descriptors; the threads of a process use those of its leader.
    pub(super) table: DescriptorTable,
    /// The bytes of its texts, as they were counted last.
    pub(super) weight: usize,
    /// Whether it stands in its thread group.
    pub(super) grouped: bool,
    /// Its neighbours in the group.
    pub(super) in_group: Links,
    /// The family that it is a child in.
    pub(super) family: Slot,
    /// The family that it is the parent of.
    pub(super) children: Slot,
    /// Who takes its children over, as the kernel says; -1 where it does not.
    pub(super) reaper: i64,
    /// The last entry of a system call.
    pub(super) entered: EventType,
    /// Whether that entry belongs to the present exit.
    pub(super) entry_fits: bool,
}

/// A place in the table of threads.
pub(super) type Slot = u32;

/// No place.
pub(super) const NOWHERE: Slot = Slot::MAX;

/// Neighbours in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    pub(super) previous: Slot,
    pub(super) next: Slot,
}

impl Links {
    pub(super) const NONE: Self = Self { previous: NOWHERE, next: NOWHERE };
}

impl Default for Thread {
    /// A thread of which nothing is known.
    fn default() -> Self {
        let none = Bytes::default();
        Self {
            tid: -1,
            pid: -1,
            ptid: -1,
            sid: -1,
            vpgid: -1,
            pgid: -1,
            vtid: -1,
            vpid: -1,
            flags: flags::NAME_CHANGED,
            comm: none.clone(),
            exe: none.clone(),
            exepath: none.clone(),
            args: none.clone(),
            env: none.clone(),
            cgroups: none.clone(),
            cwd: none.clone(),
            root: none.clone(),
            fdlimit: -1,
            uid: u32::MAX,
            gid: u32::MAX,
            loginuid: u32::MAX,
            cap_permitted: 0,
            cap_effective: 0,
            cap_inheritable: 0,
            exe_writable: false,
            exe_upper_layer: false,
            exe_lower_layer: false,
            exe_from_memfd: false,
            exe_ino: 0,
            exe_ino_ctime: 0,
            exe_ino_mtime: 0,
            exe_ino_ctime_duration_clone: 0,
            exe_ino_ctime_duration_pidns_start: 0,
            vmsize_kb: 0,
            vmrss_kb: 0,
            vmswap_kb: 0,
            pfmajor: 0,
            pfminor: 0,
            pidns_init_start: 0,
            tty: 0,
            clone_time: 0,
            exec_time: 0,
            last_event: 0,
            previous_event: 0,
            last_fd: 0,
            container: none,
            dead: false,
            table: DescriptorTable::default(),
            weight: 0,
            grouped: false,
            in_group: Links::NONE,
            family: NOWHERE,
            children: NOWHERE,
            reaper: -1,
            entered: EventType(u16::MAX),
            entry_fits: false,
        }
    }
}

impl Thread {
    /// Whether it leads its thread group: what belongs to the process is kept with it.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.tid == self.pid || self.flags & flags::MAIN_THREAD != 0
    }

    /// Whether nothing is known of it but its id: its start was missed.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.tid < 0 || self.pid < 0 || self.ptid < 0
    }

    /// Whether it lives in a pid namespace of its own.
    #[must_use]
    pub fn in_pid_namespace(&self) -> bool {
        self.flags & flags::CHILD_IN_PIDNS != 0 || (self.tid != self.vtid && self.vtid >= 0)
    }

    /// How many bytes its texts have. Those that it shares with others count, too.
    pub(super) fn texts(&self) -> usize {
        let texts = [&self.comm, &self.exe, &self.exepath, &self.args, &self.env, &self.cgroups, &self.cwd, &self.root, &self.container];
        texts.iter().map(|text| text.len()).sum()
    }

    /// A stand-in for a thread whose start was missed.
    pub(super) fn placeholder(tid: i64) -> Self {
        let unknown = Bytes::from(&b"<NA>"[..]);
        Self { tid, comm: unknown.clone(), exe: unknown, ..Self::default() }
    }

    /// What a new thread has of the one that it is a copy of, beside what its event says.
    pub(super) fn copy_of(other: &Self) -> Self {
        Self {
            exepath: other.exepath.clone(),
            exe_writable: other.exe_writable,
            exe_upper_layer: other.exe_upper_layer,
            exe_lower_layer: other.exe_lower_layer,
            exe_from_memfd: other.exe_from_memfd,
            root: other.root.clone(),
            sid: other.sid,
            vpgid: other.vpgid,
            pgid: other.pgid,
            tty: other.tty,
            loginuid: other.loginuid,
            cap_permitted: other.cap_permitted,
            cap_inheritable: other.cap_inheritable,
            cap_effective: other.cap_effective,
            exe_ino: other.exe_ino,
            exe_ino_ctime: other.exe_ino_ctime,
            exe_ino_mtime: other.exe_ino_mtime,
            exe_ino_ctime_duration_clone: other.exe_ino_ctime_duration_clone,
            ..Self::default()
        }
    }

    /// Sets the file that it runs. What the kernel adds to the path of a file that is gone does not belong to it.
    pub(super) fn set_exepath(&mut self, path: &[u8]) {
        let path = path.strip_suffix(b" (deleted)").filter(|rest| !rest.is_empty()).unwrap_or(path);
        set(&mut self.exepath, path);
    }

    /// Sets its control groups, with the names of controllers as `/proc` has them. Without a `=` in each, none is taken.
    pub(super) fn set_cgroups(&mut self, list: &[u8]) {
        let mut named = Vec::with_capacity(list.len() + 8);
        for item in items(list) {
            let Some(at) = memchr::memchr(b'=', item) else { return };
            let (controller, path) = item.split_at(at);
            let name = match memchr::memmem::find(controller, b"_cgroup") {
                Some(at) => [controller.get(..at).unwrap_or_default(), controller.get(at + 7..).unwrap_or_default()].concat(),
                None => controller.to_vec(),
            };
            named.extend_from_slice(match &*name {
                b"perf" => b"perf_event",
                b"mem" => b"memory",
                b"io" => b"blkio",
                other => other,
            });
            named.extend_from_slice(path);
            named.push(0);
        }
        set(&mut self.cgroups, &named);
    }
}

/// Sets a text, and keeps the old memory if it says the same.
pub(super) fn set(text: &mut Bytes, bytes: &[u8]) {
    if **text != *bytes {
        *text = Bytes::from(bytes);
    }
}

/// The items of a list in which each has a zero byte behind it; the last one may lack it. An empty list has none.
pub fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let list = list.strip_suffix(b"\0").unwrap_or(list);
    let none = if list.is_empty() { 0 } else { usize::MAX };
    list.split(|byte| *byte == 0).take(none)
}
