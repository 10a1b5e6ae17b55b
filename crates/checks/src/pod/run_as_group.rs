//! `POD-run-as-group`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-run-as-group",
    title: "Container may run with the group of root",
    severity: Severity::Low,
    docs: "
## What it detects
A container whose `runAsGroup`, its own or its pod's, is missing or 0.

## Why it matters
Without it the image decides, and most images say group 0. Files of that group, in images and on volumes, are often writable.

## How to fix
Set `runAsGroup` to a group other than 0, for the pod or the container.
",
    references: &[kubescape("C-0013"), kubescape("C-0211")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let group = |node: Option<Node<'_>>| node.and_then(|context| context.get("runAsGroup")).and_then(Node::as_int);
    let own = group(container.at(&["securityContext"]));
    let effective = own.or_else(|| group(workload.pod.at(&["securityContext"])));
    if workload.pod.is_windows() || effective.is_some_and(|group| group != 0) {
        return;
    }
    let violation = Violation::of_container(&workload.pod, index, "/securityContext/runAsGroup", |name| match effective {
        Some(_) => format!("{name} runs with group 0"),
        None => format!("{name} may run with group 0"),
    });
    reporter.report(
        violation.cured_by("set a group other than 0", Some(1000.into())).needs("which files of its group it uses").probed_by("id -g"),
    );
}
