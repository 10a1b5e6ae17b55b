//! Network policies that are not there.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::{Severity, Violation};

pub(super) static ALL: &[&Check] = &[&NAMESPACE, &WORKLOAD];

static WORKLOAD: Check = Check {
    id: "NET-no-policy",
    title: "No network policy holds for the workload",
    severity: Severity::Medium,
    docs: "
## What it detects
A workload that no NetworkPolicy, CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy among what was read selects, or that is on the network of the node, where none holds.

## Why it matters
Every pod of the cluster reaches it, and it reaches every pod and the internet: whoever gets in goes on from there, and sends home what they find.

## How to fix
Deny everything in the namespace by a policy with an empty `podSelector`, and allow what the workload needs.
",
    references: &[kubescape("C-0030"), kubescape("C-0260"), mitre("T1046")],
    run: Run::Workload(|workload, reporter| {
        let (kind, name) = (workload.object.kind, workload.object.name);
        let message = if workload.pod.host_network {
            format!("no network policy can hold for {kind} `{name}`: its pods are on the network of the node")
        } else if reporter.exposure.is_covered(workload) {
            return;
        } else {
            format!("no network policy selects the pods of {kind} `{name}`")
        };
        reporter.report_object(Violation::at("/metadata/name", message).advice("deny by default, and allow what it needs"));
    }),
};

static NAMESPACE: Check = Check {
    id: "NET-namespace-without-policy",
    title: "Namespace has no network policy",
    severity: Severity::Medium,
    docs: "
## What it detects
A Namespace among what was read without a network policy in it.

## Why it matters
New workloads are open to the whole cluster, and the whole cluster to them.

## How to fix
Put a policy with an empty `podSelector` and both policy types into it, and allow from there.
",
    references: &[cis("5.3.2"), kubescape("C-0049"), kubescape("C-0054"), kubescape("C-0206"), mitre("T1046")],
    run: Run::Object(&["Namespace"], |namespace, reporter| {
        if !reporter.exposure.has_policy(namespace.name) {
            let message = format!("namespace `{}` has no network policy", namespace.name);
            reporter.report(Violation::at("/metadata/name", message).advice("deny by default, and allow what its workloads need"));
        }
    }),
};
