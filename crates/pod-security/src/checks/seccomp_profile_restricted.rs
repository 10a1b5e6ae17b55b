//! `seccompProfile_restricted`

use super::seccomp_profile_baseline::{forbid_fields, violations_of_fields};
use super::windows_is_left_alone;
use crate::Level;
use crate::check::{Check, Forbidden, Versioned};
use crate::words::{containers, indices_where, names_where};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "seccompProfile_restricted",
    level: Level::Restricted,
    versions: &[
        Versioned { min: 19, overrides: &["seccompProfile_baseline"] },
        Versioned { min: 25, overrides: &["seccompProfile_baseline"] },
    ],
    title: "No seccomp profile",
    severity: Severity::Medium,
    docs: "
## What it detects
A container for which neither itself nor the pod sets `securityContext.seccompProfile.type` to `RuntimeDefault` or `Localhost`. What the kubelet's `--seccomp-default` would give does not count. The check exists since v1.19; from v1.25 on, pods with `spec.os.name: windows` are left alone.

## Why it matters
Without a profile, and unless the kubelet is told otherwise, a container may make every system call of the kernel. The runtime's profile keeps about sixty from it that services do not make and exploits of the kernel do.

## How to fix
Set `seccompProfile: {type: RuntimeDefault}` at the pod. Container runtimes outside of Kubernetes run everything under that profile, so programs that break are rare.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0210", url: "https://hub.armosec.io/docs/controls" },Reference { system: "KUBESCAPE", id: "C-0211", url: "https://hub.armosec.io/docs/controls" },Reference { system: "CIS", id: "5.6.2", url: "https://www.cisecurity.org/benchmark/kubernetes" }],
    forbid,
    violations,
};

const FIELD: &str = "/securityContext/seccompProfile/type";

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if windows_is_left_alone(pod, minor) {
        return None;
    }
    if let Some(explicit) = forbid_fields(pod) {
        return Some(explicit);
    }
    if pod.security.seccomp.is_some() {
        return None;
    }
    let names = names_where(pod, |container| container.security.seccomp.is_none());
    let detail =
        || format!("pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"", containers(&names));
    (!names.is_empty()).then(|| Forbidden::new("seccompProfile", detail()))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if windows_is_left_alone(pod, minor) {
        return Vec::new();
    }
    let mut violations = violations_of_fields(pod);
    // Good or bad (then it is cured above), the profile of the pod holds for every container that says nothing.
    if pod.security.seccomp.is_some() {
        return violations;
    }
    let all = pod.containers.iter().all(|container| container.security.seccomp.is_none());
    for index in indices_where(pod, |container| container.security.seccomp.is_none()) {
        let violation = Violation::of_container(pod, index, FIELD, |container| format!("{container} has no seccomp profile"));
        let place = if all { format!("/spec{FIELD}") } else { violation.pointer.clone() };
        // A privileged container runs without a profile whatever is set: nothing changes for it.
        violations.push(violation.cured_at("use the runtime's seccomp profile", place, Some("RuntimeDefault".into())));
    }
    violations
}
