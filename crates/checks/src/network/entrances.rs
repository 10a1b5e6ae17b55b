//! Workloads that are reached from outside, and by what.

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::cures::{Cut, inward, removals};
use crate::exposure::leads_out;
use crate::parameters::SENSITIVE_INTERFACES;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&BY_ROUTE, &BY_SERVICE, &SENSITIVE, &SSH, &UNAUTHENTICATED];

static BY_SERVICE: Check = Check {
    id: "NET-exposed",
    title: "Workload is reached from outside of the cluster",
    severity: Severity::Medium,
    docs: "
## What it detects
A workload whose pods a Service of type `NodePort` or `LoadBalancer` or an Ingress leads to.

## Why it matters
What is reached from outside is attacked from outside. These workloads have to be hardened first.

## How to fix
See that it is meant. Put what is not for everybody behind an internal load balancer, or limit it by `loadBalancerSourceRanges`.
",
    references: &[kubescape("C-0256"), mitre("T1190")],
    run: Run::Workload(|workload, reporter| {
        let services: Vec<_> = reporter.exposure.services(workload).to_vec();
        for service in services {
            if leads_out(&service) {
                let message = format!("Service `{}` leads to it from outside", service.name);
                reporter.report(closed(Violation::at("/metadata/labels", message).with(&service, "/spec/type"), &service));
                continue;
            }
            let ingress = reporter.exposure.entrances(&service).iter().find(|entrance| entrance.object.kind == "Ingress").cloned();
            if let Some(ingress) = ingress {
                let message = format!("Ingress `{}` leads to it from outside", ingress.object.name);
                let violation = Violation::at("/metadata/labels", message)
                    .with(&ingress.object, ingress.pointer.as_str())
                    .with(&service, "/spec/selector");
                reporter.report(cut_off(violation, &ingress.object, &service, reporter));
            }
        }
    }),
};

/// What has to be known before a way in is closed, and what shows the clients of today.
const CLIENTS: &str = "who comes in this way";
const CONNECTIONS: &str = "cat /proc/net/tcp /proc/net/tcp6";

/// Cured by making the Service one that only the cluster reaches.
fn closed(violation: Violation, service: &Object<'_>) -> Violation {
    violation
        .changing("see that it is meant, or make the Service a ClusterIP", service, &inward(service))
        .needs(CLIENTS)
        .probed_by(CONNECTIONS)
}

/// Cured by taking the Service out of `object`, which leads to it.
fn cut_off(violation: Violation, object: &Object<'_>, service: &Object<'_>, reporter: &Reporter<'_, '_>) -> Violation {
    let entrances = reporter.exposure.entrances(service).iter().filter(|entrance| entrance.object.node == object.node);
    let cut = Cut::of(object, entrances.map(|entrance| entrance.pointer.as_str()));
    let violation = cut.there(violation, "see that it is meant, or take the Service out of it", object);
    violation.needs(CLIENTS).probed_by(CONNECTIONS)
}

static BY_ROUTE: Check = Check {
    id: "NET-exposed-by-route",
    title: "Workload is reached through a gateway",
    severity: Severity::Medium,
    docs: "
## What it detects
A workload whose pods a route of the Gateway API, or a virtual service at a public gateway of Istio, leads to.

## Why it matters
What is reached from outside is attacked from outside. These workloads have to be hardened first.

## How to fix
See that it is meant, and that the gateway asks for authentication where it has to.
",
    references: &[kubescape("C-0266"), mitre("T1190")],
    run: Run::Workload(|workload, reporter| {
        let services: Vec<_> = reporter.exposure.services(workload).iter().filter(|service| !leads_out(service)).copied().collect();
        for service in services {
            let route = reporter.exposure.entrances(&service).iter().find(|entrance| entrance.object.kind != "Ingress").cloned();
            if let Some(route) = route {
                let message = format!("{} `{}` leads to it from outside", route.object.kind, route.object.name);
                let violation =
                    Violation::at("/metadata/labels", message).with(&route.object, route.pointer.as_str()).with(&service, "/spec/selector");
                reporter.report(cut_off(violation, &route.object, &service, reporter));
            }
        }
    }),
};

static SENSITIVE: Check = Check {
    id: "NET-sensitive-interface",
    title: "Interface that gives control is exposed",
    severity: Severity::High,
    docs: "
## What it detects
A workload with a name from the parameter `sensitive-interfaces` (dashboards, workflow engines, notebooks, model servers) that a Service of type `NodePort` or `LoadBalancer` leads to.

## Why it matters
Many of these run what they are told without asking who it is. Several were used to mine coins in other people's clusters.

## How to fix
Make the Service a `ClusterIP`, and go to the interface through `kubectl port-forward` or a proxy that authenticates.
",
    references: &[kubescape("C-0021"), mitre("T1133")],
    run: Run::Workload(|workload, reporter| {
        let name = workload.object.name;
        let Some(known) = reporter.parameters.get(&SENSITIVE_INTERFACES).find(|known| name.contains(known)).map(str::to_owned) else { return };
        let Some(service) = reporter.exposure.services(workload).iter().find(|service| leads_out(service)).copied() else { return };
        let violation = Violation::at("/metadata/labels", format!("`{name}` looks like {known} and Service `{}` leads to it from outside", service.name));
        let violation = violation.with(&service, "/spec/type").changing("make the Service a ClusterIP", &service, &inward(&service));
        reporter.report(violation.needs(CLIENTS).probed_by(CONNECTIONS));
    }),
};

static SSH: Check = Check {
    id: "NET-ssh",
    title: "Workload is reached by SSH",
    severity: Severity::Low,
    docs: "
## What it detects
A workload that a Service leads to on port 22 or 2222.

## Why it matters
A way in beside the API server: neither its authentication nor its audit log sees who comes.

## How to fix
Use `kubectl exec` and `kubectl debug`, and take the server out of the image.
",
    references: &[kubescape("C-0042"), mitre("T1133")],
    run: Run::Workload(|workload, reporter| {
        let is_ssh =
            |port: Node<'_>| ["port", "targetPort"].into_iter().any(|key| matches!(port.get(key).and_then(Node::as_int), Some(22 | 2222)));
        let services = reporter.exposure.services(workload).iter();
        let found = services.filter(|service| service.node.at(&["spec", "ports"]).into_iter().flat_map(Node::items).any(is_ssh));
        let Some(service) = found.copied().next() else { return };
        let violation = Violation::at("/metadata/labels", format!("Service `{}` leads to its SSH port", service.name));
        let violation = violation.with(&service, "/spec/ports");
        let ports: Vec<_> = service.node.at(&["spec", "ports"]).into_iter().flat_map(Node::items).map(is_ssh).collect();
        let violation = if ports.contains(&false) {
            let gone = ports.iter().enumerate().filter(|(_, is_ssh)| **is_ssh).map(|(at, _)| format!("/spec/ports/{at}"));
            violation.changing("take the port out of the Service, and the server out of the image", &service, &removals(gone))
        } else {
            violation.deleting("take the Service away, and the server out of the image", &service)
        };
        reporter.report(violation.needs("who logs in this way").probed_by(CONNECTIONS));
    }),
};

static UNAUTHENTICATED: Check = Check {
    id: "NET-unauthenticated",
    title: "Service answers without authentication",
    severity: Severity::High,
    docs: "
## What it detects
A workload behind a Service for which a scan (a `ServiceScanResult` object) has found a port that answers without authentication.

## Why it matters
Whoever gets into any pod of the cluster can use it.

## How to fix
Turn on authentication, and let a NetworkPolicy allow only its clients.
",
    references: &[kubescape("C-0274")],
    run: Run::Workload(|workload, reporter| {
        let found = reporter.exposure.services(workload).iter().find(|service| reporter.exposure.is_unauthenticated(service)).copied();
        if let Some(service) = found {
            let violation = Violation::at("/metadata/labels", format!("Service `{}` answers without authentication", service.name));
            reporter.report(violation.with(&service, "/spec/ports").advice("turn on authentication"));
        }
    }),
};
