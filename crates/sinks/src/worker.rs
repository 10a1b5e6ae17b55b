//! A sink's thread: takes messages, delivers them, tries again when that may help.

use crate::Message;
use crate::config::Retry;
use crate::queue::{Queue, Work};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest that a receiver can ask to be left alone.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// One way to send messages.
pub(crate) trait Deliver: Send {
    /// The most messages that one call takes.
    fn batch(&self) -> usize {
        1
    }

    /// Delivers messages in order.
    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure>;

    /// Opens again what is held open.
    fn reopen(&mut self) {}

    /// Called at the end.
    fn close(&mut self) {}

    /// What else went wrong since the last call.
    fn remark(&mut self) -> Option<String> {
        None
    }
}

/// Why messages were not delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How many of the messages were, from the first on.
    pub(crate) delivered: usize,
    /// What to do with the others.
    pub(crate) then: Then,
    /// What is wrong: lower case, no full stop.
    pub(crate) reason: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another attempt may succeed.
    Again,
    /// The same, no sooner than the receiver asked for.
    After(Duration),
    /// These messages will not be taken.
    Never,
    /// Nobody wants messages any more.
    End,
}

impl Failure {
    pub(crate) fn again(reason: impl Into<String>) -> Self {
        Self { delivered: 0, then: Then::Again, reason: reason.into() }
    }

    pub(crate) fn never(reason: impl Into<String>) -> Self {
        Self { delivered: 0, then: Then::Never, reason: reason.into() }
    }
}

/// How time passes between attempts; tests have their own.
pub(crate) trait Pace: Send {
    /// Waits; false when no further attempt is wanted.
    fn pause(&mut self, queue: &Queue, wait: Duration) -> bool;

    /// A number from 0 to 1, another one each time.
    fn jitter(&mut self) -> f64;
}

/// Time as it is.
pub(crate) struct Waiting;

impl Pace for Waiting {
    fn pause(&mut self, queue: &Queue, wait: Duration) -> bool {
        queue.pause(wait)
    }

    fn jitter(&mut self) -> f64 {
        // The standard library seeds its hashes with random numbers, which is all that is asked for here.
        let bits = RandomState::new().hash_one(0_u8) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

pub(crate) fn run(queue: &Queue, mut sink: Box<dyn Deliver>, retry: Retry, mut pace: Box<dyn Pace>) {
    let mut open = true;
    while open && let Some(work) = queue.take(sink.batch()) {
        match work {
            Work::Reopen => sink.reopen(),
            Work::Deliver(messages) => open = deliver(queue, sink.as_mut(), &messages, retry, pace.as_mut()),
        }
        sink.remark().into_iter().for_each(|remark| queue.remark(remark));
    }
    sink.close();
    sink.remark().into_iter().for_each(|remark| queue.remark(remark));
    queue.done();
}

/// Delivers `messages` or counts them as failed. False when nobody wants more.
fn deliver(queue: &Queue, sink: &mut dyn Deliver, messages: &[Message], retry: Retry, pace: &mut dyn Pace) -> bool {
    let mut rest = messages;
    let mut attempt = 0;
    loop {
        let Err(failure) = sink.deliver(rest) else {
            queue.count(rest.len(), |tally| &mut tally.delivered);
            return true;
        };
        if failure.delivered > 0 {
            queue.count(failure.delivered, |tally| &mut tally.delivered);
            rest = rest.get(failure.delivered..).unwrap_or_default();
            attempt = 0;
        }
        let wait = match failure.then {
            Then::Again => retry.wait(attempt, pace.jitter()),
            Then::After(asked) => retry.wait(attempt, pace.jitter()).max(asked.min(LONGEST_ASKED)),
            Then::Never => {
                queue.failed(rest.len(), &failure.reason);
                return true;
            }
            Then::End => return false,
        };
        if attempt >= retry.attempts {
            queue.failed(rest.len(), &failure.reason);
            return true;
        }
        queue.retrying(&failure.reason);
        if !pace.pause(queue, wait) {
            return false;
        }
        attempt += 1;
    }
}
