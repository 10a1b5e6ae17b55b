//! Addresses of sockets: as events hold them, and as names show them.

use super::descriptor::protocol;
use super::{Descriptor, DescriptorType, Endpoint};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::io::Write;

/// Families of sockets, as the first byte of an address in an event.
const UNIX: u8 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;

/// One address of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// IPv4 or IPv6.
    Inet(Endpoint),
    /// A path.
    Unix(&'a [u8]),
    /// Of a family that is not told apart.
    Other(u8),
}

/// Both addresses of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuple<'a> {
    /// IPv4 or IPv6: from, to.
    Inet(Endpoint, Endpoint),
    /// Both ends in kernel memory, and a path.
    Unix(u64, u64, &'a [u8]),
    /// Of a family that is not told apart.
    Other(u8),
}

impl<'a> Address<'a> {
    /// From a parameter; `None` where it is empty or too short.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&family, rest) = bytes.split_first()?;
        Some(match family {
            INET | INET6 => Self::Inet(endpoint(family, rest)?.0),
            UNIX => Self::Unix(text(rest)?),
            other => Self::Other(other),
        })
    }

    /// As it is printed.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // Writing into memory does not fail.
        let _ = match self {
            Self::Inet(end) => write!(out, "{}:{}", Display(end.address), end.port),
            Self::Unix(path) => out.write_all(path),
            Self::Other(family) => write!(out, "family {family}"),
        };
    }
}

impl<'a> Tuple<'a> {
    /// From a parameter; `None` where it is empty or too short.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&family, rest) = bytes.split_first()?;
        Some(match family {
            INET | INET6 => {
                let (from, rest) = endpoint(family, rest)?;
                Self::Inet(from, endpoint(family, rest)?.0)
            }
            UNIX => {
                let (from, rest) = rest.split_first_chunk()?;
                let (to, rest) = rest.split_first_chunk()?;
                Self::Unix(u64::from_le_bytes(*from), u64::from_le_bytes(*to), text(rest)?)
            }
            other => Self::Other(other),
        })
    }

    /// As it is printed.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // Writing into memory does not fail.
        let _ = match self {
            Self::Inet(from, to) => {
                let (from_address, to_address) = match (unmapped(from.address), unmapped(to.address)) {
                    (Some(from), Some(to)) => (from, to),
                    _ => (from.address, to.address),
                };
                write!(out, "{}:{}->{}:{}", Display(from_address), from.port, Display(to_address), to.port)
            }
            Self::Unix(from, to, path) => write!(out, "{from:x}->{to:x} ").and_then(|()| out.write_all(path)),
            Self::Other(family) => write!(out, "family {family}"),
        };
    }
}

fn endpoint(family: u8, bytes: &[u8]) -> Option<(Endpoint, &[u8])> {
    let (address, rest) = if family == INET {
        let (address, rest) = bytes.split_first_chunk::<4>()?;
        (IpAddr::V4(Ipv4Addr::from(*address)), rest)
    } else {
        let (address, rest) = bytes.split_first_chunk::<16>()?;
        (IpAddr::V6(Ipv6Addr::from(*address)), rest)
    };
    let (port, rest) = rest.split_first_chunk()?;
    Some((Endpoint { address, port: u16::from_le_bytes(*port) }, rest))
}

/// A path up to its end mark, which has to be there.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    bytes.last().filter(|last| **last == 0)?;
    bytes.split(|byte| *byte == 0).next()
}

/// The IPv4 address that an IPv6 address stands for: one behind `::ffff:`, and `::`.
pub(super) fn unmapped(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(address) if address.is_unspecified() => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(address) => address.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    }
}

/// The name of a connection, from the ends and the protocol of its socket.
pub(super) fn write_tuple(out: &mut Vec<u8>, socket: &Descriptor) {
    let (Some(from), Some(to)) = (socket.source, socket.destination) else { return };
    // Writing into memory does not fail.
    let _ = match socket.protocol {
        _ if socket.from_start => write!(out, "{}:{}->{}:{}", Display(from.address), from.port, Display(to.address), to.port),
        protocol::TCP | protocol::UDP => {
            Tuple::Inet(from, to).write(out);
            Ok(())
        }
        protocol::ICMP => write!(out, "{}->{}", Display(from.address), Display(to.address)),
        protocol::RAW if socket.kind == DescriptorType::Ipv4 => write!(out, "{}->{}", Display(from.address), Display(to.address)),
        _ => out.write_all(b"<unknown>"),
    };
}

/// An address as the C library prints it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Display(pub(crate) IpAddr);

impl fmt::Display for Display {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(out),
            // An IPv4 address behind zeros is printed as one, unless it is very small.
            IpAddr::V6(address) => match address.segments() {
                [0, 0, 0, 0, 0, 0, high, low] if high != 0 => write!(out, "::{}", Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
                _ => address.fmt(out),
            },
        }
    }
}
