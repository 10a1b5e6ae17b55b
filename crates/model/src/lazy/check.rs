//! Whether all of a document is JSON: its tokens in the order that the grammar wants, found 64 bytes at once.
//!
//! What stands in strings is not looked at: a reader takes escapes and bytes there as they come.

use super::Broken;
use super::skip::{BLOCK, Bits, Strings};

/// Documents are nested no deeper than this, as with the reader of upstream's plugins.
const DEPTH: u32 = 300;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// Objects and lists that are open.
#[derive(Default)]
struct Open {
    depth: u32,
    /// Which of the innermost 64 are objects, the innermost in the lowest bit.
    objects: u64,
    /// The same of those outside of them.
    outer: Vec<u64>,
}

impl Open {
    fn enter(&mut self, is_object: bool) -> bool {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.objects);
        }
        self.objects = self.objects << 1 | u64::from(is_object);
        self.depth += 1;
        self.depth <= DEPTH
    }

    fn leave(&mut self) -> Next {
        self.objects >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(64) {
            self.objects = self.outer.pop().unwrap_or(0);
        }
        if self.depth == 0 { Next::Nothing } else { Next::CommaOrEnd }
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// Whether `text` is one object or list, with blanks around it.
///
/// # Errors
/// It is none; the byte is that of the first token that cannot stand where it does.
pub fn check(text: &[u8]) -> Result<(), Broken> {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let (mut strings, mut open, mut next) = (Strings::default(), Open::default(), Next::Value);
    // Whether the block before ended in a string, and in a number or word.
    let (mut in_string, mut in_word) = (0, 0);
    for (index, block) in blocks.iter().chain(std::iter::once(&last)).enumerate() {
        let bits = Bits::of(block);
        let within = strings.next(&bits);
        let start = within & !(within << 1 | in_string);
        in_string = within >> 63;
        let marks = (bits.open | bits.close | bits.points) & !within;
        // The closing quote is no part of `within`.
        let word = !(within | marks | bits.blank | bits.quote);
        let begins = word & !(word << 1 | in_word);
        in_word = word >> 63;
        let mut left = start | marks | begins;
        while left != 0 {
            let bit = left.trailing_zeros() as usize;
            left &= left - 1;
            let at = index * BLOCK + bit;
            let byte = block.get(bit).copied().unwrap_or_default();
            next = match (byte, next) {
                (b'"', Next::Value | Next::ValueOrEnd) => Next::CommaOrEnd,
                (b'"', Next::Key | Next::KeyOrEnd) => Next::Colon,
                (b',', Next::CommaOrEnd) if open.in_object() => Next::Key,
                (b':', Next::Colon) | (b',', Next::CommaOrEnd) => Next::Value,
                (b'{', Next::Value | Next::ValueOrEnd) if open.enter(true) => Next::KeyOrEnd,
                (b'[', Next::Value | Next::ValueOrEnd) if open.enter(false) => Next::ValueOrEnd,
                (b'}', Next::CommaOrEnd | Next::KeyOrEnd) if open.in_object() => open.leave(),
                (b']', Next::CommaOrEnd | Next::ValueOrEnd) if !open.in_object() => open.leave(),
                (_, Next::Value | Next::ValueOrEnd) if open.depth > 0 && is_word(text.get(at..).unwrap_or_default()) => Next::CommaOrEnd,
                _ => return Err(Broken(at)),
            };
            if open.depth == 0 && next != Next::Nothing {
                return Err(Broken(at));
            }
        }
    }
    if next == Next::Nothing && in_string == 0 { Ok(()) } else { Err(Broken(text.len())) }
}

/// Whether a text begins with a number, `true`, `false` or `null`, and something else follows.
fn is_word(text: &[u8]) -> bool {
    let length = match text.first() {
        Some(b't') if text.starts_with(b"true") => 4,
        Some(b'f') if text.starts_with(b"false") => 5,
        Some(b'n') if text.starts_with(b"null") => 4,
        _ => number(text).unwrap_or(0),
    };
    length > 0 && text.get(length).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}'))
}

/// How many bytes the number takes that a text begins with.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = match text.get(sign) {
        Some(b'0') => 1,
        _ => digits(sign),
    };
    let mut end = sign + whole;
    let mut parts_are_there = whole > 0;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        parts_are_there &= fraction > 0;
        end += 1 + fraction;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        parts_are_there &= exponent > 0;
        end += 1 + sign + exponent;
    }
    parts_are_there.then_some(end)
}
