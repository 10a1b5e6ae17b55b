//! The bounded queue between the engine and a sink's thread, and the count of what became of its messages.

use crate::Message;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes of messages that wait, so that a queue of long messages is bounded too.
const MOST_BYTES: usize = 32 << 20;

/// What happens to a message for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It is dropped and counted: events that happen now cannot wait.
    #[default]
    Drop,
    /// The sender waits: a capture or a log can be read more slowly.
    Wait,
}

/// What became of the messages of a sink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Taken by the receiver.
    pub delivered: u64,
    /// Came while the queue was full.
    pub dropped: u64,
    /// Refused by the receiver, or it was not there for all attempts.
    pub failed: u64,
    /// Not sent when the deadline came; the receiver may have taken the last of them.
    pub unsent: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// What else went wrong last.
    pub(crate) remark: Option<String>,
    pub(crate) remarks: u64,
}

/// What a sink's thread does next.
pub(crate) enum Work {
    Deliver(Vec<Message>),
    Reopen,
}

pub(crate) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// Something changed: there is work, there is room, or the end has come.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Messages that the thread is delivering.
    in_hand: usize,
    reopen: bool,
    /// No more messages come.
    closed: bool,
    /// What is left is not delivered.
    abandoned: bool,
    /// The thread has ended.
    done: bool,
    tally: Tally,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits while `condition` holds, until `end` at most.
    fn wait_while<'q>(
        &'q self,
        mut state: MutexGuard<'q, State>,
        end: Option<Instant>,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'q, State> {
        while condition(&state) {
            state = match end.map(|end| end.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(rest) => self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        state
    }

    pub(crate) fn push(&self, message: &Message, overflow: Overflow) {
        let bytes = size(message);
        let is_full = |state: &State| {
            let full = state.messages.len() >= self.capacity || state.bytes + bytes > MOST_BYTES;
            full && !state.messages.is_empty() && !state.ended()
        };
        let mut state = self.lock();
        if overflow == Overflow::Wait {
            state = self.wait_while(state, None, is_full);
        }
        // Who closed the pipe does not want the rest.
        if state.done {
            return;
        }
        if state.ended() || is_full(&state) {
            state.tally.dropped += 1;
            return;
        }
        state.bytes += bytes;
        state.messages.push_back(message.clone());
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn reopen(&self) {
        self.change(|state| state.reopen = true);
    }

    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Gives up what is left; the thread ends as soon as it looks.
    pub(crate) fn abandon(&self) {
        self.change(|state| {
            state.closed = true;
            if !state.done && !state.abandoned {
                state.abandoned = true;
                let left = state.messages.len() + state.in_hand;
                state.tally.unsent += left as u64;
                state.messages.clear();
                state.bytes = 0;
            }
        });
    }

    /// Waits for the thread's end, until `end` at most; then it is on its own.
    pub(crate) fn wait_until(&self, end: Option<Instant>) {
        let done = self.wait_while(self.lock(), end, |state| !state.done).done;
        if !done {
            self.abandon();
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.lock().done
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }

    /// For the sink's thread: waits for work; `most` is how many messages it takes at once. `None` is the end.
    pub(crate) fn take(&self, most: usize) -> Option<Work> {
        let idle = |state: &State| state.messages.is_empty() && !state.reopen && !state.ended();
        let mut state = self.wait_while(self.lock(), None, idle);
        if state.abandoned {
            return None;
        }
        if std::mem::take(&mut state.reopen) {
            return Some(Work::Reopen);
        }
        let count = state.messages.len().min(most.max(1));
        let messages: Vec<Message> = state.messages.drain(..count).collect();
        state.bytes = state.bytes.saturating_sub(messages.iter().map(size).sum());
        state.in_hand = count;
        drop(state);
        self.changed.notify_all();
        (!messages.is_empty()).then_some(Work::Deliver(messages))
    }

    /// For the sink's thread: waits before the next attempt. False when there is none, as what is left was given up.
    pub(crate) fn pause(&self, wait: Duration) -> bool {
        let state = self.wait_while(self.lock(), Instant::now().checked_add(wait), |state| !state.abandoned);
        !state.abandoned
    }

    /// For the sink's thread: counts. What was given up in the meantime is counted already.
    pub(crate) fn count(&self, count: usize, to: impl FnOnce(&mut Tally) -> &mut u64) {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_sub(count);
        if !state.abandoned {
            *to(&mut state.tally) += count as u64;
        }
    }

    pub(crate) fn retrying(&self, reason: &str) {
        let mut state = self.lock();
        state.tally.retries += 1;
        state.tally.reason = Some(reason.to_owned());
    }

    pub(crate) fn failed(&self, count: usize, reason: &str) {
        self.lock().tally.reason = Some(reason.to_owned());
        self.count(count, |tally| &mut tally.failed);
    }

    pub(crate) fn remark(&self, remark: String) {
        let mut state = self.lock();
        state.tally.remarks += 1;
        state.tally.remark = Some(remark);
    }

    /// For the sink's thread: it takes no more.
    pub(crate) fn done(&self) {
        self.change(|state| {
            state.done = true;
            state.messages.clear();
            state.bytes = 0;
        });
    }
}

impl State {
    fn ended(&self) -> bool {
        self.closed || self.abandoned || self.done
    }
}

fn size(message: &Message) -> usize {
    message.text.len() + message.json.len()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Kept, config, start_with};
    use crate::{Config, Overflow};
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    /// Says when it is written to, and goes on when it is told to.
    struct Gate {
        entered: Sender<()>,
        go: Receiver<()>,
        kept: Kept,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.entered.send(()).unwrap();
            self.go.recv().map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
            self.kept.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Gate, Receiver<()>, Sender<()>, Kept) {
        let ((entered, was_entered), (go_on, go)) = (channel(), channel());
        let kept = Kept::default();
        (Gate { entered, go, kept: kept.clone() }, was_entered, go_on, kept)
    }

    fn text(kept: &Kept) -> String {
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (gate, entered, go_on, kept) = gate();
        let mut run = start_with(&Config { capacity: 2, ..config(&["stdout"]) }, Box::new(gate));
        run.send([1]);
        entered.recv().unwrap();
        // One is being written, two wait.
        run.send(2..=5);
        let told = |run: &mut crate::testing::Run| run.sinks.problems().into_iter().map(|problem| problem.message).collect::<Vec<_>>();
        assert_eq!(told(&mut run), ["2 alerts for standard output dropped because the queue was full"]);
        assert_eq!(told(&mut run), Vec::<String>::new(), "told once");
        run.send([6]);
        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        assert_eq!(run.finish(), ["1 alert for standard output dropped because the queue was full"]);
        assert_eq!(text(&kept), "alert 1\nalert 2\nalert 3\n");
        assert_eq!((run.tally().delivered, run.tally().dropped), (3, 3));
    }

    #[test]
    fn a_sender_may_wait_for_room() {
        let (gate, entered, go_on, kept) = gate();
        let mut run = start_with(&Config { capacity: 1, overflow: Overflow::Wait, ..config(&["stdout"]) }, Box::new(gate));
        std::thread::scope(|scope| {
            scope.spawn(|| run.send(1..=9));
            for _ in 1..=9 {
                entered.recv().unwrap();
                go_on.send(()).unwrap();
            }
        });
        assert_eq!(run.finish(), Vec::<String>::new());
        assert_eq!(text(&kept), (1..=9).map(|number| format!("alert {number}\n")).collect::<String>());
    }

    #[test]
    fn what_is_not_sent_before_the_deadline_is_counted() {
        let (gate, entered, go_on, _) = gate();
        let mut run = start_with(&config(&["stdout"]), Box::new(gate));
        run.send([1]);
        entered.recv().unwrap();
        run.send([2, 3]);
        assert_eq!(run.finish_within(Duration::ZERO), ["3 alerts for standard output not sent before the deadline"]);
        // What comes of it later changes no count.
        go_on.send(()).unwrap();
        run.sinks.running[0].queue.wait_until(None);
        assert_eq!((run.tally().delivered, run.tally().unsent), (0, 3));
    }

    /// The wait for the next attempt ends with the deadline.
    #[test]
    fn the_deadline_ends_waits() {
        let (mut sinks, problems) = crate::Sinks::start(
            &Config {
                retry: crate::Retry { attempts: 9, first: Duration::from_secs(9999), longest: Duration::from_secs(9999) },
                ..config(&["syslog=/nowhere"])
            },
            Box::new(std::io::sink()),
        );
        assert!(problems.is_empty());
        sinks.send(&crate::testing::message(1));
        while sinks.tallies().next().unwrap().1.retries == 0 {
            std::thread::yield_now();
        }
        let problems: Vec<_> = sinks.finish(Duration::ZERO).into_iter().map(|problem| problem.message).collect();
        assert_eq!(problems, ["1 alert for syslog at `/nowhere` not sent before the deadline: No such file or directory (os error 2)"]);
        sinks.running[0].queue.wait_until(None);
    }

    /// `| head` has seen enough: nothing is wrong, and the caller can stop.
    #[test]
    fn a_reader_that_left_is_no_failure() {
        let (gate, entered, go_on, _) = gate();
        let mut run = start_with(&Config { overflow: Overflow::Wait, ..config(&["stdout"]) }, Box::new(gate));
        assert!(!run.sinks.are_closed());
        run.send([1]);
        entered.recv().unwrap();
        drop(go_on);
        run.sinks.running[0].queue.wait_until(None);
        run.send([2]);
        assert!(run.sinks.are_closed());
        assert_eq!(run.finish(), Vec::<String>::new());
    }

    #[test]
    fn long_messages_are_bounded_too() {
        let (gate, entered, go_on, _) = gate();
        let mut run = start_with(&config(&["stdout"]), Box::new(gate));
        let long = crate::Message { text: "x".repeat(super::MOST_BYTES / 2).into(), ..crate::testing::message(1) };
        run.sinks.send(&long);
        entered.recv().unwrap();
        (0..3).for_each(|_| run.sinks.send(&long));
        assert_eq!(run.tally().dropped, 2);
        drop(go_on);
        assert_eq!(run.finish().len(), 1);
    }
}
