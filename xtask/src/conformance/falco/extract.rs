//! What fields say of audit events, as upstream's own extractors found it.

use crate::conformance::{Cases, json_lines};
use anyhow::Context;
use bumpalo::Bump;
use plimsoll_detect::Value;
use plimsoll_detect::fields::audit::{Audit, AuditContext};
use plimsoll_detect::fields::syscalls::Stream;
use plimsoll_detect::fields::{Catalogue, Facts};
use plimsoll_model::lazy::Json;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    event_file: String,
    line: usize,
    expect: Expect,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Expect {
    present: BTreeMap<String, serde_json::Value>,
    absent: Vec<String>,
    error: Vec<String>,
}

/// Each field of each event. A field whose JSON has the wrong type has no value.
pub(in crate::conformance) fn extract(file: &Path) -> anyhow::Result<Cases> {
    let root = file.parent().and_then(Path::parent).context("no folder")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let text = std::fs::read_to_string(root.join(&case.event_file))?;
        let event = text.lines().nth(case.line.saturating_sub(1)).context("no such line")?;
        let list = |value: &serde_json::Value| match value {
            serde_json::Value::Array(values) => serde_json::Value::from(values.clone()),
            value => serde_json::json!([value]),
        };
        let none = serde_json::json!([]);
        let wanted = case.expect.present.iter().map(|(field, value)| (field, list(value)));
        let wanted = wanted.chain(case.expect.absent.iter().chain(&case.expect.error).map(|field| (field, none.clone())));
        for (field, wanted) in wanted {
            let got = said(event, field).map_or_else(|error| error, |got| serde_json::json!(got).to_string());
            cases.case(|| format!("{} {field}", case.name), &wanted.to_string(), &got);
        }
    }
    Ok(cases)
}

/// The values of a field.
fn said(event: &str, field: &str) -> Result<Vec<String>, String> {
    let arena = Bump::new();
    let stream = Stream::default();
    let event = Json::read(event.as_bytes(), &arena).map_err(|broken| format!("broken at byte {}", broken.0))?;
    let (name, arg) = field.split_once('[').map_or((field, None), |(name, arg)| (name, arg.strip_suffix(']')));
    let field = Audit.resolve(name, arg).map_err(|error| format!("{error:?}"))?;
    let mut values = Vec::new();
    AuditContext::new(event, 1, &stream, &arena).extract(&field, &mut values);
    Ok(values
        .into_iter()
        .map(|value| match value {
            Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        })
        .collect())
}
