//! `SEC-config-map-mounted`

use super::mounted;
use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "SEC-config-map-mounted",
    title: "Container reads a ConfigMap",
    severity: Severity::Info,
    docs: "
## What it detects
A container that mounts a ConfigMap, from a volume of its own or a projected one.

## Why it matters
This is how configuration is meant to be read. It says what is shown to whoever gets into the container, and whose change reaches it: who may edit the ConfigMap decides what the program does.

## How to fix
Leave out the mount where the program does not need it. Keep credentials out of ConfigMaps, and mark those that do not change `immutable: true`.
",
    references: &[kubescape("C-0258"), mitre("T1552")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, volume, name) in mounted(workload, container, ["configMap", "name"], ["configMap", "name"]) {
        // Every pod is given the certificate of the cluster.
        if name == "kube-root-ca.crt" {
            continue;
        }
        let message = |container: &str| format!("{container} reads ConfigMap `{name}` through volume `{volume}`");
        let mut violation = Violation::of_container(&workload.pod, index, &format!("/volumeMounts/{at}"), message);
        if let Some(map) = reporter.beside("ConfigMap", name) {
            violation = violation.with(&map, "");
        }
        reporter
            .report(violation.cured_by("leave out the mount", None).needs("whether the program reads it").probed_by("ls -l /proc/1/fd"));
    }
}
