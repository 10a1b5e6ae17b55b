//! A capture as events, with the state that they make.

use flate2::read::MultiGzDecoder;
use plimsoll_detect::fields::syscalls::{Context, Stream};
use plimsoll_detect::state::State;
use plimsoll_model::events::{EventType, OwnedEvent};
use std::io::Read;
use std::path::Path;

/// Hands every event over, after the state has taken it in.
pub(super) fn replay(path: &Path, each: &mut dyn FnMut(&Context<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut data = Vec::new();
    MultiGzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut data)?;
    let (mut state, mut stream) = (State::default(), Stream::default());
    let mut arena = bumpalo::Bump::new();
    let u32 = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap());
    let u64 = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap());
    let (mut at, mut number) = (0, 0);
    while at + 8 <= data.len() {
        let (kind, length) = (u32(at), u32(at + 4) as usize);
        if matches!(kind, 0x216 | 0x217 | 0x221 | 0x222) {
            number += 1;
            let flags = if matches!(kind, 0x217 | 0x222) { 4 } else { 0 };
            let header = at + 10 + flags;
            let large = matches!(kind, 0x221 | 0x222);
            let event_type = EventType(u16::from_le_bytes([data[header + 20], data[header + 21]]));
            let mut event = OwnedEvent::new(event_type, u64(header), u64(header + 8).cast_signed());
            event.number = number;
            event.cpu = u16::from_le_bytes([data[at + 8], data[at + 9]]);
            let count = u32(header + 22) as usize;
            let width = if large { 4 } else { 2 };
            let mut body = header + 26 + count * width;
            for index in 0..count {
                let length = header + 26 + index * width;
                let length = if large { u32(length) as usize } else { usize::from(u16::from_le_bytes([data[length], data[length + 1]])) };
                event.push(&data[body..body + length]);
                body += length;
            }
            let view = event.view();
            state.apply(&view);
            stream.first.get_or_insert(view.time);
            each(&Context { event: &view, state: &state, stream: &stream, arena: &arena })?;
            state.settle();
            stream.previous = Some(view.time);
            arena.reset();
        }
        at += length;
    }
    Ok(())
}
