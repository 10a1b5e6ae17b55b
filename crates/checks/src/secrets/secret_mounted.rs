//! `SEC-secret-mounted`

use super::mounted;
use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "SEC-secret-mounted",
    title: "Container reads a Secret",
    severity: Severity::Info,
    docs: "
## What it detects
A container that mounts a Secret, from a volume of its own or a projected one.

## Why it matters
This is how Secrets are meant to be read. It says what is lost with the container: whoever gets into it has the Secret and all that it opens.

## How to fix
Leave out the mount where the program does not need it, and mount single keys with `items` where it needs few. Harden these workloads first.
",
    references: &[kubescape("C-0255"), mitre("T1552")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, volume, name) in mounted(workload, container, ["secret", "secretName"], ["secret", "name"]) {
        let message = |container: &str| format!("{container} reads Secret `{name}` through volume `{volume}`");
        let mut violation = Violation::of_container(&workload.pod, index, &format!("/volumeMounts/{at}"), message);
        if let Some(secret) = reporter.beside("Secret", name) {
            violation = violation.with(&secret, "");
        }
        reporter
            .report(violation.cured_by("leave out the mount", None).needs("whether the program reads it").probed_by("ls -l /proc/1/fd"));
    }
}
