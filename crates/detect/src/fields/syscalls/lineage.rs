//! The ancestors of the thread that made an event.

use super::Context;
use crate::state::Thread;

/// The process that many steps up; 0 is the thread's own.
pub(super) fn ancestor<'e>(cx: &Context<'e>, steps: u64) -> Option<&'e Thread> {
    let mut process = cx.state.leader(cx.thread()?)?;
    for _ in 0..steps.min(LONGEST) {
        process = cx.state.leader(cx.state.parent(process)?)?;
    }
    (steps <= LONGEST).then_some(process)
}

/// No machine has a longer line of ancestors; damaged captures may say so.
const LONGEST: u64 = 4096;

/// The ancestors of the process, the nearest first. A line that comes back to itself, which captures with losses have, ends there.
pub(super) fn lineage<'e>(cx: &Context<'e>) -> impl Iterator<Item = &'e Thread> + use<'e> {
    let state = cx.state;
    let mut slow = cx.thread().and_then(|thread| state.leader(thread)).and_then(|leader| state.parent(leader));
    // Goes two steps for one: in a loop both meet.
    let mut fast = slow.and_then(|thread| state.parent(thread));
    let line = std::iter::from_fn(move || {
        let here = slow.filter(|thread| thread.tid != -1)?;
        slow = state.parent(here);
        for _ in 0..2 {
            fast = fast.and_then(|thread| state.parent(thread));
            if slow.is_some_and(|slow| slow.tid == state.ptid(slow) || fast.is_some_and(|fast| std::ptr::eq(slow, fast))) {
                slow = None;
            }
        }
        Some(here)
    });
    line.take(LONGEST as usize)
}

/// The leader of what `which` says that the thread belongs to: the thread of that id, or the oldest ancestor that belongs to it too.
/// Nothing at all without a thread; no leader if none is known.
pub(super) fn older<'e>(cx: &Context<'e>, which: fn(&Thread) -> i64, is_virtual: bool) -> Option<Option<&'e Thread>> {
    let thread = cx.thread()?;
    let id = which(thread);
    if id == -1 {
        return Some(None);
    }
    if (!is_virtual || !thread.in_pid_namespace())
        && let Some(leader) = cx.state.thread(id)
    {
        return Some(Some(leader));
    }
    Some(lineage(cx).take_while(|thread| which(thread) == id).last())
}

/// The leader of the process group.
pub(super) fn group_leader<'e>(cx: &Context<'e>) -> Option<Option<&'e Thread>> {
    older(cx, |thread| thread.pgid, false)
}
