//! `fs.path.*`: the paths that a call works on, whether it opens them or not. Only calls that succeeded have them.

use super::param::text;
use super::{Context, Row};
use crate::Value;
use crate::path;
use crate::state::DescriptorType;
use plimsoll_model::events::{EventType, kinds};

pub(super) const FIELDS: &[Row] = &[
    Row::text("fs.path.name", |cx| full(cx, Which::Name), "The full path that the call works on."),
    Row::text("fs.path.nameraw", |cx| raw(cx, Which::Name).map(Value::Text), "The path that the call works on, as the process wrote it."),
    Row::text("fs.path.source", |cx| full(cx, Which::Source), "Of calls with two paths, the full path that they start from."),
    Row::text(
        "fs.path.sourceraw",
        |cx| raw(cx, Which::Source).map(Value::Text),
        "Of calls with two paths, that which they start from, as the process wrote it.",
    ),
    Row::text("fs.path.target", |cx| full(cx, Which::Target), "Of calls with two paths, the full path that they lead to."),
    Row::text(
        "fs.path.targetraw",
        |cx| raw(cx, Which::Target).map(Value::Text),
        "Of calls with two paths, that which they lead to, as the process wrote it.",
    ),
];

/// Which of the paths of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Name,
    Source,
    Target,
}

/// Where the paths of a call are among its parameters.
enum Paths {
    /// One path.
    One(&'static str),
    /// That of its descriptor.
    Descriptor,
    /// One path and another.
    Two(&'static str, &'static str),
}

/// What calls work on. Hard and symbolic links lead from the new name to the old one.
fn paths(kind: EventType) -> Option<Paths> {
    Some(match kind {
        kinds::MKDIR_2_X | kinds::MKDIRAT_X | kinds::RMDIR_2_X | kinds::UNLINK_2_X | kinds::CHOWN_X | kinds::LCHOWN_X => Paths::One("path"),
        kinds::UNLINKAT_2_X | kinds::OPEN_X | kinds::OPENAT_2_X | kinds::OPENAT2_X | kinds::UMOUNT_1_X | kinds::UMOUNT2_X => {
            Paths::One("name")
        }
        kinds::FCHMODAT_X | kinds::CHMOD_X => Paths::One("filename"),
        kinds::FCHOWNAT_X => Paths::One("pathname"),
        kinds::QUOTACTL_X => Paths::One("special"),
        kinds::FCHMOD_X | kinds::FCHOWN_X => Paths::Descriptor,
        kinds::RENAME_X | kinds::RENAMEAT_X | kinds::RENAMEAT2_X => Paths::Two("oldpath", "newpath"),
        kinds::LINK_2_X | kinds::LINKAT_2_X => Paths::Two("newpath", "oldpath"),
        kinds::SYMLINK_X | kinds::SYMLINKAT_X => Paths::Two("linkpath", "target"),
        kinds::MOUNT_X => Paths::Two("dev", "dir"),
        _ => return None,
    })
}

/// Whether a call succeeded. Those that open count as failed only where they return -1, which is how upstream has it: other errors pass.
fn succeeded(cx: &Context<'_>) -> bool {
    let result = cx.event.params.int(0);
    match cx.event.kind {
        kinds::OPEN_X | kinds::OPENAT_2_X | kinds::OPENAT2_X => result.is_some_and(|fd| fd != -1),
        _ => result == Some(0),
    }
}

fn raw<'e>(cx: &Context<'e>, which: Which) -> Option<&'e [u8]> {
    let paths = paths(cx.event.kind).filter(|_| succeeded(cx))?;
    let name = match (paths, which) {
        (Paths::One(name), Which::Name) | (Paths::Two(name, _), Which::Source) | (Paths::Two(_, name), Which::Target) => name,
        (Paths::Descriptor, Which::Name) => match super::fd::name(cx)? {
            Value::Text(name) => return Some(name),
            _ => return None,
        },
        _ => return None,
    };
    let (index, _) = cx.event.param(name)?;
    cx.event.params.get(index).map(text)
}

fn full<'e>(cx: &Context<'e>, which: Which) -> Option<Value<'e>> {
    let path = raw(cx, which)?;
    let thread = cx.thread()?;
    if path::is_absolute(path) {
        return Some(Value::Text(path::join_in(cx.arena, b"", path)));
    }
    let (base, path): (&[u8], &[u8]) = match cx.event.kind {
        // These know their full path already.
        kinds::OPENAT_2_X | kinds::OPENAT2_X => (b"", cx.state.current_descriptor().map_or(UNKNOWN, |descriptor| &*descriptor.name)),
        kinds::FCHOWNAT_X | kinds::FCHMODAT_X | kinds::MKDIRAT_X | kinds::UNLINKAT_2_X => (open_directory(cx), path),
        kinds::SYMLINKAT_X if which == Which::Source => (open_directory(cx), path),
        kinds::SYMLINKAT_X => (UNKNOWN, path),
        kinds::RENAMEAT2_X => {
            let directory = if which == Which::Target { 3 } else { 1 };
            (cx.base(cx.event.params.int(directory)?, path), path)
        }
        _ => (&thread.cwd, path),
    };
    Some(Value::Text(path::join_in(cx.arena, base, path)))
}

const UNKNOWN: &[u8] = b"<UNKNOWN>";

/// The directory of a call that has one as its descriptor. The working directory is none of those: upstream does not know it here.
fn open_directory<'e>(cx: &Context<'e>) -> &'e [u8] {
    let Some(found) = cx.state.current_descriptor().filter(|found| found.kind == DescriptorType::Directory) else { return UNKNOWN };
    super::descriptor::with_slash(cx, &found.name)
}
