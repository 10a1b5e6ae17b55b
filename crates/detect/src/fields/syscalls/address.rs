//! Addresses as texts.

use core::net::IpAddr;
use std::fmt;

/// An address as the C library prints it.
pub(super) struct Address(pub(super) IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(out),
            // An IPv4 address behind zeros is printed as one, unless it is very small.
            IpAddr::V6(address) => match address.segments() {
                [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                    let [a, b] = high.to_be_bytes();
                    let [c, d] = low.to_be_bytes();
                    write!(out, "::{a}.{b}.{c}.{d}")
                }
                _ => address.fmt(out),
            },
        }
    }
}
