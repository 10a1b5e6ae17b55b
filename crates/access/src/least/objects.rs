//! Roles and bindings as objects, and as the text that is applied.

use super::rules::Draft;
use plimsoll_model::rbac::{GROUP, Identity};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The roles that grant `rules`, and the bindings that give them to somebody; those of the whole cluster first.
pub(super) fn objects(name: &str, subject: Identity<'_>, rules: &BTreeMap<Option<String>, Vec<Draft>>) -> Vec<Json> {
    rules.iter().flat_map(|(place, rules)| [role(name, place.as_deref(), rules), binding(name, place.as_deref(), subject)]).collect()
}

pub(crate) fn role(name: &str, place: Option<&str>, rules: &[Draft]) -> Json {
    let rule = |rule: &Draft| Json::Object(rule.fields().map(|(key, list)| (key.to_owned(), json!(list))).collect());
    let rules: Vec<Json> = rules.iter().map(rule).collect();
    object(if place.is_some() { "Role" } else { "ClusterRole" }, name, place, [("rules", json!(rules))])
}

pub(crate) fn binding(name: &str, place: Option<&str>, subject: Identity<'_>) -> Json {
    let kind = if place.is_some() { "Role" } else { "ClusterRole" };
    let subject = match subject {
        Identity::ServiceAccount(namespace, name) => json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}),
        Identity::User(name) | Identity::Group(name) => json!({"kind": subject.kind(), "apiGroup": GROUP, "name": name}),
    };
    let role = json!({"apiGroup": GROUP, "kind": kind, "name": name});
    object(&format!("{kind}Binding"), name, place, [("roleRef", role), ("subjects", json!([subject]))])
}

fn object<const N: usize>(kind: &str, name: &str, place: Option<&str>, fields: [(&str, Json); N]) -> Json {
    let mut metadata = json!({"name": name});
    if let (Some(place), Some(metadata)) = (place, metadata.as_object_mut()) {
        metadata.insert("namespace".to_owned(), json!(place));
    }
    let head = [("apiVersion", json!(format!("{GROUP}/v1"))), ("kind", json!(kind)), ("metadata", metadata)];
    Json::Object(head.into_iter().chain(fields).map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A name for what a subject gets, another one for each. What cannot stand in a path of the API is written otherwise.
pub(super) fn name(subject: Identity<'_>) -> String {
    let name = match subject {
        Identity::ServiceAccount(namespace, name) => format!("least:sa:{namespace}:{name}"),
        Identity::User(name) => format!("least:user:{name}"),
        Identity::Group(name) => format!("least:group:{name}"),
    };
    name.replace('~', "~7E").replace('/', "~2F").replace('%', "~25")
}

/// Objects as YAML, a document each. Texts are quoted, so that none of them is read as something else.
pub fn yaml(objects: &[Json]) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        for (key, value) in object.as_object().into_iter().flatten() {
            entry(&mut text, "", key, value);
        }
    }
    text
}

/// An entry of a map, in lines that begin with `indent`. Writing to a string does not fail.
fn entry(text: &mut String, indent: &str, key: &str, value: &Json) {
    match value {
        Json::Object(map) => {
            let _ = writeln!(text, "{indent}{key}:");
            map.iter().for_each(|(key, value)| entry(text, &format!("{indent}  "), key, value));
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            let _ = writeln!(text, "{indent}{key}:");
            for map in items.iter().filter_map(Json::as_object) {
                for (at, (key, value)) in map.iter().enumerate() {
                    entry(text, &format!("{indent}{}", if at == 0 { "- " } else { "  " }), key, value);
                }
            }
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(Json::to_string).collect();
            let _ = writeln!(text, "{indent}{key}: [{}]", items.join(", "));
        }
        Json::String(word) if is_plain(word) => {
            let _ = writeln!(text, "{indent}{key}: {word}");
        }
        other => {
            let _ = writeln!(text, "{indent}{key}: {other}");
        }
    }
}

/// Whether a word is a string in YAML without quotes, whoever reads it: a kind or an API version.
fn is_plain(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase()) && word.chars().all(|one| one.is_ascii_alphabetic()) && word.len() > 3
        || word.starts_with(GROUP)
}
