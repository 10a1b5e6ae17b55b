//! Users and groups that the node may have, too.

use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

/// The first number that systems do not give to people and services.
const FIRST: i64 = 10_000;

pub(super) static USER: Check = Check {
    id: "POD-low-uid",
    title: "Container's user may be one of the node",
    severity: Severity::Info,
    docs: "
## What it detects
A container whose `runAsUser`, its own or its pod's, is missing or less than 10000, in a pod without a user namespace of its own (`hostUsers: false`).

## Why it matters
Without a user namespace the numbers are the node's. Whoever gets out of the container, or writes to a directory of the node, is the user of that number there.

## How to fix
Set `runAsUser` to 10000 or more, or `hostUsers: false`.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| look(workload, index, container, "runAsUser", reporter)),
};

pub(super) static GROUP: Check = Check {
    id: "POD-low-gid",
    title: "Container's group may be one of the node",
    severity: Severity::Info,
    docs: "
## What it detects
A container whose `runAsGroup`, its own or its pod's, is missing or less than 10000, in a pod without a user namespace of its own (`hostUsers: false`).

## Why it matters
Without a user namespace the numbers are the node's. What a directory of the node lets the group of that number do, the container may do.

## How to fix
Set `runAsGroup` to 10000 or more, or `hostUsers: false`.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| look(workload, index, container, "runAsGroup", reporter)),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, field: &'static str, reporter: &mut Reporter<'_, '_>) {
    if workload.pod.is_windows() || workload.pod.host_users == Some(false) {
        return;
    }
    let path = ["securityContext", field];
    let id = container.at(&path).or_else(|| workload.pod.at(&path)).and_then(Node::as_int);
    if id.is_some_and(|id| id >= FIRST) {
        return;
    }
    let message = |name: &str| match id {
        Some(id) => format!("{name} has {id} for its `{field}`"),
        None => format!("{name} has no `{field}`"),
    };
    let violation = Violation::of_container(&workload.pod, index, &format!("/securityContext/{field}"), message);
    reporter.report(violation.cured_by("set one that the node does not have", Some((FIRST + 1).into())).needs("who owns its files"));
}
