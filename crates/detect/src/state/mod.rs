//! What earlier events tell of the present one: threads and processes, descriptors, users and groups, containers.
//!
//! [`State::apply`] takes an event in, before its fields are asked for; [`State::settle`] forgets, after they were, what the event
//! ended (an exited thread, a closed descriptor). Everything has a limit ([`Limits`]); what was given up for it is counted.

mod descriptor;
mod thread;

pub use descriptor::{Descriptor, DescriptorType, Endpoint, Role, SocketState};
pub use thread::{Bytes, Thread};

use plimsoll_model::events::Event;

/// How much is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Threads.
    pub threads: usize,
    /// Descriptors of all processes.
    pub descriptors: usize,
    /// Bytes of one command line, environment or list of control groups.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 131_072, descriptors: 1_048_576, text: 65_536 }
    }
}

/// What is known of the machine at one moment.
#[derive(Debug, Default)]
pub struct State {}

impl State {
    /// Takes an event in. What the event's own fields need (its thread, its descriptor) is kept at hand until [`State::settle`].
    pub fn apply(&mut self, _event: &Event<'_>) {}

    /// Forgets what the last event ended.
    pub fn settle(&mut self) {}

    /// A thread by its id.
    #[must_use]
    pub fn thread(&self, _tid: i64) -> Option<&Thread> {
        None
    }

    /// The thread that made the event which was taken in last.
    #[must_use]
    pub fn current(&self) -> Option<&Thread> {
        None
    }

    /// The leader of a thread's group.
    #[must_use]
    pub fn leader(&self, _thread: &Thread) -> Option<&Thread> {
        None
    }

    /// The thread that started this one's process.
    #[must_use]
    pub fn parent(&self, _thread: &Thread) -> Option<&Thread> {
        None
    }

    /// An open descriptor of a thread.
    #[must_use]
    pub fn descriptor(&self, _thread: &Thread, _fd: i64) -> Option<&Descriptor> {
        None
    }

    /// The descriptor that the last event is about, even if the event closed it.
    #[must_use]
    pub fn current_descriptor(&self) -> Option<&Descriptor> {
        None
    }

    /// The number of that descriptor, known even where nothing else of it is.
    #[must_use]
    pub fn current_fd(&self) -> Option<i64> {
        None
    }
}
