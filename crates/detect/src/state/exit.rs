//! Threads that end.

use super::State;
use plimsoll_model::events::Event;

/// A thread ended: the event's own fields still see it.
pub(super) fn exit(state: &mut State, event: &Event<'_>) {
    let Some(slot) = state.present.thread else { return };
    state.threads.bury(slot);
    state.present.exits = true;
    if let Some(thread) = state.threads.get_mut(slot) {
        // Who takes its children over: newer events say it.
        thread.reaper = event.params.int(4).unwrap_or(if event.params.len() > 4 { thread.reaper } else { -1 });
    }
}
