//! Which Pod Security level a namespace enforces.

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation, shell_word};

pub(super) static ALL: &[&Check] = &[&NONE, &BASELINE, &RESTRICTED];

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const POINTER: &str = "/metadata/labels/pod-security.kubernetes.io~1enforce";

static NONE: Check = Check {
    id: "CLU-pod-security-unset",
    title: "Nothing decides which pods the namespace takes",
    severity: Severity::Medium,
    docs: "
## What it detects
A Namespace without the label `pod-security.kubernetes.io/enforce`, in a cluster where no admission webhook for namespaced objects is among what was read.

## Why it matters
Any pod is admitted: privileged ones, ones on the host's network, ones that mount the node's disk.

## How to fix
`plimsoll psa plan` says which level each namespace meets today. Enforce that one, and warn about the next.
",
    references: &[cis("5.2.1"), kubescape("C-0192")],
    run: Run::Object(&["Namespace"], |namespace, reporter| {
        if !reporter.facts.policy_webhook && namespace.label(ENFORCE).is_none() {
            report(namespace, "baseline", "enforces no Pod Security level", reporter);
        }
    }),
};

static BASELINE: Check = Check {
    id: "CLU-pod-security-below-baseline",
    title: "Namespace takes pods that may take over the node",
    severity: Severity::Medium,
    docs: "
## What it detects
A Namespace that enforces neither the `baseline` nor the `restricted` Pod Security level.

## Why it matters
Privileged containers, host namespaces, `hostPath` volumes and dangerous capabilities are admitted: each is a known way to the node.

## How to fix
`plimsoll psa plan` says which workloads are in the way. Enforce `baseline` where none is; keep what needs more in a namespace of its own.
",
    references: &[
        cis("5.2.2"),
        cis("5.2.3"),
        cis("5.2.4"),
        cis("5.2.5"),
        cis("5.2.8"),
        cis("5.2.11"),
        cis("5.2.12"),
        cis("5.2.13"),
        kubescape("C-0193"),
        kubescape("C-0194"),
        kubescape("C-0195"),
        kubescape("C-0196"),
        kubescape("C-0199"),
        kubescape("C-0202"),
        kubescape("C-0203"),
        kubescape("C-0204"),
        kubescape("C-0275"),
        kubescape("C-0276"),
    ],
    run: Run::Object(&["Namespace"], |namespace, reporter| {
        if !matches!(namespace.label(ENFORCE), Some("baseline" | "restricted")) {
            report(namespace, "baseline", "does not enforce the baseline level", reporter);
        }
    }),
};

static RESTRICTED: Check = Check {
    id: "CLU-pod-security-below-restricted",
    title: "Namespace takes pods that are not hardened",
    severity: Severity::Low,
    docs: "
## What it detects
A Namespace that does not enforce the `restricted` Pod Security level.

## Why it matters
Pods that run as root, keep capabilities or gain privileges are admitted.

## How to fix
`plimsoll psa plan` says which workloads are in the way and what to change in them.
",
    references: &[
        cis("5.2.6"),
        cis("5.2.7"),
        cis("5.2.9"),
        cis("5.2.10"),
        kubescape("C-0197"),
        kubescape("C-0198"),
        kubescape("C-0200"),
        kubescape("C-0201"),
    ],
    run: Run::Object(&["Namespace"], |namespace, reporter| {
        if namespace.label(ENFORCE) != Some("restricted") {
            report(namespace, "restricted", "does not enforce the restricted level", reporter);
        }
    }),
};

fn report(namespace: &Object<'_>, level: &str, what: &str, reporter: &mut Reporter<'_, '_>) {
    let violation = Violation::at(POINTER, format!("namespace `{}` {what}", namespace.name));
    let violation = violation.cured_by(format!("enforce the {level} level"), Some(level.into()));
    // A dry run makes the API server say which pods it would warn of (Kubernetes documentation, *Enforce Pod Security Standards*).
    let name = shell_word(namespace.name);
    let command = format!("kubectl label --dry-run=server --overwrite namespace {name} pod-security.kubernetes.io/enforce={level}");
    reporter.report(violation.needs("which workloads it would refuse: `plimsoll psa plan` says it").asked_by(command));
}
