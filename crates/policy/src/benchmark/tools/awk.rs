//! `awk`: fields of lines, printed. Programs are `PATTERN { print … }`, with a comparison, a regular expression, `END` or
//! nothing as the pattern.

use super::super::shell::Reason;
use super::pattern::{Syntax, compile};
use super::{Options, Run, gather};
use regex::Regex;

/// When lines are printed.
enum When {
    Always,
    End,
    Matches(Regex),
    /// A value is compared with text; `true` for `==`.
    Is(Value, bool, String),
    /// `NR` is above a number.
    After(usize),
}

#[derive(Clone)]
enum Value {
    Text(String),
    Field(usize),
    LastField,
    Row,
    Fields,
}

enum Separator {
    Blanks,
    Text(String),
    Pattern(Regex),
}

pub(super) fn awk(arguments: &[String]) -> Result<Run, Reason> {
    let mut options = Options::read("awk", arguments, &[], &["F"], false)?;
    if options.rest.is_empty() {
        return Err("`awk` lacks a program".to_owned());
    }
    let program = options.rest.remove(0);
    let (when, prints) = parse(&program).ok_or_else(|| format!("the program `{program}` of `awk` is not understood"))??;
    let separator = match options.value(&["F"]) {
        None | Some(" ") => Separator::Blanks,
        Some("\\t" | "t") => Separator::Text("\t".to_owned()),
        Some(text) if text.chars().count() == 1 => Separator::Text(text.to_owned()),
        Some(text) => Separator::Pattern(compile(text, Syntax::Extended, false)?),
    };
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("awk", &options.rest, input, machine, streams)?;
        let mut last = (0, Vec::new());
        for (at, line) in text.lines().enumerate() {
            machine.step(usize::from(at % 16 == 0))?;
            let mut fields: Vec<&str> = match &separator {
                Separator::Blanks => line.split_whitespace().collect(),
                Separator::Text(text) => line.split(text.as_str()).collect(),
                Separator::Pattern(pattern) => pattern.split(line).collect(),
            };
            fields.insert(0, line);
            let row = at + 1;
            let chosen = match &when {
                When::Always => true,
                When::End => false,
                When::Matches(pattern) => pattern.is_match(line),
                When::Is(value, same, wanted) => (value.of(row, &fields) == *wanted) == *same,
                When::After(number) => row > *number,
            };
            if chosen {
                streams.line(prints.iter().map(|value| value.of(row, &fields)).collect::<String>());
            }
            last = (row, fields);
        }
        if matches!(when, When::End) {
            let (row, fields) = last;
            streams.line(prints.iter().map(|value| value.of(row, &fields)).collect::<String>());
        }
        Ok(i32::from(missing > 0))
    }))
}

impl Value {
    fn of(&self, row: usize, fields: &[&str]) -> String {
        let field = |at: usize| fields.get(at).copied().unwrap_or("").to_owned();
        match self {
            Self::Text(text) => text.clone(),
            Self::Field(at) => field(*at),
            Self::LastField => field(fields.len().saturating_sub(1)),
            Self::Row => row.to_string(),
            Self::Fields => fields.len().saturating_sub(1).to_string(),
        }
    }
}

/// A program: when it prints, and what one after the other.
fn parse(program: &str) -> Option<Result<(When, Vec<Value>), Reason>> {
    let (pattern, rest) = match program.split_once('{') {
        Some((pattern, rest)) => (pattern.trim(), rest.trim().strip_suffix('}')?.trim()),
        None => (program.trim(), "print $0"),
    };
    let list = rest.trim_end_matches(';').strip_prefix("print")?;
    let mut prints = Vec::new();
    let mut rest = list.trim();
    if rest.is_empty() {
        prints.push(Value::Field(0));
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(',') {
            prints.push(Value::Text(" ".to_owned()));
            rest = after.trim_start();
            continue;
        }
        let (value, after) = value(rest)?;
        prints.push(value);
        rest = after.trim_start();
    }
    let when = if pattern.is_empty() {
        When::Always
    } else if pattern == "END" {
        When::End
    } else if let Some(text) = pattern.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
        match compile(text, Syntax::Extended, false) {
            Ok(pattern) => When::Matches(pattern),
            Err(reason) => return Some(Err(reason)),
        }
    } else if let Some(number) = pattern.strip_prefix("NR").map(str::trim).and_then(|text| text.strip_prefix('>')) {
        When::After(number.trim().parse().ok()?)
    } else {
        let (left, rest) = value(pattern)?;
        let rest = rest.trim_start();
        let (same, rest) = if let Some(rest) = rest.strip_prefix("==") { (true, rest) } else { (false, rest.strip_prefix("!=")?) };
        match value(rest.trim_start())? {
            (Value::Text(wanted), "") => When::Is(left, same, wanted),
            _ => return None,
        }
    };
    Some(Ok((when, prints)))
}

/// A value at the start of a text, and what is behind it.
fn value(text: &str) -> Option<(Value, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (inner, after) = rest.split_once('"')?;
        return (!inner.contains('\\')).then(|| (Value::Text(inner.to_owned()), after));
    }
    for (word, value) in [("$NF", Value::LastField), ("NR", Value::Row), ("NF", Value::Fields)] {
        if let Some(after) = text.strip_prefix(word) {
            return Some((value, after));
        }
    }
    let rest = text.strip_prefix('$')?;
    let end = rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end)?;
    Some((Value::Field(digits.parse().ok()?), after))
}
