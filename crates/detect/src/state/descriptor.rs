//! An open descriptor.

use super::{Bytes, flags};
use core::net::IpAddr;

/// What a descriptor is (`scap_fd_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DescriptorType {
    /// Noted, but no event said anything of it.
    #[default]
    Untold,
    /// Of a kind that is not known.
    Unknown,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// An IPv4 socket.
    Ipv4,
    /// An IPv6 socket.
    Ipv6,
    /// A listening IPv4 socket.
    Ipv4Server,
    /// A listening IPv6 socket.
    Ipv6Server,
    /// A pipe.
    Fifo,
    /// A UNIX socket.
    Unix,
    /// `eventfd`.
    Event,
    /// A kind that is not told apart.
    Unsupported,
    /// `signalfd`.
    Signal,
    /// `epoll_create`.
    EventPoll,
    /// `inotify_init`.
    Inotify,
    /// `timerfd_create`.
    Timer,
    /// A netlink socket.
    Netlink,
    /// `bpf`.
    Bpf,
    /// `userfaultfd`.
    UserFault,
    /// `io_uring_setup`.
    IoUring,
    /// `memfd_create`.
    Memory,
    /// `pidfd_open`.
    Pid,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// Which side of a connection a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// Not known.
    #[default]
    None,
    /// It connected.
    Client,
    /// It was connected to.
    Server,
}

/// How far a socket's connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SocketState {
    /// Nobody asked for one.
    #[default]
    None,
    /// It is there.
    Connected,
    /// It is on its way.
    Pending,
    /// It failed.
    Failed,
}

/// One open descriptor.
#[derive(Debug, Clone, Default)]
pub struct Descriptor {
    /// Its number.
    pub fd: i64,
    /// What it is.
    pub kind: DescriptorType,
    /// Full path of a file; `1.2.3.4:5->6.7.8.9:10` of a socket; what the kernel calls anything else.
    pub name: Bytes,
    /// The path as the process wrote it.
    pub raw_name: Bytes,
    /// Bits of `file_flags` (or those of the call that made it).
    pub open_flags: u32,
    /// The side that connected, of sockets with an address.
    pub source: Option<Endpoint>,
    /// The other side; of a listening socket where it listens.
    pub destination: Option<Endpoint>,
    /// The protocol of a socket: its number in IP (6 is TCP, 17 UDP, 1 ICMP); 0 where it is not known.
    pub protocol: u8,
    /// For UNIX sockets: the addresses of both ends in kernel memory.
    pub unix: Option<(u64, u64)>,
    /// Which side it is.
    pub role: Role,
    /// How far its connection has come.
    pub socket: SocketState,
    /// Whether it was there before the first event.
    pub from_start: bool,
    /// Whether it is one end of a `socketpair` that is used like a pipe.
    pub socket_pipe: bool,
    /// Whether the file lies in the upper layer of an overlay.
    pub overlay_upper: bool,
    /// Whether it lies in a lower layer.
    pub overlay_lower: bool,
    /// Device.
    pub dev: u32,
    /// Inode.
    pub ino: u64,
    /// The process, for descriptors that stand for one.
    pub pid: i64,
}

impl Descriptor {
    /// A descriptor that is no more than of a kind yet.
    pub(super) fn new(kind: DescriptorType) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.kind == DescriptorType::Ipv4 && self.protocol == protocol::TCP
    }

    pub(super) fn is_udp(&self) -> bool {
        self.kind == DescriptorType::Ipv4 && self.protocol == protocol::UDP
    }

    /// Whether it is a connection with addresses.
    pub(super) fn is_connection(&self) -> bool {
        matches!(self.kind, DescriptorType::Ipv4 | DescriptorType::Ipv6)
    }

    /// Whether executing a file closes it.
    pub(super) fn closes_on_exec(&self) -> bool {
        self.open_flags & flags::O_CLOEXEC != 0
            || (matches!(self.kind, DescriptorType::EventPoll | DescriptorType::Memory) && self.open_flags & flags::SHORT_CLOEXEC != 0)
    }

    pub(super) fn set_close_on_exec(&mut self, close: bool) {
        self.open_flags &= !(flags::O_CLOEXEC | flags::SHORT_CLOEXEC);
        if close {
            self.open_flags |= flags::O_CLOEXEC;
        }
    }

    /// Exchanges both ends of a connection.
    pub(super) fn swap_ends(&mut self) {
        std::mem::swap(&mut self.source, &mut self.destination);
    }
}

/// Numbers of protocols in IP.
pub(super) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    /// Packets are made and read whole.
    pub(crate) const RAW: u8 = 255;

    /// From `scap_l4_proto`.
    pub(crate) fn of_capture(number: u8) -> u8 {
        match number {
            2 => TCP,
            3 => UDP,
            4 => ICMP,
            5 => RAW,
            _ => 0,
        }
    }

    /// The opposite.
    pub(crate) fn to_capture(number: u8) -> u8 {
        (1..=5).find(|code| of_capture(*code) == number).unwrap_or(1)
    }
}
