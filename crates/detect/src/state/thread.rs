//! A thread.

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
    /// The thread that started its process, or took it over.
    pub ptid: i64,
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
}
