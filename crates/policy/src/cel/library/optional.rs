//! Values that may be absent (cel-go `cel/library.go`, OptionalTypes).

use super::{Call, Fault, Function, Type, Value, global, method};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("optional.none", 0, 0, Type::Optional, none),
    global("optional.of", 1, 1, Type::Optional, of),
    global("optional.ofNonZeroValue", 1, 1, Type::Optional, of_non_zero),
    method("hasValue", 1, 1, Type::Bool, has_value),
    method("or", 2, 2, Type::Optional, or),
    method("orValue", 2, 2, Type::Dyn, or_value),
    method("value", 1, 1, Type::Dyn, value),
];

fn none<'a>(_: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Optional(None))
}

fn of<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::some(call.get(0).clone()))
}

fn of_non_zero<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let value = call.get(0).clone();
    let zero = match &value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) => true,
        Value::Double(value) => *value == 0.0,
        Value::Duration(span) => span.is_zero(),
        // The first moment of the year 1, as Go has it.
        Value::Timestamp(at) => at.as_second() == -62_135_596_800 && at.subsec_nanosecond() == 0,
        Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => value.size() == 0,
        _ => false,
    };
    Ok(Value::optional((!zero).then_some(value)))
}

fn inner<'a>(call: &Call<'_, 'a>, name: &str) -> Result<Option<Arc<Value<'a>>>, Fault> {
    match call.get(0) {
        Value::Optional(inner) => Ok(inner.clone()),
        _ => call.mismatch(name),
    }
}

fn has_value<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Bool(inner(call, "hasValue")?.is_some()))
}

fn value<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match inner(call, "value")? {
        Some(value) => Ok((*value).clone()),
        None => Err("`value()` of an optional that has none".into()),
    }
}

/// Of a value that is no optional, `or` and `orValue` are the value itself, as in cel-go.
fn or<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(call.get(usize::from(matches!(call.get(0), Value::Optional(None)))).clone())
}

fn or_value<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(match call.get(0) {
        Value::Optional(None) => call.get(1).clone(),
        Value::Optional(Some(value)) => (**value).clone(),
        value => value.clone(),
    })
}
