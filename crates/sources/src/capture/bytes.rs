//! Little-endian values out of bytes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is left of some bytes. Every step gives nothing if there is not enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// Bytes with their length, in 16 bits, before them.
    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// Likewise, up to the first zero byte.
    pub(super) fn text(&mut self) -> Option<Vec<u8>> {
        let bytes = self.short()?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.get(..end).map(<[u8]>::to_vec)
    }

    /// Addresses stand in the order in which the network sends them.
    pub(super) fn ipv4(&mut self) -> Option<IpAddr> {
        self.array::<4>().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)))
    }

    pub(super) fn ipv6(&mut self) -> Option<IpAddr> {
        self.array::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
    }
}
