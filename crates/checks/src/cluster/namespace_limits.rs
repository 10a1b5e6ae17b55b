//! What limits the use of a namespace.

use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&LIMIT_RANGE, &QUOTA];

static QUOTA: Check = Check {
    id: "CLU-namespace-without-quota",
    title: "Namespace may take the whole cluster",
    severity: Severity::Info,
    docs: "
## What it detects
A Namespace, other than those of the system, without a ResourceQuota among what was read.

## Why it matters
A slip in one number, or a stolen credential, takes what the nodes of all have.

## How to fix
Add a ResourceQuota for CPU, memory, storage and the number of pods.
",
    references: &[docs("ResourceQuota", "https://kubernetes.io/docs/concepts/policy/resource-quotas/"), mitre("T1496")],
    run: Run::Object(&["Namespace"], |namespace, reporter| look(namespace, "ResourceQuota", reporter)),
};

static LIMIT_RANGE: Check = Check {
    id: "CLU-namespace-without-limit-range",
    title: "Containers that say nothing have no limits",
    severity: Severity::Info,
    docs: "
## What it detects
A Namespace, other than those of the system, without a LimitRange among what was read.

## Why it matters
A container without requests and limits takes what its node has.

## How to fix
Add a LimitRange with `default` and `defaultRequest` for containers.
",
    references: &[docs("LimitRange", "https://kubernetes.io/docs/concepts/policy/limit-range/"), mitre("T1499")],
    run: Run::Object(&["Namespace"], |namespace, reporter| look(namespace, "LimitRange", reporter)),
};

fn look(namespace: &Object<'_>, kind: &'static str, reporter: &mut Reporter<'_, '_>) {
    if !namespace.name.starts_with("kube-") && !reporter.facts.has_any(kind, namespace.name) {
        let message = format!("namespace `{}` has no {kind}", namespace.name);
        reporter.report(Violation::at("/metadata/name", message).advice(format!("add a {kind}")));
    }
}
