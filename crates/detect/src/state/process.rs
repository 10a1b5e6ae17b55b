//! What a process changes of itself: directories, limits, memory, names.

use super::open::{Base, UNREAD};
use super::thread::set;
use super::{State, result, start, text};
use plimsoll_model::events::Event;

/// `RLIMIT_NOFILE` as events number it.
const OPEN_FILES: u64 = 7;

/// `PR_SET_CHILD_SUBREAPER` and `PR_GET_CHILD_SUBREAPER`.
const SET_SUBREAPER: u64 = 36;
const GET_SUBREAPER: u64 = 37;

/// An entry whose exit will ask what it said: a process could change its arguments meanwhile.
pub(super) fn enter(state: &mut State, event: &Event<'_>) {
    if state.me().is_some() {
        state.entries.keep(event);
    }
}

/// The working directory changed, or was asked for.
pub(super) fn chdir(state: &mut State, event: &Event<'_>) {
    if result(event) >= 0 {
        state.change_directory(text(&event.params, 1));
    }
}

/// The working directory changed to one that is open.
pub(super) fn fchdir(state: &mut State, event: &Event<'_>) {
    if result(event) >= 0
        && let Some(name) = state.current_descriptor().map(|found| found.name.clone())
    {
        state.change_directory(&name);
    }
}

/// The root directory changed. A path that needs no working directory is kept as it was asked for.
pub(super) fn chroot(state: &mut State, event: &Event<'_>) {
    let Some(slot) = state.present.thread.filter(|_| result(event) == 0) else { return };
    let name = text(&event.params, 1);
    let relative = name != UNREAD && name.first().is_some_and(|first| *first != b'/');
    if relative {
        state.resolve(slot, Base::Cwd, name);
    }
    let State { path, threads, .. } = state;
    if let Some(thread) = threads.get_mut(slot) {
        set(&mut thread.root, if relative { path } else { name });
        threads.weigh(slot, &mut state.losses);
    }
}

/// A limit of the process was set or asked for.
pub(super) fn rlimit(state: &mut State, event: &Event<'_>) {
    if result(event) >= 0
        && event.params.uint(3) == Some(OPEN_FILES)
        && let Some(slot) = state.present.thread
    {
        state.limit_descriptors(slot, event.params.int(1).unwrap_or(-1));
    }
}

/// A limit of a process was set or asked for.
pub(super) fn prlimit(state: &mut State, event: &Event<'_>) {
    if result(event) != 0 || event.params.uint(6) != Some(OPEN_FILES) {
        return;
    }
    let (Some(limit), Some(tid)) = (event.params.int(1), event.params.int(5)) else { return };
    if limit == -1 {
        return;
    }
    let slot = state.threads.known(if tid == 0 { event.tid } else { tid }, &mut state.losses);
    if state.threads.get(slot).is_some_and(|thread| !thread.is_placeholder()) {
        state.limit_descriptors(slot, limit);
    }
}

/// A process may have said that it takes orphans below it over.
pub(super) fn prctl(state: &mut State, event: &Event<'_>) {
    if result(event) < 0 || !matches!(event.params.uint(1), Some(SET_SUBREAPER | GET_SUBREAPER)) {
        return;
    }
    let reaper = event.params.int(3).unwrap_or(0) != 0;
    if let Some(group) = state.present.thread.and_then(|slot| state.threads.group_mut(slot)) {
        group.reaper = reaper;
    }
}

/// Another thread runs on a processor; the event says how much memory the one before had.
pub(super) fn switched(state: &mut State, event: &Event<'_>) {
    let uint = |at| event.params.uint(at);
    let (Some(slot), Some(swap)) = (state.present.thread, uint(5).filter(|_| event.params.get(5).is_some_and(|bytes| !bytes.is_empty())))
    else {
        return;
    };
    if let Some(thread) = state.threads.get_mut(slot) {
        thread.pfmajor = uint(1).unwrap_or(0);
        thread.pfminor = uint(2).unwrap_or(0);
    }
    if let Some(leader) = state.threads.leader(slot).and_then(|leader| state.threads.get_mut(leader)) {
        leader.vmsize_kb = uint(3).unwrap_or(0) as u32;
        leader.vmrss_kb = uint(4).unwrap_or(0) as u32;
        leader.vmswap_kb = swap as u32;
    }
}

/// Memory was mapped or given back.
pub(super) fn memory(state: &mut State, event: &Event<'_>) {
    let small = |at| event.params.uint(at).map(|number| number as u32);
    let Some(thread) = state.me() else { return };
    thread.vmsize_kb = small(1).unwrap_or(thread.vmsize_kb);
    if let Some(swap) = small(3) {
        thread.vmrss_kb = small(2).unwrap_or(0);
        thread.vmswap_kb = swap;
    }
}

impl State {
    /// Changes the working directory of the present event's process. A thread that is not the leader has none that a relative path could
    /// start from.
    fn change_directory(&mut self, to: &[u8]) {
        let Some(slot) = self.present.thread else { return };
        let Some(leader) = self.threads.leader(slot) else { return };
        let Some(own) = self.threads.get(slot).map(|thread| thread.cwd.clone()) else { return };
        crate::path::join(&mut self.path, &own, to);
        start::end_with_slash(&mut self.path);
        let State { path, threads, .. } = self;
        if let Some(leader) = threads.get_mut(leader) {
            set(&mut leader.cwd, path);
        }
    }

    fn limit_descriptors(&mut self, slot: super::thread::Slot, limit: i64) {
        if limit != -1
            && let Some(leader) = self.threads.leader(slot).and_then(|leader| self.threads.get_mut(leader))
        {
            leader.fdlimit = limit;
        }
    }
}
