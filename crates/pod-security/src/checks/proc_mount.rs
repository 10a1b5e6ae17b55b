//! `procMount`

use super::{since, user_namespace_relaxes};
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, indices_where, names_where, quoted, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Container, Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "procMount",
    level: Level::Baseline,
    versions: &[since(0), since(35)],
    title: "Parts of /proc are unmasked",
    severity: Severity::High,
    docs: "
## What it detects
A container with `securityContext.procMount` other than `Default`. From v1.35 on, baseline allows it in pods with `hostUsers: false`; restricted does not (`procMount_restricted`).

## Why it matters
The runtime hides or write-protects parts of `/proc` that belong to the whole node: `/proc/kcore` reads the kernel's memory, `/proc/sysrq-trigger` reboots the node. `Unmasked` gives them to the container.

## How to fix
Remove the field. Nested containers, which are what it exists for, need it only together with `hostUsers: false`.
",
    references: &[Reference { system: "KEP", id: "4265", url: "https://github.com/kubernetes/enhancements/issues/4265" }],
    forbid,
    violations,
};

fn is_bad(container: &Container<'_>) -> bool {
    container.security.proc_mount.is_some_and(|kind| kind != "Default")
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if user_namespace_relaxes(pod, minor) { None } else { forbid_any(pod, minor) }
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if user_namespace_relaxes(pod, minor) { Vec::new() } else { violations_any(pod, minor) }
}

/// The verdict where a user namespace changes nothing.
pub(super) fn forbid_any(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, is_bad);
    if names.is_empty() {
        return None;
    }
    let kinds =
        sorted(pod.containers.iter().filter(|container| is_bad(container)).filter_map(|container| container.security.proc_mount).collect());
    Some(Forbidden::new("procMount", format!("{} must not set securityContext.procMount to {}", containers(&names), quoted(kinds))))
}

pub(super) fn violations_any(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let one = |index: usize| {
        let kind = pod.containers.get(index).and_then(|container| container.security.proc_mount).unwrap_or("");
        Violation::of_container(pod, index, "/securityContext/procMount", |container| format!("{container} sets procMount `{kind}`"))
            .cured_by("keep the runtime's masks on /proc", None)
            .needs("whether it starts containers of its own")
    };
    indices_where(pod, is_bad).into_iter().map(one).collect()
}
