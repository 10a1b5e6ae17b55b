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

/// Where tools of the clouds keep credentials below a home directory.
const IN_HOMES: [&str; 3] = [".aws", ".azure", ".config/gcloud"];

/// Where nodes keep them.
const ON_NODES: [&str; 2] = ["/etc/kubernetes/azure.json", "/gcloud"];

/// Whether `path` is such a place, or below one.
fn holds_credentials(path: &str) -> bool {
    let within = |path: &str, place: &str| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // The home of root, of a user, or the root of the disk.
    let in_home = path.strip_prefix("/root").unwrap_or(path);
    let in_home =
        in_home.strip_prefix("/home/").and_then(|user| user.split_once('/')).map_or(in_home.trim_start_matches('/'), |(_, rest)| rest);
    ON_NODES.iter().any(|place| within(path, place)) || IN_HOMES.iter().any(|place| within(in_home, place))
}

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    for volume in &workload.pod.volumes {
        let node = workload.pod.at(&["volumes"]).and_then(|volumes| volumes.items().nth(volume.index));
        let path = node.and_then(|volume| volume.at(&["hostPath", "path"])).map_or("", Node::text);
        if holds_credentials(path) {
            let place = format!("/spec/volumes/{}/hostPath", volume.index);
            let violation = Violation::at(place, format!("volume `{}` mounts credentials of the node, `{path}`", volume.name));
            let cure = "bind an identity to the service account instead";
            let empty = format!("/spec/volumes/{}/emptyDir", volume.index);
            let violation = violation.cured_by(cure, None).cured_at(cure, empty, Some(serde_json::json!({})));
            reporter.report(violation.needs("whether its service account is bound to an identity of the cloud"));
        }
    }
}
