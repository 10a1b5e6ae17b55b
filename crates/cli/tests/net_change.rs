//! `plimsoll net diff` and `plimsoll net what-if`: what they say, and exit statuses.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod support;

use support::{Ran, directory, json, plimsoll_in};

const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}}
";
const CART: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec: {podSelector: {matchLabels: {app: cart}}, policyTypes: [Ingress]}
";
const DB: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
  namespace: shop
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: cart}}}]
    ports: [{port: 5432}]
";
const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata: {name: job, namespace: shop}
spec: {template: {metadata: {labels: {app: job}}, spec: {containers: [{name: c, image: i}]}}}
";

fn net(arguments: &str) -> Ran {
    let seen = |from: &str, to: &str, verdict: &str, is_reply: bool| {
        let end = |pod: &str| format!(r#"{{"namespace":"shop","pod_name":"{pod}"}}"#);
        format!(
            r#"{{"flow":{{"time":"2026-03-01T10:00:00Z","verdict":"{verdict}","l4":{{"TCP":{{"destination_port":5432}}}},"source":{},"destination":{},"is_reply":{is_reply}}}}}"#,
            end(from),
            end(to)
        )
    };
    let flows = [
        seen("web-5d9c-x1", "db-0", "FORWARDED", false),
        seen("web-5d9c-x2", "db-0", "FORWARDED", false),
        seen("db-0", "web-5d9c-x2", "FORWARDED", true),
        seen("cart-5d9c-x2", "db-0", "FORWARDED", false),
        seen("web-5d9c-x2", "cart-6f-a", "DROPPED", false),
        seen("other-5d9c-x2", "db-0", "FORWARDED", false),
    ];
    let kept = format!("{}\n", flows[3]);
    let files = [
        ("before/shop.yaml", SHOP.to_owned()),
        ("before/cart.yaml", CART.to_owned()),
        ("after/shop.yaml", format!("{SHOP}---\n{JOB}")),
        ("after/db.yaml", DB.to_owned()),
        ("broken/shop.yaml", "a: [".to_owned()),
        ("db.yaml", DB.to_owned()),
        ("flows.jsonl", flows.join("\n") + "\n"),
        ("kept.jsonl", kept),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    plimsoll_in(directory(&files).path(), &[&["net"][..], &arguments.split(' ').collect::<Vec<_>>()].concat(), b"")
}

#[test]
fn differences_are_told_and_have_a_status() {
    let ran = net("diff before after");
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (
            1,
            "\
new: shop/job

+ shop/{cart, web, db} -> shop/cart: all
+ outside (all addresses) -> shop/cart: all
~ shop/cart -> shop/db: TCP 5432
    - TCP 1-5431, 5433-65535; UDP; SCTP; ICMP and others
- shop/{web, db} -> shop/db: all
- outside (all addresses) -> shop/db: all

with workloads that are new
+ shop/{cart, web, db} -> shop/job: all
+ shop/job -> shop/{cart, web, job}: all
+ shop/job -> outside (all addresses): all
+ outside (all addresses) -> shop/job: all

6 added, 1 changed, 2 removed
"
        ),
        "{}",
        ran.out
    );
    let same = net("diff before before");
    assert_eq!((same.status, same.out.as_str()), (0, "no connection differs\n"));
    assert_eq!(net("diff before broken").status, 2);
    let answer = json(&net("diff before after -o json"));
    assert_eq!(answer["new"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["changes"].as_array().map(Vec::len), Some(9));
    assert!(
        net("diff before after -o csv").out.contains("changed,shop/cart,shop/db,all,\"TCP 5432\",kept,\n")
            || net("diff before after -o csv").out.contains("changed,shop/cart,shop/db,all,TCP 5432,kept,\n")
    );
    assert!(net("diff before after -o markdown").out.contains("| removed | shop/web | shop/db | all | none | kept |  |"));
    assert!(net("diff before after -o dot").out.contains("digraph"));
}

#[test]
fn flows_that_a_change_would_cut_come_first() {
    let ran = net("what-if db.yaml --in before --flows flows.jsonl");
    let (told, _) = ran.out.split_once("\nWhat differs:\n").expect("both parts");
    assert_eq!(
        (ran.status, told),
        (
            1,
            "\
1 flow that was seen would be CUT:

  shop/web -> shop/db: TCP 5432, 2 times, last 2026-03-01T10:00:00Z
      NetworkPolicy shop/db does not allow it, ingress (db.yaml:4)
      before: no policy was about it, ingress

1 flow did not pass before either:

  shop/web -> shop/cart: TCP 5432, once, last 2026-03-01T10:00:00Z
      NetworkPolicy shop/cart does not allow it, ingress (before/cart.yaml:3)

1 flow may or may not be cut:

  shop/other-5d9c-x2 -> shop/db: TCP 5432, once, last 2026-03-01T10:00:00Z
      with a workload that was not read

1 other flow as before; 1 record was a reply, which passes with what it answers
"
        ),
        "{}",
        ran.out
    );
    let kept = net("what-if db.yaml --in before --flows kept.jsonl");
    assert_eq!(kept.status, 0, "{}{}", kept.out, kept.err);
    assert!(kept.out.starts_with("No flow that was seen would be cut.\n"));
    let opened = net("what-if --delete networkpolicy/shop/cart --in before --flows flows.jsonl");
    assert_eq!(opened.status, 0, "{}{}", opened.out, opened.err);
    assert!(opened.out.contains("1 flow did not pass before and would:\n\n  shop/web -> shop/cart: TCP 5432"), "{}", opened.out);
    let gone = net("what-if --delete StatefulSet/shop/db --in before --flows kept.jsonl");
    assert_eq!(gone.status, 1, "{}{}", gone.out, gone.err);
    assert!(gone.out.contains("its destination is not there any more"), "{}", gone.out);
    let answer = json(&net("what-if db.yaml --in before --flows flows.jsonl -o json"));
    let place = &answer["flows"]["cut"][0]["by"][0]["policy"]["place"];
    assert_eq!((&place["file"], &place["line"]), (&"db.yaml".into(), &4.into()));
    assert!(net("what-if db.yaml --in before --flows flows.jsonl -o csv").out.contains("cut,shop/web,shop/db,TCP,5432,2,"));
    assert!(net("what-if db.yaml --in before --flows flows.jsonl -o dot").out.contains("NetworkPolicy shop/db"));
    assert_eq!(net("what-if db.yaml --in before").status, 0);
    for (arguments, words) in [
        ("what-if --delete Deployment/shop/x --in before", "there is no Deployment shop/x to delete"),
        ("what-if --delete x --in before", "KIND/NAMESPACE/NAME"),
        ("what-if db.yaml --in before --flows db.yaml", "no flow could be read"),
    ] {
        let ran = net(arguments);
        assert!(ran.status == 2 && ran.err.contains(words), "{arguments}: {} {}", ran.status, ran.err);
    }
}
