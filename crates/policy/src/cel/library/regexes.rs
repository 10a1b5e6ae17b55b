//! Regular expressions (RE2 syntax; apiserver `cel/library/regex.go`, cel-go `ext/regex.go`).

use super::{Call, Fault, Function, Type, Value, both, global, method, strings_list};
use regex::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::collections::HashMap;

pub(super) const FUNCTIONS: &[Function] = &[
    both("matches", 2, 2, Type::Bool, matches),
    method("find", 2, 2, Type::String, find),
    method("findAll", 2, 3, Type::List, find_all),
    global("regex.extract", 2, 2, Type::Optional, extract),
    global("regex.extractAll", 2, 2, Type::List, extract_all),
    global("regex.replace", 3, 4, Type::String, replace),
];

/// Bytes that a compiled expression may take.
const SIZE: usize = 1 << 20;
/// Compiled expressions that are kept.
const KEPT: usize = 256;

thread_local! {
    /// Expressions that were compiled before: policies ask for the same ones on every object.
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Compiles `pattern`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if let Some(known) = COMPILED.with_borrow(|known| known.get(pattern).cloned()) {
        return Ok(known);
    }
    let regex = RegexBuilder::new(&translated(pattern)).size_limit(SIZE).build().map_err(|error| {
        let why = error.to_string();
        let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{pattern}` is no regular expression: {last}")
    })?;
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

/// A pattern of RE2 for the crate: classes are of ASCII, and a bracket within a class is a character.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => text.push_str("[0-9]"),
                Some('D') => text.push_str("[^0-9]"),
                Some('w') => text.push_str("[0-9A-Za-z_]"),
                Some('W') => text.push_str("[^0-9A-Za-z_]"),
                Some('s') => text.push_str(r"[\t\n\f\r ]"),
                Some('S') => text.push_str(r"[^\t\n\f\r ]"),
                Some('b') if !in_class => text.push_str(r"(?-u:\b)"),
                Some(other) => {
                    text.push('\\');
                    text.push(other);
                }
                None => text.push('\\'),
            },
            '[' if in_class && chars.peek() != Some(&':') => text.push_str(r"\["),
            '[' if in_class => {
                text.push('[');
                for c in chars.by_ref() {
                    text.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => {
                in_class = true;
                text.push('[');
                text.extend(chars.next_if_eq(&'^'));
                // A bracket that comes first does not close the class.
                if chars.next_if_eq(&']').is_some() {
                    text.push_str(r"\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                text.push(']');
            }
            // Set operations of the crate, which RE2 has not.
            '&' | '~' | '-' if in_class && before == c => {
                text.push('\\');
                text.push(c);
            }
            _ => text.push(c),
        }
        before = c;
    }
    text
}

/// The text and the compiled expression; the cost is that of cel-go, by the lengths of both.
fn prepare<'a>(call: &Call<'_, 'a>, name: &str) -> Result<(std::borrow::Cow<'a, str>, Regex), Fault> {
    let (text, pattern) = (call.string(0, name)?, call.string(1, name)?);
    call.environment.spend(text.len().div_ceil(10).max(1).saturating_mul(pattern.len().div_ceil(4).max(1)))?;
    Ok((text, compile(&pattern)?))
}

fn matches<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "matches")?;
    Ok(Value::Bool(regex.is_match(&text)))
}

fn find<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "find")?;
    Ok(Value::text(regex.find(&text).map_or("", |found| found.as_str())))
}

fn find_all<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "findAll")?;
    let limit = if call.has(2) { call.int(2, "findAll")? } else { -1 };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(strings_list(regex.find_iter(&text).take(limit).map(|found| found.as_str().to_owned())))
}

/// The one group of a match, or the whole of it where there is no group.
fn group(captures: &regex::Captures<'_>) -> String {
    captures.get(1).or_else(|| captures.get(0)).map_or("", |found| found.as_str()).to_owned()
}

fn extract<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "regex.extract")?;
    if regex.captures_len() > 2 {
        return Err("`regex.extract` takes an expression with one group".into());
    }
    Ok(Value::optional(regex.captures(&text).map(|captures| Value::text(group(&captures)))))
}

fn extract_all<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "regex.extractAll")?;
    if regex.captures_len() > 2 {
        return Err("`regex.extractAll` takes an expression with one group".into());
    }
    Ok(strings_list(regex.captures_iter(&text).map(|captures| group(&captures)).collect::<Vec<_>>()))
}

fn replace<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, regex) = prepare(call, "regex.replace")?;
    // `\1` of the language is `${1}` of the crate.
    let mut replacement = String::new();
    let mut chars = call.string(2, "regex.replace")?.into_owned().chars().collect::<Vec<_>>().into_iter().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                replacement.push_str(&format!("${{{digit}}}"));
                chars.next();
            }
            ('\\', Some('\\')) => {
                replacement.push('\\');
                chars.next();
            }
            ('$', _) => replacement.push_str("$$"),
            _ => replacement.push(c),
        }
    }
    let limit = if call.has(3) { call.int(3, "regex.replace")? } else { -1 };
    let limit = match usize::try_from(limit) {
        Ok(0) => return Ok(Value::String(text)),
        Ok(limit) => limit,
        // All of them, to the crate.
        Err(_) => 0,
    };
    Ok(Value::text(regex.replacen(&text, limit, replacement.as_str()).into_owned()))
}
