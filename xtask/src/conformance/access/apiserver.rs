//! Decisions of a real API server.

use super::{documents, text, user};
use crate::conformance::{Cases, json_lines};
use anyhow::Context;
use plimsoll_access::{Authorizer, escalation};
use plimsoll_model::rbac::{Defaults, Rbac, Request};
use plimsoll_model::{Document, Object};
use serde_json::{Value as Json, json};
use std::path::Path;

/// The objects that the API server held.
fn held(path: &Path) -> anyhow::Result<Vec<Document>> {
    let path = path.with_file_name("rbac-objects.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let list: Json = serde_json::from_str(&text)?;
    Ok(documents(std::iter::once(&list)))
}

fn authorizer(held: &[Document], is_there: fn(&Object<'_>) -> bool) -> Authorizer<'_> {
    let objects: Vec<Object<'_>> = held.iter().flat_map(|document| document.objects().0).filter(is_there).collect();
    Authorizer::of(Rbac::of(objects.into_iter(), Defaults::Leave))
}

/// SubjectAccessReviews: the decision, and why.
///
/// Several bindings may allow a request, and the server's order of them is not defined: the reason has to be that of one of
/// them. Those of missing roles are compared as a set. The binding that lets everybody write RBAC objects was made after the
/// reviews, for the escalation checks (README): the reviews say of themselves that it was not there.
pub(crate) fn access_reviews(path: &Path) -> anyhow::Result<Cases> {
    let held = held(path)?;
    let authorizer = authorizer(&held, |object| object.name != "role-admins");
    let mut cases = Cases::default();
    for (number, line) in json_lines(path)?.into_iter().enumerate() {
        let case = line?;
        let (spec, of_resource, of_path) = (&case["spec"], &case["spec"]["resourceAttributes"], &case["spec"]["nonResourceAttributes"]);
        let subresource = text(of_resource, "subresource");
        let resource = match subresource {
            "" => text(of_resource, "resource").to_owned(),
            part => format!("{}/{part}", text(of_resource, "resource")),
        };
        let request = if of_path.is_null() {
            let (verb, group) = (text(of_resource, "verb"), text(of_resource, "group"));
            Request::resource(verb, group, &resource, text(of_resource, "namespace"), text(of_resource, "name"))
        } else {
            Request::path(text(of_path, "verb"), text(of_path, "path"))
        };
        let user = user(spec, "user");
        let decision = authorizer.authorize(&user, &request);
        let reasons: Vec<String> = if decision.is_allowed() {
            let grants = authorizer.grants_of(&user).into_iter();
            let allowing =
                grants.filter(|grant| grant.binding.reaches(&request) && grant.role.is_some_and(|role| role.allows(&request).is_some()));
            allowing.map(|grant| format!("RBAC: {}", grant.description())).collect()
        } else {
            vec![decision.reason()]
        };
        let sorted = |reason: &str| {
            let reason = reason.trim_start_matches("RBAC: [").trim_end_matches(']');
            let mut words: Vec<String> = reason.split(", ").map(str::to_owned).collect();
            words.sort();
            words
        };
        let wanted = text(&case, "reason");
        let got = reasons.iter().find(|reason| sorted(reason) == sorted(wanted)).map_or(reasons.first(), |_| None);
        let allowed = case["allowed"].as_bool().unwrap_or_default();
        let reason = got.map_or(wanted, |got| got.as_str());
        let is_same_without = authorizer.allows(&user, &request) == decision.is_allowed();
        let shown = |allowed: bool, reason: &str| json!({"allowed": allowed, "reason": reason, "both ways": true}).to_string();
        let ours = json!({"allowed": decision.is_allowed(), "reason": reason, "both ways": is_same_without}).to_string();
        cases.case(|| format!("review {}", number + 1), &shown(allowed, wanted), &ours);
    }
    Ok(cases)
}

/// Roles and bindings that somebody tried to create.
pub(crate) fn escalation_checks(path: &Path) -> anyhow::Result<Cases> {
    let held = held(path)?;
    let authorizer = authorizer(&held, |_| true);
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let object = documents(std::iter::once(&case["object"]));
        let object = object.iter().flat_map(|document| document.objects().0).next().context("no object")?;
        let (status, message) = match escalation::check(&authorizer, &user(&case, "user"), object) {
            Ok(()) => (201, String::new()),
            Err(refusal) => (403, refusal.message().to_owned()),
        };
        // The order in which missing roles are met is not defined.
        let sorted = |message: &str| {
            let (message, missing) = message.split_once("; resolution errors: [").unwrap_or((message, ""));
            let mut missing: Vec<&str> = missing.trim_matches(['[', ']']).split(", ").collect();
            missing.sort_unstable();
            format!("{message} {missing:?}")
        };
        let wanted = json!([case["status"], sorted(text(&case, "message"))]).to_string();
        cases.case(|| object.name.to_owned(), &wanted, &json!([status, sorted(&message)]).to_string());
    }
    Ok(cases)
}
