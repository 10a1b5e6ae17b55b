//! What a field says of one event.

use core::net::IpAddr;

/// One value, borrowed from the event, from the state or from the arena of this event.
///
/// How it compares and how it is printed follows from the type of its field ([`plimsoll_model::events::ParamType`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number that may be negative.
    Int(i64),
    /// A number that may not.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// A text or path, without an end mark. The kernel knows no encoding.
    Text(&'a [u8]),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// An address.
    Ip(IpAddr),
    /// A network.
    Net(IpNet),
}

/// An address range: all addresses that share the first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpNet {
    /// An address in it.
    pub address: IpAddr,
    /// How many bits are shared.
    pub prefix: u8,
}
