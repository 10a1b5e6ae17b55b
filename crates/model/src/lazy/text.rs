//! Texts in JSON, and JSON as text.

use bumpalo::Bump;
use bumpalo::collections::Vec;

/// Deeper than this, nothing is written with indentation.
const DEPTH: usize = 300;
/// Nor is it longer than this.
const LONGEST: usize = 64 << 20;

/// The first byte from `at` on that is no blank.
pub(super) fn blank(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// The byte behind the string that begins at `at`. The error is where it breaks.
pub(super) fn string(text: &[u8], at: usize) -> Result<usize, usize> {
    if text.get(at) != Some(&b'"') {
        return Err(at);
    }
    let mut end = at + 1;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let length = memchr::memchr2(b'"', b'\\', rest).ok_or(text.len())?;
        match rest.get(length) {
            Some(b'"') => return Ok(end + length + 1),
            _ => end += length + 2,
        }
    }
}

/// What stands between quotes, without escapes.
pub(super) fn unescaped<'a>(raw: &'a [u8], arena: &'a Bump) -> &'a [u8] {
    let Some(mut next) = memchr::memchr(b'\\', raw) else { return raw };
    let mut out = Vec::with_capacity_in(raw.len(), arena);
    let mut rest = raw;
    loop {
        let (before, escape) = rest.split_at_checked(next).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        rest = take_escape(escape, &mut out);
        match memchr::memchr(b'\\', rest) {
            Some(found) => next = found,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    out.into_bump_slice()
}

/// What follows the escape that `text` begins with. One that is none is kept.
fn take_escape<'t>(text: &'t [u8], out: &mut Vec<'_, u8>) -> &'t [u8] {
    let Some((letter, rest)) = text.get(1..).and_then(<[u8]>::split_first) else {
        out.extend_from_slice(text);
        return &[];
    };
    let byte = match letter {
        b'"' | b'\\' | b'/' => *letter,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return take_unicode(rest, out),
        _ => {
            out.extend_from_slice(&[b'\\', *letter]);
            return rest;
        }
    };
    out.push(byte);
    rest
}

/// What follows the digits behind `\u`, and those of the second half of a pair.
fn take_unicode<'t>(text: &'t [u8], out: &mut Vec<'_, u8>) -> &'t [u8] {
    let Some((unit, rest)) = unit(text) else {
        out.extend_from_slice(b"\\u");
        return text;
    };
    let mut push = |letter: char| out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    if let Some(letter) = char::from_u32(unit) {
        push(letter);
        return rest;
    }
    match rest.strip_prefix(b"\\u").and_then(self::unit) {
        Some((low, rest)) => {
            let pair = (unit < 0xdc00 && (0xdc00..0xe000).contains(&low)).then(|| 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            push(pair.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest
        }
        // Half a pair is kept as it is written.
        None => {
            out.extend_from_slice(b"\\u");
            text
        }
    }
}

/// Four hexadecimal digits.
fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?)).map(|unit| (unit, rest))
}

/// JSON without blanks between its tokens.
pub(super) fn compact<'a>(text: &'a [u8], arena: &'a Bump) -> &'a [u8] {
    let mut tokens = Tokens { rest: text };
    // Most JSON in logs is compact.
    if !tokens.by_ref().any(|token| token.first().is_some_and(u8::is_ascii_whitespace)) {
        return text;
    }
    let mut out = Vec::with_capacity_in(text.len(), arena);
    for token in (Tokens { rest: text }).filter(|token| !token.first().is_some_and(u8::is_ascii_whitespace)) {
        out.extend_from_slice(token);
    }
    out.into_bump_slice()
}

/// JSON with a line for each part.
pub(super) fn indented<'a>(text: &[u8], arena: &'a Bump) -> Option<&'a [u8]> {
    let mut out = Vec::with_capacity_in(text.len() * 2, arena);
    let mut open: std::vec::Vec<u8> = std::vec::Vec::new();
    let line = |out: &mut Vec<'_, u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 2 * depth));
    };
    // A bracket that was opened last and has nothing in it yet.
    let mut fresh = false;
    for token in (Tokens { rest: text }) {
        let Some(first) = token.first() else { continue };
        match first {
            b' ' | b'\n' | b'\t' | b'\r' => continue,
            b'}' | b']' => {
                let opening = open.pop()?;
                if (opening == b'{') != (*first == b'}') {
                    return None;
                }
                if !fresh {
                    line(&mut out, open.len());
                }
            }
            _ if fresh => line(&mut out, open.len()),
            _ => {}
        }
        fresh = matches!(first, b'{' | b'[');
        out.extend_from_slice(token);
        match first {
            b'{' | b'[' => open.push(*first),
            b',' => line(&mut out, open.len()),
            b':' => out.push(b' '),
            _ => {}
        }
        if open.len() > DEPTH || out.len() > LONGEST {
            return None;
        }
    }
    open.is_empty().then(|| out.into_bump_slice() as &[u8])
}

/// Strings, runs of blanks, punctuation byte by byte, and runs of anything else.
struct Tokens<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let is_mark = |byte: u8| matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"');
        let first = *self.rest.first()?;
        let length = if first == b'"' {
            string(self.rest, 0).unwrap_or(self.rest.len())
        } else if is_mark(first) {
            1
        } else {
            let blank = first.is_ascii_whitespace();
            let ends = |byte: &u8| is_mark(*byte) || byte.is_ascii_whitespace() != blank;
            self.rest.iter().position(ends).unwrap_or(self.rest.len())
        };
        let (token, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(token)
    }
}
