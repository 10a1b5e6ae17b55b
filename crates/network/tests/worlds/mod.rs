//! Small worlds of every kind, for property tests.

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::{HostNetwork, PodAddresses, Settings, World};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

pub(crate) fn read(objects: &[Json]) -> Snapshot {
    let text = |object: &Json| parse(&Source::new("case", Origin::Live, object.to_string()), Limits::default()).0;
    Snapshot { documents: objects.iter().flat_map(text).collect(), problems: Vec::new() }
}

/// Reads objects and looks at the world they make.
pub(crate) fn with_world<T>(objects: &[Json], settings: Settings, look: impl FnOnce(&World<'_>) -> T) -> T {
    let snapshot = read(objects);
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    look(&World::new(&inventory, settings))
}

pub(crate) fn settings(as_pods: bool, ignored: bool) -> Settings {
    Settings {
        host_network: if as_pods { HostNetwork::Pod } else { HostNetwork::Node },
        pod_addresses: if ignored { PodAddresses::Ignored } else { PodAddresses::Matched },
        ..Settings::default()
    }
}

/// Addresses that rules tell apart.
pub(crate) const OUTSIDE: [&str; 7] = ["192.0.2.1", "10.0.0.1", "10.0.0.9", "203.0.113.9", "8.8.8.8", "fd00::9", "2001:db8::1"];

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words)
}

fn selector(keys: &'static [&'static str]) -> impl Strategy<Value = Json> + Clone {
    let exact = (word(keys), word(&["a", "b"])).prop_map(|(key, value)| json!({"matchLabels": {key: value}}));
    let listed = (word(keys), word(&["In", "NotIn"]), prop::collection::vec(word(&["a", "b", "c"]), 1..3))
        .prop_map(|(key, operator, values)| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}));
    let there = (word(keys), word(&["Exists", "DoesNotExist", "Bad"]))
        .prop_map(|(key, operator)| json!({"matchExpressions": [{"key": key, "operator": operator}]}));
    prop_oneof![2 => Just(json!({})), 4 => exact, 2 => listed, 2 => there]
}

fn pods() -> impl Strategy<Value = Json> + Clone {
    selector(&["app", "tier"])
}

fn spaces() -> impl Strategy<Value = Json> + Clone {
    prop_oneof![3 => selector(&["team"]), 1 => word(&["n0", "n1"]).prop_map(|name| json!({"matchLabels": {"kubernetes.io/metadata.name": name}}))]
}

fn cidr() -> impl Strategy<Value = &'static str> + Clone {
    word(&["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.1/32", "::/0", "fd00::/8", "203.0.113.0/24", "bad"])
}

fn v1_peer() -> impl Strategy<Value = Json> + Clone {
    prop_oneof![
        2 => pods().prop_map(|pods| json!({"podSelector": pods})),
        2 => spaces().prop_map(|spaces| json!({"namespaceSelector": spaces})),
        2 => (spaces(), pods()).prop_map(|(spaces, pods)| json!({"namespaceSelector": spaces, "podSelector": pods})),
        2 => (cidr(), prop::collection::vec(cidr(), 0..2)).prop_map(|(cidr, except)| json!({"ipBlock": {"cidr": cidr, "except": except}})),
        1 => Just(json!({"service": {}})),
    ]
}

fn v1_port() -> impl Strategy<Value = Json> + Clone {
    let protocol = word(&["TCP", "UDP", "SCTP"]);
    prop_oneof![
        2 => (protocol.clone(), 79u16..82).prop_map(|(protocol, port)| json!({"protocol": protocol, "port": port})),
        1 => (79u16..82, 79u16..90).prop_map(|(port, end)| json!({"port": port, "endPort": end})),
        2 => word(&["web", "dns"]).prop_map(|name| json!({"port": name})),
        1 => protocol.prop_map(|protocol| json!({"protocol": protocol})),
    ]
}

fn v1_rule(peers: &'static str) -> impl Strategy<Value = Json> + Clone {
    (prop::collection::vec(v1_peer(), 0..3), prop::collection::vec(v1_port(), 0..3))
        .prop_map(move |(list, ports)| json!({peers: list, "ports": ports}))
}

fn network_policy() -> impl Strategy<Value = Json> + Clone {
    let types = prop::sample::select(vec![json!(null), json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])]);
    let rules = (prop::collection::vec(v1_rule("from"), 0..3), prop::collection::vec(v1_rule("to"), 0..3));
    (word(&["n0", "n1"]), pods(), types, rules).prop_map(|(namespace, pods, types, (ingress, egress))| {
        let spec = json!({"podSelector": pods, "policyTypes": types, "ingress": ingress, "egress": egress});
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": namespace, "name": "p"}, "spec": spec})
    })
}

fn cluster_peer(direction: &'static str) -> BoxedStrategy<Json> {
    let inside = prop_oneof![
        spaces().prop_map(|spaces| json!({"namespaces": spaces})),
        (spaces(), pods()).prop_map(|(spaces, pods)| json!({"pods": {"namespaceSelector": spaces, "podSelector": pods}})),
    ];
    let outside = prop_oneof![
        prop::collection::vec(cidr(), 1..3).prop_map(|networks| json!({"networks": networks})),
        selector(&["zone"]).prop_map(|nodes| json!({"nodes": nodes})),
        Just(json!({"domainNames": ["*.example.org"]})),
        Just(json!({"services": {}})),
    ];
    if direction == "egress" { prop_oneof![2 => inside, 1 => outside].boxed() } else { inside.boxed() }
}

fn cluster_rule(direction: &'static str, accept: &'static str) -> impl Strategy<Value = Json> + Clone {
    let key = if direction == "egress" { "to" } else { "from" };
    let protocols = prop_oneof![
        (79u16..82).prop_map(|port| json!({"tcp": {"destinationPort": {"number": port}}})),
        Just(json!({"udp": {}})),
        word(&["web", "dns"]).prop_map(|name| json!({"destinationNamedPort": name})),
        (79u16..81).prop_map(|port| json!({"sctp": {"destinationPort": {"range": {"start": port, "end": port + 9}}}})),
    ];
    let ports = prop_oneof![
        (79u16..82).prop_map(|port| json!({"portNumber": {"protocol": "TCP", "port": port}})),
        word(&["web", "dns"]).prop_map(|name| json!({"namedPort": name})),
        (79u16..81).prop_map(|port| json!({"portRange": {"protocol": "UDP", "start": port, "end": port + 9}})),
    ];
    let ports = (prop::collection::vec(protocols, 0..3), prop::collection::vec(ports, 1..3), any::<bool>());
    let action = prop_oneof![Just(accept), Just("Deny"), Just("Pass")];
    (action, prop::collection::vec(cluster_peer(direction), 1..3), ports).prop_map(move |(action, peers, (protocols, ports, all))| {
        let mut rule = json!({"action": action, key: peers});
        match (accept, all) {
            ("Accept", _) => rule["protocols"] = json!(protocols),
            (_, false) => rule["ports"] = json!(ports),
            (_, true) => {}
        }
        rule
    })
}

fn cluster_policy() -> impl Strategy<Value = Json> + Clone {
    let subject = prop_oneof![
        spaces().prop_map(|spaces| json!({"namespaces": spaces})),
        (spaces(), pods()).prop_map(|(spaces, pods)| json!({"pods": {"namespaceSelector": spaces, "podSelector": pods}})),
    ];
    let rules = |accept| {
        (prop::collection::vec(cluster_rule("ingress", accept), 0..3), prop::collection::vec(cluster_rule("egress", accept), 0..3))
    };
    let v2 = (subject.clone(), word(&["Admin", "Baseline"]), 0..3, rules("Accept")).prop_map(|(subject, tier, priority, (ingress, egress))| {
        let spec = json!({"tier": tier, "priority": priority, "subject": subject, "ingress": ingress, "egress": egress});
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "c"}, "spec": spec})
    });
    let kinds = word(&["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"]);
    let v1 = (subject, kinds, 0..3, rules("Allow")).prop_map(|(subject, kind, priority, (ingress, egress))| {
        let spec = json!({"priority": priority, "subject": subject, "ingress": ingress, "egress": egress});
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "default"}, "spec": spec})
    });
    prop_oneof![v2, v1]
}

fn pod() -> impl Strategy<Value = Json> + Clone {
    let labels = prop::collection::hash_map(word(&["app", "tier"]), word(&["a", "b"]), 0..3);
    let ports = prop::collection::vec(
        (word(&["web", "dns"]), 79u16..82, word(&["TCP", "UDP"]))
            .prop_map(|(name, port, protocol)| json!({"name": name, "containerPort": port, "protocol": protocol})),
        0..3,
    );
    let address = prop_oneof![Just(None), (1u8..6).prop_map(|last| Some(format!("10.0.0.{last}"))), Just(Some("fd00::1".to_owned()))];
    (word(&["n0", "n1", "n2"]), labels, ports, address, prop::bool::weighted(0.1)).prop_map(|(namespace, labels, ports, address, host)| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": namespace, "name": "", "labels": labels},
            "spec": {"hostNetwork": host, "nodeName": "node", "containers": [{"name": "c", "image": "i", "ports": ports}]},
            "status": {"podIP": address},
        })
    })
}

pub(crate) fn objects() -> impl Strategy<Value = Vec<Json>> {
    let policies = prop::collection::vec(prop_oneof![3 => network_policy(), 2 => cluster_policy()], 0..6);
    (prop::collection::vec(pod(), 1..8), policies, word(&["a", "b"]), prop::bool::weighted(0.3)).prop_map(
        |(mut pods, policies, team, apart)| {
            for (at, pod) in pods.iter_mut().enumerate() {
                pod["metadata"]["name"] = json!(format!("p{at}"));
            }
            let namespace =
                |name: &str, labels: Json| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
            pods.extend([
                namespace("n0", json!({"team": team})),
                namespace("n1", json!({"team": "b", "k8s.ovn.org/primary-user-defined-network": ""})),
            ]);
            if apart {
                pods.push(json!({
                    "apiVersion": "k8s.ovn.org/v1", "kind": "UserDefinedNetwork", "metadata": {"namespace": "n1", "name": "own"},
                    "spec": {"topology": "Layer2", "layer2": {"role": "Primary"}},
                }));
            }
            pods.push(json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": "node", "labels": {"zone": "a"}},
                "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
            }));
            pods.extend(policies);
            pods
        },
    )
}
