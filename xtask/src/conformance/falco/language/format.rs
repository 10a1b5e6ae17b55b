//! What outputs print of an event.

use super::event::{Event, Known};
use super::{Pairs, get, text};
use anyhow::Context;
use bumpalo::Bump;
use plimsoll_detect::format::Format;
use serde_json::{Map, Value};

pub(super) fn prints(case: &Value) -> anyhow::Result<Pairs> {
    let arena = Bump::new();
    let mut known = Known::default();
    let event = Event::read(case, &mut known, &arena)?;
    let wanted = get(case, "expect")?;
    let format = Format::compile(text(case, "format")?, &known);
    if let Some(error) = wanted.get("error") {
        return Ok(vec![(error.to_string(), format.is_err().to_string())]);
    }
    let format = match format {
        Ok(format) => format,
        Err(error) => return Ok(vec![("accepted".to_owned(), format!("refused: {}", error.message))]),
    };
    let transformed = case.get("resolve_transformed_fields").and_then(Value::as_bool).unwrap_or(true);
    let mut pairs = Vec::new();
    let complete = if text(case, "output_format")? == "json" {
        let mut fields = Map::new();
        let complete = format.json(&event, transformed, &mut fields);
        let got = if fields.is_empty() { Value::Null } else { fields.into() };
        pairs.push((get(wanted, "output_json")?.to_string(), got.to_string()));
        complete
    } else {
        let mut out = Vec::new();
        let complete = format.text(&event, &mut out);
        pairs.push((text(wanted, "output")?.to_owned(), String::from_utf8_lossy(&out).into_owned()));
        complete
    };
    pairs.push((get(wanted, "complete")?.to_string(), complete.to_string()));
    let mut texts = Vec::new();
    format.texts(&event, transformed, &mut texts);
    if let Some(count) = wanted.get("field_count") {
        pairs.push((count.to_string(), texts.len().to_string()));
    }
    if let Some(fields) = wanted.get("fields") {
        for (name, value) in fields.as_object().context("`fields` is no map")? {
            let got = texts.iter().find(|(known, _)| known == name).map(|(_, text)| String::from_utf8_lossy(text).into_owned());
            let value = value.as_str().context("a field is no text")?;
            pairs.push((format!("{name}={value}"), got.map_or_else(|| format!("no {name}"), |got| format!("{name}={got}"))));
        }
    }
    Ok(pairs)
}
