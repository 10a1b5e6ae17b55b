//! The event types for which a condition can be true.

use super::{Pairs, condition, get, texts};
use anyhow::Context;
use plimsoll_detect::condition::{EventSet, EventTypesError, event_types, parse};
use serde_json::Value;

pub(super) fn of_one(case: &Value) -> anyhow::Result<Pairs> {
    let got = types(case, "expr")?;
    let wanted = match get(case, "expect")? {
        Value::String(word) => match word.as_str() {
            "all" => Ok(EventSet::all()),
            "none" => Ok(EventSet::NONE),
            "computable" | "error" => {
                let word_got = if got.is_ok() { "computable" } else { "error" };
                return Ok(vec![(word.clone(), word_got.to_owned())]);
            }
            other => anyhow::bail!("unknown expectation {other}"),
        },
        map => {
            let (key, names) = map.as_object().and_then(|map| map.iter().next()).context("no expectation")?;
            let set = texts(names)?.into_iter().fold(EventSet::NONE, |set, name| set.or(EventSet::named(name.as_bytes())));
            match key.as_str() {
                "only" => Ok(set),
                "all_except" => Ok(set.complement()),
                other => anyhow::bail!("unknown expectation {other}"),
            }
        }
    };
    Ok(vec![(shown(wanted), shown(got))])
}

pub(super) fn equal(case: &Value) -> anyhow::Result<Pairs> {
    let same = types(case, "left")?? == types(case, "right")??;
    Ok(vec![(get(case, "expect")?.to_string(), same.to_string())])
}

fn types(case: &Value, key: &str) -> anyhow::Result<Result<EventSet, EventTypesError>> {
    Ok(event_types(&parse(condition(case, key)?)?, &[]))
}

fn shown(types: Result<EventSet, EventTypesError>) -> String {
    match types {
        Ok(set) => set.iter().map(|kind| kind.info().symbol).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}
