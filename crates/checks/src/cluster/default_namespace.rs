//! `CLU-default-namespace`

use crate::check::reference::{cis, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-default-namespace",
    title: "Object is in the default namespace",
    severity: Severity::Low,
    docs: "
## What it detects
A namespaced object in the namespace `default`, or one that names no namespace and so ends up there unless somebody says otherwise. What the API server itself keeps there is left alone.

## Why it matters
Roles, quotas, network policies and Pod Security levels are given by namespace. What shares one shares them all, and `default` is where things land by accident.

## How to fix
Give the workload a namespace of its own and name it in the manifest, the kustomization or the chart.
",
    references: &[cis("5.7.4"), kubescape("C-0061"), kubescape("C-0212")],
    run: Run::Object(&["*"], look),
};

/// Namespaced kinds that a manifest without a namespace is judged for (Kubernetes API reference 1.36).
const NAMESPACED: [&str; 29] = [
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
    "LimitRange",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PodTemplate",
    "ReplicaSet",
    "ReplicationController",
    "ResourceClaim",
    "ResourceClaimTemplate",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "VerticalPodAutoscaler",
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.is_cluster_scoped() || is_of_the_system(object) {
        return;
    }
    let (kind, name) = (object.kind, object.name);
    match object.namespace {
        "default" => {
            let violation = Violation::at("/metadata/namespace", format!("{kind} `{name}` is in the namespace `default`"));
            reporter.report(violation.advice("give it a namespace of its own"));
        }
        "" if NAMESPACED.contains(&kind) => {
            let violation = Violation::at("/metadata/namespace", format!("{kind} `{name}` names no namespace"));
            // Whoever applies it may say where; a chart or kustomization does.
            reporter.report(violation.advice("name its namespace").severity(Severity::Info));
        }
        _ => {}
    }
}

/// What the control plane keeps in `default` or in every namespace.
fn is_of_the_system(object: &Object<'_>) -> bool {
    match object.kind {
        "Event" => true,
        "Service" | "Endpoints" | "EndpointSlice" => object.name == "kubernetes",
        "ServiceAccount" => object.name == "default",
        "ConfigMap" => object.name == "kube-root-ca.crt",
        _ => false,
    }
}
