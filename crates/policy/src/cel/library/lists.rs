//! Lists and sets (apiserver `cel/library/lists.go`, cel-go `ext/lists.go`, `ext/sets.go`, `ext/math.go`).

use super::standard::items;
use super::{Call, Fault, Function, List, Type, Value, arithmetic, global, method};
use crate::cel::ast::Operator;
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[Function] = &[
    method("distinct", 1, 1, Type::List, distinct),
    method("first", 1, 1, Type::Optional, first),
    method("flatten", 1, 2, Type::List, flatten),
    method("isSorted", 1, 1, Type::Bool, is_sorted),
    method("last", 1, 1, Type::Optional, last),
    method("max", 1, 1, Type::Dyn, max),
    method("min", 1, 1, Type::Dyn, min),
    method("slice", 3, 3, Type::List, slice),
    method("sort", 1, 1, Type::List, sort),
    method("sum", 1, 1, Type::Dyn, sum),
    global("lists.range", 1, 1, Type::List, range),
    global("math.abs", 1, 1, Type::Dyn, abs),
    global("math.ceil", 1, 1, Type::Double, ceil),
    global("math.floor", 1, 1, Type::Double, floor),
    global("math.greatest", 1, 32, Type::Dyn, greatest),
    global("math.least", 1, 32, Type::Dyn, least),
    global("math.round", 1, 1, Type::Double, round),
    global("math.sign", 1, 1, Type::Dyn, sign),
    global("math.trunc", 1, 1, Type::Double, trunc),
    global("sets.contains", 2, 2, Type::Bool, sets_contains),
    global("sets.equivalent", 2, 2, Type::Bool, sets_equivalent),
    global("sets.intersects", 2, 2, Type::Bool, sets_intersects),
];

fn is_sorted<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let items = items(&call.list(0, "isSorted")?);
    call.environment.spend(items.len())?;
    let mut sorted = true;
    for (a, b) in items.iter().zip(items.iter().skip(1)) {
        sorted &= a.compare(b).ok_or("`isSorted` takes a list of values that have an order")? != Ordering::Greater;
    }
    Ok(Value::Bool(sorted))
}

fn sort<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let mut items = items(&call.list(0, "sort")?);
    call.environment.spend(items.len().saturating_mul(4))?;
    if let Some(first) = items.first()
        && items.iter().any(|item| item.compare(first).is_none())
    {
        return Err("`sort` takes a list of values that have an order".into());
    }
    items.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(Value::list(items))
}

fn sum<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let list = call.list(0, "sum")?;
    call.environment.spend(list.len())?;
    let mut items = list.iter();
    let Some(first) = items.next() else { return Ok(Value::Int(0)) };
    Ok(items.try_fold(first, |sum, item| arithmetic(Operator::Add, &sum, &item))?)
}

fn min<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    extreme(items(&call.list(0, "min")?), Ordering::Less, "min")
}

fn max<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    extreme(items(&call.list(0, "max")?), Ordering::Greater, "max")
}

fn least<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    extreme(numbers(call), Ordering::Less, "math.least")
}

fn greatest<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    extreme(numbers(call), Ordering::Greater, "math.greatest")
}

/// One list of numbers, or numbers.
fn numbers<'a>(call: &Call<'_, 'a>) -> Vec<Value<'a>> {
    match (call.get(0), call.has(1)) {
        (Value::List(list), false) => items(list),
        _ => call.arguments.clone(),
    }
}

fn extreme<'a>(items: Vec<Value<'a>>, wanted: Ordering, name: &str) -> Result<Value<'a>, Fault> {
    let mut items = items.into_iter();
    let mut best = items.next().ok_or_else(|| Fault::Error(format!("`{name}` of an empty list")))?;
    for item in items {
        let order = item.compare(&best).ok_or_else(|| Fault::Error(format!("`{name}` takes values that have an order")))?;
        if order == wanted {
            best = item;
        }
    }
    Ok(best)
}

fn first<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::optional(call.list(0, "first")?.get(0)))
}

fn last<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let list = call.list(0, "last")?;
    Ok(Value::optional(list.len().checked_sub(1).and_then(|at| list.get(at))))
}

fn distinct<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let list = call.list(0, "distinct")?;
    let mut distinct: Vec<Value<'a>> = Vec::new();
    for item in list.iter() {
        call.environment.spend(distinct.len())?;
        if !distinct.iter().any(|known| known.equals(&item)) {
            distinct.push(item);
        }
    }
    Ok(Value::list(distinct))
}

fn flatten<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    fn add<'a>(list: &List<'a>, depth: i64, flat: &mut Vec<Value<'a>>) {
        for item in list.iter() {
            match &item {
                Value::List(inner) if depth > 0 => add(inner, depth - 1, flat),
                _ => flat.push(item),
            }
        }
    }
    let depth = if call.has(1) { call.int(1, "flatten")? } else { 1 };
    let mut flat = Vec::new();
    add(&call.list(0, "flatten")?, depth.clamp(0, 100), &mut flat);
    call.environment.spend(flat.len())?;
    Ok(Value::list(flat))
}

fn slice<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let items = items(&call.list(0, "slice")?);
    let (start, end) = (call.int(1, "slice")?, call.int(2, "slice")?);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| items.get(start..end));
    part.map(|part| Value::list(part.to_vec())).ok_or_else(|| format!("index out of range: {start} to {end} of {}", items.len()).into())
}

fn range<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let count = call.int(0, "lists.range")?.max(0);
    call.environment.spend(usize::try_from(count).unwrap_or(usize::MAX))?;
    Ok(Value::list((0..count).map(Value::Int).collect()))
}

fn abs<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Int(value) => value.checked_abs().map(Value::Int).ok_or_else(|| "integer overflow".into()),
        Value::Double(value) => Ok(Value::Double(value.abs())),
        Value::Uint(value) => Ok(Value::Uint(*value)),
        _ => call.mismatch("math.abs"),
    }
}

fn sign<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Int(value) => Ok(Value::Int(value.signum())),
        Value::Uint(value) => Ok(Value::Uint((*value).min(1))),
        Value::Double(value) => Ok(Value::Double(if *value == 0.0 { 0.0 } else { value.signum() })),
        _ => call.mismatch("math.sign"),
    }
}

fn rounded<'a>(call: &Call<'_, 'a>, name: &str, round: fn(f64) -> f64) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Double(value) => Ok(Value::Double(round(*value))),
        _ => call.mismatch(name),
    }
}

fn ceil<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    rounded(call, "math.ceil", f64::ceil)
}

fn floor<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    rounded(call, "math.floor", f64::floor)
}

fn round<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    rounded(call, "math.round", f64::round)
}

fn trunc<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    rounded(call, "math.trunc", f64::trunc)
}

/// Whether each item of the second list is in the first.
fn is_within(call: &Call<'_, '_>, whole: &List<'_>, part: &List<'_>) -> Result<bool, Fault> {
    call.environment.spend(whole.len().saturating_mul(part.len()))?;
    Ok(part.iter().all(|item| whole.iter().any(|other| other.equals(&item))))
}

fn sets_contains<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (whole, part) = (call.list(0, "sets.contains")?, call.list(1, "sets.contains")?);
    Ok(Value::Bool(is_within(call, &whole, &part)?))
}

fn sets_equivalent<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (a, b) = (call.list(0, "sets.equivalent")?, call.list(1, "sets.equivalent")?);
    Ok(Value::Bool(is_within(call, &a, &b)? && is_within(call, &b, &a)?))
}

fn sets_intersects<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (a, b) = (call.list(0, "sets.intersects")?, call.list(1, "sets.intersects")?);
    call.environment.spend(a.len().saturating_mul(b.len()))?;
    Ok(Value::Bool(a.iter().any(|item| b.iter().any(|other| other.equals(&item)))))
}
