//! `POD-naked`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-naked",
    title: "Pod without a controller",
    severity: Severity::Low,
    docs: "
## What it detects
A Pod that no controller owns.

## Why it matters
Nothing starts it again when its node goes away.

## How to fix
Make a Deployment, a StatefulSet, a DaemonSet or a Job of it. Static pods, which kubelets run from files, are left alone.
",
    references: &[kubescape("C-0073")],
    run: Run::Object(KINDS, look),
};

const KINDS: &[&str] = &["Pod"];

fn look(pod: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let owned = pod.node.at(&["metadata", "ownerReferences"]).is_some_and(|owners| owners.items().next().is_some());
    let is_static = pod.node.at(&["metadata", "annotations", "kubernetes.io/config.mirror"]).is_some();
    if !owned && !is_static {
        reporter.report(
            Violation::at("/metadata/name", format!("pod `{}` has no controller", pod.name)).advice("make a Deployment or a Job of it"),
        );
    }
}
