//! Cures that reach beyond the value that is wrong: entrances closed, references to nothing cut, objects that are missing.

use plimsoll_model::{Change, Node, Object, Violation};
use serde_json::{Value, json};

/// What has to go so that nothing leads to some backends any more.
pub(crate) enum Cut {
    /// Nothing would be left of the object.
    Object,
    /// Pointers to what goes.
    Parts(Vec<String>),
}

impl Cut {
    /// What has to go from an Ingress, a route of the Gateway API or a virtual service of Istio. `goes` is asked about
    /// each backend: a path of an Ingress, a `backendRef`, a destination. A rule of which every backend goes, goes as a
    /// whole, because an empty list of them is not valid.
    pub(crate) fn of(object: &Object<'_>, goes: impl Fn(Node<'_>) -> bool) -> Self {
        let (rules, inner): (&str, &[&str]) = match object.kind {
            "Ingress" => ("rules", &["http", "paths"]),
            "VirtualService" => ("http", &["route"]),
            _ => ("rules", &["backendRefs"]),
        };
        let mut parts = Vec::new();
        let (mut kept, mut all) = (false, true);
        for (i, rule) in object.node.at(&["spec", rules]).into_iter().flat_map(Node::items).enumerate() {
            let backends = rule.at(inner).into_iter().flat_map(Node::items);
            let marked: Vec<bool> = backends.map(&goes).collect();
            let below = inner.join("/");
            if marked.is_empty() || marked.contains(&false) {
                kept = true;
                let gone = marked.iter().enumerate().filter(|(_, goes)| **goes);
                parts.extend(gone.map(|(j, _)| format!("/spec/{rules}/{i}/{below}/{j}")));
            } else {
                parts.push(format!("/spec/{rules}/{i}"));
            }
        }
        if let Some(backend) = object.node.at(&["spec", "defaultBackend"]) {
            if goes(object.node.get("spec").unwrap_or(backend)) {
                parts.push("/spec/defaultBackend".to_owned());
            } else {
                all = false;
            }
        }
        let others = ["tcp", "tls"].into_iter().any(|key| object.kind == "VirtualService" && object.node.at(&["spec", key]).is_some());
        match (kept, all && !others) {
            (true, _) => Self::Parts(parts),
            (false, true) => Self::Object,
            // The list of rules must not be left empty either.
            (false, false) => Self::Parts(vec![format!("/spec/{rules}")]),
        }
    }

    /// Only what has to go for the backend at `pointer`.
    pub(crate) fn at(self, pointer: &str) -> Self {
        match self {
            Self::Object => Self::Object,
            Self::Parts(mut parts) => {
                parts.retain(|part| pointer.starts_with(part.as_str()));
                Self::Parts(parts)
            }
        }
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

/// The name of the Service that a backend of an Ingress, or a `backendRef`, names.
pub(crate) fn service_of<'a>(holder: Node<'a>) -> Option<&'a str> {
    let backend = holder.get("backend").or_else(|| holder.get("defaultBackend")).unwrap_or(holder);
    let name = backend.at(&["service", "name"]).or_else(|| backend.get("serviceName"));
    name.or_else(|| backend.get("name")).or_else(|| backend.at(&["destination", "host"])).map(Node::text)
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
    changes.extend(removals(fields.iter().map(|field| format!("/spec/{field}")).collect()));
    changes.extend(removals((0..ports).map(|at| format!("/spec/ports/{at}/nodePort")).collect()));
    changes
}

pub(crate) fn removals(pointers: Vec<String>) -> Vec<Change> {
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
    if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}
