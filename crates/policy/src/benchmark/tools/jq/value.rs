//! Values of `jq`: what is true, members, order.

use super::run::{Stop, error};
use serde_json::{Map, Value as Json};
use std::cmp::Ordering;

/// How many values a value is made of, and how long its texts are, in units of 16 bytes.
pub(super) fn weight(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(weight).sum::<usize>() + 1,
        Json::Object(map) => map.values().map(weight).sum::<usize>() + map.len() + 1,
        Json::String(text) => text.len() / 16 + 1,
        _ => 1,
    }
}

pub(super) fn truth(value: &Json) -> bool {
    !matches!(value, Json::Null | Json::Bool(false))
}

pub(super) fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

pub(super) fn member(value: &Json, at: &Json) -> Result<Json, Stop> {
    Ok(match (value, at) {
        (Json::Null, Json::String(_) | Json::Number(_)) => Json::Null,
        (Json::Object(map), Json::String(key)) => map.get(key).cloned().unwrap_or_default(),
        (Json::Array(items), Json::Number(at)) => {
            let at = at.as_i64().unwrap_or(i64::MAX);
            let place = if at < 0 { i64::try_from(items.len()).unwrap_or(i64::MAX).saturating_add(at) } else { at };
            usize::try_from(place).ok().and_then(|place| items.get(place)).cloned().unwrap_or_default()
        }
        _ => return error(format!("cannot index {} with {}", kind(value), shown(at))),
    })
}

pub(super) fn each(value: &Json, out: &mut Vec<Json>) -> Result<(), Stop> {
    match value {
        Json::Array(items) => out.extend(items.iter().cloned()),
        Json::Object(map) => out.extend(map.values().cloned()),
        other => return error(format!("cannot iterate over {}", kind(other))),
    }
    Ok(())
}

pub(super) fn recurse(value: &Json, out: &mut Vec<Json>) {
    out.push(value.clone());
    match value {
        Json::Array(items) => items.iter().for_each(|item| recurse(item, out)),
        Json::Object(map) => map.values().for_each(|item| recurse(item, out)),
        _ => {}
    }
}

pub(super) fn contains(value: &Json, part: &Json) -> bool {
    match (value, part) {
        (Json::String(value), Json::String(part)) => value.contains(part.as_str()),
        (Json::Array(value), Json::Array(part)) => part.iter().all(|part| value.iter().any(|item| contains(item, part))),
        (Json::Object(value), Json::Object(part)) => {
            part.iter().all(|(key, part)| value.get(key).is_some_and(|value| contains(value, part)))
        }
        _ => value == part,
    }
}

/// The order of `jq`: null, false, true, numbers, strings, lists, maps.
pub(super) fn compare(one: &Json, other: &Json) -> Ordering {
    let rank = |value: &Json| match value {
        Json::Null => 0,
        Json::Bool(false) => 1,
        Json::Bool(true) => 2,
        Json::Number(_) => 3,
        Json::String(_) => 4,
        Json::Array(_) => 5,
        Json::Object(_) => 6,
    };
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal),
        (Json::String(one), Json::String(other)) => one.cmp(other),
        (Json::Array(one), Json::Array(other)) => {
            let first = one.iter().zip(other).map(|(one, other)| compare(one, other)).find(|order| order.is_ne());
            first.unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        (Json::Object(one), Json::Object(other)) => {
            let sorted = |map: &Map<String, Json>| {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            let (keys, others) = (sorted(one), sorted(other));
            let values = || keys.iter().map(|key| compare(one.get(key).unwrap_or(&Json::Null), other.get(key).unwrap_or(&Json::Null)));
            keys.cmp(&others).then_with(|| values().find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
        }
        _ => rank(one).cmp(&rank(other)),
    }
}
