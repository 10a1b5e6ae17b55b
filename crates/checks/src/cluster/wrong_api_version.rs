//! `CLU-wrong-api-version`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-wrong-api-version",
    title: "API version has no such kind",
    severity: Severity::Medium,
    docs: "
## What it detects
An object of a well-known kind with the API version `v1`, where the kind is of another group: a Deployment, an Ingress, a PodDisruptionBudget.

## Why it matters
The API server refuses it. Nothing else is said of it here either: it is of no kind that is known.

## How to fix
Use the version that the kind is of.
",
    references: &[docs("API reference", "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/")],
    run: Run::Object(&["*"], look),
};

/// Kinds that are not of the core group, with the version that has them (Kubernetes API reference 1.36).
const ELSEWHERE: [(&str, &str); 17] = [
    ("ClusterRole", "rbac.authorization.k8s.io/v1"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
    ("CronJob", "batch/v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ("DaemonSet", "apps/v1"),
    ("Deployment", "apps/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("Ingress", "networking.k8s.io/v1"),
    ("Job", "batch/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PriorityClass", "scheduling.k8s.io/v1"),
    ("ReplicaSet", "apps/v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("StatefulSet", "apps/v1"),
    ("StorageClass", "storage.k8s.io/v1"),
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.api_version == "v1"
        && let Some((kind, right)) = ELSEWHERE.iter().find(|(kind, _)| *kind == object.kind)
    {
        let violation = Violation::at("/apiVersion", format!("`v1` has no {kind}"));
        reporter.report(violation.advice(format!("use `{right}`")));
    }
}
