//! A stream of bytes into the pieces that can be parsed on their own: lines, documents of several lines, items of lists.
//!
//! A line that is an object is taken as it is, so that the usual log costs one search for line ends. Only where JSON goes on over a
//! line end, or where a list begins, is the structure followed, byte by byte, and the items of the list are handed over one
//! by one: an export of one array may be larger than memory. JSON has no line end within strings, so what was cut off shows there,
//! and reading goes on with the next line.

use std::io::{self, Read};
use std::ops::Range;

/// What is read at once.
const CHUNK: usize = 4 << 20;
/// Objects nested deeper than this are no logs.
const DEPTH: usize = 128;
/// Members whose lists hold events: EventList, List and Whisker, CloudWatch, its subscriptions, Azure, Logs Insights, Goldmane.
const LISTS: [&[u8]; 6] = [b"items", b"events", b"logEvents", b"records", b"results", b"flows"];

/// A part of a batch's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it stands in the bytes of its batch.
    pub(crate) range: Range<usize>,
    /// The line that it begins in.
    pub(crate) line: u64,
    /// Its index, if it is an item of a list.
    pub(crate) item: Option<u64>,
    /// Why it is no JSON, if that is known already.
    pub(crate) broken: Option<Broken>,
}

/// What is wrong with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It ends before its JSON does.
    CutOff,
    /// It is larger than the limit.
    TooLarge,
}

/// Pieces, and the bytes that they are parts of.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: Vec<Piece>,
}

/// Splits what `input` gives.
#[derive(Debug)]
pub(crate) struct Splitter<R> {
    input: R,
    /// The most bytes of one piece.
    limit: usize,
    /// Hand over what has come as soon as the input pauses.
    prompt: bool,
    /// What is read and not yet handed over.
    rest: Vec<u8>,
    /// How far `rest` has been looked at.
    at: usize,
    /// The line that `at` is in.
    line: u64,
    nest: Option<Nest>,
    /// Everything up to the next line end belongs to a piece that is given up.
    skip: bool,
    ended: bool,
    /// Why it ended, if the input broke.
    error: Option<io::Error>,
}

/// JSON that began and has not ended.
#[derive(Debug)]
struct Nest {
    /// The brackets that are open.
    open: Vec<u8>,
    /// The last token: a bracket, `,`, `:`, or `k` for a key and `v` for a value.
    last: u8,
    /// The piece that is being read: where it begins, and in which line.
    start: usize,
    line: u64,
    /// How deep the items of a list are, if this is one.
    items: Option<usize>,
    /// Items so far.
    count: u64,
    /// Whether there was a list, so that the rest of the document is of no interest.
    listed: bool,
    /// Whether the last key at the top was one of [`LISTS`].
    list: bool,
    /// Whether it has ended, and only what follows decides whether it is believed.
    whole: bool,
}

/// What following the structure came to.
enum Step {
    /// An item or, with no bracket open, a document ends before this byte.
    Piece(usize),
    /// The document ends, and all of it was handed over.
    Done,
    /// This byte cannot stand here.
    Broken(usize),
    /// The bytes are used up.
    More,
}

impl<R: Read> Splitter<R> {
    pub(crate) fn new(input: R, limit: usize, prompt: bool) -> Self {
        Self { input, limit, prompt, rest: Vec::new(), at: 0, line: 1, nest: None, skip: false, ended: false, error: None }
    }

    /// The line that reading has come to.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The next pieces; `None` at the end. What could be read before an error comes first: only then is the line known.
    pub(crate) fn next(&mut self) -> io::Result<Option<Batch>> {
        while !self.ended {
            match self.fill() {
                Ok(read) => self.ended = read == 0,
                Err(error) => (self.ended, self.error) = (true, Some(error)),
            }
            if let Some(batch) = self.take() {
                return Ok(Some(batch));
            }
        }
        match self.take() {
            None => self.error.take().map_or(Ok(None), Err),
            batch => Ok(batch),
        }
    }

    /// The pieces that have become whole.
    fn take(&mut self) -> Option<Batch> {
        let pieces = self.split();
        if pieces.is_empty() {
            self.forget();
            return None;
        }
        Some(self.hand_over(pieces))
    }

    /// Reads more; 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        if self.prompt {
            return read_once(&mut self.input, &mut self.rest);
        }
        self.rest.reserve(CHUNK);
        self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.rest)
    }

    /// What is looked at becomes a batch; what is not goes into the next one.
    fn hand_over(&mut self, pieces: Vec<Piece>) -> Batch {
        let keep = self.keep();
        let after = self.rest.get(keep..).unwrap_or_default().to_vec();
        let mut bytes = std::mem::replace(&mut self.rest, after);
        bytes.truncate(keep);
        self.moved(keep);
        Batch { bytes, pieces }
    }

    fn forget(&mut self) {
        let keep = self.keep();
        self.rest.drain(..keep.min(self.rest.len()));
        self.moved(keep);
    }

    /// From where on bytes are still needed.
    fn keep(&self) -> usize {
        self.nest.as_ref().map_or(self.at, |nest| nest.start)
    }

    fn moved(&mut self, by: usize) {
        self.at -= by;
        if let Some(nest) = &mut self.nest {
            nest.start -= by;
        }
    }

    /// Goes on from `at` as far as the bytes allow.
    fn split(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let bytes = std::mem::take(&mut self.rest);
        while self.at < bytes.len() || (self.ended && self.nest.is_some()) {
            let before = (self.at, self.nest.is_some(), self.skip);
            match self.nest.take() {
                Some(nest) => self.follow(&bytes, nest, &mut pieces),
                None => self.take_line(&bytes, &mut pieces),
            }
            if before == (self.at, self.nest.is_some(), self.skip) {
                break;
            }
        }
        self.rest = bytes;
        pieces
    }

    /// Outside of any JSON: takes a line, or sees that it begins more than a line.
    fn take_line(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        let start = self.at;
        let here = bytes.get(start..).unwrap_or_default();
        let end = memchr::memchr(b'\n', here).map(|length| start + length);
        if self.skip {
            self.at = end.unwrap_or(bytes.len());
            self.skip = end.is_none();
            if !self.skip {
                self.pass_line_end();
            }
            return;
        }
        let text = bytes.get(start..end.unwrap_or(bytes.len())).unwrap_or_default();
        let piece = text.trim_ascii();
        let is_object = piece.first() == Some(&b'{') && piece.last() == Some(&b'}');
        let begins = begins_json(piece);
        let whole = end.is_some() || self.ended;
        if begins && !(is_object && whole) && (whole || text.len() >= CHUNK) {
            let start = start + (text.len() - text.trim_ascii_start().len());
            self.at = start;
            self.nest = Some(Nest {
                open: Vec::new(),
                last: b',',
                start,
                line: self.line,
                items: None,
                count: 0,
                listed: false,
                list: false,
                whole: false,
            });
            return;
        }
        let too_large = text.len() > self.limit;
        if !whole && !too_large {
            return;
        }
        if !piece.is_empty() {
            let broken = too_large.then_some(Broken::TooLarge);
            // Of what is too large, only the beginning is needed to say so.
            let length = if too_large { 0 } else { text.len() };
            pieces.push(Piece { range: start..start + length, line: self.line, item: None, broken });
        }
        self.at = end.unwrap_or(bytes.len());
        if end.is_some() {
            self.pass_line_end();
        } else {
            self.skip = !self.ended;
        }
    }

    fn pass_line_end(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    /// Within JSON: to the end of an item or document, or to where it breaks.
    fn follow(&mut self, bytes: &[u8], mut nest: Nest, pieces: &mut Vec<Piece>) {
        let step = if nest.whole { Step::Piece(self.at) } else { nest.step(bytes, &mut self.at, &mut self.line) };
        match step {
            Step::Piece(end) if nest.open.is_empty() => match ends_well(bytes.get(end..).unwrap_or_default(), self.ended) {
                Some(true) => pieces.push(Piece { range: nest.start..end, line: nest.line, item: None, broken: None }),
                Some(false) => self.give_up(bytes, &nest, end, Broken::CutOff, pieces),
                None => {
                    nest.whole = true;
                    self.nest = Some(nest);
                }
            },
            Step::Piece(end) => {
                pieces.push(Piece { range: nest.start..end, line: nest.line, item: Some(nest.count), broken: None });
                nest.count += 1;
                nest.start = end;
                self.nest = Some(nest);
            }
            Step::Done => {}
            Step::Broken(at) => self.give_up(bytes, &nest, at, Broken::CutOff, pieces),
            Step::More if bytes.len() - nest.start > self.limit => self.give_up(bytes, &nest, bytes.len(), Broken::TooLarge, pieces),
            Step::More if self.ended => self.give_up(bytes, &nest, bytes.len(), Broken::CutOff, pieces),
            Step::More => self.nest = Some(nest),
        }
    }

    /// The line in which the piece begins is lost; reading goes on with the next one.
    fn give_up(&mut self, bytes: &[u8], nest: &Nest, at: usize, broken: Broken, pieces: &mut Vec<Piece>) {
        pieces.push(Piece { range: nest.start..nest.start, line: nest.line, item: None, broken: Some(broken) });
        self.line = nest.line;
        let tried = bytes.get(nest.start..at).unwrap_or_default();
        self.at = memchr::memchr(b'\n', tried).map_or(at, |length| nest.start + length);
        self.skip = true;
        self.nest = None;
    }
}

impl Splitter<io::Empty> {
    /// For input that comes when it comes; see [`Splitter::push`].
    pub(crate) fn waiting(limit: usize) -> Self {
        Self::new(io::empty(), limit, true)
    }

    /// Takes more of the input, and gives the pieces that are whole with it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<Batch> {
        self.rest.extend_from_slice(bytes);
        self.take()
    }

    /// Gives what is left when there is no more input.
    pub(crate) fn end(&mut self) -> Option<Batch> {
        self.ended = true;
        self.take()
    }
}

/// Whether text begins as JSON does. A bracket before a number is one around a time, as loggers write it.
pub(crate) fn begins_json(text: &[u8]) -> bool {
    match text.split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => matches!(rest.trim_ascii_start().first(), None | Some(b'{' | b'[' | b']' | b'"')),
        _ => false,
    }
}

/// Whether a document may end before `rest`: the line ends, or the next document begins. (A comma ends a line of a list whose
/// beginning was broken.) Behind an object within a line that lost its beginning, more of that line follows. `None` where it
/// takes more bytes to tell.
fn ends_well(rest: &[u8], is_all: bool) -> Option<bool> {
    let mut rest = rest.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    match rest.next() {
        None => is_all.then_some(true),
        Some(b'\n' | b'{' | b'[') => Some(true),
        Some(b',') => rest.next().map_or(is_all.then_some(true), |next| Some(*next == b'\n')),
        Some(_) => Some(false),
    }
}

fn read_once(input: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut part = [0; 1 << 16];
    loop {
        match input.read(&mut part) {
            Ok(read) => {
                bytes.extend_from_slice(part.get(..read).unwrap_or_default());
                return Ok(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Nest {
    /// Follows the tokens of `bytes` from `at` on.
    fn step(&mut self, bytes: &[u8], at: &mut usize, line: &mut u64) -> Step {
        while let Some(byte) = bytes.get(*at) {
            let before = *at;
            match byte {
                b'\n' => *line += 1,
                b' ' | b'\t' | b'\r' => {}
                b'{' | b'[' => {
                    if !self.value_fits() || self.open.len() >= DEPTH {
                        return Step::Broken(before);
                    }
                    self.begin_item(before, *line);
                    let is_list = *byte == b'[' && (self.open.is_empty() || (self.open.len() == 1 && self.list));
                    self.open.push(*byte);
                    if is_list && self.items.is_none() {
                        self.items = Some(self.open.len());
                        self.listed = true;
                    }
                    self.last = *byte;
                }
                b'}' | b']' => {
                    let opening = if *byte == b'}' { b'{' } else { b'[' };
                    if self.open.pop() != Some(opening) || !(self.last == opening || self.last == b'v') {
                        return Step::Broken(before);
                    }
                    self.last = b'v';
                    *at = before + 1;
                    match self.items {
                        Some(depth) if self.open.len() == depth => return Step::Piece(*at),
                        // The list is over; another one may follow in the same document.
                        Some(depth) if self.open.len() < depth => self.items = None,
                        _ => {}
                    }
                    if self.open.is_empty() {
                        return if self.listed { Step::Done } else { Step::Piece(*at) };
                    }
                    self.list = false;
                }
                b',' if self.last == b'v' && !self.open.is_empty() => self.last = b',',
                b':' if self.last == b'k' => self.last = b':',
                b',' | b':' => return Step::Broken(before),
                b'"' => match self.string(bytes, before, *line) {
                    Ok(end) => *at = end,
                    Err(step) => return step,
                },
                _ => {
                    if !self.value_fits() || self.open.is_empty() {
                        return Step::Broken(before);
                    }
                    let rest = bytes.get(before..).unwrap_or_default();
                    let length = rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)));
                    match length {
                        None => return Step::More,
                        Some(0) => return Step::Broken(before),
                        Some(length) => {
                            self.begin_item(before, *line);
                            *at = before + length;
                            self.last = b'v';
                        }
                    }
                }
            }
            if *at == before {
                *at += 1;
            } else if self.last == b'v' && self.items == Some(self.open.len()) {
                return Step::Piece(*at);
            }
            self.drop_wrapping(*at, *line);
        }
        Step::More
    }

    /// A key or a value in quotes: the byte after it.
    fn string(&mut self, bytes: &[u8], start: usize, line: u64) -> Result<usize, Step> {
        let is_key = self.open.last() == Some(&b'{') && matches!(self.last, b'{' | b',');
        if self.open.is_empty() || !(is_key || self.value_fits()) {
            return Err(Step::Broken(start));
        }
        let mut at = start + 1;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(length) = memchr::memchr3(b'"', b'\\', b'\n', rest) else { return Err(Step::More) };
            match rest.get(length) {
                Some(b'"') => {
                    at += length;
                    break;
                }
                Some(b'\\') if rest.get(length + 1) != Some(&b'\n') => at += length + 2,
                Some(b'\\') => return Err(Step::Broken(at + length + 1)),
                _ => return Err(Step::Broken(at + length)),
            }
        }
        if is_key {
            let key = bytes.get(start + 1..at).unwrap_or_default();
            if self.open.len() == 1 {
                self.list = LISTS.contains(&key);
            }
            self.last = b'k';
        } else {
            self.begin_item(start, line);
            self.last = b'v';
        }
        Ok(at + 1)
    }

    fn value_fits(&self) -> bool {
        match self.open.last() {
            Some(b'{') => self.last == b':',
            Some(_) => matches!(self.last, b'[' | b','),
            None => self.last == b',',
        }
    }

    /// Notes where an item of the list begins.
    fn begin_item(&mut self, at: usize, line: u64) {
        if self.items == Some(self.open.len()) {
            self.start = at;
            self.line = line;
        }
    }

    /// What stands between the items is not needed.
    fn drop_wrapping(&mut self, at: usize, line: u64) {
        let between = self.items == Some(self.open.len());
        let after = self.items.is_none() && self.listed;
        if between || after {
            self.start = at;
            self.line = line;
        }
    }
}
