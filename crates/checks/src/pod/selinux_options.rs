//! `POD-selinux-options`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::isolation::sandbox;
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-selinux-options",
    title: "No SELinux label is chosen",
    severity: Severity::Info,
    docs: "
## What it detects
A container outside of a sandbox for which neither it nor its pod sets `seLinuxOptions`.

## Why it matters
On nodes with SELinux the runtime chooses a label that keeps containers apart. A label of your own can hold a workload to less.

## How to fix
Leave it where the runtime's label does. Set `seLinuxOptions` where a policy was made for the workload (udica, Security Profiles Operator).
",
    references: &[kubescape("C-0211")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    // A sandbox takes no label: gVisor does not start with one.
    let labelled = container.security.se_linux.is_some() || workload.pod.security.se_linux.is_some();
    if !labelled && !workload.pod.is_windows() && sandbox::of(workload, reporter).is_none() {
        let place = "/securityContext/seLinuxOptions";
        let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} has no SELinux label of its own"));
        // What runtimes give where nothing is said (container-selinux): it changes nothing, and keeps it so.
        let usual = serde_json::json!({"type": "container_t"});
        let violation = violation.cured_by("set the label of a policy that was made for the workload, or the usual one", Some(usual));
        reporter.report(violation.needs("which label it runs with").probed_by("cat /proc/self/attr/current"));
    }
}
