//! `plimsoll net can` and `plimsoll net explain`: verdicts, derivations, places, and exit statuses.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use support::{Ran, directory, json, plimsoll_in};

const SHOP: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: web, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: c, image: cart, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: tools, labels: {app: job}}
spec: {nodeName: one, containers: [{name: c, image: job}]}
status: {podIP: 10.1.2.3}
---
apiVersion: v1
kind: Node
metadata: {name: one}
status: {addresses: [{type: InternalIP, address: 192.0.2.7}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {type: ExternalName, externalName: api.bank.example}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: http}]
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: metrics}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: quiet, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: bank-only}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {matchLabels: {app: cart}}}}
  egress:
  - {name: bank, action: Accept, to: [{domainNames: ["*.bank.example"]}], protocols: [{tcp: {destinationPort: {number: 443}}}]}
  - {name: rest, action: Deny, to: [{networks: ["0.0.0.0/0", "::/0"]}]}
"#;

fn net(arguments: &str) -> Ran {
    let directory = directory(&[("shop.yaml", SHOP.as_bytes())]);
    let arguments: Vec<_> = std::iter::once("net").chain(arguments.split(' ')).collect();
    plimsoll_in(directory.path(), &arguments, b"")
}

#[test]
fn verdicts_and_statuses() {
    for (arguments, status, begins) in [
        ("can shop/web shop/cart --port 8080", 0, "yes: shop/web can send TCP 8080 to shop/cart\n"),
        ("can shop/web shop/cart", 1, "partly: shop/web can send TCP 8080 to shop/cart, and not the rest\n"),
        ("can job shop/cart --port 8080", 1, "no: tools/job cannot send TCP 8080 to shop/cart\n"),
        ("can shop/web service/shop/cart --port 80", 0, "yes: shop/web can send TCP 8080 to shop/cart\n"),
        ("can shop/web shop/svc/cart", 0, "yes: shop/web can send TCP 8080 to shop/cart\n"),
        ("can shop/cart 10.1.2.3", 1, "no: shop/cart can send nothing to tools/job\n"),
        ("can cart api.bank.example --port 443", 0, "yes: shop/cart can send TCP 443 to api.bank.example (all addresses)\n"),
        ("can cart service/shop/bank --port 443", 0, "yes: shop/cart can send TCP 443 to api.bank.example (all addresses)\n"),
        ("can cart other.example", 1, "no: shop/cart can send nothing to other.example (all addresses)\n"),
        ("can internet web --port 8080", 1, "no: internet ("),
        ("can node/one tools/job", 0, "yes: node one can send everything to tools/job\n"),
        ("can 192.0.2.7 tools/job", 0, "yes: node one can send everything to tools/job\n"),
        ("can 10.0.0.0/8 web", 1, "no: 10.0.0.0/8 can send nothing to shop/web\n"),
        ("can job job", 0, "yes: tools/job can send everything to tools/job\n"),
        ("can web web", 1, "no: shop/web can send nothing to shop/web\n"),
    ] {
        let ran = net(arguments);
        assert_eq!((ran.status, ran.out.get(..begins.len())), (status, Some(begins)), "{arguments}: {}{}", ran.out, ran.err);
    }
    for (arguments, says) in [
        ("can shop/web shop/nobody", "no workload is called `shop/nobody`"),
        ("can web service/shop/none", "no Service `shop/none` is among what was read"),
        ("can web service/shop/cart --port 81", "Service shop/cart has no port TCP 81; it has TCP 80"),
        ("can node/two web", "no node is called `two`"),
        ("can api.bank.example web", "can only be a destination"),
        ("can web cart --port x", "a port is a number between 1 and 65535"),
    ] {
        let ran = net(arguments);
        assert!(ran.status == 2 && ran.out.is_empty() && ran.err.contains(says), "{arguments}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_derivation_names_every_policy_and_what_is_nearest() {
    let ran = net("can job shop/cart --port 8080");
    let wanted = "no: tools/job cannot send TCP 8080 to shop/cart
  egress from tools/job: allowed
    allowed, as no policy decides about it: TCP 8080
  ingress to shop/cart: denied
    network policies
      NetworkPolicy shop/cart, rule 2, is about tools/job, but names a port that the destination does not declare (shop.yaml:40)
      NetworkPolicy shop/quiet selects shop/cart, and has no rule (shop.yaml:45)
      denied, as policies select shop/cart and no rule allows it: TCP 8080
  to let it pass:
    ingress: NetworkPolicy shop/cart, rule 2, names a port that shop/cart does not declare (shop.yaml:40)
";
    assert_eq!(ran.out, wanted, "{}", ran.out);
    let answer = json(&net("can cart other.example --port 443 -o json"));
    assert_eq!(answer["verdict"], "no");
    let steps = answer["answers"][0]["egress"]["steps"].as_array().expect("steps");
    let told: Vec<_> = steps.iter().map(|step| (step["rule"]["name"].as_str(), step["outcome"].as_str(), step["tier"].as_str())).collect();
    assert_eq!(told, [(Some("rest"), Some("denies"), Some("admin"))]);
    assert_eq!(answer["answers"][0]["nearest"][0]["change"], "denyLess");
}

#[test]
fn explanations_say_why_not() {
    let ran = net("explain --focus shop/cart --direction ingress --only deny --port 8080");
    assert_eq!(ran.status, 0, "{}", ran.err);
    let wanted = "tools/job -> shop/cart
  denied: TCP 8080
    ingress  NetworkPolicy shop/cart, rule 2, is about tools/job, but names a port that the destination does not declare (shop.yaml:40)
    ingress  NetworkPolicy shop/quiet selects shop/cart, and has no rule (shop.yaml:45)
    ingress  denied, as policies select shop/cart and no rule allows it: TCP 8080
";
    assert!(ran.out.contains(wanted) && !ran.out.contains("allowed:"), "{}", ran.out);
    let all = json(&net("explain -o json"));
    let pairs = all["pairs"].as_array().expect("pairs");
    let derivations = all["derivations"].as_array().expect("derivations").len() as u64;
    assert!(pairs.iter().all(|pair| pair["egress"].as_u64().max(pair["ingress"].as_u64()) < Some(derivations)), "{all}");
    assert!(net("explain -o csv").out.starts_with("from,to,verdict,direction,tier,policy,rule,outcome,traffic,place,network\n"));
    let nothing = net("explain --focus shop/nobody");
    assert!(nothing.status == 2 && nothing.err.contains("no workload is called"), "{}", nothing.err);
}
