//! Operators and conversions (langdef, section "List of Standard Definitions").

use super::{Call, Fault, Function, List, Type, Value, both, global, no_overload, time};
use crate::cel::ast::Operator;
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    both("size", 1, 1, Type::Int, size),
    global("bool", 1, 1, Type::Bool, to_bool),
    global("bytes", 1, 1, Type::Bytes, to_bytes),
    global("double", 1, 1, Type::Double, to_double),
    global("duration", 1, 1, Type::Duration, to_duration),
    global("dyn", 1, 1, Type::Dyn, dynamic),
    global("int", 1, 1, Type::Int, to_int),
    global("string", 1, 1, Type::String, to_string),
    global("timestamp", 1, 1, Type::Timestamp, to_timestamp),
    global("type", 1, 1, Type::Kind, type_of),
    global("uint", 1, 1, Type::Uint, to_uint),
];

/// The type of a name that stands for one.
pub(crate) fn type_name(name: &str) -> Option<&'static str> {
    const TYPES: [Type; 20] = [
        Type::Dyn,
        Type::Null,
        Type::Bool,
        Type::Int,
        Type::Uint,
        Type::Double,
        Type::String,
        Type::Bytes,
        Type::List,
        Type::Map,
        Type::Kind,
        Type::Optional,
        Type::Timestamp,
        Type::Duration,
        Type::Quantity,
        Type::Url,
        Type::Ip,
        Type::Cidr,
        Type::Semver,
        Type::Format,
    ];
    TYPES.iter().map(|ty| ty.name()).find(|known| *known == name)
}

/// `+`, `-`, `*`, `/`, `%`.
pub(crate) fn arithmetic<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>, String> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    let overflow = || "the result does not fit into its type".to_owned();
    let zero = || if operator == Modulo { "modulus by zero" } else { "division by zero" }.to_owned();
    match (operator, left, right) {
        (Divide | Modulo, _, Value::Int(0) | Value::Uint(0)) => Err(zero()),
        (_, Value::Int(a), Value::Int(b)) => match operator {
            Add => a.checked_add(*b),
            Subtract => a.checked_sub(*b),
            Multiply => a.checked_mul(*b),
            Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        }
        .map(Value::Int)
        .ok_or_else(overflow),
        (_, Value::Uint(a), Value::Uint(b)) => match operator {
            Add => a.checked_add(*b),
            Subtract => a.checked_sub(*b),
            Multiply => a.checked_mul(*b),
            Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        }
        .map(Value::Uint)
        .ok_or_else(overflow),
        (Add, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Subtract, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Multiply, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        (Divide, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        (Add, Value::String(a), Value::String(b)) => Ok(Value::String(Cow::Owned(format!("{a}{b}")))),
        (Add, Value::Bytes(a), Value::Bytes(b)) => Ok(Value::Bytes(a.iter().chain(b.iter()).copied().collect())),
        (Add, Value::List(a), Value::List(b)) if a.is_empty() => Ok(Value::List(b.clone())),
        (Add, Value::List(a), Value::List(b)) if b.is_empty() => Ok(Value::List(a.clone())),
        (Add, Value::List(a), Value::List(b)) => Ok(Value::list(a.iter().chain(b.iter()).collect())),
        (Add, Value::Duration(a), Value::Duration(b)) => a.checked_add(*b).map(Value::Duration).ok_or_else(overflow),
        (Subtract, Value::Duration(a), Value::Duration(b)) => a.checked_sub(*b).map(Value::Duration).ok_or_else(overflow),
        (Add, Value::Timestamp(at), Value::Duration(span)) | (Add, Value::Duration(span), Value::Timestamp(at)) => {
            at.checked_add(*span).map(Value::Timestamp).map_err(|_| overflow())
        }
        (Subtract, Value::Timestamp(at), Value::Duration(span)) => at.checked_sub(*span).map(Value::Timestamp).map_err(|_| overflow()),
        (Subtract, Value::Timestamp(a), Value::Timestamp(b)) => Ok(Value::Duration(a.duration_since(*b))),
        _ => Err(no_overload(operator.symbol(), &[left, right])),
    }
}

fn size<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let size = match call.get(0) {
        Value::String(text) => text.chars().count(),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => call.get(0).size(),
        _ => return call.mismatch("size"),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn dynamic<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(call.get(0).clone())
}

fn type_of<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Type(call.get(0).type_name()))
}

fn to_bool<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::String(text) => match text.as_ref() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            other => Err(format!("`{other}` is no boolean").into()),
        },
        _ => call.mismatch("bool"),
    }
}

fn to_bytes<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Bytes(bytes) => Ok(Value::Bytes(Arc::clone(bytes))),
        Value::String(text) => Ok(Value::Bytes(text.as_bytes().into())),
        _ => call.mismatch("bytes"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the conversion of the language")]
fn to_double<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Double(value) => Ok(Value::Double(*value)),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::String(text) => text.parse().map(Value::Double).map_err(|_| format!("`{text}` is no number").into()),
        _ => call.mismatch("double"),
    }
}

fn to_int<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let range = |what: &dyn std::fmt::Display| Fault::Error(format!("{what} does not fit into an int"));
    match call.get(0) {
        Value::Int(value) => Ok(Value::Int(*value)),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_| range(value)),
        #[expect(clippy::cast_possible_truncation, reason = "truncation towards zero is the conversion of the language")]
        Value::Double(value) if value.abs() < 9.2e18 => Ok(Value::Int(*value as i64)),
        Value::Double(value) => Err(range(value)),
        Value::String(text) => text.parse().map(Value::Int).map_err(|_| format!("`{text}` is no whole number").into()),
        Value::Timestamp(at) => Ok(Value::Int(at.as_second())),
        _ => call.mismatch("int"),
    }
}

fn to_uint<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let range = |what: &dyn std::fmt::Display| Fault::Error(format!("{what} does not fit into a uint"));
    match call.get(0) {
        Value::Uint(value) => Ok(Value::Uint(*value)),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| range(value)),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        Value::Double(value) if (0.0..1.8e19).contains(value) => Ok(Value::Uint(*value as u64)),
        Value::Double(value) => Err(range(value)),
        Value::String(text) => text.parse().map(Value::Uint).map_err(|_| format!("`{text}` is no whole number without a sign").into()),
        _ => call.mismatch("uint"),
    }
}

fn to_string<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.traverse()?;
    match call.get(0) {
        Value::String(text) => Ok(Value::String(text.clone())),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::text(text)),
            Err(_) => Err("the bytes are not UTF-8".into()),
        },
        Value::List(_) | Value::Map(_) | Value::Null | Value::Optional(_) | Value::Type(_) => call.mismatch("string"),
        other => Ok(Value::text(other.display())),
    }
}

fn to_duration<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Duration(value) => Ok(Value::Duration(*value)),
        Value::String(text) => time::parse_duration(text).map(Value::Duration).ok_or_else(|| format!("`{text}` is no duration").into()),
        _ => call.mismatch("duration"),
    }
}

fn to_timestamp<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let parsed = match call.get(0) {
        Value::Timestamp(at) => return Ok(Value::Timestamp(*at)),
        Value::String(text) => text.parse::<Timestamp>().map_err(|_| format!("`{text}` is no timestamp (RFC 3339)")),
        Value::Int(seconds) => Timestamp::from_second(*seconds).map_err(|_| format!("{seconds} seconds are out of range")),
        _ => return call.mismatch("timestamp"),
    };
    Ok(Value::Timestamp(parsed?))
}

/// The items of a list, all of them.
pub(super) fn items<'a>(list: &List<'a>) -> Vec<Value<'a>> {
    list.iter().collect()
}
