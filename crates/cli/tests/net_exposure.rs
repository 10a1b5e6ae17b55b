//! `plimsoll net exposure`: what pods that are not there yet could reach, and be reached by.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use support::{Ran, directory, json, plimsoll_in};

const SHOP: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: web}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: cart, ports: [{name: metrics, containerPort: 9100}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec: {template: {metadata: {labels: {app: front}}, spec: {containers: [{name: front, image: front}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: tool, namespace: ops}
spec: {template: {metadata: {labels: {app: tool}}, spec: {containers: [{name: tool, image: tool}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: ops}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: [{name: agent, image: agent}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: front}}}]
    ports: [{port: 8080}]
  - from: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {role: scraper}}}]
    ports: [{port: metrics}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: front, namespace: shop}
spec:
  podSelector: {matchLabels: {app: front}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{namespaceSelector: {}}]
    ports: [{port: 8080}]
  - from: [{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [ops, edge]}]}}]
    ports: [{port: 8443}]
  egress:
  - to: [{podSelector: {matchLabels: {app: cart}}}]
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ports: [{port: 53, protocol: UDP}]
  - to: [{namespaceSelector: {matchLabels: {team: pay}}}]
    ports: [{port: http}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: guests}
spec:
  priority: 1
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}
  ingress:
  - name: keep out
    action: Deny
    from: [{namespaces: {matchLabels: {guest: "yes"}}}]
"#;

fn exposure(arguments: &str) -> Ran {
    let arguments: Vec<_> = ["net", "exposure"].into_iter().chain(arguments.split(' ').filter(|word| !word.is_empty())).collect();
    plimsoll_in(directory(&[("shop.yaml", SHOP.as_bytes())]).path(), &arguments, b"")
}

#[test]
fn unprotected_workloads_come_first_then_what_is_open_and_why() {
    let ran = exposure("");
    let taken = "note: pods on the network of their node (1 workload) are taken as their node: no policy is about them, and no selector means them \
                 (--host-network)\n";
    assert_eq!((ran.status, ran.err.as_str()), (0, taken));
    let wanted = "protected by no policy:
  ops/tool

on the network of their node, where no policy is about them:
  ops/agent

pods that are not there yet could reach
  shop/cart
    from pods with role=scraper in namespaces with team=ops: TCP 9100
      NetworkPolicy shop/cart, rule 2, allows TCP 9100 (shop.yaml:41)
  shop/front
    from any pod of the cluster: TCP 8080
      NetworkPolicy shop/front, rule 1, allows TCP 8080 (shop.yaml:51)
    from any pod in namespaces with guest=yes: nothing
      AdminNetworkPolicy guests, rule 1 `keep out`, denies all (shop.yaml:69)
    from any pod in namespaces with team in (edge,ops): TCP 8080, 8443
      NetworkPolicy shop/front, rule 2, allows TCP 8443 (shop.yaml:53)

pods that are not there yet could be reached by
  shop/front
    to pods with k8s-app=kube-dns in any namespace: UDP 53
      NetworkPolicy shop/front, rule 2, allows UDP 53 (shop.yaml:57)
    to any pod in namespaces with team=pay: TCP http (a named port)
      NetworkPolicy shop/front, rule 3, allows a named port (shop.yaml:59)
";
    assert_eq!(ran.out, wanted, "{}", ran.out);
}

#[test]
fn pods_of_other_networks_are_out_of_reach() {
    let own = r#"apiVersion: v1
kind: Namespace
metadata: {name: own, labels: {k8s.ovn.org/primary-user-defined-network: ""}}
---
apiVersion: k8s.ovn.org/v1
kind: UserDefinedNetwork
metadata: {name: net, namespace: own}
spec: {topology: Layer2, layer2: {role: Primary}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: own}
spec: {template: {metadata: {labels: {app: app}}, spec: {containers: [{name: app, image: app}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: app, namespace: own}
spec:
  podSelector: {}
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]
  - from: [{podSelector: {matchLabels: {role: friend}}}]
"#;
    let files = directory(&[("shop.yaml", SHOP.as_bytes()), ("own.yaml", own.as_bytes())]);
    let ran = plimsoll_in(files.path(), &["net", "exposure", "--focus", "own/app", "--direction", "ingress"], b"");
    let wanted = "pods that are not there yet could reach
  own/app, within UserDefinedNetwork own/net
    from pods with role=friend in namespace own: all
      NetworkPolicy own/app, rule 2, allows all (own.yaml:22)
";
    assert_eq!((ran.status, ran.out.as_str()), (0, wanted), "{}", ran.err);
}

#[test]
fn questions_narrow_the_answer() {
    for (arguments, wanted, unwanted) in [
        ("--focus shop/cart", "shop/cart", "front"),
        ("--direction egress", "kube-dns", "scraper"),
        ("--port 8443", "team in (edge,ops)", "any pod of the cluster: TCP 8080"),
        ("--port udp/53", "kube-dns", "team=pay"),
        ("--host-network pod", "protected by no policy:\n  ops/*\n", "on the network of their node"),
    ] {
        let ran = exposure(arguments);
        assert!(ran.out.contains(wanted) && !ran.out.contains(unwanted), "{arguments}: {}", ran.out);
    }
    let ran = exposure("--focus shop/none");
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no workload is called `shop/none`"), "{}", ran.err);
}

#[test]
fn one_new_pod_is_asked_about_with_its_labels() {
    let ran = exposure("--labels role=scraper --namespace-labels team=ops,stage=test");
    let wanted = "a new pod with role=scraper in a new namespace with team=ops,stage=test
  could reach
    ops/*: all
    shop/cart: TCP 9100
      NetworkPolicy shop/cart, rule 2, allows TCP 9100 (shop.yaml:41)
    shop/front: TCP 8080, 8443
      NetworkPolicy shop/front, rule 1, allows TCP 8080 (shop.yaml:51)
      NetworkPolicy shop/front, rule 2, allows TCP 8443 (shop.yaml:53)
    outside (all addresses): all
  could be reached by
    ops/*: all
    outside (all addresses): all
";
    assert_eq!((ran.status, ran.out.as_str()), (0, wanted), "{}", ran.err);
    // In a namespace that is there, its policies are about the pod, too.
    let ran = exposure("--namespace shop --labels app=cart --direction egress");
    let wanted = "a new pod with app=cart in namespace shop\n  could reach nothing\n";
    assert_eq!(ran.out, wanted);
    for (arguments, why) in [
        ("--namespace shop --namespace-labels a=b", "was read with its labels"),
        ("--labels app", "`app` is no label"),
        ("--labels a=b --focus cart", "cannot be used with"),
    ] {
        let ran = exposure(arguments);
        assert!(ran.status == 2 && ran.err.contains(why), "{arguments}: {}", ran.err);
    }
}

#[test]
fn programs_get_the_same() {
    let answer = json(&exposure("-o json"));
    let open = &answer["ingress"][2];
    assert_eq!(answer["workloads"][open["workloads"][0].as_u64().expect("a place") as usize]["name"], "cart");
    assert_eq!(open["protection"], "policies");
    let opening = &open["openings"][0];
    assert_eq!(opening["peer"], serde_json::json!({"namespaces": "team=ops", "pods": "role=scraper"}));
    assert_eq!((&opening["traffic"]["tcp"][0], &opening["because"][0]["rule"]["number"]), (&"9100".into(), &2.into()));
    let csv = exposure("-o csv").out;
    assert!(
        csv.starts_with("workload,direction,protected,peer,traffic,because\nops/agent,egress,no,any pod of the cluster,all,\n"),
        "{csv}"
    );
    for form in ["markdown", "dot", "svg", "html"] {
        let ran = exposure(&format!("-o {form}"));
        assert!(ran.status == 0 && ran.out.contains("kube-dns"), "{form}: {}", ran.out);
    }
    assert_eq!(json(&exposure("--labels a=b -o json"))["described"], "a new pod with a=b in a new namespace without labels");
}
