//! Objects as the text that is applied.

use serde_json::Value as Json;
use std::fmt::Write;

/// Objects as YAML, a document each. Texts that a reader could take for something else are quoted, as JSON does it.
pub fn manifest(objects: &[Json]) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        for (key, value) in object.as_object().into_iter().flatten() {
            entry(&mut text, "", key, value);
        }
    }
    text
}

/// An entry of a map, in lines that begin with `indent`; what follows below it is two letters further in. Writing to a string does not
/// fail.
fn entry(text: &mut String, indent: &str, key: &str, value: &Json) {
    let key = word(key);
    // The marker of an item takes the place of blanks.
    let inner = indent.replace('-', " ");
    match value {
        Json::Object(map) if !map.is_empty() => {
            let _ = writeln!(text, "{indent}{key}:");
            map.iter().for_each(|(key, value)| entry(text, &format!("{inner}  "), key, value));
        }
        Json::Array(items) if items.iter().any(|item| item.as_object().is_some_and(|map| !map.is_empty())) => {
            let _ = writeln!(text, "{indent}{key}:");
            for item in items {
                match item.as_object().filter(|map| !map.is_empty()) {
                    Some(map) => {
                        for (at, (key, value)) in map.iter().enumerate() {
                            entry(text, &format!("{inner}{}", if at == 0 { "- " } else { "  " }), key, value);
                        }
                    }
                    None => {
                        let _ = writeln!(text, "{inner}- {}", flow(item));
                    }
                }
            }
        }
        other => {
            let _ = writeln!(text, "{indent}{key}: {}", flow(other));
        }
    }
}

/// A value in one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", word(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text, in quotes unless it is a string whoever reads it (YAML 1.1 and 1.2).
fn word(text: &str) -> String {
    const OTHERS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/'))
        && !OTHERS.iter().any(|other| text.eq_ignore_ascii_case(other));
    if is_plain {
        return text.to_owned();
    }
    // YAML takes these for ends of lines, which JSON does not.
    let escape = |letter: char| {
        if matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}') { format!("\\u{:04x}", letter as u32) } else { letter.into() }
    };
    Json::from(text).to_string().chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, Limits, Node, Origin, Source, parse};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn objects_read_like_those_that_people_write() {
        let object = json!({
            "apiVersion": "v1",
            "metadata": {"name": "a-b", "labels": {}},
            "spec": {"rules": [{"ports": [{"port": 80}], "to": []}, {}], "types": ["Ingress", "no"], "except": ["10.0.0.0/8"]},
        });
        let wanted = "---\napiVersion: v1\nmetadata:\n  labels: {}\n  name: a-b\nspec:\n  except: [\"10.0.0.0/8\"]\n  rules:\n  \
                      - ports:\n    - port: 80\n    to: []\n  - {}\n  types: [Ingress, \"no\"]\n";
        assert_eq!(sorted(&manifest(&[object])), sorted(wanted));
    }

    /// The order of keys is that of `serde_json`, which depends on its features.
    fn sorted(text: &str) -> Vec<&str> {
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        lines
    }

    fn value() -> impl Strategy<Value = Json> {
        let text = prop_oneof![
            "[a-zA-Z0-9:#{}\\[\\],&*!|>'\"%@`~ \\n\\t.-]{0,8}",
            Just("on".to_owned()),
            Just("1e3".to_owned()),
            Just("a\u{85}b\u{2028}c\u{2029}d".to_owned())
        ];
        let leaf = prop_oneof![text.clone().prop_map(Json::from), any::<i32>().prop_map(Json::from), any::<bool>().prop_map(Json::from)];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let key = "[a-zA-Z0-9./#: -]{1,6}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(key, inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in value()) {
            let object = json!({"kind": "Any", "spec": value});
            let (documents, problems) = parse(&Source::new("again", Origin::File, manifest(std::slice::from_ref(&object))), Limits::default());
            prop_assert!(problems.is_empty(), "{problems:?}");
            prop_assert_eq!(documents.first().and_then(Document::root).map(Node::to_json), Some(object));
        }
    }
}
