//! `POD-unconfined`

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::isolation::sandbox;
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-unconfined",
    title: "Container is confined by nothing beyond the defaults",
    severity: Severity::Medium,
    docs: "
## What it detects
A container outside of a sandbox for which neither it nor its pod sets a seccomp profile, an AppArmor profile or SELinux options.

## Why it matters
It runs with every system call that the kernel has and with the runtime's default rights.

## How to fix
Set `seccompProfile: {type: RuntimeDefault}` for the pod and drop all capabilities.
",
    references: &[kubescape("C-0055"), cis("5.7.3")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let (own, pod) = (&container.security, &workload.pod.security);
    // The container's word counts before its pod's.
    let profiles = [own.seccomp.or(pod.seccomp), own.app_armor.or(pod.app_armor)];
    let profiles = profiles.into_iter().any(|profile| profile.is_some_and(|kind| kind != "Unconfined"));
    let annotated = workload.pod.annotation(&format!("container.apparmor.security.beta.kubernetes.io/{}", container.name)).is_some();
    let labelled = own.se_linux.is_some() || pod.se_linux.is_some();
    if workload.pod.is_windows() || profiles || annotated || labelled || sandbox::of(workload, reporter).is_some() {
        return;
    }
    let violation = Violation::of_container(&workload.pod, index, "/securityContext/seccompProfile", |name| {
        format!("{name} is confined by nothing beyond the defaults")
    });
    let profile = serde_json::json!({"type": "RuntimeDefault"});
    reporter.report(violation.cured_by("use the runtime's seccomp profile", Some(profile)).needs("which system calls it makes"));
}
