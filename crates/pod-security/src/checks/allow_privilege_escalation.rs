//! `allowPrivilegeEscalation`

use super::{since, windows_is_left_alone};
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, indices_where, names_where};
use plimsoll_model::Violation;
use plimsoll_model::{Container, Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "allowPrivilegeEscalation",
    level: Level::Restricted,
    versions: &[since(8), since(25)],
    title: "Privilege escalation is allowed",
    severity: Severity::Medium,
    docs: "
## What it detects
A container whose `securityContext.allowPrivilegeEscalation` is not `false`. Left out, it is true. From v1.25 on, pods with `spec.os.name: windows` are left alone.

## Why it matters
Set to false, the kernel's `no_new_privs` bit stops setuid and setgid programs and file capabilities from giving a process more than it started with. Without it, a flaw in any such program in the image is a way to root in the container.

## How to fix
Set `allowPrivilegeEscalation: false`. It breaks only programs that change user through setuid binaries (`sudo`, `su`, old `ping`). Kubernetes refuses it together with `privileged: true` and with `CAP_SYS_ADMIN`.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0016", url: "https://hub.armosec.io/docs/controls" },Reference { system: "KUBESCAPE", id: "C-0211", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.6", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1548.001", url: "https://attack.mitre.org/techniques/T1548/001/" },
    ],
    forbid,
    violations,
};

fn is_bad(container: &Container<'_>) -> bool {
    container.security.allow_privilege_escalation != Some(false)
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if windows_is_left_alone(pod, minor) {
        return None;
    }
    let names = names_where(pod, is_bad);
    let detail = || format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&names));
    (!names.is_empty()).then(|| Forbidden::new("allowPrivilegeEscalation != false", detail()))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if windows_is_left_alone(pod, minor) {
        return Vec::new();
    }
    indices_where(pod, is_bad).into_iter().filter_map(|index| Some(violation(pod, index, pod.containers.get(index)?))).collect()
}

fn violation(pod: &Pod<'_>, index: usize, container: &Container<'_>) -> Violation {
    let explicit = container.security.allow_privilege_escalation == Some(true);
    let message = |name: &str| {
        if explicit { format!("{name} allows privilege escalation") } else { format!("{name} does not forbid privilege escalation") }
    };
    let violation = Violation::of_container(pod, index, "/securityContext/allowPrivilegeEscalation", message)
        .cured_by("forbid privilege escalation", Some(false.into()));
    let place = format!("/spec{}/securityContext", container.pointer());
    // The API refuses `false` beside these two (kubernetes pkg/apis/core/validation, ValidateSecurityContext).
    if container.security.privileged == Some(true) {
        let violation =
            violation.cured_at("forbid privilege escalation and run it unprivileged", format!("{place}/privileged"), Some(false.into()));
        return violation.needs("whether it uses devices, mounts or kernel interfaces of the node").probed_by("ls -l /proc/1/fd");
    }
    let added = container.security.capabilities.as_ref().map_or(&[][..], |capabilities| &capabilities.add);
    if let Some(at) = added.iter().position(|name| *name == "CAP_SYS_ADMIN") {
        let violation =
            violation.cured_at("forbid privilege escalation and take CAP_SYS_ADMIN away", format!("{place}/capabilities/add/{at}"), None);
        return violation.needs("whether it uses CAP_SYS_ADMIN").probed_by("grep ^Cap /proc/1/status");
    }
    if explicit || added.contains(&"SYS_ADMIN") {
        return violation
            .needs("whether it starts setuid programs or programs with file capabilities")
            .probed_by("find / -xdev -perm -4000 -type f");
    }
    violation
}
