//! Policies that say something else than they look like.

use super::Lint;
use crate::addresses::Cidr;
use crate::policy::{Means, Peers, Tier};
use plimsoll_model::{Node, Severity};

pub(super) static EGRESS_WITHOUT_TYPE: Lint = Lint {
    id: "NETPOL-egress-without-type",
    title: "Policy for egress also cuts all ingress",
    severity: Severity::Medium,
    detects: "A NetworkPolicy with `egress` and neither `ingress` nor `policyTypes`.",
    why: "Without `policyTypes` a policy is about ingress, whatever it says: with no rule for it, nobody reaches its pods any more.",
    fix: "Write `policyTypes: [Egress]`, or `[Ingress, Egress]` if that was meant.",
    run: |look, found| {
        for policy in look.world.policies.iter().filter(|policy| policy.tier == Tier::NetworkPolicy) {
            let Some(spec) = policy.object.node.get("spec") else { continue };
            let Some((key, _)) = spec.entry("egress").filter(|(_, rules)| !rules.is_null()) else { continue };
            let types = spec.get("policyTypes").is_some_and(|types| types.items().next().is_some());
            if !types && spec.get("ingress").is_none() {
                let message = format!("{} has no `policyTypes`: beside its rules for egress it denies all ingress", policy.name());
                found.at(&policy.object, key, message, "write `policyTypes: [Egress]`, or `[Ingress, Egress]` if that is meant");
            }
        }
    },
};

pub(super) static EXCEPT: Lint = Lint {
    id: "NETPOL-except",
    title: "Exception of an address block is not within it",
    severity: Severity::Medium,
    detects: "An `except` of an `ipBlock` that is not a strict subset of its `cidr`.",
    why: "The API server refuses such a policy; where an older object has it, the exception does nothing, or leaves nothing of the block.",
    fix: "Write exceptions that are smaller than the block and within it.",
    run: |look, found| {
        for policy in &look.world.policies {
            for (.., rule) in policy.all_rules() {
                let Peers::Listed(peers) = &rule.peers else { continue };
                for block in peers.iter().filter_map(|peer| peer.node.get("ipBlock")) {
                    let Some(outer) = block.get("cidr").and_then(|node| Cidr::read(node.text()).ok()) else { continue };
                    for node in block.get("except").into_iter().flat_map(Node::items) {
                        let Ok(except) = Cidr::read(node.text()) else { continue };
                        if except.length <= outer.length || !except.addresses().is_subset(&outer.addresses()) {
                            let message = format!("the exception `{}` of {} is not strictly within `{outer}`", node.text(), policy.name());
                            found.at(&policy.object, node, message, "write an exception that is smaller than the block and within it");
                        }
                    }
                }
            }
        }
    },
};

pub(super) static PEERS_APART: Lint = Lint {
    id: "NETPOL-peers-apart",
    title: "Two peers where one with both selectors may be meant",
    severity: Severity::Low,
    detects: "A rule in which a peer with `namespaceSelector` alone is followed by one with `podSelector` alone, or the other way round.",
    why: "Two items of the list are two peers: every pod of those namespaces, and also pods with those labels in the policy's own namespace. One dash more or less is the difference to pods with the labels in those namespaces.",
    fix: "If pods of those namespaces are meant, write both selectors in one item. If two peers are meant, part them by writing each in a rule of its own.",
    run: |look, found| {
        for policy in look.world.policies.iter().filter(|policy| policy.tier == Tier::NetworkPolicy) {
            for (direction, at, rule) in policy.all_rules() {
                let Peers::Listed(peers) = &rule.peers else { continue };
                let only = |node: Node<'_>, one: &str, other: &str| node.get(one).is_some_and(narrows) && node.get(other).is_none();
                let is_space = |node| only(node, "namespaceSelector", "podSelector");
                let is_pod = |node| only(node, "podSelector", "namespaceSelector");
                let apart = peers.iter().zip(peers.iter().skip(1)).find(|(one, two)| {
                    matches!((&one.means, &two.means), (Means::Pods(_), Means::Pods(_)))
                        && (is_space(one.node) && is_pod(two.node) || is_pod(one.node) && is_space(two.node))
                });
                if let Some((_, second)) = apart {
                    let message = format!(
                        "{} {} of {} means all pods of the selected namespaces, and beside them pods of `{}` with the labels",
                        direction.name(),
                        rule.title(at),
                        policy.name(),
                        policy.object.effective_namespace()
                    );
                    found.at(
                        &policy.object,
                        second.node,
                        message,
                        "write both selectors in one item if pods of those namespaces are meant",
                    );
                }
            }
        }
    },
};

/// Whether a selector leaves anything out.
fn narrows(selector: Node<'_>) -> bool {
    selector.entries().any(|(_, value)| value.entries().next().is_some() || value.items().next().is_some())
}

pub(super) static UNKNOWN_PEER: Lint = Lint {
    id: "NETPOL-unknown-peer",
    title: "Peer of a rule is not understood",
    severity: Severity::High,
    detects: "A peer that says nothing, mixes `ipBlock` with selectors, or has a field that the API does not have.",
    why: "The API server refuses it or drops the field, after which the peer can mean everybody. Here it is taken to match nobody, and a rule that denies to deny everybody.",
    fix: "Write `podSelector`, `namespaceSelector`, both at once, or `ipBlock`; for policies of the cluster `namespaces`, `pods`, `networks`, `nodes` or `domainNames`.",
    run: |look, found| {
        for policy in &look.world.policies {
            for (direction, at, rule) in policy.all_rules() {
                let Peers::Listed(peers) = &rule.peers else { continue };
                for peer in peers.iter().filter(|peer| matches!(peer.means, Means::Unknown)) {
                    let message = format!("a peer of {} {} of {} is not understood", direction.name(), rule.title(at), policy.name());
                    found.at(&policy.object, peer.node, message, "write a peer that the API knows");
                }
            }
        }
    },
};
