//! Audit events from one line of text: `user verb resource namespace status rest`. A user with a slash is a service account, `-` is
//! none; the rest is JSON that is laid over the event.

use super::Case;
use plimsoll_detect::detector::AuditDetector;
use serde_json::{Value, json};

/// The rules that answer to an event.
pub(super) fn alerts(detector: &mut AuditDetector, line: &str) -> Vec<String> {
    let [user, verb, resource, namespace, code, rest] = line.splitn(6, ' ').collect::<Vec<_>>().try_into().unwrap();
    let user = match user.split_once('/') {
        Some((namespace, name)) => format!("system:serviceaccount:{namespace}:{name}"),
        None => user.to_owned(),
    };
    let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(resource, sub)| (resource, Some(sub)));
    let code: u16 = code.parse().unwrap();
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": "a", "verb": verb,
        "stage": if code == 101 { "ResponseStarted" } else { "ResponseComplete" },
        "requestURI": "/x", "user": {"username": user}, "sourceIPs": ["192.0.2.1"], "userAgent": "kubectl/v1.34.0",
        "objectRef": {"resource": resource, "name": "x"}, "responseStatus": {"code": code},
    });
    for (key, value) in [("namespace", Some(namespace).filter(|namespace| *namespace != "-")), ("subresource", subresource)] {
        if let Some(value) = value {
            event["objectRef"][key] = json!(value);
        }
    }
    lay_over(&mut event, serde_json::from_str(rest).unwrap_or_else(|error| panic!("{rest}: {error}")));
    let mut found = Vec::new();
    detector.event(event.to_string().as_bytes(), |alert| found.push(alert.rule.name.clone())).unwrap();
    found
}

fn lay_over(event: &mut Value, rest: Value) {
    match (event, rest) {
        (Value::Object(event), Value::Object(rest)) => {
            for (key, value) in rest {
                lay_over(event.entry(key).or_insert(Value::Null), value);
            }
        }
        (event, rest) => *event = rest,
    }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    ("Anonymous request answered",
        &[r#"system:anonymous list pods shop 200 {"requestURI":"/api/v1/namespaces/shop/pods"}"#],
        &[r#"system:anonymous get - - 200 {"requestURI":"/readyz?verbose"}"#, "system:anonymous list pods shop 403 {}",
          r#"system:anonymous get configmaps kube-public 200 {"requestURI":"/api/v1/namespaces/kube-public/configmaps/cluster-info"}"#]),
    ("Request on behalf of a system identity",
        &[r#"bob get secrets shop 200 {"impersonatedUser":{"username":"system:admin"}}"#],
        &[r#"bob get pods shop 200 {"impersonatedUser":{"username":"alice"}}"#]),
    ("Exec through a node",
        &[r#"bob create nodes/proxy - 200 {"requestURI":"/api/v1/nodes/n1/proxy/run/shop/web/app?cmd=id"}"#],
        &[r#"monitoring/prometheus get nodes/proxy - 200 {"requestURI":"/api/v1/nodes/n1/proxy/metrics/cadvisor"}"#]),
    ("Pod entered",
        &["bob create pods/exec shop 101 {}", "ci/runner get pods/attach shop 101 {}"],
        &["bob create pods/exec shop 403 {}", r#"bob create pods/exec shop 101 {"responseStatus":{"code":403}}"#, "bob get pods/log shop 200 {}"]),
    ("Container added to a running pod",
        &["bob patch pods/ephemeralcontainers shop 200 {}"],
        &["bob get pods/ephemeralcontainers shop 200 {}", "bob patch pods/status shop 200 {}"]),
    ("Pod with all rights on the node",
        &[r#"bob create pods shop 201 {"requestObject":{"spec":{"containers":[{"name":"a","image":"i","securityContext":{"privileged":true}}]}}}"#,
          r#"bob create pods shop 201 {"requestObject":{"spec":{"hostPID":true,"containers":[{"name":"a","image":"i"}]}}}"#,
          r#"bob create pods shop 201 {"requestObject":{"spec":{"containers":[{"name":"a","image":"i"},{"name":"b","image":"i","securityContext":{"capabilities":{"add":["NET_ADMIN","SYS_ADMIN"]}}}]}}}"#],
        &[r#"bob create pods shop 201 {"requestObject":{"spec":{"hostPID":false,"containers":[{"name":"a","image":"i","securityContext":{"privileged":false,"capabilities":{"add":["NET_BIND_SERVICE"]}}}]}}}"#,
          r#"bob create pods shop 403 {"requestObject":{"spec":{"hostPID":true}}}"#,
          r#"kube-system/daemon-set-controller create pods kube-system 201 {"requestObject":{"spec":{"hostPID":true}}}"#]),
    ("Pod with a directory of the node",
        &[r#"bob create pods shop 201 {"requestObject":{"spec":{"volumes":[{"name":"c","emptyDir":{}},{"name":"h","hostPath":{"path":"/"}}]}}}"#],
        &[r#"bob create pods shop 201 {"requestObject":{"spec":{"volumes":[{"name":"h","hostPath":{"path":"/var/lib/shop"}}]}}}"#]),
    ("Pod started by hand in kube-system",
        &["bob create pods kube-system 201 {}"],
        &["kube-system/replicaset-controller create pods kube-system 201 {}", "system:node:n1 create pods kube-system 201 {}", "bob create pods shop 201 {}"]),
    ("Cron job made or changed",
        &["bob create cronjobs shop 201 {}", "bob patch cronjobs shop 200 {}"],
        &["kube-system/generic-garbage-collector update cronjobs shop 200 {}", "kube-system/cronjob-controller update cronjobs/status shop 200 {}", "bob create jobs shop 201 {}", "bob create cronjobs shop 409 {}"]),
    ("Binding to the role of administrators",
        &[r#"bob create clusterrolebindings - 201 {"requestObject":{"roleRef":{"name":"cluster-admin"}}}"#,
          r#"kube-system/coredns create clusterrolebindings - 201 {"requestObject":{"roleRef":{"name":"cluster-admin"}}}"#],
        &[r#"bob create rolebindings shop 201 {"requestObject":{"roleRef":{"name":"view"}}}"#,
          r#"bob create clusterrolebindings - 403 {"requestObject":{"roleRef":{"name":"cluster-admin"}}}"#]),
    ("Rights for everybody",
        &[r#"bob create clusterrolebindings - 201 {"requestObject":{"roleRef":{"name":"view"},"subjects":[{"kind":"Group","name":"system:unauthenticated"}]}}"#],
        &[r#"bob create clusterrolebindings - 201 {"requestObject":{"roleRef":{"name":"view"},"subjects":[{"kind":"Group","name":"team"}]}}"#]),
    ("Role with wildcards",
        &[r#"bob create clusterroles - 201 {"requestObject":{"rules":[{"verbs":["*"],"resources":["*"],"apiGroups":["*"]}]}}"#],
        &[r#"bob create clusterroles - 201 {"requestObject":{"rules":[{"verbs":["*"],"resources":["configmaps"],"apiGroups":[""]}]}}"#,
          r#"bob create clusterroles - 201 {"requestObject":{"rules":[{"verbs":["*"],"resources":["*"],"apiGroups":["metrics.k8s.io"]}]}}"#]),
    ("Role that can give itself more rights",
        &[r#"bob patch roles shop 200 {"requestObject":{"rules":[{"verbs":["get","escalate"],"resources":["roles"]}]}}"#],
        &[r#"bob patch roles shop 200 {"requestObject":{"rules":[{"verbs":["get","update"],"resources":["roles"]}]}}"#]),
    ("Service account made in kube-system",
        &["bob create serviceaccounts kube-system 201 {}"],
        &["system:kube-controller-manager create serviceaccounts kube-system 201 {}", "bob create serviceaccounts shop 201 {}"]),
    ("Client certificate approved",
        &["bob update certificatesigningrequests/approval - 200 {}"],
        &["kube-system/certificate-controller update certificatesigningrequests/approval - 200 {}", "bob create certificatesigningrequests - 201 {}"]),
    ("Token of a service account issued",
        &["bob create serviceaccounts/token shop 201 {}"],
        &["system:node:n1 create serviceaccounts/token shop 201 {}", "bob create serviceaccounts/token shop 403 {}"]),
    ("Secrets of all namespaces listed",
        &[r#"bob list secrets - 200 {"requestURI":"/api/v1/secrets?limit=500"}"#],
        &[r#"shop/operator list secrets - 200 {"requestURI":"/api/v1/secrets?limit=500&resourceVersion=0"}"#, "bob list secrets shop 200 {}", "bob list pods - 200 {}",
          r#"bob list secrets - 200 {"requestURI":"/api/v1/secrets?labelSelector=owner%3Dhelm"}"#]),
    ("Own rights listed by a pod",
        &["shop/web create selfsubjectrulesreviews - 201 {}"],
        &["bob create selfsubjectrulesreviews - 201 {}", "shop/web create selfsubjectaccessreviews - 201 {}"]),
    ("Service account refused across the cluster",
        &["shop/web list secrets - 403 {}", r#"shop/web list nodes - 403 {"userAgent":"curl/8.5.0"}"#],
        &[r#"shop/operator list nodes - 403 {"userAgent":"operator/v2"}"#, "shop/web list secrets shop 403 {}", "bob list secrets - 403 {}"]),
    ("Admission control removed",
        &["bob delete validatingwebhookconfigurations - 200 {}"],
        &["bob delete validatingwebhookconfigurations - 404 {}", "bob get validatingwebhookconfigurations - 200 {}"]),
    ("Admission control made toothless",
        &[r#"bob patch validatingwebhookconfigurations - 200 {"requestObject":{"webhooks":[{"failurePolicy":"Ignore"}]}}"#],
        &[r#"bob patch validatingwebhookconfigurations - 200 {"requestObject":{"webhooks":[{"failurePolicy":"Fail"}]}}"#,
          r#"shop/operator patch validatingwebhookconfigurations - 200 {"requestObject":{"webhooks":[{"failurePolicy":"Ignore"}]}}"#]),
    ("Events of the cluster deleted",
        &["bob deletecollection events shop 200 {}"],
        &["kube-system/namespace-controller deletecollection events shop 200 {}", "bob list events shop 200 {}"]),
    ("Namespace of the system deleted",
        &[r#"bob delete namespaces kube-system 200 {"objectRef":{"name":"kube-system"}}"#],
        &[r#"bob delete namespaces shop 200 {"objectRef":{"name":"shop"}}"#, r#"bob delete namespaces kube-system 403 {"objectRef":{"name":"kube-system"}}"#]),
    ("Backups of the cluster deleted",
        &["bob delete volumesnapshots shop 200 {}"],
        &["velero/velero delete backups velero 200 {}", "bob create volumesnapshots shop 201 {}"]),
    ("Objects deleted in bulk",
        &["bob deletecollection deployments shop 200 {}"],
        &[r#"bob deletecollection pods shop 200 {"requestURI":"/api/v1/namespaces/shop/pods?labelSelector=app%3Dtest"}"#,
          "kube-system/namespace-controller deletecollection pods shop 200 {}", "bob delete deployments shop 200 {}"]),
    ("Port of a pod forwarded",
        &["eve create pods/portforward shop 101 {}"],
        &["eve create pods/portforward shop 403 {}", "eve create pods/log shop 101 {}", "system:node:a create pods/portforward shop 101 {}"]),
    ("Service opened to the outside",
        &[r#"eve create services shop 201 {"requestObject":{"spec":{"type":"NodePort"}}}"#, r#"eve create services shop 201 {"requestObject":{"spec":{"type":"LoadBalancer"}}}"#],
        &[r#"eve create services shop 201 {"requestObject":{"spec":{"type":"ClusterIP"}}}"#, r#"eve create services shop 422 {"requestObject":{"spec":{"type":"NodePort"}}}"#, r#"eve create services kube-system 201 {"requestObject":{"spec":{"type":"NodePort"}}}"#]),
    ("Program put on each node",
        &["eve create daemonsets shop 201 {}"],
        &["eve create deployments shop 201 {}", "eve create daemonsets shop 403 {}", "eve create daemonsets kube-system 201 {}"]),
    ("Credentials refused",
        &["- get pods shop 401 {}"],
        &["eve get pods shop 403 {}", "eve get pods shop 200 {}"]),
];
