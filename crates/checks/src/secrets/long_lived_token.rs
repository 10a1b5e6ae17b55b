//! `SEC-long-lived-token`

use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "SEC-long-lived-token",
    title: "Token of a service account that never expires",
    severity: Severity::Medium,
    docs: "
## What it detects
A Secret of type `kubernetes.io/service-account-token`.

## Why it matters
The token in it is valid until the Secret or the service account is deleted. Who has copied it once, from a backup, a log or a pipeline, is that service account for as long.

## How to fix
Use tokens that expire and are bound to their pod: a projected volume with `serviceAccountToken`, or `kubectl create token` for what runs elsewhere. Then delete the Secret.
",
    references: &[
        mitre("T1528"),
        docs("ServiceAccount token Secrets", "https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets"),
    ],
    run: Run::Object(&["Secret"], look),
};

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.node.get("type").is_none_or(|kind| kind.text() != "kubernetes.io/service-account-token") {
        return;
    }
    let account = object.node.at(&["metadata", "annotations", "kubernetes.io/service-account.name"]).map_or("", Node::text);
    let violation = Violation::at("/type", format!("the Secret holds a token of service account `{account}` that never expires"));
    reporter.report(violation.advice("let its users ask for tokens that expire, then delete the Secret"));
}
