//! CEL as the API server speaks it, by its own tables.

use super::{Cases, json_lines};
use plimsoll_policy::cel::{Environment, Limits, Program, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    name: String,
    expr: String,
    want: Option<String>,
    want_type: Option<String>,
}

/// The libraries that Kubernetes adds to CEL, expression by expression. Which words an error uses is our own affair.
pub(super) fn libraries(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Expression = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let value = Program::compile(&case.expr, &[]).and_then(|program| {
            let value = program.evaluate(&Environment::new(Vec::new(), Limits::default()))?;
            Ok(match value {
                // What is wrong with a text is said in other words.
                Value::Optional(Some(_)) => "optional_type [text]".to_owned(),
                Value::Optional(None) => "optional_type <nil>".to_owned(),
                value => format!("{} {}", value.type_name(), value.display()),
            })
        });
        let wanted = case.want.zip(case.want_type).map_or_else(
            || "an error".to_owned(),
            |(value, ty)| if ty == "optional_type" && value.starts_with('[') { format!("{ty} [text]") } else { format!("{ty} {value}") },
        );
        let got = match value {
            Ok(value) => value,
            Err(_) if wanted == "an error" => wanted.clone(),
            Err(failure) => failure.message,
        };
        cases.case(|| case.name, &wanted, &got);
    }
    Ok(cases)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: String,
    rule: String,
    schema: Json,
    #[serde(rename = "self")]
    own: Json,
    old_self: Json,
    error_contains: String,
    skipped: bool,
}

/// Rules of custom resources: whether they hold. Which words an error uses is our own affair.
pub(super) fn crd_rules(file: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Rule = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        // A rule on a transition is not looked at where there is nothing before.
        if case.skipped {
            continue;
        }
        let roots = vec![("self", typed(&case.own, &case.schema)), ("oldSelf", typed(&case.old_self, &case.schema))];
        let held = Program::compile(&case.rule, &["self", "oldSelf"])
            .and_then(|program| Ok(program.evaluate(&Environment::new(roots, Limits::default()))?.to_json()));
        let wanted = if case.error_contains.is_empty() { "true" } else { "an error" };
        let got = match held {
            Ok(Json::Bool(true)) => "true".to_owned(),
            Ok(_) | Err(_) if wanted == "an error" => wanted.to_owned(),
            Ok(other) => other.to_string(),
            Err(failure) => failure.message,
        };
        cases.case(|| format!("{}: {}", case.name, case.rule), wanted, &got);
    }
    Ok(cases)
}

/// A value as its schema types it.
fn typed(json: &Json, schema: &Json) -> Value<'static> {
    let made = |function: &str| {
        let text = json.to_string();
        let program = Program::compile(&format!("{function}({text})"), &[]).ok();
        let value = program.and_then(|program| owned(&program.evaluate(&Environment::new(Vec::new(), Limits::default())).ok()?));
        value.unwrap_or(Value::Null)
    };
    match (json, schema["type"].as_str(), schema["format"].as_str()) {
        (Json::Number(number), Some("number"), _) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        (Json::String(_), _, Some("date-time" | "datetime")) => made("timestamp"),
        (Json::String(text), _, Some("date")) => typed(&format!("{text}T00:00:00Z").into(), &serde_json::json!({"format": "date-time"})),
        (Json::String(_), _, Some("duration")) => made("duration"),
        (Json::String(text), _, Some("byte")) => Value::Bytes(decoded(text).into()),
        (Json::Array(items), _, _) => Value::list(items.iter().map(|item| typed(item, &schema["items"])).collect()),
        (Json::Object(map), _, _) => {
            let of = |key: &str| schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
            Value::map(map.iter().map(|(key, value)| (key.as_str(), typed(value, of(key)))))
        }
        (Json::Null, _, _) => Value::Null,
        (Json::Bool(value), _, _) => Value::Bool(*value),
        (Json::Number(number), _, _) => number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Int),
        (Json::String(text), _, _) => Value::text(text.as_str()),
    }
}

/// A value that borrows nothing, of those that are made above.
fn owned(value: &Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Timestamp(at) => Value::Timestamp(*at),
        Value::Duration(span) => Value::Duration(*span),
        _ => return None,
    })
}

/// Base64, as fields of format `byte` are written.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}
