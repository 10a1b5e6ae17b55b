//! `plimsoll net graph` on the real binary.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use serde_json::Value;
use std::fmt::Write;
use support::{Ran, directory, json, plimsoll_in};

const WORLD: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: cart, namespace: shop, labels: {app: cart}}
spec: {containers: [{name: c, image: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: probe, namespace: ops}
spec: {containers: [{name: c, image: c}]}
";

fn graph(world: &str, arguments: &[&str]) -> Ran {
    let directory = directory(&[("world.yaml", world.as_bytes())]);
    plimsoll_in(directory.path(), &[&["net", "graph", "world.yaml"], arguments].concat(), b"")
}

fn list<'v>(map: &'v Value, key: &str) -> &'v Vec<Value> {
    map[key].as_array().expect(key)
}

fn labels(map: &Value) -> Vec<&str> {
    list(map, "places").iter().map(|place| place["label"].as_str().expect("a label")).collect()
}

#[test]
fn places_tell_their_ports_and_policies() {
    let map = json(&graph(WORLD, &["-o", "json"]));
    assert_eq!(labels(&map), ["probe", "cart", "web", "all addresses"]);
    assert_eq!(map["regions"], serde_json::json!(["ops", "shop"]));
    let cart = &list(&map, "places")[1];
    assert_eq!(cart["caption"], "Pod · TCP 8080");
    let facts: Vec<&str> = list(cart, "facts").iter().map(|fact| fact.as_str().expect("a fact")).collect();
    assert_eq!(facts, ["declares TCP 8080 (http)", "NetworkPolicy shop/cart: ingress (world.yaml:1)", "no policy is about its egress"]);
    let into: Vec<_> = list(&map, "ways").iter().filter(|way| way["to"] == 1).map(|way| (&way["from"], way["label"].as_str())).collect();
    assert_eq!(into, [(&Value::from(2), Some("TCP 8080"))]);
}

#[test]
fn a_focus_leaves_out_what_is_far() {
    let far = WORLD.replace(
        "podSelector: {matchLabels: {app: cart}}\n",
        "podSelector: {matchLabels: {app: cart}}\n  policyTypes: [Ingress, Egress]\n",
    );
    assert_eq!(labels(&json(&graph(&far, &["-o", "json", "--focus", "shop/cart"]))), ["cart", "web"]);
    assert_eq!(labels(&json(&graph(&far, &["-o", "json", "-n", "ops"]))), ["probe", "web", "all addresses"]);
    let ran = graph(WORLD, &["--namespace", "nowhere"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
}

#[test]
fn many_that_are_alike_share_a_place() {
    let mut world = WORLD.to_owned();
    for at in 0..250 {
        let _ = write!(
            world,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: job-{at:03}, namespace: jobs}}\nspec: {{containers: [{{name: c, image: c}}]}}\n"
        );
    }
    let map = json(&graph(&world, &["-o", "json"]));
    assert_eq!(labels(&map), ["job-000 and 249 more", "probe", "cart", "web", "all addresses"]);
    let jobs = &list(&map, "places")[0];
    assert!(jobs["caption"].as_str().is_some_and(|caption| caption.starts_with("250 × Pod")), "{jobs}");
    let facts = list(jobs, "facts");
    assert!(facts.contains(&Value::from("jobs/job-249")) && facts.contains(&Value::from("each to the others: all")), "{facts:?}");
    assert!(list(&map, "notes").iter().any(|note| note.as_str().is_some_and(|note| note.contains("4 places for 253"))));
}

#[test]
fn every_form_is_written_and_names_stay_text() {
    let world = WORLD.replace("name: probe", "name: '<img src=x onerror=alert(1)></script><script>alert(2)</script>'");
    for (form, start) in [("html", "<!doctype html>"), ("svg", "<?xml"), ("dot", "digraph "), ("json", "{")] {
        let ran = graph(&world, &["-o", form]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.starts_with(start), "{form}");
        assert!(!["html", "svg"].contains(&form) || (!ran.out.contains("<img") && !ran.out.contains("<script>alert")), "{form}");
    }
    let ran = graph("apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n", &[]);
    assert!(ran.status == 2 && ran.err.contains("nothing to draw"), "{}", ran.err);
}
