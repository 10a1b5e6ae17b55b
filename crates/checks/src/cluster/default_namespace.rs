//! `CLU-default-namespace`

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::parameters::TARGET_NAMESPACE;
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation, shell_word};

pub(super) static CHECK: Check = Check {
    id: "CLU-default-namespace",
    title: "Object is in the default namespace",
    severity: Severity::Low,
    docs: "
## What it detects
A namespaced object in the namespace `default`, or one that names no namespace and so ends up there unless somebody says otherwise. What the API server itself keeps there is left alone, and what bounds the namespace itself: network policies, quotas and limit ranges.

## Why it matters
Roles, quotas, network policies and Pod Security levels are given by namespace. What shares one shares them all, and `default` is where things land by accident.

## How to fix
Give the workload a namespace of its own and name it in the manifest, the kustomization or the chart.
",
    references: &[cis("5.7.4"), kubescape("C-0061"), kubescape("C-0212")],
    run: Run::Object(&["*"], look),
};

/// Namespaced kinds that a manifest without a namespace is judged for (Kubernetes API reference 1.36).
const NAMESPACED: [&str; 26] = [
    "ConfigMap",
    "CronJob",
    "CSIStorageCapacity",
    "DaemonSet",
    "Deployment",
    "Endpoints",
    "EndpointSlice",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Job",
    "Lease",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PodTemplate",
    "ReplicaSet",
    "ReplicationController",
    "ResourceClaim",
    "ResourceClaimTemplate",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "VerticalPodAutoscaler",
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.is_cluster_scoped() || belongs_there(object) {
        return;
    }
    let (kind, name) = (object.kind, object.name);
    match object.namespace {
        "default" => {
            let violation = Violation::at("/metadata/namespace", format!("{kind} `{name}` is in the namespace `default`"));
            reporter.report(moved(violation, "give it a namespace of its own", reporter));
        }
        "" if NAMESPACED.contains(&kind) => {
            let violation = Violation::at("/metadata/namespace", format!("{kind} `{name}` names no namespace"));
            // Whoever applies it may say where; a chart or kustomization does.
            reporter.report(moved(violation, "name its namespace", reporter).severity(Severity::Info));
        }
        _ => {}
    }
}

/// Cured by the namespace that the user has chosen for such objects, if there is one.
fn moved(violation: Violation, what: &'static str, reporter: &Reporter<'_, '_>) -> Violation {
    match reporter.parameters.get(&TARGET_NAMESPACE).next() {
        Some(namespace) => violation
            .cured_by(what, Some(namespace.into()))
            .needs("what refers to it by its name, and whether the namespace is there")
            .asked_by(format!("kubectl get namespace {}", shell_word(namespace))),
        None => violation.advice(what),
    }
}

/// What the control plane keeps in `default` or in every namespace, and what bounds the namespace itself.
fn belongs_there(object: &Object<'_>) -> bool {
    match object.kind {
        "Event" | "LimitRange" | "NetworkPolicy" | "ResourceQuota" => true,
        "Service" | "Endpoints" | "EndpointSlice" => object.name == "kubernetes",
        "ServiceAccount" => object.name == "default",
        "ConfigMap" => object.name == "kube-root-ca.crt",
        _ => false,
    }
}
