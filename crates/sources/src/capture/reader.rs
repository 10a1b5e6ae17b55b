//! Block by block through a recording.

use super::bytes::Bytes;
use super::convert::{Converter, Gaps, Outcome};
use super::event::{self, Damage, Layout, Parsed};
use super::lists::{self, Account};
use crate::gzip::Gunzip;
use plimsoll_model::events::{Event, OwnedEvent, Start};
use std::io::{self, Read};

/// What a recording holds, one after the other.
#[derive(Debug)]
pub enum Item<'a> {
    /// Something that was there at the start.
    Start(Start),
    /// An event.
    Event(Event<'a>),
    /// Something that could not be read.
    Damage {
        /// Where it starts: bytes from the start of the file, unpacked.
        offset: u64,
        /// What is wrong and what is lost.
        what: String,
    },
}

/// What was passed over without a word each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// Events of types that are newer than the schema.
    pub unknown_events: u64,
    /// Blocks of types that are not known.
    pub unknown_blocks: u64,
    /// What could not be brought to the present schema as it should be.
    pub gaps: Gaps,
}

/// What a recording is made of, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Whether it is packed.
    pub packed: bool,
    /// The version of its format, as its section header says it: major, minor.
    pub version: (u16, u16),
    /// How long the block of the section header is, in bytes.
    pub header: usize,
    /// How long it is unpacked, in bytes.
    pub bytes: u64,
    /// How many blocks of each type there are, in no order.
    pub blocks: Vec<(u32, u64)>,
}

/// How a recording is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Give events as they stand in the file: entries of system calls too, in whatever layout.
    pub raw: bool,
}

/// Reads a recording, plain or gzip, as a stream: memory is that of the largest block.
pub struct Reader<R> {
    input: Input<R>,
    options: Options,
    buffer: Vec<u8>,
    /// The bytes of the buffer that are still to be read.
    start: usize,
    end: usize,
    /// Bytes before the buffer.
    before: u64,
    /// The end was reached, or nothing more can be read.
    finished: bool,
    /// The block at `start`, if it is read entry by entry: what it lists, and where the next entry is.
    list: Option<(List, usize)>,
    /// How long that block, or the block of the event that was given last, is.
    block: usize,
    ends: Vec<u32>,
    number: u64,
    losses: Losses,
    contents: Contents,
    converter: Converter,
    /// What was made of the event that was read last.
    made: OwnedEvent,
}

enum Input<R> {
    /// Not known yet whether it is packed.
    New(Option<R>),
    Plain(R),
    Packed(Box<Gunzip<io::Chain<io::Cursor<Vec<u8>>, R>>>),
}

#[derive(Debug, Clone, Copy)]
enum List {
    Processes(u8),
    Descriptors { tid: i64, sized: bool },
    Accounts { sized: bool },
    Interfaces { sized: bool },
}

/// What a step through the file came to.
enum Step {
    Event(Parsed),
    Item(Item<'static>),
    End,
}

/// Type and length before, length again behind.
const FRAME: usize = 12;

/// Upstream reads any length; nothing that a machine writes comes near this.
const LARGEST_BLOCK: usize = 64 << 20;

const CHUNK: usize = 256 << 10;

impl<R: Read> Reader<R> {
    /// A reader from the start of a file.
    pub fn new(input: R, options: Options) -> Self {
        Self {
            input: Input::New(Some(input)),
            options,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            before: 0,
            finished: false,
            list: None,
            block: 0,
            ends: Vec::new(),
            number: 0,
            losses: Losses::default(),
            contents: Contents::default(),
            converter: Converter::default(),
            made: OwnedEvent::default(),
        }
    }

    /// What was passed over so far.
    pub fn losses(&self) -> Losses {
        Losses { gaps: self.converter.gaps(), ..self.losses }
    }

    /// What was read so far.
    pub fn contents(&self) -> Contents {
        let packed = matches!(self.input, Input::Packed(_));
        Contents { packed, bytes: self.offset(), ..self.contents.clone() }
    }

    /// The next item; nothing at the end. A file that cannot be read any further ends with [`Item::Damage`].
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the reader's buffer, which no Iterator can give")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        let (parsed, outcome) = loop {
            match self.step() {
                Step::End => return None,
                Step::Item(item) => return Some(item),
                Step::Event(parsed) if self.options.raw => break (parsed, Outcome::Pass),
                Step::Event(parsed) => {
                    let body = self.buffer.get(self.start + 8..self.start + self.block - 4).unwrap_or_default();
                    match self.converter.convert(&parsed.view(body, &self.ends), &mut self.made) {
                        Outcome::Dropped => {}
                        outcome => break (parsed, outcome),
                    }
                }
            }
        };
        self.number += 1;
        let event = if outcome == Outcome::Made {
            self.made.view()
        } else {
            let body = self.buffer.get(self.start + 8..self.start + self.block - 4).unwrap_or_default();
            parsed.view(body, &self.ends)
        };
        Some(Item::Event(Event { number: self.number, ..event }))
    }

    fn step(&mut self) -> Step {
        loop {
            if let Some((list, at)) = self.list {
                match self.entry(list, at) {
                    Some(item) => return Step::Item(item),
                    None => self.list = None,
                }
            }
            // The block that was given last is done with.
            self.start += std::mem::take(&mut self.block);
            if self.finished {
                return Step::End;
            }
            match self.frame() {
                Ok(Some((kind, length))) => {
                    self.block = length;
                    if let Some(step) = self.open(kind) {
                        return step;
                    }
                }
                Ok(None) => self.finished = true,
                Err(what) => return Step::Item(what),
            }
        }
    }

    fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    fn damage(&self, what: impl Into<String>) -> Item<'static> {
        Item::Damage { offset: self.offset(), what: what.into() }
    }

    /// The type and length of the next block, which is then in the buffer whole.
    fn frame(&mut self) -> Result<Option<(u32, usize)>, Item<'static>> {
        if !self.fill(8)? {
            if self.start == self.end {
                return Ok(None);
            }
            self.finished = true;
            return Err(self.damage("the file ends within the header of a block: it was cut off"));
        }
        let mut bytes = Bytes(self.rest());
        let (kind, length) = (bytes.u32().unwrap_or(0), bytes.u32().unwrap_or(0) as usize);
        if self.before + self.start as u64 == 0 && kind != SECTION {
            self.finished = true;
            return Err(self.damage("this is no capture: it does not start with a section header"));
        }
        if (FRAME..=LARGEST_BLOCK).contains(&length) {
            if !self.fill(length)? {
                // Cut off here, or a length that is wrong: then there are blocks behind it.
                let missing = length - (self.end - self.start);
                return Err(self.resume(
                    &format!("a block says that it has {length} bytes, of which the file lacks {missing}"),
                    &format!("the last block is cut off: {missing} of {length} bytes are missing"),
                ));
            }
            if self.trailer(length) {
                return Ok(Some((kind, length)));
            }
        }
        let what = format!("a block says that it has {length} bytes, which its end does not confirm");
        let nothing = format!("{what}: nothing behind it can be read");
        Err(self.resume(&what, &nothing))
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether a block's length stands behind it too.
    fn trailer(&self, length: usize) -> bool {
        let behind = length.checked_sub(4).and_then(|at| self.rest().get(at..length));
        behind.and_then(|bytes| Bytes(bytes).u32()) == u32::try_from(length).ok()
    }

    /// Looks for the next place where a block of a known type starts that says its length twice, and goes on there; `nothing` is said
    /// if there is none.
    fn resume(&mut self, what: &str, nothing: &str) -> Item<'static> {
        let offset = self.offset();
        loop {
            self.start += 1;
            let found = (|| {
                if !self.fill(8)? {
                    return Ok(false);
                }
                let mut bytes = Bytes(self.rest());
                let (kind, length) = (bytes.u32().unwrap_or(0), bytes.u32().unwrap_or(0) as usize);
                // Longer ones are not looked for: each would have to be read to be refused.
                Ok::<bool, Item<'static>>(
                    known(kind) && (FRAME..=CHUNK / 2).contains(&length) && self.fill(length)? && self.trailer(length),
                )
            })();
            match found {
                Ok(true) => {
                    let lost = self.offset() - offset;
                    return Item::Damage { offset, what: format!("{what}: {lost} bytes are left out") };
                }
                Ok(false) if self.end - self.start >= 8 => {}
                Ok(false) | Err(_) => {
                    self.finished = true;
                    return Item::Damage { offset, what: nothing.to_owned() };
                }
            }
        }
    }

    /// Sees to it that so many bytes are in the buffer; no, if the file ends before.
    fn fill(&mut self, count: usize) -> Result<bool, Item<'static>> {
        while self.end - self.start < count {
            if self.start > 0 && self.start + count.max(CHUNK / 2) > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.before += self.start as u64;
                self.end -= self.start;
                self.start = 0;
            }
            let wanted = (self.end + CHUNK).max(self.start + count);
            if self.buffer.len() < wanted {
                // Grown by what there is to read, not by what a length promises.
                let wanted = wanted.min(self.end + 4 * CHUNK);
                self.buffer.resize(wanted.max(self.buffer.len()), 0);
            }
            let Some(free) = self.buffer.get_mut(self.end..) else { return Ok(false) };
            match self.input.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finished = true;
                    return Err(self.damage(format!("nothing more can be read: {error}")));
                }
            }
        }
        Ok(true)
    }

    /// Counts a block. Most are of the type of the one before, which stands first.
    fn count(&mut self, kind: u32) {
        let blocks = &mut self.contents.blocks;
        match blocks.iter().position(|(known, _)| *known == kind) {
            Some(place) => blocks.swap(0, place),
            // Types that nobody knows are counted by their number elsewhere: there is no end to them.
            None if known(kind) => blocks.insert(0, (kind, 0)),
            None => return,
        }
        if let Some((_, count)) = blocks.first_mut() {
            *count += 1;
        }
    }

    /// Opens the block at hand; nothing if it is passed over or read entry by entry.
    fn open(&mut self, kind: u32) -> Option<Step> {
        self.count(kind);
        let body = self.buffer.get(self.start + 8..self.start + self.block - 4).unwrap_or_default();
        let layout = match kind {
            EVENT | EVENT_INT => Some(Layout { flags: false, counted: false }),
            EVENT_V2 | EVENT_V2_LARGE => Some(Layout { flags: false, counted: true }),
            EVENT_FLAGS => Some(Layout { flags: true, counted: false }),
            EVENT_FLAGS_V2 | EVENT_FLAGS_V2_LARGE => Some(Layout { flags: true, counted: true }),
            _ => None,
        };
        if let Some(layout) = layout {
            return match event::read(body, layout, &mut self.ends) {
                Ok(parsed) => Some(Step::Event(parsed)),
                Err(Damage::Unknown) => {
                    self.losses.unknown_events += 1;
                    None
                }
                Err(Damage::Lengths) => Some(Step::Item(self.damage("an event is left out: its lengths do not agree"))),
            };
        }
        let mut at = 0;
        let list = match kind {
            SECTION => {
                let mut bytes = Bytes(body);
                let (magic, major, minor) = (bytes.u32(), bytes.u16(), bytes.u16());
                if magic != Some(MAGIC) {
                    self.finished = true;
                    return Some(Step::Item(self.damage("the capture was written in another byte order, which is not read")));
                }
                if major != Some(1) {
                    self.finished = true;
                    return Some(Step::Item(self.damage(format!("the format has version {}; this reads version 1", major.unwrap_or(0)))));
                }
                self.contents.version = (1, minor.unwrap_or(0));
                self.contents.header = self.block;
                return None;
            }
            MACHINE | MACHINE_INT => {
                let machine = lists::machine(body).map(Start::Machine).map(Item::Start);
                return Some(Step::Item(machine.unwrap_or_else(|| self.damage("the block on the machine is too short"))));
            }
            DESCRIPTORS | DESCRIPTORS_INT | DESCRIPTORS_V2 => {
                let Some(tid) = Bytes(body).i64() else { return Some(Step::Item(self.damage("a list of descriptors names no thread"))) };
                at = 8;
                List::Descriptors { tid, sized: kind == DESCRIPTORS_V2 }
            }
            INTERFACES | INTERFACES_INT | INTERFACES_V2 => List::Interfaces { sized: kind == INTERFACES_V2 },
            USERS | USERS_INT | USERS_V2 => List::Accounts { sized: kind == USERS_V2 },
            _ => match PROCESSES.iter().find(|(known, _)| *known == kind) {
                Some((_, version)) => List::Processes(*version),
                None => {
                    self.losses.unknown_blocks += 1;
                    return None;
                }
            },
        };
        self.list = Some((list, at));
        None
    }

    /// The next entry of a list; nothing at its end.
    fn entry(&mut self, list: List, at: usize) -> Option<Item<'static>> {
        let body = self.buffer.get(self.start + 8..self.start + self.block - 4).unwrap_or_default();
        let mut bytes = Bytes(body.get(at..)?);
        // Up to three bytes fill the block up.
        if bytes.len() < 4 {
            return None;
        }
        let item = match list {
            List::Processes(version) => lists::process(&mut bytes, version).map(|process| Start::Process(Box::new(process))),
            List::Descriptors { tid, sized } => {
                lists::descriptor(&mut bytes, sized).map(|descriptor| Start::Descriptor { tid, descriptor })
            }
            List::Accounts { sized } => lists::account(&mut bytes, sized).map(|account| match account {
                Account::User(user) => Start::User(user),
                Account::Group(group) => Start::Group(group),
            }),
            List::Interfaces { sized } => lists::interface(&mut bytes, sized).map(Start::Interface),
        };
        let next = body.len() - bytes.len();
        match item {
            Some(item) => {
                self.list = Some((list, next));
                Some(Item::Start(item))
            }
            None => {
                self.list = None;
                let what = match list {
                    List::Processes(_) => "processes",
                    List::Descriptors { .. } => "descriptors",
                    List::Accounts { .. } => "users and groups",
                    List::Interfaces { .. } => "network interfaces",
                };
                Some(self.damage(format!("an entry of a list of {what} does not fit in it: it and the rest of the list are left out")))
            }
        }
    }
}

impl<R: Read> Input<R> {
    fn read(&mut self, free: &mut [u8]) -> io::Result<usize> {
        if let Self::New(input) = self {
            let Some(mut input) = input.take() else { return Ok(0) };
            let mut magic = Vec::new();
            input.by_ref().take(2).read_to_end(&mut magic)?;
            if magic == [0x1f, 0x8b] {
                *self = Self::Packed(Box::new(Gunzip::new(io::Cursor::new(magic).chain(input))));
            } else {
                let count = magic.len();
                free.get_mut(..count).unwrap_or_default().copy_from_slice(&magic);
                *self = Self::Plain(input);
                return Ok(count);
            }
        }
        match self {
            Self::New(_) => Ok(0),
            Self::Plain(input) => input.read(free),
            Self::Packed(input) => input.read(free),
        }
    }
}

const MAGIC: u32 = 0x1a2b_3c4d;
const SECTION: u32 = 0x0a0d_0d0a;
const MACHINE: u32 = 0x201;
const DESCRIPTORS: u32 = 0x203;
const DESCRIPTORS_V2: u32 = 0x218;
const EVENT: u32 = 0x204;
const EVENT_V2: u32 = 0x216;
const EVENT_V2_LARGE: u32 = 0x221;
const EVENT_FLAGS: u32 = 0x208;
const EVENT_FLAGS_V2: u32 = 0x217;
const EVENT_FLAGS_V2_LARGE: u32 = 0x222;
const INTERFACES: u32 = 0x205;
const INTERFACES_V2: u32 = 0x219;
const USERS: u32 = 0x206;
const USERS_V2: u32 = 0x220;
// Numbers of before the first release.
const MACHINE_INT: u32 = 0x8002_abcd;
const DESCRIPTORS_INT: u32 = 0x8001_abcd;
const EVENT_INT: u32 = 0x8010_abcd;
const INTERFACES_INT: u32 = 0x8011_abcd;
const USERS_INT: u32 = 0x8012_abcd;

/// Lists of processes, and which version of the layout each has.
const PROCESSES: [(u32, u8); 12] = [
    (0x202, 1),
    (0x8000_abcd, 1),
    (0x207, 2),
    (0x8013_abcd, 2),
    (0x209, 3),
    (0x8014_abcd, 3),
    (0x210, 4),
    (0x211, 5),
    (0x212, 6),
    (0x213, 7),
    (0x214, 8),
    (0x215, 9),
];

fn known(kind: u32) -> bool {
    matches!(
        kind,
        SECTION
            | MACHINE
            | DESCRIPTORS
            | DESCRIPTORS_V2
            | EVENT
            | EVENT_V2
            | EVENT_V2_LARGE
            | EVENT_FLAGS
            | EVENT_FLAGS_V2
            | EVENT_FLAGS_V2_LARGE
            | INTERFACES
            | INTERFACES_V2
            | USERS
            | USERS_V2
            | MACHINE_INT
            | DESCRIPTORS_INT
            | EVENT_INT
            | INTERFACES_INT
            | USERS_INT
    ) || PROCESSES.iter().any(|(process, _)| *process == kind)
}
