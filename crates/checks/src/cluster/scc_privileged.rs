//! `CLU-scc-privileged`

use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-scc-privileged",
    title: "SecurityContextConstraints allow privileged containers",
    severity: Severity::Medium,
    docs: "
## What it detects
A SecurityContextConstraints object of OpenShift with `allowPrivilegedContainer: true`, other than `privileged`, which every cluster has.

## Why it matters
Whoever may use it starts containers that are root on the node.

## How to fix
Allow the capabilities that the workload needs in `allowedCapabilities` instead.
",
    references: &[
        docs(
            "SecurityContextConstraints",
            "https://docs.redhat.com/en/documentation/openshift_container_platform/4.20/html/authentication_and_authorization/managing-pod-security-policies",
        ),
        mitre("T1611"),
    ],
    run: Run::Object(&["security.openshift.io/SecurityContextConstraints"], |constraints, reporter| {
        let allows = constraints.node.get("allowPrivilegedContainer").and_then(Node::as_bool) == Some(true);
        if allows && constraints.name != "privileged" {
            let violation = Violation::at("/allowPrivilegedContainer", format!("`{}` allows privileged containers", constraints.name));
            let violation = violation.cured_by("forbid them", Some(false.into()));
            reporter.report(violation.needs("which workloads are admitted by these constraints alone"));
        }
    }),
};
