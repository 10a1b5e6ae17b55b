//! `POD-fs-group-change-policy`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-fs-group-change-policy",
    title: "Every start changes the owner of all files",
    severity: Severity::Info,
    docs: "
## What it detects
A pod that does not choose a `fsGroupChangePolicy`.

## Why it matters
By default the kubelet walks over every file of a volume at each start. On large volumes that takes minutes.

## How to fix
Set `OnRootMismatch`, which looks at the root of the volume only, or say `Always` if that is meant.
",
    references: &[kubescape("C-0211")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let policy = workload.pod.at(&["securityContext", "fsGroupChangePolicy"]).map_or("", Node::text);
    if !matches!(policy, "Always" | "OnRootMismatch") && !workload.pod.is_windows() {
        let violation = Violation::at("/spec/securityContext/fsGroupChangePolicy", "the pod chooses no `fsGroupChangePolicy`");
        reporter.report(
            violation.cured_by("say what is meant", Some("OnRootMismatch".into())).needs("whether something else writes to the volume"),
        );
    }
}
