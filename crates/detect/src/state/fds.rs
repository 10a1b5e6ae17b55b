//! Descriptors that are copied, closed, or made without a name.

use super::thread::Bytes;
use super::{Descriptor, DescriptorType, State, flags, result};
use plimsoll_model::events::{Event, kinds};

/// Commands of `fcntl`.
const DUPFD: u64 = 1;
const SETFD: u64 = 3;
const DUPFD_CLOEXEC: u64 = 26;
const FD_CLOEXEC: u64 = 1;

/// `CLOSE_RANGE_CLOEXEC`.
const RANGE_CLOEXEC: u64 = 4;

/// A descriptor was closed: the event's own fields still see it.
pub(super) fn close(state: &mut State, event: &Event<'_>) {
    state.present.closes = result(event) >= 0 && state.present.descriptor.is_some();
}

/// All descriptors between two were closed, or will be at the next `execve`.
pub(super) fn close_range(state: &mut State, event: &Event<'_>) {
    let Some(owner) = state.present.thread.filter(|_| result(event) >= 0).and_then(|slot| state.table_owner(slot)) else { return };
    let uint = |at| event.params.uint(at).unwrap_or(0);
    let (first, last) = (uint(1), uint(2));
    let within = |fd: i64| u64::try_from(fd).is_ok_and(|fd| (first..=last).contains(&fd));
    let later = uint(3) & RANGE_CLOEXEC != 0;
    state.threads.change_table(owner, |table| {
        if later {
            table.change(|found| within(found.fd), |found| found.open_flags |= flags::O_CLOEXEC);
        } else {
            table.retain(|found| !within(found.fd));
        }
    });
}

/// A descriptor was copied.
pub(super) fn dup(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    let Some(mut copy) = state.current_descriptor().filter(|_| fd >= 0).cloned() else { return };
    if let Some(thread) = state.me() {
        // What becomes standard input or output tells a shell's pipes.
        match fd {
            0 => thread.flags |= flags::PIPE_DESTINATION,
            1 => thread.flags |= flags::PIPE_SOURCE,
            _ => {}
        }
    }
    let asked = event.params.uint(3).unwrap_or(0) as u32;
    copy.set_close_on_exec(event.kind == kinds::DUP3_X && asked & flags::O_CLOEXEC != 0);
    state.open_copy(fd, copy);
}

/// A descriptor was copied, or what `execve` does with it was changed.
pub(super) fn fcntl(state: &mut State, event: &Event<'_>) {
    let command = event.params.uint(2).unwrap_or(0);
    let fd = result(event);
    if fd < 0 || !matches!(command, DUPFD | SETFD | DUPFD_CLOEXEC) {
        return;
    }
    if command == SETFD {
        if let Some(descriptor) = state.mine() {
            descriptor.set_close_on_exec(event.params.uint(3).unwrap_or(0) & FD_CLOEXEC != 0);
        }
        return;
    }
    let Some(mut copy) = state.current_descriptor().cloned() else { return };
    copy.set_close_on_exec(command == DUPFD_CLOEXEC);
    state.open_copy(fd, copy);
}

/// Two ends of a pipe were made; the event is about the second.
pub(super) fn pipe(state: &mut State, event: &Event<'_>) {
    if result(event) < 0 {
        return;
    }
    let ino = event.params.uint(3).unwrap_or(0);
    let open_flags = if event.kind == kinds::PIPE2_X { event.params.uint(4).unwrap_or(0) as u32 } else { 0 };
    for at in [1, 2] {
        let end = Descriptor { ino, open_flags, ..Descriptor::new(DescriptorType::Fifo) };
        state.open_descriptor(event.params.int(at).unwrap_or(0), end);
    }
}

/// A descriptor was made of which no more is known than what it is.
pub(super) fn plain(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    if fd < 0 {
        return;
    }
    let flags_at = |at| event.params.uint(at).unwrap_or(0) as u32;
    let (kind, open_flags) = match event.kind {
        kinds::EVENTFD_X => (DescriptorType::Event, 0),
        kinds::EVENTFD2_X => (DescriptorType::Event, flags_at(1)),
        kinds::SIGNALFD_X => (DescriptorType::Signal, 0),
        kinds::SIGNALFD4_X => (DescriptorType::Signal, flags_at(1)),
        kinds::TIMERFD_CREATE_X => (DescriptorType::Timer, flags_at(2)),
        kinds::INOTIFY_INIT_X => (DescriptorType::Inotify, 0),
        kinds::INOTIFY_INIT1_X => (DescriptorType::Inotify, flags_at(1)),
        kinds::BPF_2_X => (DescriptorType::Bpf, 0),
        kinds::USERFAULTFD_X => (DescriptorType::UserFault, 0),
        kinds::IO_URING_SETUP_X => (DescriptorType::IoUring, 0),
        kinds::EPOLL_CREATE1_X => (DescriptorType::EventPoll, if flags_at(1) & flags::SHORT_CLOEXEC != 0 { flags::O_CLOEXEC } else { 0 }),
        _ => (DescriptorType::EventPoll, 0),
    };
    state.open_descriptor(fd, Descriptor { open_flags, ..Descriptor::new(kind) });
}

/// A process was opened.
pub(super) fn pidfd_open(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    if fd < 0 {
        return;
    }
    let pid = event.params.int(1).unwrap_or(0);
    let open_flags = event.params.uint(2).unwrap_or(0) as u32;
    let name = Bytes::from(format!("/proc/{pid}").into_bytes());
    state.open_descriptor(fd, Descriptor { name, open_flags, pid, ..Descriptor::new(DescriptorType::Pid) });
}

/// A descriptor was taken from another process.
pub(super) fn pidfd_getfd(state: &mut State, event: &Event<'_>) {
    let fd = result(event);
    let int = |at| event.params.int(at).unwrap_or(-1);
    let Some(thread) = state.present.thread.and_then(|slot| state.threads.get(slot)) else { return };
    let Some(pidfd) = state.descriptor(thread, int(1)).filter(|found| found.kind == DescriptorType::Pid) else { return };
    let Some(found) = state.threads.of(pidfd.pid).and_then(|other| state.descriptor(other, int(2))) else { return };
    let mut copy = found.clone();
    copy.set_close_on_exec(true);
    state.open_copy(fd, copy);
}

impl State {
    /// Adds a copy of a descriptor: its name is not a new one.
    fn open_copy(&mut self, fd: i64, copy: Descriptor) {
        self.open_descriptor(fd, copy);
        self.present.renamed = false;
    }
}
