//! How many there are of a workload, and where.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::parameters::MIN_REPLICAS;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&NO_BUDGET, &REPLICAS, &SPREAD];

/// What a Deployment, StatefulSet or ReplicaSet says of its replicas; `None` where it says nothing.
pub(super) fn replicas(object: &Object<'_>) -> Option<i64> {
    object.node.at(&["spec", "replicas"]).and_then(Node::as_int)
}

/// The smallest number of replicas that the user wants.
pub(super) fn wanted(reporter: &Reporter<'_, '_>) -> i64 {
    reporter.parameters.get(&MIN_REPLICAS).find_map(|text| text.parse().ok()).unwrap_or(2)
}

/// Whether a workload is one that is scaled, and not said to be less than two.
fn may_be_many(workload: &Workload<'_>) -> bool {
    let object = &workload.object;
    let is_scaled = matches!(object.kind, "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Rollout");
    is_scaled && replicas(object).is_none_or(|replicas| replicas > 1)
}

static REPLICAS: Check = Check {
    id: "REL-replicas",
    title: "One pod is all there is",
    severity: Severity::Info,
    docs: "
## What it detects
A Deployment with fewer replicas than the parameter `min-replicas`, that no HorizontalPodAutoscaler scales. Without `spec.replicas` it has one.

## Why it matters
While its node is drained or fails, nobody answers.

## How to fix
Run two or more, if two of them may run side by side.
",
    references: &[docs("Deployments", "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#replicas")],
    run: Run::Object(&["apps/Deployment", "extensions/Deployment"], |deployment, reporter| {
        let (has, wanted) = (replicas(deployment).unwrap_or(1), wanted(reporter));
        // Scaled down to nothing is meant.
        if has >= wanted || has == 0 || reporter.exposure.autoscaler(deployment).is_some() {
            return;
        }
        let violation = Violation::at("/spec/replicas", format!("Deployment `{}` has {has} of {wanted} replicas", deployment.name));
        reporter.report(violation.advice(format!("run {wanted}, spread over nodes, if they may run side by side")));
    }),
};

static NO_BUDGET: Check = Check {
    id: "REL-no-disruption-budget",
    title: "All pods may be evicted at once",
    severity: Severity::Info,
    docs: "
## What it detects
A Deployment or StatefulSet that no PodDisruptionBudget among what was read selects. With one replica or none there is nothing that a budget could keep, so that it is left alone.

## Why it matters
Draining nodes, for an update of the cluster for example, may evict all of its pods at the same time.

## How to fix
Add a PodDisruptionBudget with `maxUnavailable: 1` and the labels of its pods.
",
    references: &[docs("Disruptions", "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/")],
    run: Run::Workload(|workload, reporter| {
        if may_be_many(workload) && !reporter.exposure.has_budget(workload) {
            let message = format!("no disruption budget selects the pods of {} `{}`", workload.object.kind, workload.object.name);
            reporter.report_object(Violation::at("/metadata/name", message).advice("add a PodDisruptionBudget with `maxUnavailable: 1`"));
        }
    }),
};

static SPREAD: Check = Check {
    id: "REL-spread",
    title: "Nothing spreads the pods over nodes",
    severity: Severity::Info,
    docs: "
## What it detects
A workload that may have several replicas without `topologySpreadConstraints` and without a `podAntiAffinity`.

## Why it matters
The scheduler's default spreads pods when it can, and is content when it cannot. All of them may be on one node, or in one zone.

## How to fix
Add a constraint over `kubernetes.io/hostname`, and one over `topology.kubernetes.io/zone` where the cluster has zones.
",
    references: &[docs("Topology spread", "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/")],
    run: Run::Workload(|workload, reporter| {
        let has_items = |path: &[&str]| workload.pod.at(path).is_some_and(|list| list.items().next().is_some());
        let has_anti_affinity = || workload.pod.at(&["affinity", "podAntiAffinity"]).is_some_and(|rules| rules.entries().next().is_some());
        if !may_be_many(workload) || has_items(&["topologySpreadConstraints"]) || has_anti_affinity() {
            return;
        }
        let violation = Violation::at("/spec/topologySpreadConstraints", "nothing spreads the pods over nodes");
        let labels = workload.object.node.at(&["spec", "selector", "matchLabels"]).map(Node::to_json);
        reporter.report(match labels {
            Some(labels) => {
                let constraint = serde_json::json!([{
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": labels},
                }]);
                violation.cured_by("spread them over nodes", Some(constraint)).needs("whether its pods have to be near each other")
            }
            None => violation.advice("add a constraint over `kubernetes.io/hostname`"),
        });
    }),
};
