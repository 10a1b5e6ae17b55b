//! Ports that are called by names that are not there.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Object, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&DUPLICATE, &NAME, &PROBE, &TARGET];

fn ports<'a>(container: &Container<'a>) -> impl Iterator<Item = Node<'a>> {
    container.at(&["ports"]).into_iter().flat_map(Node::items)
}

fn field<'a>(port: Node<'a>, name: &str, default: &'static str) -> &'a str {
    port.get(name).map_or(default, Node::text)
}

/// Whether a text is the name of a port: 15 characters of lower-case letters, digits and hyphens, with a letter, no
/// hyphen at an end or beside another (RFC 6335, 5.1; apimachinery `IsValidPortName`).
fn is_port_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=15).contains(&name.len())
        && name.bytes().all(allowed)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

static NAME: Check = Check {
    id: "REL-port-name",
    title: "Name of a port is none",
    severity: Severity::Medium,
    docs: "
## What it detects
A name of a container's port that has more than 15 characters, others than lower-case letters, digits and single hyphens within, or no letter.

## Why it matters
The API server refuses it.

## How to fix
Shorten or correct it, also where the Service and probes use it.
",
    references: &[docs("Services", "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports")],
    run: Run::Container(|workload, index, container, reporter| {
        for (at, port) in ports(container).enumerate() {
            if let Some(name) = port.get("name").map(Node::text).filter(|name| !name.is_empty() && !is_port_name(name)) {
                let message = |container: &str| format!("{container} calls a port `{name}`, which is no name of a port");
                let violation = Violation::of_container(&workload.pod, index, &format!("/ports/{at}/name"), message);
                reporter.report(violation.advice("use up to 15 lower-case letters, digits and hyphens"));
            }
        }
    }),
};

static DUPLICATE: Check = Check {
    id: "REL-duplicate-port",
    title: "Port is listed twice",
    severity: Severity::Low,
    docs: "
## What it detects
Two ports of one name, or of one number and protocol, in a container.

## Why it matters
Two of one name are refused. Of two with one number, tools that merge manifests keep either.

## How to fix
Remove one of them.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| {
        // Containers have few ports.
        for (at, port) in ports(container).enumerate().skip(1) {
            let is_same = |other: &Node<'_>| {
                let same_name = !field(port, "name", "").is_empty() && field(*other, "name", "") == field(port, "name", "");
                let same = |name, default| field(*other, name, default) == field(port, name, default);
                let same_number = same("containerPort", "") && same("protocol", "TCP");
                same_name || same_number
            };
            if ports(container).take(at).any(|other| is_same(&other)) {
                let message = |container: &str| format!("{container} lists port {} twice", field(port, "containerPort", ""));
                let violation = Violation::of_container(&workload.pod, index, &format!("/ports/{at}"), message);
                reporter.report(violation.cured_by("remove one of them", None).needs("which of the two names others use"));
            }
        }
    }),
};

static PROBE: Check = Check {
    id: "REL-probe-port",
    title: "Probe asks a port that the container does not list",
    severity: Severity::Low,
    docs: "
## What it detects
A probe of a port that is not among the container's `ports`, by name or by number. A number is only looked for where the container lists ports at all, and does not have to be there, so that it is for information.

## Why it matters
A probe of a name that is not there fails: the container is never ready, or restarted again and again. A number that is not there is often a slip.

## How to fix
Correct the port, or list it.
",
    references: &[docs("Probes", "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/")],
    run: Run::Container(probe),
};

fn probe(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for way in ["httpGet", "tcpSocket", "grpc"] {
            let Some(asked) = container.at(&[field, way, "port"]) else { continue };
            let number = asked.as_int();
            let key = if number.is_some() { "containerPort" } else { "name" };
            let is_listed = ports(container).any(|port| port.get(key).is_some_and(|port| port.text() == asked.text()));
            if is_listed || (number.is_some() && ports(container).next().is_none()) {
                continue;
            }
            let message = |container: &str| format!("the {field} of {container} asks port `{}`, which is not listed", asked.text());
            let violation = Violation::of_container(&workload.pod, index, &format!("/{field}/{way}/port"), message);
            let violation = violation.advice("correct the port, or list it");
            reporter.report(if number.is_some() { violation.severity(Severity::Info) } else { violation });
        }
    }
}

static TARGET: Check = Check {
    id: "REL-target-port",
    title: "Service leads to a port that is not there",
    severity: Severity::Low,
    docs: "
## What it detects
A Service whose `targetPort` is a name that is no name of a port, or that no container of the workloads that it selects has.

## Why it matters
Its clients get no answer on that port.

## How to fix
Correct the name, or name the container's port so.
",
    references: &[docs("Services", "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports")],
    run: Run::Object(&["Service"], target),
};

fn target(service: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let named = |port: Node<'_>| port.get("targetPort").is_some_and(|target| target.as_int().is_none() && !target.text().is_empty());
    let ports_of = || service.node.at(&["spec", "ports"]).into_iter().flat_map(Node::items).enumerate().filter(|(_, port)| named(*port));
    if ports_of().next().is_none() {
        return;
    }
    let selector = service.node.at(&["spec", "selector"]);
    let targets = selector.map(|selector| reporter.inventory.labelled(service.effective_namespace(), selector)).unwrap_or_default();
    for (at, port) in ports_of() {
        let name = port.get("targetPort").map_or("", Node::text);
        let mut containers = targets.iter().flat_map(|workload| &workload.pod.containers);
        let has = |container: &Container<'_>| ports(container).any(|port| port.get("name").is_some_and(|one| one.text() == name));
        let message = if !is_port_name(name) {
            format!("`{name}` is no name of a port")
        } else if !targets.is_empty() && !containers.any(has) {
            format!("no container behind Service `{}` has a port called `{name}`", service.name)
        } else {
            continue;
        };
        reporter.report(Violation::at(format!("/spec/ports/{at}/targetPort"), message).advice("correct the name, or name the port so"));
    }
}

#[cfg(test)]
mod tests {
    use super::is_port_name;

    #[test]
    fn names_of_ports() {
        for good in ["http", "grpc-web", "p80", "a23456789012345"] {
            assert!(is_port_name(good), "{good}");
        }
        for bad in ["", "HTTP", "a234567890123456", "-a", "a-", "a--b", "80", "a_b"] {
            assert!(!is_port_name(bad), "{bad}");
        }
    }
}
