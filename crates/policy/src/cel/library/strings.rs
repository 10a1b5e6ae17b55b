//! Strings (cel-go `ext/strings.go` version 2, and the standard functions). Positions are counted in characters.

use super::{Call, Fault, Function, Type, Value, global, method, standard, strings_list};
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[Function] = &[
    global("jsonpatch.escapeKey", 1, 1, Type::String, |call| {
        Ok(Value::text(plimsoll_model::escape(&call.string(0, "jsonpatch.escapeKey")?)))
    }),
    method("charAt", 2, 2, Type::String, char_at),
    method("contains", 2, 2, Type::Bool, contains),
    method("endsWith", 2, 2, Type::Bool, ends_with),
    method("format", 2, 2, Type::String, format),
    method("indexOf", 2, 3, Type::Int, index_of),
    method("join", 1, 2, Type::String, join),
    method("lastIndexOf", 2, 3, Type::Int, last_index_of),
    method("lowerAscii", 1, 1, Type::String, lower),
    method("replace", 3, 4, Type::String, replace),
    method("reverse", 1, 1, Type::Dyn, reverse),
    method("split", 2, 3, Type::List, split),
    method("startsWith", 2, 2, Type::Bool, starts_with),
    method("substring", 2, 3, Type::String, substring),
    method("trim", 1, 1, Type::String, trim),
    method("upperAscii", 1, 1, Type::String, upper),
    super::global("strings.quote", 1, 1, Type::String, quote),
];

/// Two strings, after paying for the walk over the first.
fn two<'a>(call: &Call<'_, 'a>, name: &str) -> Result<(Cow<'a, str>, Cow<'a, str>), Fault> {
    call.traverse()?;
    Ok((call.string(0, name)?, call.string(1, name)?))
}

fn contains<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, part) = two(call, "contains")?;
    Ok(Value::Bool(text.contains(&*part)))
}

fn starts_with<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, part) = two(call, "startsWith")?;
    Ok(Value::Bool(text.starts_with(&*part)))
}

fn ends_with<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, part) = two(call, "endsWith")?;
    Ok(Value::Bool(text.ends_with(&*part)))
}

fn lower<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    Ok(Value::text(call.string(0, "lowerAscii")?.to_ascii_lowercase()))
}

fn upper<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    Ok(Value::text(call.string(0, "upperAscii")?.to_ascii_uppercase()))
}

fn trim<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    Ok(Value::text(call.string(0, "trim")?.trim()))
}

fn quote<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    Ok(Value::text(serde_json::Value::from(call.string(0, "strings.quote")?.as_ref()).to_string()))
}

fn reverse<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    match call.get(0) {
        Value::String(text) => Ok(Value::text(text.chars().rev().collect::<String>())),
        Value::List(list) => {
            let mut items = standard::items(list);
            items.reverse();
            Ok(Value::list(items))
        }
        _ => call.mismatch("reverse"),
    }
}

fn replace<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    let (text, from, to) = (call.string(0, "replace")?, call.string(1, "replace")?, call.string(2, "replace")?);
    let times = if call.has(3) { call.int(3, "replace")? } else { -1 };
    let replaced = match usize::try_from(times) {
        Ok(times) => text.replacen(&*from, &to, times),
        Err(_) => text.replace(&*from, &to),
    };
    call.environment.spend(replaced.len().div_ceil(10))?;
    Ok(Value::text(replaced))
}

fn split<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (text, separator) = two(call, "split")?;
    let limit = if call.has(2) { call.int(2, "split")? } else { -1 };
    let parts: Vec<String> = match usize::try_from(limit) {
        Ok(0) => Vec::new(),
        limit => {
            // Nothing between the characters: each is a part.
            let limit = limit.unwrap_or(usize::MAX);
            if separator.is_empty() {
                let mut chars = text.chars();
                let mut parts: Vec<String> = chars.by_ref().take(limit.saturating_sub(1)).map(String::from).collect();
                let rest: String = chars.collect();
                parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
                parts
            } else {
                text.splitn(limit, &*separator).map(str::to_owned).collect()
            }
        }
    };
    Ok(strings_list(parts))
}

fn join<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let list = call.list(0, "join")?;
    let separator = if call.has(1) { call.string(1, "join")? } else { Cow::Borrowed("") };
    let mut joined = String::new();
    for (at, item) in list.iter().enumerate() {
        let Value::String(text) = item else { return Err("`join` takes a list of strings".into()) };
        if at > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&text);
        call.environment.spend(text.len().div_ceil(10))?;
    }
    Ok(Value::text(joined))
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn char_at<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    let (text, at) = (call.string(0, "charAt")?, call.int(1, "charAt")?);
    let chars = chars(&text);
    match usize::try_from(at).ok().filter(|at| *at <= chars.len()) {
        Some(at) => Ok(Value::text(chars.get(at).map(char::to_string).unwrap_or_default())),
        None => Err(format!("index out of range: {at}").into()),
    }
}

fn substring<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    let text = chars(&call.string(0, "substring")?);
    let start = call.int(1, "substring")?;
    let end = if call.has(2) { call.int(2, "substring")? } else { i64::try_from(text.len()).unwrap_or(i64::MAX) };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| text.get(start..end)) {
        Some(part) => Ok(Value::text(part.iter().collect::<String>())),
        None => Err(format!("index out of range: {start} to {end} of {}", text.len()).into()),
    }
}

fn index_of<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    position(call, "indexOf", false)
}

fn last_index_of<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    position(call, "lastIndexOf", true)
}

fn position<'a>(call: &mut Call<'_, 'a>, name: &str, last: bool) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    let number = |at: Option<usize>| Ok(Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)));
    if let Value::List(list) = call.get(0) {
        let is_it = |item: &Value<'a>| item.equals(call.get(1));
        let items = standard::items(list);
        return number(if last { items.iter().rposition(is_it) } else { items.iter().position(is_it) });
    }
    let (text, part) = (chars(&call.string(0, name)?), chars(&call.string(1, name)?));
    let from = if call.has(2) { Some(call.int(2, name)?) } else { None };
    let from = match from.map(usize::try_from) {
        Some(Ok(from)) if from <= text.len() => Some(from),
        None => None,
        Some(_) => return Err(format!("`{name}`: the offset is out of range").into()),
    };
    let is_at = |at: &usize| text.get(*at..at + part.len()) == Some(part.as_slice());
    let limit = text.len();
    number(if last { (0..=from.unwrap_or(limit)).rev().find(is_at) } else { (from.unwrap_or(0)..=limit).find(is_at) })
}

/// `"%s has %d".format([a, b])`.
fn format<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    let (template, arguments) = (call.string(0, "format")?, call.list(1, "format")?);
    let mut arguments = arguments.iter();
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut precision = None;
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = digits.parse::<usize>().ok().filter(|precision| *precision <= 100);
        }
        let clause = chars.next();
        if clause == Some('%') {
            text.push('%');
            continue;
        }
        let argument = arguments.next().ok_or("`format` has fewer arguments than its text asks for")?;
        text.push_str(&formatted(clause, precision, &argument).ok_or_else(|| {
            Fault::Error(format!("`%{}` does not take {}", clause.map(String::from).unwrap_or_default(), argument.type_name()))
        })?);
        call.environment.spend(text.len().div_ceil(10))?;
    }
    Ok(Value::text(text))
}

fn formatted(clause: Option<char>, precision: Option<usize>, argument: &Value<'_>) -> Option<String> {
    let hex = |upper: bool, bytes: &[u8]| {
        bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect::<String>()
    };
    #[expect(clippy::cast_precision_loss, reason = "the conversion of the language")]
    let double = match argument {
        Value::Double(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        _ => None,
    };
    Some(match (clause?, argument) {
        ('s', value) => value.display(),
        ('d', Value::Int(_) | Value::Uint(_)) => argument.display(),
        ('d', Value::Double(value)) if value.fract() == 0.0 => value.to_string(),
        ('f', _) => format!("{:.*}", precision.unwrap_or(6), double?),
        ('e', _) => {
            let text = format!("{:.*e}", precision.unwrap_or(6), double?);
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        ('b', Value::Int(value)) if *value < 0 => format!("-{:b}", value.unsigned_abs()),
        ('b', Value::Int(value)) => format!("{value:b}"),
        ('b', Value::Uint(value)) => format!("{value:b}"),
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('o', Value::Int(value)) => format!("{value:o}"),
        ('o', Value::Uint(value)) => format!("{value:o}"),
        ('x', Value::Int(value)) => format!("{value:x}"),
        ('X', Value::Int(value)) => format!("{value:X}"),
        ('x', Value::Uint(value)) => format!("{value:x}"),
        ('X', Value::Uint(value)) => format!("{value:X}"),
        (clause @ ('x' | 'X'), Value::String(text)) => hex(clause == 'X', text.as_bytes()),
        (clause @ ('x' | 'X'), Value::Bytes(bytes)) => hex(clause == 'X', bytes),
        _ => return None,
    })
}
