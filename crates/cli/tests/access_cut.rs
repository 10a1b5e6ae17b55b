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

/// One line of an audit log: `user` created a pod.
fn created(user: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{user}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods","verb":"create","user":{{"username":"{user}"}},"objectRef":{{"resource":"pods","namespace":"shop","apiVersion":"v1"}},"responseStatus":{{"code":201}},"requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z","stageTimestamp":"2026-03-01T10:00:00.000000Z","annotations":{{"authorization.k8s.io/decision":"allow"}}}}
"#
    )
}

/// A cut of the world in which alice deploys too, with a log in which somebody did.
fn cut_beside(user: &str, form: &str) -> Ran {
    let alice = "- {kind: ServiceAccount, namespace: b, name: web}\n- {kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}\n";
    let world = WORLD.replace("- {kind: ServiceAccount, namespace: b, name: web}\n", alice);
    let directory = directory(&[("world.yaml", world.as_bytes()), ("audit.log", created(user).as_bytes())]);
    plimsoll_in(directory.path(), &["access", "cut", "--audit", "audit.log", "-o", form, "world.yaml"], b"")
}

fn whats(cut: &Value) -> Vec<&str> {
    cut["changes"].as_array().expect("changes").iter().map(|change| change["what"].as_str().expect("what")).collect()
}

#[test]
fn what_the_log_shows_in_use_stays_and_more_is_cut_instead() {
    let cut = json(&cut_beside("nobody", "json"));
    let subject = "take ServiceAccount c/ci out of ClusterRoleBinding oops";
    assert_eq!(whats(&cut), ["narrow the rule `get, create on pods` of ClusterRole deployer", subject]);
    assert_eq!(cut["kept"], serde_json::json!([]));

    let cut = json(&cut_beside("alice", "json"));
    let [a, b] = ["a", "b"].map(|namespace| format!("take ServiceAccount {namespace}/web out of ClusterRoleBinding deployers"));
    assert_eq!(whats(&cut), [&a, &b, subject]);
    assert_eq!((&cut["isSmallest"], &cut["open"], &cut["remaining"]), (&true.into(), &serde_json::json!([]), &serde_json::json!([])));
    let why = "user alice uses it, by ClusterRoleBinding deployers and ClusterRole deployer: create pods in namespace shop once, last on \
               2026-03-01T10:00:00Z (audit.log:1)";
    let kept = &cut["kept"][0];
    assert_eq!((&kept["place"], &kept["inUse"]), (&"world.yaml:5".into(), &serde_json::json!([why])));

    let ran = cut_beside("alice", "text");
    let kept = "kept, as the audit log shows it in use:\n  the rule `get, create on pods` of ClusterRole deployer (world.yaml:5)\n";
    assert!(ran.status == 1 && ran.out.contains(kept) && ran.out.contains("create pods in namespace shop once"), "{}", ran.out);
}

#[test]
fn a_way_that_only_uses_hold_stays_open_and_says_who_uses_what() {
    let user = "system:serviceaccount:a:web";
    let cut = json(&cut_beside(user, "json"));
    assert_eq!(cut["changes"].as_array().map(Vec::len), Some(2), "{cut:#}");
    assert_eq!(cut["open"].as_array().map(Vec::len), Some(1));
    let (open, kept) = (&cut["open"][0], &cut["kept"]);
    assert_eq!(open["source"], "service account a/web");
    assert!(
        open["inUse"][0].as_str().is_some_and(|used| used.starts_with("service account a/web uses it, by ClusterRoleBinding deployers"))
    );
    assert_eq!(kept.as_array().map(Vec::len), Some(2), "the rule and the subject: {kept:#}");
    assert_eq!(cut_beside(user, "text").status, 1);
}

#[test]
fn an_account_that_was_seen_keeps_its_token_and_what_no_log_shows_is_said() {
    let world = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a}
spec: {serviceAccountName: web, containers: [{name: web, image: web}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: binder}
rules:
- {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: binder}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: binder}
subjects: [{kind: ServiceAccount, namespace: a, name: web}]
";
    let log = created("system:serviceaccount:a:web")
        .replace("\"pods\"", "\"clusterrolebindings\"")
        .replace("\"namespace\":\"shop\",\"apiVersion\":\"v1\"", "\"apiGroup\":\"rbac.authorization.k8s.io\",\"apiVersion\":\"v1\"");
    let directory = directory(&[("world.yaml", world.as_bytes()), ("audit.log", log.as_bytes())]);
    let cut = |arguments: &[&str]| {
        plimsoll_in(directory.path(), &[&["access", "cut", "--from", "workload:a/web", "world.yaml"], arguments].concat(), b"")
    };
    assert_eq!(json(&cut(&["-o", "json"]))["kept"], serde_json::json!([]));
    let with_log = cut(&["--audit", "audit.log"]);
    for line in [
        "1. remove the rule `bind on clusterroles of rbac.authorization.k8s.io` of ClusterRole binder (world.yaml:10)",
        "   not known to be unused, as no audit log shows it: bind",
        "  the token in Pod a/web (world.yaml:1)",
        "    service account a/web uses its token: seen in the log once, last on 2026-03-01T10:00:00Z",
        "  the rule `create on clusterrolebindings of rbac.authorization.k8s.io` of ClusterRole binder (world.yaml:11)",
    ] {
        assert!(with_log.out.contains(&format!("{line}\n")), "{line}\n{}", with_log.out);
    }
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
