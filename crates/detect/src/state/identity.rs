//! Who a process acts as: users, groups, sessions, capabilities.

use super::{State, flags, result};
use plimsoll_model::events::{Event, kinds};

/// All capabilities that there are: `CAP_CHECKPOINT_RESTORE` is number 40.
const ALL_CAPABILITIES: u64 = (1 << 41) - 1;

/// The effective user changed.
pub(super) fn user(state: &mut State, event: &Event<'_>) {
    let at = if event.kind == kinds::SETUID_X { 1 } else { 2 };
    if let Some(uid) = changed(event, at)
        && let Some(thread) = state.maker()
    {
        thread.uid = uid;
    }
}

/// The effective group changed.
pub(super) fn group(state: &mut State, event: &Event<'_>) {
    let at = if event.kind == kinds::SETGID_X { 1 } else { 2 };
    if let Some(gid) = changed(event, at)
        && let Some(thread) = state.maker()
    {
        thread.gid = gid;
    }
}

fn changed(event: &Event<'_>, at: usize) -> Option<u32> {
    let bytes = event.params.get(at).filter(|bytes| !bytes.is_empty() && result(event) == 0)?;
    (bytes.len() <= 8).then(|| event.params.uint(at)).flatten().map(|id| id as u32)
}

/// A session was started.
pub(super) fn session(state: &mut State, event: &Event<'_>) {
    let sid = result(event);
    if sid >= 0
        && let Some(thread) = state.maker()
    {
        thread.sid = sid;
    }
}

/// Capabilities were set.
pub(super) fn capabilities(state: &mut State, event: &Event<'_>) {
    let set = |at| event.params.uint(at).unwrap_or(0);
    if result(event) >= 0
        && let Some(thread) = state.me()
    {
        thread.cap_inheritable = set(1);
        thread.cap_permitted = set(2);
        thread.cap_effective = set(3);
    }
}

/// A namespace was entered or left: in a new user namespace a process has all capabilities.
pub(super) fn namespace(state: &mut State, event: &Event<'_>) {
    let at = if event.kind == kinds::SETNS_X { 2 } else { 1 };
    if result(event) >= 0
        && event.params.uint(at).unwrap_or(0) as u32 & flags::CLONE_NEWUSER != 0
        && let Some(thread) = state.me()
    {
        thread.cap_inheritable = ALL_CAPABILITIES;
        thread.cap_permitted = ALL_CAPABILITIES;
        thread.cap_effective = ALL_CAPABILITIES;
    }
}

impl State {
    /// The thread of the present event, also where it was not known before.
    fn maker(&mut self) -> Option<&mut super::Thread> {
        let slot = self.present.thread.or_else(|| self.threads.place(self.present.tid))?;
        self.threads.get_mut(slot)
    }
}
