//! `HOST-instance-metadata-api`

use super::data::Data;
use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-instance-metadata-api",
    title: "Metadata service of the cloud is reached from the node",
    severity: Severity::High,
    docs: "
## What it detects
A node from which a host sensor reached the cloud's metadata service.

## Why it matters
The service hands out the credentials of the node's cloud account to whoever asks from there, pods included, unless something stands between.

## How to fix
Ask for session tokens with a hop limit of one (AWS: IMDSv2), use the workload identity of the cloud, or block 169.254.169.254 for pods by a network policy.
",
    references: &[kubescape("C-0052"), mitre("T1552.001")],
    run: Run::Object(&["hostdata.kubescape.cloud/CloudProviderInfo", "hostdata.kubescape.cloud/cloudProviderInfo"], look),
}];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let access = Data::of(object).and_then(|data| data.at(&["providerMetaDataAPIAccess"]));
    match access.as_ref().map(|access| access.node.as_bool()) {
        Some(Some(false)) => {}
        Some(Some(true)) => {
            let pointer = access.map(|access| access.pointer).unwrap_or_default();
            let violation = Violation::at(pointer, format!("the cloud's metadata service answers on `{}`", object.name));
            reporter.report(violation.advice("block 169.254.169.254 for pods, or ask for session tokens with a hop limit of one"));
        }
        _ => reporter.unknown(format!("whether `{}` reaches the cloud's metadata service", object.name)),
    }
}
