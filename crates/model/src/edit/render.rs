//! JSON values as the YAML or JSON that an author would write.

use super::layout::Layout;
use crate::scalar::{Scalar, resolve};
use serde_json::{Map, Value};

/// The entries of a map in block style, each line indented by `indent`, without a line break at the end.
pub(super) fn entries(map: &Map<String, Value>, indent: usize, layout: &Layout) -> String {
    let entry = |(key, value): (&String, &Value)| {
        let head = format!("{}{}:", " ".repeat(indent), scalar(key, layout));
        match value {
            Value::Object(inner) if !inner.is_empty() => format!("{head}{}{}", layout.eol, entries(inner, indent + layout.step, layout)),
            Value::Array(inner) if !(inner.is_empty() || layout.flow_lists && inner.iter().all(is_word)) => {
                format!("{head}{}{}", layout.eol, items(value, layout.list_indent(indent), layout))
            }
            other => format!("{head} {}", flow(other, layout)),
        }
    };
    map.iter().map(entry).collect::<Vec<_>>().join(layout.eol)
}

/// The items of a list in block style.
pub(super) fn items(list: &Value, indent: usize, layout: &Layout) -> String {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|value| item(value, indent, layout)).collect::<Vec<_>>().join(layout.eol)
}

/// One item of a list in block style.
pub(super) fn item(value: &Value, indent: usize, layout: &Layout) -> String {
    let dash = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            let body = entries(map, indent + 2, layout);
            format!("{dash}- {}", body.trim_start())
        }
        other => format!("{dash}- {}", flow(other, layout)),
    }
}

/// A value on one line.
pub(super) fn flow(value: &Value, layout: &Layout) -> String {
    let gap = if layout.is_compact_json { "" } else { " " };
    match value {
        Value::Object(_) => format!("{{{}}}", flow_parts(value, layout).join(&format!(",{gap}"))),
        Value::Array(_) => format!("[{}]", flow_parts(value, layout).join(&format!(",{gap}"))),
        Value::String(text) => scalar(text, layout),
        other => other.to_string(),
    }
}

/// The entries of a map or the items of a list, each on one line.
pub(super) fn flow_parts(value: &Value, layout: &Layout) -> Vec<String> {
    parts(value, layout, |value| flow(value, layout))
}

/// The entries of a map or the items of a list in a flow collection whose parts stand on lines of their own in column `indent`.
pub(super) fn lines(value: &Value, indent: usize, layout: &Layout) -> Vec<String> {
    parts(value, layout, |value| if layout.is_pretty_json { pretty(value, indent, layout) } else { flow(value, layout) })
}

/// A value over several lines as JSON has it, in a line that is indented by `indent`.
pub(super) fn pretty(value: &Value, indent: usize, layout: &Layout) -> String {
    let parts = lines(value, indent + layout.step, layout);
    if parts.is_empty() {
        return flow(value, layout);
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    let start = format!("{}{}", layout.eol, " ".repeat(indent + layout.step));
    let end = format!("{}{}", layout.eol, " ".repeat(indent));
    format!("{open}{start}{}{end}{close}", parts.join(&format!(",{start}")))
}

fn parts(value: &Value, layout: &Layout, text: impl Fn(&Value) -> String) -> Vec<String> {
    let gap = if layout.is_compact_json { "" } else { " " };
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| format!("{}:{gap}{}", scalar(key, layout), text(value))).collect(),
        Value::Array(list) => list.iter().map(text).collect(),
        _ => Vec::new(),
    }
}

fn is_word(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// A string as a scalar: without quotes where that reads the same everywhere, else in double quotes as JSON has them.
fn scalar(text: &str, layout: &Layout) -> String {
    let plain = !layout.is_json
        && matches!(resolve(text), Scalar::Str(_))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '_' | '.'))
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_' | '.' | '-' | ' '))
        && !text.ends_with(' ')
        && !text.starts_with("...")
        && text != "<<";
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}
