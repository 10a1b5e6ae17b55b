//! `IMG-pull-policy-not-always`

use super::{each, inspect};
use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-pull-policy-not-always",
    title: "Image taken from the node's cache",
    severity: Severity::Info,
    docs: "
## What it detects
An image without a digest that is not pulled at each start: `imagePullPolicy` is `IfNotPresent` or `Never`, or follows from a tag other than `latest`.

## Why it matters
The node runs what it has under that tag, which somebody may have replaced in the registry since or put there by other means. With an image that is already there, the registry is not asked whether the pod may use it, so pods without credentials can run the private images of others.

## How to fix
Set `imagePullPolicy: Always`: layers that the node has are not loaded again. Or pin the image by digest. In a cluster of several tenants, enable the admission plugin AlwaysPullImages.
",
    references: &[docs("image pull policy", "https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        let policy = image.effective_pull_policy();
        if policy == "Always" || image.reference.digest.is_some() {
            return;
        }
        let violation = image.pull_policy_violation(|owner| {
            format!("{owner} may start from a copy of `{}` on the node: its pull policy is `{policy}`", image.written)
        });
        reporter.report(
            violation
                .cured_by("pull at each start", Some("Always".into()))
                .needs("whether the registry can be reached whenever a pod starts")
                .asked_by(inspect(image.written)),
        );
    });
}
