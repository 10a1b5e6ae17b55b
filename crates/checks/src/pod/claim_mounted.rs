//! `POD-claim-mounted`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-claim-mounted",
    title: "Persistent data is mounted",
    severity: Severity::Info,
    docs: "
## What it detects
A container that mounts a PersistentVolumeClaim which is among what was read. It is an inventory, not a fault.

## Why it matters
Whoever gets into the container has the data, and what is written there is still there afterwards.

## How to fix
See that the workload needs it, and mount it read-only where it only reads.
",
    references: &[kubescape("C-0257")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, mount) in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items).enumerate() {
        let name = mount.get("name").map_or("", Node::text);
        let volume = workload.pod.volumes.iter().find(|volume| volume.name == name);
        let node = volume.and_then(|volume| workload.pod.at(&["volumes"])?.items().nth(volume.index));
        let claim = node.and_then(|node| node.at(&["persistentVolumeClaim", "claimName"])).map_or("", Node::text);
        let Some(claim) = reporter.beside("PersistentVolumeClaim", claim).filter(|_| !claim.is_empty()) else { continue };
        let message = |container: &str| format!("{container} mounts the data of claim `{}`", claim.name);
        let violation = Violation::of_container(&workload.pod, index, &format!("/volumeMounts/{at}"), message);
        reporter.report(violation.with(&claim, "/metadata/name").advice("see that it needs the data"));
    }
}
