//! `CLU-deprecated-api`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-deprecated-api",
    title: "Object is of an API version that goes away",
    severity: Severity::Medium,
    docs: "
## What it detects
An object of an API version that Kubernetes has removed, or has said that it will. It is judged for `--kubernetes-version`, else for the version that runs where that is known, else for the newest. What is still served there is low, and what has no replacement there yet is left alone.

## Why it matters
The API server that no longer has the version refuses the object: a deployment fails in the middle of an update of the cluster.

## How to fix
Use the version that takes its place. `kubectl convert` writes those whose fields have changed.
",
    references: &[docs("Deprecated API migration guide", "https://kubernetes.io/docs/reference/using-api/deprecation-guide/")],
    run: Run::Object(KINDS, look),
};

/// One version of some kinds.
struct Version {
    /// As in `apiVersion`.
    api: &'static str,
    kinds: &'static [&'static str],
    /// The minor version of Kubernetes 1 that first had the replacement.
    replaced: u32,
    /// The one that no longer has this version.
    removed: u32,
    /// What takes its place; empty if nothing does.
    replacement: &'static str,
    /// Whether objects are written the same there.
    is_same: bool,
}

const RBAC: &[&str] = &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];
const WEBHOOKS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const FLOWS: &[&str] = &["FlowSchema", "PriorityLevelConfiguration"];
const REVIEWS: &[&str] = &["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SubjectAccessReview"];

const fn row(
    api: &'static str,
    kinds: &'static [&'static str],
    replaced: u32,
    removed: u32,
    replacement: &'static str,
    is_same: bool,
) -> Version {
    Version { api, kinds, replaced, removed, replacement, is_same }
}

/// Sorted by version (Kubernetes documentation, *Deprecated API Migration Guide*).
static VERSIONS: &[Version] = &[
    row("admissionregistration.k8s.io/v1beta1", WEBHOOKS, 16, 22, "admissionregistration.k8s.io/v1", false),
    row("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"], 16, 22, "apiextensions.k8s.io/v1", false),
    row("apiregistration.k8s.io/v1beta1", &["APIService"], 10, 22, "apiregistration.k8s.io/v1", true),
    row("apps/v1beta1", &["Deployment", "StatefulSet"], 9, 16, "apps/v1", true),
    row("apps/v1beta2", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"], 9, 16, "apps/v1", true),
    row("authentication.k8s.io/v1beta1", &["TokenReview"], 6, 22, "authentication.k8s.io/v1", true),
    row("authorization.k8s.io/v1beta1", REVIEWS, 6, 22, "authorization.k8s.io/v1", false),
    row("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], 23, 25, "autoscaling/v2", false),
    row("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], 23, 26, "autoscaling/v2", true),
    row("batch/v1beta1", &["CronJob"], 21, 25, "batch/v1", true),
    row("batch/v2alpha1", &["CronJob"], 8, 21, "batch/v1", true),
    row("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], 19, 22, "certificates.k8s.io/v1", false),
    row("coordination.k8s.io/v1beta1", &["Lease"], 14, 22, "coordination.k8s.io/v1", true),
    row("discovery.k8s.io/v1beta1", &["EndpointSlice"], 21, 25, "discovery.k8s.io/v1", false),
    row("events.k8s.io/v1beta1", &["Event"], 19, 25, "events.k8s.io/v1", false),
    row("extensions/v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], 9, 16, "apps/v1", true),
    row("extensions/v1beta1", &["Ingress"], 14, 22, "networking.k8s.io/v1", false),
    row("extensions/v1beta1", &["NetworkPolicy"], 8, 16, "networking.k8s.io/v1", true),
    row("extensions/v1beta1", &["PodSecurityPolicy"], 10, 16, "", false),
    row("flowcontrol.apiserver.k8s.io/v1beta1", FLOWS, 23, 26, "flowcontrol.apiserver.k8s.io/v1", true),
    row("flowcontrol.apiserver.k8s.io/v1beta2", FLOWS, 26, 29, "flowcontrol.apiserver.k8s.io/v1", true),
    row("flowcontrol.apiserver.k8s.io/v1beta3", FLOWS, 29, 32, "flowcontrol.apiserver.k8s.io/v1", false),
    row("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], 19, 22, "networking.k8s.io/v1", false),
    row("node.k8s.io/v1beta1", &["RuntimeClass"], 20, 25, "node.k8s.io/v1", true),
    row("policy/v1beta1", &["PodDisruptionBudget"], 21, 25, "policy/v1", true),
    row("policy/v1beta1", &["PodSecurityPolicy"], 21, 25, "", false),
    row("rbac.authorization.k8s.io/v1alpha1", RBAC, 8, 22, "rbac.authorization.k8s.io/v1", true),
    row("rbac.authorization.k8s.io/v1beta1", RBAC, 8, 22, "rbac.authorization.k8s.io/v1", true),
    row("scheduling.k8s.io/v1alpha1", &["PriorityClass"], 14, 22, "scheduling.k8s.io/v1", true),
    row("scheduling.k8s.io/v1beta1", &["PriorityClass"], 14, 22, "scheduling.k8s.io/v1", true),
    row("storage.k8s.io/v1beta1", &["CSIDriver"], 18, 22, "storage.k8s.io/v1", true),
    row("storage.k8s.io/v1beta1", &["CSINode"], 17, 22, "storage.k8s.io/v1", true),
    row("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], 24, 27, "storage.k8s.io/v1", true),
    row("storage.k8s.io/v1beta1", &["StorageClass"], 6, 22, "storage.k8s.io/v1", true),
    row("storage.k8s.io/v1beta1", &["VolumeAttachment"], 13, 22, "storage.k8s.io/v1", true),
];

/// What [`VERSIONS`] speaks of; a test holds them together.
const KINDS: &[&str] = &[
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/CustomResourceDefinition",
    "apiregistration.k8s.io/APIService",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/ReplicaSet",
    "apps/StatefulSet",
    "authentication.k8s.io/TokenReview",
    "authorization.k8s.io/LocalSubjectAccessReview",
    "authorization.k8s.io/SelfSubjectAccessReview",
    "authorization.k8s.io/SubjectAccessReview",
    "autoscaling/HorizontalPodAutoscaler",
    "batch/CronJob",
    "certificates.k8s.io/CertificateSigningRequest",
    "coordination.k8s.io/Lease",
    "discovery.k8s.io/EndpointSlice",
    "events.k8s.io/Event",
    "extensions/DaemonSet",
    "extensions/Deployment",
    "extensions/Ingress",
    "extensions/NetworkPolicy",
    "extensions/PodSecurityPolicy",
    "extensions/ReplicaSet",
    "flowcontrol.apiserver.k8s.io/FlowSchema",
    "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/IngressClass",
    "node.k8s.io/RuntimeClass",
    "policy/PodDisruptionBudget",
    "policy/PodSecurityPolicy",
    "rbac.authorization.k8s.io/ClusterRole",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/RoleBinding",
    "scheduling.k8s.io/PriorityClass",
    "storage.k8s.io/CSIDriver",
    "storage.k8s.io/CSINode",
    "storage.k8s.io/CSIStorageCapacity",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/VolumeAttachment",
];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    // Nearly every object is of a version that stays.
    if object.api_version.ends_with("/v1") {
        return;
    }
    let found = VERSIONS.iter().find(|row| row.api == object.api_version && row.kinds.contains(&object.kind));
    let Some(version) = found else { return };
    let minor = reporter.parameters.kubernetes().or_else(|| reporter.facts.minor());
    if minor.is_some_and(|minor| minor < version.replaced) {
        return;
    }
    let is_gone = minor.is_none_or(|minor| minor >= version.removed);
    let when = if is_gone { "is gone since" } else { "goes away in" };
    let message = format!("`{}` of {} {when} Kubernetes 1.{}", version.api, object.kind, version.removed);
    let mut violation = Violation::at("/apiVersion", message);
    if !is_gone {
        violation = violation.severity(Severity::Low);
    }
    let is_apps = version.replacement == "apps/v1";
    let is_same = version.is_same && (!is_apps || object.node.at(&["spec", "selector"]).is_some());
    reporter.report(match version.replacement {
        "" => violation.advice("remove it; Pod Security levels take its place"),
        replacement if is_same => {
            let violation = violation.cured_by(format!("use `{replacement}`"), Some(replacement.into()));
            violation.needs(format!("that the cluster is Kubernetes 1.{} or newer", version.replaced))
        }
        replacement => violation.advice(format!("write it for `{replacement}`, whose fields differ")),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_kinds_are_those_of_the_table() {
        let of_row = |row: &Version| {
            let (group, _) = row.api.rsplit_once('/').unwrap_or_default();
            row.kinds.iter().map(|kind| format!("{group}/{kind}")).collect::<Vec<_>>()
        };
        let wanted: BTreeSet<String> = VERSIONS.iter().flat_map(of_row).collect();
        assert_eq!(wanted.into_iter().collect::<Vec<_>>(), KINDS);
        assert!(VERSIONS.is_sorted_by_key(|row| row.api));
        assert!(VERSIONS.iter().all(|row| row.replaced < row.removed));
    }
}
