//! Filters of `jq` applied to values. A filter gives any number of values, or an error after those before it.

use super::Reason;
use super::parse::{Filter, Operator};
use super::value::{compare, contains, each, kind, member, recurse, shown, truth, weight};
use crate::benchmark::shell::Machine;
use regex::Regex;
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;

/// Functions that call themselves may do so as often.
const DEPTH: usize = 200;

/// Why there are no more values.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error of the filter, which `?` catches.
    Error(String),
    /// Not understood, or too much.
    Unknown(Reason),
}

/// What names mean, the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    name: &'s str,
    meaning: Meaning<'s>,
    depth: usize,
    outer: Option<&'s Scope<'s>>,
}

#[derive(Clone, Copy)]
enum Meaning<'s> {
    Value(&'s Json),
    Function { parameters: &'s [String], filter: &'s Filter },
}

type Env<'s> = Option<&'s Scope<'s>>;

pub(super) fn error<T>(message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Error(message.into()))
}

/// Applies `filter` to `input`; the values are added to `out`.
pub(super) fn evaluate(filter: &Filter, input: &Json, env: Env<'_>, machine: &Machine<'_>, out: &mut Vec<Json>) -> Result<(), Stop> {
    step(1, machine)?;
    let all = |filter: &Filter, input: &Json| -> Result<Vec<Json>, Stop> {
        let mut found = Vec::new();
        evaluate(filter, input, env, machine, &mut found)?;
        Ok(found)
    };
    match filter {
        Filter::Identity => out.push(copy(input, machine)?),
        Filter::Recurse => recurse(&copy(input, machine)?, out),
        Filter::Literal(value) => out.push(value.clone()),
        Filter::Text(pieces) => {
            let mut texts = vec![String::new()];
            for piece in pieces {
                let values = all(piece, input)?;
                step(texts.len().saturating_mul(values.len()), machine)?;
                machine.wrote(texts.iter().map(String::len).sum::<usize>().saturating_mul(values.len())).map_err(Stop::Unknown)?;
                texts = texts.iter().flat_map(|text| values.iter().map(move |value| format!("{text}{}", shown(value)))).collect();
            }
            out.extend(texts.into_iter().map(Json::String));
        }
        Filter::Variable(name) => match find(env, |scope| matches!(scope.meaning, Meaning::Value(_)) && scope.name == name) {
            Some(Scope { meaning: Meaning::Value(value), .. }) => out.push(copy(value, machine)?),
            _ => return Err(Stop::Unknown(format!("`${name}` is not defined in the `jq` filter"))),
        },
        Filter::Member(of, at) => {
            for value in all(of, input)? {
                for at in all(at, input)? {
                    step(1, machine)?;
                    out.push(member(&value, &at)?);
                }
            }
        }
        Filter::Each(of) => {
            for value in all(of, input)? {
                each(&value, out)?;
            }
        }
        Filter::List(None) => out.push(json!([])),
        Filter::List(Some(inner)) => out.push(Json::Array(all(inner, input)?)),
        Filter::Map(entries) => {
            let mut maps = vec![Map::new()];
            for (key, value) in entries {
                let mut more = Vec::new();
                for key in all(key, input)? {
                    let Json::String(key) = key else { return error("keys must be strings") };
                    for value in all(value, input)? {
                        for map in &maps {
                            step(map.len() + 1, machine)?;
                            let mut map = map.clone();
                            map.insert(key.clone(), value.clone());
                            more.push(map);
                        }
                    }
                }
                maps = more;
            }
            out.extend(maps.into_iter().map(Json::Object));
        }
        Filter::Pipe(first, then) => {
            for value in all(first, input)? {
                evaluate(then, &value, env, machine, out)?;
            }
        }
        Filter::Both(one, other) => {
            evaluate(one, input, env, machine, out)?;
            evaluate(other, input, env, machine, out)?;
        }
        Filter::Bind { value, name, body } => {
            for value in all(value, input)? {
                let scope = Scope { name, meaning: Meaning::Value(&value), depth: deeper(env)?, outer: env };
                evaluate(body, input, Some(&scope), machine, out)?;
            }
        }
        Filter::Define { name, parameters, meaning, body } => {
            let scope = Scope { name, meaning: Meaning::Function { parameters, filter: meaning }, depth: deeper(env)?, outer: env };
            evaluate(body, input, Some(&scope), machine, out)?;
        }
        Filter::Binary(operator, left, right) => binary(*operator, left, right, input, env, machine, out)?,
        Filter::If { arms, otherwise } => conditional(arms, otherwise.as_deref(), input, env, machine, out)?,
        Filter::Try(inner) => match evaluate(inner, input, env, machine, out) {
            Ok(()) | Err(Stop::Error(_)) => {}
            Err(stop) => return Err(stop),
        },
        Filter::Call(name, arguments) => call(name, arguments, input, env, machine, out)?,
    }
    Ok(())
}

fn step(count: usize, machine: &Machine<'_>) -> Result<(), Stop> {
    machine.step(count).map_err(Stop::Unknown)
}

/// A copy, which costs as many steps as it is large.
fn copy(value: &Json, machine: &Machine<'_>) -> Result<Json, Stop> {
    step(weight(value) / 4, machine)?;
    Ok(value.clone())
}

fn deeper(env: Env<'_>) -> Result<usize, Stop> {
    let depth = env.map_or(0, |scope| scope.depth) + 1;
    if depth > DEPTH { Err(Stop::Unknown("the `jq` filter goes too deep".to_owned())) } else { Ok(depth) }
}

fn find<'s>(env: Env<'s>, wanted: impl Fn(&Scope<'s>) -> bool) -> Option<&'s Scope<'s>> {
    std::iter::successors(env, |scope| scope.outer).find(|scope| wanted(scope))
}

fn conditional(
    arms: &[(Filter, Filter)],
    otherwise: Option<&Filter>,
    input: &Json,
    env: Env<'_>,
    machine: &Machine<'_>,
    out: &mut Vec<Json>,
) -> Result<(), Stop> {
    let Some(((condition, body), rest)) = arms.split_first() else {
        return evaluate(otherwise.unwrap_or(&Filter::Identity), input, env, machine, out);
    };
    let mut conditions = Vec::new();
    evaluate(condition, input, env, machine, &mut conditions)?;
    for condition in conditions {
        if truth(&condition) {
            evaluate(body, input, env, machine, out)?;
        } else {
            conditional(rest, otherwise, input, env, machine, out)?;
        }
    }
    Ok(())
}

fn binary(
    operator: Operator,
    left: &Filter,
    right: &Filter,
    input: &Json,
    env: Env<'_>,
    machine: &Machine<'_>,
    out: &mut Vec<Json>,
) -> Result<(), Stop> {
    let all = |filter: &Filter| -> Result<Vec<Json>, Stop> {
        let mut found = Vec::new();
        evaluate(filter, input, env, machine, &mut found)?;
        Ok(found)
    };
    match operator {
        Operator::Alternative => {
            let mut found = Vec::new();
            match evaluate(left, input, env, machine, &mut found) {
                Err(Stop::Unknown(reason)) => return Err(Stop::Unknown(reason)),
                Ok(()) | Err(Stop::Error(_)) => found.retain(truth),
            }
            if found.is_empty() {
                return evaluate(right, input, env, machine, out);
            }
            out.append(&mut found);
        }
        Operator::And | Operator::Or => {
            let decides = operator == Operator::Or;
            for value in all(left)? {
                if truth(&value) == decides {
                    out.push(decides.into());
                } else {
                    out.extend(all(right)?.iter().map(|value| Json::from(truth(value))));
                }
            }
        }
        _ => {
            // The right side varies slowest.
            for right in all(right)? {
                for left in all(left)? {
                    step((weight(&left) + weight(&right)) / 4 + 1, machine)?;
                    out.push(arithmetic(operator, &left, &right)?);
                }
            }
        }
    }
    Ok(())
}

fn arithmetic(operator: Operator, left: &Json, right: &Json) -> Result<Json, Stop> {
    let order = || compare(left, right);
    Ok(match operator {
        Operator::Equal => (order() == Ordering::Equal).into(),
        Operator::NotEqual => (order() != Ordering::Equal).into(),
        Operator::Less => order().is_lt().into(),
        Operator::LessOrEqual => order().is_le().into(),
        Operator::Greater => order().is_gt().into(),
        Operator::GreaterOrEqual => order().is_ge().into(),
        _ => match (operator, left, right) {
            (Operator::Add, Json::Null, other) | (Operator::Add, other, Json::Null) => other.clone(),
            (Operator::Add, Json::String(left), Json::String(right)) => format!("{left}{right}").into(),
            (Operator::Add, Json::Array(left), Json::Array(right)) => left.iter().chain(right).cloned().collect(),
            (Operator::Add, Json::Object(left), Json::Object(right)) => {
                let mut map = left.clone();
                map.extend(right.iter().map(|(key, value)| (key.clone(), value.clone())));
                Json::Object(map)
            }
            (Operator::Subtract, Json::Array(left), Json::Array(right)) => {
                left.iter().filter(|item| !right.contains(item)).cloned().collect()
            }
            (_, Json::Number(one), Json::Number(other)) => {
                let (one, other) = (one.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(0.0));
                number(match operator {
                    Operator::Add => one + other,
                    Operator::Subtract => one - other,
                    Operator::Multiply => one * other,
                    _ if other == 0.0 => return error("division by zero"),
                    _ => one / other,
                })
            }
            _ => return error(format!("{} and {} cannot be combined", kind(left), kind(right))),
        },
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
fn number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn call(name: &str, arguments: &[Filter], input: &Json, env: Env<'_>, machine: &Machine<'_>, out: &mut Vec<Json>) -> Result<(), Stop> {
    let all = |filter: &Filter, input: &Json| -> Result<Vec<Json>, Stop> {
        let mut found = Vec::new();
        evaluate(filter, input, env, machine, &mut found)?;
        Ok(found)
    };
    let is_it = |scope: &Scope<'_>| {
        scope.name == name && matches!(scope.meaning, Meaning::Function { parameters, .. } if parameters.len() == arguments.len())
    };
    if let Some(scope) = find(env, is_it)
        && let Meaning::Function { parameters, filter } = scope.meaning
    {
        // Of several values of an argument the first counts; a function sees what was there where it was defined.
        let mut values = Vec::new();
        for argument in arguments {
            values.push(all(argument, input)?.into_iter().next().unwrap_or_default());
        }
        return with_values(&mut parameters.iter().zip(&values), scope, filter, input, machine, out);
    }
    let text = |value: &Json| match value {
        Json::String(text) => Ok(text.clone()),
        other => error(format!("{} is no string", kind(other))),
    };
    let list = |value: &Json| match value {
        Json::Array(items) => Ok(items.clone()),
        other => error(format!("{} is no list", kind(other))),
    };
    match (name, arguments) {
        ("empty", []) => {}
        ("not", []) => out.push((!truth(input)).into()),
        ("length", []) => out.push(match input {
            Json::Null => json!(0),
            Json::String(text) => json!(text.chars().count()),
            Json::Array(items) => json!(items.len()),
            Json::Object(map) => json!(map.len()),
            Json::Number(_) => input.clone(),
            Json::Bool(_) => return error("a boolean has no length"),
        }),
        ("type", []) => out.push(kind(input).into()),
        ("tostring", []) => out.push(shown(input).into()),
        ("tonumber", []) => out.push(match input {
            Json::String(text) => text.trim().parse().map(number).or_else(|_| error("no number"))?,
            other => other.clone(),
        }),
        ("fromjson", []) => out.push(serde_json::from_str(&text(input)?).or_else(|_| error("no JSON"))?),
        ("ascii_downcase", []) => out.push(text(input)?.to_ascii_lowercase().into()),
        ("ascii_upcase", []) => out.push(text(input)?.to_ascii_uppercase().into()),
        ("recurse", []) => recurse(input, out),
        ("values", []) => out.extend((!input.is_null()).then(|| input.clone())),
        ("first", []) => out.push(member(input, &json!(0))?),
        ("last", []) => out.push(list(input)?.last().cloned().unwrap_or_default()),
        ("reverse", []) => out.push(list(input)?.into_iter().rev().collect()),
        ("keys", []) => match input {
            Json::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                out.push(json!(keys));
            }
            other => out.push((0..list(other)?.len()).collect()),
        },
        ("add", []) => {
            let mut items = Vec::new();
            each(input, &mut items)?;
            let sum = items.iter().try_fold(Json::Null, |sum, item| arithmetic(Operator::Add, &sum, item))?;
            out.push(sum);
        }
        ("to_entries", []) => match input {
            Json::Object(map) => out.push(map.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()),
            other => return error(format!("{} has no keys", kind(other))),
        },
        ("from_entries", []) => {
            let mut map = Map::new();
            for entry in list(input)? {
                let key = ["key", "k", "name"].iter().find_map(|name| entry.get(name)).map(shown).unwrap_or_default();
                map.insert(key, ["value", "v"].iter().find_map(|name| entry.get(name)).cloned().unwrap_or_default());
            }
            out.push(Json::Object(map));
        }
        ("sort", []) | ("unique", []) => {
            let mut items = list(input)?;
            items.sort_by(compare);
            if name == "unique" {
                items.dedup();
            }
            out.push(Json::Array(items));
        }
        ("sort_by" | "group_by" | "unique_by", [by]) => {
            let mut keyed = Vec::new();
            for item in list(input)? {
                keyed.push((Json::Array(all(by, &item)?), item));
            }
            keyed.sort_by(|(one, _), (other, _)| compare(one, other));
            let groups = keyed.chunk_by(|(one, _), (other, _)| compare(one, other) == Ordering::Equal);
            out.push(match name {
                "sort_by" => keyed.iter().map(|(_, item)| item.clone()).collect(),
                "unique_by" => groups.filter_map(|group| group.first()).map(|(_, item)| item.clone()).collect(),
                _ => groups.map(|group| group.iter().map(|(_, item)| item.clone()).collect::<Json>()).collect(),
            });
        }
        ("map", [filter]) => {
            let mut items = Vec::new();
            each(input, &mut items)?;
            let mut mapped = Vec::new();
            for item in &items {
                evaluate(filter, item, env, machine, &mut mapped)?;
            }
            out.push(Json::Array(mapped));
        }
        ("select", [filter]) => {
            for value in all(filter, input)? {
                if truth(&value) {
                    out.push(copy(input, machine)?);
                }
            }
        }
        ("any" | "all", arguments) => {
            let mut items = Vec::new();
            match arguments {
                [generator, _] => items = all(generator, input)?,
                _ => each(input, &mut items)?,
            }
            let wanted = name == "any";
            let mut decided = !wanted;
            for item in &items {
                let values = match arguments.last() {
                    Some(condition) => all(condition, item)?,
                    None => vec![item.clone()],
                };
                if values.iter().any(|value| truth(value) == wanted) {
                    decided = wanted;
                }
            }
            out.push(decided.into());
        }
        (_, [argument]) => {
            for argument in all(argument, input)? {
                out.push(match name {
                    "has" => match input {
                        Json::Object(map) => map.contains_key(&text(&argument)?).into(),
                        other => argument
                            .as_u64()
                            .is_some_and(|at| usize::try_from(at).is_ok_and(|at| at < list(other).map_or(0, |items| items.len())))
                            .into(),
                    },
                    "contains" => contains(input, &argument).into(),
                    "inside" => contains(&argument, input).into(),
                    "startswith" => text(input)?.starts_with(&text(&argument)?).into(),
                    "endswith" => text(input)?.ends_with(&text(&argument)?).into(),
                    "join" => {
                        let parts: Vec<String> =
                            list(input)?.iter().map(|item| if item.is_null() { String::new() } else { shown(item) }).collect();
                        parts.join(&text(&argument)?).into()
                    }
                    "split" => text(input)?.split(text(&argument)?.as_str()).map(Json::from).collect(),
                    "test" => pattern(&text(&argument)?)?.is_match(&text(input)?).into(),
                    "index" => match input {
                        Json::Null => Json::Null,
                        Json::String(whole) => {
                            let found = whole.find(&text(&argument)?).and_then(|at| whole.get(..at));
                            found.map_or(Json::Null, |before| json!(before.chars().count()))
                        }
                        other => list(other)?.iter().position(|item| *item == argument).map_or(Json::Null, |at| json!(at)),
                    },
                    other => return Err(Stop::Unknown(format!("`{other}` of `jq` is not understood"))),
                });
            }
        }
        ("gsub", [from, to]) => {
            for from in all(from, input)? {
                for to in all(to, input)? {
                    let (to, from, whole) = (text(&to)?, pattern(&text(&from)?)?, text(input)?);
                    machine.wrote(from.find_iter(&whole).count().saturating_mul(to.len())).map_err(Stop::Unknown)?;
                    out.push(from.replace_all(&whole, regex::NoExpand(&to)).into_owned().into());
                }
            }
        }
        (other, _) => return Err(Stop::Unknown(format!("`{other}` of `jq` is not understood"))),
    }
    Ok(())
}

/// Calls a function with its parameters bound one inside the other.
fn with_values<'v>(
    values: &mut dyn Iterator<Item = (&'v String, &'v Json)>,
    env: &Scope<'_>,
    filter: &Filter,
    input: &Json,
    machine: &Machine<'_>,
    out: &mut Vec<Json>,
) -> Result<(), Stop> {
    let depth = deeper(Some(env))?;
    match values.next() {
        Some((name, value)) => {
            let scope = Scope { name, meaning: Meaning::Value(value), depth, outer: Some(env) };
            with_values(values, &scope, filter, input, machine, out)
        }
        None => evaluate(filter, input, Some(env), machine, out),
    }
}

fn pattern(text: &str) -> Result<Regex, Stop> {
    Regex::new(text).map_err(|_| Stop::Unknown(format!("the pattern `{text}` of `jq` is not understood")))
}
