//! Which rights are which primitives, and who holds them where.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_access::graph::primitive::{Need, PATHS, PRIMITIVES, Place};
use plimsoll_access::graph::{Graph, Scope, Situation, Step, holders};
use plimsoll_model::rbac::{Defaults, Rbac};
use plimsoll_model::{Document, Inventory, Limits, Object, Origin, Snapshot, Source, WorkloadKinds, parse};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Rules, and where they are bound.
type Bound = (&'static str, Vec<Value>);

/// The names of what somebody holds, where roles of these rules are bound to them: in a namespace, or in the whole
/// cluster (`""`).
fn held(roles: &[Bound]) -> Vec<String> {
    let mut objects: Vec<Value> = Vec::new();
    for (at, (namespace, rules)) in roles.iter().enumerate() {
        let name = format!("role-{at}");
        let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
        objects.push(json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}));
        objects.push(json!({"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "till"}]}));
    }
    let documents = documents(&objects);
    let authorizer = Authorizer::of(Rbac::of(documents.iter().flat_map(|document| document.objects().0), Defaults::Leave));
    let shown = |scope: Scope<'_>| if let Scope::Namespace(namespace) = scope { format!(" in {namespace}") } else { String::new() };
    let mut names: Vec<String> =
        holders(&authorizer).iter().map(|holder| format!("{}{}", holder.primitive.name, shown(holder.scope))).collect();
    names.sort();
    names
}

fn documents(objects: &[Value]) -> Vec<Document> {
    let read = |object: &Value| parse(&Source::new("test", Origin::Stdin, object.to_string()), Limits::default()).0;
    objects.iter().flat_map(read).collect()
}

/// `verbs resources.group [names]`, as kubectl writes resources.
fn rule(text: &str) -> Value {
    let mut words = text.split(' ');
    let verbs: Vec<&str> = words.next().unwrap().split(',').collect();
    let resource = words.next().unwrap();
    let (resources, group) = resource.split_once('.').unwrap_or((resource, ""));
    let names: Vec<&str> = words.next().map(|names| names.split(',').collect()).unwrap_or_default();
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources.split(',').collect::<Vec<_>>(), "resourceNames": names})
}

/// A rule that gives a need: the right, the group and the resource at these places among those that would do.
fn giving(need: &Need, right: usize, on: usize) -> Value {
    let right = &need.rights[right];
    let (group, resources) = right.on[on];
    // `create` names no object: a rule with names does not allow it.
    let verb = if right.names.is_empty() { right.verbs[0] } else { right.verbs[right.verbs.len() - 1] };
    let verb = verb.replace('*', if verb == "*" { "*" } else { "some" });
    if group == PATHS {
        return json!({"verbs": [verb], "nonResourceURLs": resources});
    }
    let resource = resources.first().unwrap_or(&"anything").replace("/*", "/some");
    let resource = if resources.first() == Some(&"*") { "*".to_owned() } else { resource };
    json!({"verbs": [verb], "apiGroups": [group], "resources": [resource], "resourceNames": right.names.first().into_iter().collect::<Vec<_>>()})
}

/// Every right that each row of the table names gives it, with the others that it needs; without one of them it is not held.
#[test]
fn each_primitive_takes_all_that_it_needs() {
    let mut seen = 0;
    for primitive in PRIMITIVES {
        let is_held = |rules: Vec<Value>| held(&[("", rules)]).iter().any(|name| name == primitive.name);
        for (at, need) in primitive.needs.iter().enumerate() {
            let others = || primitive.needs.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, other)| giving(other, 0, 0));
            for right in 0..need.rights.len() {
                for on in 0..need.rights[right].on.len() {
                    let rules: Vec<Value> = others().chain([giving(need, right, on)]).collect();
                    assert!(is_held(rules.clone()), "{} is not held by {rules:?}", primitive.name);
                    seen += 1;
                }
            }
            // One rule may be all that is needed.
            if !others().any(|rule| is_held(vec![rule])) {
                let rules: Vec<Value> = others().collect();
                assert!(!is_held(rules.clone()), "{} is held by {rules:?}", primitive.name);
            }
        }
    }
    assert!(seen > PRIMITIVES.len(), "{seen} rights");
}

/// What is about things without a namespace is not granted in one.
#[test]
fn each_need_counts_in_its_place() {
    for primitive in PRIMITIVES {
        let rules: Vec<Value> = primitive.needs.iter().map(|need| giving(need, 0, 0)).collect();
        let is_anywhere = primitive.needs.iter().all(|need| need.place == Place::Anywhere);
        let is_named = primitive.needs.iter().any(|need| matches!(need.place, Place::Namespace(_)));
        let here = held(&[("shop", rules.clone())]);
        assert_eq!(here.contains(&format!("{} in shop", primitive.name)), is_anywhere, "{}: {here:?}", primitive.name);
        if is_named {
            let Some(Place::Namespace(only)) = primitive.needs.first().map(|need| need.place) else { panic!("{}", primitive.name) };
            assert!(held(&[(only, rules)]).contains(&format!("{} in {only}", primitive.name)), "{}", primitive.name);
        }
    }
}

#[test]
fn names_are_said_once() {
    let mut names: Vec<&str> = PRIMITIVES.iter().map(|primitive| primitive.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// What rules are and are not, of those with a catch.
#[test]
fn wildcards_names_and_subresources() {
    let table: &[(&str, &[&str])] = &[
        // Wildcards count as each name that they stand for.
        ("create *", &["create-pods"]),
        ("patch */ephemeralcontainers", &["ephemeral-containers"]),
        ("* */token", &["create-tokens"]),
        // `pods/*` does not stand for anything; a resource is not its subresources.
        ("* pods/*", &[]),
        ("create nodes", &[]),
        ("update deployments/scale.apps", &[]),
        ("create podtemplates", &[]),
        // Each resource is of its own group.
        ("create cronjobs.apps", &[]),
        ("create cronjobs.batch", &["create-workloads"]),
        ("create deployments", &[]),
        ("get secrets.external-secrets.io", &[]),
        // Names do not restrict what names no object: such a rule does not allow it.
        ("create pods one", &[]),
        ("create,patch deployments.apps one", &["create-workloads"]),
        ("create pods/exec one", &["exec"]),
        ("create serviceaccounts/token one", &["create-tokens"]),
        ("list secrets one", &["read-secrets"]),
        ("deletecollection networkpolicies.networking.k8s.io one", &[]),
        ("delete networkpolicies.networking.k8s.io one", &["open-network"]),
        ("approve signers.certificates.k8s.io kubernetes.io/legacy-unknown", &[]),
        ("patch configmaps other", &[]),
        // The answer to a patch shows what was patched.
        ("patch secrets one", &["overwrite-secrets", "redirect-token-secrets"]),
        ("update secrets one", &["overwrite-secrets"]),
        // Verbs that mean something on roles mean nothing on bindings.
        ("bind,escalate rolebindings.rbac.authorization.k8s.io", &[]),
        ("bind roles.rbac.authorization.k8s.io", &["bind"]),
        ("escalate,update roles.rbac.authorization.k8s.io", &["escalate", "escalate-roles"]),
        // A group alone is nobody to act as.
        ("impersonate groups", &["impersonate-attributes"]),
        ("impersonate groups,users", &["impersonate-attributes", "impersonate-groups", "impersonate-users"]),
        ("impersonate userextras/scopes.authentication.k8s.io", &["impersonate-attributes"]),
        ("impersonate userextras", &[]),
        ("impersonate:user-info users.authentication.k8s.io", &[]),
    ];
    // What only says more of the same is left out.
    let more = |rules: &[Value]| -> Vec<String> {
        let all = held(&[("", rules.to_vec())]);
        let broad = rules[0]["resources"][0].as_str().is_some_and(|resource| resource.starts_with('*'));
        all.into_iter().filter(|name| !broad || table.iter().any(|(_, wanted)| wanted.contains(&name.as_str()))).collect()
    };
    for (text, wanted) in table {
        let got = more(&[rule(text)]);
        if text.contains('*') && !wanted.is_empty() {
            assert!(wanted.iter().all(|one| got.contains(&(*one).to_owned())), "{text}: {got:?}");
        } else {
            assert_eq!(got, *wanted, "{text}");
        }
    }
}

/// Rights come together from several bindings, if they reach the same place.
#[test]
fn rights_from_several_bindings() {
    let (create, get) = (|| vec![rule("create secrets")], || vec![rule("get secrets")]);
    let cases: [(Vec<Bound>, &[&str]); 4] = [
        (vec![("shop", create()), ("shop", get())], &["mint-token-secrets in shop", "read-secrets in shop"]),
        (vec![("", create()), ("shop", get())], &["bootstrap-tokens", "mint-token-secrets in shop", "read-secrets in shop"]),
        (vec![("bank", create()), ("shop", get())], &["read-secrets in shop"]),
        (vec![("", vec![rule("patch nodes/status")]), ("shop", vec![rule("delete pods")])], &["change-node-status", "steal-pods in shop"]),
    ];
    for (roles, wanted) in cases {
        assert_eq!(held(&roles), wanted, "{roles:?}");
    }
}

/// A group that somebody is always in gives the other half, but holds nothing of its own by it.
#[test]
fn rights_by_a_group() {
    let role =
        |name: &str, text: &str| json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule(text)]});
    let binding = |name: &str, subject: Value| {
        json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": name, "namespace": "shop"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}, "subjects": [subject]})
    };
    let account = json!({"kind": "ServiceAccount", "namespace": "shop", "name": "till"});
    let groups = [
        ("system:serviceaccounts:shop", true),
        ("system:serviceaccounts", true),
        ("system:authenticated", true),
        ("system:serviceaccounts:bank", false),
        ("staff", false),
    ];
    for (group, is_in) in groups {
        let objects = [
            role("make", "create secrets"),
            role("read", "get secrets"),
            binding("make", account.clone()),
            binding("read", json!({"kind": "Group", "name": group})),
        ];
        let documents = documents(&objects);
        let read: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
        let authorizer = Authorizer::of(Rbac::of(read.into_iter(), Defaults::Leave));
        let found = holders(&authorizer);
        let minting: Vec<&str> =
            found.iter().filter(|holder| holder.primitive.name == "mint-token-secrets").map(|holder| holder.identity.name()).collect();
        assert_eq!(minting, if is_in { vec!["till"] } else { vec![] }, "{group}");
        let of_both = found.iter().find(|holder| holder.primitive.name == "mint-token-secrets").map(|holder| holder.granted.len());
        assert_eq!(of_both, is_in.then_some(2), "{group}");
    }
}

/// What rights rest on that are not enough by themselves: `?` where it was not read, `-` where it does not hold.
#[test]
fn what_rights_rest_on() {
    let node = |version: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}, "status": {"nodeInfo": {"kubeletVersion": version}}});
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "one"}]}}}});
    let token = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "one", "namespace": "shop", "annotations": {"kubernetes.io/service-account.name": "boss"}}});
    let bootstrap = [
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "join"}, "rules": [rule("create certificatesigningrequests/nodeclient.certificates.k8s.io")]}),
        json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": "join"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "join"},
            "subjects": [{"kind": "Group", "name": "system:bootstrappers:kubeadm:default-node-token"}]}),
    ];
    let cases: [(&str, Vec<Value>, &str); 10] = [
        ("get pods/exec", vec![], "exec-by-get?"),
        ("get pods/exec", vec![node("v1.34.2")], "exec-by-get?"),
        ("get pods/exec", vec![node("v1.34.2"), node("v1.35.0-rc.1")], "exec-by-get-"),
        ("patch deployments.apps one", vec![], "create-workloads?"),
        ("patch deployments.apps one", vec![workload], "create-workloads"),
        ("patch secrets one", vec![], "redirect-token-secrets?"),
        ("patch secrets one", vec![token.clone()], "redirect-token-secrets"),
        ("patch secrets two", vec![token], "redirect-token-secrets?"),
        ("create secrets", vec![], "bootstrap-tokens?"),
        ("create secrets", bootstrap.to_vec(), "bootstrap-tokens"),
    ];
    for (text, mut objects, wanted) in cases {
        objects.extend([
            json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "held"}, "rules": [rule(text)]}),
            json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": "held"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "held"},
                "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "till"}]}),
        ]);
        let snapshot = Snapshot { documents: documents(&objects), problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let authorizer = Authorizer::new(&inventory, Defaults::Leave);
        let graph = Graph::new(&inventory, &authorizer, &Situation::default());
        let mut found: Vec<String> = Vec::new();
        for edge in graph.edges.iter().filter(|edge| matches!(edge.step, Step::Primitive(_))) {
            let mark = edge.condition.as_ref().map_or("", |condition| if condition.is_blocked { "-" } else { "?" });
            found.push(format!("{}{mark}", edge.step.name()));
        }
        found.dedup();
        assert_eq!(found.join(" "), wanted, "{text}");
    }
}

#[test]
fn constrained_impersonation_leads_to_what_it_is_limited_to() {
    use plimsoll_access::graph::{Search, Sink, Vertex};
    use plimsoll_model::rbac::Identity;
    let bound = |name: &str, rules: Value, subject: Value| {
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
        [
            json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}),
            json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}),
        ]
    };
    let till = || json!({"kind": "ServiceAccount", "namespace": "shop", "name": "till"});
    let users = json!({"verbs": ["impersonate:user-info"], "apiGroups": ["authentication.k8s.io"], "resources": ["users"]});
    let on = |verb: &str, resource: &str| json!({"verbs": [format!("impersonate-on:user-info:{verb}")], "apiGroups": [""], "resources": [resource]});
    let table = [
        (json!([users, on("list", "secrets")]), true),
        (json!([users, on("list", "configmaps")]), false),
        (json!([users]), false),
        (json!([on("list", "secrets")]), false),
    ];
    for (rules, wanted) in table {
        let documents = documents(&bound("till", rules.clone(), till()));
        let snapshot = Snapshot { documents, problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let authorizer = Authorizer::new(&inventory, Defaults::Leave);
        let graph = Graph::new(&inventory, &authorizer, &Situation::default());
        let source = graph.find(&Vertex::Identity(Identity::ServiceAccount("shop", "till"))).unwrap();
        let path = Search::new(&graph, Sink::EverySecret, |_, _| false).path(&graph, source);
        assert_eq!(path.as_ref().map(|path| path.assumptions), wanted.then_some(1), "{rules}");
        if let Some(path) = path {
            let told = graph.tell(&path);
            assert_eq!((told[0].name, told[0].assumes.as_deref()), ("read-secrets", Some("somebody whom it may act as may do that")));
        }
    }
}
