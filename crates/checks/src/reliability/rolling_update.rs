//! `REL-rolling-update`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "REL-rolling-update",
    title: "Every update is an outage",
    severity: Severity::Low,
    docs: "
## What it detects
A Deployment whose strategy is `Recreate`.

## Why it matters
All pods end before the first new one starts.

## How to fix
Use `RollingUpdate`, unless two versions must not run side by side.
",
    references: &[kubescape("C-0305")],
    run: Run::Object(&["apps/Deployment", "extensions/Deployment"], |deployment, reporter| {
        let strategy = deployment.node.at(&["spec", "strategy", "type"]).map_or("RollingUpdate", Node::text);
        if strategy != "RollingUpdate" {
            let violation = Violation::at("/spec/strategy/type", format!("the strategy is `{strategy}`"));
            let violation = violation.cured_by("update one pod after the other", Some("RollingUpdate".into()));
            reporter.report(violation.needs("whether two versions may run side by side"));
        }
    }),
};
