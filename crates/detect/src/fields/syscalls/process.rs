//! `proc.*` and `thread.*`: who made an event.

use super::lineage::{ancestor, group_leader, lineage, older};
use super::{Arg, Context, Getter, Row, Syntax};
use crate::Value;
use crate::state::{Thread, items};
use plimsoll_model::events::{Format, ParamType, kinds};

/// A text of the thread's own.
macro_rules! of_thread {
    ($name:literal, $text:ident, $description:literal) => {
        Row::text($name, |cx| Some(Value::Text(&cx.thread()?.$text)), $description)
    };
}

/// A number of the thread's own; `$when` says for which it has a value.
macro_rules! number {
    ($name:literal, $kind:ident, $format:ident, $get:expr, $description:literal) => {
        Row::new($name, ParamType::$kind, Format::$format, Getter::One($get), $description)
    };
}

/// A text of ancestors: of the one that a number tells, or of all.
macro_rules! of_ancestors {
    ($name:literal, |$cx:ident, $thread:ident| $get:expr, $description:literal) => {
        Row::new(
            $name,
            ParamType::CharBuf,
            Format::Plain,
            Getter::Many(|$cx, arg, out| match arg {
                Some(Arg::Index(steps)) => out.extend(ancestor($cx, *steps).map(|$thread| $get)),
                _ => out.extend(lineage($cx).map(|$thread| $get)),
            }),
            $description,
        )
        .syntax(Syntax::Index)
        .plain_only()
    };
}

pub(super) const FIELDS: &[Row] = &[
    of_thread!("proc.exe", exe, "The first argument of the command line (argv[0]), which the caller of execve chooses."),
    Row::text("proc.pexe", |cx| Some(Value::Text(&ancestor(cx, 1)?.exe)), "The same of the parent process."),
    of_ancestors!("proc.aexe", |cx, thread| Value::Text(&thread.exe), "The same of ancestors: `proc.aexe[1]` is the parent; without a number one of them has to match."),
    of_thread!("proc.exepath", exepath, "The file that is executed, without links as far as the kernel told."),
    Row::text("proc.pexepath", |cx| Some(Value::Text(&ancestor(cx, 1)?.exepath)), "The same of the parent process."),
    of_ancestors!("proc.aexepath", |cx, thread| Value::Text(&thread.exepath), "The same of ancestors; without a number one of them has to match."),
    of_thread!("proc.name", comm, "The name of the process as the kernel keeps it: at most 15 bytes."),
    Row::text("proc.pname", |cx| Some(Value::Text(&ancestor(cx, 1)?.comm)), "The same of the parent process."),
    of_ancestors!("proc.aname", |cx, thread| Value::Text(&thread.comm), "The same of ancestors; `proc.aname[0]` is the process itself; without a number one of them has to match."),
    Row::new(
        "proc.args",
        ParamType::CharBuf,
        Format::Plain,
        Getter::OneOf(|cx, arg| {
            let thread = cx.thread()?;
            Some(Value::Text(match arg {
                Some(Arg::Index(place)) => usize::try_from(*place).ok().and_then(|place| items(&thread.args).nth(place)).unwrap_or_default(),
                _ => spaced(cx, &[], &thread.args),
            }))
        }),
        "The arguments behind the first one, with blanks between them; `proc.args[0]` is the first of these.",
    )
    .syntax(Syntax::Index),
    Row::new(
        "proc.aargs",
        ParamType::CharBuf,
        Format::Plain,
        Getter::OneOf(|cx, arg| match arg {
            Some(Arg::Index(steps)) => ancestor(cx, *steps).map(|thread| Value::Text(spaced(cx, &[], &thread.args))),
            _ => {
                let mut all = bumpalo::collections::Vec::new_in(cx.arena);
                for thread in lineage(cx) {
                    if !all.is_empty() {
                        all.push(b' ');
                    }
                    all.extend_from_slice_copy(spaced(cx, &[], &thread.args));
                }
                (!all.is_empty()).then(|| Value::Text(all.into_bump_slice()))
            }
        }),
        "The arguments of an ancestor.",
    )
    .syntax(Syntax::Index),
    Row::text("proc.cmdline", |cx| cx.thread().map(|thread| command_line(cx, thread)), "Name and arguments, with blanks between them."),
    Row::text("proc.pcmdline", |cx| ancestor(cx, 1).map(|thread| command_line(cx, thread)), "The same of the parent process."),
    of_ancestors!("proc.acmdline", |cx, thread| command_line(cx, thread), "The same of ancestors; without a number one of them has to match."),
    number!("proc.cmdnargs", UInt64, Decimal, |cx| Some(Value::Uint(items(&cx.thread()?.args).count() as u64)), "How many arguments stand behind the first one."),
    number!("proc.cmdlenargs", UInt64, Decimal, |cx| Some(Value::Uint(items(&cx.thread()?.args).map(|item| item.len() as u64).sum())), "How many bytes they have together, without what stands between them."),
    Row::text("proc.exeline", |cx| cx.thread().map(|thread| Value::Text(spaced_always(cx, &thread.exe, &thread.args))), "The whole command line, argv[0] first."),
    Row::new("proc.env", ParamType::CharBuf, Format::Plain, Getter::OneOf(environment), "The environment, with blanks between its variables; `proc.env[HOME]` is the value of one.").syntax(Syntax::IndexOrKey),
    Row::new("proc.aenv", ParamType::CharBuf, Format::Plain, Getter::Many(ancestors_environment), "The environment of ancestors: `proc.aenv[2]` of the grandparent, `proc.aenv[HOME]` the nearest value of a variable; without either one of them has to match.")
        .syntax(Syntax::IndexOrKey)
        .plain_only(),
    Row::text("proc.cwd", |cx| cx.cwd().map(Value::Text), "The working directory, with a slash at its end."),
    number!("proc.loginshellid", Int64, Id, login_shell, "The oldest shell among the process and its ancestors."),
    number!("proc.tty", UInt32, Id, |cx| Some(Value::Uint(cx.thread()?.tty.into())), "The number of the controlling terminal; 0 is none."),
    number!("proc.pid", Int64, Id, |cx| id(cx.thread()?.pid), "The process."),
    number!("proc.ppid", Int64, Id, |cx| id(ancestor(cx, 1)?.pid), "The parent process."),
    Row::new(
        "proc.apid",
        ParamType::Int64,
        Format::Id,
        Getter::Many(|cx, arg, out| match arg {
            Some(Arg::Index(steps)) => out.extend(ancestor(cx, *steps).and_then(|thread| id(thread.pid))),
            _ => out.extend(lineage(cx).filter_map(|thread| id(thread.pid))),
        }),
        "The process of ancestors; without a number one of them has to match.",
    )
    .syntax(Syntax::Index)
    .plain_only(),
    number!("proc.vpid", Int64, Id, |cx| known(cx.thread()?.vpid), "The process as its own pid namespace numbers it."),
    number!("proc.pvpid", Int64, Id, |cx| Some(Value::Int(cx.state.parent(cx.thread()?)?.vpid)), "The parent process, likewise."),
    number!("proc.sid", Int64, Id, |cx| Some(Value::Int(cx.thread()?.sid)), "The session."),
    Row::text("proc.sname", |cx| Some(Value::Text(older(cx, |thread| thread.sid, true)?.map_or(&[], |thread| &thread.comm))), "The name of the session's leader, or of the oldest ancestor in the session."),
    Row::text("proc.sid.exe", |cx| Some(Value::Text(older(cx, |thread| thread.sid, true)?.map_or(&[], |thread| &thread.exe))), "The first argument of the session's leader."),
    Row::text("proc.sid.exepath", |cx| Some(Value::Text(older(cx, |thread| thread.sid, true)?.map_or(&[], |thread| &thread.exepath))), "The file that the session's leader executes."),
    number!("proc.vpgid", Int64, Id, |cx| Some(Value::Int(cx.thread()?.vpgid)), "The process group as its own pid namespace numbers it."),
    Row::text("proc.vpgid.name", |cx| Some(Value::Text(older(cx, |thread| thread.vpgid, true)?.map_or(&[], |thread| &thread.comm))), "The name of that group's leader."),
    Row::text("proc.vpgid.exe", |cx| Some(Value::Text(older(cx, |thread| thread.vpgid, true)?.map_or(&[], |thread| &thread.exe))), "The first argument of that group's leader."),
    Row::text("proc.vpgid.exepath", |cx| Some(Value::Text(older(cx, |thread| thread.vpgid, true)?.map_or(&[], |thread| &thread.exepath))), "The file that the group's leader executes."),
    number!("proc.pgid", Int64, Id, |cx| Some(Value::Int(cx.thread()?.pgid)), "The process group as the host numbers it."),
    Row::text("proc.pgid.name", |cx| Some(Value::Text(group_leader(cx)?.map_or(&[], |thread| &thread.comm))), "The name of that group's leader."),
    Row::text("proc.pgid.exe", |cx| Some(Value::Text(group_leader(cx)?.map_or(&[], |thread| &thread.exe))), "The first argument of that group's leader."),
    Row::text("proc.pgid.exepath", |cx| Some(Value::Text(group_leader(cx)?.map_or(&[], |thread| &thread.exepath))), "The file that the group's leader executes."),
    number!("proc.duration", RelTime, Decimal, |cx| since(cx, cx.thread()?.clone_time), "Nanoseconds since the process started."),
    number!("proc.ppid.duration", RelTime, Decimal, |cx| since(cx, ancestor(cx, 1)?.clone_time), "Nanoseconds since the parent process started."),
    number!("proc.pid.ts", RelTime, Decimal, |cx| not_zero(cx.thread()?.clone_time), "When the process started: nanoseconds since 1970."),
    number!("proc.ppid.ts", RelTime, Decimal, |cx| Some(Value::Uint(cx.state.parent(cx.thread()?)?.clone_time)), "When the parent process started."),
    Row::flag("proc.is_exe_writable", |cx| Some(Value::Bool(cx.thread()?.exe_writable)), "Whether the user that started the process may write the file that it executes."),
    Row::flag("proc.is_exe_upper_layer", |cx| Some(Value::Bool(cx.thread()?.exe_upper_layer)), "Whether that file lies in the upper layer of an overlay: it is not part of the image."),
    Row::flag("proc.is_exe_lower_layer", |cx| Some(Value::Bool(cx.thread()?.exe_lower_layer)), "Whether it lies in a lower layer of an overlay."),
    Row::flag("proc.is_exe_from_memfd", |cx| Some(Value::Bool(cx.thread()?.exe_from_memfd)), "Whether it is memory without a file (`memfd_create`)."),
    Row::flag("proc.is_sid_leader", |cx| cx.thread().map(|thread| Value::Bool(thread.sid == thread.vpid)), "Whether the process leads its session."),
    Row::flag("proc.is_vpgid_leader", |cx| cx.thread().map(|thread| Value::Bool(thread.vpgid == thread.vpid)), "Whether it leads its group, as its own pid namespace numbers both."),
    Row::flag("proc.is_pgid_leader", |cx| cx.thread().map(|thread| Value::Bool(thread.pgid == thread.pid)), "Whether it leads its group, as the host numbers both."),
    number!("proc.exe_ino", Int64, Decimal, |cx| not_zero(cx.thread()?.exe_ino).map(signed), "The inode of the file that is executed."),
    number!("proc.exe_ino.ctime", AbsTime, Decimal, |cx| not_zero(cx.thread()?.exe_ino_ctime), "When that inode changed: nanoseconds since 1970."),
    number!("proc.exe_ino.mtime", AbsTime, Decimal, |cx| not_zero(cx.thread()?.exe_ino_mtime), "When the content of that file changed."),
    number!("proc.exe_ino.ctime_duration_proc_start", AbsTime, Decimal, |cx| not_zero(cx.thread()?.exe_ino_ctime_duration_clone), "Nanoseconds from the change of the inode to the start of the process."),
    number!("proc.exe_ino.ctime_duration_pidns_start", AbsTime, Decimal, |cx| not_zero(cx.thread()?.exe_ino_ctime_duration_pidns_start), "Nanoseconds from the start of the pid namespace to the change of the inode, if that came later."),
    number!("proc.pidns_init_start_ts", UInt64, Decimal, |cx| not_zero(cx.thread()?.pidns_init_start), "When the first process of the pid namespace started."),
    Row::text("thread.cap_permitted", |cx| cx.thread().map(|thread| capabilities(cx, thread.cap_permitted)), "The capabilities that the thread may use."),
    Row::text("thread.cap_inheritable", |cx| cx.thread().map(|thread| capabilities(cx, thread.cap_inheritable)), "The capabilities that it hands down."),
    Row::text("thread.cap_effective", |cx| cx.thread().map(|thread| capabilities(cx, thread.cap_effective)), "The capabilities that it uses."),
    number!("proc.fdopencount", UInt64, Decimal, |cx| Some(Value::Uint(cx.state.open_descriptors(cx.thread()?))), "How many descriptors the process has open."),
    number!("proc.fdlimit", Int64, Decimal, |cx| cx.thread().map(|thread| Value::Int(limit(cx, thread))), "How many it may have open."),
    Row::new("proc.fdusage", ParamType::Double, Format::Plain, Getter::One(usage), "The share of these that is open, in percent."),
    number!("proc.vmsize", UInt64, Decimal, |cx| Some(Value::Uint(cx.thread()?.vmsize_kb.into())), "Virtual memory in KiB."),
    number!("proc.vmrss", UInt64, Decimal, |cx| Some(Value::Uint(cx.thread()?.vmrss_kb.into())), "Resident memory in KiB."),
    number!("proc.vmswap", UInt64, Decimal, |cx| Some(Value::Uint(cx.thread()?.vmswap_kb.into())), "Swapped memory in KiB."),
    number!("thread.pfmajor", UInt64, Decimal, |cx| Some(Value::Uint(cx.thread()?.pfmajor)), "Major page faults since the thread started."),
    number!("thread.pfminor", UInt64, Decimal, |cx| Some(Value::Uint(cx.thread()?.pfminor)), "Minor page faults since the thread started."),
    number!("thread.tid", Int64, Id, |cx| id(cx.event.tid), "The thread."),
    Row::flag("thread.ismain", |cx| Some(Value::Bool(cx.thread()?.is_leader())), "Whether the thread leads its process."),
    number!("thread.vtid", Int64, Id, |cx| known(cx.thread()?.vtid), "The thread as its own pid namespace numbers it."),
    Row::text("thread.nametid", |cx| cx.thread().map(|thread| Value::Text(joined(cx, &[&thread.comm, cx.decimal(cx.event.tid)]))), "Name and thread in one.").hidden(),
    number!("thread.exectime", RelTime, Decimal, |_| Some(Value::Uint(0)), "Processor time since the thread was scheduled in; captures of today do not hold it.").deprecated(),
    number!("thread.totexectime", RelTime, Decimal, |cx| cx.thread().map(|_| Value::Uint(0)), "Processor time since the capture started; captures of today do not hold it.").deprecated(),
    Row::text("thread.cgroups", |cx| Some(Value::Text(spaced(cx, &[], &cx.thread().filter(|thread| !thread.cgroups.is_empty())?.cgroups))), "The control groups, with blanks between them."),
    Row::new("thread.cgroup", ParamType::CharBuf, Format::Plain, Getter::OneOf(control_group), "The control group of one controller: `thread.cgroup.memory`.").syntax(Syntax::Word),
    number!("proc.nthreads", UInt64, Decimal, |cx| Some(Value::Uint(cx.state.running_threads(cx.thread()?))), "How many threads of the process run, its leader included."),
    number!("proc.nchilds", UInt64, Decimal, followers, "How many threads of the process run beside its leader."),
    Row::new("thread.cpu", ParamType::Double, Format::Plain, Getter::One(|cx| load(cx, true, true)), "The share of a processor that the thread used in the last second, in percent; only in events that report it."),
    Row::new("thread.cpu.user", ParamType::Double, Format::Plain, Getter::One(|cx| load(cx, true, false)), "The part of it in user space."),
    Row::new("thread.cpu.system", ParamType::Double, Format::Plain, Getter::One(|cx| load(cx, false, true)), "The part of it in the kernel."),
    number!("thread.vmsize", UInt64, Decimal, |cx| cx.thread().map(|thread| Value::Uint(if thread.is_leader() { thread.vmsize_kb.into() } else { 0 })), "Virtual memory in KiB, told once for each process: of its leader."),
    number!("thread.vmrss", UInt64, Decimal, |cx| cx.thread().map(|thread| Value::Uint(if thread.is_leader() { thread.vmrss_kb.into() } else { 0 })), "Resident memory, likewise."),
    number!("thread.vmsize.b", UInt64, Decimal, |cx| cx.thread().map(|thread| Value::Uint(if thread.is_leader() { u64::from(thread.vmsize_kb) * 1024 } else { 0 })), "Virtual memory in bytes, likewise.").hidden(),
    number!("thread.vmrss.b", UInt64, Decimal, |cx| cx.thread().map(|thread| Value::Uint(if thread.is_leader() { u64::from(thread.vmrss_kb) * 1024 } else { 0 })), "Resident memory in bytes, likewise.").hidden(),
    Row::text("proc.stdin.type", |cx| stream_type(cx, 0), "What descriptor 0 is."),
    Row::text("proc.stdout.type", |cx| stream_type(cx, 1), "What descriptor 1 is."),
    Row::text("proc.stderr.type", |cx| stream_type(cx, 2), "What descriptor 2 is."),
    Row::text("proc.stdin.name", |cx| stream_name(cx, 0), "The name of descriptor 0."),
    Row::text("proc.stdout.name", |cx| stream_name(cx, 1), "The name of descriptor 1."),
    Row::text("proc.stderr.name", |cx| stream_name(cx, 2), "The name of descriptor 2."),
];

/// Ids that are too large for one stand for processes that the source of the event cannot name.
fn id<'e>(id: i64) -> Option<Value<'e>> {
    (-1..=i64::from(u32::MAX)).contains(&id).then_some(Value::Int(id))
}

fn known<'e>(id: i64) -> Option<Value<'e>> {
    (id != -1).then_some(Value::Int(id))
}

fn not_zero<'e>(number: u64) -> Option<Value<'e>> {
    (number != 0).then_some(Value::Uint(number))
}

fn signed(value: Value<'_>) -> Value<'_> {
    if let Value::Uint(number) = value { Value::Int(number.cast_signed()) } else { value }
}

fn since<'e>(cx: &Context<'e>, start: u64) -> Option<Value<'e>> {
    (start != 0).then(|| Value::Uint(cx.event.time.wrapping_sub(start)))
}

/// Some texts one after the other.
fn joined<'e>(cx: &Context<'e>, parts: &[&[u8]]) -> &'e [u8] {
    let mut all = bumpalo::collections::Vec::with_capacity_in(parts.iter().map(|part| part.len()).sum(), cx.arena);
    for part in parts {
        all.extend_from_slice_copy(part);
    }
    all.into_bump_slice()
}

/// The items of a list with blanks between them, behind something if there is any.
fn spaced<'e>(cx: &Context<'e>, first: &[u8], list: &[u8]) -> &'e [u8] {
    let list = list.strip_suffix(b"\0").unwrap_or(list);
    let mut all = bumpalo::collections::Vec::with_capacity_in(first.len() + 1 + list.len(), cx.arena);
    all.extend_from_slice_copy(first);
    if !first.is_empty() && !list.is_empty() {
        all.push(b' ');
    }
    let start = all.len();
    all.extend_from_slice_copy(list);
    for byte in all.iter_mut().skip(start).filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    all.into_bump_slice()
}

/// Likewise, with a blank behind the first even if nothing follows.
fn spaced_always<'e>(cx: &Context<'e>, first: &[u8], list: &[u8]) -> &'e [u8] {
    let list = list.strip_suffix(b"\0").unwrap_or(list);
    joined(cx, &[first, b" ", spaced(cx, &[], list)])
}

fn command_line<'e>(cx: &Context<'e>, thread: &Thread) -> Value<'e> {
    Value::Text(spaced(cx, &thread.comm, &thread.args))
}

/// The environment belongs to the process.
fn variables<'e>(cx: &Context<'e>, thread: &'e Thread) -> &'e [u8] {
    cx.state.leader(thread).map_or(&thread.env, |leader| &leader.env)
}

/// The value of a variable without the blanks around it; empty if there is none.
fn variable<'e>(cx: &Context<'e>, thread: &'e Thread, name: &str) -> &'e [u8] {
    let value = |item: &'e [u8]| item.strip_prefix(name.as_bytes())?.strip_prefix(b"=").filter(|value| !value.is_empty());
    let value = items(variables(cx, thread)).find_map(value).unwrap_or_default();
    let start = value.iter().position(|byte| *byte != b' ').unwrap_or(value.len());
    let end = value.iter().rposition(|byte| *byte != b' ').map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

fn environment<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let thread = cx.thread()?;
    Some(Value::Text(match arg {
        Some(Arg::Key(name)) if !name.is_empty() => variable(cx, thread, name),
        _ => spaced(cx, &[], variables(cx, thread)),
    }))
}

/// How many ancestors are asked for a variable.
const GENERATIONS: usize = 20;

fn ancestors_environment<'e>(cx: &Context<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let Some(thread) = cx.thread() else { return };
    let own = || Value::Text(spaced(cx, &[], variables(cx, thread)));
    match arg {
        Some(Arg::Key(name)) if !name.is_empty() => {
            let found = lineage(cx).take(GENERATIONS).map(|thread| variable(cx, thread, name)).find(|value| !value.is_empty());
            out.push(Value::Text(found.unwrap_or_default()));
        }
        Some(Arg::Index(steps)) if *steps > 0 => {
            out.extend(
                usize::try_from(*steps)
                    .ok()
                    .and_then(|steps| lineage(cx).nth(steps - 1))
                    .map(|thread| Value::Text(spaced(cx, &[], variables(cx, thread)))),
            );
        }
        Some(_) => out.push(own()),
        None => out.extend(lineage(cx).map(|thread| Value::Text(spaced(cx, &[], variables(cx, thread))))),
    }
}

fn login_shell<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let first = cx.state.leader(cx.thread()?)?;
    let shells = std::iter::once(first).chain(lineage(cx)).filter(|thread| thread.comm.ends_with(b"sh"));
    shells.last().map(|thread| Value::Int(thread.pid))
}

fn limit(cx: &Context<'_>, thread: &Thread) -> i64 {
    cx.state.leader(thread).map_or(0, |leader| leader.fdlimit)
}

fn usage<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let thread = cx.thread()?;
    let (open, limit) = (cx.state.open_descriptors(thread), limit(cx, thread));
    Some(Value::Double(match u64::try_from(limit) {
        Ok(0) | Err(_) => 0.0,
        Ok(limit) if open > limit => 100.0,
        Ok(limit) => open as f64 * 100.0 / limit as f64,
    }))
}

fn followers<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let thread = cx.thread()?;
    let running = cx.state.running_threads(thread);
    let led = cx.state.leader(thread).is_some_and(|leader| !leader.dead);
    Some(Value::Uint(running.saturating_sub(u64::from(led))))
}

/// The names of capabilities by their bits.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

fn capabilities<'e>(cx: &Context<'e>, bits: u64) -> Value<'e> {
    let mut names = bumpalo::collections::String::new_in(cx.arena);
    for (_, name) in CAPABILITIES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1) {
        if !names.is_empty() {
            names.push(' ');
        }
        names.push_str("CAP_");
        names.push_str(name);
    }
    Value::Text(names.into_bump_str().as_bytes())
}

fn control_group<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let Some(Arg::Key(controller)) = arg else { return None };
    let of = |item: &'e [u8]| item.strip_prefix(controller.as_bytes())?.strip_prefix(b"=");
    items(&cx.thread()?.cgroups).find_map(of).map(Value::Text)
}

/// What an event that reports the use of processors says of it.
fn load<'e>(cx: &Context<'e>, user: bool, system: bool) -> Option<Value<'e>> {
    if cx.event.kind != kinds::PROCINFO_E {
        return None;
    }
    let share = |place| cx.event.params.uint(place).map(|share| share as f64);
    let user = if user { share(0)? } else { 0.0 };
    let system = if system { share(1)? } else { 0.0 };
    Some(Value::Double(user + system))
}

fn stream_type<'e>(cx: &Context<'e>, fd: i64) -> Option<Value<'e>> {
    let descriptor = cx.state.descriptor(cx.thread()?, fd)?;
    Some(Value::Text(super::descriptor::word(descriptor.kind).as_bytes()))
}

fn stream_name<'e>(cx: &Context<'e>, fd: i64) -> Option<Value<'e>> {
    Some(Value::Text(&cx.state.descriptor(cx.thread()?, fd)?.name))
}
