//! What each lint finds, and what it leaves alone.

#![cfg(test)]

mod common;

use common::with_world;
use plimsoll_network::lint;
use plimsoll_network::matrix::Matrix;
use std::collections::BTreeSet;

/// Two workloads, one on the network of its node, a DNS, a webhook and a controller with rights.
const WORLD: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: hosts, labels: {app: agent}}, spec: {hostNetwork: true, containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}, spec: {containers: [{name: c, image: i, ports: [{name: dns, containerPort: 5353, protocol: UDP}]}]}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: shop}, roleRef: {kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: web, namespace: shop}]}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {selector: {app: db}, ports: [{port: 443, targetPort: sql}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: w}, webhooks: [{name: w.example.org, clientConfig: {service: {namespace: shop, name: db}}}]}
";

/// A default deny, so that only what a case is about is found.
const DENY: &str = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}]}}";

fn found(policies: &str) -> BTreeSet<String> {
    with_world(&format!("{WORLD}---\n{policies}"), |world, inventory| {
        let findings = lint::findings(world, &Matrix::new(world), inventory);
        for finding in &findings {
            let place = finding.location.as_ref().expect("every finding has a place");
            assert!(!place.source.slice(place.span).is_empty(), "{} has an empty place", finding.rule.id);
            assert!(!finding.message.is_empty() && finding.remediation.is_some(), "{} has no cure", finding.rule.id);
        }
        findings.into_iter().map(|finding| finding.rule.id.trim_start_matches("NETPOL-").to_owned()).collect()
    })
}

/// A NetworkPolicy of the namespace.
fn policy(spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: shop}}, spec: {{{spec}}}}}")
}

#[test]
fn each_fault_is_found_where_it_is_and_nowhere_else() {
    let allowed = "egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: sql}]}]";
    for (spec, wanted, innocent) in [
        ("podSelector: {matchLabels: {app: wbe}}, ingress: []", "selects-nobody", "podSelector: {matchLabels: {app: web}}, ingress: []"),
        (
            "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: dbb}}}]}]",
            "peer-is-nobody",
            "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring-of-others}}}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web, pod-template-hash: abc}}, ingress: []",
            "passing-label",
            "podSelector: {matchLabels: {app: web}}, ingress: []",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]",
            "label-of-any-namespace",
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: db}}}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: htpt}]}]",
            "named-port",
            "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}]}]",
        ),
        (
            // The port of the Service is not the one that the pods listen on.
            &format!(
                "podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Egress], {}, {{to: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}], ports: [{{port: 53, protocol: UDP}}]}}]",
                allowed.trim_end_matches(']')
            ),
            "dns-blocked",
            &format!(
                "podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Egress], {}, {{to: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}], ports: [{{port: 5353, protocol: UDP}}]}}]",
                allowed.trim_end_matches(']')
            ),
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}}, {podSelector: {matchLabels: {app: db}}}]}]",
            "peers-apart",
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: db}}}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, egress: [{ports: [{port: 5353, protocol: UDP}]}]",
            "egress-without-type",
            "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 5353, protocol: UDP}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.1.0.0/24]}}]}]",
            "except",
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.1.0/24]}}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}, {from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]",
            "shadowed-rule",
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}, {from: [{namespaceSelector: {}}], ports: [{port: 80}]}]",
        ),
        (
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{service: {name: x}}]}]",
            "unknown-peer",
            "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]",
        ),
    ] {
        let (bad, good) = (found(&format!("{DENY}\n---\n{}", policy(spec))), found(&format!("{DENY}\n---\n{}", policy(innocent))));
        assert!(bad.contains(wanted), "{wanted} is not found in {spec}: {bad:?}");
        assert!(!good.contains(wanted), "{wanted} is found in {innocent}");
    }
}

#[test]
fn policies_for_pods_on_the_network_of_their_node_are_found() {
    let of = |namespace: &str| policy("podSelector: {}, ingress: []").replace("namespace: shop", &format!("namespace: {namespace}"));
    assert!(found(&of("hosts")).contains("host-network"));
    assert!(!found(&of("shop")).contains("host-network"));
}

#[test]
fn what_is_cut_or_open_is_found() {
    // The controller does not reach the API server; what opens everything for ingress denies nothing by default.
    let closed = found(DENY);
    assert!(
        closed.contains("api-server-blocked") && closed.contains("no-default-deny") && !closed.contains("webhook-blocked"),
        "{closed:?}"
    );
    let shut = found(&policy("podSelector: {}, policyTypes: [Ingress, Egress]"));
    assert!(shut.contains("webhook-blocked") && !shut.contains("no-default-deny"), "{shut:?}");
    let half = found(&policy("podSelector: {}, ingress: []"));
    assert!(half.contains("no-default-deny") && !half.contains("api-server-blocked"), "{half:?}");
}

#[test]
fn policies_of_the_cluster_have_an_order_and_both_families() {
    let admin = |name: &str, priority: u32, action: &str| {
        format!(
            "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {{name: {name}}}, spec: {{tier: Admin, \
             priority: {priority}, subject: {{namespaces: {{}}}}, egress: [{{action: {action}, to: [{{networks: [0.0.0.0/0]}}]}}]}}}}\n---\n"
        )
    };
    let rivals = found(&(admin("one", 5, "Deny") + &admin("two", 5, "Accept") + DENY));
    assert!(rivals.contains("equal-priority"), "{rivals:?}");
    let ordered = found(&(admin("one", 5, "Deny") + &admin("two", 6, "Accept") + DENY));
    assert!(!ordered.contains("equal-priority"), "{ordered:?}");
    // All of IPv4 is denied, and IPv6 is not thought of.
    let one_family = found(&admin("one", 5, "Deny"));
    assert!(one_family.contains("ipv6-open"), "{one_family:?}");
}

#[test]
fn what_the_internet_reaches_is_found_where_policies_let_it() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: lb, namespace: shop}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}}\n---\n";
    assert!(found(&format!("{service}{DENY}")).contains("reachable-from-outside"));
    assert!(
        !found(&format!("{service}{}", policy("podSelector: {}, ingress: [{from: [{podSelector: {}}]}]")))
            .contains("reachable-from-outside")
    );
}

#[test]
fn every_lint_has_a_page_and_an_id_of_its_own() {
    let rules = lint::rules();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids.len(), rules.len());
    assert!(rules.iter().all(|rule| rule.docs.contains("## How to fix") && !rule.title.ends_with('.')));
}
