//! `POD-host-aliases`

use crate::check::reference::mitre;
use crate::check::{Check, Run};
use plimsoll_model::{Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-host-aliases",
    title: "Pod brings names of its own",
    severity: Severity::Low,
    docs: "
## What it detects
A pod with `hostAliases`.

## Why it matters
The names come before DNS. Who changes the manifest sends the program's requests where they like, and policies that go by name do not see it.

## How to fix
Put the names into DNS, or use a Service of type `ExternalName`.
",
    references: &[mitre("T1565")],
    run: Run::Workload(|workload, reporter| {
        if workload.pod.at(&["hostAliases"]).is_some_and(|aliases| aliases.items().next().is_some()) {
            let violation = Violation::at("/spec/hostAliases", "the pod brings names of its own");
            reporter.report(violation.cured_by("let DNS answer", None).needs("whether DNS knows the names"));
        }
    }),
};
