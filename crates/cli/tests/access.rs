//! `plimsoll access`: the questions, their answers, and exit statuses. Everything in a directory of its own.

#![cfg(test)]

mod support;

use serde_json::Value;
use support::{Ran, directory, ids, json, plimsoll_in, scan};

const SHOP: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get, list]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [one, two], verbs: [get, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: api}
- {kind: Group, name: "system:serviceaccounts:jobs"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: looker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: User, name: ann}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.harbour.example}
spec: {group: harbour.example, scope: Cluster, names: {plural: boats, kind: Boat, shortNames: [bt]}}
"#;

const DANGLING: &str = r#"---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: other, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: gone}
subjects:
- {kind: User, name: bob}
"#;

fn access_in(files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    plimsoll_in(directory(&files).path(), &[&["access"], arguments].concat(), b"")
}

fn access(arguments: &str) -> Ran {
    access_in(&[("rbac.yaml", SHOP)], &arguments.split(' ').collect::<Vec<_>>())
}

/// The people in a list of an answer that no default puts there.
fn people(answer: &Value, list: &str) -> Vec<String> {
    let by = answer[list].as_array().expect("a list").iter().filter(|by| by["binding"]["default"] == false);
    by.map(|by| ["namespace", "name"].map(|key| by["subject"][key].as_str().expect("a text")).join("/")).collect()
}

#[test]
fn who_can_names_place_and_rule() {
    let ran = access("who-can get secret -n shop");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let wanted = "who can get secrets in namespace shop:
  group system:serviceaccounts:jobs: all service accounts of namespace jobs
      RoleBinding shop/reader (rbac.yaml:8)
      Role shop/reader: get, list on secrets (rbac.yaml:5)
  service account shop/api
      RoleBinding shop/reader (rbac.yaml:8)
      Role shop/reader: get, list on secrets (rbac.yaml:5)
  group system:masters: may do everything; no authorizer is asked
      ClusterRoleBinding cluster-admin (default)
";
    assert!(ran.out.starts_with(wanted), "{}", ran.out);
    assert!(ran.out.contains("note: members of the group system:masters can do it anyway"), "{}", ran.out);
    assert!(ran.out.contains("note: the roles and bindings that every API server makes are taken as given"), "{}", ran.out);
}

#[test]
fn who_can_where() {
    let json_of = |arguments: &str| json(&access(&format!("who-can {arguments} -o json")));
    for (arguments, holders, in_namespaces, named_only) in [
        ("list secrets", &[] as &[&str], &["/system:serviceaccounts:jobs", "shop/api"] as &[&str], &[] as &[&str]),
        ("list secrets -A", &[], &[], &[]),
        ("list secrets -n shop", &["/system:serviceaccounts:jobs", "shop/api"], &[], &[]),
        ("list secrets -n other", &[], &[], &[]),
        ("list po", &["/ann"], &[], &[]),
        ("get po/log", &["/ann"], &[], &[]),
        ("get lease.coordination.k8s.io -n shop", &[], &[], &["/system:serviceaccounts:jobs", "shop/api"]),
        ("get lease two -n shop", &["/system:serviceaccounts:jobs", "shop/api"], &[], &[]),
        ("get lease three -n shop", &[], &[], &[]),
        // A request to create names nothing, so a rule with names allows none.
        ("create lease -n shop", &[], &[], &[]),
        ("get boats", &[], &[], &[]),
        ("get namespaces", &["/ann"], &[], &[]),
        ("get nodes", &[], &[], &[]),
    ] {
        let answer = json_of(arguments);
        assert_eq!(people(&answer, "holders"), holders, "{arguments}");
        assert_eq!(people(&answer, "inNamespaces"), in_namespaces, "{arguments}");
        assert_eq!(people(&answer, "namedOnly"), named_only, "{arguments}");
        assert_eq!((&answer["schemaVersion"], &answer["complete"]), (&Value::from(1), &Value::from(true)), "{arguments}");
    }
    let answer = json_of("get leases -n shop");
    assert_eq!(answer["namedOnly"][0]["names"], serde_json::json!(["one", "two"]));
    assert_eq!(answer["namedOnly"][0]["rule"]["place"], serde_json::json!({"file": "rbac.yaml", "line": 6, "column": 3}));
    let text = access("who-can get leases").out;
    assert!(text.contains("service account shop/api: only named one, two, in shop"), "{text}");
}

/// What is asked of one namespace is asked within it: a role there is enough.
#[test]
fn a_namespace_is_asked_about_within_itself() {
    let text = SHOP.replace("resources: [secrets]", "resources: [namespaces]");
    for (arguments, wanted) in [(&["get", "ns", "shop"] as &[&str], 2), (&["get", "ns", "other"], 0), (&["list", "ns"], 0)] {
        let ran = access_in(&[("rbac.yaml", &text)], &[&["who-can", "-o", "json"], arguments].concat());
        let holders = people(&json(&ran), "holders");
        assert_eq!(holders.iter().filter(|name| *name != "/ann").count(), wanted, "{arguments:?}: {holders:?}");
    }
}

#[test]
fn questions_without_meaning_are_errors() {
    for (arguments, wanted) in [
        ("who-can get deploymets", "there is no resource `deploymets`; did you mean deployments.apps?"),
        ("who-can get ships", "there is no resource `ships`"),
        ("who-can get pods/*", "`pods/*` has no meaning in RBAC"),
        ("who-can get pods/", "`pods/` names no subresource"),
        ("who-can get /healthz name", "`/healthz` is a path: it takes no name"),
        ("can sa:shop get pods", "a service account is written `sa:NAMESPACE/NAME`"),
        ("can group: get pods", "`group:` names nobody"),
        ("can ann get", "required arguments were not provided"),
        ("who-can get pods -n shop -A", "cannot be used with"),
        ("who-can get pods --in missing", "missing: cannot be read: no such file or directory"),
        ("who-can get pods --in missing", "no object could be read in missing"),
        ("who-can get pods rbac.yaml", "`rbac.yaml` stands where the object's name goes; what to read is said with `--in rbac.yaml`"),
        ("diff rbac.yaml missing", "no object could be read in missing"),
        ("diff missing rbac.yaml --apply", "no object could be read in missing"),
        ("can ann get pods cluster", "what to read is said with `--in cluster`"),
        ("can ann get pods a/b --in rbac.yaml", "`a/b` stands where the object's name goes"),
    ] {
        let ran = access(arguments);
        assert_eq!(ran.status, 2, "{arguments}");
        assert!(ran.err.contains(wanted), "{arguments}: {}", ran.err);
    }
    for (arguments, wanted) in [
        ("who-can get ships.harbour.example", "the resource `ships.harbour.example` is not known"),
        ("who-can gett pods", "`gett` is none of the usual verbs"),
        ("who-can get nodes -n shop", "nodes have no namespaces: the namespace is left aside"),
        ("who-can create pods web -n shop", "a request to create says no name"),
        ("who-can get pods -n shopp", "note: nothing that was read is in namespace `shopp`"),
        ("who-can get secrets/database -n shop", "an object of that name is asked about as `secrets database`"),
        ("can ann -n shopp", "note: nothing that was read is in namespace `shopp`"),
        ("who-can get pods cluster --in rbac.yaml", "who can get pods `cluster` in all namespaces"),
        ("can shop/api", "note: no binding that was read names `shop/api`; did you mean sa:shop/api?"),
        ("can User:ann get pods -n shop", "yes: user ann can get pods"),
    ] {
        let ran = access(arguments);
        assert_eq!(ran.status, 0, "{arguments}: {}", ran.err);
        assert!(ran.out.contains(wanted), "{arguments}: {}", ran.out);
    }
}

#[test]
fn can_says_yes_no_and_not_known() {
    for (arguments, status, wanted) in [
        ("can sa:shop/api get secrets -n shop", 0, "yes: service account shop/api can get secrets in namespace shop\n"),
        ("can system:serviceaccount:shop:api get secrets -n shop", 0, "Role shop/reader: get, list on secrets (rbac.yaml:5)\n"),
        ("can sa:jobs/any get secrets -n shop", 0, "group system:serviceaccounts:jobs: all service accounts of namespace jobs\n"),
        ("can sa:shop/api get secrets", 1, "no, not in all namespaces: service account shop/api cannot get secrets in all namespaces\n"),
        ("can sa:shop/api get secrets", 1, "in some namespaces only:\n  in shop\n    RoleBinding shop/reader (rbac.yaml:8)\n"),
        ("can sa:shop/api get secrets -n other", 1, "no: service account shop/api cannot get secrets in namespace other\n"),
        ("can sa:shop/api get leases one -n shop", 0, "yes: "),
        ("can sa:shop/api get leases -n shop", 1, "service account shop/api: only named one, two, in shop\n"),
        ("can ann list pods", 0, "ClusterRole view, made of ClusterRole system:aggregate-to-view: "),
        ("can user:ann get /version", 0, "yes: user ann can get /version\n"),
        ("can nobody get /metrics", 1, "no: user nobody cannot get /metrics\n"),
        ("can nobody delete nodes --as-group system:masters", 0, "no authorizer is asked about them\n"),
        ("can group:system:serviceaccounts:jobs list secrets -n shop", 0, "yes: a member of group system:serviceaccounts:jobs can list"),
        ("can ann * *", 1, "no: user ann cannot * everything in all namespaces\n"),
        ("can system:anonymous get /healthz", 0, "everybody who can reach the API server, without credentials\n"),
    ] {
        let ran = access(arguments);
        assert_eq!((ran.status, ran.err.as_str()), (status, ""), "{arguments}: {}", ran.out);
        assert!(ran.out.contains(wanted), "{arguments}: {}", ran.out);
    }
    let dangling = format!("{SHOP}{DANGLING}");
    for (arguments, status, wanted) in [
        (&["can", "bob", "get", "pods", "-n", "shop"] as &[&str], 2, "NOT KNOWN whether user bob can get pods in namespace shop"),
        (&["can", "bob", "get", "pods", "-n", "other"], 1, "no: "),
        (&["can", "bob", "get", "/version"], 0, "yes: "),
        (&["can", "bob", "get", "nodes"], 1, "no: "),
        (&["can", "bob"], 2, "what Role `gone` gives user bob, by RoleBinding shop/other (rbac.yaml:28)"),
        (&["can", "ann", "list", "pods", "-n", "shop"], 0, "yes: "),
        (&["who-can", "get", "pods/exec", "-n", "other"], 0, "who can get pods/exec in namespace other:"),
        (&["who-can", "get", "secrets", "-n", "shop"], 2, "MORE ARE POSSIBLE"),
    ] {
        let ran = access_in(&[("rbac.yaml", &dangling)], arguments);
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.out);
        assert!(ran.out.contains(wanted), "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains("Role `gone` in namespace `shop` was not read"), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn everything_that_somebody_can_do() {
    let ran = access("can sa:shop/api");
    assert_eq!(ran.status, 0, "{}", ran.err);
    let wanted = "in namespace shop
  get, list on secrets
      RoleBinding shop/reader (rbac.yaml:8), Role shop/reader (rbac.yaml:5)
";
    assert!(ran.out.contains(wanted), "{}", ran.out);
    let answer = json(&access("can sa:shop/api -n other -o json"));
    let scopes: Vec<&Value> = answer["scopes"].as_array().expect("scopes").iter().map(|scope| &scope["namespace"]).collect();
    assert_eq!(scopes, [&Value::Null], "only what holds in the whole cluster");
}

/// A running API server has all roles that it makes, and what it does not have grants nothing.
#[test]
fn nothing_is_assumed_of_a_running_server() {
    let live = format!(
        "{SHOP}{DANGLING}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: cluster-admin\n  labels: {{kubernetes.io/bootstrapping: rbac-defaults}}\n"
    );
    let answer = access_in(&[("rbac.yaml", &live)], &["can", "bob", "get", "pods", "-n", "shop", "-o", "json"]);
    assert_eq!(answer.status, 1, "{}", answer.out);
    assert_eq!((&json(&answer)["defaultsAssumed"], &json(&answer)["verdict"]), (&Value::from(false), &Value::from("no")));
    let question = ["who-can", "get", "secrets", "-n", "other"];
    let nobody = access_in(&[("rbac.yaml", &live)], &question);
    assert_eq!(nobody.status, 0, "{}", nobody.err);
    assert!(nobody.out.starts_with("nobody can get secrets in namespace other\n"), "{}", nobody.out);
    let not_known = access_in(&[("rbac.yaml", &live), ("broken.yaml", "a: [")], &question);
    assert_eq!(not_known.status, 2);
    assert!(not_known.out.starts_with("NOT KNOWN who can get secrets in namespace other"), "{}", not_known.out);
}

/// Bad input: a place, and never a certain "nobody" or "no" where something could not be read.
#[test]
fn bad_input_is_no_certain_no() {
    let head = |kind: &str, name: &str| {
        format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n")
    };
    let bind = "roleRef: {kind: ClusterRole, name: view}\n";
    for (name, text, place) in [
        ("broken text", "a: [\n".to_owned(), "in.yaml:1:4: not valid YAML"),
        ("an empty rule", head("Role", "r") + "rules: [{}]\n", "in.yaml:4:9: rule 0 of Role shop/r has no `verbs`"),
        ("rules as text", head("Role", "r") + "rules: all\n", "in.yaml:4:8: `rules` must be a list, is a string"),
        ("subjects as a map", head("RoleBinding", "b") + bind + "subjects: {}\n", "in.yaml:5:11: `subjects` must be a list, is a map"),
        (
            "an account without a namespace",
            head("ClusterRoleBinding", "b") + bind + "subjects: [{kind: ServiceAccount, name: x}]\n",
            "in.yaml:5:12: service account `x` of ClusterRoleBinding shop/b needs a `namespace`",
        ),
        (
            "a name with a line break and a colour",
            head("ClusterRole", "\"a\\n\\e[31m/\""),
            "in.yaml:1:1: the name `a\\n\\u{1b}[31m/` cannot be in a path",
        ),
        (
            "a circle",
            head("ClusterRole", "r, labels: {of: me}")
                + "aggregationRule: {clusterRoleSelectors: [{matchLabels: {of: you}}]}\n---\n"
                + &head("ClusterRole", "s, labels: {of: you}")
                + "aggregationRule: {clusterRoleSelectors: [{matchLabels: {of: me}}]}\n",
            "in.yaml:4:18: ClusterRole shop/r is made of roles that are made of it",
        ),
    ] {
        for (arguments, wanted) in [
            (&["who-can", "bind", "boats.harbour.example", "-n", "other"] as &[&str], "MORE ARE POSSIBLE"),
            (&["can", "carl", "get", "pods"], "NOT KNOWN whether user carl can get pods in all namespaces"),
        ] {
            let ran = access_in(&[("in.yaml", &text), ("more.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n")], arguments);
            assert_eq!(ran.status, 2, "{name} {arguments:?}: {}", ran.out);
            assert!(ran.err.contains(place), "{name} {arguments:?}: {}", ran.err);
            assert!(ran.out.contains(wanted), "{name} {arguments:?}: {}", ran.out);
        }
        // Rules only add: what allows something stays true.
        let ran = access_in(&[("in.yaml", &text), ("rbac.yaml", SHOP)], &["can", "ann", "list", "pods"]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
    }
}

#[test]
fn odd_names_are_said_safely() {
    let long = "n".repeat(300);
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\nroleRef: {{kind: ClusterRole, name: view}}\nsubjects:\n- {{kind: User, name: \"\u{8239}'\\\"\\n\\e[31m/x\"}}\n- {{kind: User, name: {long}}}\n"
    );
    let ran = access_in(&[("in.yaml", &text)], &["who-can", "list", "pods"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("  user \u{8239}'\"\\n\\u{1b}[31m/x\n"), "{}", ran.out);
    assert!(ran.out.contains(&format!("  user {long}\n")), "{}", ran.out);
    assert_eq!(access_in(&[("in.yaml", &text)], &["can", "user:\u{8239}'\"\n\u{1b}[31m/x", "list", "pods"]).status, 0);
}

const AFTER: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get, delete]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [one, two], verbs: [get, create]}
"#;

fn diff(before: &str, after: &str, arguments: &[&str]) -> Ran {
    access_in(&[("a.yaml", before), ("b.yaml", after)], &[&["diff", "a.yaml", "b.yaml"], arguments].concat())
}

#[test]
fn diff_says_who_gains_and_loses() {
    let same = diff(SHOP, SHOP, &[]);
    assert_eq!(
        (same.status, same.out.as_str()),
        (0, "nobody gains or loses anything\n0 gain, 0 lose; ways: 0 open, 0 close; roles and bindings: 0 differ, 0 refused\n")
    );
    let ran = diff(SHOP, AFTER, &["--apply"]);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let wanted = "service account shop/api, in namespace shop
  + delete on secrets
      RoleBinding shop/reader (a.yaml:8), Role shop/reader (b.yaml:5)
  - list on secrets
      RoleBinding shop/reader (a.yaml:8), Role shop/reader (a.yaml:5)
group system:serviceaccounts:jobs: all service accounts of namespace jobs, in namespace shop
  + delete on secrets
";
    assert!(ran.out.starts_with(wanted), "{}", ran.out);
    assert!(
        ran.out.contains("\nchanged Role shop/reader (b.yaml:1)\n  whoever makes the change needs\n    patch or update roles"),
        "{}",
        ran.out
    );
    // Losses alone are no finding; without --apply, what is not there is gone.
    let gone = diff(SHOP, "", &["-o", "json"]);
    assert_eq!(gone.status, 0, "{}", gone.err);
    let answer = json(&gone);
    assert!(answer["changes"].as_array().expect("changes").iter().all(|change| change["gained"] == serde_json::json!([])));
    assert_eq!(answer["objects"].as_array().expect("objects").len(), 3);
    let markdown = diff(SHOP, AFTER, &["--apply", "-o", "markdown"]).out;
    assert!(markdown.contains("| service account shop/api | in namespace shop | gains | delete on secrets | "), "{markdown}");
}

#[test]
fn diff_says_which_ways_open_and_close() {
    let role = |verbs: &str| {
        format!(
            "kind: Role
apiVersion: rbac.authorization.k8s.io/v1
metadata: {{name: deployer, namespace: shop}}
rules: [{{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}]
---
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {{name: deployer, namespace: shop}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}}
subjects: [{{kind: ServiceAccount, name: api}}]
---
"
        )
    };
    let namespace = |level: &str| {
        format!("kind: Namespace\napiVersion: v1\nmetadata: {{name: shop, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}\n---\n")
    };
    let admin = "kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: oops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: api, namespace: shop}]
";
    let world = |level: &str, verbs: &str| namespace(level) + &role(verbs);
    // Of each: the state before and afterwards, the status, and what becomes of the way.
    let table: &[(String, String, &str, i32, &str)] = &[
        (world("restricted", "create"), world("restricted", "create"), "", 0, ""),
        // Nobody gains anything, and yet a way opens.
        (world("restricted", "create"), world("privileged", "create"), "", 1, "opened, - to cluster-admin"),
        (world("privileged", "create"), namespace("restricted"), "--apply", 0, "closed, cluster-admin to -"),
        (world("privileged", "create"), world("privileged", "get"), "", 1, "closed, cluster-admin to -"),
        // To a way that rests on nothing that was not read; and back.
        (world("privileged", "create"), admin.to_owned(), "--apply", 1, "opened, cluster-admin to cluster-admin"),
        (admin.to_owned(), world("privileged", "create"), "", 0, "changed, cluster-admin to cluster-admin"),
    ];
    for (before, after, argument, status, wanted) in table {
        let ran = diff(before, after, &[&["-o", "json"][..], argument.split_whitespace().collect::<Vec<_>>().as_slice()].concat());
        let answer = json(&ran);
        let end = |way: &serde_json::Value| way["to"].as_str().unwrap_or("-").to_owned();
        let turn = |way: &serde_json::Value| {
            format!("{}, {} to {}", way["change"].as_str().expect("change"), end(&way["before"]), end(&way["after"]))
        };
        let got: Vec<String> = answer["ways"].as_array().expect("ways").iter().map(turn).collect();
        assert_eq!((ran.status, got.join("; ").as_str()), (*status, *wanted), "{before}\n\n{after}\n{}", ran.err);
    }
    let (open, shut) = (world("privileged", "create"), world("restricted", "create"));
    let ran = diff(&shut, &open, &[]);
    assert!(
        ran.out.contains("nobody gains or loses anything\n")
            && ran.out.contains("\na way opens: service account shop/api\n  + cluster-admin: ")
    );
    assert!(ran.out.ends_with("ways: 1 open, 0 close; roles and bindings: 0 differ, 0 refused\n"), "{}", ran.out);
    let markdown = diff(&open, &shut, &["-o", "markdown"]).out;
    assert!(
        markdown.contains("## Ways to more rights") && markdown.contains("| closes | service account shop/api | cluster-admin: "),
        "{markdown}"
    );
}

/// A RoleBinding grants no paths and nothing that is in no namespace, whatever its role says.
#[test]
fn what_a_role_binding_cannot_grant_is_no_gain() {
    let wide = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: wide}
rules:
- {apiGroups: [""], resources: [nodes, nodes/proxy, pods, namespaces], verbs: [get]}
- {apiGroups: [harbour.example], resources: [boats, oars], verbs: [get]}
- {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.harbour.example}
spec: {group: harbour.example, scope: Cluster, names: {plural: boats, kind: Boat}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: wide, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: wide}
subjects: [{kind: User, name: ann}]
"#;
    let gained = |after: &str| {
        let answer = json(&diff("", after, &["-o", "json"]));
        let change = &answer["changes"].as_array().expect("changes")[0];
        let parts = change["gained"].as_array().expect("gained");
        parts.iter().map(|part| part["text"].as_str().expect("text").to_owned()).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(gained(wide), "get on pods, namespaces; get on oars of harbour.example");
    let in_cluster = wide.replace("kind: RoleBinding", "kind: ClusterRoleBinding");
    assert!(gained(&in_cluster).contains("nodes/proxy"), "{}", gained(&in_cluster));
    assert!(gained(&in_cluster).contains("/metrics"), "{}", gained(&in_cluster));
}

/// What somebody gets who held it before through a group is no gain.
#[test]
fn what_a_group_gave_before_is_no_gain() {
    let more = SHOP.replace(
        "- {kind: ServiceAccount, name: api}",
        "- {kind: ServiceAccount, name: api}\n- {kind: ServiceAccount, name: any, namespace: jobs}",
    );
    let ran = diff(SHOP, &more, &[]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.starts_with("nobody gains or loses anything\n\nchanged RoleBinding shop/reader"), "{}", ran.out);
}

#[test]
fn diff_says_what_the_server_would_refuse() {
    let holders = r#"---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admins}
roleRef: {kind: ClusterRole, name: admin}
subjects: [{kind: Group, name: admins}]
"#;
    let before = format!("{SHOP}{holders}");
    for (applier, refusals) in [
        ("root,system:masters", &[] as &[&str]),
        // `admin` holds what is granted, of secrets, and may write roles; of leases, it holds it too.
        ("eve,admins", &[]),
        (
            "eve",
            &[
                "user eve may not patch or update roles.rbac.authorization.k8s.io in namespace shop",
                "is attempting to grant RBAC permissions not currently held",
            ],
        ),
    ] {
        let ran = diff(&before, AFTER, &["--apply", "--as", applier, "-o", "json"]);
        let answer = json(&ran);
        let refused: Vec<&str> = answer["objects"][0]["refused"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert_eq!(refused.len(), refusals.len(), "{applier}: {refused:?}");
        assert!(refused.iter().zip(refusals).all(|(refused, wanted)| refused.contains(wanted)), "{applier}: {refused:?}");
    }
    let other = SHOP.replace("kind: Role, name: reader}", "kind: ClusterRole, name: view}");
    let ran = diff(&before, &other, &["--apply", "--as", "root,system:masters"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("`roleRef` of a binding cannot be changed (Role reader to ClusterRole view)"), "{}", ran.out);
}

#[test]
fn diff_does_not_know_what_a_missing_role_changes() {
    let ran = diff(SHOP, DANGLING, &["--apply"]);
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert!(ran.out.starts_with("NOT KNOWN: by what was read, nobody gains or loses anything\n"), "{}", ran.out);
    assert!(ran.out.contains("what Role `gone` gives user bob"), "{}", ran.out);
    let both = format!("{SHOP}{DANGLING}");
    assert_eq!(diff(&both, &both, &[]).status, 0, "missing before and afterwards alike");
}

/// What is not known here is a finding there.
#[test]
fn a_missing_role_is_a_finding_of_a_scan() {
    let text = format!("{SHOP}{DANGLING}");
    let report = json(&scan(&[("rbac.yaml", text.as_bytes())], &["-o", "json"]));
    assert!(ids(&report).contains(&"RBAC-role-missing"), "{:?}", ids(&report));
}

/// What the pages show is what comes out.
#[test]
fn the_pages_show_what_comes_out() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (page, at_least) in [("docs/access.md", 4), ("docs/access-paths.md", 4), ("docs/least-privilege.md", 3), ("README.md", 1)] {
        let text = std::fs::read_to_string(root.join(page)).expect("the page");
        let blocks: Vec<&str> = text.split("```console\n$ plimsoll ").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(blocks.len() >= at_least, "{page}: {} blocks", blocks.len());
        for block in blocks {
            let (command, shown) = block.split_once('\n').expect("a command and its output");
            let ran = plimsoll_in(&root, &command.split(' ').collect::<Vec<_>>(), b"");
            assert_eq!((ran.out.as_str(), ran.err.as_str()), (shown, ""), "{page}: {command}");
        }
    }
}

#[test]
fn kubelets_are_asked_of_the_node_authorizer_too() {
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, uid: u1}
spec:
  nodeName: one
  containers: [{name: web, image: web}]
  volumes: [{name: tls, secret: {secretName: tls}}]
";
    let ask = |arguments: &[&str]| access_in(&[("pod.yaml", pod)], &[&["can"], arguments, &["--in", "pod.yaml"]].concat());
    let ran = ask(&["user:system:node:one", "get", "secrets", "tls", "-n", "shop"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("the Node authorizer allows it: Pod shop/web is on the node") && ran.out.contains("pod.yaml:1"),
        "{}",
        ran.out
    );
    let ran = ask(&["user:system:node:two", "get", "secrets", "tls", "-n", "shop"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the Node authorizer does not allow it: no relationship found between node 'two'"), "{}", ran.out);
}
