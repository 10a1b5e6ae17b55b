//! Conditions with their fields: whether they are accepted, and what they say of an event.

use super::event::{Event, Known};
use super::{Pairs, condition, get, text};
use anyhow::{Context, anyhow, bail};
use bumpalo::Bump;
use plimsoll_detect::condition::{Expr, Node, Operand, Operator, Position, Right, Transformer, parse};
use plimsoll_detect::fields::Limits;
use plimsoll_detect::filter::{Filter, Warning};
use plimsoll_model::events::ParamType;
use serde_json::Value;

/// Parses and compiles.
fn accepted(expr: &[u8], known: &Known) -> Result<(Filter, Vec<Warning>), String> {
    let expr = parse(expr).map_err(|error| error.message)?;
    Filter::compile(&expr, known).map_err(|error| error.message)
}

pub(super) fn compiles(case: &Value) -> anyhow::Result<Pairs> {
    let arena = Bump::new();
    let mut known = Known::default();
    Event::read(case, &mut known, &arena)?;
    let result = accepted(&condition(case, "expr")?, &known);
    let wanted = get(case, "expect")?;
    let valid = get(wanted, "valid")?.as_bool().context("`valid` is no answer")?;
    let got = match &result {
        Ok(_) => "accepted".to_owned(),
        Err(message) => format!("refused: {message}"),
    };
    let mut pairs = Vec::new();
    match (valid, &result) {
        (true, Ok(_)) | (false, Err(_)) => {}
        (true, _) => pairs.push(("accepted".to_owned(), got)),
        (false, _) => pairs.push(("refused".to_owned(), got)),
    }
    if let Some(count) = wanted.get("warnings") {
        let warnings: Vec<String> = result.iter().flat_map(|(_, warnings)| warnings).map(|warning| warning.message.clone()).collect();
        if count.as_u64() != Some(warnings.len() as u64) {
            pairs.push((format!("{count} warnings"), warnings.join("; ")));
        }
    }
    if let Some(message) = wanted.get("message") {
        pairs.push((message.as_str().context("`message` is no text")?.to_owned(), result.err().unwrap_or_default()));
    }
    Ok(pairs)
}

pub(super) fn holds(case: &Value) -> anyhow::Result<Pairs> {
    let arena = Bump::new();
    let mut known = Known::default();
    let event = Event::read(case, &mut known, &arena)?;
    let got = match accepted(&condition(case, "expr")?, &known) {
        Ok((filter, _)) => filter.holds(&event).to_string(),
        Err(message) => format!("refused: {message}"),
    };
    Ok(vec![(get(case, "expect")?.to_string(), got)])
}

pub(super) fn compares(case: &Value) -> anyhow::Result<Pairs> {
    let arena = Bump::new();
    let mut known = Known::default();
    let mut event = Event::read(&Value::Null, &mut known, &arena)?;
    let (left, right) = (get(case, "lhs")?, get(case, "rhs")?);
    let operator = text(case, "op")?;
    let operator = *Operator::ALL.iter().find(|known| known.text() == operator).context("an unknown operator")?;
    let left = side(left, &mut known, &mut event)?;
    let right = match right.get("values") {
        Some(values) => {
            let values = values.as_array().context("`values` is no list")?;
            Right::List(values.iter().map(super::bytes).collect::<anyhow::Result<_>>()?)
        }
        None => Right::Operand(side(right, &mut known, &mut event)?),
    };
    let expr = Expr::Compare { left: Box::new(node(left)), operator, modifier: None, right: Box::new(node(right)) };
    let wanted = match get(case, "expect")? {
        Value::String(wanted) => wanted.clone(),
        wanted => wanted.to_string(),
    };
    let got = match Filter::compile(&node(expr), &known) {
        Err(error) if wanted != "error" => format!("error: {}", error.message),
        Err(_) => "error".to_owned(),
        Ok(_) if wanted == "accepted" => wanted.clone(),
        Ok((filter, _)) => filter.holds(&event).to_string(),
    };
    Ok(vec![(wanted, got)])
}

fn node<T>(it: T) -> Node<T> {
    Node { it, at: Position { offset: 0, line: 1, column: 1 } }
}

/// A side of a comparison: a field with a value, and what transforms it.
fn side<'e>(side: &Value, known: &mut Known, event: &mut Event<'e>) -> anyhow::Result<Operand> {
    let name = text(side, "field")?;
    let kind = ParamType::named(text(side, "type")?).context("an unknown type")?;
    let flag = |key: &str| side.get(key).and_then(Value::as_bool).unwrap_or_default();
    known.make(name, kind, flag("list"), Limits { no_transformer: flag("no_transformer"), ..Limits::default() });
    event.say(known, name, get(side, "value")?)?;
    let mut operand = Operand::Field { name: name.to_owned(), arg: None };
    for transformer in side.get("transformers").and_then(Value::as_array).into_iter().flatten() {
        let transformer = transformer_named(transformer.as_str().unwrap_or_default())?;
        operand = Operand::Transform { transformer, values: vec![node(operand)], arg: None };
    }
    Ok(operand)
}

pub(super) fn transformer_named(name: &str) -> anyhow::Result<Transformer> {
    match Transformer::ALL.iter().find(|known| known.text() == name) {
        Some(transformer) => Ok(*transformer),
        None if name.is_empty() => bail!("no transformer"),
        None => Err(anyhow!("an unknown transformer: {name}")),
    }
}
