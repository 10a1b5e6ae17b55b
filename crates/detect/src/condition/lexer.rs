//! The words of a condition.
//!
//! The classes of characters are those of falcosecurity/libs, `userspace/libsinsp/filter/parser.cpp`. They are not all the same:
//! a blank between words is not quite what ends a text without quotes.

use super::{ParseError, Position, unescape};
use std::borrow::Cow;

/// A place in the text, and the last word before it.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    /// What is left of the text.
    pub(super) rest: &'a [u8],
    /// Where that starts.
    pub(super) at: Position,
    /// The last word, for messages; of a text in quotes what it stands for.
    pub(super) last: Cow<'a, [u8]>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, at: Position::START, last: Cow::Borrowed(b"") }
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { message: message.into(), at: self.at })
    }

    /// Goes over blanks; whether there was one.
    pub(super) fn blank(&mut self) -> bool {
        let count = self.rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.take(count);
        count > 0
    }

    /// Takes this very text.
    pub(super) fn word(&mut self, word: &'static str) -> bool {
        let found = self.rest.starts_with(word.as_bytes());
        self.token(found.then_some(word.len()))
    }

    /// Takes an operator: those of letters need a blank behind them, unless `loose`; the blank is taken too.
    pub(super) fn operator(&mut self, word: &'static str, loose: bool) -> bool {
        let needs_blank = !loose && word.starts_with(|first: char| first.is_ascii_alphabetic());
        if needs_blank && !self.rest.get(word.len()).is_some_and(|next| is_blank(*next)) {
            return false;
        }
        let found = self.word(word);
        if found && needs_blank {
            self.blank();
        }
        found
    }

    /// Takes so many bytes as a word, if there is one.
    pub(super) fn token(&mut self, len: Option<usize>) -> bool {
        if let Some(len) = len {
            self.last = Cow::Borrowed(self.take(len));
        }
        len.is_some()
    }

    pub(super) fn identifier(&mut self) -> bool {
        self.token(identifier(self.rest))
    }

    pub(super) fn field_name(&mut self) -> bool {
        self.token(field_name(self.rest))
    }

    pub(super) fn number(&mut self) -> bool {
        self.token(hexadecimal(self.rest).or_else(|| number(self.rest)))
    }

    /// `not` and the blanks behind it.
    pub(super) fn not(&mut self) -> bool {
        let blanks = self.rest.strip_prefix(b"not").map_or(0, |rest| rest.iter().take_while(|byte| is_space(**byte)).count());
        self.token((blanks > 0).then_some(3 + blanks))
    }

    /// A value without quotes.
    pub(super) fn bare(&mut self) -> bool {
        self.token(bare(self.rest, |byte| matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',')))
    }

    /// The argument of a field, without quotes.
    pub(super) fn bare_arg(&mut self) -> bool {
        self.token(bare(self.rest, |byte| matches!(byte, b'[' | b']' | b'"' | b'\'')))
    }

    /// A text in quotes. A quote ends it if no backslash stands right before it, even if that backslash is escaped itself.
    pub(super) fn quoted(&mut self) -> Result<bool, ParseError> {
        let Some((quote @ (b'"' | b'\''), inner)) = self.rest.split_first() else { return Ok(false) };
        let mut previous = quote;
        let end = inner.iter().take_while(|byte| **byte != 0).position(|byte| {
            let ends = byte == quote && *previous != b'\\';
            previous = byte;
            ends
        });
        let Some(end) = end else { return Ok(false) };
        let text = self.take(end + 2);
        match unescape(text) {
            Ok(text) => self.last = Cow::Owned(text),
            Err(error) => return self.fail(error.to_string()),
        }
        Ok(true)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, b""));
        self.at = self.at.after(taken);
        self.rest = rest;
        taken
    }
}

/// Whether an identifier starts here.
pub(super) fn identifier(text: &[u8]) -> Option<usize> {
    text.first().filter(|first| first.is_ascii_alphabetic())?;
    Some(text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count())
}

/// Whether `and`, `or` or `not` stands here, and not as the start of a longer word.
pub(super) fn is_keyword(text: &[u8]) -> bool {
    let ends = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
    ["and", "or", "not"].iter().any(|word| text.strip_prefix(word.as_bytes()).is_some_and(ends))
}

/// Identifiers with dots between them, at least two.
fn field_name(text: &[u8]) -> Option<usize> {
    let first = identifier(text)?;
    let mut end = first;
    while let Some(next) = text.get(end..).and_then(|rest| rest.strip_prefix(b".")).and_then(identifier) {
        end += 1 + next;
    }
    (end > first).then_some(end)
}

fn hexadecimal(text: &[u8]) -> Option<usize> {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X"))?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    (count > 0).then_some(2 + count)
}

fn number(text: &[u8]) -> Option<usize> {
    let from = |start: usize| text.get(start..).unwrap_or_default();
    let digits = |start: usize| from(start).iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let mut end = sign + whole;
    end += usize::from(from(end).first() == Some(&b'.'));
    end += digits(end);
    if let [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] = from(end) {
        end += 2 + digits(end + 2);
    }
    Some(end)
}

/// A run of characters, none of which is white space or among `stop`. Bytes that are no UTF-8 end it; overlong forms are let through.
fn bare(text: &[u8], stop: impl Fn(u8) -> bool) -> Option<usize> {
    let mut end = 0;
    while let Some((&first, more)) = text.get(end..).and_then(<[u8]>::split_first) {
        let following = match first {
            0..0x80 if is_space(first) || stop(first) => break,
            0..0x80 => 0,
            0xC2..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF4 => 3,
            _ => break,
        };
        if !more.get(..following).is_some_and(|more| more.iter().all(|byte| matches!(byte, 0x80..=0xBF))) {
            break;
        }
        end += 1 + following;
    }
    (end > 0).then_some(end)
}

/// What may stand between words.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x08 | b'\r' | b'\n')
}

/// What ends a text without quotes.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
