//! Whether anything is said about how a pod is confined.

use crate::check::reference::cis;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static OF_POD: Check = Check {
    id: "POD-security-context",
    title: "Pod says nothing about how it is confined",
    severity: Severity::Info,
    docs: "
## What it detects
A pod without a `securityContext`. What it has to say is asked for by checks of its own.

## Why it matters
Users, groups and profiles are those of the image and the node, and change with them.

## How to fix
Set `runAsNonRoot: true` and `seccompProfile: {type: RuntimeDefault}` for the pod.
",
    references: &[cis("5.7.3")],
    run: Run::Workload(|workload, reporter| {
        if workload.pod.at(&["securityContext"]).is_none_or(Node::is_null) {
            let violation = Violation::at("/spec/securityContext", "the pod has no `securityContext`");
            let context = serde_json::json!({"seccompProfile": {"type": "RuntimeDefault"}});
            reporter.report(violation.cured_by("use the runtime's seccomp profile", Some(context)).needs("which system calls it makes"));
        }
    }),
};

pub(super) static OF_CONTAINER: Check = Check {
    id: "POD-container-security-context",
    title: "Container says nothing about how it is confined",
    severity: Severity::Info,
    docs: "
## What it detects
A container without a `securityContext`. What it has to say is asked for by checks of its own.

## Why it matters
Capabilities, privilege escalation and the root file system can be limited for a container only; without it they are what the runtime gives.

## How to fix
Set `allowPrivilegeEscalation: false` and `capabilities: {drop: [ALL]}`.
",
    references: &[cis("5.7.3")],
    run: Run::Container(|workload, index, container, reporter| {
        if container.at(&["securityContext"]).is_none_or(Node::is_null) {
            let message = |name: &str| format!("{name} has no `securityContext`");
            let violation = Violation::of_container(&workload.pod, index, "/securityContext", message);
            let context = serde_json::json!({"allowPrivilegeEscalation": false});
            reporter.report(violation.cured_by("forbid privilege escalation", Some(context)).needs("whether it runs setuid programs"));
        }
    }),
};
