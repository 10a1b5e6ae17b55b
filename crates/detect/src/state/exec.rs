//! A process becomes another program: `execve`, `execveat`.

use super::open::{Base, UNKNOWN, UNREAD};
use super::thread::{Bytes, Slot, set};
use super::{State, clone, flags, result, text};
use crate::path;
use plimsoll_model::events::{Event, EventType, kinds};

/// `AT_EMPTY_PATH`.
const EMPTY_PATH: u64 = 1;

/// Bits of `execve_flags`.
const WRITABLE: u64 = 1;
const UPPER_LAYER: u64 = 2;
const FROM_MEMFD: u64 = 4;
const LOWER_LAYER: u64 = 8;

/// Another program runs.
pub(super) fn exec(state: &mut State, event: &Event<'_>) {
    let Some(slot) = state.present.thread.filter(|_| result(event) >= 0) else { return };
    let params = event.params;
    // A thread that is not the leader takes the leader's id, who exited just before.
    if state.threads.get(slot).is_some_and(|thread| thread.dead) {
        state.threads.revive(slot);
    }
    let args = state.cut(params.get(2).unwrap_or_default());
    let env = params.get(15).filter(|env| !env.is_empty()).map(|env| state.cut(env));
    let cgroups = params.get(14).filter(|list| !list.is_empty()).map(|list| state.cut(list));
    let Some(thread) = state.threads.get_mut(slot) else { return };
    clone::set_command(thread, &params);
    thread.exec_time = event.time;
    set(&mut thread.args, args);
    let pid = params.int(4).unwrap_or(-1);
    if pid != thread.pid && thread.grouped {
        state.threads.regroup(slot, pid);
    }
    let Some(thread) = state.threads.get_mut(slot) else { return };
    thread.pid = pid;
    if thread.is_placeholder() {
        thread.ptid = params.int(5).unwrap_or(-1);
        if thread.flags & flags::CHILD_IN_PIDNS == 0 {
            thread.vtid = thread.tid;
            thread.vpid = thread.pid;
        }
        state.threads.relate(slot);
    }
    let exepath = match params.text(27) {
        Some(_) => Some(Bytes::from(text(&params, 27))),
        None => from_entry(state, slot, event.kind),
    };
    let Some(thread) = state.threads.get_mut(slot) else { return };
    thread.fdlimit = params.int(7).unwrap_or(-1);
    clone::set_memory(thread, &params);
    if let Some(env) = env {
        set(&mut thread.env, env);
    }
    if let Some(cgroups) = cgroups {
        thread.set_cgroups(cgroups);
    }
    if let Some(path) = exepath {
        thread.set_exepath(&path);
    }
    let uint = |at| params.uint(at).filter(|_| params.get(at).is_some_and(|bytes| !bytes.is_empty()));
    let small = |at| uint(at).map(|number| number as u32);
    thread.tty = small(16).unwrap_or(thread.tty);
    thread.vpgid = params.int(17).unwrap_or(thread.vpgid);
    thread.loginuid = small(18).unwrap_or(thread.loginuid);
    if let Some(bits) = uint(19) {
        thread.exe_writable = bits & WRITABLE != 0;
        thread.exe_upper_layer = bits & UPPER_LAYER != 0;
        thread.exe_from_memfd = bits & FROM_MEMFD != 0;
        thread.exe_lower_layer = bits & LOWER_LAYER != 0;
    }
    if let Some(effective) = uint(22) {
        thread.cap_inheritable = uint(20).unwrap_or(0);
        thread.cap_permitted = uint(21).unwrap_or(0);
        thread.cap_effective = effective;
    }
    if let Some(modified) = uint(25) {
        thread.exe_ino = uint(23).unwrap_or(0);
        thread.exe_ino_ctime = uint(24).unwrap_or(0);
        thread.exe_ino_mtime = modified;
        if thread.clone_time != 0 {
            thread.exe_ino_ctime_duration_clone = thread.clone_time.wrapping_sub(thread.exe_ino_ctime);
        }
        if thread.pidns_init_start != 0 && thread.exe_ino_ctime > thread.pidns_init_start {
            thread.exe_ino_ctime_duration_pidns_start = thread.exe_ino_ctime - thread.pidns_init_start;
        }
    }
    thread.uid = small(26).unwrap_or(thread.uid);
    thread.pgid = params.int(28).unwrap_or(-1);
    thread.gid = small(29).unwrap_or(thread.gid);
    let kept = flags::PIPE_SOURCE | flags::PIPE_DESTINATION | flags::MAIN_THREAD | flags::CLONE_INVERTED;
    let shares = thread.flags;
    thread.flags = (thread.flags & kept) | flags::ACTIVE | flags::NAME_CHANGED;
    state.close_on_exec(slot, shares);
    state.contain_slot(slot);
    state.threads.weigh(slot, &mut state.losses);
    state.end_other_threads(slot);
}

/// The path of the file from the entry: old events do not say it at the exit.
fn from_entry(state: &mut State, slot: Slot, kind: EventType) -> Option<Bytes> {
    let entry = state.take_entry(kind)?;
    let asked = entry.view();
    if asked.kind == kinds::EXECVE_19_E {
        let name = text(&asked.params, 0);
        if name == UNREAD {
            return Some(Bytes::from(UNREAD));
        }
        state.resolve(slot, Base::Cwd, name);
        return Some(Bytes::from(&*state.path));
    }
    let dirfd = asked.params.int(0).unwrap_or(-1);
    let name = text(&asked.params, 1);
    let empty = asked.params.uint(2).unwrap_or(0) & EMPTY_PATH != 0;
    let base = Base::of(dirfd);
    let directory = match base {
        _ if name.first() == Some(&b'/') => Some(Bytes::from(&b"."[..])),
        Base::Directory(fd) => {
            let thread = state.threads.get(slot)?;
            let found = state.descriptor(thread, fd).map(|found| found.name.clone());
            if found.is_some() {
                state.point_at(slot, fd);
            }
            found
        }
        _ => state.threads.leader(slot).and_then(|leader| state.threads.get(leader)).map(|leader| leader.cwd.clone()),
    };
    let Some(directory) = directory.filter(|directory| **directory != *UNKNOWN) else { return Some(Bytes::from(UNREAD)) };
    if empty {
        // The descriptor is the file itself.
        path::join(&mut state.path, b"", &directory);
    } else if name == UNREAD {
        return Some(Bytes::from(UNREAD));
    } else {
        state.resolve(slot, base, name);
    }
    Some(Bytes::from(&*state.path))
}

impl State {
    /// Closes what is marked so. `before` are the thread's flags before it became another program.
    fn close_on_exec(&mut self, slot: Slot, before: u32) {
        let owner = if before & flags::CLONE_FILES == 0 { Some(slot) } else { self.threads.leader(slot) };
        if let Some(owner) = owner {
            self.threads.change_table(owner, |table| table.retain(|found| !found.closes_on_exec()));
        }
    }

    /// All other threads of the process end, but for its leader.
    fn end_other_threads(&mut self, slot: Slot) {
        let Some(thread) = self.threads.get(slot) else { return };
        if self.threads.group(thread).is_none_or(|group| group.alive <= 1) {
            return;
        }
        let leader = self.threads.leader(slot);
        let others = self.threads.members(thread.pid).filter(|other| *other != slot && Some(*other) != leader);
        let others: Vec<i64> = others.filter_map(|other| self.threads.get(other)).map(|other| other.tid).collect();
        for tid in others {
            self.threads.remove(tid, &mut self.losses);
        }
    }
}
