//! The suites of access: RBAC, escalation, least privilege.

mod apiserver;
mod kubernetes;
mod node;

pub(super) use apiserver::{access_reviews, escalation_checks};
pub(super) use kubernetes::{default_objects, tables};
pub(super) use node::requests as node_authorizer;

use plimsoll_model::rbac::User;
use plimsoll_model::{Document, Limits, Origin, Source, parse};
use serde_json::Value as Json;

/// JSON objects as documents.
fn documents<'j>(objects: impl Iterator<Item = &'j Json>) -> Vec<Document> {
    let text = |object: &Json| parse(&Source::new("case", Origin::Live, object.to_string()), Limits::default()).0;
    objects.flat_map(text).collect()
}

/// The list at a key; empty where there is none.
fn list<'j>(case: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> + Clone + use<'j> {
    case[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text<'j>(case: &'j Json, key: &str) -> &'j str {
    case[key].as_str().unwrap_or_default()
}

fn texts(case: &Json, key: &str) -> Vec<String> {
    list(case, key).filter_map(Json::as_str).map(str::to_owned).collect()
}

/// A user as a table gives it, with nothing implied.
fn user(case: &Json, name: &str) -> User {
    User::exactly(text(case, name), texts(case, "groups"))
}
