//! What an alert prints of an event: text with fields in it (`user=%user.name`), and the fields as JSON.
//!
//! The rules are those of falcosecurity/libs, `userspace/libsinsp/eventformatter.cpp`.

pub mod line;
mod print;

pub use print::{base64, json, print};

use crate::Value;
use crate::condition::{Operand, parse_operand, print_operand};
use crate::fields::{Catalogue, Facts, Field, FieldError, FieldInfo};
use crate::filter::{Reach, Source, source};
use plimsoll_model::events::{Format as NumberFormat, ParamType};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;

/// What stands for a value that is not there.
const MISSING: &[u8] = b"<NA>";

/// How many bytes a list of values takes at most in a text.
const LONGEST_LIST: usize = 1023;

/// How wide a value can be asked for (`%10proc.name`).
const WIDEST: usize = 4096;

/// How long the name of a field may be, that is looked for in text without a blank behind it.
const LONGEST_NAME: usize = 256;

/// The fields that print a time and are JSON as the nanoseconds of it.
const TIMES: [&str; 5] = ["evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"];

/// The output of a rule, with its fields known.
#[derive(Debug, Clone)]
pub struct Format {
    lenient: bool,
    base64: bool,
    pieces: Vec<Piece>,
    fields: Vec<Named>,
}

/// Why a text is no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// Where in the text, in bytes.
    pub at: usize,
    /// What may have been meant.
    pub help: Option<String>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Vec<u8>),
    /// A value, cut or filled up to a width in bytes, if that is not 0.
    Value {
        source: Source,
        width: usize,
    },
}

/// A field or transformer of an output, by the name that it has in JSON.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    source: Source,
    /// What is JSON of it, if not that.
    json: Option<Source>,
    transformed: bool,
}

impl Format {
    /// Reads an output. A star before it says that values may be missing; Falco reads all outputs as if it stood there.
    ///
    /// # Errors
    /// What follows a `%` is no field and no transformer, or its types do not agree.
    pub fn compile(text: &str, catalogue: &dyn Catalogue) -> Result<Self, FormatError> {
        if text.is_empty() {
            return Err(FormatError { message: "empty formatting token".into(), at: 0, help: None });
        }
        let mut format = Self { lenient: text.starts_with('*'), base64: false, pieces: Vec::new(), fields: Vec::new() };
        let whole = text.as_bytes();
        let mut rest = whole.strip_prefix(b"*").unwrap_or(whole);
        while !rest.is_empty() {
            let end = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            let (plain, token) = rest.split_at_checked(end).unwrap_or((rest, b""));
            if !plain.is_empty() {
                format.pieces.push(Piece::Text(plain.to_vec()));
            }
            let Some(token) = token.strip_prefix(b"%") else { break };
            let at = whole.len() - token.len();
            let fail = |message: String, help| FormatError { message, at, help };
            if token.is_empty() {
                return Err(fail("invalid formatting syntax: formatting cannot end with a %".into(), None));
            }
            let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, token) = token.split_at_checked(digits).unwrap_or((b"", token));
            if token.is_empty() {
                return Err(fail("invalid formatting syntax: formatting cannot end with a number".into(), None));
            }
            let width = digits.iter().fold(0, |width: usize, digit| (width * 10 + usize::from(digit - b'0')).min(WIDEST));
            let (operand, source, taken) =
                longest(token, catalogue).map_err(|problem| fail(format!("unknown filter: {}", problem.0), problem.1))?;
            format.note(&operand, catalogue);
            format.pieces.push(Piece::Value { source, width });
            rest = token.get(taken..).unwrap_or_default();
        }
        // A name stands for one value, wherever it was noted.
        let mut names = HashSet::new();
        format.fields.retain(|field| names.insert(field.name.clone()));
        Ok(format)
    }

    /// The same output, whose values may all be missing.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// The same output, whose buffers are printed in base64 (`buffer_format_base64`).
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.base64 = true;
        self
    }

    /// Prints the text for an event. No, if a value is missing that has to be there; the text ends before that.
    pub fn text<'e>(&self, facts: &impl Facts<'e>, out: &mut Vec<u8>) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Piece::Text(text) => {
                out.extend_from_slice(text);
                true
            }
            Piece::Value { source, width } => {
                let start = out.len();
                let found = self.value_text(source, facts, out);
                if !found && !self.lenient {
                    return false;
                }
                if !found {
                    out.extend_from_slice(MISSING);
                }
                if *width > 0 {
                    out.resize(start + width, b' ');
                }
                true
            }
        })
    }

    /// The names of its fields, in the order of the text. `transformed`: also what transformers make of them, which Falco leaves out.
    pub fn names(&self, transformed: bool) -> impl Iterator<Item = &str> {
        self.named(transformed).map(|field| field.name.as_str())
    }

    /// The fields as texts, by name. No, if a value is missing that has to be there; those behind it are left out.
    pub fn texts<'e>(&self, facts: &impl Facts<'e>, transformed: bool, out: &mut Vec<(String, Vec<u8>)>) -> bool {
        self.named(transformed).all(|field| {
            let mut text = Vec::new();
            let found = self.value_text(&field.source, facts, &mut text);
            if found || self.lenient {
                out.push((field.name.clone(), if found { text } else { MISSING.to_vec() }));
            }
            found || self.lenient
        })
    }

    /// The fields as JSON, by name; `null` for those that are missing. No, if a value is missing that has to be there; those behind it
    /// are left out.
    pub fn json<'e>(&self, facts: &impl Facts<'e>, transformed: bool, out: &mut Map<String, Json>) -> bool {
        self.named(transformed).all(|field| {
            let value = self.value_json(field.json.as_ref().unwrap_or(&field.source), facts);
            let done = self.lenient || !value.is_null();
            if done {
                out.insert(field.name.clone(), value);
            }
            done
        })
    }

    /// Prints what a source says of an event: a list in parentheses, all of several ancestors with blanks between them.
    fn value_text<'e>(&self, source: &Source, facts: &impl Facts<'e>, out: &mut Vec<u8>) -> bool {
        let mut values = Vec::new();
        if !source.extract(facts, &mut values) {
            return false;
        }
        let (shape, format, start) = (source.shape(), number_format(source), out.len());
        if shape.list {
            out.push(b'(');
        }
        for (index, value) in values.iter().enumerate() {
            match shape.list {
                true if out.len() > start + LONGEST_LIST => break,
                true if out.len() > start + 1 => out.push(b','),
                false if index > 0 => out.push(b' '),
                _ => {}
            }
            match value {
                Value::Bytes(bytes) if self.base64 => out.extend(base64(bytes).into_bytes()),
                value => print(shape.kind, format, value, out),
            }
        }
        if shape.list {
            out.push(b')');
            out.truncate(start + LONGEST_LIST);
        }
        true
    }

    /// What a source says of an event as JSON.
    fn value_json<'e>(&self, source: &Source, facts: &impl Facts<'e>) -> Json {
        let mut values = Vec::new();
        if !source.extract(facts, &mut values) {
            return Json::Null;
        }
        let (shape, format) = (source.shape(), number_format(source));
        let one = |value: &Value<'_>| match value {
            Value::Bytes(bytes) if self.base64 => base64(bytes).into(),
            value => json(shape.kind, format, value),
        };
        match values.as_slice() {
            values if shape.list => values.iter().map(one).collect(),
            [value] => one(value),
            _ => {
                let mut text = Vec::new();
                self.value_text(source, facts, &mut text);
                String::from_utf8_lossy(&text).into_owned().into()
            }
        }
    }

    fn named(&self, transformed: bool) -> impl Iterator<Item = &Named> {
        self.fields.iter().filter(move |field| transformed || !field.transformed)
    }

    /// Notes the fields of an operand, and what transformers make of them; not what the outer one of two makes of the inner one's last.
    fn note(&mut self, operand: &Operand, catalogue: &dyn Catalogue) {
        let mut inner = false;
        self.note_below(operand, catalogue, &mut inner);
    }

    fn note_below(&mut self, operand: &Operand, catalogue: &dyn Catalogue, inner: &mut bool) {
        let transformed = match operand {
            Operand::Value(_) => return,
            Operand::List(elements) => return elements.iter().for_each(|element| self.note_below(&element.it, catalogue, inner)),
            Operand::Field { .. } => false,
            Operand::Transform { values, .. } => {
                values.iter().for_each(|value| self.note_below(&value.it, catalogue, inner));
                if *inner {
                    self.fields.pop();
                }
                true
            }
        };
        *inner = transformed;
        let Ok(source) = compiled(operand, catalogue) else { return };
        let json = match operand {
            Operand::Field { name, .. } if TIMES.contains(&name.as_str()) => catalogue.resolve("evt.rawtime", None).ok().map(Source::Field),
            _ => None,
        };
        let name = String::from_utf8_lossy(&print_operand(operand)).into_owned();
        self.fields.push(Named { name, source, json, transformed });
    }
}

/// What is wrong with a token, and what may have been meant.
type Trouble = (String, Option<String>);

/// The longest start of a text that is a field or a transformer, and how many bytes it takes: nothing has to stand between `%proc.name`
/// and what follows.
fn longest(text: &[u8], catalogue: &dyn Catalogue) -> Result<(Operand, Source, usize), Trouble> {
    let attempt_with = |text: &[u8], catalogue: &dyn Catalogue| {
        let (operand, taken) = parse_operand(text).map_err(|error| (error.message, None))?;
        let source = compiled(&operand.it, catalogue)?;
        Ok((operand.it, source, taken))
    };
    let attempt = |text: &[u8]| attempt_with(text, &Silent(catalogue));
    if let Ok(found) = attempt(text) {
        return Ok(found);
    }
    // Without what stands in brackets behind it.
    if let Ok((operand, taken)) = parse_operand(text)
        && let Operand::Transform { arg: Some(_), .. } = operand.it
    {
        let brackets = text.get(..taken).unwrap_or_default().iter().enumerate().rev().filter(|(_, byte)| **byte == b'[').take(2);
        for (at, _) in brackets {
            if let Ok(found) = attempt(text.get(..at).unwrap_or_default()) {
                return Ok(found);
            }
        }
    }
    let name = text.iter().take(LONGEST_NAME).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    (1..=name).rev().find_map(|end| attempt(text.get(..end)?).ok()).map_or_else(|| attempt_with(text, catalogue), Ok)
}

/// A catalogue that does not look for what may have been meant: that takes longer than all else, and most attempts are told to nobody.
struct Silent<'c>(&'c dyn Catalogue);

impl Catalogue for Silent<'_> {
    fn all(&self) -> &[FieldInfo] {
        self.0.all()
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        self.0.resolve(name, arg)
    }

    fn nearest(&self, _: &str) -> Vec<&'static str> {
        Vec::new()
    }
}

fn compiled(operand: &Operand, catalogue: &dyn Catalogue) -> Result<Source, Trouble> {
    let made = source(operand, catalogue).map_err(|problem| (problem.message, problem.help))?;
    // The identifier of all ancestors is that of the process itself in an output.
    match (&made, operand) {
        (Source::Field(field), Operand::Field { name, .. }) if Reach::of(field) == Reach::Ancestors && field.kind != ParamType::CharBuf => {
            Ok(catalogue.resolve(name, Some("0")).map_or(made, Source::Field))
        }
        _ => Ok(made),
    }
}

/// How the numbers of a source are printed.
fn number_format(source: &Source) -> NumberFormat {
    if let Source::Field(field) = source { field.info.format } else { NumberFormat::Plain }
}
