//! `CLU-system-namespace`

use crate::check::reference::cis;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-system-namespace",
    title: "Workload shares a namespace with the control plane",
    severity: Severity::Info,
    docs: "
## What it detects
A workload in `kube-system`, `kube-public` or `kube-node-lease`. Static pods of the kubelet, the control plane (`tier: control-plane`) and add-ons (label `k8s-app`) are left alone.

## Why it matters
Policies are lax there, and whoever may read the namespace's Secrets or start pods in it has the accounts of the system's controllers.

## How to fix
Give it a namespace of its own.
",
    references: &[cis("5.7.1")],
    run: Run::Workload(|workload, reporter| {
        let object = &workload.object;
        if !matches!(object.namespace, "kube-system" | "kube-public" | "kube-node-lease") {
            return;
        }
        let label = |name: &str| object.label(name).or_else(|| workload.pod.labels()?.get(name).map(Node::text));
        let is_static = workload.pod.annotation("kubernetes.io/config.mirror").is_some();
        if !is_static && label("tier") != Some("control-plane") && label("k8s-app").is_none() {
            let message = format!("{} `{}` is in the namespace `{}`", object.kind, object.name, object.namespace);
            reporter.report_object(Violation::at("/metadata/namespace", message).advice("give it a namespace of its own"));
        }
    }),
};
