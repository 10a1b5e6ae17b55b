//! Capabilities of a container, beyond what the standards ask.

use crate::check::{Check, Run};
use plimsoll_model::{Severity, Violation};

pub(super) static ADDED: Check = Check {
    id: "POD-capabilities-added",
    title: "Container adds capabilities",
    severity: Severity::Info,
    docs: "
## What it detects
Each container that adds capabilities, whichever they are. Those that the Pod Security Standards forbid are the subject of `PSS-capabilities_baseline` and `PSS-capabilities_restricted`.

## Why it matters
Each one is a part of what root may do. These are the containers to look at.

## How to fix
See that the program uses them. To bind a port below 1024, `net.ipv4.ip_unprivileged_port_start` does as well as `NET_BIND_SERVICE`.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| {
        let added = container.security.capabilities.as_ref().map(|capabilities| &capabilities.add).filter(|add| !add.is_empty());
        if let Some(added) = added {
            let message = |name: &str| format!("{name} adds {}", added.join(", "));
            let violation = Violation::of_container(&workload.pod, index, "/securityContext/capabilities/add", message);
            reporter.report(violation.cured_by("take them away", None).needs("which of them it uses"));
        }
    }),
};

pub(super) static KEPT: Check = Check {
    id: "POD-capabilities-kept",
    title: "Container keeps all capabilities that runtimes give",
    severity: Severity::Low,
    docs: "
## What it detects
A container that drops no capability.

## Why it matters
Runtimes give fourteen of them. With these, a container that runs as root changes owners, kills, forges packets and makes devices, where few programs need any.

## How to fix
Drop `ALL`, and add back what the program fails without.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| {
        let drops = container.security.capabilities.as_ref().is_some_and(|capabilities| !capabilities.drop.is_empty());
        if !drops && !workload.pod.is_windows() {
            let place = "/securityContext/capabilities/drop";
            let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} drops no capability"));
            reporter.report(violation.cured_by("drop all", Some(serde_json::json!(["ALL"]))).needs("which capabilities it uses"));
        }
    }),
};
