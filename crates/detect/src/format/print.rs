//! Values as text and as JSON, by the type of their field.
//!
//! The rules are those of falcosecurity/libs: `rawval_to_string` and `rawval_to_json` in `userspace/libsinsp/sinsp_filtercheck.cpp`.

use crate::Value;
use core::net::{IpAddr, Ipv6Addr};
use plimsoll_model::events::{Format, ParamType};
use serde_json::Value as Json;
use std::io::Write as _;

/// How many bytes of a buffer are printed, if it has more than one more: upstream prints into a buffer of 1024.
const LONGEST_BYTES: usize = 1021;

/// Prints a value; of bytes that are no text, those that are printable, and dots.
pub fn print(kind: ParamType, format: Format, value: &Value<'_>, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = match (kind, value) {
        (ParamType::IpNet | ParamType::Ipv4Net | ParamType::Ipv6Net, _) | (_, Value::Net(_)) => out.write_all(b"<IPNET>"),
        (_, Value::Int(number)) => signed(kind, format, *number, out),
        (_, Value::Uint(number)) => unsigned(format, *number, out),
        (_, Value::Double(number)) => write!(out, "{number:.1}"),
        (_, Value::Bool(yes)) => write!(out, "{yes}"),
        (ParamType::ByteBuf, Value::Text(bytes) | Value::Bytes(bytes)) | (_, Value::Bytes(bytes)) => {
            let shown = if bytes.len() > LONGEST_BYTES + 1 { LONGEST_BYTES } else { bytes.len() };
            out.extend(bytes.iter().take(shown).map(|byte| if matches!(byte, b' '..=b'~') { *byte } else { b'.' }));
            Ok(())
        }
        (_, Value::Text(text)) => out.write_all(text),
        (_, Value::Ip(IpAddr::V4(address))) => write!(out, "{address}"),
        (_, Value::Ip(IpAddr::V6(address))) => v6(*address, out),
    };
}

/// A value as JSON. Numbers stay numbers unless they are printed in another base.
#[must_use]
pub fn json(kind: ParamType, format: Format, value: &Value<'_>) -> Json {
    let plain = matches!(format, Format::Plain | Format::Decimal | Format::Id);
    match value {
        Value::Int(number) if plain => (*number).into(),
        Value::Uint(number) if plain => (*number).into(),
        #[expect(clippy::cast_possible_truncation, reason = "upstream cuts decimal ones to whole numbers")]
        Value::Double(number) if format == Format::Decimal => (*number as i64).into(),
        Value::Double(number) => (*number).into(),
        Value::Bool(yes) => (*yes).into(),
        value => {
            let mut text = Vec::new();
            print(kind, format, value, &mut text);
            String::from_utf8_lossy(&text).into_owned().into()
        }
    }
}

fn signed(kind: ParamType, format: Format, number: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    // Numbers of fewer bits are printed as of 32.
    let bits = if matches!(kind, ParamType::Int8 | ParamType::Int16 | ParamType::Int32) {
        number.cast_unsigned() & 0xffff_ffff
    } else {
        number.cast_unsigned()
    };
    match format {
        Format::Octal => write!(out, "{bits:o}"),
        Format::Hex => write!(out, "{bits:X}"),
        Format::Padded => write!(out, "{number:09}"),
        _ => write!(out, "{number}"),
    }
}

fn unsigned(format: Format, number: u64, out: &mut Vec<u8>) -> std::io::Result<()> {
    match format {
        Format::Octal => write!(out, "{number:o}"),
        Format::Hex => write!(out, "{number:X}"),
        Format::Padded => write!(out, "{number:09}"),
        _ => write!(out, "{number}"),
    }
}

/// An address as the C library writes it: with an IPv4 address at its end if nothing stands before that.
fn v6(address: Ipv6Addr, out: &mut Vec<u8>) -> std::io::Result<()> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            write!(out, "::{a}.{b}.{c}.{d}")
        }
        _ => write!(out, "{address}"),
    }
}

/// Bytes in base64, with padding (`buffer_format_base64`).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
