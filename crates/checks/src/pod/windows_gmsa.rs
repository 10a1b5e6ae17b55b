//! `POD-windows-gmsa`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-windows-gmsa",
    title: "No Windows identity is chosen",
    severity: Severity::Low,
    docs: "
## What it detects
A container of a Windows pod for which neither it nor its pod sets `windowsOptions.gmsaCredentialSpecName`.

## Why it matters
Programs that need an identity of the domain get one from credentials in files or variables instead.

## How to fix
Name a GMSACredentialSpec in `windowsOptions.gmsaCredentialSpecName`, for the pod or the container.
",
    references: &[kubescape("C-0211")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let windows =
        workload.pod.is_windows() || workload.pod.at(&["nodeSelector", "kubernetes.io/os"]).is_some_and(|os| os.text() == "windows");
    let path = ["securityContext", "windowsOptions", "gmsaCredentialSpecName"];
    if windows && container.at(&path).is_none() && workload.pod.at(&path).is_none() {
        let place = "/securityContext/windowsOptions/gmsaCredentialSpecName";
        let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} chooses no `gmsaCredentialSpecName`"));
        reporter.report(violation.advice("name the GMSACredentialSpec of its identity"));
    }
}
