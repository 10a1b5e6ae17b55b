//! Kubernetes quantities (apiserver `cel/library/quantity.go`; apimachinery `resource.Quantity`).

use super::opaque::Opaque;
use super::{Call, Fault, Function, Type, Value, global, method, semver};
use std::cmp::Ordering;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("isQuantity", 1, 1, Type::Bool, is_quantity),
    global("quantity", 1, 1, Type::Quantity, quantity),
    method("add", 2, 2, Type::Quantity, |call| sum(call, "add", 1)),
    method("sub", 2, 2, Type::Quantity, |call| sum(call, "sub", -1)),
    method("asApproximateFloat", 1, 1, Type::Double, approximate),
    method("asInteger", 1, 1, Type::Int, integer),
    method("isInteger", 1, 1, Type::Bool, is_integer),
    method("sign", 1, 1, Type::Int, sign),
    // Of versions too.
    method("compareTo", 2, 2, Type::Int, |call| Ok(Value::Int(compare(call, "compareTo")? as i64))),
    method("isGreaterThan", 2, 2, Type::Bool, |call| Ok(Value::Bool(compare(call, "isGreaterThan")? == Ordering::Greater))),
    method("isLessThan", 2, 2, Type::Bool, |call| Ok(Value::Bool(compare(call, "isLessThan")? == Ordering::Less))),
];

const UNIT: i128 = 1_000_000_000;

/// A quantity in billionths, rounded up as the API server does; `None` if it is none.
fn parse(text: &str) -> Option<i128> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.')? + 1;
    let (number, suffix) = text.split_at_checked(end)?;
    // `1e3` has its digits after the `e`.
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) if suffix.is_empty() => (number, exponent.parse::<i32>().ok()?),
        Some(_) => return None,
        None => (number, 0),
    };
    let (factor, power) = match suffix {
        "" => (1, exponent),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1_i128 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => return None,
    };
    let (sign, digits) = number.strip_prefix('-').map_or((1, number.strip_prefix('+').unwrap_or(number)), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || digits.len() > 30 || power.abs() > 18 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let value = format!("{whole}{fraction}").parse::<i128>().ok()?.checked_mul(factor)?;
    let shift = 9 + power - i32::try_from(fraction.len()).ok()?;
    let ten = 10_i128.checked_pow(shift.unsigned_abs())?;
    let value = if shift >= 0 { value.checked_mul(ten)? } else { value / ten + i128::from(value % ten != 0) };
    Some(sign * value)
}

fn is_quantity<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Bool(parse(&call.string(0, "isQuantity")?).is_some()))
}

fn quantity<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = match call.get(0) {
        // As the field of an object, `cpu: 1` is a quantity too.
        Value::Int(value) => value.to_string(),
        _ => call.string(0, "quantity")?.into_owned(),
    };
    match parse(&text) {
        Some(value) => Ok(made(value, text)),
        None => Err(format!("`{text}` is no quantity").into()),
    }
}

fn made<'a>(value: i128, text: String) -> Value<'a> {
    Value::Opaque(Arc::new(Opaque::Quantity(value, text)))
}

fn value(call: &Call<'_, '_>, at: usize, name: &str) -> Result<i128, Fault> {
    match (call.opaque(0, name)?, call.get(at)) {
        (Opaque::Quantity(value, _), _) if at == 0 => Ok(*value),
        (Opaque::Quantity(..), Value::Int(value)) => Ok(i128::from(*value) * UNIT),
        (Opaque::Quantity(..), Value::Opaque(other)) => match &**other {
            Opaque::Quantity(value, _) => Ok(*value),
            _ => call.mismatch(name),
        },
        _ => call.mismatch(name),
    }
}

fn sum<'a>(call: &mut Call<'_, 'a>, name: &str, sign: i128) -> Result<Value<'a>, Fault> {
    let sum = value(call, 0, name)?.checked_add(sign * value(call, 1, name)?).ok_or("the quantity is out of range")?;
    let text = if sum % UNIT == 0 { (sum / UNIT).to_string() } else { format!("{sum}n") };
    Ok(made(sum, text))
}

fn compare(call: &Call<'_, '_>, name: &str) -> Result<Ordering, Fault> {
    match (call.opaque(0, name)?, call.get(1)) {
        (Opaque::Semver(a), Value::Opaque(b)) => match &**b {
            Opaque::Semver(b) => Ok(semver::compare(a, b)),
            _ => call.mismatch(name),
        },
        _ => Ok(value(call, 0, name)?.cmp(&value(call, 1, name)?)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is approximate by its name")]
fn approximate<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Double(value(call, 0, "asApproximateFloat")? as f64 / 1e9))
}

fn whole(value: i128) -> Option<i64> {
    i64::try_from(value / UNIT).ok().filter(|_| value % UNIT == 0)
}

fn integer<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    whole(value(call, 0, "asInteger")?).map(Value::Int).ok_or_else(|| "the quantity is no whole number of 64 bits".into())
}

fn is_integer<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Bool(whole(value(call, 0, "isInteger")?).is_some()))
}

fn sign<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Int(i64::try_from(value(call, 0, "sign")?.signum()).unwrap_or(0)))
}
