//! Network policies that are not there.

use crate::check::reference::{cis, kubescape, mitre};
use crate::check::{Check, Run};
use crate::cures::{DEFAULT_DENY, default_deny, in_namespace};
use crate::exposure::Direction;
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&EGRESS, &INGRESS, &NAMESPACE, &NO_SELECTOR, &WORKLOAD];

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
        if workload.pod.host_network {
            let message = format!("no network policy can hold for {kind} `{name}`: its pods are on the network of the node");
            let place = format!("{}/spec/hostNetwork", workload.pod.pointer);
            let violation = Violation::at("/metadata/name", message).cured_at("give it a network of its own", place, None);
            return reporter.report_object(violation.needs("what it needs the node's network for").probed_by(SOCKETS));
        }
        if reporter.exposure.is_covered(workload) {
            return;
        }
        let violation = Violation::at("/metadata/name", format!("no network policy selects the pods of {kind} `{name}`"));
        let violation = denied(violation, workload.object.namespace, reporter);
        reporter.report_object(violation.probed_by(SOCKETS));
    }),
};

/// What shows the sockets of a pod, without any tool in the image.
const SOCKETS: &str = "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp";

/// Cured by a policy of the namespace, unless there is one of that name which does not do it.
fn denied(violation: Violation, namespace: &str, reporter: &Reporter<'_, '_>) -> Violation {
    const CURE: &str = "deny by default, and allow what its workloads need";
    if reporter.inventory.find("NetworkPolicy", namespace, DEFAULT_DENY).is_some() {
        return violation.advice(CURE);
    }
    violation.creating(CURE, default_deny(namespace)).needs("which connections the pods of the namespace make and take")
}

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
            let violation = denied(Violation::at("/metadata/name", message), namespace.name, reporter);
            reporter.report(violation.asked_by(format!("kubectl get services,endpointslices,ingresses{}", in_namespace(namespace.name))));
        }
    }),
};

static NO_SELECTOR: Check = Check {
    id: "NET-policy-without-selector",
    title: "Network policy does not say whom it holds for",
    severity: Severity::Low,
    docs: "
## What it detects
A NetworkPolicy without `podSelector`.

## Why it matters
Older API servers refuse it. Newer ones hold it for all pods of the namespace, whether or not that was meant.

## How to fix
Select the pods, or write `podSelector: {}` for all of them.
",
    references: &[],
    run: Run::Object(&["networking.k8s.io/NetworkPolicy", "extensions/NetworkPolicy"], |policy, reporter| {
        if policy.node.at(&["spec", "podSelector"]).is_none() {
            let violation = Violation::at("/spec/podSelector", format!("policy `{}` does not say whom it holds for", policy.name));
            let violation = violation.cured_by("say that it holds for all", Some(serde_json::json!({})));
            reporter.report(violation.needs("which pods are meant"));
        }
    }),
};

static INGRESS: Check = Check {
    id: "NET-open-ingress",
    title: "No network policy limits who reaches the workload",
    severity: Severity::Low,
    docs: "
## What it detects
A workload that some network policy selects, but none of the type `Ingress`. One that none selects at all is the subject of `NET-no-policy`.

## Why it matters
Every pod of the cluster reaches it, and it looks protected.

## How to fix
Add `Ingress` to the `policyTypes`, and allow what its clients need.
",
    references: &[mitre("T1046")],
    run: Run::Workload(|workload, reporter| look(workload, Direction::In, "who reaches", reporter)),
};

static EGRESS: Check = Check {
    id: "NET-open-egress",
    title: "No network policy limits what the workload reaches",
    severity: Severity::Low,
    docs: "
## What it detects
A workload that some network policy selects, but none of the type `Egress`. One that none selects at all is the subject of `NET-no-policy`.

## Why it matters
Whoever gets in goes on from there to every pod, to the cloud's metadata service and to the internet.

## How to fix
Add `Egress` to the `policyTypes`, and allow DNS and what the workload needs.
",
    references: &[mitre("T1041")],
    run: Run::Workload(|workload, reporter| look(workload, Direction::Out, "what is reached by", reporter)),
};

fn look(workload: &Workload<'_>, direction: Direction, what: &str, reporter: &mut Reporter<'_, '_>) {
    let (exposure, object) = (reporter.exposure, &workload.object);
    if !workload.pod.host_network && exposure.is_covered(workload) && !exposure.is_limited(workload, direction) {
        let message = format!("no network policy limits {what} {} `{}`", object.kind, object.name);
        let advice = format!("add `{}` to the types of a policy that selects it", direction.policy_type());
        reporter.report_object(Violation::at("/metadata/name", message).advice(advice));
    }
}
