//! Settings of one container that undo each other.

use super::{contexts, in_context};
use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::isolation::sandbox;
use crate::reporter::Reporter;
use plimsoll_model::{Container, Reference, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&CAPABILITY, &ESCALATION, &PRIVILEGED, &WEAKER];

const KERNEL: Reference =
    docs("Linux kernel security constraints", "https://kubernetes.io/docs/concepts/security/linux-kernel-security-constraints/");
const CONTEXT: Reference = docs("Security context", "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/");

/// Capabilities that the runtimes' default seccomp profiles open system calls for: `mount`, `bpf`, `init_module`,
/// `iopl`, `ptrace`, `open_by_handle_at`, … (moby/profiles and containers/common, August 2026).
const OPENING: &[&str] = &["ALL", "BPF", "DAC_READ_SEARCH", "PERFMON", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"];

static CAPABILITY: Check = Check {
    id: "ISO-capability-opens-profile",
    title: "Capability opens the default seccomp profile",
    severity: Severity::Low,
    docs: "
## What it detects
A container that adds a capability for which the runtime's default seccomp profile lets more system calls through (`SYS_ADMIN`, `BPF`, `SYS_PTRACE`, `SYS_MODULE`, …) and has no profile of its own, outside of a sandbox and of a user namespace.

## Why it matters
Runtimes make the default profile anew for each container: with `SYS_ADMIN` it lets `mount`, `bpf`, `unshare` and others through. The manifest looks confined, and the kernel is as open as it can be.

## How to fix
Drop the capability, give the pod a user namespace (`hostUsers: false`), or use a `Localhost` profile that was made for the workload.
",
    references: &[KERNEL],
    run: Run::Container(capability),
};

fn capability(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(capabilities) = &container.security.capabilities else { return };
    let pod = &workload.pod;
    if container.security.seccomp.or(pod.security.seccomp) == Some("Localhost")
        || container.security.privileged == Some(true)
        || pod.host_users == Some(false)
    {
        return;
    }
    for (at, added) in capabilities.add.iter().enumerate() {
        let name = added.strip_prefix("CAP_").unwrap_or(added);
        if OPENING.contains(&name) && sandbox::of(workload, reporter).is_none() {
            let place = format!("/securityContext/capabilities/add/{at}");
            let violation = Violation::of_container(pod, index, &place, |container| {
                format!("{container} adds `{name}`, for which the default seccomp profile lets more system calls through")
            });
            reporter.report(violation.advice("drop the capability, or use a profile that was made for the workload"));
        }
    }
}

static ESCALATION: Check = Check {
    id: "ISO-escalation-refused",
    title: "Container forbids and needs more privileges",
    severity: Severity::Medium,
    docs: "
## What it detects
A container with `allowPrivilegeEscalation: false` that is privileged or adds `CAP_SYS_ADMIN`.

## Why it matters
The API server refuses the pod. Whoever is in a hurry then removes the line that was right.

## How to fix
Remove `privileged` and the capability, or say honestly that the container may gain privileges.
",
    references: &[CONTEXT],
    run: Run::Container(|workload, index, container, reporter| {
        let security = &container.security;
        if security.allow_privilege_escalation != Some(false) {
            return;
        }
        // The API compares with this spelling only.
        let added = security.capabilities.as_ref().is_some_and(|capabilities| capabilities.add.contains(&"CAP_SYS_ADMIN"));
        let why = match security.privileged {
            Some(true) => "is privileged",
            _ if added => "adds `CAP_SYS_ADMIN`",
            _ => return,
        };
        let violation = Violation::of_container(&workload.pod, index, "/securityContext/allowPrivilegeEscalation", |name| {
            format!("{name} sets `allowPrivilegeEscalation: false` and {why}: the API server refuses the pod")
        });
        reporter.report(violation.advice("remove `privileged` and the capability"));
    }),
};

static PRIVILEGED: Check = Check {
    id: "ISO-privileged-unconfined",
    title: "Privileged container is not held by its profiles",
    severity: Severity::Medium,
    docs: "
## What it detects
A privileged container for which it or its pod names a seccomp or AppArmor profile that was made for it (`Localhost`), or SELinux options. `RuntimeDefault`, which the Pod Security Standards ask for, is left alone.

## Why it matters
Privileged containers run unconfined: runtimes apply no seccomp profile, ignore AppArmor profiles, and use an SELinux type without limits. The manifest says the opposite.

## How to fix
Remove `privileged` and add the capabilities that the container uses; then the profiles hold.
",
    references: &[KERNEL],
    run: Run::Container(|workload, index, container, reporter| {
        let (own, pod) = (&container.security, &workload.pod.security);
        if own.privileged != Some(true) {
            return;
        }
        let parts = [
            ("seccomp profile", own.seccomp.or(pod.seccomp) == Some("Localhost")),
            ("AppArmor profile", own.app_armor.or(pod.app_armor) == Some("Localhost")),
            ("SELinux label", own.se_linux.or(pod.se_linux).is_some_and(|options| options.kind != "spc_t")),
        ];
        let said: Vec<&str> = parts.into_iter().filter(|(_, said)| *said).map(|(part, _)| part).collect();
        if said.is_empty() || sandbox::of(workload, reporter).is_some() {
            return;
        }
        let violation = Violation::of_container(&workload.pod, index, "/securityContext/privileged", |name| {
            format!("{name} is privileged: its {} has no effect", said.join(" and "))
        });
        reporter.report(violation.cured_by("set `privileged: false`", Some(false.into())).needs("which capabilities it uses"));
    }),
};

static WEAKER: Check = Check {
    id: "ISO-profile-weaker",
    title: "Container takes off what its pod puts on",
    severity: Severity::Medium,
    docs: "
## What it detects
A container with the seccomp or AppArmor profile `Unconfined`, or the SELinux type `spc_t`, in a pod that sets a profile or type for all.

## Why it matters
Whoever reads the pod's security context believes that all containers are held. The one that is not shares volumes, network and often the process namespace with the others.

## How to fix
Remove the container's own setting, or give it a profile that fits.
",
    references: &[CONTEXT],
    run: Run::Workload(|workload, reporter| {
        let pod = &workload.pod.security;
        let confines = |profile: Option<&str>| profile.is_some_and(|kind| kind != "Unconfined");
        let (seccomp, app_armor) = (confines(pod.seccomp), confines(pod.app_armor));
        let label = pod.se_linux.is_some_and(|options| !options.kind.is_empty() && options.kind != "spc_t");
        if !(seccomp || app_armor || label) {
            return;
        }
        for (index, own) in contexts(&workload.pod).skip(1) {
            let parts = [
                ("seccompProfile", "seccomp profile", seccomp && own.seccomp == Some("Unconfined")),
                ("appArmorProfile", "AppArmor profile", app_armor && own.app_armor == Some("Unconfined")),
                ("seLinuxOptions", "SELinux type", label && own.se_linux.is_some_and(|options| options.kind == "spc_t")),
            ];
            for (field, what, _) in parts.into_iter().filter(|(_, _, weaker)| *weaker) {
                let violation = in_context(&workload.pod, index, field, |name| format!("{name} takes off the {what} of its pod"));
                reporter.report(violation.cured_by(format!("remove `{field}` of the container"), None).needs("why it was taken off"));
            }
        }
    }),
};
