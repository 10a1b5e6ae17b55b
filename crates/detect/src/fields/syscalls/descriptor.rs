//! What a descriptor is, in the words that fields and texts use.

use super::Context;
use crate::state::{Descriptor, DescriptorType, Role};
use core::net::IpAddr;
use plimsoll_model::events::EventFlags;

/// The protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// None: packets are made and read whole.
    Raw,
}

impl Transport {
    /// As fields call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Raw => "raw",
        }
    }

    /// As it stands beside the letter of a descriptor (`<4t>`).
    pub(super) fn letter(self) -> u8 {
        match self {
            Self::Tcp => b't',
            Self::Udp => b'u',
            Self::Icmp => b'i',
            Self::Raw => b'r',
        }
    }
}

/// The protocol of a socket with an address. Of a connection it counts only once it is known who connected; a raw socket has no sides.
pub(super) fn transport(descriptor: &Descriptor) -> Option<Transport> {
    let protocol = match descriptor.protocol {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        1 | 58 => Transport::Icmp,
        255 => Transport::Raw,
        _ => return None,
    };
    match descriptor.kind {
        DescriptorType::Ipv4 | DescriptorType::Ipv6 if descriptor.role == Role::None && protocol != Transport::Raw => None,
        kind if is_inet(kind) => Some(protocol),
        _ => None,
    }
}

/// Whether it is a socket with an address.
pub(super) fn is_inet(kind: DescriptorType) -> bool {
    is_connection(kind) || is_server(kind)
}

/// Whether it is a socket that has two ends.
pub(super) fn is_connection(kind: DescriptorType) -> bool {
    matches!(kind, DescriptorType::Ipv4 | DescriptorType::Ipv6)
}

/// Whether it is a listening socket.
pub(super) fn is_server(kind: DescriptorType) -> bool {
    matches!(kind, DescriptorType::Ipv4Server | DescriptorType::Ipv6Server)
}

/// As `fd.type` calls it.
pub(super) fn word(kind: DescriptorType) -> &'static str {
    match kind {
        DescriptorType::File => "file",
        DescriptorType::Directory => "directory",
        DescriptorType::Ipv4 | DescriptorType::Ipv4Server => "ipv4",
        DescriptorType::Ipv6 | DescriptorType::Ipv6Server => "ipv6",
        DescriptorType::Unix => "unix",
        DescriptorType::Fifo => "pipe",
        DescriptorType::Event => "event",
        DescriptorType::Signal => "signalfd",
        DescriptorType::EventPoll => "eventpoll",
        DescriptorType::Inotify => "inotify",
        DescriptorType::Timer => "timerfd",
        DescriptorType::Netlink => "netlink",
        DescriptorType::Bpf => "bpf",
        DescriptorType::UserFault => "userfaultfd",
        DescriptorType::IoUring => "io_uring",
        DescriptorType::Memory => "memfd",
        DescriptorType::Pid => "pidfd",
        DescriptorType::Untold | DescriptorType::Unknown | DescriptorType::Unsupported => "<NA>",
    }
}

/// As `fd.typechar` calls it.
pub(super) fn letter(kind: DescriptorType) -> u8 {
    match kind {
        DescriptorType::File => b'f',
        DescriptorType::Directory => b'd',
        DescriptorType::Ipv4 | DescriptorType::Ipv4Server => b'4',
        DescriptorType::Ipv6 | DescriptorType::Ipv6Server => b'6',
        DescriptorType::Unix | DescriptorType::UserFault => b'u',
        DescriptorType::Fifo => b'p',
        DescriptorType::Event => b'e',
        DescriptorType::Signal => b's',
        DescriptorType::EventPoll => b'l',
        DescriptorType::Inotify => b'i',
        DescriptorType::Timer => b't',
        DescriptorType::Netlink => b'n',
        DescriptorType::Bpf => b'b',
        DescriptorType::IoUring => b'r',
        DescriptorType::Memory => b'm',
        DescriptorType::Pid => b'P',
        DescriptorType::Untold => b'?',
        DescriptorType::Unknown => b'o',
        DescriptorType::Unsupported => b'X',
    }
}

impl<'e> Context<'e> {
    /// Whether the event makes, uses or closes a descriptor and its thread is known: otherwise it has no `fd` fields.
    pub(super) fn is_about_descriptor(&self) -> bool {
        let flags = EventFlags::CREATES_FD | EventFlags::USES_FD | EventFlags::DESTROYS_FD;
        self.event.info().flags.has(flags) && self.thread().is_some()
    }

    /// The descriptor that the event is about, or else the one that its thread used last.
    pub(super) fn descriptor(&self) -> Option<&'e Descriptor> {
        if !self.is_about_descriptor() {
            return None;
        }
        self.state.current_descriptor().or_else(|| {
            let thread = self.thread()?;
            if thread.last_fd == -1 { None } else { self.state.descriptor(thread, thread.last_fd) }
        })
    }

    /// The working directory of the event's process, with a slash at its end. Threads are taken to share it, as those of every C library
    /// do; where the first of them is not known, it is `./`.
    pub(super) fn cwd(&self) -> Option<&'e [u8]> {
        let thread = self.thread()?;
        Some(self.state.leader(thread).map_or(b"./", |leader| &leader.cwd))
    }

    /// The path of an open directory, with a slash at its end.
    pub(super) fn directory(&self, fd: i64) -> Option<&'e [u8]> {
        let found = self.state.descriptor(self.thread()?, fd)?;
        Some(with_slash(self, &found.name))
    }

    /// Whether an address is one of the machine's own. IPv6 networks are taken to have 64 bits.
    pub(super) fn is_local(&self, address: IpAddr) -> bool {
        self.state.interfaces().iter().any(|interface| match (interface.address, address) {
            (IpAddr::V6(own), IpAddr::V6(address)) => own.octets().iter().take(8).eq(address.octets().iter().take(8)),
            (own, address) => own == address,
        })
    }
}

/// A path with a slash at its end; none stays none.
pub(super) fn with_slash<'e>(cx: &Context<'e>, path: &'e [u8]) -> &'e [u8] {
    if path.is_empty() || path.ends_with(b"/") {
        return path;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(path.len() + 1, cx.arena);
    out.extend_from_slice_copy(path);
    out.push(b'/');
    out.into_bump_slice()
}
