//! `POD-cloud-credentials`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-cloud-credentials",
    title: "Credentials of the cloud are mounted from the node",
    severity: Severity::Medium,
    docs: "
## What it detects
A `hostPath` volume with the place where nodes of EKS, GKE or AKS, or their tools, keep credentials.

## Why it matters
The credentials are the node's or an administrator's, not the workload's. Whoever gets into the container has them.

## How to fix
Bind an identity to the service account instead: IAM roles for service accounts or Pod Identity, Workload Identity Federation, Azure Workload Identity.
",
    references: &[kubescape("C-0020"), mitre("T1552.001")],
    run: Run::Workload(look),
};

/// Directories and files, without a slash at the end.
const PLACES: [&str; 8] =
    ["/.aws", "/.azure", "/.config/gcloud", "/etc/kubernetes/azure.json", "/gcloud", "/root/.aws", "/root/.azure", "/root/.config/gcloud"];

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    for volume in &workload.pod.volumes {
        let node = workload.pod.at(&["volumes"]).and_then(|volumes| volumes.items().nth(volume.index));
        let path = node.and_then(|volume| volume.at(&["hostPath", "path"])).map_or("", Node::text);
        let within = |place: &str| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if PLACES.iter().any(|place| within(place)) {
            let place = format!("/spec/volumes/{}/hostPath", volume.index);
            let violation = Violation::at(place, format!("volume `{}` mounts credentials of the node, `{path}`", volume.name));
            reporter.report(violation.advice("bind an identity to the service account instead"));
        }
    }
}
