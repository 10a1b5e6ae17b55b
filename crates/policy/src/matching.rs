//! Which requests a policy is about (admissionregistration.k8s.io `MatchResources`).

use crate::request::Request;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// `matchConstraints` of a policy, `matchResources` of a binding.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MatchResources {
    resource_rules: Option<Vec<ResourceRule>>,
    exclude_resource_rules: Option<Vec<ResourceRule>>,
    object_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    match_policy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceRule {
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    operations: Vec<String>,
    resources: Vec<String>,
    resource_names: Vec<String>,
    scope: Option<String>,
}

/// A `LabelSelector` (apimachinery meta/v1).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Requirement>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Requirement {
    key: String,
    operator: String,
    values: Option<Vec<String>>,
}

impl MatchResources {
    /// Whether `request` is one of those; without any rule, all are.
    pub(crate) fn matches(&self, request: &Request<'_>) -> bool {
        let exact = self.match_policy.as_deref() == Some("Exact");
        let listed = |rules: &[ResourceRule]| rules.iter().any(|rule| rule.matches(request, exact));
        self.resource_rules.as_deref().is_none_or(listed)
            && !self.exclude_resource_rules.as_deref().is_some_and(listed)
            && self.object_selector.as_ref().is_none_or(|selector| selector.selects(Some(request.object)))
            && self.selects_namespace(request)
    }

    fn selects_namespace(&self, request: &Request<'_>) -> bool {
        let Some(selector) = self.namespace_selector.as_ref().filter(|selector| !selector.is_empty()) else { return true };
        match request.kind {
            "Namespace" => selector.selects(Some(request.object)),
            // What has no namespace is not held back by a selector for namespaces.
            _ if request.namespace.is_empty() => true,
            _ => selector.selects(request.namespace_object),
        }
    }

    /// Whether it names this resource, whatever the operation.
    pub(crate) fn names(&self, group: &str, resource: &str) -> bool {
        self.resource_rules.iter().flatten().any(|rule| listed(&rule.api_groups, group) && listed(&rule.resources, resource))
    }

    /// A list that a rule lacks and that the API server asks for; without it, the rule matches nothing.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        self.resource_rules.iter().chain(&self.exclude_resource_rules).flatten().find_map(|rule| {
            let lists = [
                ("apiGroups", &rule.api_groups),
                ("apiVersions", &rule.api_versions),
                ("operations", &rule.operations),
                ("resources", &rule.resources),
            ];
            lists.into_iter().find(|(_, list)| list.is_empty()).map(|(name, _)| name)
        })
    }

    /// The resources that it names.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        self.resource_rules.iter().flatten().flat_map(|rule| &rule.resources).map(String::as_str)
    }
}

/// Whether a resource of one group was served as that of another too.
fn same_resource(one: &str, other: &str, resource: &str) -> bool {
    let homes: &[&str] = match resource {
        "daemonsets" | "deployments" | "replicasets" => &["apps", "extensions"],
        "ingresses" | "networkpolicies" => &["networking.k8s.io", "extensions"],
        "events" => &["", "events.k8s.io"],
        _ => &[],
    };
    homes.contains(&one) && homes.contains(&other)
}

fn listed(list: &[String], word: &str) -> bool {
    list.iter().any(|one| one == "*" || one == word)
}

impl ResourceRule {
    /// Whether it names the request. Unless that has to be `exact`, other versions of a resource are the same resource, which
    /// the API server converts.
    fn matches(&self, request: &Request<'_>, exact: bool) -> bool {
        let moved = |group: &String| !exact && same_resource(group, request.group, &request.resource);
        let in_scope = match self.scope.as_deref() {
            Some("Cluster") => request.namespace.is_empty(),
            Some("Namespaced") => !request.namespace.is_empty(),
            _ => true,
        };
        in_scope
            && (listed(&self.api_groups, request.group) || self.api_groups.iter().any(moved))
            && (!exact || listed(&self.api_versions, request.version))
            && listed(&self.operations, request.operation)
            && self.resources.iter().any(|one| one == "*" || one == "*/*" || *one == request.resource)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == request.name))
    }
}

impl Selector {
    fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty) && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether the labels of `object` are selected; an object that is not known has none.
    pub(crate) fn selects(&self, object: Option<&Json>) -> bool {
        let label = |key: &str| object?.pointer("/metadata/labels")?.get(key)?.as_str();
        let exact = self.match_labels.iter().flatten().all(|(key, value)| label(key) == Some(value.as_str()));
        exact
            && self.match_expressions.iter().flatten().all(|one| {
                let value = label(&one.key);
                let listed = || value.is_some_and(|value| one.values.iter().flatten().any(|one| one == value));
                match one.operator.as_str() {
                    "In" => listed(),
                    "NotIn" => !listed(),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}
