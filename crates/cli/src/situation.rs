//! What stands against an escalation beside RBAC: admission policies, asked with pods that would be root on their node.

use plimsoll_access::graph::Situation;
use plimsoll_model::{Document, Inventory, Object};
use plimsoll_policy::{Effect, Policies, Request, Verdict, World};
use rayon::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of objects that are policies which may refuse a pod.
const POLICIES: [&str; 5] = ["ValidatingAdmissionPolicy", "ClusterPolicy", "Policy", "ValidatingPolicy", "ConstraintTemplate"];

/// Says where pods that are root on their node are refused, by the policies among the objects and by those that the user brought.
pub(crate) fn situation(inventory: &Inventory<'_>, brought: &Policies, params: &[Document]) -> Situation {
    let are_there = POLICIES.iter().any(|kind| inventory.of_kind(kind).len() > 0);
    // What is wrong with policies is told by the commands that judge by them.
    let read = if are_there { Policies::read(inventory.documents, &[]).0 } else { Policies::default() };
    if read.is_empty() && brought.is_empty() {
        return Situation::default();
    }
    // A policy that nothing binds does nothing.
    let bound: BTreeSet<&str> = inventory
        .of_kind("ValidatingAdmissionPolicyBinding")
        .filter_map(|binding| Some(binding.node.at(&["spec", "policyName"])?.text()))
        .collect();
    let unbound: BTreeSet<&str> =
        inventory.of_kind("ValidatingAdmissionPolicy").map(|policy| policy.name).filter(|name| !bound.contains(name)).collect();
    let of_params: Vec<Object<'_>> = params.iter().flat_map(|document| document.objects().0).collect();
    let objects: Vec<Json> = inventory.objects.par_iter().chain(&of_params).map(|object| object.node.to_json()).collect();
    let world = World::new(objects.iter().collect());
    let mut names: BTreeSet<&str> = inventory.of_kind("Namespace").map(|namespace| namespace.name).collect();
    names.extend(inventory.objects.iter().filter(|object| !object.is_cluster_scoped()).map(Object::effective_namespace));
    let mut refusals = BTreeMap::new();
    for name in names {
        let namespace = inventory.find("Namespace", "", name).map(|namespace| namespace.node.to_json());
        // Which policies refuse, for each of the pods: one that is let through is enough.
        let by: Option<Vec<BTreeSet<String>>> = probes(name)
            .iter()
            .map(|pod| {
                let request = Request::create(pod).in_namespace(namespace.as_ref());
                let own = read.judge(&request, &world).into_iter().filter(|(policy, _)| !unbound.contains(policy.name.as_str()));
                let judged = own.chain(brought.judge(&request, &world));
                let refusing = judged.filter(|(policy, verdict)| policy.effect == Effect::Deny && matches!(verdict, Verdict::Failed(_)));
                let refusing: BTreeSet<String> = refusing.map(|(policy, _)| policy.name.clone()).collect();
                (!refusing.is_empty()).then_some(refusing)
            })
            .collect();
        if let Some(by) = by {
            let by: BTreeSet<String> = by.into_iter().flatten().collect();
            let by: Vec<&str> = by.iter().map(String::as_str).collect();
            refusals
                .insert(name.to_owned(), format!("pods that are root on their node are refused in namespace {name}, by {}", by.join(", ")));
        }
    }
    Situation { refusals }
}

/// Pods each of which comes to the node in another way.
fn probes(namespace: &str) -> [Json; 4] {
    let pod = |host_pid: bool, volumes: Json, security: Json, mounts: Json| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "namespace": namespace},
            "spec": {
                "hostPID": host_pid,
                "volumes": volumes,
                "containers": [{"name": "probe", "image": "probe", "securityContext": security, "volumeMounts": mounts}],
            },
        })
    };
    let of_host = |path: &str| json!([{"name": "host", "hostPath": {"path": path}}]);
    let mount = || json!([{"name": "host", "mountPath": "/host"}]);
    [
        pod(false, json!([]), json!({"privileged": true}), json!([])),
        pod(false, of_host("/"), json!({"runAsUser": 0}), mount()),
        pod(false, of_host("/run/containerd/containerd.sock"), json!({"runAsUser": 0}), mount()),
        pod(true, json!([]), json!({"capabilities": {"add": ["SYS_ADMIN", "SYS_PTRACE"]}}), json!([])),
    ]
}
