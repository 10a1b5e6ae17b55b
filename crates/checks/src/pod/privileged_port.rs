//! `POD-privileged-port`

use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-privileged-port",
    title: "Container listens on a port below 1024",
    severity: Severity::Info,
    docs: "
## What it detects
A `containerPort` below 1024.

## Why it matters
Programs start as root, or with `NET_BIND_SERVICE`, to bind such a port. The Service can have the low port, and the container a high one.

## How to fix
Let the program listen on a port from 1024 on and set the Service's `targetPort`. Current runtimes also let everybody bind low ports inside a pod (`net.ipv4.ip_unprivileged_port_start`).
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| {
        for (at, port) in container.at(&["ports"]).into_iter().flat_map(Node::items).enumerate() {
            if let Some(port) = port.get("containerPort").and_then(Node::as_int).filter(|port| (1..1024).contains(port)) {
                let place = format!("/ports/{at}/containerPort");
                let violation = Violation::of_container(&workload.pod, index, &place, |name| format!("{name} listens on port {port}"));
                reporter.report(violation.advice("listen on a port from 1024 on"));
            }
        }
    }),
};
