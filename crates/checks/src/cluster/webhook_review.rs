//! `CLU-webhook-review`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::{Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-webhook-review",
    title: "Admission webhook sees what is written",
    severity: Severity::Info,
    docs: "
## What it detects
Each mutating and validating webhook configuration. It is an inventory, not a fault.

## Why it matters
A webhook is sent every object that it asks for, Secrets included; a mutating one changes them. Whoever runs it is part of the control plane.

## How to fix
See that each is known, looked after, and asks for no more than it needs.
",
    references: &[kubescape("C-0036"), kubescape("C-0039"), mitre("T1546")],
    run: Run::Object(
        &["admissionregistration.k8s.io/MutatingWebhookConfiguration", "admissionregistration.k8s.io/ValidatingWebhookConfiguration"],
        |configuration, reporter| {
            let message = format!("{} `{}` sees what is written", configuration.kind, configuration.name);
            reporter.report(Violation::at("/metadata/name", message).advice("see that it is known and looked after"));
        },
    ),
};
