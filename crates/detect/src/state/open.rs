//! Files that are opened: `open`, `openat`, `openat2`, `creat`, `open_by_handle_at`, `memfd_create`.

use super::thread::{Bytes, Slot};
use super::{Descriptor, DescriptorType, State, flags, result, text};
use crate::path;
use plimsoll_model::events::{Event, EventType, OwnedEvent, kinds};

/// The descriptor that stands for the working directory.
const WORKING_DIRECTORY: i64 = -100;

/// What stands for a text that could not be read.
pub(super) const UNREAD: &[u8] = b"<NA>";

/// What stands for a directory that is not known.
pub(super) const UNKNOWN: &[u8] = b"<UNKNOWN>";

/// Where a relative path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// Nowhere: the path says it all.
    None,
    /// The working directory.
    Cwd,
    /// An open directory.
    Directory(i64),
}

impl Base {
    /// From the parameter of a system call.
    pub(super) fn of(dirfd: i64) -> Self {
        if dirfd == WORKING_DIRECTORY { Self::Cwd } else { Self::Directory(dirfd) }
    }
}

impl State {
    /// Puts a path of a thread together; it is in `self.path` then.
    pub(super) fn resolve(&mut self, slot: Slot, base: Base, name: &[u8]) {
        let thread = self.threads.get(slot);
        let cwd = || self.threads.leader(slot).and_then(|leader| self.threads.get(leader)).map_or(&b"./"[..], |leader| &leader.cwd);
        if name.first() == Some(&b'/') || name.is_empty() {
            path::join(&mut self.path, b"", name);
            return;
        }
        match base {
            Base::None => path::join(&mut self.path, b"", name),
            Base::Cwd => path::join(&mut self.path, cwd(), name),
            Base::Directory(fd) => match thread.and_then(|thread| self.descriptor(thread, fd)).map(|found| found.name.clone()) {
                None => path::join(&mut self.path, UNKNOWN, name),
                Some(start) if start.is_empty() || start.ends_with(b"/") => path::join(&mut self.path, &start, name),
                Some(start) => path::join(&mut self.path, &[&start, &b"/"[..]].concat(), name),
            },
        }
    }

    /// What the entry of the present system call said, if it was kept. A successful `execveat` ends as an `execve`.
    pub(super) fn take_entry(&mut self, exit: EventType) -> Option<Box<OwnedEvent>> {
        let entry = if self.me()?.entry_fits { self.entries.take(self.present.tid)? } else { return None };
        let fits = entry.kind.0 + 1 == exit.0 || (exit == kinds::EXECVE_19_X && entry.kind == kinds::EXECVEAT_E);
        fits.then_some(entry)
    }
}

/// A file was opened.
pub(super) fn open(state: &mut State, event: &Event<'_>) {
    let Some(slot) = state.present.thread else { return };
    let fd = result(event);
    if fd < 0 {
        return;
    }
    let params = event.params;
    let uint = |at| params.uint(at).unwrap_or(0);
    let (base, name, mut open_flags, place) = match event.kind {
        kinds::OPEN_X => (Base::Cwd, 1, uint(2) as u32, 4),
        kinds::CREAT_X => {
            let layers = uint(5);
            let layer = if layers & 1 != 0 {
                flags::FD_UPPER_LAYER
            } else if layers & 2 != 0 {
                flags::FD_LOWER_LAYER
            } else {
                0
            };
            (Base::Cwd, 1, layer, 3)
        }
        kinds::OPEN_BY_HANDLE_AT_X => (Base::None, 3, uint(2) as u32, 4),
        kinds::OPENAT_2_X => (params.int(1).map_or(Base::None, Base::of), 2, uint(3) as u32, 5),
        _ => (params.int(1).map_or(Base::None, Base::of), 2, uint(3) as u32, 6),
    };
    let dirfd = matches!(event.kind, kinds::OPENAT_2_X | kinds::OPENAT2_X);
    let mut name = text(&params, name);
    let mut base = base;
    // What the process asked for stood in the entry before another thread could change it.
    let entry = if event.kind == kinds::OPEN_BY_HANDLE_AT_X { None } else { state.take_entry(event.kind) };
    if let Some(entry) = &entry {
        let asked = entry.view().params;
        let (name_at, flags_at) = if dirfd { (1, Some(2)) } else { (0, (event.kind == kinds::OPEN_X).then_some(1)) };
        let asked_name = text(&asked, name_at);
        if asked_name != UNREAD {
            name = asked_name;
            if let Some(at) = flags_at {
                let added = open_flags & !(flags::O_F_CREATED - 1);
                open_flags = asked.uint(at).unwrap_or(0) as u32 | added;
            }
            if dirfd {
                base = asked.int(0).map_or(Base::None, Base::of);
            }
        }
    }
    state.resolve(slot, base, name);
    let full = Bytes::from(&*state.path);
    let raw_name = if *full == *name { full.clone() } else { Bytes::from(name) };
    let descriptor = Descriptor {
        kind: if open_flags & flags::O_DIRECTORY != 0 { DescriptorType::Directory } else { DescriptorType::File },
        name: full,
        raw_name,
        open_flags,
        dev: uint(place) as u32,
        ino: uint(place + 1),
        overlay_upper: open_flags & flags::FD_UPPER_LAYER != 0,
        overlay_lower: open_flags & flags::FD_LOWER_LAYER != 0,
        ..Descriptor::default()
    };
    state.open_descriptor(fd, descriptor);
}

/// Memory was made that is used like a file. Upstream notes a failed one, too.
pub(super) fn memfd(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    let mut descriptor = Descriptor::default();
    if fd >= 0 {
        descriptor.kind = DescriptorType::Memory;
        descriptor.name = Bytes::from(text(&event.params, 1));
        descriptor.open_flags = event.params.uint(2).unwrap_or(0) as u32;
    }
    state.open_descriptor(fd, descriptor);
}
