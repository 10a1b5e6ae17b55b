//! Roles and bindings as objects, and as the text that is applied.

use super::rules::Draft;
use plimsoll_model::rbac::{GROUP, Identity};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

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
