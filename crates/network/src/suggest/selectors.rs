//! Label selectors for exactly some workloads.

use crate::selector::Labels;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Labels that say what a workload is, in the order in which they are taken (Kubernetes' recommended labels, and those that were usual
/// before).
const TELLING: [&str; 10] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app",
    "k8s-app",
    "name",
    "component",
    "tier",
    "role",
    "service",
];

/// Labels whose values go with a revision, a release or a single pod: a selector on them is wrong tomorrow.
const PASSING: [&str; 14] = [
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "chart",
    "controller-revision-hash",
    "controller-uid",
    "helm.sh/chart",
    "heritage",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
    "version",
];

/// Whether a label stays the same as long as the workload is what it is.
pub fn is_lasting(key: &str) -> bool {
    !PASSING.contains(&key) && !key.starts_with("batch.kubernetes.io/")
}

/// The lasting keys of labels, the telling ones first.
fn keys<'a>(labels: &Labels<'a>) -> Vec<&'a str> {
    let mut keys: Vec<_> = labels.iter().map(|(key, _)| key).filter(|key| is_lasting(key)).collect();
    keys.sort_by_key(|key| (TELLING.iter().position(|one| one == key).unwrap_or(TELLING.len()), *key));
    keys
}

/// The workloads of a namespace that selectors can mean at all.
pub(super) fn selectable(world: &World<'_>, namespace: usize) -> BTreeSet<usize> {
    let is_selectable = |at: &usize| world.endpoints.get(*at).is_some_and(|endpoint| !world.settings.is_node_traffic(endpoint));
    world.endpoints_in(namespace).filter(is_selectable).collect()
}

/// A selector for exactly these workloads of a namespace, none if no lasting labels part them from the others. `whole` says that all
/// of them may be written as everything.
pub(super) fn exact(world: &World<'_>, namespace: usize, wanted: &BTreeSet<usize>, whole: bool) -> Option<Json> {
    let all = selectable(world, namespace);
    if whole && *wanted == all {
        return Some(json!({}));
    }
    let labels = |at: &usize| world.endpoints.get(*at).map(|endpoint| &endpoint.labels);
    let first = wanted.first().and_then(labels)?;
    let others: Vec<_> = all.difference(wanted).filter_map(labels).collect();
    for key in keys(first) {
        let values: Option<BTreeSet<&str>> = wanted.iter().map(|at| labels(at)?.get(key)).collect();
        let Some(values) = values else { continue };
        if others.iter().any(|other| other.get(key).is_some_and(|value| values.contains(value))) {
            continue;
        }
        return Some(match values.len() {
            1 => json!({"matchLabels": {key: values.first()}}),
            _ => json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]}),
        });
    }
    // What the others carry and none of these does.
    let lacking: BTreeSet<&str> = others.iter().flat_map(|other| keys(other)).collect();
    let lacks = |key: &str| wanted.iter().filter_map(labels).all(|mine| mine.get(key).is_none());
    if let Some(key) = lacking.iter().find(|key| lacks(key) && others.iter().all(|other| other.get(key).is_some())) {
        return Some(json!({"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}));
    }
    if wanted.len() > 1 {
        return None;
    }
    // What no single label does, several may; as few as are needed.
    let mut chosen: Vec<(&str, bool)> = keys(first).into_iter().map(|key| (key, true)).collect();
    chosen.extend(lacking.into_iter().filter(|key| lacks(key)).map(|key| (key, false)));
    let parts = |chosen: &[(&str, bool)]| !others.iter().any(|other| chosen.iter().all(|(key, _)| other.get(key) == first.get(key)));
    if !parts(&chosen) {
        return None;
    }
    for one in chosen.clone().into_iter().rev() {
        let fewer: Vec<_> = chosen.iter().copied().filter(|other| *other != one).collect();
        if parts(&fewer) {
            chosen = fewer;
        }
    }
    let (carried, absent): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|(_, is_carried)| *is_carried);
    let carried: Vec<_> = carried.into_iter().map(|(key, _)| key).collect();
    let mut selector = with_labels(first, &carried);
    if !absent.is_empty() {
        let absent: Vec<_> = absent.into_iter().map(|(key, _)| json!({"key": key, "operator": "DoesNotExist"})).collect();
        if let Some(selector) = selector.as_object_mut() {
            selector.insert("matchExpressions".to_owned(), json!(absent));
        }
    }
    Some(selector)
}

/// Selectors that together mean these workloads of a namespace, and as few others as labels allow.
pub(super) fn covering(world: &World<'_>, namespace: usize, wanted: &BTreeSet<usize>, whole: bool) -> Vec<Json> {
    if let Some(one) = exact(world, namespace, wanted, whole) {
        return vec![one];
    }
    let mut selectors: Vec<Json> = Vec::new();
    for at in wanted {
        let Some(endpoint) = world.endpoints.get(*at) else { continue };
        let selector = exact(world, namespace, &BTreeSet::from([*at]), false)
            .unwrap_or_else(|| with_labels(&endpoint.labels, &keys(&endpoint.labels)));
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    selectors
}

fn with_labels(labels: &Labels<'_>, keys: &[&str]) -> Json {
    let chosen: serde_json::Map<String, Json> = keys.iter().filter_map(|key| Some(((*key).to_owned(), json!(labels.get(key)?)))).collect();
    if chosen.is_empty() { json!({}) } else { json!({"matchLabels": chosen}) }
}
