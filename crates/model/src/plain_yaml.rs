//! The YAML that most manifests are written in, read in one pass: block maps and lists, plain and quoted scalars, literal
//! blocks, flow collections of one line. For anything else it gives up, and [`crate::yaml`] asks the parser, which knows all of YAML.
//!
//! What it accepts it reads exactly as the parser does, places included; tests and a fuzz target compare both.

use crate::Span;
use crate::builder::{Broken, Builder};
use crate::document::Shape;

/// The text is not plain enough.
pub(crate) struct Unusual;

impl From<Broken> for Unusual {
    /// What is wrong is for the parser to say.
    fn from(_: Broken) -> Self {
        Self
    }
}

type Read = Result<(), Unusual>;

/// Reads the document `text`, which starts at byte `base` of its source, into `builder`.
pub(crate) fn read(text: &str, base: u32, builder: &mut Builder<'_>) -> Read {
    if !is_plain(text) {
        return Err(Unusual);
    }
    let mut reader = Reader { text: text.as_bytes(), whole: text, base: base as usize, at: 0, column: None, depth: 0, builder };
    reader.next_line();
    if reader.column == Some(0) && reader.rest().starts_with(b"---") {
        reader.at += 3;
        reader.end_of_line()?;
        reader.next_line();
    }
    reader.block()?;
    // A line further to the left than the first one.
    if reader.column.is_some() { Err(Unusual) } else { Ok(()) }
}

/// Whether there is nothing but printable text, line feeds and spaces; tabs and carriage returns have rules of their own.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'\n' | b' '..=b'~' => true,
        // C1 controls and NEL; line and paragraph separators; the byte order mark and what is no character.
        0xc2 => bytes.get(at + 1).is_some_and(|next| *next >= 0xa0),
        0xe2 => !matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])),
        0xef => false,
        byte => *byte >= 0x80,
    })
}

struct Reader<'t, 'b, 's> {
    text: &'t [u8],
    whole: &'t str,
    base: usize,
    at: usize,
    /// Where the content of the line at `at` starts; `None` at the end of the text.
    column: Option<usize>,
    depth: usize,
    builder: &'b mut Builder<'s>,
}

/// Deeper documents are left to the parser, which counts.
const DEEPEST: usize = 64;
/// YAML allows keys of 1,024 characters on their line (1.2.2, 7.4.2).
const LONGEST_KEY: usize = 512;

impl Reader<'_, '_, '_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start, self.base + end)
    }

    fn skip_spaces(&mut self) -> usize {
        let spaces = self.rest().iter().take_while(|byte| **byte == b' ').count();
        self.at += spaces;
        spaces
    }

    /// What may follow a value on its line: nothing, or a comment after a space. Leaves `at` at the line's end.
    fn end_of_line(&mut self) -> Read {
        let spaces = self.skip_spaces();
        match self.peek() {
            None | Some(b'\n') => Ok(()),
            Some(b'#') if spaces > 0 => {
                self.comment();
                Ok(())
            }
            _ => Err(Unusual),
        }
    }

    fn comment(&mut self) {
        let length = self.rest().iter().take_while(|byte| **byte != b'\n').count();
        let span = self.span(self.at, self.at + length);
        self.builder.comments.push(span);
        self.at += length;
    }

    /// From the end of a line (or the start of the text) to the next content.
    fn next_line(&mut self) {
        loop {
            if self.peek() == Some(b'\n') {
                self.at += 1;
            }
            let column = self.skip_spaces();
            match self.peek() {
                None => return self.column = None,
                Some(b'\n') => {}
                Some(b'#') => self.comment(),
                Some(_) => return self.column = Some(column),
            }
        }
    }

    fn at_dash(&self) -> bool {
        matches!(self.rest(), [b'-'] | [b'-', b' ' | b'\n', ..])
    }

    /// The map or list that starts at the content of this line.
    fn block(&mut self) -> Read {
        let Some(column) = self.column else { return Err(Unusual) };
        if self.at_dash() { self.list(column, self.at) } else { self.map(column) }
    }

    fn open(&mut self, shape: Shape, start: usize) -> Read {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Unusual);
        }
        let span = self.span(start, start);
        Ok(self.builder.start(span, shape, false, 0)?)
    }

    fn close(&mut self) -> Read {
        self.depth -= 1;
        Ok(self.builder.end(None)?)
    }

    /// The block map whose keys stand at `column`.
    fn map(&mut self, column: usize) -> Read {
        self.open(Shape::Map, self.at)?;
        loop {
            if self.at_dash() || !self.key()? {
                return Err(Unusual);
            }
            let colon = self.at;
            self.at += 1;
            self.skip_spaces();
            if matches!(self.peek(), None | Some(b'\n' | b'#')) {
                self.below(column, colon, true)?;
            } else {
                self.value(column)?;
            }
            match self.column {
                Some(next) if next == column => {}
                Some(next) if next > column => return Err(Unusual),
                _ => return self.close(),
            }
        }
    }

    /// The block list whose dashes stand at `column`, and which counts from `start`.
    fn list(&mut self, column: usize, start: usize) -> Read {
        self.open(Shape::List, start)?;
        loop {
            self.at += 1;
            let after = self.at;
            let inner = column + 1 + self.skip_spaces();
            if matches!(self.peek(), None | Some(b'\n' | b'#')) {
                self.below(column, after, false)?;
            } else if self.at_dash() {
                self.list(inner, self.at)?;
            } else if self.is_key() {
                self.map(inner)?;
            } else {
                self.value(column)?;
            }
            match self.column {
                Some(next) if next == column && self.at_dash() => {}
                Some(next) if next > column => return Err(Unusual),
                _ => return self.close(),
            }
        }
    }

    /// The value of an entry or item at `column` that stands on the lines below it, or nothing.
    fn below(&mut self, column: usize, empty: usize, of_map: bool) -> Read {
        // Where the parser sees nothing after a dash depends on what follows it.
        let usual = of_map || self.at == empty;
        if self.peek() == Some(b'#') {
            // A comment needs a space before it.
            if self.text.get(self.at - 1) != Some(&b' ') {
                return Err(Unusual);
            }
            self.comment();
        }
        self.next_line();
        match self.column {
            Some(next) if next > column => self.block(),
            Some(next) if next == column && of_map && self.at_dash() => {
                // The parser counts a list that stands no deeper than its key from its first item.
                let spaces = self.rest().iter().skip(1).take_while(|byte| **byte == b' ').count();
                let start = self.at + 1 + spaces;
                if self.text.get(start).is_none_or(|byte| matches!(byte, b'\n' | b'#')) {
                    return Err(Unusual);
                }
                self.list(column, start)
            }
            _ if usual => Ok(self.builder.owned_scalar(self.span(empty, empty), "~", Shape::Plain, 0)?),
            _ => Err(Unusual),
        }
    }

    /// A key before its colon; `at` is then at the colon. `false` if there is none.
    fn key(&mut self) -> Result<bool, Unusual> {
        let Some((length, quoted)) = self.key_length() else { return Ok(false) };
        let (start, end) = (self.at, self.at + length);
        let (span, shape) = (self.span(start, end), if quoted { Shape::Text } else { Shape::Plain });
        let text = if quoted { self.span(start + 1, end - 1) } else { span };
        self.builder.scalar(span, text, shape, 0)?;
        self.at = end;
        Ok(true)
    }

    fn is_key(&self) -> bool {
        self.key_length().is_some()
    }

    /// The bytes of the key that starts here, and whether it is quoted.
    fn key_length(&self) -> Option<(usize, bool)> {
        let rest = self.rest();
        let quoted = matches!(rest.first(), Some(b'"' | b'\''));
        let length = if quoted { quoted_length(rest)? } else { rest.iter().take_while(|byte| is_word(**byte)).count() };
        let first = *rest.first()?;
        let fits = (1..=LONGEST_KEY).contains(&length) && (quoted || first.is_ascii_alphanumeric() || matches!(first, b'_' | b'.' | b'/'));
        let colon = matches!(rest.get(length..), Some([b':'] | [b':', b' ' | b'\n', ..]));
        (fits && colon).then_some((length, quoted))
    }

    /// A value on the line of its key or dash, and then the next line.
    fn value(&mut self, column: usize) -> Read {
        match self.peek() {
            Some(b'|') => return self.literal(column),
            Some(b'[' | b'{') => self.flow()?,
            Some(b'"' | b'\'') => self.quoted(Some(column))?,
            _ => return self.plain(column),
        }
        self.end_of_line()?;
        self.next_line();
        Ok(())
    }

    /// A quoted scalar; one of several lines is in the block at `column`.
    fn quoted(&mut self, column: Option<usize>) -> Read {
        let start = self.at;
        if let Some(length) = quoted_length(self.rest()) {
            self.at += length;
            let (span, text) = (self.span(start, self.at), self.span(start + 1, self.at - 1));
            return Ok(self.builder.scalar(span, text, Shape::Text, 0)?);
        }
        let quote = self.peek();
        self.at += 1;
        let mut text = String::new();
        // What an escape stands for is no space at the end of a line.
        let mut kept = 0;
        loop {
            let run = self.rest().iter().position(|byte| Some(*byte) == quote || matches!(byte, b'\n' | b'\\')).ok_or(Unusual)?;
            text.push_str(self.whole.get(self.at..self.at + run).ok_or(Unusual)?);
            self.at += run;
            match (self.rest(), quote) {
                ([b'\'', b'\'', ..], Some(b'\'')) => {
                    text.push('\'');
                    self.at += 2;
                    kept = text.len();
                }
                ([b'\\', ..], Some(b'\'')) => {
                    text.push('\\');
                    self.at += 1;
                }
                ([b'\\', escaped, ..], _) => {
                    text.push(unescaped(*escaped).ok_or(Unusual)?);
                    self.at += 2;
                    kept = text.len();
                }
                ([b'\n', ..], _) => {
                    text.truncate(text.trim_end_matches(' ').len().max(kept));
                    self.fold(column.ok_or(Unusual)?, &mut text)?;
                    kept = text.len();
                }
                ([closing, ..], Some(quote)) if *closing == quote => break,
                _ => return Err(Unusual),
            }
        }
        self.at += 1;
        let span = self.span(start, self.at);
        Ok(self.builder.owned_scalar(span, &text, Shape::Text, 0)?)
    }

    /// The line break at `at` and the blank lines after it, folded (1.2.2, 6.5); the next line is deeper than `column`.
    fn fold(&mut self, column: usize, text: &mut String) -> Read {
        let (breaks, next) = self.breaks();
        match next {
            Some(next) if next > column => {}
            _ => return Err(Unusual),
        }
        push_breaks(text, breaks);
        Ok(())
    }

    /// Goes to the next content, comments included: how many lines end on the way, and its column.
    fn breaks(&mut self) -> (usize, Option<usize>) {
        let mut breaks = 0;
        while self.peek() == Some(b'\n') {
            self.at += 1;
            breaks += 1;
            let column = self.skip_spaces();
            if self.peek().is_some_and(|byte| byte != b'\n') {
                return (breaks, Some(column));
            }
        }
        (breaks, None)
    }

    /// A plain scalar of the block at `column`, with the lines that go on with it, and then the next line.
    fn plain(&mut self, column: usize) -> Read {
        let start = self.at;
        let usual = match self.rest() {
            [b'-', next, ..] => !matches!(next, b' ' | b'\n'),
            [first, ..] => !b",[]{}#&*!|>'\"%@`-?:".contains(first),
            [] => false,
        };
        if !usual {
            return Err(Unusual);
        }
        let (mut end, mut text) = (start, None::<String>);
        loop {
            let line = self.plain_line()?;
            if let Some(text) = &mut text {
                text.push_str(self.whole.get(self.at..self.at + line).ok_or(Unusual)?);
            }
            end = end.max(self.at + line);
            self.at += line;
            self.skip_spaces();
            if self.peek() == Some(b'#') {
                break;
            }
            let line_end = self.at;
            let (breaks, next) = self.breaks();
            if next.is_none_or(|next| next <= column) || self.peek() == Some(b'#') {
                self.at = line_end;
                break;
            }
            let text = text.get_or_insert_with(|| self.whole.get(start..end).unwrap_or("").to_owned());
            push_breaks(text, breaks);
        }
        let span = self.span(start, end);
        match text {
            Some(text) => self.builder.owned_scalar(span, &text, Shape::Plain, 0)?,
            None => self.builder.scalar(span, span, Shape::Plain, 0)?,
        }
        if self.peek() == Some(b'#') {
            self.comment();
        }
        self.next_line();
        Ok(())
    }

    /// The bytes of the line of a plain scalar from here, without spaces at its end.
    fn plain_line(&self) -> Result<usize, Unusual> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        let mut end = line.len();
        for (at, byte) in line.iter().enumerate() {
            match byte {
                b':' if line.get(at + 1).is_none_or(|next| *next == b' ') => return Err(Unusual),
                b'#' if at > 0 && line.get(at - 1) == Some(&b' ') => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        Ok(line.get(..end).unwrap_or_default().trim_ascii_end().len())
    }

    /// A list or map in brackets on one line: of words, quoted scalars, and more of the kind.
    fn flow(&mut self) -> Read {
        let shape = if self.peek() == Some(b'{') { Shape::Map } else { Shape::List };
        let close = if shape == Shape::Map { b'}' } else { b']' };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Unusual);
        }
        self.builder.start(self.span(self.at, self.at + 1), shape, true, 0)?;
        self.at += 1;
        self.skip_spaces();
        if self.peek() != Some(close) {
            loop {
                if shape == Shape::Map {
                    // A quoted key needs no space after its colon, and then this is no longer plain.
                    if !self.key()? {
                        return Err(Unusual);
                    }
                    self.at += 1;
                    if self.skip_spaces() == 0 {
                        return Err(Unusual);
                    }
                }
                self.flow_value()?;
                self.skip_spaces();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.skip_spaces();
                    }
                    Some(byte) if byte == close => break,
                    _ => return Err(Unusual),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        let end = self.span(self.at, self.at).end;
        Ok(self.builder.end(Some(end))?)
    }

    fn flow_value(&mut self) -> Read {
        match self.peek() {
            Some(b'[' | b'{') => return self.flow(),
            Some(b'"' | b'\'') => return self.quoted(None),
            _ => {}
        }
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| is_word(**byte)).count();
        let usual = match rest {
            [b'-', next, ..] => next.is_ascii_alphanumeric(),
            [first, ..] => *first != b'.' && is_word(*first),
            [] => false,
        };
        if !usual {
            return Err(Unusual);
        }
        let span = self.span(self.at, self.at + length);
        self.at += length;
        Ok(self.builder.scalar(span, span, Shape::Plain, 0)?)
    }

    /// A literal block (`|` or `|-`) of an entry or item at `column`.
    fn literal(&mut self, column: usize) -> Read {
        self.at += 1;
        let strip = self.peek() == Some(b'-');
        self.at += usize::from(strip);
        self.skip_spaces();
        if self.peek() != Some(b'\n') {
            return Err(Unusual);
        }
        self.at += 1;
        let indent = self.skip_spaces();
        if indent <= column || self.peek().is_none_or(|byte| byte == b'\n') {
            return Err(Unusual);
        }
        let start = self.at;
        let mut text = String::new();
        // `at` is at the content of a line.
        let end = loop {
            let length = self.rest().iter().position(|byte| *byte == b'\n').ok_or(Unusual)?;
            text.push_str(self.whole.get(self.at..self.at + length).ok_or(Unusual)?);
            self.at += length + 1;
            let blank = self.rest().iter().take_while(|byte| **byte == b'\n').count();
            self.at += blank;
            let spaces = self.rest().iter().take_while(|byte| **byte == b' ').count();
            let next = self.text.get(self.at + spaces);
            // Lines of nothing but spaces have rules of their own.
            if spaces > 0 && next.is_none_or(|next| *next == b'\n') {
                return Err(Unusual);
            }
            if next.is_none() || spaces < indent {
                break self.at + spaces;
            }
            text.extend(std::iter::repeat_n('\n', blank + 1));
            self.at += indent;
        };
        if !strip {
            text.push('\n');
        }
        self.builder.owned_scalar(self.span(start, end), &text, Shape::Text, 0)?;
        // Back to the end of a line, from where the next content is looked for.
        self.at -= 1;
        self.next_line();
        Ok(())
    }
}

/// One line break is a space, of several one is left out.
fn push_breaks(text: &mut String, breaks: usize) {
    if breaks == 1 {
        text.push(' ');
    } else {
        text.extend(std::iter::repeat_n('\n', breaks - 1));
    }
}

/// What an escape of double quotes stands for (1.2.2, 5.7); those with numbers are left to the parser.
fn unescaped(byte: u8) -> Option<char> {
    Some(match byte {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        _ => return None,
    })
}

/// The bytes of a quoted scalar of one line without escapes.
fn quoted_length(rest: &[u8]) -> Option<usize> {
    let quote = *rest.first()?;
    let inside = rest.get(1..)?.iter().position(|byte| *byte == quote || *byte == b'\n' || (*byte == b'\\' && quote == b'"'))?;
    let closed = rest.get(inside + 1) == Some(&quote);
    // `''` in single quotes is a quote.
    let escaped = quote == b'\'' && rest.get(inside + 2) == Some(&quote);
    (closed && !escaped).then_some(inside + 2)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-')
}
