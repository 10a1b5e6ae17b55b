//! `SEC-last-applied`

use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, escape};
use serde_json::Value;

pub(super) static CHECK: Check = Check {
    id: "SEC-last-applied",
    title: "Secret copied into its own annotation",
    severity: Severity::Medium,
    docs: "
## What it detects
A Secret whose annotation `kubectl.kubernetes.io/last-applied-configuration` holds values, as `kubectl apply` on the client's side leaves it.

## Why it matters
Tools hide `data` of Secrets but print their annotations: dashboards, GitOps views, support bundles and logs show the values. After the Secret is changed by other means, the old values stay there.

## How to fix
Remove the annotation and apply Secrets with `kubectl apply --server-side`, which keeps no copy. Replace what has been shown.
",
    references: &[
        mitre("T1552"),
        docs("server-side apply", "https://kubernetes.io/docs/reference/using-api/server-side-apply/#migrate-to-using-server-side-apply"),
    ],
    run: Run::Object(&["Secret"], look),
};

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(annotation) = object.node.at(&["metadata", "annotations", ANNOTATION]).map(Node::text) else { return };
    let applied: Value = serde_json::from_str(annotation).unwrap_or_default();
    let has = |field: &str| applied.get(field).and_then(Value::as_object).is_some_and(|values| !values.is_empty());
    if !has("data") && !has("stringData") {
        return;
    }
    let violation =
        Violation::at(format!("/metadata/annotations/{}", escape(ANNOTATION)), "the annotation holds a copy of the values of the Secret");
    reporter.report(
        violation
            .cured_by("remove the annotation", None)
            .needs("that nobody applies the Secret by `kubectl apply` without `--server-side`")
            .concealed(),
    );
}
