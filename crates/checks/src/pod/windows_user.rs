//! `POD-windows-user`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-windows-user",
    title: "No Windows user is chosen",
    severity: Severity::Low,
    docs: "
## What it detects
A container of a Windows pod for which neither it nor its pod sets `windowsOptions.runAsUserName`.

## Why it matters
The image decides, and most images say ContainerAdministrator.

## How to fix
Set `windowsOptions.runAsUserName` to `ContainerUser`, for the pod or the container.
",
    references: &[kubescape("C-0211")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let windows =
        workload.pod.is_windows() || workload.pod.at(&["nodeSelector", "kubernetes.io/os"]).is_some_and(|os| os.text() == "windows");
    let path = ["securityContext", "windowsOptions", "runAsUserName"];
    if windows && container.at(&path).is_none() && workload.pod.at(&path).is_none() {
        let place = "/securityContext/windowsOptions/runAsUserName";
        let violation = Violation::of_container(&workload.pod, index, place, |name| format!("{name} chooses no `runAsUserName`"));
        reporter.report(violation.cured_by("run as ContainerUser", Some("ContainerUser".into())).needs("what the program writes to"));
    }
}
