//! One event block: header and parameters.

use super::bytes::Bytes;
use plimsoll_model::events::{Event, EventFlags, EventType, Params, kinds, schema};

/// How an event block is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Flags stand before the event.
    pub(super) flags: bool,
    /// The header says how many parameters there are.
    pub(super) counted: bool,
}

/// Why an event could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Its type is newer than this schema: passed over, as upstream does.
    Unknown,
    /// Its lengths do not agree.
    Lengths,
}

/// An event's header, and where in the body of its block the parameters are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsed {
    cpu: u16,
    time: u64,
    tid: i64,
    pub(super) kind: EventType,
    state_only: bool,
    start: usize,
    end: usize,
}

impl Parsed {
    /// The event, out of the same body and ends.
    pub(super) fn view<'a>(&self, body: &'a [u8], ends: &'a [u32]) -> Event<'a> {
        let data = body.get(self.start..self.end).unwrap_or_default();
        let Self { time, tid, cpu, kind, state_only, .. } = *self;
        Event { number: 0, time, tid, cpu, kind, state_only, params: Params::new(data, ends) }
    }
}

/// The flag of events that are kept for the state (`SCAP_DF_STATE_ONLY`).
pub(super) const STATE_ONLY: u32 = 1;

/// Reads an event out of the body of its block; the ends of its parameters go to `ends`.
pub(super) fn read(body: &[u8], layout: Layout, ends: &mut Vec<u32>) -> Result<Parsed, Damage> {
    ends.clear();
    let mut bytes = Bytes(body);
    let header = (|| {
        let cpu = bytes.u16()?;
        let flags = if layout.flags { bytes.u32()? } else { 0 };
        // What the header's length counts starts here.
        let start = bytes.len();
        let (time, tid, length, kind) = (bytes.u64()?, bytes.i64()?, bytes.u32()?, EventType(bytes.u16()?));
        let count = if layout.counted { Some(bytes.u32()?) } else { None };
        let header = start - bytes.len();
        Some((cpu, flags & STATE_ONLY != 0, time, tid, length as usize, kind, count, header))
    })();
    let Some((cpu, state_only, time, tid, mut length, kind, count, header)) = header else { return Err(Damage::Lengths) };
    let info = schema().get(usize::from(kind.0)).ok_or(Damage::Unknown)?;
    if !layout.counted && matches!(kind, kinds::NOTIFICATION_E | kinds::INFRASTRUCTURE_EVENT_E) {
        // Their writers counted three bytes too many.
        length = length.saturating_sub(3);
    }
    let before = body.len() - bytes.len();
    let rest = length.checked_sub(header).and_then(|rest| bytes.take(rest)).ok_or(Damage::Lengths)?;
    let wide = info.flags.has(EventFlags::LARGE);
    let lengths = match count {
        Some(count) => counted(rest, count as usize, wide, ends),
        // As many as the type has now, or fewer: the lengths of the right number add up to the event's.
        None => (0..=info.params.len())
            .rev()
            .find_map(|count| counted(rest, count, wide, ends).filter(|lengths| lengths + last(ends) == rest.len())),
    };
    let start = before + lengths.ok_or(Damage::Lengths)?;
    Ok(Parsed { cpu, time, tid, kind, state_only, start, end: start + last(ends) })
}

fn last(ends: &[u32]) -> usize {
    ends.last().copied().unwrap_or(0) as usize
}

/// How many bytes the lengths of `count` parameters take, which stand before them; `ends` gets where each ends.
fn counted(bytes: &[u8], count: usize, wide: bool, ends: &mut Vec<u32>) -> Option<usize> {
    ends.clear();
    let (lengths, data) = bytes.split_at_checked(count.checked_mul(if wide { 4 } else { 2 })?)?;
    let mut end = 0_u32;
    if wide {
        for length in lengths.as_chunks::<4>().0 {
            end = end.checked_add(u32::from_le_bytes(*length))?;
            ends.push(end);
        }
    } else {
        for length in lengths.as_chunks::<2>().0 {
            end = end.checked_add(u32::from(u16::from_le_bytes(*length)))?;
            ends.push(end);
        }
    }
    data.get(..end as usize)?;
    Some(lengths.len())
}
