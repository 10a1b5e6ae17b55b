//! Tokens that are written into Secrets: who may read some Secrets only needs the name of one to be free.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Graph, Search, Sink, Situation, Vertex};
use plimsoll_model::rbac::{Defaults, Identity};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

/// How many steps of the way of ann, who may create Secrets of kube-system and read those that `names` lists, are assumed.
fn assumptions(names: &str, secrets: &[&str]) -> Option<usize> {
    let secrets: String = secrets
        .iter()
        .map(|name| format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: kube-system}}\n"))
        .collect();
    let manifest = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: maker, namespace: kube-system}}
rules:
- {{apiGroups: [''], resources: [secrets], verbs: [create]}}
- {{apiGroups: [''], resources: [secrets], resourceNames: [{names}], verbs: [get]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: maker, namespace: kube-system}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: maker}}
subjects: [{{kind: User, name: ann}}]
{secrets}"
    );
    let documents = parse(&Source::new("test", Origin::Stdin, manifest), Limits::default()).0;
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    let source = graph.find(&Vertex::Identity(Identity::User("ann")))?;
    Search::new(&graph, Sink::ClusterAdmin, |_, _| false).path(&graph, source).map(|path| path.assumptions)
}

#[test]
fn a_name_has_to_be_free() {
    for (names, secrets, wanted) in [
        ("", &[][..], Some(0)),
        ("", &["one"], Some(0)),
        ("one", &[], Some(1)),
        ("one", &["one"], Some(1)),
        ("one", &["other"], Some(0)),
        ("one, two", &["one"], Some(0)),
    ] {
        assert_eq!(assumptions(names, secrets), wanted, "{names}: {secrets:?}");
    }
}
