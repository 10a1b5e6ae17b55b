//! JSON text to documents: one value, or several one after the other as kubectl takes them.

use crate::builder::{Broken, Builder};
use crate::document::{Limits, Parsed, Shape};
use crate::{ProblemKind, Source, Span};
use std::sync::Arc;

pub(crate) fn parse(source: &Arc<Source>, limits: Limits) -> Parsed {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let mut reader = Reader { text: &source.text, at: 0 };
    loop {
        reader.skip_space();
        if reader.peek().is_none() {
            return (documents, problems);
        }
        let start = reader.at;
        let mut builder = Builder::new(source, limits, (source.text.len() - start) / 12);
        if let Err(Broken(problem)) = reader.value(&mut builder) {
            problems.extend(builder.problems);
            problems.push(problem);
            return (documents, problems);
        }
        let (document, trouble) = builder.finish(Span::new(start, reader.at));
        documents.extend(document);
        problems.extend(trouble);
    }
}

struct Reader<'s> {
    text: &'s str,
    at: usize,
}

impl Reader<'_> {
    /// One value with everything in it. Not recursive: depth is the builder's limit, not the stack's.
    fn value(&mut self, builder: &mut Builder<'_>) -> Result<(), Broken> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    let shape = if bracket == b'{' { Shape::Map } else { Shape::List };
                    builder.start(Span::new(start, start + 1), shape, true, 0)?;
                    self.skip_space();
                    if self.peek() == Some(closing(bracket)) {
                        self.at += 1;
                        builder.end(Some(Span::new(0, self.at).end))?;
                    } else {
                        open.push(bracket);
                        if bracket == b'{' {
                            self.key(builder)?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.string(builder)?,
                Some(b'-' | b'0'..=b'9') => self.number(builder)?,
                Some(b't' | b'f' | b'n') => self.word(builder)?,
                _ => return Err(self.error(builder, "a value is missing")),
            }
            // The value is complete: what follows belongs to what is open.
            loop {
                let Some(&bracket) = open.last() else { return Ok(()) };
                self.skip_space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if bracket == b'{' {
                            self.skip_space();
                            self.key(builder)?;
                        }
                        break;
                    }
                    Some(found) if found == closing(bracket) => {
                        self.at += 1;
                        open.pop();
                        builder.end(Some(Span::new(0, self.at).end))?;
                    }
                    None => return Err(self.error(builder, "the text ends inside of a value")),
                    _ => return Err(self.error(builder, "`,` or a closing bracket is missing")),
                }
            }
        }
    }

    fn key(&mut self, builder: &mut Builder<'_>) -> Result<(), Broken> {
        if self.peek() != Some(b'"') {
            return Err(self.error(builder, "a key in double quotes is missing"));
        }
        self.string(builder)?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.error(builder, "`:` is missing after the key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self, builder: &mut Builder<'_>) -> Result<(), Broken> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut escaped = false;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(control) if *control < 0x20 => {
                    self.at = end;
                    return Err(self.error(builder, "a control character in a string"));
                }
                Some(_) => end += 1,
                None => return Err(self.error(builder, "the string has no end")),
            }
        }
        self.at = end + 1;
        let span = Span::new(start, end + 1);
        if !escaped {
            return builder.scalar(span, Span::new(start + 1, end), Shape::Text, 0);
        }
        let raw = self.text.get(start..=end).unwrap_or("");
        match serde_json::from_str::<String>(raw) {
            Ok(text) => builder.owned_scalar(span, &text, Shape::Text, 0),
            Err(_) => {
                self.at = start;
                Err(self.error(builder, "an escape in the string is not valid"))
            }
        }
    }

    fn number(&mut self, builder: &mut Builder<'_>) -> Result<(), Broken> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let span = Span::new(start, start + length);
        let raw = self.text.get(span.range()).unwrap_or("");
        // JSON has one way to write a number; the YAML reading of the same text is the same number.
        if serde_json::from_str::<serde_json::Number>(raw).is_err() {
            return Err(self.error(builder, "not a number"));
        }
        self.at += length;
        builder.scalar(span, span, Shape::Plain, 0)
    }

    fn word(&mut self, builder: &mut Builder<'_>) -> Result<(), Broken> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let Some(word) = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word)) else {
            return Err(self.error(builder, "a value is missing"));
        };
        let span = Span::new(self.at, self.at + word.len());
        self.at += word.len();
        builder.scalar(span, span, Shape::Plain, 0)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, builder: &Builder<'_>, message: &str) -> Broken {
        let mut at = self.at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let width = self.text.get(at..).and_then(|rest| rest.chars().next()).filter(|next| *next != '\n').map_or(0, char::len_utf8);
        builder.broken(ProblemKind::Syntax, Span::new(at, at + width), format!("not valid JSON: {message}"))
    }
}

fn closing(bracket: u8) -> u8 {
    if bracket == b'{' { b'}' } else { b']' }
}
