//! The values that rules write down, read into the type that they are compared with.
//!
//! Rules and messages are those of falcosecurity/libs, `userspace/libsinsp/value_parser.cpp`.

use super::{Constant, Glob, Literal, Pattern};
use crate::IpNet;
use crate::condition::Operator;
use crate::services;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use plimsoll_model::events::ParamType;

/// How long a value may be, in bytes. Upstream keeps values in buffers of 256 bytes, with an end mark.
const LONGEST: usize = 255;

/// Reads a value of a type.
pub(super) fn read(operator: Operator, kind: ParamType, raw: bool, text: &[u8]) -> Result<Constant, String> {
    let value = match operator {
        Operator::BContains | Operator::BStartsWith => Literal::Bytes(
            hexadecimal(text).ok_or("filter error: bcontains and bstartswith operator support hex strings only")?.into_boxed_slice(),
        ),
        _ => literal(kind, raw, text)?,
    };
    let value = match (operator, value) {
        (Operator::Regex, Literal::Text) => {
            Literal::Pattern(Pattern::new(text).map_err(|error| format!("invalid regex pattern: {error}"))?)
        }
        (Operator::Glob, Literal::Text) => Literal::Glob(Glob::new(text, false)),
        (Operator::IGlob, Literal::Text) => Literal::Glob(Glob::new(text, true)),
        (_, value) => value,
    };
    Ok(Constant { text: text.into(), value })
}

/// Reads text as a type says. `raw`: of a parameter (`evt.rawarg`), where bytes cannot be written down.
fn literal(kind: ParamType, raw: bool, text: &[u8]) -> Result<Literal, String> {
    use ParamType as P;
    if kind == P::ByteBuf && !raw {
        return if text.len() > LONGEST { Err("filter parameter too long (byte buf)".into()) } else { Ok(Literal::Bytes(text.into())) };
    }
    if text.contains(&0) {
        return Err("filter error: filter value cannot contain a NUL byte (\\x00)".into());
    }
    let shown = String::from_utf8_lossy(text);
    Ok(match kind {
        P::Int8 => Literal::Int(i64::from(truncated(signed(text)?) as i8)),
        P::Int16 => Literal::Int(i64::from(truncated(signed(text)?) as i16)),
        P::Int32 => Literal::Int(i64::from(truncated(signed(text)?))),
        P::Int64 | P::Fd | P::Errno | P::Pid => Literal::Int(signed(text)?),
        P::Double => Literal::Double(f64::from(truncated(signed(text)?))),
        P::UInt8 | P::Flags8 | P::EnumFlags8 | P::L4Proto => Literal::Uint(unsigned(text)? & 0xff),
        P::UInt16 | P::Flags16 | P::EnumFlags16 => Literal::Uint(unsigned(text)? & 0xffff),
        P::UInt32 | P::Flags32 | P::EnumFlags32 | P::Mode | P::Uid | P::Gid => Literal::Uint(unsigned(text)? & 0xffff_ffff),
        P::UInt64 | P::RelTime | P::AbsTime => Literal::Uint(unsigned(text)?),
        P::Port => Literal::Uint(u64::from(port(text).ok_or_else(|| format!("unrecognized protocol {shown}"))?)),
        P::CharBuf | P::FsPath | P::FsRelPath | P::SockAddr | P::SockTuple | P::SockFamily => {
            if text.len() > LONGEST {
                return Err(format!("filter parameter too long (used={}, available={}):{shown}", text.len() + 1, LONGEST + 1));
            }
            Literal::Text
        }
        P::Bool => match text {
            b"true" => Literal::Bool(true),
            b"false" => Literal::Bool(false),
            _ => return Err(format!("filter error: unrecognized boolean value {shown}")),
        },
        P::IpAddr if text.contains(&b'.') => Literal::Ip(v4(&shown)?),
        P::Ipv4Addr => Literal::Ip(v4(&shown)?),
        P::IpAddr | P::Ipv6Addr => Literal::Ip(v6(&shown, &shown)?),
        P::IpNet if text.contains(&b'.') => Literal::Net(v4_net(&shown)?),
        P::Ipv4Net => Literal::Net(v4_net(&shown)?),
        P::IpNet | P::Ipv6Net => Literal::Net(v6_net(&shown)?),
        kind => return Err(format!("wrong parameter type {}", kind as u8)),
    })
}

/// The lower 32 bits: upstream reads all smaller numbers as one of those.
fn truncated(number: i64) -> i32 {
    number as i32
}

/// A sign and digits, as `scanf` reads them; with blanks before them, not behind.
fn digits(text: &[u8]) -> Result<(bool, Option<u64>), String> {
    let bare = text.trim_ascii_start();
    let (negative, bare) = match bare.split_first() {
        Some((b'-', bare)) => (true, bare),
        Some((b'+', bare)) => (false, bare),
        _ => (false, bare),
    };
    if bare.is_empty() || !bare.iter().all(u8::is_ascii_digit) {
        return Err(format!("{} is not a valid number", String::from_utf8_lossy(text)));
    }
    let number = bare.iter().try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    Ok((negative, number))
}

/// A number without a sign. What is too large becomes the largest; a negative one is counted down from the largest.
fn unsigned(text: &[u8]) -> Result<u64, String> {
    let (negative, number) = digits(text)?;
    Ok(match number {
        Some(number) if negative => number.wrapping_neg(),
        Some(number) => number,
        None => u64::MAX,
    })
}

/// A number with a sign; what is out of its range becomes the nearest that is not.
fn signed(text: &[u8]) -> Result<i64, String> {
    let (negative, number) = digits(text)?;
    Ok(match number.map(|number| if negative { 0_i64.checked_sub_unsigned(number) } else { i64::try_from(number).ok() }) {
        Some(Some(number)) => number,
        _ if negative => i64::MIN,
        _ => i64::MAX,
    })
}

/// A port by number or by the name of its service; no text is port 0.
fn port(text: &[u8]) -> Option<u16> {
    if text.iter().all(u8::is_ascii_digit) {
        let number = text.iter().try_fold(0_u32, |number, digit| number.checked_mul(10)?.checked_add(u32::from(digit - b'0')))?;
        return Some((number & 0xffff) as u16);
    }
    services::port(std::str::from_utf8(text).ok()?)
}

fn v4(text: &str) -> Result<IpAddr, String> {
    text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| format!("unrecognized IPv4 address {text}"))
}

fn v6(address: &str, text: &str) -> Result<IpAddr, String> {
    address.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| format!("unrecognized IPv6 address {text}"))
}

fn v4_net(text: &str) -> Result<IpNet, String> {
    let (address, mask) = text.split_once('/').ok_or_else(|| format!("unrecognized IP network {text}"))?;
    let address = address.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| format!("unrecognized IP address {text}"))?;
    let prefix = (unsigned(mask.as_bytes())? & 0xff) as u8;
    if prefix > 32 { Err(format!("invalid netmask {mask}")) } else { Ok(IpNet { address, prefix }) }
}

fn v6_net(text: &str) -> Result<IpNet, String> {
    let (address, mask) = text.split_once('/').ok_or_else(|| format!("invalid v6 netmask: {text}"))?;
    let address = v6(address, text)?;
    let prefix = (unsigned(mask.as_bytes())? & 0xff) as u8;
    if prefix == 0 || prefix > 128 { Err(format!("invalid v6 netmask {mask}")) } else { Ok(IpNet { address, prefix }) }
}

/// Bytes written as pairs of hexadecimal digits.
fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8)).collect()
}
