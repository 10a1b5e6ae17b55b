//! `plimsoll access least` and `plimsoll access unused`: roles from an audit log, and what nobody uses.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod support;

use support::{Ran, directory, json, plimsoll_in};

const HELD: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: edit, namespace: shop}
rules:
- {verbs: [get, list, delete], apiGroups: [''], resources: [pods, secrets]}
- {verbs: ['*'], apiGroups: [apps], resources: ['*']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: alice, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: edit}
subjects: [{kind: User, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: idle, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: edit}
subjects: [{kind: ServiceAccount, namespace: shop, name: robot}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: alone}
rules: []
";

/// Events of alice, each `ALLOWED VERB GROUP/RESOURCE NAME`.
fn log(events: &[&str]) -> String {
    let event = |(at, event): (usize, &&str)| {
        let words: Vec<&str> = event.split(' ').collect();
        let (group, resource) = words[2].split_once('/').expect("a group");
        let (code, decision) = if words[0] == "+" { (200, "allow") } else { (403, "forbid") };
        serde_json::json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": format!("id-{at}"), "stage": "ResponseComplete",
            "requestURI": "/", "verb": words[1], "user": {"username": "alice", "groups": ["system:authenticated"]},
            "objectRef": {"resource": resource, "apiGroup": group, "apiVersion": "v1", "namespace": "shop", "name": words.get(3).unwrap_or(&"")},
            "responseStatus": {"code": code}, "annotations": {"authorization.k8s.io/decision": decision},
            "requestReceivedTimestamp": format!("2026-01-01T00:00:{at:02}.000000Z"), "stageTimestamp": format!("2026-01-01T00:00:{at:02}.000000Z")
        })
        .to_string()
    };
    events.iter().enumerate().map(event).collect::<Vec<_>>().join("\n")
}

const USED: [&str; 5] = ["+ get /pods x", "+ get /pods y", "+ list apps/deployments", "- create /pods", "- list apps/deployments"];

fn run(log: &str, arguments: &[&str]) -> Ran {
    let directory = directory(&[("held.yaml", HELD.as_bytes()), ("audit.log", log.as_bytes())]);
    plimsoll_in(directory.path(), &[&["access"], arguments].concat(), b"")
}

#[test]
fn the_least_is_said_with_its_proof() {
    let ran = run(&log(&USED), &["least", "--audit", "audit.log", "held.yaml"]);
    let wanted = "\
user:alice: 5 events from 2026-01-01T00:00:00Z to 2026-01-01T00:00:04Z
  confidence low: the log covers less than a day, the subject was active on 1 day, 0 of its requests came up in the last quarter of the time only
  Role least:user:alice in shop
    get on pods named x, y
    list on deployments of apps
  was denied, and is allowed: list deployments.apps in namespace shop (2026-01-01T00:00:04Z, audit.log:5): it is held today, and was taken away for a time
  takes the place of
    RoleBinding shop/alice (held.yaml:8) to Role edit: used in part, last on 2026-01-01T00:00:02Z
  proved: a part of what is held today
  proved: 3 requests (3 events) allowed again, 1 request (1 event) denied again

log: 5 events, 4 distinct requests from 2026-01-01T00:00:00Z to 2026-01-01T00:00:04Z
";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.status), (wanted, "", 0));
}

#[test]
fn what_is_made_answers_as_it_has_to() {
    let made = run(&log(&USED), &["least", "--audit", "audit.log", "held.yaml", "-o", "yaml"]);
    assert_eq!(made.status, 0, "{}", made.err);
    let directory = directory(&[("roles.yaml", made.out.as_bytes())]);
    for (request, wanted) in [
        (&["get", "pods", "x"][..], 0),
        (&["list", "deployments.apps"], 0),
        (&["get", "pods", "z"], 1),
        (&["delete", "pods", "x"], 1),
        (&["create", "pods"], 1),
    ] {
        let ran = plimsoll_in(
            directory.path(),
            &[&["access", "can", "user:alice"], request, &["-n", "shop", "--in", "roles.yaml"]].concat(),
            b"",
        );
        assert_eq!(ran.status, wanted, "{request:?}\n{}{}\n{}", ran.out, ran.err, made.out);
    }
}

#[test]
fn wider_roles_are_asked_for_and_say_so() {
    let ran = run(&log(&USED), &["least", "--audit", "audit.log", "held.yaml", "-o", "yaml", "--widen", "names=1,verbs"]);
    assert!(ran.out.contains("# widened (names): get pods in namespace shop, whatever its name; 2 names were used\n"), "{}", ran.out);
    let json = json(&run(&log(&USED), &["least", "--audit", "audit.log", "held.yaml", "-o", "json", "--widen", "names=1,verbs"]));
    let kinds = |key: &str| {
        let list = json["subjects"][0][key].as_array().expect("a list");
        list.iter().map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["grants"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(kinds("notWidened"), ["verbs watch pods `x` in namespace shop", "verbs watch pods `y` in namespace shop"]);
    assert!(kinds("widened").contains(&"verbs watch deployments.apps in namespace shop, whatever its name".to_owned()), "{json:#}");
    assert_eq!((&json["subjects"][0]["subset"], &json["schemaVersion"]), (&"proved".into(), &1.into()));
}

#[test]
fn without_bindings_it_is_said_that_they_are_missing() {
    let ran = run(&log(&USED), &["least", "--audit", "audit.log"]);
    assert!(ran.out.contains("note: the bindings of the cluster were not read"), "{}", ran.out);
    assert!(!ran.out.contains("a part of what is held today"), "{}", ran.out);
    // What was denied last is not granted.
    assert!(ran.out.contains("left out: list deployments.apps in namespace shop"), "{}", ran.out);
    assert_eq!(ran.status, 0);
}

#[test]
fn as_audit2rbac_makes_them() {
    let ran = run(&log(&USED), &["least", "--audit", "audit.log", "--mode", "audit2rbac", "-o", "json"]);
    let objects = json(&ran);
    assert_eq!(objects[0]["metadata"]["name"], "audit2rbac:alice");
    // It grants what was denied, and all names.
    let rule = serde_json::json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]});
    assert_eq!(objects[0]["rules"][0], rule, "{objects:#}");
}

#[test]
fn what_cannot_be_read_is_said_and_the_status_tells() {
    let mut cut = log(&USED);
    cut.truncate(cut.len() - 20);
    let ran = run(&cut, &["least", "--audit", "audit.log", "held.yaml"]);
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert!(ran.err.contains("audit.log:5"), "{}", ran.err);
    for (arguments, wanted) in [
        (&["--subject", "user:nobody"][..], "the log has no event of `user:nobody`"),
        (&["--subject", "nobody"], "the log has no event of `user:nobody`"),
        (&["--subject", "group:"], "`group:` names nobody: one of sa:NAMESPACE/NAME, user:NAME, group:NAME"),
        (&["--subject", "sa:x"], "not `sa:x`"),
        (&["--widen", "everything"], "one of names=N, namespaces=N, generated, verbs"),
        (&["--widen", "names=many"], "`many` is no number"),
    ] {
        let ran = run(&log(&USED), &[&["least", "--audit", "audit.log", "held.yaml"], arguments].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(wanted), "{arguments:?} {}", ran.err);
    }
}

/// Without an event, all would be unused, and nothing needed.
#[test]
fn a_log_without_events_says_nothing_about_use() {
    for log in ["", "{\"a\": 1}\n", "W1123 apiserver starts\n"] {
        for command in ["least", "unused", "cut", "paths"] {
            let ran = run(log, &[command, "--audit", "audit.log", "held.yaml"]);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{command} {log:?}");
            assert!(ran.err.contains("there is no event in the audit log"), "{command} {log:?}: {}", ran.err);
        }
    }
}

/// No role takes anything from its members; they are asked about one by one.
#[test]
fn nobody_makes_roles_for_masters() {
    let log = log(&USED).replace("[\"system:authenticated\"]", "[\"system:masters\"]");
    let ran = run(&log, &["least", "--audit", "audit.log", "held.yaml"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("user:alice: ") && !ran.out.contains("group:system:masters: "), "{}", ran.out);
    let ran = run(&log, &["least", "--audit", "audit.log", "--subject", "group:system:masters", "held.yaml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no authorizer is asked about members of `system:masters`"), "{}", ran.err);
}

#[test]
fn what_nobody_uses() {
    let ran = run(&log(&USED), &["unused", "--audit", "audit.log", "held.yaml"]);
    let wanted = "\
sa:shop/robot: 0 events, not seen in the log
  RoleBinding shop/idle (held.yaml:14) to Role edit: never used in the log
user:alice: 5 events, last seen 2026-01-01T00:00:04Z
  RoleBinding shop/alice (held.yaml:8) to Role edit: used in part, last on 2026-01-01T00:00:02Z
    get, list, delete on pods, secrets (held.yaml:5): not used: delete, list on pods; delete, get, list on secrets
    all verbs on everything of apps (held.yaml:6): only used: list on deployments of apps
ClusterRole alone (held.yaml:20): nobody is granted it
1 of 2 grants never used, 1 in part; 5 events from 2026-01-01T00:00:00Z to 2026-01-01T00:00:04Z
";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.status), (wanted, "", 0));
    for (arguments, status) in [
        (&["--fail-on", "medium"][..], 1),
        (&["--fail-on", "medium", "--subject", "user:alice"], 0),
        (&["--fail-on", "low", "--subject", "user:alice"], 1),
        (&["-o", "json"], 0),
    ] {
        let ran = run(&log(&USED), &[&["unused", "--audit", "audit.log", "held.yaml"], arguments].concat());
        assert_eq!(ran.status, status, "{arguments:?}");
    }
}
