//! `privileged`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, indices_where, names_where};
use plimsoll_model::Violation;
use plimsoll_model::{Container, Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "privileged",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Privileged container",
    severity: Severity::Critical,
    docs: "
## What it detects
A container, init container or ephemeral container with `securityContext.privileged: true`.

## Why it matters
A privileged container has every capability, every device of the node, and neither a seccomp nor an AppArmor profile. Whoever runs code in it runs code on the node: mounting the disk or loading a kernel module is one command.

## How to fix
Remove the field. Where the container needs one thing of the host, give it that thing: a single capability, a device plugin, a CSI driver.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0057", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.2", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

fn is_bad(container: &Container<'_>) -> bool {
    container.security.privileged == Some(true)
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, is_bad);
    (!names.is_empty())
        .then(|| Forbidden::new("privileged", format!("{} must not set securityContext.privileged=true", containers(&names))))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let one = |index| {
        Violation::of_container(pod, index, "/securityContext/privileged", |container| format!("{container} is privileged"))
            .cured_by("run it unprivileged", Some(false.into()))
            .needs("whether it uses devices, mounts or kernel interfaces of the node")
            .probed_by("ls -l /proc/1/fd")
    };
    indices_where(pod, is_bad).into_iter().map(one).collect()
}
