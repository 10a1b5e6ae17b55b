//! Services that reach further than they look.

use crate::check::reference::{cve, kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&EXTERNAL_IPS, &NODE_PORT, &OPEN_LOAD_BALANCER];

static EXTERNAL_IPS: Check = Check {
    id: "NET-external-ips",
    title: "Service takes addresses of its own choice",
    severity: Severity::High,
    docs: "
## What it detects
A Service with `spec.externalIPs`.

## Why it matters
What pods send to these addresses goes to the Service instead, whoever they belong to (CVE-2020-8554).

## How to fix
Use a load balancer, and enable the admission plugin `DenyServiceExternalIPs`.
",
    references: &[cve("CVE-2020-8554", "https://github.com/kubernetes/kubernetes/issues/97076"), kubescape("C-0283"), mitre("T1557")],
    run: Run::Object(&["Service"], |service, reporter| {
        let addresses: Vec<&str> = service.node.at(&["spec", "externalIPs"]).into_iter().flat_map(Node::items).map(Node::text).collect();
        if !addresses.is_empty() {
            let violation = Violation::at("/spec/externalIPs", format!("Service `{}` takes {}", service.name, addresses.join(", ")));
            reporter.report(violation.cured_by("let a load balancer give the address", None).needs("who sends to these addresses"));
        }
    }),
};

static OPEN_LOAD_BALANCER: Check = Check {
    id: "NET-load-balancer-open",
    title: "Load balancer lets everybody in",
    severity: Severity::Low,
    docs: "
## What it detects
A Service of type `LoadBalancer` without `loadBalancerSourceRanges`, or with `0.0.0.0/0` or `::/0` among them, that no annotation makes an internal one.

## Why it matters
The whole internet reaches it.

## How to fix
Name the networks of its clients, or make it internal. For a public site this is as it should be: accept it.
",
    references: &[mitre("T1190")],
    run: Run::Object(&["Service"], |service, reporter| {
        let is_balancer = service.node.at(&["spec", "type"]).is_some_and(|kind| kind.text() == "LoadBalancer");
        let annotations = service.node.at(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
        let mut annotations = annotations.map(|(key, value)| (key.text(), value.text()));
        let internal = annotations.any(|(key, value)| {
            let scheme = key.ends_with("load-balancer-scheme") && value == "internal";
            let kind = (key == "networking.gke.io/load-balancer-type" || key == "cloud.google.com/load-balancer-type") && value.eq_ignore_ascii_case("internal");
            scheme || kind || (key.ends_with("load-balancer-internal") && value != "false")
        });
        let ranges: Vec<&str> =
            service.node.at(&["spec", "loadBalancerSourceRanges"]).into_iter().flat_map(Node::items).map(Node::text).collect();
        if is_balancer && !internal && (ranges.is_empty() || ranges.iter().any(|range| matches!(*range, "0.0.0.0/0" | "::/0"))) {
            let violation = Violation::at("/spec/loadBalancerSourceRanges", format!("load balancer `{}` lets everybody in", service.name));
            // Of the networks that may be meant, those of one's own (RFC 1918) are the most cautious guess.
            let own = serde_json::json!(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]);
            let violation = violation.cured_by("name the networks of its clients", Some(own));
            reporter.report(violation.needs("from which networks its clients come"));
        }
    }),
};

static NODE_PORT: Check = Check {
    id: "NET-node-port",
    title: "Service is served on every node",
    severity: Severity::Info,
    docs: "
## What it detects
A Service of type `NodePort`.

## Why it matters
Whoever reaches a node reaches the workload, past ingresses, load balancers and their filters.

## How to fix
Use `ClusterIP` with an ingress or a gateway, unless a load balancer of your own needs the port.
",
    references: &[mitre("T1133")],
    run: Run::Object(&["Service"], |service, reporter| {
        if service.node.at(&["spec", "type"]).is_some_and(|kind| kind.text() == "NodePort") {
            let violation = Violation::at("/spec/type", format!("Service `{}` is served on every node", service.name));
            let violation = violation.cured_by("serve it inside of the cluster only", Some("ClusterIP".into()));
            reporter.report(violation.needs("who comes through the nodes"));
        }
    }),
};
