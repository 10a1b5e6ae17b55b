//! Transformers by themselves.

use super::evaluate::transformer_named;
use super::event::typed;
use super::{Pairs, get, text, texts};
use anyhow::Context;
use bumpalo::Bump;
use plimsoll_detect::filter::{self, Input, Shape};
use plimsoll_model::events::ParamType;
use serde_json::Value;

fn shape(value: &Value) -> anyhow::Result<Shape> {
    let kind = ParamType::named(text(value, "type")?).context("an unknown type")?;
    Ok(Shape { kind, list: value.get("list").and_then(Value::as_bool).unwrap_or_default() })
}

pub(super) fn makes(case: &Value) -> anyhow::Result<Pairs> {
    let arena = Bump::new();
    let transformer = transformer_named(text(case, "transformer")?)?;
    let (input, wanted) = (get(case, "input")?, get(case, "expect")?);
    let from = shape(input)?;
    let to = match filter::signature(transformer, &[from], None) {
        Ok(to) => to,
        Err(message) => return Ok(vec![("accepted".to_owned(), message)]),
    };
    let read = |key: &Value, kind| -> anyhow::Result<Vec<_>> {
        get(key, "values")?.as_array().context("`values` is no list")?.iter().map(|value| typed(kind, value, &arena)).collect()
    };
    let mut out = Vec::new();
    let values = read(input, from.kind)?;
    filter::apply(transformer, None, &[Input { shape: from, values: &values }], &arena, &mut out);
    Ok(vec![(text(wanted, "type")?.to_owned(), to.kind.word().to_owned()), (format!("{:?}", read(wanted, to.kind)?), format!("{out:?}"))])
}

pub(super) fn types(case: &Value) -> anyhow::Result<Pairs> {
    let transformer = transformer_named(text(case, "transformer")?)?;
    let mut pairs = Vec::new();
    for (key, list) in [("scalar_types", false), ("list_types", true)] {
        let wanted = get(get(case, "expect")?, key)?;
        let all = wanted.as_str() == Some("all");
        let wanted = if all { Vec::new() } else { texts(wanted)? };
        let sorted = |takes: &dyn Fn(&ParamType) -> bool| {
            ParamType::ALL.iter().filter(|kind| takes(kind)).map(|kind| kind.word()).collect::<Vec<_>>().join(" ")
        };
        let takes = |kind: &ParamType| filter::signature(transformer, &[Shape { kind: *kind, list }], None).is_ok();
        pairs.push((sorted(&|kind| all || wanted.contains(&kind.word())), sorted(&takes)));
    }
    Ok(pairs)
}

pub(super) fn signature(case: &Value) -> anyhow::Result<Pairs> {
    let transformer = transformer_named(text(case, "transformer")?)?;
    let wanted = get(case, "expect")?;
    let arguments = get(wanted, "arguments")?.as_array().context("`arguments` is no list")?;
    let arguments = arguments.iter().map(shape).collect::<anyhow::Result<Vec<_>>>()?;
    let got = filter::signature(transformer, &arguments, None);
    Ok(vec![(format!("{:?}", Ok::<_, String>(shape(get(wanted, "result")?)?)), format!("{got:?}"))])
}
