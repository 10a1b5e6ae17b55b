//! Made-up clusters with network policies, for benches: the same for the same numbers.

use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::path::Path;

/// Workloads of one namespace.
const IN_NAMESPACE: usize = 20;
/// What a workload is for.
const TIERS: [&str; 3] = ["web", "api", "data"];

/// Writes a cluster of Deployments, a file a namespace, with policies over them: default deny and DNS in every namespace, and, as far as
/// there are policies left, who may reach an application: by name of a port, by range, from namespaces with labels, and to addresses
/// with exceptions. Says how many bytes.
pub(crate) fn write(directory: &Path, workloads: usize, policies: usize) -> anyhow::Result<u64> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    std::fs::create_dir_all(directory)?;
    let namespaces = workloads.div_ceil(IN_NAMESPACE).max(1);
    let mut bytes = 0;
    for namespace in 0..namespaces {
        let of = |total: usize| total / namespaces + usize::from(namespace < total % namespaces);
        let mut text = String::new();
        for object in objects(namespace, namespaces, of(workloads), of(policies)) {
            let _ = writeln!(text, "---\n{object:#}");
        }
        bytes += text.len() as u64;
        std::fs::write(directory.join(format!("team-{namespace:04}.yaml")), text)?;
    }
    Ok(bytes)
}

fn objects(namespace: usize, namespaces: usize, workloads: usize, policies: usize) -> Vec<Json> {
    let name = format!("team-{namespace:04}");
    let labels = json!({"department": format!("d{}", namespace % 7), "stage": if namespace.is_multiple_of(3) { "prod" } else { "test" }});
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})];
    for workload in 0..workloads {
        let app = format!("app-{workload:02}");
        let labels = json!({"app": app, "tier": TIERS[workload % 3], "track": format!("t{}", workload % 2)});
        let ports = json!([{"name": "http", "containerPort": 8000 + workload % 5}, {"name": "metrics", "containerPort": 9100}]);
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": name, "name": app},
            "spec": {
                "replicas": 1 + workload % 3,
                "selector": {"matchLabels": {"app": app}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "registry.example/app:1", "ports": ports}]}},
            },
        }));
    }
    objects.extend((0..policies).map(|policy| {
        let mut object = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": name}});
        object["metadata"]["name"] = json!(format!("policy-{policy:02}"));
        object["spec"] = spec(policy, namespace, namespaces, workloads);
        object
    }));
    objects
}

fn spec(policy: usize, namespace: usize, namespaces: usize, workloads: usize) -> Json {
    // Fewer policies than kinds of them in a namespace: a different one first in each.
    match policy {
        0 => return json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        1 => {
            let dns = json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}});
            let ports = json!([{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]);
            return json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [dns], "ports": ports}]});
        }
        _ => {}
    }
    let seed = policy * 31 + namespace * 17;
    let app = |at: usize| json!({"matchLabels": {"app": format!("app-{:02}", at % workloads.max(1))}});
    match (policy + namespace) % 4 {
        0 => {
            let from = json!([{"podSelector": app(seed + 3)}, {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "api"]}]}}]);
            json!({
                "podSelector": app(seed), "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": from, "ports": [{"port": "http"}]}],
                "egress": [{"to": [{"podSelector": {"matchLabels": {"tier": "data"}}}], "ports": [{"port": "http"}, {"port": 9100}]}],
            })
        }
        1 => {
            let other = format!("team-{:04}", (namespace + policy) % namespaces);
            let spaces = json!({"matchLabels": {"kubernetes.io/metadata.name": other}});
            json!({
                "podSelector": app(seed),
                "ingress": [{"from": [{"namespaceSelector": spaces, "podSelector": {"matchLabels": {"tier": "web"}}}], "ports": [{"port": 8000, "endPort": 8004 + seed % 90}]}],
            })
        }
        2 => {
            let block =
                json!({"cidr": "0.0.0.0/0", "except": [format!("10.{}.0.0/16", seed % 200), "169.254.169.254/32", "192.168.0.0/16"]});
            json!({
                "podSelector": {"matchLabels": {"tier": TIERS[seed % 3]}}, "policyTypes": ["Egress"],
                "egress": [{"to": [{"ipBlock": block}], "ports": [{"port": 443}, {"protocol": "UDP", "port": 443}]}, {"to": [{"ipBlock": {"cidr": format!("203.0.{}.0/24", seed % 250)}}]}],
            })
        }
        _ => {
            let spaces = json!({"matchExpressions": [{"key": "department", "operator": "In", "values": [format!("d{}", seed % 7)]}]});
            json!({
                "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [format!("app-{:02}", seed % 20), format!("app-{:02}", (seed + 7) % 20)]}]},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"namespaceSelector": spaces}], "ports": [{"port": "metrics"}]}],
                "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": "http"}, {"port": "metrics"}]}],
            })
        }
    }
}
