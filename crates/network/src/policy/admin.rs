//! AdminNetworkPolicy and BaselineAdminNetworkPolicy of policy.networking.k8s.io/v1alpha1.

use super::{Action, Direction, Means, Peer, Peers, Policy, Rule, Tier, cluster_peers, ports, subject};
use plimsoll_model::{Node, Object, Problem, ProblemKind};

/// The kinds of the cluster share this much.
pub(super) const GROUP: &str = "policy.networking.k8s.io";

/// Reads an AdminNetworkPolicy.
pub(super) fn read<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Policy<'a>> {
    let priority = priority(object, problems);
    policy(object, Tier::Admin, priority, problems)
}

/// Reads a BaselineAdminNetworkPolicy, of which a cluster has one, `default`. It stands behind all others of its tier.
pub(super) fn read_baseline<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Policy<'a>> {
    if object.group() == GROUP && object.name != "default" {
        let message = format!("a BaselineAdminNetworkPolicy must be called `default`, not `{}`", object.name);
        let place = object.node.at(&["metadata", "name"]).unwrap_or(object.node);
        problems.push(Problem::at(ProblemKind::Invalid, place, message));
    }
    policy(object, Tier::Baseline, i64::MAX, problems)
}

/// `spec.priority`, 0 to 1000.
pub(super) fn priority(object: Object<'_>, problems: &mut Vec<Problem>) -> i64 {
    let node = object.node.at(&["spec", "priority"]);
    let number = node.and_then(Node::as_int);
    if !number.is_some_and(|number| (0..=1000).contains(&number)) {
        let message = format!("{} `{}` needs a `priority` between 0 and 1000", object.kind, object.name);
        problems.push(Problem::at(ProblemKind::Invalid, node.or_else(|| object.node.get("spec")).unwrap_or(object.node), message));
    }
    number.unwrap_or(1000)
}

fn policy<'a>(object: Object<'a>, tier: Tier, priority: i64, problems: &mut Vec<Problem>) -> Option<Policy<'a>> {
    if object.group() != GROUP {
        return None;
    }
    let subject = subject(object, problems)?;
    let read = ports::admin;
    let ingress = Some(rules(object, Direction::Ingress, "Allow", read, problems));
    let egress = Some(rules(object, Direction::Egress, "Allow", read, problems));
    Some(Policy { object, tier, priority, subject, ingress, egress })
}

/// How the ports of a rule are read.
type PortsOf<'a> = fn(Node<'a>, &mut Vec<Problem>) -> super::Ports<'a>;

/// The rules of a direction. `accept` is what the version calls the action that lets traffic pass.
pub(super) fn rules<'a>(
    object: Object<'a>,
    direction: Direction,
    accept: &str,
    ports: PortsOf<'a>,
    problems: &mut Vec<Problem>,
) -> Vec<Rule<'a>> {
    let list = object.node.at(&["spec", direction.name()]);
    let mut rules = Vec::new();
    for node in list.into_iter().flat_map(Node::items) {
        let word = node.get("action");
        let action = match word.map_or("", Node::text) {
            "Deny" => Action::Deny,
            "Pass" => Action::Pass,
            word if word == accept => Action::Accept,
            other => {
                let message = format!("`{other}` is no action of {}: the rule is taken to deny", object.kind);
                let help = format!("the actions are {accept}, Deny and Pass");
                problems.push(Problem::at(ProblemKind::Invalid, word.unwrap_or(node), message).help(help));
                Action::Deny
            }
        };
        let name = node.get("name").map_or("", Node::text);
        let mut peers = cluster_peers(node, direction, problems);
        let before = problems.len();
        let ports = ports(node, problems);
        // Ports that are not understood fail closed as peers do: what was to be denied there is denied everywhere.
        if let (true, Peers::Listed(peers)) = (problems.len() > before && action != Action::Accept, &mut peers) {
            peers.push(Peer { node, means: Means::Unknown });
        }
        // A rule that accepts is about nobody if any of its peers is not understood (network-policy-api, the types of both versions).
        if let (Action::Accept, Peers::Listed(list)) = (action, &mut peers)
            && list.iter().any(|peer| matches!(peer.means, Means::Unknown))
        {
            list.retain(|peer| matches!(peer.means, Means::Unknown));
        }
        rules.push(Rule { node, name, action, peers, ports });
    }
    rules
}
