//! `NET-load-balancer-tls`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "NET-load-balancer-tls",
    title: "Load balancer of AWS has no certificate",
    severity: Severity::Medium,
    docs: "
## What it detects
A Service of type `LoadBalancer` on port 443 without the annotation `service.beta.kubernetes.io/aws-load-balancer-ssl-cert`. It is about clusters on AWS; what ends TLS by itself needs none.

## Why it matters
Port 443 looks encrypted and is passed on as it comes.

## How to fix
Name the certificate in the annotation, or see that the workload ends TLS itself.
",
    references: &[kubescape("C-0231")],
    run: Run::Object(&["Service"], |service, reporter| {
        const ANNOTATION: &str = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert";
        let is_balancer = service.node.at(&["spec", "type"]).is_some_and(|kind| kind.text() == "LoadBalancer");
        let mut ports = service.node.at(&["spec", "ports"]).into_iter().flat_map(Node::items);
        let mut annotations = service.node.at(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
        if is_balancer
            && ports.any(|port| port.get("port").and_then(Node::as_int) == Some(443))
            && !annotations.any(|(key, _)| key.text().starts_with(ANNOTATION))
        {
            let violation = Violation::at("/metadata/annotations", format!("load balancer `{}` has no certificate", service.name));
            reporter.report(violation.advice("name a certificate, or see that the workload ends TLS itself"));
        }
    }),
};
