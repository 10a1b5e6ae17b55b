//! `plimsoll access cut` and `plimsoll access graph` on the real binary.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use serde_json::Value;
use support::{Ran, directory, json, plimsoll_in};

const WORLD: &str = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: deployer}
rules:
- {apiGroups: [''], resources: [pods], verbs: [get, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: deployers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
subjects:
- {kind: ServiceAccount, namespace: a, name: web}
- {kind: ServiceAccount, namespace: b, name: web}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: oops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, namespace: c, name: ci}
- {kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}
";

fn access(world: &str, arguments: &[&str]) -> Ran {
    let directory = directory(&[("world.yaml", world.as_bytes())]);
    plimsoll_in(directory.path(), &[&["access"], arguments, &["world.yaml"]].concat(), b"")
}

#[test]
fn cut_names_the_changes_with_their_places() {
    let ran = access(WORLD, &["cut"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    for line in [
        "narrow the rule `get, create on pods` of ClusterRole deployer (world.yaml:5)",
        "leaves: get on pods",
        "take ServiceAccount c/ci out of ClusterRoleBinding oops (world.yaml:20)",
        "2 changes close 3 pairs",
        "no smaller set of changes does",
        "checked: with the changes made, no way is left",
    ] {
        assert!(ran.out.contains(line), "{line}\n{}", ran.out);
    }
}

#[test]
fn what_cut_prints_can_be_applied_and_leaves_no_way() {
    let changed = access(WORLD, &["cut", "-o", "yaml"]);
    let directory = directory(&[("changed.yaml", changed.out.as_bytes()), ("rest.yaml", WORLD.split("---\n").nth(1).unwrap().as_bytes())]);
    let again = plimsoll_in(directory.path(), &["access", "cut", "."], b"");
    assert_eq!((again.status, again.out.trim_end()), (0, "no way leads there"), "{}", changed.out);
}

#[test]
fn json_has_patches() {
    let cut = json(&access(WORLD, &["cut", "-o", "json", "--from", "sa:c/ci", "--to", "node"]));
    assert_eq!(cut["isSmallest"], true);
    assert_eq!(cut["objects"][0]["patch"], serde_json::json!([{"op": "remove", "path": "/subjects/0"}]));
    assert_eq!(cut["changes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn people_are_cut_only_when_they_are_named() {
    let ran = access(WORLD, &["cut", "--from", "user:alice"]);
    assert!(ran.out.contains("take User alice out of ClusterRoleBinding oops"), "{}", ran.out);
    let ran = access(WORLD, &["cut", "--from", "user:nobody"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("nothing that was read names `user:nobody`"), "{}", ran.err);
}

#[test]
fn the_picture_folds_what_goes_the_same_way() {
    let drawn = json(&access(WORLD, &["graph", "-o", "json"]));
    let labels: Vec<&str> = drawn["nodes"].as_array().unwrap().iter().map(|node| node["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"cluster-admin") && labels.contains(&"alice"), "{labels:?}");
    let facts: Vec<&str> = drawn["edges"].as_array().unwrap().iter().filter_map(|edge| edge["facts"][0].as_str()).collect();
    assert!(facts.iter().any(|fact| fact.contains("world.yaml:5") && fact.contains("world.yaml:12")), "{facts:?}");
    assert!(drawn["nodes"].as_array().unwrap().iter().any(|node| node["isSink"] == Value::Bool(true)));
}

#[test]
fn hostile_names_stay_text_in_pictures() {
    let world = WORLD.replace("name: alice", "name: '<img src=x onerror=alert(1)></script><script>alert(2)</script>'");
    for form in ["html", "svg"] {
        let ran = access(&world, &["graph", "-o", form]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(!ran.out.contains("<img") && !ran.out.contains("<script>alert"), "{form}");
        assert!(ran.out.contains("&lt;img"), "{form}");
    }
    assert!(access(&world, &["graph", "-o", "dot"]).out.starts_with("digraph "));
}
