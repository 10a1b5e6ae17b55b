//! What the API would refuse: it fails closed, and is said.

#![cfg(test)]

mod common;

use common::with_world;
use plimsoll_network::{End, Endpoint, Protocol, Traffic, World};
use std::fmt::Write;

/// Two pods in one namespace.
const PODS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: n, labels: {app: a}}, spec: {containers: [{name: c, image: i, ports: [{name: web, containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: n, labels: {app: b}}, spec: {containers: [{name: c, image: i}]}}
---
";

/// The endpoint of a name.
fn endpoint<'w, 'a>(world: &'w World<'a>, name: &str) -> &'w Endpoint<'a> {
    world.endpoints.iter().find(|endpoint| world.name(endpoint) == name).expect("an endpoint")
}

/// What `b` may send to `a` under a policy with these rules for ingress, and what is said of them.
fn judged(rule: &str) -> (Traffic, Vec<String>) {
    let policy = format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: n}}, spec: {{podSelector: {{}}, ingress: [{rule}]}}}}"
    );
    with_world(&format!("{PODS}{policy}"), |world, _| {
        let (.., both) = world.between(End::Endpoint(endpoint(world, "n/b")), End::Endpoint(endpoint(world, "n/a")));
        (both, world.problems.iter().map(|problem| format!("{problem:?}")).collect())
    })
}

#[test]
fn what_is_not_understood_allows_nothing() {
    for rule in [
        "{from: [{}]}",
        "{from: [{service: {name: a}}]}",
        "{from: [{podSelector: {}, ipBlock: {cidr: 0.0.0.0/0}}]}",
        "{from: [{podSelector: {matchLabel: {app: b}}}]}",
        "{from: [{podSelector: {matchExpressions: [{key: app, operator: Is, values: [b]}]}}]}",
        "{from: [{podSelector: {matchExpressions: [{key: app, operator: In}]}}]}",
        "{from: [{ipBlock: {cidr: 10.0.0.0}}]}",
        "{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}",
        "{from: [{ipBlock: {except: [10.0.0.0/8]}}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0, excepts: [10.0.0.0/8]}}]}",
        "{to: [{podSelector: {}}]}",
        "{from: {podSelector: {}}}",
        "{from: everyone}",
        "[{from: []}]",
        "everybody",
        "{ports: {port: 80}}",
        "{ports: '80'}",
        "{ports: [80]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0, except: 10.0.0.0/8}}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0]}}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0, except: ['::/8']}}]}",
        "{from: [{podSelector: {matchExpressions: {key: app, operator: In, values: [b]}}}]}",
        "{ports: [{port: 0}]}",
        "{ports: [{port: 65536}]}",
        "{ports: [{port: 90, endPort: 80}]}",
        "{ports: [{endPort: 80}]}",
        "{ports: [{port: web, endPort: 80}]}",
        "{ports: [{port: 80, protocol: HTTP}]}",
        "{ports: [{port: 80, portocol: UDP}]}",
        "{ports: [{port: [80]}]}",
    ] {
        let (traffic, problems) = judged(rule);
        assert!(traffic.is_none(), "{rule} allows {traffic}");
        assert!(!problems.is_empty(), "nothing is said of {rule}");
    }
}

#[test]
fn what_is_right_is_let_through_in_silence() {
    for (rule, wanted) in [
        ("{}", Traffic::all()),
        ("{from: [{podSelector: {}}]}", Traffic::all()),
        ("{ports: [{port: web}]}", Traffic::port(Protocol::Tcp, 80)),
        ("{ports: [{protocol: UDP}]}", Traffic::protocol(Protocol::Udp)),
        // A bad item beside a good one takes nothing from it.
        ("{from: [{podSelector: {}}], ports: [{port: 80}]}", Traffic::port(Protocol::Tcp, 80)),
    ] {
        let (traffic, problems) = judged(rule);
        assert_eq!((traffic, problems), (wanted, Vec::new()), "{rule}");
    }
}

#[test]
fn a_rule_that_denies_denies_everybody_when_it_is_not_understood() {
    let protocols = "protocols: [{tcp: {destinationPort: {number: 80}}}]";
    let (from, ports) = ("from: [{namespaces: {}}]", "ports: [{portNumber: {protocol: TCP, port: 80}}]");
    let cluster = |rule: &str| {
        format!(
            "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {{name: p}}, spec: {{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, {rule}}}]}}}}"
        )
    };
    let admin = |rule: &str| {
        format!(
            "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: p}}, spec: {{priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, {rule}}}]}}}}"
        )
    };
    for policy in [
        cluster(&format!("from: [{{workloads: {{}}}}], {protocols}")),
        cluster(&format!("from: {{namespaces: {{}}}}, {protocols}")),
        cluster(protocols),
        cluster(&format!("{from}, protocols: {{tcp: {{}}}}")),
        cluster(&format!("{from}, protocols: [{{tcp: {{destinationPort: {{range: {{start: 9, end: 8}}}}}}}}]")),
        admin(&format!("from: all, {ports}")),
        admin(&format!("{from}, ports: {{portNumber: {{protocol: TCP, port: 80}}}}")),
        admin(&format!("{from}, ports: [{{portNumber: {{protocol: TCP, port: 0}}}}]")),
    ] {
        with_world(&format!("{PODS}{policy}"), |world, _| {
            let (.., both) = world.between(End::Endpoint(endpoint(world, "n/b")), End::Endpoint(endpoint(world, "n/a")));
            assert!(both.is_none(), "{policy} allows {both}");
            assert!(!world.problems.is_empty(), "nothing is said of {policy}");
        });
    }
}

#[test]
fn a_rule_of_the_cluster_that_accepts_is_about_nobody_if_one_peer_is_not_understood() {
    let rules = "ingress: [{action: Accept, from: [{namespaces: {}}, {workloads: {}}]}, {action: Deny, from: [{namespaces: {}}]}]";
    let policy = format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {{name: p}}, spec: {{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, {rules}}}}}"
    );
    with_world(&format!("{PODS}{policy}"), |world, _| {
        let (.., both) = world.between(End::Endpoint(endpoint(world, "n/b")), End::Endpoint(endpoint(world, "n/a")));
        assert!(both.is_none() && !world.problems.is_empty(), "{both}");
    });
}

#[test]
fn a_hundred_thousand_blocks_are_read_and_asked() {
    let mut blocks = String::new();
    for at in 0..100_000_u32 {
        let [_, b, c, d] = (at * 2).to_be_bytes();
        let _ = write!(blocks, "{{ipBlock: {{cidr: 11.{b}.{c}.{d}/32}}}},");
    }
    let policy = format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: n}}, spec: {{podSelector: {{}}, ingress: [{{from: [{blocks}]}}]}}}}"
    );
    with_world(&format!("{PODS}{policy}"), |world, _| {
        let matrix = plimsoll_network::matrix::Matrix::new(world);
        let allowed: usize = matrix.from_outside.iter().flatten().map(|(_, addresses)| addresses.iter().count()).max().unwrap_or_default();
        assert_eq!(allowed, 100_000);
    });
}
