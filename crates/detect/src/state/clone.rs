//! New threads and processes: `clone`, `clone3`, `fork`, `vfork`.
//!
//! Both sides of such a call make an event, in either order. Whichever tells enough first adds the new thread.

use super::thread::{Bytes, Slot, set};
use super::{State, Thread, flags, result, text};
use plimsoll_model::events::{Event, Params, kinds};

/// How old a thread with the id of a new one may be to be the same, in nanoseconds.
const STALE: u64 = 2_000_000_000;

/// A thread was made, as one of both sides tells.
pub(super) fn clone(state: &mut State, event: &Event<'_>) {
    match result(event) {
        0 => child(state, event),
        tid @ 1.. => parent(state, event, tid),
        _ => {}
    }
}

/// As the one tells that made it.
fn parent(state: &mut State, event: &Event<'_>, tid: i64) {
    let params = event.params;
    let caller = state.threads.known(event.tid, &mut state.losses);
    state.threads.kept = caller;
    let Some(thread) = state.threads.get_mut(caller) else { return };
    let known = !thread.is_placeholder();
    if !known {
        thread.pid = params.int(4).unwrap_or(-1);
        thread.ptid = params.int(5).unwrap_or(-1);
        (thread.vtid, thread.vpid) = namespaced(&params, event.tid);
        state.threads.relate(caller);
    }
    state.present.thread = Some(caller);
    let Some(thread) = state.threads.get(caller) else { return };
    let asked = params.uint(15).unwrap_or(0) as u32;
    // In a pid namespace, what the call returned is no id of the host: the child's own event tells.
    if asked & (flags::CHILD_IN_PIDNS | flags::CLONE_NEWPID | flags::CLONE_PARENT) != 0 || event.tid != thread.vtid {
        return;
    }
    // The child of a vfork ran before its parent went on, and may have exited.
    if asked & flags::CLONE_VFORK != 0 || event.kind == kinds::VFORK_20_X || state.threads.exited_lately(tid, event.tid, event.time) {
        return;
    }
    if let Some(there) = state.threads.of(tid) {
        if there.flags & flags::CLONE_INVERTED != 0 {
            return;
        }
        state.threads.remove(tid, &mut state.losses);
    }
    let Some(thread) = state.threads.get(caller) else { return };
    let mut child = if known { Thread::copy_of(thread) } else { Thread::default() };
    child.tid = tid;
    child.flags = asked;
    if asked & flags::CLONE_THREAD == 0 {
        child.pid = tid;
        child.ptid = thread.tid;
    } else {
        child.pid = thread.pid;
        child.ptid = state.threads.ptid(thread);
        child.flags |= flags::CLONE_FILES;
        child.exec_time = thread.exec_time;
    }
    child.vtid = tid;
    child.vpid = child.pid;
    child.pidns_init_start = state.machine.boot_time;
    tell(state, &mut child, event, caller);
    if known && asked & flags::CLONE_THREAD == 0 {
        inherit(state, &mut child, caller);
    }
    if !known {
        state.learn_command(caller, &child);
    }
    let slot = state.threads.add(child, &mut state.losses);
    state.threads.relate(slot);
    state.locate_again(event);
}

/// As it tells itself.
fn child(state: &mut State, event: &Event<'_>) {
    let params = event.params;
    if let Some(there) = state.present.thread.and_then(|slot| state.threads.get(slot))
        && there.clone_time != 0
    {
        if event.time.wrapping_sub(there.clone_time) < STALE {
            return;
        }
        state.threads.remove(event.tid, &mut state.losses);
        state.present.thread = None;
        state.threads.kept = super::thread::NOWHERE;
    }
    let asked = params.uint(15).unwrap_or(0) as u32;
    let leads = asked & flags::CLONE_THREAD == 0;
    let (pid, ptid) = (params.int(4).unwrap_or(-1), params.int(5).unwrap_or(-1));
    let (vtid, vpid) = namespaced(&params, event.tid);
    // A process is a copy of its parent, a thread of the one that leads its process.
    let model = state.threads.known(if leads { ptid } else { pid }, &mut state.losses);
    state.threads.kept = model;
    let Some(thread) = state.threads.get_mut(model) else { return };
    let known = !thread.is_placeholder();
    if !known && !leads {
        thread.pid = pid;
        thread.ptid = ptid;
        thread.vpid = vpid;
        thread.vtid = vpid;
        state.threads.relate(model);
    }
    let Some(thread) = state.threads.get(model) else { return };
    let mut child = if known { Thread::copy_of(thread) } else { Thread::default() };
    if known && !leads {
        child.exec_time = thread.exec_time;
    }
    child.tid = event.tid;
    child.pid = pid;
    child.ptid = ptid;
    (child.vtid, child.vpid) = (vtid, vpid);
    child.flags = asked | flags::CLONE_INVERTED | if leads { 0 } else { flags::CLONE_FILES };
    tell(state, &mut child, event, model);
    if known && leads {
        inherit(state, &mut child, model);
    }
    if !known && !leads {
        state.learn_command(model, &child);
    }
    if asked & (flags::CHILD_IN_PIDNS | flags::CLONE_NEWPID) != 0 || child.tid != child.vtid {
        if let Some(start) = params.get(20).filter(|bytes| !bytes.is_empty()).and_then(|_| params.uint(20)) {
            child.pidns_init_start = start.wrapping_add(state.machine.boot_time);
        }
    } else {
        child.pidns_init_start = state.machine.boot_time;
    }
    let slot = state.threads.add(child, &mut state.losses);
    state.threads.relate(slot);
    state.present.thread = Some(slot);
}

/// Ids in the thread's own pid namespace; old events do not have them.
fn namespaced(params: &Params<'_>, tid: i64) -> (i64, i64) {
    match (params.int(18), params.int(19)) {
        (Some(vtid), Some(vpid)) => (vtid, vpid),
        _ => (tid, -1),
    }
}

/// What the event says of the new thread. Texts that its model has are shared.
fn tell(state: &mut State, child: &mut Thread, event: &Event<'_>, model: Slot) {
    let params = event.params;
    if let Some(model) = state.threads.get(model) {
        child.exe = model.exe.clone();
        child.comm = model.comm.clone();
        child.args = model.args.clone();
        child.cgroups = model.cgroups.clone();
        child.container = model.container.clone();
    }
    set_command(child, &params);
    let args = state.cut(params.get(2).unwrap_or_default());
    set(&mut child.args, args);
    child.fdlimit = params.int(7).unwrap_or(-1);
    set_memory(child, &params);
    child.uid = params.uint(16).unwrap_or(0) as u32;
    child.gid = params.uint(17).unwrap_or(0) as u32;
    match params.get(14).filter(|list| !list.is_empty()) {
        Some(list) => {
            let list = state.cut(list);
            child.set_cgroups(list);
            state.contain(child);
        }
        None => {
            child.cgroups = Bytes::default();
            child.container = Bytes::default();
        }
    }
    child.clone_time = event.time;
}

/// Sets the first argument and the name of the command; old events do not have the name.
pub(super) fn set_command(thread: &mut Thread, params: &Params<'_>) {
    set(&mut thread.exe, text(params, 1));
    if params.text(13).is_some() {
        set(&mut thread.comm, text(params, 13));
    } else {
        thread.comm = thread.exe.clone();
    }
}

/// Sets what an event of a new or changed process says of its memory.
pub(super) fn set_memory(thread: &mut Thread, params: &Params<'_>) {
    if params.get(12).is_none_or(<[u8]>::is_empty) {
        return;
    }
    let uint = |at| params.uint(at).unwrap_or(0);
    thread.pfmajor = uint(8);
    thread.pfminor = uint(9);
    thread.vmsize_kb = uint(10) as u32;
    thread.vmrss_kb = uint(11) as u32;
    thread.vmswap_kb = uint(12) as u32;
}

/// What a new process has of its own, as its parent had it.
fn inherit(state: &mut State, child: &mut Thread, model: Slot) {
    let leader = state.threads.leader(model).and_then(|leader| state.threads.get(leader));
    child.cwd = leader.map_or_else(|| Bytes::from(&b"./"[..]), |leader| leader.cwd.clone());
    let Some(thread) = state.threads.get(model) else { return };
    child.env = thread.env.clone();
    let Some(owner) = state.table_owner(model).and_then(|owner| state.threads.get(owner)) else { return };
    let room = state.limits.descriptors.saturating_sub(state.threads.descriptors);
    child.table = owner.table.handed_down(room);
    state.losses.descriptors += (owner.table.len() - child.table.len()) as u64;
}

impl State {
    /// Gives a thread of which nothing was known the command of one that it made.
    fn learn_command(&mut self, slot: Slot, child: &Thread) {
        if let Some(thread) = self.threads.get_mut(slot) {
            thread.exe = child.exe.clone();
            thread.comm = child.comm.clone();
            thread.args = child.args.clone();
            self.threads.weigh(slot, &mut self.losses);
        }
    }

    /// Finds the present event's thread once more, after the table changed.
    fn locate_again(&mut self, event: &Event<'_>) {
        self.present.thread = self.threads.place(event.tid);
    }
}
