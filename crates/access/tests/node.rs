//! What a kubelet can get at, and what the Node authorizer says to it.

use plimsoll_access::Authorizer;
use plimsoll_access::node::{Attributes, Authorizers, Basis, Features, NodeAuthorizer, Opinion};
use plimsoll_model::rbac::{Defaults, Request, User};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

fn snapshot(yaml: &str) -> Snapshot {
    let (documents, problems) = parse(&Source::new("test.yaml", Origin::File, yaml), Limits::default());
    Snapshot { documents, problems }
}

/// What the kubelet of `node` can get at, as `resource namespace/name`, and by which object.
fn reachable(yaml: &str, node: &str) -> Vec<String> {
    let snapshot = snapshot(yaml);
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = NodeAuthorizer::new(&inventory, Features::default());
    let shown = authorizer
        .reachable(node)
        .map(|(related, source)| format!("{} {}/{} by {}", related.resource, related.namespace, related.name, source.name));
    shown.collect()
}

/// A pod on `n1` with this in its spec.
fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: a}}\nspec: {{nodeName: n1, {spec}}}\n")
}

#[test]
fn what_a_pod_uses_is_reachable() {
    let cases = [
        ("serviceAccountName: robot", "serviceaccounts a/robot"),
        ("imagePullSecrets: [{name: pull}]", "secrets a/pull"),
        ("containers: [{envFrom: [{secretRef: {name: s}}]}]", "secrets a/s"),
        ("initContainers: [{env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]", "secrets a/s"),
        ("ephemeralContainers: [{envFrom: [{secretRef: {name: s}}]}]", "secrets a/s"),
        ("containers: [{envFrom: [{configMapRef: {name: c}}]}]", "configmaps a/c"),
        ("containers: [{env: [{name: X, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]", "configmaps a/c"),
        ("volumes: [{name: v, secret: {secretName: s}}]", "secrets a/s"),
        ("volumes: [{name: v, configMap: {name: c}}]", "configmaps a/c"),
        ("volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]", "secrets a/s"),
        ("volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]", "configmaps a/c"),
        ("volumes: [{name: v, azureFile: {secretName: s}}]", "secrets a/s"),
        ("volumes: [{name: v, cephfs: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, cinder: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, flexVolume: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, rbd: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, scaleIO: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, iscsi: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, storageos: {secretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, csi: {nodePublishSecretRef: {name: s}}}]", "secrets a/s"),
        ("volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]", "persistentvolumeclaims a/data"),
        ("volumes: [{name: v, ephemeral: {volumeClaimTemplate: {}}}]", "persistentvolumeclaims a/p-v"),
        ("resourceClaims: [{name: gpu, resourceClaimName: claim}]", "resourceclaims a/claim"),
    ];
    for (spec, wanted) in cases {
        let mut wanted = vec!["pods a/p by p".to_owned(), format!("{wanted} by p")];
        wanted.sort();
        let mut got = reachable(&pod(spec), "n1");
        got.sort();
        assert_eq!(got, wanted, "{spec}");
        assert!(reachable(&pod(spec), "n2").is_empty(), "{spec}");
    }
}

#[test]
fn a_volume_leads_to_its_secrets() {
    let cases = [
        ("azureFile: {secretName: s}", "a/s"),
        ("azureFile: {secretName: s, secretNamespace: b}", "b/s"),
        ("cephfs: {secretRef: {name: s}}", "a/s"),
        ("cephfs: {secretRef: {name: s, namespace: b}}", "b/s"),
        ("flexVolume: {secretRef: {name: s}}", "a/s"),
        ("rbd: {secretRef: {name: s}}", "a/s"),
        ("scaleIO: {secretRef: {name: s}}", "a/s"),
        ("iscsi: {secretRef: {name: s}}", "a/s"),
        ("cinder: {secretRef: {name: s, namespace: b}}", "b/s"),
        ("storageos: {secretRef: {name: s, namespace: b}}", "b/s"),
        ("csi: {nodePublishSecretRef: {name: s, namespace: b}}", "b/s"),
        ("csi: {nodeStageSecretRef: {name: s, namespace: b}}", "b/s"),
        ("csi: {nodeExpandSecretRef: {name: s, namespace: b}}", "b/s"),
        // Only the controller reads these.
        ("csi: {controllerPublishSecretRef: {name: s, namespace: b}, controllerExpandSecretRef: {name: s, namespace: b}}", ""),
    ];
    for (source, secret) in cases {
        let volume = format!(
            "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: disk}}\nspec: {{claimRef: {{namespace: a, name: data}}, {source}}}\n"
        );
        let all = pod("volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]") + &volume;
        let mut wanted =
            vec!["persistentvolumeclaims a/data by p".to_owned(), "persistentvolumes /disk by p".to_owned(), "pods a/p by p".to_owned()];
        if !secret.is_empty() {
            wanted.push(format!("secrets {secret} by p"));
        }
        assert_eq!(reachable(&all, "n1"), wanted, "{source}");
    }
}

#[test]
fn resource_claims_are_those_that_were_made() {
    let spec = "resourceClaims: [{name: made, resourceClaimTemplateName: t}, {name: not-yet, resourceClaimTemplateName: t}]";
    let status = "status: {resourceClaimStatuses: [{name: made, resourceClaimName: made-1}, {name: not-yet}], extendedResourceClaimStatus: {resourceClaimName: extended}}\n";
    let wanted = ["pods a/p by p", "resourceclaims a/extended by p", "resourceclaims a/made-1 by p"];
    assert_eq!(reachable(&(pod(spec) + status), "n1"), wanted);
}

#[test]
fn a_mirror_pod_gives_the_node_nothing() {
    let mirror = pod("serviceAccountName: robot, volumes: [{name: v, secret: {secretName: s}}]")
        .replace("namespace: a", "namespace: a, annotations: {kubernetes.io/config.mirror: x}");
    assert_eq!(reachable(&mirror, "n1"), ["pods a/p by p"]);
}

#[test]
fn a_pod_without_a_node_gives_nobody_anything() {
    let pending = pod("serviceAccountName: robot").replace("nodeName: n1, ", "");
    assert!(reachable(&pending, "").is_empty() && reachable(&pending, "n1").is_empty());
}

const CLUSTER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: a}
spec: {nodeName: n1, serviceAccountName: robot, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}
---
apiVersion: certificates.k8s.io/v1beta1
kind: PodCertificateRequest
metadata: {name: mine, namespace: a}
spec: {nodeName: n1}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: see-secrets}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: nodes-see-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: see-secrets}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lost}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: gone}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes"}]
"#;

fn kubelet(node: &str) -> User {
    User::named(format!("system:node:{node}"), None::<String>)
}

/// `allowed`, or why there is no opinion.
fn opinion(features: Features, user: &User, request: Request<'_>, fields: &[(&str, &str)]) -> String {
    let snapshot = snapshot(CLUSTER);
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = NodeAuthorizer::new(&inventory, features);
    let opinion = authorizer.authorize(user, &Attributes { request, fields });
    if opinion.is_allowed() { "allowed".to_owned() } else { opinion.reason().to_owned() }
}

#[test]
fn requests_of_a_kubelet() {
    let own = "no relationship found between node 'n2' and this object";
    let cases = [
        ("n1", Request::resource("update", "", "persistentvolumeclaims/status", "a", "data"), "allowed"),
        ("n2", Request::resource("update", "", "persistentvolumeclaims/status", "a", "data"), own),
        ("n1", Request::resource("get", "", "persistentvolumeclaims/status", "a", "data"), "can only get/update/patch this type"),
        ("n1", Request::resource("list", "", "persistentvolumeclaims", "a", ""), "can only get individual resources of this type"),
        ("n1", Request::resource("get", "", "persistentvolumes/status", "", "x"), "cannot get subresource"),
        ("n1", Request::resource("delete", "", "configmaps", "a", "x"), "can only read resources of this type"),
        ("n1", Request::resource("get", "", "secrets/x", "a", "x"), "cannot read subresource"),
        ("n2", Request::resource("get", "", "pods", "a", "p"), own),
        ("n2", Request::resource("get", "", "serviceaccounts", "a", "robot"), own),
        ("n1", Request::resource("create", "", "serviceaccounts/token", "a", ""), "can only create tokens for individual service accounts"),
        ("n1", Request::resource("update", "", "pods", "a", "p"), ""),
        ("n1", Request::resource("list", "", "services", "", ""), "allowed"),
        ("n1", Request::resource("delete", "", "services", "a", "x"), ""),
        ("n1", Request::path("get", "/healthz"), ""),
        ("", Request::resource("list", "", "services", "", ""), "unknown node for user \"system:node:\""),
    ];
    for (node, request, wanted) in cases {
        assert_eq!(opinion(Features::default(), &kubelet(node), request, &[]), wanted, "{node}: {request}");
    }
}

#[test]
fn a_kubelet_needs_both_name_and_group() {
    let request = Request::resource("list", "", "services", "", "");
    let nobody: [&str; 0] = [];
    for user in [User::exactly("system:node:n1", nobody), User::exactly("n1", ["system:nodes"]), User::account("a", "robot")] {
        assert_eq!(opinion(Features::default(), &user, request, &[]), "", "{user}");
    }
}

#[test]
fn feature_gates_decide() {
    let (old, new) = (
        Features { selectors: false, credential_providers: false, pod_certificates: false },
        Features { pod_certificates: true, ..Features::default() },
    );
    let certificates = |verb, name| Request::resource(verb, "certificates.k8s.io", "podcertificaterequests", "a", name);
    let cases = [
        (old, Request::resource("list", "", "pods", "", ""), "allowed"),
        (old, Request::resource("get", "", "nodes", "", "n2"), "allowed"),
        (old, Request::resource("get", "", "serviceaccounts", "a", "robot"), "not allowed to get service accounts"),
        (new, certificates("get", "mine"), "allowed"),
        (new, certificates("get", "other"), "no relationship found between node 'n1' and this object"),
        (new, certificates("delete", "mine"), "nodes may not delete podcertificaterequests"),
        (Features::default(), certificates("get", "mine"), ""),
    ];
    for (features, request, wanted) in cases {
        assert_eq!(opinion(features, &kubelet("n1"), request, &[]), wanted, "{request}");
    }
}

#[test]
fn a_field_selector_has_to_name_the_own_node() {
    let request = Request::resource("list", "", "pods", "", "");
    let ask = |fields: &[(&str, &str)]| opinion(Features::default(), &kubelet("n1"), request, fields);
    let refused = "can only list/watch pods with spec.nodeName field selector";
    assert_eq!(ask(&[("status.phase", "Running"), ("spec.nodeName", "n1")]), "allowed");
    assert_eq!(ask(&[("spec.nodeName", "n2")]), refused);
    assert_eq!(ask(&[("metadata.name", "n1")]), refused);
}

#[test]
fn both_authorizers_are_asked() {
    let snapshot = snapshot(CLUSTER);
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let (node, rbac) = (NodeAuthorizer::new(&inventory, Features::default()), Authorizer::new(&inventory, Defaults::Leave));
    let both = Authorizers { node: &node, rbac: &rbac };
    let granted = r#"RBAC: allowed by ClusterRoleBinding "nodes-see-secrets" of ClusterRole "see-secrets" to Group "system:nodes""#;
    let lost = r#"RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#;
    let cases = [
        (kubelet("n1"), Request::resource("get", "", "pods", "a", "p"), true, String::new()),
        (kubelet("n1"), Request::resource("list", "", "secrets", "", ""), true, granted.to_owned()),
        (
            kubelet("n1"),
            Request::resource("get", "", "secrets", "a", "x"),
            false,
            format!("no relationship found between node 'n1' and this object\n{lost}"),
        ),
        (kubelet("n1"), Request::resource("delete", "", "services", "a", "x"), false, lost.to_owned()),
        (User::account("a", "robot"), Request::resource("list", "", "secrets", "", ""), false, String::new()),
        (User::exactly("root", ["system:masters"]), Request::resource("delete", "", "nodes", "", "n1"), true, String::new()),
    ];
    for (user, request, allowed, reason) in cases {
        let answer = both.authorize(&user, &request.into());
        assert_eq!((answer.is_allowed(), answer.reason()), (allowed, reason), "{user}: {request}");
    }
}

#[test]
fn what_is_allowed_says_by_what() {
    let snapshot = snapshot(CLUSTER);
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = NodeAuthorizer::new(&inventory, Features::default());
    let basis = |request: Request<'_>| match authorizer.authorize(&kubelet("n1"), &request.into()) {
        Opinion::Allowed(Basis::Related(object)) => object.id().to_string(),
        Opinion::Allowed(Basis::Kubelet) => "kubelet".to_owned(),
        Opinion::Allowed(Basis::Rule(rule)) => rule.to_string(),
        Opinion::None(reason) => panic!("{reason}"),
    };
    assert_eq!(basis(Request::resource("create", "", "serviceaccounts/token", "a", "robot")), "Pod a/p");
    assert_eq!(basis(Request::resource("update", "", "nodes", "", "n2")), "kubelet");
    assert_eq!(basis(Request::resource("list", "", "services", "", "")), "get, list, watch on services");
}
