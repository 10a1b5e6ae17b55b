//! `hostPorts`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, names_where, plural, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "hostPorts",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Port of the node is taken",
    severity: Severity::Medium,
    docs: "
## What it detects
A container port with a `hostPort` other than 0. On a Pod with `hostNetwork: true` the API server sets `hostPort` to the container port itself, so its ports count as well; a template does not show that.

## Why it matters
The port is open on the node's address, past Services and, with many network plugins, past NetworkPolicies. Two such pods cannot run on one node, and a pod may take a port that something on the node was meant to have.

## How to fix
Remove `hostPort` and reach the pod through a Service; use `type: NodePort` or `LoadBalancer` where it has to be reached from outside.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0044", url: "https://hub.armosec.io/docs/controls" },Reference { system: "CIS", id: "5.2.12", url: "https://www.cisecurity.org/benchmark/kubernetes" }],
    forbid,
    violations,
};

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, |container| !container.host_ports.is_empty());
    if names.is_empty() {
        return None;
    }
    // Upstream keeps the ports as strings, so 8080 comes before 90.
    let ports = sorted(pod.containers.iter().flat_map(|container| &container.host_ports).map(|port| port.port.to_string()).collect());
    let detail = format!(
        "{} {} {} {}",
        containers(&names),
        plural(names.len(), "uses", "use"),
        plural(ports.len(), "hostPort", "hostPorts"),
        ports.join(", ")
    );
    Some(Forbidden::new("hostPort", detail))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, container) in pod.containers.iter().enumerate() {
        for port in &container.host_ports {
            let message = |container: &str| format!("{container} takes port {} of the node", port.port);
            let needs = "who reaches it through the node's address";
            violations.push(if port.defaulted {
                let violation = Violation::of_container(pod, index, &format!("/ports/{}", port.index), message);
                violation
                    .cured_at("give the pod its own network", "/spec/hostNetwork", None)
                    .needs(needs)
                    .probed_by("cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp")
            } else {
                let violation = Violation::of_container(pod, index, &format!("/ports/{}/hostPort", port.index), message);
                let violation = violation.cured_by("do not take a port of the node", None);
                // On the host's network the port would come back: the API server sets it again.
                let violation = if pod.host_network && pod.pointer.is_empty() {
                    violation.cured_at("give the pod its own network and take no port of the node", "/spec/hostNetwork", None)
                } else {
                    violation
                };
                violation.needs(needs).probed_by("cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp")
            });
        }
    }
    violations
}
