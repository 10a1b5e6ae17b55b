//! What entries of system calls said, until their exits ask for it: a process could change its arguments meanwhile.

use plimsoll_model::events::{Event, OwnedEvent};

/// The largest entry that is kept.
const LONGEST: usize = 8192;

/// How many are kept at once: more system calls than that are not under way between two processors' events. A newer one takes the place of
/// an older one, whose exit then goes by what it says itself.
const PLACES: u64 = 1024;

/// Entries by thread.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Option<Box<OwnedEvent>>>);

impl Entries {
    /// Keeps an entry, if it says something.
    pub(super) fn keep(&mut self, event: &Event<'_>) {
        let says_something = event.params.get(0).is_some_and(|first| !first.is_empty());
        if !says_something || event.params.bytes().len() > LONGEST {
            return;
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES as usize, || None);
        }
        if let Some(place) = self.place(event.tid) {
            *place = Some(Box::new(OwnedEvent::from(event)));
        }
    }

    /// The entry of a thread, which is forgotten.
    pub(super) fn take(&mut self, tid: i64) -> Option<Box<OwnedEvent>> {
        self.place(tid)?.take_if(|entry| entry.tid == tid)
    }

    fn place(&mut self, tid: i64) -> Option<&mut Option<Box<OwnedEvent>>> {
        self.0.get_mut((tid.cast_unsigned() % PLACES) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::events::kinds;

    #[test]
    fn an_entry_is_given_to_its_thread_once() {
        let mut entries = Entries::default();
        let mut event = OwnedEvent::new(kinds::OPEN_E, 1, 7);
        event.push(b"/etc/shadow\0");
        entries.keep(&event.view());
        assert!(entries.take(7 + 1024).is_none(), "of another thread in the same place");
        assert_eq!(entries.take(7).map(|entry| entry.tid), Some(7));
        assert!(entries.take(7).is_none());
        event.clear();
        event.push(&[b'a'; LONGEST + 1]);
        entries.keep(&event.view());
        assert!(entries.take(7).is_none(), "too long");
    }
}
