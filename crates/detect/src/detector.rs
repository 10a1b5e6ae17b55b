//! A stream of events with the state that it makes and the rules that look at it.

use crate::engine::{Alert, Engine};
use crate::fields::audit::AuditContext;
use crate::fields::syscalls::{Context, Stream};
use crate::state::{Limits, State};
use bumpalo::Bump;
use plimsoll_model::events::{Event, Start, kinds};
use plimsoll_model::lazy::{Broken, Json};

/// Rules over the events of one machine.
#[derive(Debug)]
pub struct Detector {
    state: State,
    stream: Stream,
    engine: Engine,
    arena: Bump,
}

impl Detector {
    /// A detector at the start of a stream.
    #[must_use]
    pub fn new(engine: Engine, limits: Limits) -> Self {
        Self { state: State::new(limits), stream: Stream::default(), engine, arena: Bump::new() }
    }

    /// Takes in what was there before the first event.
    pub fn start(&mut self, start: Start) {
        if let Start::Machine(machine) = &start
            && self.stream.hostname.is_empty()
        {
            self.stream.hostname.clone_from(&machine.hostname);
        }
        self.state.start(start);
    }

    /// Takes an event in and asks the rules about it.
    pub fn event(&mut self, event: &Event<'_>, alert: impl FnMut(Alert)) {
        self.state.apply(event);
        if self.stream.enter(event) && self.engine.looks_at(event.kind) {
            let Self { state, stream, engine, arena } = self;
            let context = Context { event, state, stream, arena };
            engine.judge(event.kind, event.time, event.number, &context, alert);
            self.arena.reset();
        }
        self.state.settle();
        self.stream.previous = Some(event.time);
    }

    /// Takes an event in and shows it to `look` in place of the rules.
    pub fn look(&mut self, event: &Event<'_>, look: impl FnOnce(&Context<'_>)) {
        self.state.apply(event);
        self.stream.enter(event);
        look(&Context { event, state: &self.state, stream: &self.stream, arena: &self.arena });
        self.arena.reset();
        self.state.settle();
        self.stream.previous = Some(event.time);
    }

    /// What is known of the machine.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, to add what somebody else knows of it: containers.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// What is known of the stream.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The same, to add what somebody else knows of it.
    pub fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The rules.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Rules over the audit events of an API server.
#[derive(Debug)]
pub struct AuditDetector {
    stream: Stream,
    engine: Engine,
    arena: Bump,
    number: u64,
}

impl AuditDetector {
    /// A detector at the start of a log.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { stream: Stream::default(), engine, arena: Bump::new(), number: 0 }
    }

    /// Asks the rules about the next event: one JSON object.
    ///
    /// # Errors
    /// The bytes are no JSON, as far as one can see without looking into parts that nobody asks for (`lazy::check` does); the event counts, and says
    /// nothing.
    pub fn event(&mut self, event: &[u8], alert: impl FnMut(Alert)) -> Result<(), Broken> {
        self.with(event, |engine, context| engine.judge(kinds::PLUGINEVENT_E, context.time(), context.number(), context, alert))
    }

    /// Takes the next event in and shows it to `look` in place of the rules.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn look(&mut self, event: &[u8], look: impl FnOnce(&AuditContext<'_>)) -> Result<(), Broken> {
        self.with(event, |_, context| look(context))
    }

    fn with(&mut self, event: &[u8], then: impl FnOnce(&mut Engine, &AuditContext<'_>)) -> Result<(), Broken> {
        self.number += 1;
        let Self { stream, engine, arena, number } = self;
        let outcome = Json::read(event, arena).map(|json| {
            let context = AuditContext::new(json, *number, stream, arena);
            then(engine, &context);
            context.time()
        });
        let outcome = outcome.map(|time| {
            stream.first.get_or_insert(time);
            stream.previous = Some(time);
        });
        arena.reset();
        outcome
    }

    /// What is known of the stream.
    pub fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The rules.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
