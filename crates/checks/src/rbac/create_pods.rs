//! `RBAC-create-pods`

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::grants::{Grant, Power};
use crate::reporter::Reporter;
use plimsoll_model::Severity;

pub(super) static CHECK: Check = Check {
    id: "RBAC-create-pods",
    title: "Subject may create pods",
    severity: Severity::Medium,
    docs: "
## What it detects
A subject whose role allows `create` on pods.

## Why it matters
Whoever creates a pod chooses its service account, its volumes and its node: all Secrets and accounts of the namespace are theirs, and without an enforced Pod Security level the nodes too.

## How to fix
Leave the creation of pods to controllers and deployment pipelines. Enforce at least the `baseline` level where it cannot be taken away.
",
    references: &[cis("5.1.4"), kubescape("C-0188"), mitre("T1610")],
    run: Run::Grant(look),
};

const POWER: Power = Power { verbs: &["create"], groups: &[""], resources: &["pods"] };

fn look(grant: &Grant<'_>, reporter: &mut Reporter<'_, '_>) {
    if let Some(rule) = grant.gives(&POWER) {
        reporter.report_grant(grant, rule, "may create pods");
    }
}
