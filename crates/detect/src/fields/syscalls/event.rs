//! `evt.type`, `evt.arg` and the like: what a system call did, with what and with which result.

use super::common::SECOND;
use super::param::{Param, text};
use super::{Context, Getter, Row};
use crate::Value;
use crate::fields::time::{Time, TimeStyle};
use crate::fields::{Arg, Limits, Syntax};
use crate::path;
use crate::state::{Descriptor, DescriptorType};
use bumpalo::collections::Vec as BumpVec;
use plimsoll_model::events::Format::{Decimal, Direction, Id, Padded, Plain};
use plimsoll_model::events::ParamType::{ByteBuf, CharBuf, Dyn, Int16, Int64, RelTime, UInt32, UInt64};
use plimsoll_model::events::{Category, EventFlags, Origin, ParamType, kinds, schema, syscall_name};

pub(super) const FIELDS: &[Row] = &[
    Row::new(
        "evt.latency",
        RelTime,
        Decimal,
        Getter::One(|_| Some(Value::Uint(0))),
        "Always 0: calls have no event of their start any more.",
    )
    .deprecated(),
    Row::new(
        "evt.latency.s",
        RelTime,
        Decimal,
        Getter::One(|_| Some(Value::Uint(0))),
        "Always 0: calls have no event of their start any more.",
    )
    .deprecated(),
    Row::new(
        "evt.latency.ns",
        RelTime,
        Padded,
        Getter::One(|_| Some(Value::Uint(0))),
        "Always 0: calls have no event of their start any more.",
    )
    .deprecated(),
    Row::new(
        "evt.latency.quantized",
        UInt64,
        Decimal,
        Getter::One(|_| Some(Value::Uint(0))),
        "Always 0: calls have no event of their start any more.",
    )
    .deprecated()
    .hidden(),
    Row::text("evt.latency.human", |_| Some(Value::Text(b"0ns")), "Always `0ns`: calls have no event of their start any more.")
        .deprecated(),
    Row::new(
        "evt.deltatime",
        RelTime,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(since_previous(cx)))),
        "Nanoseconds after the event before it.",
    ),
    Row::new(
        "evt.deltatime.s",
        RelTime,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(since_previous(cx) / SECOND))),
        "Whole seconds after the event before it.",
    ),
    Row::new(
        "evt.deltatime.ns",
        RelTime,
        Padded,
        Getter::One(|cx| Some(Value::Uint(since_previous(cx) % SECOND))),
        "The nanoseconds that remain of the time after the event before it when whole seconds are taken off.",
    ),
    Row::text(
        "evt.outputtime",
        |cx| Some(cx.made(format_args!("{}", Time(cx.event.time, TimeStyle::Clock)))),
        "When it was made, as `evt.time`.",
    )
    .limits(Limits { print_only: true, ..Limits::NONE }),
    Row::new(
        "evt.dir",
        CharBuf,
        Direction,
        Getter::One(|cx| Some(Value::Text(if cx.event.kind.is_enter() { b">" } else { b"<" }))),
        "`>` for the start of a call, `<` for its end.",
    )
    .deprecated(),
    Row::text("evt.type", name, "The name of the event (`open`)."),
    Row::new(
        "evt.type.is",
        UInt32,
        Plain,
        Getter::OneOf(is_type),
        "1 for events of the type that stands behind the last dot, 0 for others.",
    )
    .syntax(Syntax::EventType),
    Row::text(
        "syscall.type",
        |cx| if cx.event.info().origin == Origin::Syscall { name(cx) } else { None },
        "The name of the system call; other events have none.",
    ),
    Row::text("evt.category", category, "What it is about: `file`, `net`, `process`, `memory` and others."),
    Row::new(
        "evt.cpu",
        Int16,
        Id,
        Getter::One(|cx| Some(Value::Int(cx.event.cpu.cast_signed().into()))),
        "The processor that it was made on.",
    ),
    Row::text("evt.args", arguments, "All parameters as one text."),
    Row::new(
        "evt.arg",
        CharBuf,
        Plain,
        Getter::OneOf(argument),
        "One parameter as text, by its name or place: `evt.arg.fd`, `evt.arg[0]`.",
    )
    .syntax(Syntax::Param),
    Row::new("evt.rawarg", Dyn, Plain, Getter::OneOf(raw_argument), "One parameter as it is, by its name: `evt.rawarg.fd`.")
        .syntax(Syntax::RawParam)
        .plain_only(),
    Row::text("evt.info", arguments, "The same as `evt.args`."),
    Row::new("evt.buffer", ByteBuf, Plain, Getter::One(buffer), "The bytes that were read or written, as far as they were recorded."),
    Row::new(
        "evt.buflen",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, _| is_io(category))),
        "How many bytes were read or written.",
    ),
    Row::new("evt.res", CharBuf, Decimal, Getter::One(result), "`SUCCESS`, or the name of the error (`ENOENT`)."),
    Row::new("evt.rawres", Int64, Decimal, Getter::One(|cx| Some(Value::Int(returned(cx)?))), "What the call returned, as a number."),
    Row::flag("evt.failed", |cx| Some(Value::Bool(returned(cx)? < 0)), "Whether the call failed."),
    Row::flag("evt.is_io", |cx| has(cx, EventFlags::READS | EventFlags::WRITES), "Whether it reads from a descriptor or writes to one."),
    Row::flag("evt.is_io_read", |cx| has(cx, EventFlags::READS), "Whether it reads from a descriptor."),
    Row::flag("evt.is_io_write", |cx| has(cx, EventFlags::WRITES), "Whether it writes to a descriptor."),
    Row::text("evt.io_dir", direction, "`read` or `write`; other events have none."),
    Row::flag("evt.is_wait", |cx| has(cx, EventFlags::WAITS), "Whether it makes its thread wait."),
    Row::new(
        "evt.wait_latency",
        RelTime,
        Decimal,
        Getter::One(|_| Some(Value::Uint(0))),
        "Always 0: calls have no event of their start any more.",
    )
    .deprecated(),
    Row::flag("evt.is_syslog", is_syslog, "Whether it writes to `/dev/log`."),
    Row::new("evt.count", UInt32, Decimal, Getter::One(|_| Some(Value::Uint(1))), "1 for every event."),
    Row::new("evt.count.error", UInt32, Decimal, Getter::One(errors), "1 for calls that failed, 0 for others."),
    Row::new("evt.count.error.file", UInt32, Decimal, Getter::One(|cx| errors_of(cx, Area::File)), "The same, of calls on files alone."),
    Row::new("evt.count.error.net", UInt32, Decimal, Getter::One(|cx| errors_of(cx, Area::Net)), "The same, of calls on sockets alone."),
    Row::new(
        "evt.count.error.memory",
        UInt32,
        Decimal,
        Getter::One(|cx| (cx.event.info().category == Category::Memory).then(|| errors(cx)).flatten()),
        "The same, of calls on memory alone.",
    ),
    Row::new("evt.count.error.other", UInt32, Decimal, Getter::One(|cx| errors_of(cx, Area::Other)), "The same, of all other calls."),
    Row::new(
        "evt.count.exit",
        UInt32,
        Decimal,
        Getter::One(|cx| (!cx.event.kind.is_enter()).then_some(Value::Uint(1))),
        "1 for ends of calls.",
    ),
    Row::new(
        "evt.count.procinfo",
        UInt32,
        Decimal,
        Getter::One(|cx| {
            Some(Value::Uint(u64::from(cx.event.kind == kinds::PROCINFO_E && cx.thread().is_some_and(|thread| thread.tid == thread.pid))))
        }),
        "1 for reports on processes.",
    )
    .hidden(),
    Row::new(
        "evt.count.threadinfo",
        UInt32,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(u64::from(cx.event.kind == kinds::PROCINFO_E)))),
        "1 for reports on threads.",
    )
    .hidden(),
    Row::new(
        "evt.around",
        UInt64,
        Decimal,
        Getter::One(|_| None),
        "Whether it was made within so many milliseconds of a time: `evt.around[T]=D`, T as `evt.rawtime`. The comparison itself looks at the time.",
    )
    .syntax(Syntax::Around)
    .filter_only(),
    Row::new(
        "evt.abspath",
        CharBuf,
        Plain,
        Getter::OneOf(absolute_path),
        "The full path of a call that takes a directory and a name; `.src` and `.dst` where there are two.",
    )
    .syntax(Syntax::Side),
    Row::new(
        "evt.buflen.in",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, _| category == Category::Read)),
        "How many bytes were read.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.out",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, _| category == Category::Write)),
        "How many bytes were written.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.file",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| is_io(category) && kind == DescriptorType::File)),
        "How many bytes were read from files or written to them.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.file.in",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| category == Category::Read && kind == DescriptorType::File)),
        "How many bytes were read from files.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.file.out",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| category == Category::Write && kind == DescriptorType::File)),
        "How many bytes were written to files.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.net",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| is_io(category) && super::descriptor::is_inet(kind))),
        "How many bytes were received or sent.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.net.in",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| category == Category::Read && super::descriptor::is_inet(kind))),
        "How many bytes were received.",
    )
    .hidden(),
    Row::new(
        "evt.buflen.net.out",
        UInt64,
        Decimal,
        Getter::One(|cx| moved(cx, |category, kind| category == Category::Write && super::descriptor::is_inet(kind))),
        "How many bytes were sent.",
    )
    .hidden(),
    Row::flag("evt.is_open_read", |cx| opened(cx, |open| open.flags & O_RDONLY != 0), "Whether it opens a file for reading."),
    Row::flag("evt.is_open_write", |cx| opened(cx, |open| open.flags & O_WRONLY != 0), "Whether it opens a file for writing."),
    Row::text("evt.infra.docker.name", |_| None, "Of reports on Docker, what happened; no recorder makes them any more.").hidden(),
    Row::text("evt.infra.docker.container.id", |_| None, "Of reports on Docker, the container's id; no recorder makes them any more.")
        .hidden(),
    Row::text("evt.infra.docker.container.name", |_| None, "Of reports on Docker, the container's name; no recorder makes them any more.")
        .hidden(),
    Row::text(
        "evt.infra.docker.container.image",
        |_| None,
        "Of reports on Docker, the container's image; no recorder makes them any more.",
    )
    .hidden(),
    Row::flag("evt.is_open_exec", is_open_exec, "Whether it makes a file that may be executed."),
    Row::flag(
        "evt.is_open_create",
        |cx| opened(cx, |open| open.flags & O_F_CREATED != 0 || (open.flags & O_TMPFILE != 0 && open.result >= 0)),
        "Whether it makes the file that it opens.",
    ),
];

fn since_previous(cx: &Context<'_>) -> u64 {
    cx.event.time.wrapping_sub(cx.stream.previous.unwrap_or(cx.event.time))
}

/// A system call that the schema has no type for goes by its own name, a report on the recording by what it is about.
fn name<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let params = &cx.event.params;
    Some(Value::Text(match cx.event.kind {
        kinds::GENERIC_X => params.uint(0).and_then(|number| syscall_name(u16::try_from(number).ok()?)).unwrap_or("unknown").as_bytes(),
        kinds::ASYNCEVENT_E => params.get(1).map(text).unwrap_or_default(),
        _ => cx.event.info().name.as_bytes(),
    }))
}

/// A name stands for its first two numbers alone: the entry and the exit of the oldest layout.
fn is_type<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let kind = cx.event.kind;
    let is = match arg? {
        Arg::Index(number) => u64::from(kind.0) == *number,
        Arg::Key(name) => {
            cx.event.info().name == &**name
                && schema()
                    .iter()
                    .find(|info| info.name == &**name)
                    .is_some_and(|first| kind.0 == first.kind.0 || kind.0 == first.kind.0 + 1)
        }
    };
    Some(Value::Uint(is.into()))
}

/// Reads and writes are about what their descriptor is.
fn category<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let category = cx.event.info().category;
    Some(Value::Text(match category {
        Category::Ipc => b"IPC",
        Category::Read | Category::Write | Category::Io => match cx.state.current_descriptor().map(|descriptor| descriptor.kind) {
            Some(DescriptorType::File | DescriptorType::Directory) => b"file",
            Some(kind) if super::descriptor::is_inet(kind) => b"net",
            Some(
                DescriptorType::Fifo
                | DescriptorType::Unix
                | DescriptorType::Event
                | DescriptorType::Signal
                | DescriptorType::Inotify
                | DescriptorType::UserFault,
            ) => b"ipc",
            _ => b"unknown",
        },
        _ => category.word().as_bytes(),
    }))
}

/// Parameters of calls without a type of their own are numbers that only the recorder needs.
fn arguments<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let mut out = BumpVec::new_in(cx.arena);
    if cx.event.kind != kinds::GENERIC_X {
        for param in (0..cx.event.params.len()).map_while(|index| Param::at(cx, index)) {
            if !out.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice_copy(param.name().as_bytes());
            out.push(b'=');
            out.extend_from_slice_copy(param.plain());
            if let Some(meaning) = param.meaning() {
                out.push(b'(');
                out.extend_from_slice_copy(meaning);
                out.push(b')');
            }
        }
    }
    Some(Value::Text(out.into_bump_slice()))
}

fn argument<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let param = match arg? {
        Arg::Index(index) => Param::at(cx, usize::try_from(*index).ok()?),
        Arg::Key(name) => Param::named(cx, name),
    };
    Some(Value::Text(param?.best()))
}

fn raw_argument<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let Arg::Key(name) = arg? else { return None };
    let (index, info) = cx.event.param(name)?;
    let bytes = cx.event.params.get(index)?;
    if bytes.is_empty() && !matches!(info.kind, ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath) {
        return None;
    }
    match info.kind {
        ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath => Some(Value::Text(text(bytes))),
        ParamType::Int8 | ParamType::Int16 | ParamType::Int32 | ParamType::Int64 | ParamType::Errno | ParamType::Fd | ParamType::Pid => {
            cx.event.params.int(index).map(Value::Int)
        }
        ParamType::UInt8
        | ParamType::UInt16
        | ParamType::UInt32
        | ParamType::UInt64
        | ParamType::Flags8
        | ParamType::Flags16
        | ParamType::Flags32
        | ParamType::EnumFlags8
        | ParamType::EnumFlags16
        | ParamType::EnumFlags32
        | ParamType::Mode
        | ParamType::Uid
        | ParamType::Gid
        | ParamType::RelTime
        | ParamType::AbsTime
        | ParamType::SyscallId
        | ParamType::SigType
        | ParamType::SigSet => cx.event.params.uint(index).map(Value::Uint),
        ParamType::Bool => cx.event.params.uint(index).map(|number| Value::Bool(number != 0)),
        _ => Some(Value::Bytes(bytes)),
    }
}

fn buffer<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let (index, _) = cx.event.param("data")?;
    cx.event.params.get(index).map(Value::Bytes)
}

fn is_io(category: Category) -> bool {
    matches!(category, Category::Read | Category::Write | Category::Io)
}

/// How many bytes went through a descriptor, if the event is of a kind and did not fail.
fn moved<'e>(cx: &Context<'e>, counts: fn(Category, DescriptorType) -> bool) -> Option<Value<'e>> {
    let kind = cx.state.current_descriptor()?.kind;
    let bytes = u64::try_from(returned(cx)?).ok()?;
    counts(cx.event.info().category, kind).then_some(Value::Uint(bytes))
}

/// What a system call returned: its first parameter, whatever that is called.
fn returned(cx: &Context<'_>) -> Option<i64> {
    let event = cx.event;
    let has = event.info().origin == Origin::Syscall && !event.kind.is_enter() && event.kind != kinds::GENERIC_X;
    let first = event.params.get(0).filter(|_| has)?;
    Some(if matches!(first.len(), 4 | 8) { event.params.int(0).unwrap_or_default() } else { 0 })
}

fn result<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let ok = returned(cx)? >= 0;
    Some(Value::Text(if ok { b"SUCCESS" } else { Param::at(cx, 0)?.best() }))
}

#[expect(clippy::unnecessary_wraps, reason = "rows ask for an option")]
fn has<'e>(cx: &Context<'e>, flags: u16) -> Option<Value<'e>> {
    Some(Value::Bool(cx.event.info().flags.has(flags)))
}

fn direction<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let flags = cx.event.info().flags;
    if flags.has(EventFlags::WRITES) { Some(Value::Text(b"write")) } else { flags.has(EventFlags::READS).then_some(Value::Text(b"read")) }
}

#[expect(clippy::unnecessary_wraps, reason = "rows ask for an option")]
fn is_syslog<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let writes = cx.event.info().flags.has(EventFlags::WRITES);
    let log = |descriptor: &Descriptor| memchr::memmem::find(&descriptor.name, b"/dev/log").is_some();
    Some(Value::Bool(writes && cx.state.current_descriptor().is_some_and(log)))
}

fn errors<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    Some(Value::Uint(u64::from(returned(cx)? < 0)))
}

/// What a call that failed was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    File,
    Net,
    Other,
}

fn errors_of<'e>(cx: &Context<'e>, area: Area) -> Option<Value<'e>> {
    let of = match (cx.state.current_descriptor().map(|descriptor| descriptor.kind), cx.event.kind) {
        (Some(DescriptorType::File | DescriptorType::Directory), _)
        | (None, kinds::OPEN_X | kinds::CREAT_X | kinds::OPENAT_2_X | kinds::OPENAT2_X | kinds::OPEN_BY_HANDLE_AT_X) => Some(Area::File),
        (Some(kind), _) if kind == DescriptorType::Unix || super::descriptor::is_inet(kind) => Some(Area::Net),
        (None, kinds::ACCEPT_5_X | kinds::ACCEPT4_6_X | kinds::CONNECT_X) => Some(Area::Net),
        (None, _) if cx.event.info().category == Category::Memory => None,
        _ => Some(Area::Other),
    };
    if of == Some(area) { errors(cx) } else { None }
}

fn absolute_path<'e>(cx: &Context<'e>, side: Option<&Arg>) -> Option<Value<'e>> {
    cx.thread()?;
    let second = matches!(side, Some(Arg::Key(side)) if &**side == "dst");
    let (directory, name) = match cx.event.kind {
        kinds::RENAMEAT_X | kinds::RENAMEAT2_X if second => ("newdirfd", "newpath"),
        kinds::RENAMEAT_X | kinds::RENAMEAT2_X => ("olddirfd", "oldpath"),
        kinds::LINKAT_2_X if second => ("newdir", "newpath"),
        kinds::LINKAT_2_X => ("olddir", "oldpath"),
        kinds::SYMLINKAT_X => ("linkdirfd", "linkpath"),
        kinds::OPENAT_2_X | kinds::OPENAT2_X | kinds::UNLINKAT_2_X => ("dirfd", "name"),
        kinds::MKDIRAT_X => ("dirfd", "path"),
        kinds::FCHMODAT_X => ("dirfd", "filename"),
        kinds::FCHOWNAT_X => ("dirfd", "pathname"),
        // Only one that was opened has a path.
        kinds::OPEN_BY_HANDLE_AT_X if returned(cx)? > 0 => {
            return Some(Value::Text(path::join_in(cx.arena, b"", text(cx.event.params.get(3)?))));
        }
        _ => return None,
    };
    let (directory, _) = cx.event.param(directory)?;
    let (name, _) = cx.event.param(name)?;
    let name = text(cx.event.params.get(name).filter(|name| !name.is_empty())?);
    let base = match cx.base(cx.event.params.int(directory)?, name) {
        b"<UNKNOWN>" => b"<UNKNOWN>/",
        base => base,
    };
    Some(Value::Text(path::join_in(cx.arena, base, name)))
}

// Bits of `file_flags`. What is opened for both has the bits of reading and of writing.
const O_RDONLY: u32 = 1;
const O_WRONLY: u32 = 1 << 1;
const O_CREAT: u32 = 1 << 2;
const O_TMPFILE: u32 = 1 << 13;
const O_F_CREATED: u32 = 1 << 14;
/// Execution by owner, group or others.
const X_ANY: u64 = 0o111;

/// How a file was opened.
struct Open {
    flags: u32,
    /// Permissions of a new file; `open_by_handle_at` makes none.
    mode: u64,
    result: i64,
}

fn open(cx: &Context<'_>) -> Option<Open> {
    let params = &cx.event.params;
    let (flags, mode) = match cx.event.kind {
        kinds::OPEN_X => (2, Some(3)),
        kinds::OPEN_BY_HANDLE_AT_X => (2, None),
        kinds::OPENAT_2_X | kinds::OPENAT2_X => (3, Some(4)),
        _ => return None,
    };
    Some(Open {
        flags: params.uint(flags).and_then(|flags| u32::try_from(flags).ok()).unwrap_or_default(),
        mode: mode.and_then(|mode| params.uint(mode)).unwrap_or_default(),
        result: returned(cx)?,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "rows ask for an option")]
fn opened<'e>(cx: &Context<'e>, is: fn(&Open) -> bool) -> Option<Value<'e>> {
    Some(Value::Bool(open(cx).is_some_and(|open| is(&open))))
}

fn is_open_exec<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    if cx.event.kind == kinds::CREAT_X {
        return Some(Value::Bool(cx.event.params.uint(2).is_some_and(|mode| mode & X_ANY != 0)));
    }
    opened(cx, |open| open.flags & (O_TMPFILE | O_CREAT) != 0 && open.mode & X_ANY != 0)
}
