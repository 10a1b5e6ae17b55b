//! `plimsoll net lint` and `plimsoll net suggest` on the real binary.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use support::{Ran, directory, ids, json, plimsoll_in};

const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i, env: [{name: API, value: 'http://api:80'}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 80, targetPort: http}]}
";

/// Hubble's, one line.
const FLOW: &str = r#"{"flow":{"verdict":"FORWARDED","l4":{"TCP":{"destination_port":8080}},"source":{"namespace":"shop","pod_name":"web-5d4f8c7b9-abcde","labels":["k8s:app=web"]},"destination":{"namespace":"shop","pod_name":"api-6c9f7d5b8-fghij","labels":["k8s:app=api"]},"Type":"L3_L4","traffic_direction":"EGRESS","is_reply":false}}
"#;

fn net(policies: &str, arguments: &[&str]) -> Ran {
    let files = directory(&[("shop.yaml", SHOP.as_bytes()), ("policies.yaml", policies.as_bytes()), ("flows.json", FLOW.as_bytes())]);
    plimsoll_in(files.path(), &[&["net"], arguments].concat(), b"")
}

const TYPO: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: wbe}}, policyTypes: [Ingress, Egress]}
";

#[test]
fn a_policy_for_nobody_is_found_by_lint_and_by_scan() {
    let ran = net(TYPO, &["lint", "policies.yaml", "shop.yaml", "--fail-on", "low", "-o", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert_eq!(ids(&json(&ran)), ["NETPOL-no-default-deny", "NETPOL-selects-nobody"]);
    let text = net(TYPO, &["lint", "policies.yaml", "shop.yaml"]);
    assert_eq!(text.status, 0);
    assert!(text.out.contains("policies.yaml") && text.out.contains("`app` is there as api, web"), "{}", text.out);
    let files = directory(&[("shop.yaml", SHOP.as_bytes()), ("policies.yaml", TYPO.as_bytes())]);
    let scan = plimsoll_in(files.path(), &["scan", ".", "-o", "json"], b"");
    assert!(ids(&json(&scan)).contains(&"NETPOL-selects-nobody"));
}

#[test]
fn suggested_policies_pass_their_own_check() {
    for needs in [&["suggest", "shop.yaml"][..], &["suggest", "shop.yaml", "--flows", "flows.json"]] {
        let ran = net("", needs);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.starts_with("# ") && ran.out.contains("kind: NetworkPolicy"), "{}", ran.out);
        // What was written is read: it lets the flow through, and nothing else between the two.
        let check = net(&ran.out, &["suggest", "shop.yaml", "policies.yaml", "--flows", "flows.json", "--check"]);
        let is_exact = check.out == "the policies that are there: 1 of 1 needs pass, and nothing else between workloads that were read\n";
        // Whoever uses a name asks for it, which the flow does not show.
        let asks = check.out.contains("shop/web -> kube-system/kube-dns: TCP 53; UDP 53");
        assert_eq!((check.status, is_exact, asks), (0, needs.len() > 2, needs.len() == 2), "{}", check.out);
        let listed = net(&ran.out, &["list", "shop.yaml", "policies.yaml", "-o", "csv"]);
        assert!(listed.out.contains("shop/web,shop/api,TCP 8080,\n") && !listed.out.contains("shop/api,shop/web"), "{}", listed.out);
    }
}

#[test]
fn flows_that_policies_cut_are_told_with_a_status() {
    let deny = TYPO.replace("{matchLabels: {app: wbe}}", "{}");
    let ran = net(&deny, &["suggest", "shop.yaml", "policies.yaml", "--flows", "flows.json", "--check", "-o", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let proof = &json(&ran)["proof"];
    assert_eq!((proof["met"].as_u64(), proof["unmet"][0]["traffic"]["tcp"][0].as_str()), (Some(0), Some("8080")));
}

#[test]
fn where_nothing_is_needed_nothing_is_suggested() {
    let ran = net(TYPO, &["suggest", "policies.yaml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("nothing is needed"), "{}", ran.err);
}

#[test]
fn names_stay_comments_and_texts() {
    let hostile = SHOP.replace("name: web,", "name: \"w\\r\\u2028{kind: Evil}\\e[31m\",");
    let deny = TYPO.replace("{app: wbe}", "{app: api}").replace("[Ingress, Egress]", "[Ingress]");
    let files = directory(&[("shop.yaml", hostile.as_bytes()), ("deny.yaml", deny.as_bytes())]);
    let ran = plimsoll_in(files.path(), &["net", "suggest", "shop.yaml", "deny.yaml", "--from", "allowed"], b"");
    let text = plimsoll_in(files.path(), &["net", "list", "shop.yaml", "deny.yaml"], b"");
    for out in [&ran.out, &text.out] {
        assert!(!out.contains(['\r', '\u{1b}', '\u{2028}']), "{out:?}");
    }
    assert!(text.out.contains("Evil"), "{}", text.out);
}
