//! References that lead nowhere.

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::cures::{Cut, in_namespace};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, escape, shell_word};

pub(super) static ALL: &[&Check] = &[&AUTOSCALER, &GATEWAY, &INGRESS, &MONITOR, &NETWORK_POLICY, &PEER, &SERVICE];

static AUTOSCALER: Check = Check {
    id: "REL-autoscaler-target",
    title: "Autoscaler scales nothing",
    severity: Severity::Medium,
    docs: "
## What it detects
A HorizontalPodAutoscaler whose target is not among what was read.

## Why it matters
The workload stays at the size it has, and nobody is told but the autoscaler's events.

## How to fix
Correct kind and name in `scaleTargetRef`, or remove the autoscaler.
",
    references: &[kubescape("C-0300")],
    run: Run::Object(&["autoscaling/HorizontalPodAutoscaler"], |scaler, reporter| {
        let text = |key| scaler.node.at(&["spec", "scaleTargetRef", key]).map_or("", Node::text);
        let (kind, name) = (text("kind"), text("name"));
        let known = matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController");
        if known && reporter.beside(kind, name).is_none() {
            let violation = Violation::at("/spec/scaleTargetRef", format!("{kind} `{name}` is not there"));
            let violation = violation.deleting("correct the reference, or remove the autoscaler", scaler);
            reporter.report(violation.needs("whether the workload is deployed from elsewhere").asked_by(get(scaler, kind, name)));
        }
    }),
};

static INGRESS: Check = Check {
    id: "REL-ingress-backend",
    title: "Ingress leads nowhere",
    severity: Severity::Medium,
    docs: "
## What it detects
An Ingress whose backend Service is not among what was read.

## Why it matters
Its visitors get an error. Whoever may create a Service of that name in the namespace gets them instead.

## How to fix
Correct the name, or remove the path.
",
    references: &[kubescape("C-0298")],
    run: Run::Object(&["networking.k8s.io/Ingress", "extensions/Ingress"], ingress),
};

fn ingress(ingress: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let mut missing = Vec::new();
    let mut look = |place: String, backend: Option<Node<'_>>| {
        let name = backend.and_then(|backend| backend.at(&["service", "name"]).or_else(|| backend.get("serviceName"))).map(Node::text);
        if let Some(name) = name.filter(|name| reporter.beside("Service", name).is_none()) {
            missing.push((place, name.to_owned()));
        }
    };
    look("/spec/defaultBackend".to_owned(), ingress.node.at(&["spec", "defaultBackend"]));
    for (i, rule) in ingress.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items).enumerate() {
        for (j, path) in rule.at(&["http", "paths"]).into_iter().flat_map(Node::items).enumerate() {
            look(format!("/spec/rules/{i}/http/paths/{j}/backend"), path.get("backend"));
        }
    }
    for (violation, name) in cut(ingress, missing, "correct the name, or remove the path", |name| format!("Service `{name}` is not there"))
    {
        reporter.report(violation.asked_by(get(ingress, "service", &name)));
    }
}

/// Violations at backends that lead nowhere, each cured by cutting it off.
fn cut(
    object: &Object<'_>,
    missing: Vec<(String, String)>,
    what: &'static str,
    message: impl Fn(&str) -> String,
) -> impl Iterator<Item = (Violation, String)> {
    let all = (!missing.is_empty()).then(|| Cut::of(object, missing.iter().map(|(place, _)| place.as_str())));
    missing.into_iter().map(move |(place, name)| {
        let violation = Violation::at(place.as_str(), message(&name)).needs("whether the Service is deployed from elsewhere");
        let violation = match &all {
            Some(all) => all.at(&place).here(violation, what, object),
            None => violation,
        };
        (violation, name)
    })
}

/// The command that asks the cluster for an object beside `object`.
fn get(object: &Object<'_>, kind: &str, name: &str) -> String {
    format!("kubectl get{} {} {}", in_namespace(object.namespace), shell_word(&kind.to_lowercase()), shell_word(name))
}

static GATEWAY: Check = Check {
    id: "REL-route-backend",
    title: "Route leads nowhere",
    severity: Severity::Medium,
    docs: "
## What it detects
A route of the Gateway API whose backend Service is not among what was read.

## Why it matters
Its visitors get an error. Whoever may create a Service of that name in the namespace gets them instead.

## How to fix
Correct name and namespace, or remove the backend.
",
    references: &[kubescape("C-0302")],
    run: Run::Object(
        &[
            "gateway.networking.k8s.io/HTTPRoute",
            "gateway.networking.k8s.io/GRPCRoute",
            "gateway.networking.k8s.io/TCPRoute",
            "gateway.networking.k8s.io/TLSRoute",
            "gateway.networking.k8s.io/UDPRoute",
        ],
        gateway,
    ),
};

fn gateway(route: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let mut missing = Vec::new();
    for (i, rule) in route.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items).enumerate() {
        for (j, backend) in rule.get("backendRefs").into_iter().flat_map(Node::items).enumerate() {
            let text = |key, default| backend.get(key).map_or(default, Node::text);
            let is_service = text("kind", "Service") == "Service" && matches!(text("group", ""), "" | "core");
            let (name, namespace) = (text("name", ""), text("namespace", route.effective_namespace()));
            if is_service && reporter.inventory.find("Service", namespace, name).is_none() {
                missing.push((format!("/spec/rules/{i}/backendRefs/{j}"), format!("{namespace}/{name}")));
            }
        }
    }
    for (violation, name) in
        cut(route, missing, "correct the reference, or remove the backend", |name| format!("Service `{name}` is not there"))
    {
        let (namespace, name) = name.split_once('/').unwrap_or_default();
        reporter.report(violation.asked_by(format!("kubectl get service{} {}", in_namespace(namespace), shell_word(name))));
    }
}

static NETWORK_POLICY: Check = Check {
    id: "REL-network-policy-target",
    title: "NetworkPolicy protects nothing",
    severity: Severity::Medium,
    docs: "
## What it detects
A NetworkPolicy with a `podSelector` that selects no workload among what was read.

## Why it matters
What it was meant for is open, and looks protected.

## How to fix
Correct the labels, or remove the policy.
",
    references: &[kubescape("C-0299")],
    run: Run::Object(&["networking.k8s.io/NetworkPolicy"], |policy, reporter| {
        let Some(selector) = policy.node.at(&["spec", "podSelector"]) else { return };
        if is_selective(selector) && reporter.inventory.selected(policy.effective_namespace(), selector).is_empty() {
            let violation = Violation::at("/spec/podSelector", format!("policy `{}` selects no workload", policy.name));
            let violation = violation.deleting("correct the labels, or remove the policy", policy);
            let command = format!("kubectl get pods{} --show-labels", in_namespace(policy.namespace));
            reporter.report(violation.needs("whether the workload is deployed from elsewhere").asked_by(command));
        }
    }),
};

static SERVICE: Check = Check {
    id: "REL-service-target",
    title: "Service leads nowhere",
    severity: Severity::Low,
    docs: "
## What it detects
A Service whose selector selects no workload among what was read.

## Why it matters
Its clients get no answer. Whoever may create a pod with those labels gets them instead.

## How to fix
Correct the labels, or remove the Service.
",
    references: &[kubescape("C-0293")],
    run: Run::Object(&["Service"], |service, reporter| {
        let Some(selector) = service.node.at(&["spec", "selector"]).filter(|selector| selector.entries().next().is_some()) else { return };
        let is_name = service.node.at(&["spec", "type"]).is_some_and(|kind| kind.text() == "ExternalName");
        if !is_name && reporter.inventory.labelled(service.effective_namespace(), selector).is_empty() {
            let violation = Violation::at("/spec/selector", format!("Service `{}` selects no workload", service.name));
            let violation = violation.deleting("correct the labels, or remove the Service", service);
            let label = format!("kubernetes.io/service-name={}", service.name);
            let command = format!("kubectl get endpointslices{} -l {}", in_namespace(service.namespace), shell_word(&label));
            reporter.report(violation.needs("whether pods from elsewhere answer for it").asked_by(command));
        }
    }),
};

static PEER: Check = Check {
    id: "REL-network-policy-peer",
    title: "NetworkPolicy lets in nobody",
    severity: Severity::Low,
    docs: "
## What it detects
A peer of a NetworkPolicy's rule with a `podSelector` that selects no workload of the policy's namespace among what was read. Peers in other namespaces are left alone.

## Why it matters
What was meant to get through does not. Whoever may create a pod with those labels gets through instead.

## How to fix
Correct the labels, or remove the peer.
",
    references: &[],
    run: Run::Object(&["networking.k8s.io/NetworkPolicy"], |policy, reporter| {
        for (direction, side) in [("ingress", "from"), ("egress", "to")] {
            for (i, rule) in policy.node.at(&["spec", direction]).into_iter().flat_map(Node::items).enumerate() {
                for (j, peer) in rule.get(side).into_iter().flat_map(Node::items).enumerate() {
                    let Some(selector) = peer.get("podSelector").filter(|_| peer.get("namespaceSelector").is_none()) else { continue };
                    if is_selective(selector) && reporter.inventory.selected(policy.effective_namespace(), selector).is_empty() {
                        let place = format!("/spec/{direction}/{i}/{side}/{j}/podSelector");
                        let violation = Violation::at(place, format!("a peer of policy `{}` selects no workload", policy.name));
                        reporter.report(violation.advice("correct the labels, or remove the peer"));
                    }
                }
            }
        }
    }),
};

static MONITOR: Check = Check {
    id: "REL-service-monitor-target",
    title: "ServiceMonitor watches nothing",
    severity: Severity::Low,
    docs: "
## What it detects
A ServiceMonitor of the Prometheus operator whose selector asks for a label that no Service has, in the namespaces that it names or in its own.

## Why it matters
What it was meant for is not watched, and nobody is told.

## How to fix
Correct the labels, or remove the monitor.
",
    references: &[],
    run: Run::Object(&["monitoring.coreos.com/ServiceMonitor"], |monitor, reporter| {
        let selector = monitor.node.at(&["spec", "namespaceSelector"]);
        if selector.and_then(|selector| selector.get("any")).and_then(Node::as_bool) == Some(true) {
            return;
        }
        let named = || selector.and_then(|selector| selector.get("matchNames")).into_iter().flat_map(Node::items).map(Node::text);
        let own = named().next().is_none().then(|| monitor.effective_namespace());
        for (label, value) in monitor.node.at(&["spec", "selector", "matchLabels"]).into_iter().flat_map(Node::entries) {
            let has = |namespace: &str| reporter.exposure.has_service_label(namespace, label.text(), value.text());
            if !named().chain(own).any(has) {
                let message = format!("no Service has the label `{}={}`", label.text(), value.text());
                let place = format!("/spec/selector/matchLabels/{}", escape(label.text()));
                reporter.report(Violation::at(place, message).advice("correct the labels, or remove the monitor"));
            }
        }
    }),
};

/// Whether a selector asks for anything.
fn is_selective(selector: Node<'_>) -> bool {
    let says = |key| selector.get(key).is_some_and(|part| part.entries().next().is_some() || part.items().next().is_some());
    says("matchLabels") || says("matchExpressions")
}
