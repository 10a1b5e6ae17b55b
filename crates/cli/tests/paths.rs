//! `plimsoll access paths`: ways, what stops them, and when they were open. On the real binary.

#![cfg(test)]

mod support;

use serde_json::{Value, json};
use support::{Ran, directory, ids, json, plimsoll_in, scan};

const HEAD: &str = "apiVersion: rbac.authorization.k8s.io/v1";

/// A service account that may create pods in its namespace, beside one that may write ClusterRoles that it does not hold.
fn shop() -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
{HEAD}
kind: Role
metadata: {{name: pods, namespace: shop}}
rules: [{{apiGroups: [''], resources: [pods], verbs: [create]}}]
---
{HEAD}
kind: RoleBinding
metadata: {{name: ci, namespace: shop}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: pods}}
subjects: [{{kind: ServiceAccount, namespace: shop, name: ci}}]
---
{HEAD}
kind: ClusterRole
metadata: {{name: roles}}
rules: [{{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [escalate, update]}}]
---
{HEAD}
kind: ClusterRoleBinding
metadata: {{name: operator}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: roles}}
subjects: [{{kind: ServiceAccount, namespace: shop, name: operator}}]
"
    )
}

fn paths(files: &[(&str, &str)], arguments: &str) -> Ran {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let arguments: Vec<&str> = ["access", "paths"].into_iter().chain(arguments.split(' ')).collect();
    plimsoll_in(directory(&files).path(), &arguments, b"")
}

/// The names of the steps of each way.
fn steps(answer: &Value) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let of = |way: &Value| {
        let steps = way["steps"].as_array().expect("steps").iter().map(|step| text(&step["name"])).collect();
        (text(&way["from"]), text(&way["to"]), steps)
    };
    answer["paths"].as_array().expect("paths").iter().map(of).collect()
}

#[test]
fn a_way_is_told_step_by_step_with_places() {
    let ran = paths(&[("a.yaml", &shop())], "--from sa:shop/ci");
    assert_eq!(ran.status, 1, "{}", ran.err);
    let wanted = "\
service account shop/ci -> cluster-admin  (2 steps)
  1. service account shop/ci may create pods  [T1610]
     -> any service account in namespace shop -> service account shop/operator
       RoleBinding shop/ci gives service account shop/ci the Role pods  a.yaml:14
       Role shop/pods allows create on pods  a.yaml:8
  2. service account shop/operator may write rules into ClusterRoles that it does not hold  [T1098.006]
     -> cluster-admin
       ClusterRoleBinding operator gives service account shop/operator the ClusterRole roles  a.yaml:25
       ClusterRole roles allows escalate, update on clusterroles of rbac.authorization.k8s.io  a.yaml:19

1 way is open
";
    assert!(ran.out.starts_with(wanted), "{}", ran.out);
}

#[test]
fn the_worst_that_each_reaches_unless_goals_are_named() {
    let ran = paths(&[("a.yaml", &shop())], "-o json");
    let ways = steps(&json(&ran));
    let way = |from: &str, names: &[&str]| {
        (format!("service account shop/{from}"), "cluster-admin".to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(ways, [way("ci", &["create-pods", "escalate-cluster-roles"]), way("operator", &["escalate-cluster-roles"])]);
    let ran = paths(&[("a.yaml", &shop())], "--to node --from sa:shop/ci -o json");
    assert_eq!(steps(&json(&ran))[0].2, ["create-pods", "privileged-pod"]);
}

#[test]
fn what_stops_a_way_is_told() {
    // Without the account that leads around it.
    let shop = || shop().split_inclusive("---\n").take(3).collect::<String>();
    let level = shop().replace("{name: shop}", "{name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}");
    let policy = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-pods}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: 'false'}]
";
    let bound = "---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-pods}
spec: {policyName: no-pods, validationActions: [Deny]}
";
    let warned = bound.replace("Deny", "Warn");
    let table = [
        (level, Some("namespace shop enforces the Pod Security level baseline")),
        (shop() + policy, None),
        (shop() + policy + &warned, None),
        (shop() + policy + bound, Some("pods that are root on their node are refused in namespace shop, by no-pods")),
    ];
    for (yaml, wanted) in table {
        let ran = paths(&[("a.yaml", &yaml)], "--from sa:shop/ci --to node -o json");
        let answer = json(&ran);
        assert_eq!(
            (ran.status, answer["paths"].as_array().map(Vec::len)),
            if wanted.is_some() { (0, Some(0)) } else { (1, Some(1)) },
            "{yaml}"
        );
        let stopped = answer["stopped"].pointer("/0/steps/1/stoppedBy").and_then(Value::as_str);
        assert_eq!(stopped, wanted, "{yaml}");
    }
}

/// An event of the log: a binding of mallory to `cluster-admin` is created or deleted.
fn event(minute: u32, verb: &str, code: u32, name: &str) -> String {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}],
    });
    let at = format!("2026-11-23T06:{minute:02}:00Z");
    let mut event = json!({
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": format!("{minute}"),
        "stage": "ResponseComplete",
        "requestURI": format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}"),
        "verb": verb,
        "user": {"username": "admin", "groups": ["system:masters"]},
        "objectRef": {"resource": "clusterrolebindings", "name": name, "apiGroup": "rbac.authorization.k8s.io", "apiVersion": "v1"},
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": "allow"},
    });
    if verb == "create" {
        event["responseObject"] = binding;
    }
    event.to_string() + "\n"
}

#[test]
fn an_audit_log_tells_when_a_way_was_open() {
    let log = event(1, "create", 201, "door") + &event(2, "create", 409, "door") + &event(5, "delete", 200, "door");
    let ran = paths(&[("a.yaml", &shop()), ("log.jsonl", &log)], "a.yaml --from user:mallory --audit log.jsonl -o json");
    let answer = json(&ran);
    // The door is closed: nothing is open, and that it was is told.
    assert_eq!((ran.status, answer["paths"].as_array().map(Vec::len)), (0, Some(1)), "{}", ran.err);
    let open = &answer["paths"][0]["open"];
    let turn = |what: &str, field: &str| open[0][what][field].as_str().map(str::to_owned);
    assert_eq!(turn("opened", "at").as_deref(), Some("2026-11-23T06:01:00Z"));
    assert_eq!(turn("opened", "user").as_deref(), Some("admin"));
    assert_eq!(turn("closed", "at").as_deref(), Some("2026-11-23T06:05:00Z"));
    assert_eq!(turn("closed", "request").as_deref(), Some("delete ClusterRoleBinding door"));
    assert_eq!(turn("closed", "place").as_deref(), Some("log.jsonl:3"));
    // Opened again, and never closed.
    let log = log + &event(7, "create", 201, "window");
    let ran = paths(&[("a.yaml", &shop()), ("log.jsonl", &log)], "a.yaml --from user:mallory --audit log.jsonl -o json");
    let open = json(&ran)["paths"][0]["open"].clone();
    assert_eq!((ran.status, open.as_array().map(Vec::len), open[1].get("closed")), (1, Some(2), None));
}

#[test]
fn what_a_log_leaves_out_is_told() {
    let log = event(1, "create", 201, "door").replace("responseObject", "other") + "{\"kind\":\"Eve\n";
    let ran = paths(&[("a.yaml", &shop()), ("log.jsonl", &log)], "a.yaml --from user:mallory --audit log.jsonl");
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert!(ran.err.contains("log.jsonl:1") && ran.err.contains("the log does not hold the object"), "{}", ran.err);
    assert!(ran.err.contains("log.jsonl:2"), "{}", ran.err);
}

/// A binding that was there before the log begins: what it said then is not known.
#[test]
fn what_was_there_before_the_log_is_not_known() {
    let tell = |log: &str| paths(&[("a.yaml", &shop()), ("log.jsonl", log)], "a.yaml --from user:mallory --audit log.jsonl -o json");
    let is_told = |ran: &Ran| ran.err.contains("ClusterRoleBinding door (log.jsonl:1)") && json(ran)["complete"] == false;
    let deleted = tell(&event(1, "delete", 200, "door"));
    assert!(deleted.status == 2 && is_told(&deleted), "{}", deleted.err);
    let changed = event(1, "create", 200, "door").replace("\"verb\":\"create\"", "\"verb\":\"patch\"");
    let ran = tell(&changed);
    assert!(ran.status == 1 && is_told(&ran), "{}", ran.err);
    // An apply that made it is known to have found nothing.
    let applied = changed.replace("\"code\":200", "\"code\":201");
    let ran = tell(&applied);
    assert_eq!((ran.status, ran.err.as_str(), &json(&ran)["complete"]), (1, "", &json!(true)));
    // Events come in any order; what is tried out only changes nothing.
    let log = event(5, "delete", 200, "door") + &event(1, "create", 201, "door");
    assert_eq!(tell(&log).err, "");
    let dry = event(1, "create", 201, "door").replace("clusterrolebindings/door", "clusterrolebindings?dryRun=All");
    assert_eq!(json(&tell(&dry))["paths"], json!([]));
}

/// A namespace that is deleted takes its bindings along.
#[test]
fn all_bindings_of_a_namespace_are_deleted_at_once() {
    let in_namespace = |event: String| {
        let event = event.replace("ClusterRoleBinding", "RoleBinding").replace("clusterrolebindings", "rolebindings");
        event.replace("\"name\":\"door\"", "\"name\":\"door\",\"namespace\":\"kube-system\"")
    };
    let all = |uri: &str| {
        let event = in_namespace(event(5, "deletecollection", 200, "door")).replace("\"name\":\"door\",", "");
        event.replace("rolebindings/door", uri)
    };
    let tell = |last: String| {
        let log = in_namespace(event(1, "create", 201, "door")) + &last;
        let ran = paths(&[("a.yaml", &shop()), ("log.jsonl", &log)], "a.yaml --from user:mallory --audit log.jsonl -o json");
        (ran.err.clone(), json(&ran)["paths"][0]["open"][0]["closed"]["request"].clone())
    };
    assert_eq!(tell(all("rolebindings")), (String::new(), json!("deletecollection RoleBinding kube-system/*")));
    let (err, closed) = tell(all("rolebindings?labelSelector=a%3Db"));
    assert!(err.contains("which were deleted, the log does not say") && closed.is_null(), "{err} {closed}");
}

#[test]
fn goals_and_sources_that_are_not_there() {
    let ran = paths(&[("a.yaml", &shop())], "--to moon");
    assert!(ran.status == 2 && ran.err.contains("`moon`") && ran.err.contains("cluster-admin"), "{}", ran.err);
    for (from, wanted) in [
        ("user:nobody", "nothing that was read names `user:nobody`; what everybody has starts at"),
        ("sa:shop/cii", "did you mean sa:shop/ci?"),
        ("shop/ci", "did you mean sa:shop/ci?"),
        ("sa:shop:ci", "a service account is written `sa:NAMESPACE/NAME`, not `sa:shop:ci`"),
        // None of all service accounts is not all of them.
        ("namespace:gone", "nothing that was read names `namespace:gone`"),
        ("workload:shop/gone", "nothing that was read names `workload:shop/gone`"),
    ] {
        for arguments in [format!("a.yaml --from {from}"), format!("--in a.yaml --from {from} --to node")] {
            let ran = paths(&[("a.yaml", &shop())], &arguments);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments}");
            assert!(ran.err.contains(wanted), "{arguments}: {}", ran.err);
        }
    }
}

#[test]
fn a_scan_finds_ways_over_several_steps() {
    let ran = scan(&[("a.yaml", shop().as_bytes())], &["-o", "json"]);
    let report = json(&ran);
    let findings = report["findings"].as_array().expect("findings");
    let of_access = ids(&report).into_iter().zip(findings).filter(|(id, _)| id.starts_with("ACC-"));
    let found: Vec<&Value> = of_access.map(|(_, finding)| finding).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0]["id"].as_str(), found[0]["severity"].as_str()), (Some("ACC-path-cluster-admin"), Some("critical")));
    assert_eq!(found[0]["subject"]["pointer"], "/subjects/0");
    let evidence = found[0]["evidence"].to_string();
    assert!(
        evidence.contains("1. service account shop/ci may create pods") && evidence.contains("2. service account shop/operator"),
        "{evidence}"
    );
}

#[test]
fn one_tenant_reaches_another_or_does_not() {
    let tenants = format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: robot, namespace: blue}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: robot, namespace: red}}
---
{HEAD}
kind: Role
metadata: {{name: shell, namespace: red}}
rules: [{{apiGroups: [''], resources: [pods/exec], verbs: [create]}}]
---
{HEAD}
kind: RoleBinding
metadata: {{name: shell, namespace: red}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: shell}}
subjects: [{{kind: ServiceAccount, namespace: blue, name: robot}}]
"
    );
    let ran = paths(&[("a.yaml", &tenants)], "--from namespace:blue --to namespace:red -o json");
    let (from, to) = ("service account blue/robot".to_owned(), "namespace:red".to_owned());
    assert_eq!((ran.status, steps(&json(&ran))), (1, vec![(from, to, vec!["exec".to_owned()])]), "{}", ran.err);
    let ran = paths(&[("a.yaml", &tenants)], "--from namespace:red --to namespace:blue");
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}
