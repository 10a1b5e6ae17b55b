//! Cures that reach beyond the value that is wrong: entrances closed, references to nothing cut, objects that are missing.

use plimsoll_model::{Change, Node, Object, Violation, shell_word};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What has to go so that nothing leads to some backends any more.
#[derive(Clone)]
pub(crate) enum Cut {
    /// Nothing would be left of the object.
    Object,
    /// Pointers to what goes.
    Parts(BTreeSet<String>),
}

impl Cut {
    /// What has to go from an Ingress, a route of the Gateway API or a virtual service of Istio so that the backends at
    /// `places` go. A rule of which every backend goes, goes as a whole: an empty list of them is not valid.
    pub(crate) fn of<'p>(object: &Object<'_>, places: impl Iterator<Item = &'p str>) -> Self {
        let (rules, inner) = match object.kind {
            "Ingress" => ("/spec/rules", "/http/paths"),
            "VirtualService" => ("/spec/http", "/route"),
            _ => ("/spec/rules", "/backendRefs"),
        };
        let mut parts = BTreeSet::new();
        let mut by_rule: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut by_default = false;
        for place in places {
            // `/spec/rules/0/http/paths/1/…`: up to the rule, up to the backend.
            let depth = |count: usize| place.match_indices('/').nth(count).map_or(place, |(at, _)| place.get(..at).unwrap_or(place));
            if place.starts_with("/spec/defaultBackend") {
                by_default = true;
                parts.insert("/spec/defaultBackend".to_owned());
            } else {
                by_rule.entry(depth(3)).or_default().insert(depth(4 + inner.matches('/').count()));
            }
        }
        let count = |pointer: &str| object.node.resolve(pointer).map_or(0, |list| list.items().count());
        let mut whole = 0;
        for (rule, backends) in &by_rule {
            if count(&format!("{rule}{inner}")) > backends.len() {
                parts.extend(backends.iter().map(|backend| (*backend).to_owned()));
            } else {
                parts.insert((*rule).to_owned());
                whole += 1;
            }
        }
        let says = |key| object.node.at(&["spec", key]).is_some();
        let other = (says("defaultBackend") && !by_default) || (object.kind == "VirtualService" && (says("tcp") || says("tls")));
        match (count(rules) > whole, other) {
            (true, _) => Self::Parts(parts),
            (false, false) => Self::Object,
            // The list of rules must not be left empty either.
            (false, true) => Self::Parts(BTreeSet::from([rules.to_owned()])),
        }
    }

    /// Only what has to go for the backend at `pointer`.
    pub(crate) fn at(&self, pointer: &str) -> Self {
        let Self::Parts(parts) = self else { return Self::Object };
        let ends = pointer.match_indices('/').skip(1).map(|(at, _)| at).chain([pointer.len()]);
        let above = ends.filter_map(|end| pointer.get(..end)).filter(|above| parts.contains(*above));
        Self::Parts(above.map(str::to_owned).collect())
    }

    /// As the cure of a violation in `object` itself.
    pub(crate) fn here(self, violation: Violation, what: &'static str, object: &Object<'_>) -> Violation {
        match self {
            Self::Object => violation.deleting(what, object),
            Self::Parts(parts) => parts.into_iter().fold(violation, |violation, part| violation.cured_at(what, part, None)),
        }
    }

    /// As the cure of a violation elsewhere.
    pub(crate) fn there(self, violation: Violation, what: &'static str, object: &Object<'_>) -> Violation {
        match self {
            Self::Object => violation.deleting(what, object),
            Self::Parts(parts) => violation.changing(what, object, &removals(parts)),
        }
    }
}

/// What makes a Service one of the cluster's inside, without the fields that only others may have (core/v1 `ServiceSpec`).
pub(crate) fn inward(service: &Object<'_>) -> Vec<Change> {
    let ports = service.node.at(&["spec", "ports"]).into_iter().flat_map(Node::items).count();
    let fields = [
        "allocateLoadBalancerNodePorts",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
    ];
    let mut changes = vec![Change { pointer: "/spec/type".to_owned(), value: Some("ClusterIP".into()) }];
    changes.extend(removals(fields.iter().map(|field| format!("/spec/{field}"))));
    changes.extend(removals((0..ports).map(|at| format!("/spec/ports/{at}/nodePort"))));
    changes
}

pub(crate) fn removals(pointers: impl IntoIterator<Item = String>) -> Vec<Change> {
    pointers.into_iter().map(|pointer| Change { pointer, value: None }).collect()
}

/// The name of the policy that denies everything in a namespace.
pub(crate) const DEFAULT_DENY: &str = "default-deny";

/// A policy that lets nothing into or out of the pods of a namespace (Kubernetes documentation, *Network Policies*).
pub(crate) fn default_deny(namespace: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(DEFAULT_DENY, namespace),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    })
}

/// A service account that gives no token to pods that do not ask for one.
pub(crate) fn service_account(name: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, namespace),
        "automountServiceAccountToken": false,
    })
}

/// What names no namespace is applied together with what names none either.
fn metadata(name: &str, namespace: &str) -> Value {
    if namespace.is_empty() { json!({"name": name}) } else { json!({"name": name, "namespace": namespace}) }
}

/// The option of kubectl that names a namespace; empty where there is none.
pub(crate) fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" -n {}", shell_word(namespace)) }
}

#[cfg(test)]
mod tests {
    use super::Cut;
    use plimsoll_model::{Limits, Origin, Source, parse};

    /// What goes from an object so that the backends at `places` do.
    fn cut(kind: &str, spec: &str, places: &[&str]) -> Vec<String> {
        let text = format!("apiVersion: x/v1\nkind: {kind}\nspec: {spec}\n");
        let (documents, problems) = parse(&Source::new("object", Origin::File, text), Limits::default());
        assert!(problems.is_empty(), "{problems:?}");
        match Cut::of(&documents[0].objects().0[0], places.iter().copied()) {
            Cut::Object => vec!["object".to_owned()],
            Cut::Parts(parts) => parts.into_iter().collect(),
        }
    }

    #[test]
    fn nothing_is_left_empty() {
        let ingress = "{rules: [{http: {paths: [{}, {}]}}, {http: {paths: [{}]}}]}";
        let path = |rule, path| format!("/spec/rules/{rule}/http/paths/{path}/backend");
        let (a, b, c) = (path(0, 0), path(0, 1), path(1, 0));
        assert_eq!(cut("Ingress", ingress, &[&a]), ["/spec/rules/0/http/paths/0"]);
        assert_eq!(cut("Ingress", ingress, &[&a, &b]), ["/spec/rules/0"]);
        assert_eq!(cut("Ingress", ingress, &[&b, &c]), ["/spec/rules/0/http/paths/1", "/spec/rules/1"]);
        assert_eq!(cut("Ingress", ingress, &[&a, &b, &c]), ["object"]);
        let with_default = "{defaultBackend: {}, rules: [{http: {paths: [{}]}}]}";
        assert_eq!(cut("Ingress", with_default, &[&a]), ["/spec/rules"]);
        assert_eq!(cut("Ingress", with_default, &["/spec/defaultBackend/service/name"]), ["/spec/defaultBackend"]);
        assert_eq!(cut("Ingress", with_default, &[&a, "/spec/defaultBackend"]), ["object"]);
    }

    #[test]
    fn routes_and_virtual_services() {
        let route = "{rules: [{backendRefs: [{}, {}]}, {filters: []}]}";
        assert_eq!(cut("HTTPRoute", route, &["/spec/rules/0/backendRefs/1/name"]), ["/spec/rules/0/backendRefs/1"]);
        assert_eq!(cut("HTTPRoute", route, &["/spec/rules/0/backendRefs/0", "/spec/rules/0/backendRefs/1"]), ["/spec/rules/0"]);
        let place = ["/spec/http/0/route/0/destination/host"];
        assert_eq!(cut("VirtualService", "{http: [{route: [{}]}]}", &place), ["object"]);
        assert_eq!(cut("VirtualService", "{http: [{route: [{}]}], tcp: []}", &place), ["/spec/http"]);
    }

    #[test]
    fn one_place_takes_its_own_part() {
        let cut = Cut::Parts(["/spec/rules/1", "/spec/rules/10", "/spec/rules/0/http/paths/2"].map(str::to_owned).into());
        let at = |pointer| match cut.at(pointer) {
            Cut::Object => vec!["object".to_owned()],
            Cut::Parts(parts) => parts.into_iter().collect(),
        };
        assert_eq!(at("/spec/rules/1/http/paths/0/backend"), ["/spec/rules/1"]);
        assert_eq!(at("/spec/rules/0/http/paths/2/backend"), ["/spec/rules/0/http/paths/2"]);
    }
}
