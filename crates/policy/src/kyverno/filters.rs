//! What `match` and `exclude` of Kyverno's rules and exceptions say (<https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/>).

use crate::matching::Selector;
use crate::request::Request;
use plimsoll_model::config::glob;
use serde::Deserialize;
use serde_json::Value as Json;

/// `match` and `exclude`: any of the filters, or all of them; the old form is one filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filters {
    any: Vec<Filter>,
    all: Vec<Filter>,
    #[serde(flatten)]
    one: Filter,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    resources: Resources,
    subjects: Vec<Subject>,
    roles: Vec<String>,
    cluster_roles: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resources {
    kinds: Vec<String>,
    name: String,
    names: Vec<String>,
    namespaces: Vec<String>,
    operations: Vec<String>,
    annotations: std::collections::BTreeMap<String, String>,
    selector: Option<Selector>,
    namespace_selector: Option<Selector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    kind: String,
    name: String,
    namespace: String,
}

impl Filters {
    fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.any.iter().chain(&self.all).chain(Some(&self.one).filter(|one| !one.is_empty()))
    }

    pub(super) fn matches(&self, request: &Request<'_>, kind: (&str, &str, &str)) -> bool {
        let matches = |filter: &Filter| filter.matches(request, kind);
        let any = self.any.iter().any(matches);
        let all = !self.all.is_empty() && self.all.iter().all(matches);
        let one = !self.one.is_empty() && matches(&self.one);
        any || all || one
    }

    /// Whether it is about pods, all of them: only then does a rule hold for what makes pods.
    pub(super) fn is_for_all_pods(&self) -> bool {
        self.filters().all(|filter| filter.resources.kinds.iter().all(|kind| matches!(kind.as_str(), "Pod" | "v1/Pod")))
            && self.filters().any(|filter| !filter.resources.kinds.is_empty())
            && self.allows_generation()
    }

    pub(super) fn allows_generation(&self) -> bool {
        self.filters().all(|filter| {
            let resources = &filter.resources;
            resources.name.is_empty() && resources.names.is_empty() && resources.selector.is_none() && resources.annotations.is_empty()
        })
    }
}

impl Filter {
    fn is_empty(&self) -> bool {
        let resources = &self.resources;
        resources.kinds.is_empty()
            && resources.name.is_empty()
            && resources.names.is_empty()
            && resources.namespaces.is_empty()
            && resources.operations.is_empty()
            && resources.annotations.is_empty()
            && resources.selector.is_none()
            && resources.namespace_selector.is_none()
            && self.subjects.is_empty()
            && self.roles.is_empty()
            && self.cluster_roles.is_empty()
    }

    fn matches(&self, request: &Request<'_>, kind: (&str, &str, &str)) -> bool {
        let resources = &self.resources;
        let listed = |globs: &[String], word: &str| globs.is_empty() || globs.iter().any(|pattern| glob(pattern, word));
        let annotated = resources.annotations.iter().all(|(key, pattern)| {
            let value = request.object.pointer("/metadata/annotations").and_then(|all| all.get(key)?.as_str());
            value.is_some_and(|value| glob(pattern, value))
        });
        // Names of namespaces are looked at for a namespace itself too.
        let namespace = if request.kind == "Namespace" { request.name } else { request.namespace };
        (resources.kinds.is_empty() || resources.kinds.iter().any(|pattern| is_kind(pattern, kind)))
            && (resources.name.is_empty() || glob(&resources.name, request.name))
            && listed(&resources.names, request.name)
            && listed(&resources.namespaces, namespace)
            && (resources.operations.is_empty() || resources.operations.iter().any(|one| one == request.operation))
            && annotated
            && resources.selector.as_ref().is_none_or(|selector| selector.selects(Some(request.object)))
            && resources.namespace_selector.as_ref().is_none_or(|selector| selector.selects(request.namespace_object))
            && self.matches_user(request)
    }

    /// Whether the user is one of those named. Who holds which role is not known from manifests; a test may say it.
    fn matches_user(&self, request: &Request<'_>) -> bool {
        if self.subjects.is_empty() && self.roles.is_empty() && self.cluster_roles.is_empty() {
            return true;
        }
        let user = request.review.pointer("/userInfo/username").and_then(Json::as_str).unwrap_or("");
        let groups = request.review.pointer("/userInfo/groups").and_then(Json::as_array);
        let in_group = |name: &str| groups.is_some_and(|groups| groups.iter().any(|group| group.as_str() == Some(name)));
        let held = |key: &str| request.review.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let holds = |key: &str, wanted: &[String]| held(key).any(|role| wanted.iter().any(|pattern| glob(pattern, role)));
        if holds("roles", &self.roles) || holds("clusterRoles", &self.cluster_roles) {
            return true;
        }
        self.subjects.iter().any(|subject| match subject.kind.as_str() {
            "ServiceAccount" => user == format!("system:serviceaccount:{}:{}", subject.namespace, subject.name),
            "Group" => in_group(&subject.name),
            _ => !user.is_empty() && glob(&subject.name, user),
        })
    }
}

/// Whether `pattern` (`Kind`, `version/Kind`, `group/version/Kind`, with globs) names a kind. Subresources are not objects.
fn is_kind(pattern: &str, (group, version, kind): (&str, &str, &str)) -> bool {
    match pattern.split('/').collect::<Vec<_>>().as_slice() {
        [one] => glob(one, kind),
        [a, b] => glob(a, version) && glob(b, kind),
        [a, b, c] => glob(a, group) && glob(b, version) && glob(c, kind),
        _ => false,
    }
}
