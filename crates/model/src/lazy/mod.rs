//! JSON of which only what is asked for is read.
//!
//! A value is the bytes that it stands in. The first time that somebody asks for a part of it, where its own parts begin and end is
//! noted, in an arena; what lies deeper is passed over, 64 bytes at once ([`skip`]). So a large document costs little more than finding
//! its end. The price: what nobody asks for is only known to have its brackets and strings closed, unless [`check`] was asked, and a part
//! that turns out to be no JSON has no parts.
//!
//! What a document says twice counts as it is said first. An escape that JSON does not know stands for itself.

mod check;
mod skip;
mod text;

pub use check::check;

use bumpalo::Bump;
use std::cell::OnceCell;
use std::fmt;
use text::{blank, string};

/// The most parts of one value that are seen: each costs memory.
const PARTS: usize = 1 << 18;

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    node: &'a Node<'a>,
    arena: &'a Bump,
}

/// Where a value stands, under which key, and its parts once they are known.
struct Node<'a> {
    key: &'a [u8],
    text: &'a [u8],
    parts: OnceCell<&'a [Node<'a>]>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Members under keys.
    Object,
    /// Items.
    List,
    /// A text.
    Text,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    Null,
    /// A number, or what stands where one could.
    Number,
}

/// A document is not JSON from this byte on, or goes on behind its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken(pub usize);

impl<'a> Json<'a> {
    /// The object or list that all of `text` is, but for blanks around it.
    ///
    /// # Errors
    /// It is none, as far as one can see without looking into its parts.
    pub fn read(text: &'a [u8], arena: &'a Bump) -> Result<Self, Broken> {
        let start = blank(text, 0);
        let inner = text.get(start..).unwrap_or_default();
        if !matches!(inner.first(), Some(b'{' | b'[')) {
            return Err(Broken(start));
        }
        let parts = parts(inner, arena).map_err(|at| Broken(start + at))?;
        let inner = inner.trim_ascii_end();
        Ok(Self { node: arena.alloc(Node { key: &[], text: inner, parts: OnceCell::from(parts) }), arena })
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.node.text.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            _ => match self.node.text {
                b"true" => Kind::True,
                b"false" => Kind::False,
                b"null" => Kind::Null,
                _ => Kind::Number,
            },
        }
    }

    /// The bytes that it stands in.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        self.node.text
    }

    /// The key that it stands under, without escapes; empty for an item of a list.
    #[must_use]
    pub fn key(self) -> &'a [u8] {
        self.node.key
    }

    /// Members of an object or items of a list, in their order; nothing else has parts.
    pub fn parts(self) -> impl ExactSizeIterator<Item = Self> {
        let arena = self.arena;
        self.nodes().iter().map(move |node| Self { node, arena })
    }

    /// The member under a key, or the item whose place the key says.
    #[must_use]
    pub fn get(self, key: &[u8]) -> Option<Self> {
        let nodes = self.nodes();
        let node = match self.node.text.first() {
            Some(b'{') => nodes.iter().find(|node| node.key == key),
            _ => nodes.get(usize::try_from(std::str::from_utf8(key).ok()?.parse::<i64>().ok()?).ok()?),
        };
        Some(Self { node: node?, arena: self.arena })
    }

    /// What a path of keys leads to.
    #[must_use]
    pub fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |value, key| value.get(key.as_bytes()))
    }

    /// The text that it is, without escapes.
    #[must_use]
    pub fn text(self) -> Option<&'a [u8]> {
        Some(text::unescaped(self.node.text.strip_prefix(b"\"")?.strip_suffix(b"\"")?, self.arena))
    }

    /// Its JSON without blanks between tokens; what stands in quotes is kept as it is written.
    #[must_use]
    pub fn compact(self) -> &'a [u8] {
        text::compact(self.node.text, self.arena)
    }

    /// Its JSON with a line for each part, two blanks deeper than what it is part of; `None` where that would take too much.
    #[must_use]
    pub fn indented(self) -> Option<&'a [u8]> {
        text::indented(self.node.text, self.arena)
    }

    fn nodes(self) -> &'a [Node<'a>] {
        let Node { text, parts: known, .. } = self.node;
        if !matches!(text.first(), Some(b'{' | b'[')) {
            return &[];
        }
        known.get_or_init(|| parts(text, self.arena).unwrap_or_default())
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(self.node.text))
    }
}

/// The parts of the object or list that all of `text` is, but for blanks behind it. The error is the byte where it breaks.
fn parts<'a>(text: &'a [u8], arena: &'a Bump) -> Result<&'a [Node<'a>], usize> {
    let is_object = text.first() == Some(&b'{');
    let close = if is_object { b'}' } else { b']' };
    let mut nodes = bumpalo::collections::Vec::with_capacity_in(if is_object { 20 } else { 4 }, arena);
    let mut at = blank(text, 1);
    let mut is_last = text.get(at) == Some(&close);
    while !is_last {
        let mut key: &[u8] = &[];
        if is_object {
            let end = string(text, at)?;
            key = text::unescaped(text.get(at + 1..end - 1).unwrap_or_default(), arena);
            at = blank(text, end);
            if text.get(at) != Some(&b':') {
                return Err(at);
            }
            at = blank(text, at + 1);
        }
        let end = value(text, at)?;
        if nodes.len() == PARTS {
            return Err(at);
        }
        nodes.push(Node { key, text: text.get(at..end).unwrap_or_default(), parts: OnceCell::new() });
        at = blank(text, end);
        match text.get(at) {
            Some(b',') => at = blank(text, at + 1),
            Some(byte) if *byte == close => is_last = true,
            _ => return Err(at),
        }
    }
    match blank(text, at + 1) {
        end if end == text.len() => Ok(nodes.into_bump_slice()),
        end => Err(end),
    }
}

/// The byte behind the value that begins at `at`.
fn value(text: &[u8], at: usize) -> Result<usize, usize> {
    match text.get(at) {
        Some(b'"') => string(text, at),
        Some(b'{' | b'[') => skip::brackets(text, at).ok_or(text.len()),
        Some(_) => {
            let rest = text.get(at..).unwrap_or_default();
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            match rest.iter().position(|byte| !is_plain(byte)) {
                Some(0) => Err(at),
                length => Ok(at + length.unwrap_or(rest.len())),
            }
        }
        None => Err(at),
    }
}

#[cfg(test)]
mod tests;
