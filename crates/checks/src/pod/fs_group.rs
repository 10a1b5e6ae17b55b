//! `POD-fs-group`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-fs-group",
    title: "Files on volumes have no group of their own",
    severity: Severity::Info,
    docs: "
## What it detects
A pod without `fsGroup`.

## Why it matters
Volumes that support it are given that group. Without it they belong to root, and programs that run as another user cannot write, which is where people start to run them as root.

## How to fix
Set `fsGroup` to the group that the program runs with.
",
    references: &[kubescape("C-0211")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let set = workload.pod.at(&["securityContext", "fsGroup"]).and_then(Node::as_int).is_some_and(|group| group >= 0);
    if !set && !workload.pod.is_windows() {
        let violation = Violation::at("/spec/securityContext/fsGroup", "the pod sets no `fsGroup`");
        reporter.report(
            violation
                .cured_by("set the group that the program runs with", Some(1000.into()))
                .needs("which group owns its files")
                .probed_by("id -G"),
        );
    }
}
