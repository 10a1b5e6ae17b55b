//! `fd.*`: the descriptor that an event is about.
//!
//! Protocols (`fd.sproto`) are port numbers as texts: names of services would come from a file of the machine that asks, not of the
//! one that was recorded, and upstream's rules engine leaves them off, too. Domain names come from [`super::Stream::names`].

use super::descriptor::{is_connection, is_inet, is_server, letter, transport, word};
use super::param::{Param, WORKING_DIRECTORY};
use super::{Context, Getter, Row};
use crate::Value;
use crate::fields::{Arg, Syntax};
use crate::path;
use crate::state::{Descriptor, DescriptorType, Endpoint, Role, SocketState};
use plimsoll_model::events::Format::{Decimal, Hex, Id, Plain};
use plimsoll_model::events::ParamType::{CharBuf, Int32, Int64, IpAddr, IpNet, Port};
use plimsoll_model::events::kinds;

/// A field of one of the ends of a connection.
macro_rules! end {
    ($name:literal, $kind:ident, $format:ident, $end:ident, $value:ident, $description:literal) => {
        Row::new($name, $kind, $format, Getter::One(|cx| $value(cx, $end(cx)?)), $description)
    };
}

pub(super) const FIELDS: &[Row] = &[
    Row::new("fd.num", Int64, Id, Getter::One(number), "The descriptor's number."),
    Row::new(
        "fd.type",
        CharBuf,
        Decimal,
        Getter::One(kind),
        "What it is: `file`, `directory`, `ipv4`, `ipv6`, `unix`, `pipe`, `event`, `signalfd`, `eventpoll`, `inotify`, `memfd` and others.",
    ),
    Row::new(
        "fd.typechar",
        CharBuf,
        Decimal,
        Getter::One(type_letter),
        "What it is, as one letter: `f` file, `d` directory, `4` and `6` IP, `u` UNIX socket, `p` pipe, `o` unknown and others.",
    ),
    Row::text("fd.name", name, "Its full name: the path of a file, both ends of a connection."),
    Row::text("fd.directory", directory, "The directory of a file."),
    Row::text("fd.filename", file_name, "The name of a file in its directory."),
    Row::new("fd.ip", IpAddr, Plain, Getter::Many(|cx, _, out| ends(cx, out, |end| Value::Ip(end.address))), "The address of either end.")
        .both_ends(),
    end!("fd.cip", IpAddr, Plain, client, address, "The address of the side that connected."),
    end!("fd.sip", IpAddr, Plain, server, address, "The address of the side that was connected to."),
    end!("fd.lip", IpAddr, Plain, local, address, "The address on this machine."),
    end!("fd.rip", IpAddr, Plain, remote, address, "The address on the other machine."),
    Row::new(
        "fd.port",
        Port,
        Decimal,
        Getter::Many(|cx, _, out| ends(cx, out, |end| Value::Uint(end.port.into()))),
        "The port of either end.",
    )
    .both_ends(),
    end!("fd.cport", Port, Decimal, client, port, "The port of the side that connected."),
    Row::new(
        "fd.sport",
        Port,
        Decimal,
        Getter::One(|cx| port(cx, listening(cx)?)),
        "The port of the side that was connected to, or that is listened on.",
    ),
    end!("fd.lport", Port, Decimal, local, port, "The port on this machine."),
    end!("fd.rport", Port, Decimal, remote, port, "The port on the other machine."),
    Row::text("fd.l4proto", protocol, "The protocol above IP: `tcp`, `udp`, `icmp` or `raw`."),
    Row::text("fd.sockfamily", family, "The family of a socket: `ip` or `unix`."),
    Row::flag("fd.is_server", is_server_side, "Whether this machine is the side that was connected to."),
    Row::text("fd.uid", unique, "The thread and the number of the descriptor, one after the other."),
    Row::text("fd.containername", |cx| in_container(cx, name(cx)?), "The container and the full name, with a colon between them."),
    Row::text(
        "fd.containerdirectory",
        |cx| in_container(cx, directory(cx)?),
        "The container and the directory, with a colon between them.",
    ),
    Row::new(
        "fd.proto",
        Port,
        Plain,
        Getter::Many(|cx, _, out| ends(cx, out, |end| Value::Uint(end.port.into()))),
        "The port of either end, which may be written as the name of a service.",
    )
    .both_ends(),
    Row::text("fd.cproto", client_service, "The port of the side that connected, as a text."),
    Row::text("fd.sproto", server_service, "The port of the side that was connected to, as a text."),
    Row::text("fd.lproto", |cx| service(cx, local(cx)?), "The port on this machine, as a text."),
    Row::text("fd.rproto", |cx| service(cx, remote(cx)?), "The port on the other machine, as a text."),
    Row::new("fd.net", IpNet, Plain, Getter::Many(|cx, _, out| ends(cx, out, |end| Value::Ip(end.address))), "The network of either end.")
        .both_ends(),
    end!("fd.cnet", IpNet, Plain, client, address, "The network of the side that connected.").filter_only(),
    end!("fd.snet", IpNet, Plain, server, address, "The network of the side that was connected to.").filter_only(),
    end!("fd.lnet", IpNet, Plain, local, address, "The network of the address on this machine.").filter_only(),
    end!("fd.rnet", IpNet, Plain, remote, address, "The network of the address on the other machine.").filter_only(),
    Row::flag("fd.connected", |cx| Some(Value::Bool(cx.descriptor()?.socket == SocketState::Connected)), "Whether a socket is connected."),
    Row::flag(
        "fd.name_changed",
        |cx| cx.descriptor().map(|_| Value::Bool(cx.state.name_changed())),
        "Whether the event gave it another name, as a UDP socket gets with every partner.",
    ),
    Row::text("fd.cip.name", |cx| domain(cx, client(cx)?), "The domain name of the side that connected.").plain_only().by_descriptor(),
    Row::text("fd.sip.name", |cx| domain(cx, server(cx)?), "The domain name of the side that was connected to.")
        .plain_only()
        .by_descriptor(),
    Row::text("fd.lip.name", |cx| domain(cx, local(cx)?), "The domain name of the address on this machine.").plain_only().by_descriptor(),
    Row::text("fd.rip.name", |cx| domain(cx, remote(cx)?), "The domain name of the address on the other machine.")
        .plain_only()
        .by_descriptor(),
    Row::new(
        "fd.dev",
        Int32,
        Hex,
        Getter::One(|cx| Some(Value::Int(cx.descriptor()?.dev.cast_signed().into()))),
        "The device that the file lies on, major and minor number in one.",
    ),
    Row::new(
        "fd.dev.major",
        Int32,
        Decimal,
        Getter::One(|cx| Some(Value::Int(i64::from(cx.descriptor()?.dev >> 8 & 0xfff)))),
        "The major number of the device that the file lies on.",
    ),
    Row::new(
        "fd.dev.minor",
        Int32,
        Decimal,
        Getter::One(|cx| {
            let dev = cx.descriptor()?.dev;
            Some(Value::Int(i64::from(dev & 0xff | dev >> 12 & 0xf_ff00)))
        }),
        "The minor number of the device that the file lies on.",
    ),
    Row::new("fd.ino", Int64, Decimal, Getter::One(|cx| Some(Value::Int(cx.descriptor()?.ino.cast_signed()))), "The inode of the file."),
    Row::text("fd.nameraw", raw_name, "The path of a file as the process wrote it, without doubled slashes."),
    Row::new(
        "fd.types",
        CharBuf,
        Decimal,
        Getter::Many(types),
        "What the open descriptors are; with a number in brackets, what that one is.",
    )
    .list()
    .syntax(Syntax::Descriptor)
    .no_rhs(),
    Row::flag(
        "fd.is_upper_layer",
        |cx| Some(Value::Bool(cx.descriptor()?.overlay_upper)),
        "Whether the file lies in the upper layer of an overlay.",
    ),
    Row::flag(
        "fd.is_lower_layer",
        |cx| Some(Value::Bool(cx.descriptor()?.overlay_lower)),
        "Whether the file lies in a lower layer of an overlay.",
    ),
];

fn number<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    cx.is_about_descriptor().then(|| Value::Int(cx.thread().map_or(-1, |thread| thread.last_fd)))
}

fn kind<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    Some(Value::Text(word(cx.descriptor()?.kind).as_bytes()))
}

/// Where the descriptor is not known, the event tells what it would be.
fn type_letter<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    if let Some(descriptor) = cx.descriptor() {
        return Some(Value::Text(cx.arena.alloc_slice_copy(&[letter(descriptor.kind)])));
    }
    let letter: &[u8] = match cx.event.kind {
        kinds::OPENAT_2_X | kinds::OPENAT2_X | kinds::CREAT_X => b"f",
        // It may be of another family, but that is how upstream has it.
        kinds::SOCKET_X | kinds::ACCEPT_5_X | kinds::ACCEPT4_6_X => b"4",
        kinds::PIPE_X | kinds::PIPE2_X => b"p",
        kinds::EVENTFD_X | kinds::EVENTFD2_X => b"e",
        kinds::SIGNALFD_X | kinds::SIGNALFD4_X => b"s",
        kinds::TIMERFD_CREATE_X => b"t",
        kinds::INOTIFY_INIT_X | kinds::INOTIFY_INIT1_X => b"i",
        _ => b"o",
    };
    cx.is_about_descriptor().then_some(Value::Text(letter))
}

pub(super) fn name<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    match cx.descriptor() {
        Some(descriptor) => Some(Value::Text(&descriptor.name)),
        None => name_in_event(cx, false).map(Value::Text),
    }
}

/// The name that the event gives where it made no descriptor: it failed.
fn name_in_event<'e>(cx: &Context<'e>, raw: bool) -> Option<&'e [u8]> {
    if !cx.is_about_descriptor() || cx.event.kind.is_enter() {
        return None;
    }
    match cx.event.kind {
        kinds::OPEN_X | kinds::ACCEPT_5_X | kinds::ACCEPT4_6_X | kinds::CREAT_X | kinds::CONNECT_X => Some(Param::at(cx, 1)?.best()),
        kinds::OPENAT_2_X | kinds::OPENAT2_X => {
            let name = cx.event.params.get(2).filter(|name| !name.is_empty()).map(super::param::text)?;
            if raw {
                return Some(name);
            }
            Some(path::join_in(cx.arena, cx.base(cx.event.params.int(1)?, name), name))
        }
        kinds::OPEN_BY_HANDLE_AT_X => Some(Param::at(cx, 3)?.text()),
        _ => Some(b""),
    }
}

impl<'e> Context<'e> {
    /// The directory that a path starts in, by its descriptor. An absolute path has none.
    pub(super) fn base(&self, fd: i64, path: &[u8]) -> &'e [u8] {
        const UNKNOWN: &[u8] = b"<UNKNOWN>";
        if path::is_absolute(path) {
            return b".";
        }
        match self.thread() {
            Some(thread) if fd == WORKING_DIRECTORY => &thread.cwd,
            _ => self.directory(fd).unwrap_or(UNKNOWN),
        }
    }
}

/// Of a name that is no path but has a slash, what stands before the last one.
fn directory<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let name: &[u8] = match cx.descriptor() {
        Some(descriptor) if descriptor.kind == DescriptorType::Directory => return Some(Value::Text(&descriptor.name)),
        Some(descriptor) if descriptor.kind != DescriptorType::File => return None,
        Some(descriptor) => &descriptor.name,
        None => name_in_event(cx, false)?,
    };
    Some(Value::Text(match memchr::memrchr(b'/', name) {
        None | Some(0) => b"/",
        Some(slash) if slash + 1 < name.len() => name.get(..slash).unwrap_or_default(),
        Some(_) => name,
    }))
}

fn file_name<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let descriptor = cx.descriptor().filter(|descriptor| descriptor.kind == DescriptorType::File)?;
    let name: &[u8] = &descriptor.name;
    Some(Value::Text(match memchr::memrchr(b'/', name) {
        None => b"/",
        Some(slash) => name.get(slash + 1..).filter(|rest| !rest.is_empty()).unwrap_or(name),
    }))
}

fn raw_name<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let name: &[u8] = match cx.descriptor() {
        Some(descriptor) => &descriptor.raw_name,
        None => name_in_event(cx, true)?,
    };
    if !name.windows(2).any(|pair| pair == b"//") {
        return Some(Value::Text(name));
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(name.len(), cx.arena);
    for byte in name {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    Some(Value::Text(out.into_bump_slice()))
}

/// A connection whose sides are known.
fn connection<'e>(cx: &Context<'e>) -> Option<&'e Descriptor> {
    cx.descriptor().filter(|descriptor| is_connection(descriptor.kind) && descriptor.role != Role::None)
}

fn client(cx: &Context<'_>) -> Option<Endpoint> {
    connection(cx)?.source
}

/// The side that was connected to; of a listening socket where it listens, if its side is known.
fn server(cx: &Context<'_>) -> Option<Endpoint> {
    let descriptor = cx.descriptor().filter(|descriptor| is_inet(descriptor.kind) && descriptor.role != Role::None)?;
    descriptor.destination
}

/// Likewise, but a listening socket needs no side.
fn listening(cx: &Context<'_>) -> Option<Endpoint> {
    let descriptor = cx.descriptor()?;
    if is_server(descriptor.kind) { descriptor.destination } else { connection(cx)?.destination }
}

fn local(cx: &Context<'_>) -> Option<Endpoint> {
    let connection = connection(cx)?;
    if cx.is_local(connection.source?.address) { connection.source } else { connection.destination }
}

fn remote(cx: &Context<'_>) -> Option<Endpoint> {
    let connection = connection(cx)?;
    if cx.is_local(connection.source?.address) { connection.destination } else { connection.source }
}

#[expect(clippy::unnecessary_wraps, reason = "ends that are there have an address; the rows ask for an option")]
fn address<'e>(_: &Context<'e>, end: Endpoint) -> Option<Value<'e>> {
    Some(Value::Ip(end.address))
}

#[expect(clippy::unnecessary_wraps, reason = "ends that are there have a port; the rows ask for an option")]
fn port<'e>(_: &Context<'e>, end: Endpoint) -> Option<Value<'e>> {
    Some(Value::Uint(end.port.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "ends that are there have a port; the rows ask for an option")]
fn service<'e>(cx: &Context<'e>, end: Endpoint) -> Option<Value<'e>> {
    Some(Value::Text(cx.decimal(end.port.into())))
}

/// What is no connection but has sides, as a UNIX socket has, has an empty text.
fn client_service<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let descriptor = cx.descriptor().filter(|descriptor| descriptor.role != Role::None)?;
    if is_connection(descriptor.kind) { service(cx, descriptor.source?) } else { Some(Value::Text(b"")) }
}

/// A listening socket has an empty text.
fn server_service<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let descriptor = cx.descriptor()?;
    if is_server(descriptor.kind) { Some(Value::Text(b"")) } else { service(cx, connection(cx)?.destination?) }
}

fn domain<'e>(cx: &Context<'e>, end: Endpoint) -> Option<Value<'e>> {
    cx.stream.names.get(&end.address).map(|name| Value::Text(name.as_bytes()))
}

/// Both ends of a connection, whether its sides are known or not, or the one of a listening socket.
fn ends<'e>(cx: &Context<'e>, out: &mut Vec<Value<'e>>, value: fn(Endpoint) -> Value<'e>) {
    let Some(descriptor) = cx.descriptor().filter(|descriptor| is_inet(descriptor.kind)) else { return };
    if is_connection(descriptor.kind) {
        out.extend(descriptor.source.map(value));
    }
    out.extend(descriptor.destination.map(value));
}

fn protocol<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let transport = transport(cx.descriptor()?);
    Some(Value::Text(transport.map_or("<NA>", super::descriptor::Transport::name).as_bytes()))
}

fn family<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    match cx.descriptor()?.kind {
        kind if is_inet(kind) => Some(Value::Text(b"ip")),
        DescriptorType::Unix => Some(Value::Text(b"unix")),
        _ => None,
    }
}

fn is_server_side<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let descriptor = cx.descriptor()?;
    let connected = is_connection(descriptor.kind) && descriptor.destination.is_some_and(|end| cx.is_local(end.address));
    Some(Value::Bool(is_server(descriptor.kind) || connected))
}

fn unique<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let thread = cx.thread().filter(|_| cx.is_about_descriptor())?;
    Some(cx.made(format_args!("{}{}", thread.tid, thread.last_fd)))
}

fn in_container<'e>(cx: &Context<'e>, name: Value<'e>) -> Option<Value<'e>> {
    let (Value::Text(name), thread) = (name, cx.thread()?) else { return None };
    let mut out = bumpalo::collections::Vec::new_in(cx.arena);
    out.extend_from_slice_copy(&thread.container);
    out.push(b':');
    out.extend_from_slice_copy(name);
    Some(Value::Text(out.into_bump_slice()))
}

fn types<'e>(cx: &Context<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let Some(thread) = cx.thread().filter(|_| cx.is_about_descriptor()) else { return };
    if let Some(Arg::Index(fd)) = arg {
        out.extend(
            i64::try_from(*fd).ok().and_then(|fd| cx.state.descriptor(thread, fd)).map(|found| Value::Text(word(found.kind).as_bytes())),
        );
        return;
    }
    // Few kinds are open at a time: looking them through is quicker than a set.
    for found in cx.state.descriptors(thread) {
        let kind = Value::Text(word(found.kind).as_bytes());
        if !out.contains(&kind) {
            out.push(kind);
        }
    }
}
