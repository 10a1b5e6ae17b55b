//! The language of conditions and outputs: one file here for each group of kinds of cases.

mod condition;
mod evaluate;
mod event;
mod event_types;
mod format;
mod path_prefix;
mod transform;

use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::Path;

/// What a case wants and what came, as text; the first pair that differs is reported.
type Pairs = Vec<(String, String)>;

pub(in crate::conformance) fn language(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(file)? {
        let case = match line {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let name = || case.get("name").and_then(Value::as_str).unwrap_or("without a name").to_owned();
        match run(&case) {
            Ok(pairs) => match pairs.iter().find(|(wanted, got)| wanted != got) {
                Some((wanted, got)) => cases.case(name, wanted, got),
                None => cases.passed(),
            },
            Err(error) => cases.unreadable(name(), format!("{error:#}")),
        }
    }
    Ok(cases)
}

fn run(case: &Value) -> anyhow::Result<Pairs> {
    match text(case, "kind")? {
        "parse" => condition::parses(case),
        "ast_equal" => condition::equal(case),
        "escape" => condition::escapes(case),
        "unescape" => condition::unescapes(case),
        "escape_round_trip" => condition::escape_round_trip(case),
        "operators" => condition::operators(case),
        "transformers" => condition::transformers(case),
        "event_types" => event_types::of_one(case),
        "event_types_equal" => event_types::equal(case),
        "compile" => evaluate::compiles(case),
        "eval" => evaluate::holds(case),
        "compare" => evaluate::compares(case),
        "format" => format::prints(case),
        "transform" => transform::makes(case),
        "transform_types" => transform::types(case),
        "transform_signature" => transform::signature(case),
        "path_prefix" => path_prefix::covers(case),
        "path_prefix_map" => path_prefix::finds(case),
        "path_prefix_tree" => path_prefix::prints(case),
        kind => bail!("unknown kind {kind}"),
    }
}

/// A key of a case.
fn get<'a>(case: &'a Value, key: &str) -> anyhow::Result<&'a Value> {
    case.get(key).with_context(|| format!("no key `{key}`"))
}

/// A key of a case that holds text.
fn text<'a>(case: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    get(case, key)?.as_str().with_context(|| format!("`{key}` is no text"))
}

/// A value that holds texts.
fn texts(value: &Value) -> anyhow::Result<Vec<&str>> {
    value.as_array().context("not a list")?.iter().map(|text| text.as_str().context("not a text")).collect()
}

/// Text, or bytes as `{"hex": "…"}`.
fn bytes(value: &Value) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Ok(text.as_bytes().to_vec());
    }
    let digits = text(value, "hex")?;
    let pair = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).context("no pair of digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// Bytes for a report.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A condition: `key`, or `key_repeat`: a text and how often it stands there.
fn condition(case: &Value, key: &str) -> anyhow::Result<Vec<u8>> {
    match case.get(key) {
        Some(value) => bytes(value),
        None => {
            let repeat = get(case, &format!("{key}_repeat"))?;
            let count = get(repeat, "count")?.as_u64().context("no count")?;
            Ok(text(repeat, "text")?.repeat(usize::try_from(count)?).into_bytes())
        }
    }
}
