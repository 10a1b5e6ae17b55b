//! Selectors that mean nobody, or not for long.

use super::{Lint, Look, below};
use crate::policy::{Action, Direction, Means, Namespaces, Peers, Pick, Policy};
use crate::selector::{Labels, Selector, Test};
use crate::suggest::is_lasting;
use plimsoll_model::{Node, Severity, Violation, nearest};
use std::collections::BTreeSet;

pub(super) static NOBODY: Lint = Lint {
    id: "NETPOL-selects-nobody",
    title: "Policy selects no pod",
    severity: Severity::Low,
    detects: "A network policy whose subject no workload among what was read matches.",
    why: "It protects nothing, while whoever reads it believes that it does: mostly a label was misspelled or renamed.",
    fix: "Select by labels that the pods carry, or remove the policy.",
    run: |look, found| {
        for policy in &look.world.policies {
            if is_met(look, &policy.subject) {
                continue;
            }
            let place = subject_node(policy);
            let why = explain(look, &policy.subject);
            let message = format!("{} is about no pod: {}", policy.name(), why.text);
            let mut violation = Violation::at(below(&policy.object, place), message).advice("select by labels that the pods carry");
            violation.evidence.extend(why.near);
            found.push(&policy.object, violation);
        }
    },
};

pub(super) static NO_PEER: Lint = Lint {
    id: "NETPOL-peer-is-nobody",
    title: "Rule names pods that are not there",
    severity: Severity::Low,
    detects: "A peer of a rule that no workload among what was read matches: pods of the policy's own namespace, or of namespaces, where the selector looks like labels that are there.",
    why: "The rule lets nobody through that it was written for. Later, whoever gets pods with these labels is let through.",
    fix: "Name the labels that the peer carries, or remove the peer. Peers in clusters or namespaces that were not read are no fault: except them.",
    run: |look, found| {
        for policy in &look.world.policies {
            for (direction, at, rule) in policy.all_rules() {
                let Peers::Listed(peers) = &rule.peers else { continue };
                for peer in peers {
                    let Means::Pods(pick) = &peer.means else { continue };
                    if is_met(look, pick) || pick.is_refused() {
                        continue;
                    }
                    let why = explain(look, pick);
                    // Who is not in namespaces that may not have been read is no fault, unless it looks like somebody who was.
                    if !why.is_close && matches!(pick.namespaces, Namespaces::Labelled(_)) {
                        continue;
                    }
                    let message = format!("{} {} of {} names nobody: {}", direction.name(), rule.title(at), policy.name(), why.text);
                    let mut violation =
                        Violation::at(below(&policy.object, peer.node), message).advice("name labels that the peer carries");
                    violation.evidence.extend(why.near);
                    found.push(&policy.object, violation);
                }
            }
        }
    },
};

pub(super) static PASSING_LABEL: Lint = Lint {
    id: "NETPOL-passing-label",
    title: "Policy selects by a label that changes with every release",
    severity: Severity::Medium,
    detects: "A selector of a network policy that asks for the hash of a pod template, the version of a chart or an application, or a label of a single pod.",
    why: "With the next release the pods do not match any more: what was allowed is cut, or what was protected is open, without a change of the policy.",
    fix: "Select by labels that say what the workload is: `app.kubernetes.io/name`, `app`.",
    run: |look, found| {
        for policy in &look.world.policies {
            let mut nodes: Vec<Node<'_>> = vec![subject_node(policy)];
            for (.., rule) in policy.all_rules() {
                if let Peers::Listed(peers) = &rule.peers {
                    nodes.extend(peers.iter().filter(|peer| matches!(peer.means, Means::Pods(_))).map(|peer| peer.node));
                }
            }
            for key in nodes.into_iter().flat_map(keys).filter(|key| !is_lasting(key.text())) {
                let message = format!("{} selects by `{}`, which changes with every release", policy.name(), key.text());
                found.at(&policy.object, key, message, "select by labels that stay: `app.kubernetes.io/name`, `app`");
            }
        }
    },
};

pub(super) static HOST_NETWORK: Lint = Lint {
    id: "NETPOL-host-network",
    title: "Policy cannot hold for pods on the network of their node",
    severity: Severity::Medium,
    detects: "A network policy whose subject matches pods with `hostNetwork: true`.",
    why: "To the network these pods are their node: policies do not hold for them with most network plugins, and the API leaves it open.",
    fix: "Give the pods a network of their own, or protect the node's address by other means.",
    run: |look, found| {
        let world = look.world;
        for policy in &world.policies {
            let is_host = |endpoint: &&crate::Endpoint<'_>| {
                world.settings.is_node_traffic(endpoint) && policy.subject.picks(world.namespace_of(endpoint), &endpoint.labels)
            };
            let names: Vec<_> = world.endpoints.iter().filter(is_host).map(|endpoint| world.name(endpoint)).collect();
            if !names.is_empty() {
                let message = format!("{} does not hold for {}, whose pods are on the network of their node", policy.name(), some(&names));
                found.at(&policy.object, subject_node(policy), message, "give the pods a network of their own");
            }
        }
    },
};

pub(super) static ANYWHERE: Lint = Lint {
    id: "NETPOL-label-of-any-namespace",
    title: "Rule lets in pods of any namespace by their labels",
    severity: Severity::Low,
    detects: "An ingress rule whose peer selects pods by labels in all namespaces: `namespaceSelector: {}` beside a `podSelector`.",
    why: "Labels of pods are chosen by whoever makes the pod. Whoever may make pods in one namespace of the cluster, however little it has to do with this one, gets in by writing the label.",
    fix: "Name the namespaces, too: by `kubernetes.io/metadata.name`, which nobody can choose, or by a label that only administrators set.",
    run: |look, found| {
        let world = look.world;
        for policy in &world.policies {
            let is_about = |endpoint: &&crate::Endpoint<'_>| policy.is_about(endpoint, world.namespace_of(endpoint), &world.settings);
            let names: Vec<_> = world.endpoints.iter().filter(is_about).map(|endpoint| world.name(endpoint)).collect();
            if names.is_empty() {
                continue;
            }
            for (_, at, rule) in policy.all_rules().filter(|(direction, ..)| *direction == Direction::Ingress) {
                let Peers::Listed(peers) = &rule.peers else { continue };
                for peer in peers.iter().filter(|_| rule.action == Action::Accept) {
                    let Means::Pods(Pick { namespaces: Namespaces::Labelled(spaces), pods }) = &peer.means else { continue };
                    if spaces.is_everything() && !pods.is_everything() {
                        let message = format!(
                            "{} of {} lets any pod of the cluster with `{pods}` reach {}",
                            rule.title(at),
                            policy.name(),
                            some(&names)
                        );
                        found.at(&policy.object, peer.node, message, "name the namespaces, too, by `kubernetes.io/metadata.name`");
                    }
                }
            }
        }
    },
};

/// `a, b and 3 more`.
pub(super) fn some(names: &[String]) -> String {
    match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => format!("{first}, {second}, {third} and {} more", rest.len()),
        names => names.join(", "),
    }
}

/// The part of a policy that says whom it is about.
pub(super) fn subject_node<'a>(policy: &Policy<'a>) -> Node<'a> {
    let spec = policy.object.node.get("spec");
    let node = spec.and_then(|spec| spec.get("podSelector").or_else(|| spec.get("subject")));
    node.or(spec).unwrap_or(policy.object.node)
}

/// The keys of labels in a selector, wherever they are below a node.
fn keys(node: Node<'_>) -> Vec<Node<'_>> {
    let mut keys = Vec::new();
    let mut rest = vec![node];
    while let Some(node) = rest.pop() {
        for (key, value) in node.entries() {
            match key.text() {
                "matchLabels" => keys.extend(value.entries().map(|(key, _)| key)),
                "matchExpressions" => keys.extend(value.items().filter_map(|one| one.get("key"))),
                "namespaceSelector" | "namespaces" => {}
                _ => rest.push(value),
            }
        }
    }
    keys
}

/// Whether anybody is picked: also pods on the network of their node, which are told of by another lint.
fn is_met(look: &Look<'_, '_>, pick: &Pick<'_>) -> bool {
    let world = look.world;
    // Everybody in a namespace is meant, whether or not anybody is there yet.
    let whole = pick.pods.is_everything();
    let namespaces = world.namespaces.iter().enumerate().filter(|(_, namespace)| pick.namespaces.hold(namespace));
    namespaces.into_iter().any(|(at, _)| {
        whole || world.endpoints_in(at).filter_map(|at| world.endpoints.get(at)).any(|endpoint| pick.pods.selects(&endpoint.labels))
    })
}

/// Why nobody is picked, and what may have been meant.
struct Why {
    text: String,
    near: Vec<String>,
    /// Whether something is there that is written nearly the same.
    is_close: bool,
}

fn explain(look: &Look<'_, '_>, pick: &Pick<'_>) -> Why {
    let world = look.world;
    let held: Vec<_> = world.namespaces.iter().enumerate().filter(|(_, namespace)| pick.namespaces.hold(namespace)).collect();
    if held.is_empty() {
        return match &pick.namespaces {
            Namespaces::Named(name) => Why { text: format!("there is no namespace `{name}`"), near: Vec::new(), is_close: false },
            Namespaces::Labelled(selector) => {
                let (near, is_close) = near(selector, &world.namespaces.iter().map(|namespace| &namespace.labels).collect::<Vec<_>>());
                Why { text: format!("no namespace matches `{selector}`"), near, is_close }
            }
        };
    }
    let place = match held.as_slice() {
        [(_, one)] => format!("in namespace `{}`", one.name),
        many => format!("in {} namespaces", many.len()),
    };
    let endpoints = held.iter().flat_map(|(at, _)| world.endpoints_in(*at)).filter_map(|at| world.endpoints.get(at));
    let (near, is_close) = near(&pick.pods, &endpoints.map(|endpoint| &endpoint.labels).collect::<Vec<_>>());
    Why { text: format!("no pod {place} matches `{}`", pick.pods), near, is_close }
}

/// The labels that are there where others are asked for, and whether any of them looks like one that is.
fn near(selector: &Selector<'_>, labels: &[&Labels<'_>]) -> (Vec<String>, bool) {
    let labels = labels.iter();
    let (mut offers, mut is_close) = (Vec::new(), false);
    for requirement in selector.requirements() {
        if labels.clone().any(|labels| requirement.holds(labels)) {
            continue;
        }
        let values: BTreeSet<&str> = labels.clone().filter_map(|labels| labels.get(requirement.key)).collect();
        let key = requirement.key;
        if values.is_empty() {
            let keys: BTreeSet<&str> = labels.clone().flat_map(|labels| labels.iter().map(|(key, _)| key)).collect();
            let near = nearest(keys.into_iter(), key);
            is_close |= !near.is_empty();
            offers.push(match near.as_slice() {
                [] => format!("no label `{key}` is there"),
                near => format!("no label `{key}` is there; nearest: {}", near.join(", ")),
            });
        } else if let Test::In(wanted) = &requirement.test {
            let near: BTreeSet<&str> = wanted.iter().flat_map(|wanted| nearest(values.iter().copied(), wanted)).collect();
            is_close |= !near.is_empty();
            let near: Vec<_> = if near.is_empty() { values.iter().copied().take(5).collect() } else { near.into_iter().collect() };
            offers.push(format!("`{key}` is there as {}", near.join(", ")));
        }
    }
    (offers, is_close)
}
