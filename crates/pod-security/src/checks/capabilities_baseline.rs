//! `capabilities_baseline`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, names_where, quoted, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Container, Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "capabilities_baseline",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Capability beyond the runtime's defaults",
    severity: Severity::High,
    docs: "
## What it detects
A name in `securityContext.capabilities.add` other than those that container runtimes give anyway: `AUDIT_WRITE`, `CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `FSETID`, `KILL`, `MKNOD`, `NET_BIND_SERVICE`, `SETFCAP`, `SETGID`, `SETPCAP`, `SETUID`, `SYS_CHROOT`. Names are compared as written: `chown` and `CAP_CHOWN` are not on the list.

## Why it matters
Capabilities are root's power in pieces, and most pieces beyond the default set reach the kernel or the node: `SYS_ADMIN` mounts, `SYS_PTRACE` reads other processes, `NET_ADMIN` rewrites the node's traffic rules in a shared network namespace, `SYS_MODULE` loads code into the kernel.

## How to fix
Remove the capability. Tools that need one for a moment (`tcpdump`, `perf`) belong into a debugging container in a namespace that allows it.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0046", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.9", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

/// The default set of container runtimes (Pod Security Standards, baseline, "Capabilities").
const DEFAULTS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Capabilities that are the node's kernel by themselves (capabilities(7)).
const KERNEL: [&str; 7] = ["ALL", "BPF", "DAC_READ_SEARCH", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"];

fn bad<'c, 'a>(container: &'c Container<'a>) -> impl Iterator<Item = (usize, &'a str)> + use<'c, 'a> {
    let added = container.security.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().copied().enumerate());
    added.filter(|(_, name)| !DEFAULTS.contains(name))
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, |container| bad(container).next().is_some());
    if names.is_empty() {
        return None;
    }
    let added = sorted(pod.containers.iter().flat_map(bad).map(|(_, name)| name).collect());
    let detail = format!("{} must not include {} in securityContext.capabilities.add", containers(&names), quoted(added));
    Some(Forbidden::new("non-default capabilities", detail))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, container) in pod.containers.iter().enumerate() {
        for (at, name) in bad(container) {
            let pointer = format!("/securityContext/capabilities/add/{at}");
            let violation = Violation::of_container(pod, index, &pointer, |container| format!("{container} adds capability `{name}`"));
            let violation = violation
                .cured_by("take the capability away", None)
                .needs(format!("whether it uses {name}"))
                .probed_by("grep ^Cap /proc/1/status");
            let kernel = KERNEL.contains(&name.trim_start_matches("CAP_"));
            violations.push(if kernel { violation.severity(Severity::Critical) } else { violation });
        }
    }
    violations
}
