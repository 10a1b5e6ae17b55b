//! `REL-priority-class`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "REL-priority-class",
    title: "Workload has no priority",
    severity: Severity::Info,
    docs: "
## What it detects
A pod without `priorityClassName`.

## Why it matters
When nodes run out of room, it is a matter of chance which pods wait and which are evicted.

## How to fix
Make PriorityClasses for what has to run and for what can wait, and name one.
",
    references: &[docs("Priority", "https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/")],
    run: Run::Workload(|workload, reporter| {
        if workload.pod.at(&["priorityClassName"]).is_none_or(|name: Node<'_>| name.text().is_empty()) {
            reporter.report(Violation::at("/spec/priorityClassName", "the pod has no priority").advice("name a PriorityClass"));
        }
    }),
};
