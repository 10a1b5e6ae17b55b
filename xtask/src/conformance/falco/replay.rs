//! A capture as events, with the state that they make.

use anyhow::Context as _;
use plimsoll_detect::fields::syscalls::{Context, Stream};
use plimsoll_detect::state::State;
use plimsoll_model::events::Start;
use plimsoll_sources::capture::{Item, Options, Reader};
use std::path::Path;

/// Hands every event over, after the state has taken it in.
pub(super) fn replay(path: &Path, each: &mut dyn FnMut(&Context<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = Reader::new(file, Options::default());
    let (mut state, mut stream) = (State::default(), Stream::default());
    // The oracle knew no containers: its plugin was a stand-in.
    state.containers_mut().ignore();
    let mut arena = bumpalo::Bump::new();
    while let Some(item) = reader.next() {
        match item {
            Item::Start(start) => {
                if let Start::Machine(machine) = &start {
                    stream.hostname.clone_from(&machine.hostname);
                }
                state.start(start);
            }
            Item::Damage { offset, what } => anyhow::bail!("at {offset}: {what}"),
            Item::Event(event) => {
                state.apply(&event);
                stream.first.get_or_insert(event.time);
                each(&Context { event: &event, state: &state, stream: &stream, arena: &arena })?;
                state.settle();
                stream.previous = Some(event.time);
                arena.reset();
            }
        }
    }
    Ok(())
}
