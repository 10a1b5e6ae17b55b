//! `plimsoll net list`: who may talk to whom, by which way in, and over which network.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use support::{Ran, directory, json, plimsoll_in};

const SHOP: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: web, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {selector: {matchLabels: {app: cart}}, template: {metadata: {labels: {app: cart}, annotations: {k8s.v1.cni.cncf.io/networks: backup}}, spec: {containers: [{name: c, image: cart}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store, namespace: shop}
spec: {selector: {matchLabels: {app: store}}, template: {metadata: {labels: {app: store}, annotations: {k8s.v1.cni.cncf.io/networks: backup}}, spec: {containers: [{name: c, image: store}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: http}]}], egress: [{to: [{podSelector: {matchLabels: {app: cart}}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: quiet, namespace: shop}
spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: [cart, store]}]}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}]}
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: backup, namespace: shop}
spec: {config: '{"name": "backup", "type": "macvlan"}'}
---
apiVersion: k8s.cni.cncf.io/v1beta1
kind: MultiNetworkPolicy
metadata: {name: backup, namespace: shop, annotations: {k8s.v1.cni.cncf.io/policy-for: backup}}
spec: {podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [{ports: [{port: 873}]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: vault, labels: {k8s.ovn.org/primary-user-defined-network: ""}}
---
apiVersion: k8s.ovn.org/v1
kind: UserDefinedNetwork
metadata: {name: own, namespace: vault}
spec: {topology: Layer2, layer2: {role: Primary, subnets: [10.200.0.0/16]}}
---
apiVersion: v1
kind: Pod
metadata: {name: keys, namespace: vault}
spec: {containers: [{name: c, image: keys}]}
---
apiVersion: v1
kind: Pod
metadata: {name: seal, namespace: vault}
spec: {containers: [{name: c, image: seal}]}
"#;

fn list(text: &str, arguments: &[&str]) -> Ran {
    plimsoll_in(directory(&[("shop.yaml", text.as_bytes())]).path(), &[&["net", "list"], arguments].concat(), b"")
}

#[test]
fn workloads_ways_in_and_networks() {
    let ran = list(SHOP, &[]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (
            0,
            "\
shop/web
  -> shop/cart: all

vault/*
  -> vault/*: all
  -> outside (all addresses): all

outside (all addresses)
  -> shop/web: TCP 8080
  -> vault/*: all

Ingress shop/front (by a controller that was not read)
  -> shop/web: TCP 8080

apart from all other pods, in UserDefinedNetwork vault/own: vault/*

also attached to NetworkAttachmentDefinition shop/backup: shop/{cart, store}

shop/{cart, store}
  -> shop/cart: all
  -> shop/store: TCP 873
"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_in_focus() {
    let table = [
        (
            vec!["--focus", "shop/web", "--direction", "ingress", "-o", "csv"],
            "from,to,traffic,network\nIngress shop/front,shop/web,TCP 8080,\nall addresses,shop/web,TCP 8080,\n",
        ),
        (
            vec!["--focus", "store", "-o", "csv"],
            "from,to,traffic,network\n\
             shop/cart,shop/store,TCP 873,NetworkAttachmentDefinition shop/backup\n\
             shop/store,shop/cart,all,NetworkAttachmentDefinition shop/backup\n",
        ),
        (
            vec!["--port", "tcp/873", "--focus", "shop/", "--direction", "egress", "-o", "csv"],
            "from,to,traffic,network\n\
             shop/cart,shop/store,TCP 873,NetworkAttachmentDefinition shop/backup\n\
             shop/store,shop/cart,all,NetworkAttachmentDefinition shop/backup\n\
             shop/web,shop/cart,all,\n",
        ),
    ];
    for (arguments, wanted) in table {
        assert_eq!(list(SHOP, &arguments).out, wanted, "{arguments:?}");
    }
    let report = json(&list(SHOP, &["-o", "json"]));
    assert_eq!(report["entrances"][0]["by"], "unknown");
    assert_eq!(report["networks"][0]["first"], true);
}

#[test]
fn what_is_wrong_is_told() {
    let bad = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: n}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: k8s.cni.cncf.io/v1beta1
kind: MultiNetworkPolicy
metadata: {name: p, namespace: n}
spec: {podSelector: {}}
";
    let ran = list(bad, &[]);
    assert!(
        ran.status == 2 && ran.err.contains("shop.yaml:7:1: the MultiNetworkPolicy `p` names no network"),
        "{} {}",
        ran.status,
        ran.err
    );
}
