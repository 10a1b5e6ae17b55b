//! Which workloads there are, and in which networks they reach each other.

#![cfg(test)]

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::{Decision, End, Reason, Settings, Traffic, World};

fn with_world<T>(text: &str, look: impl FnOnce(&World<'_>) -> T) -> T {
    let (documents, problems) = parse(&Source::new("case", Origin::File, text), Limits::default());
    let snapshot = Snapshot { documents, problems };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    look(&World::new(&inventory, Settings::default()))
}

fn pod(namespace: &str, name: &str, more: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{namespace: {namespace}, name: {name}{more}}}, spec: {{containers: [{{name: c, image: i}}]}}}}\n"
    )
}

fn owned(name: &str, kind: &str, owner: &str, labels: &str) -> String {
    let owner = format!("ownerReferences: [{{kind: {kind}, name: {owner}, controller: true}}]");
    pod("n", name, &format!(", labels: {{{labels}}}, {owner}"))
}

#[test]
fn workloads_are_what_pods_are_of() {
    let policy = "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: n, name: p}, spec: {podSelector: {matchLabels: {tier: a}}}}\n";
    let machine = |kind: &str, more: &str| {
        format!(
            "---\n{{apiVersion: kubevirt.io/v1, kind: {kind}, metadata: {{namespace: n, name: vm{more}}}, spec: {{template: {{metadata: {{labels: {{a: b}}}}}}}}}}\n"
        )
    };
    let of_machine = ", ownerReferences: [{kind: VirtualMachine, name: vm, controller: true}]";
    let table = [
        // Pods of one controller are one, unless policies tell them apart.
        (owned("a", "ReplicaSet", "r", "tier: a") + &owned("b", "ReplicaSet", "r", "tier: b"), "ReplicaSet n/r 2"),
        (
            owned("a", "ReplicaSet", "r", "tier: a") + &owned("b", "ReplicaSet", "r", "tier: b") + policy,
            "ReplicaSet n/r{tier=a} 1, ReplicaSet n/r{tier=b} 1",
        ),
        // A mirror pod belongs to its node; an owner without a kind has pods all the same.
        (owned("a", "Node", "node", ""), "Pod n/a 1"),
        (owned("a", "''", "r", ""), "Pod n/r 1"),
        (pod("n", "a", "") + &pod("n", "b", "").replace("}]}}", "}]}, status: {phase: Succeeded, podIP: 10.0.0.1}}"), "Pod n/a 1"),
        // A virtual machine, its instance and its pod are one.
        (machine("VirtualMachine", ""), "VirtualMachine n/vm 0"),
        (machine("VirtualMachineInstance", ""), "VirtualMachineInstance n/vm 0"),
        (
            machine("VirtualMachine", "")
                + &machine("VirtualMachineInstance", of_machine)
                + &owned("launcher", "VirtualMachineInstance", "vm", "a: b"),
            "VirtualMachine n/vm 1",
        ),
    ];
    for (text, wanted) in table {
        let written = with_world(&text, |world| {
            let written = world.endpoints.iter().map(|one| format!("{} {} {}", one.kind, world.name(one), one.pods));
            written.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(written, wanted, "{text}");
    }
}

/// Who reaches whom: over the first networks, then over each other one.
fn reached(text: &str) -> Vec<String> {
    with_world(text, |world| {
        let pairs = |world: &World<'_>| {
            let matrix = Matrix::new(world);
            let mut pairs = Vec::new();
            for (from, source) in world.endpoints.iter().enumerate() {
                for (to, destination) in world.endpoints.iter().enumerate().filter(|(to, _)| *to != from) {
                    let traffic = matrix.between(from, to).cloned().unwrap_or_default();
                    assert_eq!(traffic, world.between(End::Endpoint(source), End::Endpoint(destination)).2);
                    if !traffic.is_none() {
                        pairs.push(format!("{}>{} {traffic}", source.name, destination.name));
                    }
                }
            }
            pairs.join(" ")
        };
        let secondary = world.secondary.iter().map(|one| format!("{}: {}", one.network.title(), pairs(&one.world)));
        let problems = world.problems.iter().map(|problem| format!("problem: {}", problem.message));
        std::iter::once(pairs(world)).chain(secondary).chain(problems).collect()
    })
}

#[test]
fn networks_part_pods() {
    let namespace = |name: &str, more: &str| {
        format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{of: {name}{more}}}}}}}\n")
    };
    let own = |namespace: &str, role: &str| {
        format!(
            "---\n{{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {{namespace: {namespace}, name: u}}, spec: {{topology: Layer2, layer2: {{role: {role}}}}}}}\n"
        )
    };
    let cluster = |names: &str, role: &str| {
        format!(
            "---\n{{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {{name: c}}, spec: {{namespaceSelector: {{matchExpressions: \
             [{{key: of, operator: In, values: [{names}]}}]}}, network: {{topology: Layer3, layer3: {{role: {role}}}}}}}}}\n"
        )
    };
    let primary = ", k8s.ovn.org/primary-user-defined-network: ''";
    let pods = pod("a", "pa", "") + &pod("b", "pb", "") + &pod("c", "pc", "");
    let base = [namespace("a", primary), namespace("b", primary), namespace("c", "")].concat() + &pods;
    let attached = |more: &str| {
        let annotation = |name: &str| format!(", labels: {{app: {name}}}, annotations: {{k8s.v1.cni.cncf.io/networks: c}}");
        [namespace("a", ""), namespace("b", ""), pod("a", "pa", &annotation("pa")), pod("b", "pb", &annotation("pb"))].concat() + more
    };
    let all = "pa>pb all pb>pa all";
    let table = [
        (base.clone() + &own("a", "Primary"), vec!["pb>pc all pc>pb all"]),
        (base.clone() + &cluster("a, b", "Primary"), vec![all]),
        // Without the label a namespace stays in the cluster's network.
        (base.clone() + &cluster("b, c", "Primary"), vec!["pa>pc all pc>pa all"]),
        (
            base.clone() + &own("a", "Primary") + &cluster("a, b", "Primary"),
            vec!["", "problem: the namespace `a` has a network of its own already: this one is left out"],
        ),
        (attached(&cluster("a, b", "Secondary")), vec![all, "ClusterUserDefinedNetwork c: pa>pb all pb>pa all"]),
        (attached(&cluster("a", "Secondary")), vec![all, "ClusterUserDefinedNetwork c: "]),
        (
            // Policies for the first network do not hold there, and the other way round.
            attached(&cluster("a, b", "Secondary"))
                + "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: a, name: p}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}\n"
                + "---\n{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {namespace: b, name: p, annotations: \
                   {k8s.v1.cni.cncf.io/policy-for: 'c, other'}}, spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {of: a}}}], ports: [{port: 1}]}]}}\n",
            vec!["", "ClusterUserDefinedNetwork c: pa>pb TCP 1 pb>pa all"],
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(reached(&text), wanted, "{text}");
    }
    let text = base + &own("a", "Primary");
    with_world(&text, |world| {
        let [a, b, _] = world.endpoints.as_slice() else { panic!("three pods") };
        let apart = Decision { reasons: vec![Reason::Apart], asked: Vec::new(), allowed: Traffic::none() };
        assert_eq!(world.between(End::Endpoint(a), End::Endpoint(b)), (apart.clone(), apart, Traffic::none()));
    });
}

#[test]
fn definitions_with_one_name_are_one_network() {
    let definition = |namespace: &str, name: &str, config: &str| {
        format!(
            "---\n{{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {{namespace: {namespace}, name: {name}}}, spec: {{config: '{config}'}}}}\n"
        )
    };
    let at = |network: &str| format!(", annotations: {{k8s.v1.cni.cncf.io/networks: '{network}'}}");
    let ips = |name: &str, ip: &str| at(&format!(r#"[{{"name": "{name}", "ips": ["{ip}/24"]}}]"#));
    let block = "---\n{apiVersion: k8s.cni.cncf.io/v1beta1, kind: MultiNetworkPolicy, metadata: {namespace: a, name: p, annotations: {k8s.v1.cni.cncf.io/policy-for: x}},
  spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.9.0.0/30}}]}]}}\n";
    let all = "pa>pb all pb>pa all";
    let table = [
        (
            pod("a", "pa", &at("x"))
                + &pod("b", "pb", &at("y"))
                + &definition("a", "x", r#"{"name": "l2"}"#)
                + &definition("b", "y", r#"{"name": "l2"}"#),
            vec![all, "NetworkAttachmentDefinition a/x: pa>pb all pb>pa all"],
        ),
        (
            pod("a", "pa", &at("x")) + &pod("b", "pb", &at("y")) + &definition("a", "x", "") + &definition("b", "y", "{bad"),
            vec![all, "NetworkAttachmentDefinition a/x: ", "NetworkAttachmentDefinition b/y: "],
        ),
        // What defines a network is of the pod's namespace unless another one is named.
        (
            pod("a", "pa", &at("x")) + &pod("b", "pb", &at("a/x@net1")) + &pod("b", "pc", &at("x")) + &definition("a", "x", ""),
            vec!["pa>pb all pa>pc all pb>pa all pb>pc all pc>pa all pc>pb all", "NetworkAttachmentDefinition a/x: pa>pb all pb>pa all"],
        ),
        // Blocks are about addresses in that network.
        (
            pod("a", "pa", &ips("x", "10.9.0.1")) + &pod("a", "pb", &ips("x", "10.9.0.9")) + &definition("a", "x", "") + block,
            vec![all, "NetworkAttachmentDefinition a/x: pa>pb all"],
        ),
        (
            pod("a", "pa", &at("x")) + &pod("a", "pb", &at("x")) + &definition("a", "x", r#"{"ipam": {"subnet": "10.9.0.0/31"}}"#) + block,
            vec![all, "NetworkAttachmentDefinition a/x: pa>pb all pb>pa all"],
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(reached(&text), wanted, "{text}");
    }
}
