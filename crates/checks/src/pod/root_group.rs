//! `POD-root-group`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-root-group",
    title: "Pod is in the group of root",
    severity: Severity::Medium,
    docs: "
## What it detects
The group 0 among `supplementalGroups`.

## Why it matters
Files that belong to root's group, on the node's disks and in volumes, are then the pod's to read and often to write.

## How to fix
Name the groups that own the files that it needs.
",
    references: &[kubescape("C-0211")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, group) in workload.pod.at(&["securityContext", "supplementalGroups"]).into_iter().flat_map(Node::items).enumerate() {
        if group.as_int() == Some(0) {
            let violation = Violation::at(format!("/spec/securityContext/supplementalGroups/{at}"), "the pod is in group 0");
            reporter.report(violation.cured_by("take the group away", None).needs("which files of group 0 it uses").probed_by("id -G"));
        }
    }
}
