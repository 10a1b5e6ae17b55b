//! `POD-writable-root-filesystem`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-writable-root-filesystem",
    title: "Root file system can be written to",
    severity: Severity::Low,
    docs: "
## What it detects
A container without `readOnlyRootFilesystem: true`.

## Why it matters
Whoever gets in can replace programs, drop tools and hide them until the container ends.

## How to fix
Set it, and mount an `emptyDir` where the program writes (`/tmp`, caches, run files).
",
    references: &[kubescape("C-0017"), kubescape("C-0211"), mitre("T1543.005")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    if workload.pod.is_windows() || container.at(&["securityContext", "readOnlyRootFilesystem"]).and_then(Node::as_bool) == Some(true) {
        return;
    }
    let violation = Violation::of_container(&workload.pod, index, "/securityContext/readOnlyRootFilesystem", |name| {
        format!("{name} may write to its root file system")
    });
    let violation = violation.cured_by("make it read-only", Some(true.into())).needs("where the program writes");
    reporter.report(violation.probed_by("find / -xdev -type f -newer /proc/1/cmdline"));
}
