//! Odd input: nothing panics, and the same input gives the same answer whatever the order of its hash tables.

#![cfg(test)]

use plimsoll_access::diff::diff;
use plimsoll_access::graph::{Graph, Situation, holders};
use plimsoll_access::{Asked, Authorizer, findings, ways};
use plimsoll_model::rbac::Defaults;
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const NAMES: [&str; 8] = ["a", "b", "default", "cluster-admin", "", "x:y", "a/b", "\u{8239} '\u{1b}"];
const NAMESPACES: [&str; 4] = ["a", "b", "kube-system", ""];
const SUBJECTS: [&str; 9] = [
    "a",
    "",
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
    "system:masters",
    "system:serviceaccounts:a",
    "system:serviceaccount:a:b",
    "system:serviceaccount:a:",
];

fn texts(from: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(from, 0..=from.len().min(3))
}

/// Something else than what belongs there.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!(7)), Just(json!("a")), Just(json!([[null], {"a": null}]))]
}

fn or_odd(wanted: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![9 => wanted, 1 => odd()].boxed()
}

fn rule() -> impl Strategy<Value = Value> {
    let verbs = texts(&[
        "*",
        "get",
        "list",
        "create",
        "patch",
        "bind",
        "escalate",
        "impersonate",
        "impersonate:user-info",
        "impersonate-on:a:get",
        ":",
        "",
    ]);
    let groups = texts(&["", "*", "apps", "rbac.authorization.k8s.io", "authentication.k8s.io"]);
    let resources = texts(&[
        "*",
        "*/*",
        "pods",
        "pods/exec",
        "secrets",
        "users",
        "groups",
        "serviceaccounts",
        "clusterroles",
        "clusterrolebindings",
        "nodes/proxy",
        "/",
        "",
    ]);
    let (names, urls) = (texts(&["a", "b", "", "system:masters"]), texts(&["*", "/a*", ""]));
    (verbs, groups, resources, names, urls).prop_map(|(verbs, groups, resources, names, urls)| {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names, "nonResourceURLs": urls})
    })
}

fn object() -> impl Strategy<Value = Value> {
    let metadata = || {
        (select(&NAMES[..]), select(&NAMESPACES[..]))
            .prop_map(|(name, namespace)| json!({"name": name, "namespace": namespace, "labels": {"a": "b"}}))
    };
    let role =
        (or_odd(metadata()), or_odd(prop::collection::vec(or_odd(rule()), 0..3).prop_map(Value::from)), any::<bool>(), any::<bool>());
    let role = role.prop_map(|(metadata, rules, is_cluster, is_aggregated)| {
        let aggregation = if is_aggregated { json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}) } else { Value::Null };
        let kind = if is_cluster { "ClusterRole" } else { "Role" };
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules, "aggregationRule": aggregation})
    });
    let subject = (select(&["User", "Group", "ServiceAccount", "Pod"][..]), select(&SUBJECTS[..]), select(&NAMESPACES[..]));
    let subject = subject.prop_map(|(kind, name, namespace)| json!({"kind": kind, "name": name, "namespace": namespace}));
    let reference =
        (select(&["Role", "ClusterRole", ""][..]), select(&NAMES[..])).prop_map(|(kind, name)| json!({"kind": kind, "name": name}));
    let binding =
        (or_odd(metadata()), or_odd(reference), or_odd(prop::collection::vec(or_odd(subject), 0..3).prop_map(Value::from)), any::<bool>());
    let binding = binding.prop_map(|(metadata, reference, subjects, is_cluster)| {
        let kind = if is_cluster { "ClusterRoleBinding" } else { "RoleBinding" };
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": subjects})
    });
    let container = or_odd(
        any::<bool>().prop_map(|is| json!({"name": "a", "image": "a", "securityContext": {"privileged": is}, "ports": [{"hostPort": 1}]})),
    );
    let volume = or_odd(
        select(&["/", "", "/var/log", "/var/lib/kubelet/pods", "a"][..]).prop_map(|path| json!({"name": "a", "hostPath": {"path": path}})),
    );
    let pod = (or_odd(metadata()), or_odd(container), or_odd(volume), or_odd(select(&NAMES[..]).prop_map(Value::from)));
    let pod = pod.prop_map(|(metadata, container, volume, name)| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"serviceAccountName": name, "nodeName": "a", "containers": [container], "volumes": [volume]}})
    });
    let secret = (or_odd(metadata()), or_odd(select(&NAMES[..]).prop_map(|name| json!({"kubernetes.io/service-account.name": name}))));
    let secret = secret.prop_map(|(mut metadata, annotations)| {
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("annotations".to_owned(), annotations);
        }
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": metadata})
    });
    let plain = (select(&["Namespace", "Node", "ServiceAccount", "Service", "ConfigMap"][..]), or_odd(metadata()), odd());
    let plain = plain
        .prop_map(|(kind, metadata, spec)| json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec, "data": spec}));
    prop_oneof![4 => role, 4 => binding, 2 => pod, 1 => secret, 2 => plain]
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let read = |object: &Value| parse(&Source::new("test", Origin::Stdin, object.to_string()), Limits::default()).0;
    Snapshot { documents: objects.iter().flat_map(read).collect(), problems: Vec::new() }
}

/// All that is said of a world, and of what changes when its last object is taken away.
fn answers(objects: &[Value]) -> String {
    let (now, before) = (snapshot(objects), snapshot(objects.split_last().map_or(&[], |(_, rest)| rest)));
    let kinds = WorkloadKinds::default();
    let (inventory, old) = (Inventory::new(&now, &kinds), Inventory::new(&before, &kinds));
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    let every = Asked { sources: graph.vertices.clone(), sinks: Vec::new() };
    let all = ways(&graph, &every, true);
    for way in &all.paths {
        assert!(!way.steps.is_empty() && way.steps.iter().all(|step| !step.to.is_empty()), "{way:?}");
    }
    let of_old = Authorizer::new(&old, Defaults::Assume);
    let changed = diff(&Graph::new(&old, &of_old, &Situation::default()), &graph, None, true);
    format!("{all:?}\n{:?}\n{:?}\n{:?}\n{changed:?}", ways(&graph, &Asked::default(), true), findings(&graph), holders(&authorizer))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn odd_worlds_have_one_answer(objects in prop::collection::vec(object(), 0..10)) {
        prop_assert_eq!(answers(&objects), answers(&objects));
    }
}
