//! The tables of Kubernetes' own tests of RBAC.

use super::{documents, list, text, user};
use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::cover::{compact, is_simple, uncovered};
use plimsoll_model::rbac::{Defaults, Rbac, Request, Rule, defaults, url_covers};
use plimsoll_model::{Document, Object};
use serde_json::{Map, Value as Json, json};
use std::path::Path;

/// All kinds of tables.
pub(crate) fn tables(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let name = text(&case, "name").to_owned();
        let outcome = match text(&case, "kind") {
            "covers" => covers(&case),
            "nonresource-url-covers" => Ok((case["covered"].clone(), json!(url_covers(text(&case, "owner"), text(&case, "servant"))))),
            "rule-matches" => rule_matches(&case),
            "authorizer" => authorizer(&case),
            "rules-for" => rules_for(&case),
            "applies-to" => applies_to(&case),
            "compact" => compacted(&case),
            "simple-rule" => simple(&case),
            "aggregation" => aggregation(&case),
            other => bail!("unknown kind of table `{other}`"),
        };
        match outcome {
            Ok((wanted, got)) => cases.case(|| name, &wanted.to_string(), &got.to_string()),
            Err(error) => cases.unreadable(name, format!("{error:#}")),
        }
    }
    Ok(cases)
}

/// The roles and bindings that an API server makes by itself.
pub(crate) fn default_objects(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let wanted = without_nulls(&case["object"]);
        let metadata = &wanted["metadata"];
        let (kind, namespace, name) = (text(&wanted, "kind"), text(metadata, "namespace"), text(metadata, "name"));
        let is_it = |object: &&Object<'_>| (object.kind, object.namespace, object.name) == (kind, namespace, name);
        let got = defaults().iter().find(is_it).map(|object| object.node.to_json()).unwrap_or_default();
        cases.case(|| format!("{} {kind} {namespace}/{name}", text(&case, "set")), &wanted.to_string(), &without_nulls(&got).to_string());
    }
    Ok(cases)
}

/// Lists without an order in order, and nothing that says nothing.
fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Rules in a role, so that they can be read.
fn role(rules: &Json) -> Vec<Document> {
    documents(std::iter::once(
        &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "made"}, "rules": rules}),
    ))
}

fn rules(documents: &[Document]) -> Vec<Rule<'_>> {
    documents.iter().flat_map(|document| document.objects().0).flat_map(|role| Rule::of_role(role, &mut Vec::new())).collect()
}

fn rbac(documents: &[Document]) -> Rbac<'_> {
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    Rbac::of(objects.into_iter(), Defaults::Leave)
}

fn as_json(rule: &Rule<'_>) -> Json {
    let fields = [
        ("verbs", &rule.verbs),
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.resource_names),
        ("nonResourceURLs", &rule.non_resource_urls),
    ];
    fields.into_iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| (key.to_owned(), json!(list))).collect::<Map<_, _>>().into()
}

fn sorted(list: impl Iterator<Item = Json>) -> Json {
    let mut list: Vec<Json> = list.collect();
    list.sort_by_key(Json::to_string);
    list.into()
}

fn covers(case: &Json) -> anyhow::Result<(Json, Json)> {
    let (owner, servant) = (role(&case["owner"]), role(&case["servant"]));
    let (owner, servant) = (rules(&owner), rules(&servant));
    let left = uncovered(&owner.iter().collect::<Vec<_>>(), &servant);
    let wanted = json!([case["covered"], sorted(list(case, "uncovered").cloned())]);
    Ok((wanted, json!([left.is_empty(), sorted(left.iter().map(as_json))])))
}

fn with_request<T>(request: &Json, then: impl FnOnce(&Request<'_>) -> T) -> T {
    let verb = text(request, "verb");
    if request["resourceRequest"] != true {
        return then(&Request::path(verb, text(request, "path")));
    }
    let resource = match text(request, "subresource") {
        "" => text(request, "resource").to_owned(),
        part => format!("{}/{part}", text(request, "resource")),
    };
    then(&Request::resource(verb, text(request, "apiGroup"), &resource, text(request, "namespace"), text(request, "name")))
}

fn rule_matches(case: &Json) -> anyhow::Result<(Json, Json)> {
    let role = role(&json!([case["rule"]]));
    let rules = rules(&role);
    let rule = rules.first().context("no rule")?;
    let wanted: Vec<&Json> = list(case, "requests").map(|one| &one["allowed"]).collect();
    let got: Vec<bool> = list(case, "requests").map(|one| with_request(&one["request"], |request| rule.allows(request))).collect();
    Ok((json!(wanted), json!(got)))
}

fn authorizer(case: &Json) -> anyhow::Result<(Json, Json)> {
    let documents = documents(list(case, "objects"));
    let authorizer = Authorizer::of(rbac(&documents));
    let ask = |one: &Json| with_request(one, |request| authorizer.authorize(&user(&one["user"], "name"), request).is_allowed());
    let answers = |key: &str| list(case, key).map(ask).collect::<Vec<_>>();
    let wanted = json!([vec![true; list(case, "allow").count()], vec![false; list(case, "deny").count()]]);
    Ok((wanted, json!([answers("allow"), answers("deny")])))
}

fn rules_for(case: &Json) -> anyhow::Result<(Json, Json)> {
    let documents = documents(list(case, "objects"));
    let authorizer = Authorizer::of(rbac(&documents));
    let rules = authorizer.rules_for(&user(&case["user"], "name"), text(case, "namespace"));
    Ok((sorted(list(case, "rules").cloned()), sorted(rules.iter().map(|(_, rule)| as_json(rule)))))
}

fn applies_to(case: &Json) -> anyhow::Result<(Json, Json)> {
    let namespace = text(case, "namespace");
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "made", "namespace": namespace}, "subjects": case["subjects"]});
    let documents = documents(std::iter::once(&binding));
    let rbac = rbac(&documents);
    let user = user(&case["user"], "name");
    let applies = rbac.bindings.first().and_then(|binding| binding.subjects.iter().find(|subject| subject.applies_to(&user)));
    Ok((json!([case["applies"], case["index"]]), json!([applies.is_some(), applies.map(|subject| subject.index)])))
}

fn compacted(case: &Json) -> anyhow::Result<(Json, Json)> {
    let role = role(&case["rules"]);
    let got = compact(rules(&role));
    Ok((sorted(list(case, "expected").cloned()), sorted(got.iter().map(as_json))))
}

fn simple(case: &Json) -> anyhow::Result<(Json, Json)> {
    let role = role(&json!([case["rule"]]));
    let rules = rules(&role);
    let rule = rules.first().context("no rule")?;
    let resource = is_simple(rule).map(|(group, resource, name)| {
        let mut shown = json!({"apiGroup": group, "resource": resource});
        if let Some(name) = name {
            shown["resourceName"] = json!(name);
        }
        shown
    });
    Ok((json!([case["simple"], case["resource"]]), json!([resource.is_some(), resource])))
}

fn aggregation(case: &Json) -> anyhow::Result<(Json, Json)> {
    let documents = documents(list(case, "objects"));
    let rbac = rbac(&documents);
    let role = rbac.role("ClusterRole", "", text(case, "sync")).context("no such role")?;
    let stored = Rule::of_role(role.object, &mut Vec::new());
    let is_changed = stored.len() != role.rules.len() || stored.iter().zip(&role.rules).any(|(old, new)| !old.is_same(new));
    let rules = is_changed.then(|| role.rules.iter().map(as_json).collect::<Vec<_>>());
    Ok((json!([case["change"], case["rules"]]), json!([is_changed, rules])))
}
