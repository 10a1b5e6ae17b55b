//! One event as the bytes of its parameters.

use super::{EventInfo, EventType, ParamInfo};

/// One event: borrowed from the buffer that it was read into.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Which event of its stream, from 1 on; every event that the reader delivers counts.
    pub number: u64,
    /// When it was made: nanoseconds since 1970 in UTC. Clocks may go backwards.
    pub time: u64,
    /// The thread that made it; negative where that is not known.
    pub tid: i64,
    /// The processor that it was made on.
    pub cpu: u16,
    /// What it is.
    pub kind: EventType,
    /// Whether its capture keeps it for the state only, as it keeps what a filter left out when it was written.
    pub state_only: bool,
    /// What it says, in the order of its type's parameters.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// What its type is called and carries.
    #[must_use]
    pub fn info(&self) -> &'static EventInfo {
        self.kind.info()
    }

    /// Whether it only tells the state something and no rule sees it. So it is with entries of system calls that are there for what
    /// their exits say too late or not at all (`sinsp_evt_filter` in falcosecurity/libs, `userspace/libsinsp/sinsp.cpp`).
    #[must_use]
    pub fn is_for_state_only(&self) -> bool {
        use super::kinds::{CONNECT_E, CREAT_E, EXECVE_19_E, EXECVEAT_E, OPEN_E, OPENAT_2_E, OPENAT2_E};
        self.state_only || matches!(self.kind, OPEN_E | OPENAT_2_E | OPENAT2_E | CREAT_E | CONNECT_E | EXECVE_19_E | EXECVEAT_E)
    }

    /// The place of a parameter in this event, by name: events of an older writer hold fewer than their type names.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<(usize, &'static ParamInfo)> {
        let (index, info) = self.info().params.iter().enumerate().find(|(_, param)| param.name == name)?;
        (index < self.params.len()).then_some((index, info))
    }
}

/// The parameters of an event: raw bytes, little-endian numbers, texts with their end mark.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a> {
    data: &'a [u8],
    ends: &'a [u32],
}

impl<'a> Params<'a> {
    /// Parameters that lie one after the other in `data`, each up to its offset in `ends`.
    #[must_use]
    pub fn new(data: &'a [u8], ends: &'a [u32]) -> Self {
        Self { data, ends }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them one after the other, as a capture holds them.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// The bytes of one parameter; `None` if the event does not have so many. A parameter without a value is empty.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.data.get(start..end)
    }

    /// A text without its end mark: what stands before the first zero byte. `None` where there is no value.
    #[must_use]
    pub fn text(&self, index: usize) -> Option<&'a [u8]> {
        let bytes = self.get(index).filter(|bytes| !bytes.is_empty())?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.get(..end)
    }

    /// A number of exactly 8 bytes, or a sign-extended one of 1, 2 or 4.
    #[must_use]
    pub fn int(&self, index: usize) -> Option<i64> {
        let bytes = self.get(index)?;
        match *bytes {
            [a] => Some(i64::from(a.cast_signed())),
            [a, b] => Some(i64::from(i16::from_le_bytes([a, b]))),
            [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
            _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
        }
    }

    /// A number of 1, 2, 4 or 8 bytes without a sign.
    #[must_use]
    pub fn uint(&self, index: usize) -> Option<u64> {
        let bytes = self.get(index)?;
        match *bytes {
            [a] => Some(u64::from(a)),
            [a, b] => Some(u64::from(u16::from_le_bytes([a, b]))),
            [a, b, c, d] => Some(u64::from(u32::from_le_bytes([a, b, c, d]))),
            _ => Some(u64::from_le_bytes(bytes.try_into().ok()?)),
        }
    }

    /// Each parameter's bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let params = *self;
        (0..params.len()).map_while(move |index| params.get(index))
    }
}

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnedEvent {
    /// See [`Event::number`].
    pub number: u64,
    /// See [`Event::time`].
    pub time: u64,
    /// See [`Event::tid`].
    pub tid: i64,
    /// See [`Event::cpu`].
    pub cpu: u16,
    /// See [`Event::kind`].
    pub kind: EventType,
    /// See [`Event::state_only`].
    pub state_only: bool,
    data: Vec<u8>,
    ends: Vec<u32>,
}

impl OwnedEvent {
    /// An event without parameters yet.
    #[must_use]
    pub fn new(kind: EventType, time: u64, tid: i64) -> Self {
        Self { kind, time, tid, ..Self::default() }
    }

    /// Forgets the parameters and keeps their memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
    }

    /// Adds the next parameter's bytes; what would not fit 4 GiB is left out, so that the parameter has no value.
    pub fn push(&mut self, bytes: &[u8]) -> &mut Self {
        if u32::try_from(self.data.len().saturating_add(bytes.len())).is_ok() {
            self.data.extend_from_slice(bytes);
        }
        self.ends.push(u32::try_from(self.data.len()).unwrap_or(u32::MAX));
        self
    }

    /// The same as a view, which is what all readers take.
    #[must_use]
    pub fn view(&self) -> Event<'_> {
        Event {
            number: self.number,
            time: self.time,
            tid: self.tid,
            cpu: self.cpu,
            kind: self.kind,
            state_only: self.state_only,
            params: Params::new(&self.data, &self.ends),
        }
    }
}

impl From<&Event<'_>> for OwnedEvent {
    fn from(event: &Event<'_>) -> Self {
        Self {
            number: event.number,
            time: event.time,
            tid: event.tid,
            cpu: event.cpu,
            kind: event.kind,
            state_only: event.state_only,
            data: event.params.data.to_vec(),
            ends: event.params.ends.to_vec(),
        }
    }
}
