//! The suites of access: RBAC, escalation, least privilege.

mod apiserver;
mod audit2rbac;
mod holding;
mod kubehound;
mod kubernetes;
mod kubescape_rules;
mod kubesplaining;
mod node;
mod openings;
mod primitives;
mod rbac_police;
mod recorded;

pub(super) use apiserver::{access_reviews, escalation_checks};
pub(super) use audit2rbac::{demo, process};
pub(super) use kubehound::kubehound;
pub(super) use kubernetes::{default_objects, tables};
pub(super) use kubescape_rules::kubescape_rules;
pub(super) use kubesplaining::kubesplaining;
pub(super) use node::requests as node_authorizer;
pub(super) use openings::openings;
pub(super) use primitives::primitives;
pub(super) use rbac_police::rbac_police;
pub(super) use recorded::recorded;

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
