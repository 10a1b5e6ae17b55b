//! The groups that one is in without a binding that says so, in the graph and in what is found by it.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_access::findings;
use plimsoll_access::graph::{Graph, Search, Sink, Situation, Vertex};
use plimsoll_model::rbac::{Defaults, Identity};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

/// Builds the graph of a manifest.
fn with_graph<R>(manifest: &str, then: impl FnOnce(&Graph<'_, '_>) -> R) -> R {
    let documents = parse(&Source::new("test", Origin::Stdin, manifest.to_owned()), Limits::default()).0;
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    then(&Graph::new(&inventory, &authorizer, &Situation::default()))
}

fn is_admin(manifest: &str, who: Identity<'_>) -> bool {
    with_graph(manifest, |graph| {
        let source = graph.find(&Vertex::Identity(who)).expect("is named");
        Search::new(graph, Sink::ClusterAdmin, |_, _| false).reaches(source)
    })
}

fn role(name: &str, rules: &str) -> String {
    format!("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\nrules: [{rules}]\n")
}

fn bind(role: &str, kind: &str, subject: &str) -> String {
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: '{role}-{subject}'}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}\nsubjects: [{{kind: {kind}, name: '{subject}'}}]\n"
    )
}

#[test]
fn what_everybody_is_given_reaches_everybody_who_authenticates() {
    let is_admin_by = |group: &str, kind: &str, subject: &str, who: Identity<'_>| {
        is_admin(&(bind("cluster-admin", "Group", group) + &bind("view", kind, subject)), who)
    };
    for (group, kind, subject, who, wanted) in [
        ("system:authenticated", "User", "ann", Identity::User("ann"), true),
        ("system:authenticated", "Group", "devs", Identity::Group("devs"), true),
        ("system:authenticated", "User", "system:anonymous", Identity::User("system:anonymous"), false),
        ("system:authenticated", "Group", "system:unauthenticated", Identity::Group("system:unauthenticated"), false),
        ("system:unauthenticated", "User", "system:anonymous", Identity::User("system:anonymous"), true),
        ("system:unauthenticated", "User", "ann", Identity::User("ann"), false),
        ("system:nodes", "User", "system:node:a", Identity::User("system:node:a"), true),
        ("system:nodes", "User", "ann", Identity::User("ann"), false),
        ("system:serviceaccounts", "Group", "system:serviceaccounts:shop", Identity::Group("system:serviceaccounts:shop"), true),
    ] {
        assert_eq!(is_admin_by(group, kind, subject, who), wanted, "{group} {who}");
    }
}

/// Half of a way by a group that is named, half by one that everybody is in: told once, on what was given to the group.
#[test]
fn a_way_may_need_what_everybody_is_given() {
    let bind_any = "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}";
    let write = "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [create]}";
    let half = role("half", bind_any) + &role("other", write) + &bind("half", "Group", "system:authenticated");
    let manifest = half + &bind("other", "Group", "devs");
    assert!(is_admin(&manifest, Identity::Group("devs")));
    assert!(!is_admin(&manifest, Identity::Group("system:authenticated")));
    let told = with_graph(&format!("{manifest}{}", role("third", "") + &bind("third", "User", "ann")), |graph| {
        findings(graph).iter().map(|finding| finding.message.clone()).collect::<Vec<_>>()
    });
    assert!(told.iter().all(|message| message.starts_with("group devs ")), "{told:?}");
}

/// Every namespace has a service account, whether it was read or not: who may use it is in the groups that it is in.
#[test]
fn every_namespace_has_an_account() {
    let pods = "{apiGroups: [''], resources: [pods], verbs: [create]}";
    let bound =
        bind("maker", "User", "ann").replace("ClusterRoleBinding", "RoleBinding").replace("metadata: {", "metadata: {namespace: shop, ");
    let manifest = role("maker", pods) + &bound + &bind("cluster-admin", "Group", "system:serviceaccounts:shop");
    let manifest = manifest
        + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
    assert!(is_admin(&manifest, Identity::User("ann")));
    let elsewhere = manifest.replace("system:serviceaccounts:shop", "system:serviceaccounts:till");
    assert!(!is_admin(&elsewhere, Identity::User("ann")));
}
