//! What a capture says of the machine before its first event.

use core::net::IpAddr;

/// The machine that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// How many processors it has.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// The highest process id, plus one.
    pub max_pid: u64,
    /// Its name; empty where it is not known.
    pub hostname: String,
    /// When it started: nanoseconds since 1970; 0 where it is not known.
    pub boot_time: u64,
    /// What else the writer noted, as it stands in the file.
    pub flags: u64,
}

/// A thread that ran already when the recording started. Texts are bytes: the kernel knows no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The thread.
    pub tid: i64,
    /// The process: the thread group leader.
    pub pid: i64,
    /// The parent's thread.
    pub ptid: i64,
    /// The session.
    pub sid: i64,
    /// The process group as its own pid namespace numbers it.
    pub vpgid: i64,
    /// The process group as the host numbers it; -1 where the writer did not say.
    pub pgid: i64,
    /// The thread as its own pid namespace numbers it; -1 where the writer did not say.
    pub vtid: i64,
    /// The process, likewise.
    pub vpid: i64,
    /// `comm`: at most 15 bytes.
    pub comm: Vec<u8>,
    /// The first argument.
    pub exe: Vec<u8>,
    /// The file that is run.
    pub exepath: Vec<u8>,
    /// The other arguments, each with a zero byte behind it.
    pub args: Vec<u8>,
    /// Environment, each with a zero byte behind it.
    pub env: Vec<u8>,
    /// `subsystem=path`, each with a zero byte behind it.
    pub cgroups: Vec<u8>,
    /// The working directory.
    pub cwd: Vec<u8>,
    /// The root directory.
    pub root: Vec<u8>,
    /// The most descriptors that it may have open; -1 where the writer did not say.
    pub fdlimit: i64,
    /// Bits of `clone_flags`.
    pub flags: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The user that logged in; `u32::MAX` is nobody.
    pub loginuid: u32,
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
    /// When the first process of its pid namespace started: nanoseconds; 0 where the writer did not say.
    pub pidns_init_start: u64,
    /// When the process started: nanoseconds since 1970; 0 where the writer did not say.
    pub start: u64,
    /// Number of the controlling terminal; 0 is none.
    pub tty: u32,
    /// Inheritable capabilities as bits.
    pub cap_inheritable: u64,
    /// Permitted capabilities.
    pub cap_permitted: u64,
    /// Effective capabilities.
    pub cap_effective: u64,
    /// Whether its user may write the file that it runs.
    pub exe_writable: bool,
    /// Whether that file lies in the upper layer of an overlay: it was written after the container started.
    pub exe_upper_layer: bool,
    /// Whether it lies in a lower layer of an overlay.
    pub exe_lower_layer: bool,
    /// Whether it has no file but memory (`memfd_create`).
    pub exe_from_memfd: bool,
    /// The inode of that file.
    pub exe_ino: u64,
    /// When the inode changed: nanoseconds since 1970.
    pub exe_ino_ctime: u64,
    /// When the content changed: nanoseconds since 1970.
    pub exe_ino_mtime: u64,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            tid: -1,
            pid: -1,
            ptid: -1,
            sid: -1,
            vpgid: -1,
            pgid: -1,
            vtid: -1,
            vpid: -1,
            comm: Vec::new(),
            exe: Vec::new(),
            exepath: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            cgroups: Vec::new(),
            cwd: Vec::new(),
            root: Vec::new(),
            fdlimit: -1,
            flags: 0,
            uid: 0,
            gid: 0,
            loginuid: u32::MAX,
            vmsize_kb: 0,
            vmrss_kb: 0,
            vmswap_kb: 0,
            pfmajor: 0,
            pfminor: 0,
            pidns_init_start: 0,
            start: 0,
            tty: 0,
            cap_inheritable: 0,
            cap_permitted: 0,
            cap_effective: 0,
            exe_writable: false,
            exe_upper_layer: false,
            exe_lower_layer: false,
            exe_from_memfd: false,
            exe_ino: 0,
            exe_ino_ctime: 0,
            exe_ino_mtime: 0,
        }
    }
}

/// A descriptor that was open already when the recording started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub fd: i64,
    /// The inode.
    pub ino: u64,
    /// What it is.
    pub kind: DescriptorKind,
}

/// What a descriptor stands for. The numbers in capture files are those of `scap_fd_type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescriptorKind {
    /// A file or a directory.
    File {
        /// Path.
        name: Vec<u8>,
        /// Bits of `file_flags`.
        flags: u32,
        /// Device.
        dev: u32,
        /// Whether it is a directory.
        directory: bool,
    },
    /// A connected socket.
    Inet {
        /// The side that connected.
        client: (IpAddr, u16),
        /// The side that was connected to.
        server: (IpAddr, u16),
        /// The protocol, as `scap_l4_proto` numbers it.
        l4proto: u8,
    },
    /// A listening socket.
    Server {
        /// Where it listens.
        address: (IpAddr, u16),
        /// The protocol, likewise.
        l4proto: u8,
    },
    /// A UNIX socket.
    Unix {
        /// Address of one end in kernel memory.
        source: u64,
        /// Address of the other end.
        destination: u64,
        /// Its path.
        name: Vec<u8>,
    },
    /// Anything else that has no more than a name: pipe, event, signal, epoll, inotify, timer, netlink, bpf, userfaultfd, io_uring…
    Other {
        /// `scap_fd_type`.
        code: u8,
        /// What the kernel calls it.
        name: Vec<u8>,
    },
}

/// A user of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// Number.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Name.
    pub name: Vec<u8>,
    /// Home directory.
    pub home: Vec<u8>,
    /// Shell.
    pub shell: Vec<u8>,
}

/// A group of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Number.
    pub gid: u32,
    /// Name.
    pub name: Vec<u8>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name.
    pub name: Vec<u8>,
    /// Its address.
    pub address: IpAddr,
    /// Its network mask.
    pub mask: IpAddr,
    /// Its broadcast address; all zero if there is none.
    pub broadcast: IpAddr,
    /// The speed of the link as the recording has it; 0 if it is not known.
    pub speed: u64,
}

/// One thing that was there before the first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The machine.
    Machine(Machine),
    /// A network interface.
    Interface(Interface),
    /// A user.
    User(User),
    /// A group.
    Group(Group),
    /// A thread that ran.
    Process(Box<Process>),
    /// A descriptor that was open.
    Descriptor {
        /// The thread that had it open.
        tid: i64,
        /// What it is.
        descriptor: Descriptor,
    },
}
