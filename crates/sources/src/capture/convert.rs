//! Events of old captures as events of the present schema: two events for a system call become the one of its exit.
//!
//! The table is `conversions.txt`; the rules are those of falcosecurity/libs (`engine/savefile/converter`). Where upstream stops because an
//! entry is missing or does not fit, the exit goes on with values that say nothing, and that is counted.

use plimsoll_model::events::{Event, EventFlags, EventInfo, EventType, OwnedEvent, ParamType, schema};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered as it is.
    Pass,
    /// It is delivered as what was made of it.
    Made,
    /// It is not delivered.
    Dropped,
}

/// What could not be converted as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// Exits whose entry was not there, or was another one's: their parameters are empty or zero.
    pub without_entry: u64,
    /// Events whose number of parameters no version of the schema had: entries are left out, exits stay as they are.
    pub odd: u64,
    /// Entries that were forgotten before their exit came, for there were too many.
    pub forgotten: u64,
}

/// Keeps the entries of system calls until their exits come.
#[derive(Debug, Default)]
pub struct Converter {
    entries: Entries,
    /// What a conversion of several steps has come to so far.
    before: OwnedEvent,
    gaps: Gaps,
}

/// What happens with an event of one type and number of parameters.
#[derive(Debug)]
enum Action {
    /// It waits for its exit.
    Keep,
    Pass,
    KeepAndPass,
    /// These parameters follow.
    Add(Vec<Source>),
    /// Another type, made of these parameters.
    Become(EventType, Vec<Source>),
}

/// Where a parameter comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Old(usize),
    /// Of the entry; the flag says whether it has no value without that, or one that says nothing.
    Enter(usize, bool),
    Empty,
    Default,
    Container,
}

/// Conversions follow one another at most so often: more than the longest row in the table.
const STEPS: usize = 50;

/// The actions of each type, at its number.
static TABLE: LazyLock<Vec<Vec<(usize, Action)>>> = LazyLock::new(|| {
    let symbols: HashMap<&str, EventType> = schema().iter().map(|info| (info.symbol, info.kind)).collect();
    let mut table: Vec<Vec<_>> = schema().iter().map(|_| Vec::new()).collect();
    for line in include_str!("conversions.txt").lines().filter(|line| !line.starts_with('#')) {
        let row = parse(line, &symbols);
        debug_assert!(row.is_some(), "{line}");
        let Some((kind, count, action)) = row else { continue };
        if let Some(actions) = table.get_mut(usize::from(kind.0)) {
            actions.push((count, action));
        }
    }
    table
});

fn parse(line: &str, symbols: &HashMap<&str, EventType>) -> Option<(EventType, usize, Action)> {
    let mut words = line.split(' ');
    let kind = *symbols.get(words.next()?)?;
    let count = words.next()?.parse().ok()?;
    let action = match words.next()? {
        "keep" => Action::Keep,
        "pass" => Action::Pass,
        "keep+pass" => Action::KeepAndPass,
        "add" => Action::Add(sources(words)?),
        "as" => Action::Become(*symbols.get(words.next()?)?, sources(words)?),
        _ => return None,
    };
    Some((kind, count, action))
}

fn sources<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<Source>> {
    let mut sources = Vec::new();
    for word in words {
        let Some((of, which)) = word.split_once(':') else {
            sources.push(match word {
                "empty" => Source::Empty,
                "default" => Source::Default,
                "container" => Source::Container,
                _ => return None,
            });
            continue;
        };
        let (which, or_empty) = which.strip_suffix('?').map_or((which, false), |which| (which, true));
        let (first, last) = which.split_once('-').unwrap_or((which, which));
        for index in first.parse().ok()?..=last.parse().ok()? {
            sources.push(match of {
                "old" => Source::Old(index),
                "enter" => Source::Enter(index, or_empty),
                _ => return None,
            });
        }
    }
    Some(sources)
}

impl Converter {
    /// What could not be converted as it should be, so far.
    #[must_use]
    pub fn gaps(&self) -> Gaps {
        Gaps { forgotten: self.entries.forgotten, ..self.gaps }
    }

    /// Converts an event; `out` holds what was made of it.
    pub fn convert(&mut self, event: &Event<'_>, out: &mut OwnedEvent) -> Outcome {
        let first = self.step(event, out);
        if first != Outcome::Made {
            return first;
        }
        let mut before = std::mem::take(&mut self.before);
        let mut outcome = Outcome::Made;
        for _ in 0..STEPS {
            std::mem::swap(out, &mut before);
            match self.step(&before.view(), out) {
                Outcome::Made => {}
                Outcome::Pass => {
                    std::mem::swap(out, &mut before);
                    break;
                }
                Outcome::Dropped => {
                    outcome = Outcome::Dropped;
                    break;
                }
            }
        }
        self.before = before;
        outcome
    }

    /// One conversion, if the event needs one.
    fn step(&mut self, event: &Event<'_>, out: &mut OwnedEvent) -> Outcome {
        let info = event.info();
        let (flags, count) = (info.flags, event.params.len());
        let old = flags.has(EventFlags::OLD);
        if flags.has(EventFlags::UNUSED) {
            return Outcome::Dropped;
        }
        if !flags.has(EventFlags::CONVERTED) {
            return if old { Outcome::Dropped } else { Outcome::Pass };
        }
        let enter = event.kind.is_enter();
        if !enter && !old && count == info.params.len() {
            return Outcome::Pass;
        }
        let actions = TABLE.get(usize::from(event.kind.0)).map_or(&[][..], Vec::as_slice);
        let Some((_, action)) = actions.iter().find(|(known, _)| *known == count) else {
            self.gaps.odd += 1;
            return if enter || old { Outcome::Dropped } else { Outcome::Pass };
        };
        let (kind, sources) = match action {
            Action::Keep => {
                self.entries.keep(event);
                return Outcome::Dropped;
            }
            Action::Pass => return Outcome::Pass,
            Action::KeepAndPass => {
                self.entries.keep(event);
                return Outcome::Pass;
            }
            Action::Add(sources) => (event.kind, sources),
            Action::Become(kind, sources) => (*kind, sources),
        };
        out.clear();
        (out.number, out.time, out.tid, out.cpu, out.kind) = (event.number, event.time, event.tid, event.cpu, kind);
        out.state_only = event.state_only;
        let mut index = 0;
        if matches!(action, Action::Add(_)) {
            event.params.iter().for_each(|bytes| {
                out.push(bytes);
            });
            index = count;
        }
        if self.make(event, index, sources, out) {
            self.entries.forget(event.tid);
        }
        Outcome::Made
    }

    /// Adds parameters from `index` on; tells whether the entry was used.
    fn make(&mut self, event: &Event<'_>, index: usize, sources: &[Source], out: &mut OwnedEvent) -> bool {
        let info = out.kind.info();
        let entry = self.entries.get(event.tid).filter(|entry| entry.kind.0.checked_add(1) == Some(event.kind.0));
        let (mut used, mut missed) = (false, false);
        for (index, source) in (index..).zip(sources) {
            match *source {
                Source::Old(of) => match event.params.get(of) {
                    Some(bytes) => out.push(fitting(info, index, bytes)),
                    None => out.push(&[]),
                },
                Source::Enter(of, or_empty) => match entry.and_then(|entry| entry.params.get(of)) {
                    Some(bytes) => {
                        used = true;
                        out.push(fitting(info, index, bytes))
                    }
                    None => {
                        missed = true;
                        out.push(if or_empty { &[] } else { nothing(info, index) })
                    }
                },
                Source::Empty => out.push(&[]),
                Source::Default => out.push(nothing(info, index)),
                Source::Container => out.push(&container(event).unwrap_or_default()),
            };
        }
        self.gaps.without_entry += u64::from(missed);
        used
    }
}

/// How many bytes a value of a type has; nothing if that differs from value to value.
fn width(kind: ParamType) -> Option<usize> {
    use ParamType as P;
    Some(match kind {
        P::Int8 | P::UInt8 | P::Flags8 | P::EnumFlags8 | P::SigType => 1,
        P::Int16 | P::UInt16 | P::Flags16 | P::EnumFlags16 | P::SyscallId | P::Port => 2,
        P::Int32 | P::UInt32 | P::Flags32 | P::EnumFlags32 | P::Uid | P::Gid | P::Mode | P::SigSet | P::Fd32 | P::Pid32 | P::Ipv4Addr => 4,
        P::Int64 | P::UInt64 | P::RelTime | P::AbsTime | P::Errno | P::Fd | P::Pid => 8,
        P::Ipv6Addr => 16,
        _ => return None,
    })
}

/// As much of a value as its new type holds: numbers are little-endian, so that their low part stays.
fn fitting<'a>(info: &EventInfo, index: usize, bytes: &'a [u8]) -> &'a [u8] {
    let limit = info.params.get(index).and_then(|param| width(param.kind));
    let limit = limit.unwrap_or(if info.flags.has(EventFlags::LARGE) { usize::MAX } else { usize::from(u16::MAX) });
    bytes.get(..limit).unwrap_or(bytes)
}

/// The value that says nothing: zero, nobody, an empty text.
fn nothing(info: &EventInfo, index: usize) -> &'static [u8] {
    let Some(kind) = info.params.get(index).map(|param| param.kind) else { return &[] };
    let bytes: &[u8; 16] = if matches!(kind, ParamType::Uid | ParamType::Gid) { &[0xff; 16] } else { &[0; 16] };
    width(kind).and_then(|width| bytes.get(..width)).unwrap_or_default()
}

/// What the first recorders said of a container, as JSON: id, type, name, image. Texts are not quoted, as upstream.
fn container(event: &Event<'_>) -> Option<Vec<u8>> {
    let text = |index| event.params.get(index).and_then(|bytes| bytes.split_last()).map(|(_, text)| text);
    let kind = u32::from_le_bytes(event.params.get(1)?.try_into().ok()?).to_string();
    let parts: [&[u8]; 9] =
        [b"{\"id\":\"", text(0)?, b"\",\"type\":", kind.as_bytes(), b",\"name\":\"", text(2)?, b"\",\"image\":\"", text(3)?, b"\"}\0"];
    let json = parts.concat();
    (json.len() <= usize::from(u16::MAX)).then_some(json)
}

/// The last entry of each thread. Threads are told apart by what a file says, so their number and what they hold is limited: then
/// that of the thread whose turn it is goes.
#[derive(Debug, Default)]
struct Entries {
    slots: Vec<Slot>,
    of_thread: BTreeMap<i64, usize>,
    /// Whose turn it is.
    hand: usize,
    bytes: usize,
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Slot {
    event: OwnedEvent,
    waits: bool,
    /// The most bytes that it held: so much memory it has.
    bytes: usize,
}

const MOST_THREADS: usize = 32_768;
const MOST_BYTES: usize = 32 << 20;

/// Upstream converts no longer ones.
const LONGEST: usize = 64 << 10;

impl Entries {
    fn get(&self, tid: i64) -> Option<Event<'_>> {
        let slot = self.slots.get(*self.of_thread.get(&tid)?)?;
        slot.waits.then(|| slot.event.view())
    }

    fn forget(&mut self, tid: i64) {
        if let Some(slot) = self.of_thread.get(&tid).and_then(|slot| self.slots.get_mut(*slot)) {
            slot.waits = false;
        }
    }

    fn keep(&mut self, event: &Event<'_>) {
        let length = event.params.bytes().len() + event.params.len() * 4;
        if length > LONGEST {
            self.forgotten += 1;
            self.forget(event.tid);
            return;
        }
        while self.bytes + length > MOST_BYTES {
            self.evict();
        }
        let index = match self.of_thread.get(&event.tid) {
            Some(index) => *index,
            None => {
                let index = if self.slots.len() < MOST_THREADS {
                    self.slots.push(Slot::default());
                    self.slots.len() - 1
                } else {
                    self.evict()
                };
                self.of_thread.insert(event.tid, index);
                index
            }
        };
        let Some(slot) = self.slots.get_mut(index) else { return };
        self.bytes += length.saturating_sub(slot.bytes);
        slot.bytes = slot.bytes.max(length);
        slot.waits = true;
        let kept = &mut slot.event;
        kept.clear();
        (kept.number, kept.time, kept.tid, kept.cpu, kept.kind) = (event.number, event.time, event.tid, event.cpu, event.kind);
        event.params.iter().for_each(|bytes| {
            kept.push(bytes);
        });
    }

    /// Empties the slot whose turn it is.
    fn evict(&mut self) -> usize {
        let index = self.hand;
        self.hand = if index + 1 < self.slots.len() { index + 1 } else { 0 };
        if let Some(slot) = self.slots.get_mut(index).map(std::mem::take) {
            self.bytes -= slot.bytes;
            self.forgotten += u64::from(slot.waits);
            if self.of_thread.get(&slot.event.tid) == Some(&index) {
                self.of_thread.remove(&slot.event.tid);
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::events::kinds;

    fn event(kind: EventType, tid: i64, params: &[&[u8]]) -> OwnedEvent {
        let mut event = OwnedEvent::new(kind, 1, tid);
        params.iter().for_each(|bytes| {
            event.push(bytes);
        });
        event
    }

    fn convert(converter: &mut Converter, given: &OwnedEvent) -> (Outcome, OwnedEvent) {
        let mut out = OwnedEvent::default();
        let outcome = converter.convert(&given.view(), &mut out);
        (outcome, out)
    }

    #[test]
    fn the_table_is_whole_and_ends_in_the_present_schema() {
        assert_eq!(TABLE.iter().map(Vec::len).sum::<usize>(), 253);
        for (kind, actions) in TABLE.iter().enumerate() {
            for (count, _) in actions {
                let given = event(EventType(u16::try_from(kind).unwrap()), 1, &vec![&[0_u8; 8][..]; *count]);
                let mut converter = Converter::default();
                let (outcome, made) = convert(&mut converter, &given);
                assert_eq!(converter.gaps().odd, 0, "{} {count}", given.kind.info().symbol);
                if outcome == Outcome::Made {
                    let info = made.kind.info();
                    assert!(made.kind.is_enter() || !info.flags.has(EventFlags::OLD), "{} {count}", info.symbol);
                    assert_eq!(made.view().params.len(), info.params.len(), "{} {count}", info.symbol);
                }
            }
        }
    }

    #[test]
    fn an_exit_takes_from_its_entry_once() {
        let mut converter = Converter::default();
        let exit = event(kinds::CLOSE_X, 7, &[&[0; 8]]);
        assert_eq!(convert(&mut converter, &event(kinds::CLOSE_E, 7, &[&5_i64.to_le_bytes()])).0, Outcome::Dropped);
        let (outcome, made) = convert(&mut converter, &exit);
        assert_eq!((outcome, made.view().params.int(1)), (Outcome::Made, Some(5)));
        // Now without one, and after that of another call.
        for before in [None, Some(event(kinds::READ_E, 7, &[&5_i64.to_le_bytes(), &[0; 4]]))] {
            before.iter().for_each(|before| drop(convert(&mut converter, before)));
            assert_eq!(convert(&mut converter, &exit).1.view().params.get(1), Some(&[0_u8; 8][..]));
        }
        assert_eq!(converter.gaps(), Gaps { without_entry: 2, ..Gaps::default() });
    }

    #[test]
    fn values_are_cut_to_their_new_type_and_lists_are_made_json() {
        let mut converter = Converter::default();
        convert(&mut converter, &event(kinds::BPF_E, 7, &[&0x1_0000_0002_i64.to_le_bytes()]));
        let (_, made) = convert(&mut converter, &event(kinds::BPF_X, 7, &[&[0; 8]]));
        assert_eq!((made.kind, made.view().params.get(1)), (kinds::BPF_2_X, Some(&[2, 0, 0, 0][..])));
        let (_, made) = convert(&mut converter, &event(kinds::CONTAINER_E, 7, &[b"a\0", &[1, 0, 0, 0], b"b\0", b"c\0"]));
        assert_eq!(made.kind, kinds::CONTAINER_JSON_2_E);
        assert_eq!(made.view().params.text(0), Some(&br#"{"id":"a","type":1,"name":"b","image":"c"}"#[..]));
    }

    #[test]
    fn what_waits_is_limited() {
        let mut converter = Converter::default();
        let long = vec![1; LONGEST - 200];
        for tid in 0..2 * i64::try_from(MOST_THREADS).unwrap() {
            convert(&mut converter, &event(kinds::RMDIR_E, tid, &[if tid % 16 == 0 { &long } else { b"a\0" }]));
        }
        assert!(converter.entries.bytes <= MOST_BYTES && converter.entries.slots.len() <= MOST_THREADS);
        assert!(converter.entries.of_thread.len() <= MOST_THREADS && converter.gaps().forgotten > 0);
        let held: usize = converter.entries.slots.iter().map(|slot| slot.bytes).sum();
        assert_eq!(held, converter.entries.bytes);
    }
}
