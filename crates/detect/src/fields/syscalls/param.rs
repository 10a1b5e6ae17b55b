//! The parameters of an event as texts: `evt.arg`, and what `evt.args` is made of.
//!
//! A parameter has a plain text (`3`, `-2`, `tmp/a`) and may have a meaning (`<f>/etc/passwd`, `ENOENT`, `/srv/tmp/a`). This is
//! `sinsp_evt::get_param_as_str` of falcosecurity/libs (`userspace/libsinsp/event.cpp`).

use super::address::Address;
use super::names::{error_name, signal_name};
use super::{Context, descriptor};
use crate::fields::time::{Time, TimeStyle};
use crate::path;
use bumpalo::collections::Vec as BumpVec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use plimsoll_model::events::{Format, ParamInfo, ParamType, syscall_name};
use std::fmt::{self, Write};

/// What stands for a text that the kernel could not read.
pub(super) const NOT_KNOWN: &[u8] = b"<NA>";

/// The descriptor number that stands for the working directory (`AT_FDCWD`).
pub(super) const WORKING_DIRECTORY: i64 = -100;

/// One parameter of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param<'e> {
    cx: Context<'e>,
    info: &'static ParamInfo,
    /// The type of its value: of a parameter that says its own type, that.
    kind: ParamType,
    bytes: &'e [u8],
    /// Whether it says its own type.
    dynamic: bool,
}

impl<'e> Param<'e> {
    /// The parameter at a place.
    pub(super) fn at(cx: &Context<'e>, index: usize) -> Option<Self> {
        let info = cx.event.info().params.get(index)?;
        let bytes = cx.event.params.get(index)?;
        let mut param = Self { cx: *cx, info, kind: info.kind, bytes, dynamic: false };
        if let (Some(types), Some((first, rest))) = (info.dynamic, bytes.split_first())
            && let Some(kind) = dynamic_type(types, *first)
        {
            param = Self { kind, bytes: rest, dynamic: true, ..param };
        }
        Some(param)
    }

    /// The parameter of a name.
    pub(super) fn named(cx: &Context<'e>, name: &str) -> Option<Self> {
        let (index, _) = cx.event.param(name)?;
        Self::at(cx, index)
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.info.name
    }

    /// Its text without its end mark. What could not be read has the text `<NA>`.
    pub(super) fn text(&self) -> &'e [u8] {
        text(self.bytes)
    }

    /// As a number with the sign of its type.
    fn number(&self) -> Option<i64> {
        Some(match self.kind {
            ParamType::Int8 => i64::from(i8::from_le_bytes(self.bytes.try_into().ok()?)),
            ParamType::Int16 => i64::from(i16::from_le_bytes(self.bytes.try_into().ok()?)),
            ParamType::UInt8 | ParamType::SigType | ParamType::Flags8 | ParamType::EnumFlags8 => {
                i64::from(u8::from_le_bytes(self.bytes.try_into().ok()?))
            }
            ParamType::UInt16 | ParamType::SyscallId | ParamType::Flags16 | ParamType::EnumFlags16 => {
                i64::from(u16::from_le_bytes(self.bytes.try_into().ok()?))
            }
            // Upstream prints wide numbers with a sign, whatever their type.
            ParamType::Int32 | ParamType::UInt32 => i64::from(i32::from_le_bytes(self.bytes.try_into().ok()?)),
            ParamType::Flags32 | ParamType::EnumFlags32 | ParamType::Mode | ParamType::Uid | ParamType::Gid | ParamType::SigSet => {
                i64::from(u32::from_le_bytes(self.bytes.try_into().ok()?))
            }
            _ => i64::from_le_bytes(self.bytes.try_into().ok()?),
        })
    }

    /// Its value as it stands in the event.
    pub(super) fn plain(&self) -> &'e [u8] {
        if !self.dynamic && self.bytes.is_empty() && !is_text(self.kind) {
            return match self.kind {
                ParamType::ByteBuf
                | ParamType::SockTuple
                | ParamType::FdList
                | ParamType::CharBufArray
                | ParamType::CharBufPairArray
                | ParamType::Dyn => b"NULL",
                _ => NOT_KNOWN,
            };
        }
        match self.kind {
            ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath => self.text(),
            ParamType::ByteBuf => self.dots(),
            ParamType::SockAddr => self.socket_address(),
            ParamType::SockTuple => self.socket_pair(),
            ParamType::FdList => self.descriptors(),
            ParamType::SigSet => self.signals(),
            ParamType::Dyn => b"INVALID DYNAMIC PARAMETER",
            _ => match self.number() {
                Some(number) => self.plain_number(number),
                // A number of a wrong width is none.
                None => NOT_KNOWN,
            },
        }
    }

    fn plain_number(&self, number: i64) -> &'e [u8] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits are printed as the type's width has them")]
        let bits = if matches!(self.kind, ParamType::Int64 | ParamType::UInt64) { number as u64 } else { u64::from(number as u32) };
        match self.kind {
            ParamType::Int8
            | ParamType::Int16
            | ParamType::Int32
            | ParamType::Int64
            | ParamType::UInt8
            | ParamType::UInt16
            | ParamType::UInt32
            | ParamType::UInt64
            | ParamType::Mode => match self.info.format {
                Format::Octal if bits == 0 => b"0",
                Format::Octal => self.cx.bytes(format_args!("0{bits:o}")),
                Format::Hex => self.cx.bytes(format_args!("{bits:X}")),
                Format::Padded => self.cx.bytes(format_args!("{number:09}")),
                _ => self.cx.decimal(number),
            },
            ParamType::Uid | ParamType::Gid if bits == u64::from(u32::MAX) => b"-1",
            #[expect(clippy::cast_possible_truncation, reason = "upstream prints users and groups with a sign")]
            ParamType::Uid | ParamType::Gid => self.cx.decimal(i64::from(number as i32)),
            ParamType::RelTime if number == -1 => b"none",
            #[expect(clippy::cast_sign_loss, reason = "durations and times have no sign")]
            ParamType::RelTime => self.cx.bytes(format_args!("{}", number as u64)),
            #[expect(clippy::cast_sign_loss, reason = "durations and times have no sign")]
            ParamType::AbsTime => self.cx.bytes(format_args!("{}", Time(number as u64, TimeStyle::Date))),
            ParamType::SyscallId if u16::try_from(number).ok().and_then(syscall_name).is_none() => b"<unknown syscall>",
            ParamType::Fd
            | ParamType::Pid
            | ParamType::Errno
            | ParamType::SigType
            | ParamType::SyscallId
            | ParamType::Flags8
            | ParamType::Flags16
            | ParamType::Flags32
            | ParamType::EnumFlags8
            | ParamType::EnumFlags16
            | ParamType::EnumFlags32 => self.cx.decimal(number),
            _ => b"(n.a.)",
        }
    }

    /// What its value means, where it means more than it says.
    pub(super) fn meaning(&self) -> Option<&'e [u8]> {
        if self.bytes.is_empty() {
            return None;
        }
        match self.kind {
            ParamType::Fd => self.descriptor(),
            ParamType::Pid => self.cx.state.thread(self.number()?).map(|thread| &*thread.comm).filter(|comm| !comm.is_empty()),
            ParamType::Errno => error_name(self.number()?).map(str::as_bytes),
            ParamType::FsPath | ParamType::FsRelPath => self.full_path(),
            ParamType::SyscallId => syscall_name(u16::try_from(self.number()?).ok()?).map(str::as_bytes),
            ParamType::SigType => signal_name(u8::try_from(self.number()?).ok()?).map(str::as_bytes),
            ParamType::RelTime => {
                let number = self.number().filter(|number| *number != -1)?;
                #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "six digits are printed")]
                let seconds = number as u64 as f64 / 1e9;
                Some(self.cx.bytes(format_args!("{}s", General(seconds))))
            }
            ParamType::Flags8 | ParamType::Flags16 | ParamType::Flags32 => self.flags(),
            ParamType::EnumFlags8 | ParamType::EnumFlags16 | ParamType::EnumFlags32 => self.choices(),
            ParamType::Mode => self.permissions(),
            ParamType::Uid => self.account(Context::user_name),
            ParamType::Gid => self.account(Context::group_name),
            _ => None,
        }
    }

    /// What it means, or else what it says.
    pub(super) fn best(&self) -> &'e [u8] {
        self.meaning().unwrap_or_else(|| self.plain())
    }

    /// `<f>/etc/passwd`, `<4t>1.2.3.4:5->6.7.8.9:10`.
    fn descriptor(&self) -> Option<&'e [u8]> {
        let number = self.number()?;
        if number == WORKING_DIRECTORY {
            return Some(b"AT_FDCWD");
        }
        if number < 0 {
            return error_name(number).map(str::as_bytes);
        }
        let found = self.cx.state.descriptor(self.cx.thread()?, number)?;
        let mut out = BumpVec::with_capacity_in(found.name.len() + 4, self.cx.arena);
        out.extend_from_slice_copy(&[b'<', descriptor::letter(found.kind)]);
        out.extend(descriptor::transport(found).map(descriptor::Transport::letter));
        out.push(b'>');
        out.extend_from_slice_copy(&found.name);
        Some(out.into_bump_slice())
    }

    /// The whole path of a relative one.
    fn full_path(&self) -> Option<&'e [u8]> {
        self.cx.thread()?;
        let path = self.text();
        if path.is_empty() || path == NOT_KNOWN || path::is_absolute(path) {
            return None;
        }
        let directory = self.info.dirfd.and_then(|index| Self::at(&self.cx, index)).filter(|param| param.kind == ParamType::Fd);
        let number = directory.and_then(|directory| directory.number()).unwrap_or(WORKING_DIRECTORY);
        let base = if number == WORKING_DIRECTORY { self.cx.cwd()? } else { self.cx.directory(number).unwrap_or_default() };
        Some(path::join_in(self.cx.arena, base, path)).filter(|path| !path.is_empty())
    }

    /// The names of the bits that are set; a name that covers several bits takes them all.
    fn flags(&self) -> Option<&'e [u8]> {
        let value = u32::try_from(self.number()?).ok()?;
        let mut rest = value;
        let mut names = Names::new(&self.cx);
        for (name, bits) in &self.info.names?.entries {
            if (*bits == 0 && value == 0) || (*bits != 0 && rest & bits == *bits) {
                rest &= !bits;
                names.add(name);
                if *bits == value {
                    break;
                }
            }
        }
        names.done()
    }

    /// The names of a value: it may have several.
    fn choices(&self) -> Option<&'e [u8]> {
        let value = u32::try_from(self.number()?).ok()?;
        let mut names = Names::new(&self.cx);
        for (name, number) in &self.info.names?.entries {
            if *number == value {
                names.add(name);
            }
        }
        names.done()
    }

    /// The names of permission bits.
    fn permissions(&self) -> Option<&'e [u8]> {
        let value = u32::try_from(self.number()?).ok()?;
        let mut rest = value;
        let mut names = Names::new(&self.cx);
        for (name, bits) in &self.info.names?.entries {
            if *bits == value {
                names.add(name);
                break;
            }
            if *bits != 0 && rest & bits == *bits {
                names.add(name);
                rest &= !bits;
            }
        }
        names.done()
    }

    /// The name of a user or a group.
    fn account(&self, name: fn(&Context<'e>, u32) -> Option<&'e [u8]>) -> Option<&'e [u8]> {
        let id = u32::try_from(self.number()?).ok()?;
        Some(if id == u32::MAX { b"<NONE>" } else { name(&self.cx, id).filter(|name| !name.is_empty()).unwrap_or(NOT_KNOWN) })
    }

    /// Bytes, with a dot for each that is not printed.
    fn dots(&self) -> &'e [u8] {
        let printed = |byte: &u8| matches!(byte, b' '..=b'~');
        if self.bytes.iter().all(printed) {
            return self.bytes;
        }
        self.cx.arena.alloc_slice_fill_iter(self.bytes.iter().map(|byte| if printed(byte) { *byte } else { b'.' }))
    }

    /// `3:f1 4:p4`: descriptors, what they are, and what is waited for.
    fn descriptors(&self) -> &'e [u8] {
        let Some(thread) = self.cx.thread() else { return b"" };
        let mut out = bumpalo::collections::String::new_in(self.cx.arena);
        for (fd, events) in descriptor_list(self.bytes) {
            let letter = self.cx.state.descriptor(thread, fd).map_or(b'?', |found| descriptor::letter(found.kind));
            let space = if out.is_empty() { "" } else { " " };
            // Both are printed without and with a sign by upstream, in this order.
            let _ = write!(out, "{space}{}:{}{:x}", fd.cast_unsigned(), char::from(letter), i32::from(events));
        }
        out.into_bump_str().as_bytes()
    }

    /// `SIGHUP SIGINT`.
    fn signals(&self) -> &'e [u8] {
        let set = self.number().and_then(|set| u32::try_from(set).ok()).unwrap_or_default();
        let mut names = Names { separator: " ", ..Names::new(&self.cx) };
        for signal in (0..32_u8).filter(|signal| set >> signal & 1 == 1) {
            if let Some(name) = signal_name(signal + 1) {
                names.add(name);
            }
        }
        names.done().unwrap_or_default()
    }

    /// `1.2.3.4:80`, or a path.
    fn socket_address(&self) -> &'e [u8] {
        let address = match self.bytes {
            [1, path @ ..] if path.ends_with(&[0]) => return until_zero(path),
            [1, ..] => return b"INVALID PATH",
            [2, rest @ ..] => endpoint::<4>(rest).map(|(address, port, _)| (IpAddr::V4(address.into()), port)),
            [10, rest @ ..] => endpoint::<16>(rest).map(|(address, port, _)| (IpAddr::V6(address.into()), port)),
            [family, ..] => return self.cx.bytes(format_args!("family {family}")),
            [] => return NOT_KNOWN,
        };
        match (address, self.bytes.first()) {
            (Some((address, port)), _) => self.cx.bytes(format_args!("{}:{}", Address(address), port)),
            (None, Some(2)) => b"INVALID IPv4",
            _ => b"INVALID IPv6",
        }
    }

    /// `1.2.3.4:5->6.7.8.9:10`, or what the kernel calls both ends of a UNIX socket.
    fn socket_pair(&self) -> &'e [u8] {
        let pair = match self.bytes {
            [1, rest @ ..] if rest.len() > 16 && rest.ends_with(&[0]) => {
                let (ends, path) = rest.split_at_checked(16).unwrap_or_default();
                let end = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
                let mut out = bumpalo::collections::String::new_in(self.cx.arena);
                let _ = write!(out, "{:x}->{:x} ", end(ends.get(..8)), end(ends.get(8..)));
                let mut out = out.into_bytes();
                out.extend_from_slice_copy(until_zero(path));
                return out.into_bump_slice();
            }
            [1, ..] => return b"INVALID PATH",
            [2, rest @ ..] => endpoints::<4>(rest)
                .map(|[(from, port), (to, other)]| [(IpAddr::V4(Ipv4Addr::from(from)), port), (IpAddr::V4(Ipv4Addr::from(to)), other)]),
            [10, rest @ ..] => endpoints::<16>(rest).map(|[(from, port), (to, other)]| {
                let (from, to) = (Ipv6Addr::from(from), Ipv6Addr::from(to));
                match (mapped(from), mapped(to)) {
                    (Some(from), Some(to)) => [(IpAddr::V4(from), port), (IpAddr::V4(to), other)],
                    _ => [(IpAddr::V6(from), port), (IpAddr::V6(to), other)],
                }
            }),
            [family, ..] => return self.cx.bytes(format_args!("family {family}")),
            [] => return b"NULL",
        };
        match (pair, self.bytes.first()) {
            (Some([(from, port), (to, other)]), _) => self.cx.bytes(format_args!("{}:{}->{}:{}", Address(from), port, Address(to), other)),
            (None, Some(2)) => b"INVALID IPv4",
            _ => b"INVALID IPv6",
        }
    }
}

/// A text without its end mark; `<NA>` where the kernel could not read it.
pub(super) fn text(bytes: &[u8]) -> &[u8] {
    if bytes.is_empty() || bytes == b"(NULL)\0" { NOT_KNOWN } else { until_zero(bytes) }
}

/// The descriptors of a list and what is waited for on each: a count, then 8 and 2 bytes each. What is cut off is left out.
pub(super) fn descriptor_list(bytes: &[u8]) -> impl Iterator<Item = (i64, i16)> {
    let (count, rest) = bytes.split_first_chunk::<2>().map_or((0, &[][..]), |(count, rest)| (u16::from_le_bytes(*count), rest));
    rest.chunks_exact(10).take(count.into()).filter_map(|entry| {
        let (fd, events) = entry.split_first_chunk::<8>()?;
        Some((i64::from_le_bytes(*fd), i16::from_le_bytes(events.try_into().ok()?)))
    })
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

fn is_text(kind: ParamType) -> bool {
    matches!(kind, ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath)
}

/// The types that a parameter with a type of its own may have (`driver/dynamic_params_table.c`).
fn dynamic_type(types: &str, first: u8) -> Option<ParamType> {
    let types: &[ParamType] = match types {
        "sockopt" => &[ParamType::ByteBuf, ParamType::Errno, ParamType::UInt32, ParamType::UInt64, ParamType::RelTime],
        "ptrace" => &[ParamType::UInt64, ParamType::SigType],
        "bpf" => &[ParamType::Fd, ParamType::Errno],
        "keyctl" => &[ParamType::Int64, ParamType::CharBuf],
        _ => &[],
    };
    types.get(usize::from(first)).copied()
}

/// An address and a port, and what follows them.
fn endpoint<const N: usize>(bytes: &[u8]) -> Option<([u8; N], u16, &[u8])> {
    let (address, rest) = bytes.split_first_chunk::<N>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    Some((*address, u16::from_le_bytes(*port), rest))
}

fn endpoints<const N: usize>(bytes: &[u8]) -> Option<[([u8; N], u16); 2]> {
    let (from, port, rest) = endpoint(bytes)?;
    let (to, other, _) = endpoint(rest)?;
    Some([(from, port), (to, other)])
}

/// The IPv4 address that an IPv6 address stands for; no address at all is taken as one.
fn mapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    address.to_ipv4_mapped().or_else(|| address.is_unspecified().then_some(Ipv4Addr::UNSPECIFIED))
}

/// Names with something between them. One name alone is not copied.
struct Names<'e> {
    cx: Context<'e>,
    separator: &'static str,
    first: Option<&'static str>,
    all: Option<BumpVec<'e, u8>>,
}

impl<'e> Names<'e> {
    fn new(cx: &Context<'e>) -> Self {
        Self { cx: *cx, separator: "|", first: None, all: None }
    }

    fn add(&mut self, name: &'static str) {
        let Some(first) = self.first else {
            self.first = Some(name);
            return;
        };
        let all = self.all.get_or_insert_with(|| {
            let mut all = BumpVec::new_in(self.cx.arena);
            all.extend_from_slice_copy(first.as_bytes());
            all
        });
        all.extend_from_slice_copy(self.separator.as_bytes());
        all.extend_from_slice_copy(name.as_bytes());
    }

    fn done(self) -> Option<&'e [u8]> {
        self.all.map_or_else(|| self.first.map(str::as_bytes), |all| Some(all.into_bump_slice()))
    }
}

/// A number as C's `%g` prints it: six digits, without zeros at the end.
struct General(f64);

impl fmt::Display for General {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scientific = format!("{:.5e}", self.0);
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let short =
            |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
        if (-4..6).contains(&exponent) {
            let places = usize::try_from(5 - exponent).unwrap_or_default();
            return out.write_str(&short(&format!("{:.places$}", self.0)));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{}e{sign}{:02}", short(digits), exponent.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        let cases = [
            (0.0, "0"),
            (0.5, "0.5"),
            (1e-9, "1e-09"),
            (123_456_789.0, "1.23457e+08"),
            (100_000.0, "100000"),
            (0.000_12, "0.00012"),
            (2.000_000_1, "2"),
        ];
        for (number, wanted) in cases {
            assert_eq!(General(number).to_string(), wanted);
        }
    }
}
