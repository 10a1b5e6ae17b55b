//! Single steps of the graph: what a right leads to, and what it does not.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Graph, Search, Sink, Situation, Vertex};
use plimsoll_model::rbac::{Defaults, Identity};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

/// How many steps are assumed of the way of ann, who holds the rules in the whole cluster, to a sink among these objects.
fn assumptions(rules: &str, sink: Sink<'_>, objects: &str) -> Option<usize> {
    let manifest = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: ann}}
rules: [{rules}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: ann}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ann}}
subjects: [{{kind: User, name: ann}}]
{objects}"
    );
    let documents = parse(&Source::new("test", Origin::Stdin, manifest), Limits::default()).0;
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Leave);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    let source = graph.find(&Vertex::Identity(Identity::User("ann"))).expect("is bound");
    Search::new(&graph, sink, |_, _| false).path(&graph, source).map(|path| path.assumptions)
}

fn reaches(rules: &str, sink: Sink<'_>, objects: &str) -> bool {
    assumptions(rules, sink, objects).is_some()
}

/// Answers to requests for certificates are no certificates without the signer's key; approved ones are, of nodes too.
#[test]
fn certificates() {
    let signers = "{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [VERB]}, \
                   {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests, certificatesigningrequests/PART], verbs: [create, update]}";
    let node = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: till, namespace: shop}\nspec: {nodeName: a, containers: []}\n\
                ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: till}\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: all}\nsubjects: [{kind: ServiceAccount, namespace: shop, name: default}]\n\
                ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\n\
                rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n";
    let rules = |verb: &str, part: &str| signers.replace("VERB", verb).replace("PART", part);
    assert_eq!(assumptions(&rules("approve", "approval"), Sink::ClusterAdmin, node), Some(0));
    assert_eq!(assumptions(&rules("sign", "status"), Sink::ClusterAdmin, node), Some(1));
}

/// A container that is added to a pod may be privileged, where Pod Security does not refuse it.
#[test]
fn added_containers() {
    let rule = "{apiGroups: [''], resources: [pods/ephemeralcontainers], verbs: [patch]}";
    let exec = "{apiGroups: [''], resources: [pods/exec], verbs: [create]}";
    let world = |level: &str| {
        let namespace = |name: &str| {
            format!(
                "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}\n"
            )
        };
        let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: till, namespace: shop}\nspec: {containers: []}\n";
        let system = pod.replace("shop", "kube-system");
        namespace("shop") + &namespace("kube-system") + pod + &system
    };
    assert!(reaches(rule, Sink::Node, &world("privileged")));
    assert!(!reaches(rule, Sink::Node, &world("baseline")));
    assert!(!reaches(exec, Sink::Node, &world("privileged")));
}

/// Rules name pods, not what makes them.
#[test]
fn pods_by_their_names() {
    let pod = |name: &str| format!("{{apiGroups: [''], resources: [pods/exec], resourceNames: [{name}], verbs: [create]}}");
    let spec = "{containers: [{name: a, image: a, securityContext: {privileged: true}}]}";
    let deployment = format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {{template: {{spec: {spec}}}}}\n"
    );
    let owned = format!(
        "{deployment}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: other, namespace: shop, \
         ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}}]}}\nspec: {spec}\n"
    );
    assert!(reaches(&pod("web-5d8f-x2x"), Sink::Node, &deployment));
    assert!(!reaches(&pod("web"), Sink::Node, &deployment));
    assert!(reaches(&pod("other"), Sink::Node, &owned));
}

/// That no pods were read does not mean that there are none: those of kube-system are on every node.
#[test]
fn pods_of_the_system() {
    let exec = "{apiGroups: [''], resources: [pods/exec], verbs: [create]}";
    let pod = |namespace: &str| {
        format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: till, namespace: {namespace}}}\nspec: {{containers: []}}\n")
    };
    for (objects, wanted) in [(String::new(), Some(1)), (pod("shop"), Some(1)), (pod("kube-system"), None)] {
        assert_eq!(assumptions(exec, Sink::Node, &objects), wanted, "{objects}");
    }
}

/// What is certain is told before what is worse and rests on something that was not read.
#[test]
fn findings_rather_tell_what_is_certain() {
    let manifest = "
apiVersion: v1
kind: Pod
metadata: {name: till, namespace: shop, labels: {app: till}}
spec: {nodeName: a, containers: [{name: a, image: a, securityContext: {privileged: true}, ports: [{containerPort: 1, hostPort: 1}]}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: till}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: till}
subjects: [{kind: ServiceAccount, namespace: shop, name: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: till}
rules: [{apiGroups: [''], resources: [pods/exec], verbs: [create]}]
";
    let documents = parse(&Source::new("test", Origin::Stdin, manifest.to_owned()), Limits::default()).0;
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Leave);
    let found = plimsoll_access::findings(&Graph::new(&inventory, &authorizer, &Situation::default()));
    let told: Vec<String> = found.iter().map(|finding| format!("{} {:?}", finding.rule.id, finding.severity)).collect();
    assert_eq!(told, ["ACC-path-node High", "ACC-exposed-path High"]);
}
