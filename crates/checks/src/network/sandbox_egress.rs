//! `NET-sandbox-egress`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "NET-sandbox-egress",
    title: "Sandbox of agents reaches everything",
    severity: Severity::High,
    docs: "
## What it detects
A SandboxTemplate whose network policy is not managed, is missing, or has an egress rule without peers, with a peer that names nothing, or with `0.0.0.0/0` or `::/0`.

## Why it matters
What an agent runs was read by nobody. With an open network it sends home what it finds and asks the metadata service of the cloud for credentials.

## How to fix
Name the networks and pods that the sandbox's work needs, each in a peer of an egress rule.
",
    references: &[kubescape("C-0301"), mitre("T1041")],
    run: Run::Object(&["extensions.agents.x-k8s.io/SandboxTemplate", "agents.x-k8s.io/SandboxTemplate"], |template, reporter| {
        let has_policy = template.node.at(&["spec", "networkPolicy"]).is_some_and(Node::is_map);
        if template.node.at(&["spec", "networkPolicyManagement"]).is_some_and(|management| management.text() != "Managed") {
            let violation = Violation::at("/spec/networkPolicyManagement", "the network policy of the sandbox is not managed");
            let violation = violation.cured_by(CURE, Some("Managed".into())).needs(NEEDS);
            reporter.report(if has_policy { violation } else { violation.cured_at(CURE, "/spec/networkPolicy", Some(nothing())) });
            return;
        }
        let policy = template.node.at(&["spec", "networkPolicy"]).filter(|policy| policy.is_map());
        let Some(policy) = policy else {
            let violation = Violation::at("/spec/networkPolicy", "the sandbox has no network policy");
            reporter.report(violation.cured_by(CURE, Some(nothing())).needs(NEEDS));
            return;
        };
        let Some(egress) = policy.get("egress") else { return };
        if !egress.is_list() {
            let violation = Violation::at("/spec/networkPolicy/egress", "the egress rules cannot be read");
            reporter.report(violation.cured_by(CURE, Some(serde_json::json!([]))).needs(NEEDS));
        }
        for (at, rule) in egress.items().enumerate().filter(|(_, rule)| !is_scoped(*rule)) {
            let peers = if rule.get("to").is_some() { "a peer that names nothing" } else { "no peers" };
            let violation = Violation::at(format!("/spec/networkPolicy/egress/{at}"), format!("egress rule {at} has {peers}"));
            reporter.report(violation.cured_by(CURE, None).needs(NEEDS));
        }
    }),
};

const CURE: &str = "allow nothing, then what the sandbox's work needs";
const NEEDS: &str = "which networks and pods the sandbox's work needs";

/// A policy that lets nothing out.
fn nothing() -> serde_json::Value {
    serde_json::json!({"egress": []})
}

/// Whether each peer of an egress rule names something.
fn is_scoped(rule: Node<'_>) -> bool {
    let mut peers = rule.get("to").into_iter().flat_map(Node::items).peekable();
    peers.peek().is_some() && peers.all(names_something)
}

fn names_something(peer: Node<'_>) -> bool {
    let block = peer.at(&["ipBlock", "cidr"]).map(Node::text).filter(|cidr| !cidr.is_empty());
    let selects = |key| {
        peer.get(key).is_some_and(|selector| {
            let labels = selector.get("matchLabels").is_some_and(|labels| labels.entries().next().is_some());
            labels || selector.get("matchExpressions").is_some_and(|list| list.items().next().is_some())
        })
    };
    block.is_some_and(|cidr| !matches!(cidr, "0.0.0.0/0" | "::/0")) || selects("podSelector") || selects("namespaceSelector")
}
