//! `POD-app-armor-unset`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::isolation::sandbox;
use plimsoll_model::{Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-app-armor-unset",
    title: "Container names no AppArmor profile",
    severity: Severity::Info,
    docs: "
## What it detects
A container outside of a sandbox without an AppArmor profile, in `securityContext.appArmorProfile` of it or its pod, or in the older annotation.

## Why it matters
Where the node has AppArmor, the runtime's profile holds anyway; where it has not, the pod starts unconfined and nobody is told. A pod that names a profile is refused there.

## How to fix
Set `appArmorProfile: {type: RuntimeDefault}` where all nodes have AppArmor. On nodes with SELinux, do not.
",
    references: &[docs("AppArmor", "https://kubernetes.io/docs/tutorials/security/apparmor/")],
    run: Run::Container(|workload, index, container, reporter| {
        let named = container.security.app_armor.or(workload.pod.security.app_armor).is_some();
        let se_linux = container.security.se_linux.is_some() || workload.pod.security.se_linux.is_some();
        let annotated = || {
            const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
            workload.pod.annotations.iter().any(|(key, _)| key.strip_prefix(PREFIX) == Some(container.name))
        };
        if named || se_linux || annotated() || workload.pod.is_windows() || sandbox::of(workload, reporter).is_some() {
            return;
        }
        let place = "/securityContext/appArmorProfile";
        let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} names no AppArmor profile"));
        let profile = serde_json::json!({"type": "RuntimeDefault"});
        reporter.report(violation.cured_by("use the runtime's profile", Some(profile)).needs("whether all nodes have AppArmor"));
    }),
};
