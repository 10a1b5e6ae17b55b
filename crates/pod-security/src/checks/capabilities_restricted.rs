//! `capabilities_restricted`

use super::windows_is_left_alone;
use crate::Level;
use crate::check::{Check, Forbidden, Versioned};
use crate::words::{containers, names_where, quoted, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Container, Pod, Reference, Severity};
use serde_json::json;

pub(super) static CHECK: Check = Check {
    id: "capabilities_restricted",
    level: Level::Restricted,
    versions: &[
        Versioned { min: 22, overrides: &["capabilities_baseline"] },
        Versioned { min: 25, overrides: &["capabilities_baseline"] },
    ],
    title: "Capabilities are not dropped",
    severity: Severity::Medium,
    docs: "
## What it detects
A container whose `securityContext.capabilities.drop` does not hold exactly `ALL`, and any name but `NET_BIND_SERVICE` in `capabilities.add`. From v1.25 on, pods with `spec.os.name: windows` are left alone.

## Why it matters
A container starts with fourteen capabilities that hardly any service uses. As root in the container they let a process forge packets, take over files of any user, and make device nodes. A process without root holds none of them, so dropping all of them costs nothing there and bounds what setuid programs can win.

## How to fix
Set `capabilities: {drop: [ALL]}` and add back the few that the program is seen to use; under the restricted level that is `NET_BIND_SERVICE` at most. Programs that start as root and change user need `SETUID`, `SETGID` and often `CHOWN`: run them as their final user instead.
",
    references: &[
        Reference { system: "CIS", id: "5.2.8", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "CIS", id: "5.2.9", url: "https://www.cisecurity.org/benchmark/kubernetes" },
    ],
    forbid,
    violations,
};

fn misses_drop(container: &Container<'_>) -> bool {
    container.security.capabilities.as_ref().is_none_or(|capabilities| !capabilities.drop.contains(&"ALL"))
}

fn bad<'c, 'a>(container: &'c Container<'a>) -> impl Iterator<Item = (usize, &'a str)> + use<'c, 'a> {
    let added = container.security.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().copied().enumerate());
    added.filter(|(_, name)| *name != "NET_BIND_SERVICE")
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if windows_is_left_alone(pod, minor) {
        return None;
    }
    let missing = names_where(pod, misses_drop);
    let adding = names_where(pod, |container| bad(container).next().is_some());
    if missing.is_empty() && adding.is_empty() {
        return None;
    }
    let mut details = Vec::new();
    if !missing.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&missing)));
    }
    if !adding.is_empty() {
        let added = sorted(pod.containers.iter().flat_map(bad).map(|(_, name)| name).collect());
        details.push(format!("{} must not include {} in securityContext.capabilities.add", containers(&adding), quoted(added)));
    }
    Some(Forbidden::new("unrestricted capabilities", details.join("; ")))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if windows_is_left_alone(pod, minor) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (index, container) in pod.containers.iter().enumerate() {
        if misses_drop(container) {
            violations.push(missing_drop(pod, index, container));
        }
        for (at, name) in bad(container) {
            let pointer = format!("/securityContext/capabilities/add/{at}");
            let violation = Violation::of_container(pod, index, &pointer, |container| format!("{container} adds capability `{name}`"));
            violations.push(
                violation
                    .cured_by("take the capability away", None)
                    .needs(format!("whether it uses {name}"))
                    .probed_by("grep ^Cap /proc/1/status"),
            );
        }
    }
    violations
}

fn missing_drop(pod: &Pod<'_>, index: usize, container: &Container<'_>) -> Violation {
    const FIELD: &str = "/securityContext/capabilities/drop";
    let violation = Violation::of_container(pod, index, FIELD, |container| format!("{container} does not drop all capabilities"));
    let dropped = container.security.capabilities.as_ref().is_some_and(|capabilities| !capabilities.drop.is_empty());
    let place = violation.pointer.clone();
    let violation = if dropped {
        violation.cured_at("drop all capabilities", format!("{place}/-"), Some("ALL".into()))
    } else {
        violation.cured_at("drop all capabilities", place, Some(json!(["ALL"])))
    };
    let user = container.security.run_as_user.or(pod.security.run_as_user);
    let non_root = container.security.run_as_non_root.or(pod.security.run_as_non_root);
    // The kernel gives a process without root no capability at exec, so there is nothing to lose.
    if non_root == Some(true) || user.is_some_and(|user| user != 0) {
        return violation;
    }
    violation.needs("which capabilities it uses: it may run as root").probed_by("grep ^Cap /proc/1/status")
}
