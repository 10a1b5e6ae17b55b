//! `hostProbesAndHostLifecycle`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{names_where, plural, quoted, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "hostProbesAndHostLifecycle",
    level: Level::Baseline,
    versions: &[since(34)],
    title: "Probe or lifecycle handler names a host",
    severity: Severity::Medium,
    docs: "
## What it detects
A non-empty `host` in an `httpGet` or `tcpSocket` handler of a liveness, readiness or startup probe or of a `postStart` or `preStop` hook. Any host counts, `127.0.0.1` and `localhost` too. The check exists since v1.34.

## Why it matters
The kubelet makes the call from the node's network. With a host of the author's choosing, the pod's spec sends requests to the node's loopback, the metadata endpoint or another tenant (server-side request forgery), and the probe's result and timing tell what answered.

## How to fix
Remove `host`: the kubelet then calls the pod's own address. For virtual hosts set a `Host` header in `httpHeaders`.
",
    references: &[Reference {
        system: "KEP",
        id: "4940",
        url: "https://github.com/kubernetes/enhancements/issues/4940",
    }],
    forbid,
    violations,
};

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    // Unlike the other checks, upstream sorts the names and gives each once.
    let names = sorted(names_where(pod, |container| !container.probe_hosts.is_empty()));
    if names.is_empty() {
        return None;
    }
    let hosts = sorted(pod.containers.iter().flat_map(|container| &container.probe_hosts).map(|(_, host)| *host).collect());
    let detail = format!(
        "{} {} {} {} {}",
        plural(names.len(), "container", "containers"),
        quoted(names.iter().copied()),
        plural(names.len(), "uses", "use"),
        plural(hosts.len(), "probe or lifecycle host", "probe or lifecycle hosts"),
        quoted(hosts)
    );
    Some(Forbidden::new("probe or lifecycle host", detail))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, container) in pod.containers.iter().enumerate() {
        for (pointer, host) in &container.probe_hosts {
            let handler = pointer.split('/').nth(if pointer.starts_with("/lifecycle") { 2 } else { 1 }).unwrap_or("handler");
            let message = |container: &str| format!("{container} calls host `{host}` in its {handler}");
            let violation = Violation::of_container(pod, index, pointer, message).cured_by("call the pod's own address", None);
            violations.push(violation.needs(format!("whether the program answers on the pod's address and not only on `{host}`")));
        }
    }
    violations
}
