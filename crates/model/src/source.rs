//! Where text came from, and places in it.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// One readable piece of input: a file, an archive member, rendered output, a page of a live list.
///
/// Documents, findings and problems share it through an [`Arc`], so a place can always be shown with its text.
pub struct Source {
    /// What the user would call it: a path as given, `-`, `app.tgz:deploy/web.yaml`, `cluster:deployments.apps`.
    pub name: String,
    /// How the text was obtained.
    pub origin: Origin,
    /// The whole text, UTF-8, without a byte order mark.
    pub text: String,
    lines: OnceLock<Lines>,
}

/// What places are computed with.
struct Lines {
    /// The first byte of every line.
    starts: Box<[u32]>,
    /// Whether every byte is a character: then nothing has to be counted, which takes long in JSON of one line.
    is_ascii: bool,
}

/// How the text of a [`Source`] was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file on disk, which an edit may be written back to.
    File,
    /// Standard input.
    Stdin,
    /// A member of a tar archive.
    Archive,
    /// The output of a renderer (`helm template`, `kubectl kustomize`).
    Rendered,
    /// Served by an API server, now or when a snapshot was taken.
    Live,
}

/// A half-open range of bytes in the text of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A line and a column, both counted from 1; columns count Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in Unicode scalar values, from 1.
    pub column: u32,
}

/// A place in a source.
#[derive(Clone)]
pub struct Location {
    /// The text that the place is in.
    pub source: Arc<Source>,
    /// The bytes of the place.
    pub span: Span,
}

impl Source {
    /// A source over `text`; a leading byte order mark is dropped.
    pub fn new(name: impl Into<String>, origin: Origin, text: impl Into<String>) -> Arc<Self> {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Arc::new(Self { name: name.into(), origin, text, lines: OnceLock::new() })
    }

    /// The text under `span`; empty where the span does not fit the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The line and column of the byte `offset`.
    pub fn position(&self, offset: u32) -> Position {
        let lines = self.lines();
        let line = lines.starts.partition_point(|&start| start <= offset).max(1);
        let start = lines.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.slice(Span { start, end: offset });
        let characters = if lines.is_ascii { before.len() } else { before.chars().count() };
        Position { line: count(line), column: count(characters + 1) }
    }

    /// The text of line `number` (from 1) without its line break, with its first byte; `None` past the end.
    pub fn line(&self, number: u32) -> Option<(u32, &str)> {
        let lines = &self.lines().starts;
        let index = (number as usize).checked_sub(1)?;
        let start = *lines.get(index)?;
        let end = lines.get(index + 1).copied().unwrap_or_else(|| count(self.text.len()));
        Some((start, self.slice(Span { start, end }).trim_end_matches(['\n', '\r'])))
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines {
            starts: std::iter::once(0)
                .chain(self.text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next))
                .collect(),
            is_ascii: self.text.is_ascii(),
        })
    }
}

/// A length as `u32`; sources are limited to less than 4 GiB, see [`crate::Limits`].
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Span {
    /// The span from `start` to `end`; offsets past 4 GiB are clamped.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: count(start), end: count(end) }
    }

    /// Whether the byte `offset` lies within.
    pub fn contains(self, offset: u32) -> bool {
        self.start <= offset && offset < self.end
    }

    /// The bytes as a range to index text with.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Location {
    /// The line and column of the first byte.
    pub fn start(&self) -> Position {
        self.source.position(self.span.start)
    }

    /// The line and column of the byte after the last one.
    pub fn end(&self) -> Position {
        self.source.position(self.span.end)
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.source.name == other.source.name && self.span == other.span
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.start();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}..{}", self.span.end)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let source = Source::new("x", Origin::File, "\u{feff}a: é\r\nb: 1\n");
        assert_eq!(source.text, "a: é\r\nb: 1\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(5), Position { line: 1, column: 5 });
        assert_eq!(source.position(7), Position { line: 2, column: 1 });
        assert_eq!(source.line(1), Some((0, "a: é")));
        assert_eq!(source.line(2), Some((7, "b: 1")));
        assert_eq!(source.line(9), None);
    }
}
