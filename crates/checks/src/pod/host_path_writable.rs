//! `POD-host-path-writable`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-host-path-writable",
    title: "Directory of the node can be written to",
    severity: Severity::High,
    docs: "
## What it detects
A container that mounts a `hostPath` volume without `readOnly: true`.

## Why it matters
What is written there outlives the pod and is read by the node and by every other pod that mounts it: cron files, static pod manifests, binaries. That is a way from the container to the node.

## How to fix
Mount it read-only. A container that has to write needs a volume of its own: `emptyDir`, or a PersistentVolumeClaim.
",
    references: &[kubescape("C-0045"), mitre("T1611")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, mount) in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items).enumerate() {
        let name = mount.get("name").map_or("", Node::text);
        let from_host = workload.pod.volumes.iter().any(|volume| volume.name == name && volume.sources.contains(&"hostPath"));
        if !from_host || mount.get("readOnly").and_then(Node::as_bool) == Some(true) {
            continue;
        }
        let pointer = format!("/volumeMounts/{at}/readOnly");
        let message = |container: &str| format!("{container} may write to the node through volume `{name}`");
        let violation = Violation::of_container(&workload.pod, index, &pointer, message);
        reporter.report(
            violation
                .cured_by("mount it read-only", Some(true.into()))
                .needs("whether the program writes there")
                .probed_by("ls -l /proc/1/fd"),
        );
    }
}
