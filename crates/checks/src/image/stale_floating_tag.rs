//! `IMG-stale-floating-tag`

use super::each;
use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-stale-floating-tag",
    title: "Moving tag that is not pulled again",
    severity: Severity::Low,
    docs: "
## What it detects
An image with a tag that moves (none, `latest`, or one of the parameter `floating-tags`) and a pull policy other than `Always`.

## Why it matters
Each node runs what the tag meant when that node first pulled it. Old versions with known holes stay for as long as the node lives, and no manifest shows it.

## How to fix
Set `imagePullPolicy: Always`, or name a version or digest.
",
    references: &[kubescape("C-0075"), docs("image pull policy", "https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        let policy = image.effective_pull_policy();
        if policy == "Always" || !image.is_floating(reporter) {
            return;
        }
        let violation = image
            .pull_policy_violation(|owner| format!("{owner} keeps whatever `{}` once was: its pull policy is `{policy}`", image.written));
        reporter.report(
            violation
                .cured_by("pull at each start", Some("Always".into()))
                .needs("whether the image is in a registry that can be reached, and what the tag means now"),
        );
    });
}
