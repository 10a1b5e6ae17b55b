//! `CTL-scheduler-configuration-profiling`

use crate::check::reference::cis;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&PROFILING];

static PROFILING: Check = Check {
    id: "CTL-scheduler-configuration-profiling",
    title: "Scheduler's configuration serves profiles",
    severity: Severity::Low,
    docs: "
## What it detects
A KubeSchedulerConfiguration without `enableProfiling: false`; it is on by default, and the flag `--profiling` has no effect beside `--config`.

## Why it matters
Profiles show what the program holds and take processor time that anybody who reaches the port can ask for.

## How to fix
Set `enableProfiling: false`, and turn it on for as long as something is being looked for.
",
    references: &[cis("1.4.1")],
    run: Run::Object(&["kubescheduler.config.k8s.io/KubeSchedulerConfiguration"], |object, reporter| {
        if object.node.get("enableProfiling").and_then(Node::as_bool) != Some(false) {
            let violation = Violation::at("/enableProfiling", "`enableProfiling` is not `false`");
            let violation = violation.cured_by("set `enableProfiling: false`", Some(false.into()));
            reporter.report(violation.needs("whether something collects profiles"));
        }
    }),
};
