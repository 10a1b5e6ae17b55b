//! Ports that mean nothing.

use super::{Lint, Look};
use crate::policy::{Direction, Means, Peers, Policy, Rule};
use crate::world::Endpoint;
use plimsoll_model::{Node, Severity, nearest};
use std::collections::BTreeSet;

pub(super) static NAMED_PORT: Lint = Lint {
    id: "NETPOL-named-port",
    title: "No container declares the port that a rule names",
    severity: Severity::Medium,
    detects: "A port of a rule that is given by name, where no pod that the rule leads to declares a port of that name and protocol.",
    why: "The rule allows nothing through it, and no error says so: the API takes any name.",
    fix: "Name the port as the container does, or give its number.",
    run: |look, found| {
        for policy in &look.world.policies {
            for (direction, at, rule) in policy.all_rules() {
                for (protocol, name) in &rule.ports.names {
                    let destinations = destinations(look, policy, direction, rule);
                    if destinations.is_empty() {
                        // Whom the rule leads to is not there, which is told by itself.
                        continue;
                    }
                    let is_declared = |endpoint: &&Endpoint<'_>| {
                        endpoint.ports.iter().any(|port| port.name == *name && protocol.is_none_or(|one| one == port.protocol))
                    };
                    if destinations.iter().any(is_declared) {
                        continue;
                    }
                    let names: BTreeSet<&str> = destinations
                        .iter()
                        .flat_map(|endpoint| &endpoint.ports)
                        .map(|port| port.name)
                        .filter(|name| !name.is_empty())
                        .collect();
                    let offered = nearest(names.iter().copied(), name);
                    let other = destinations.iter().flat_map(|endpoint| &endpoint.ports).find(|port| port.name == *name);
                    let hint = match (other, offered.as_slice()) {
                        (Some(other), _) => format!(": it is declared for {}", other.protocol.name()),
                        (None, []) if names.is_empty() => ": they name no ports".to_owned(),
                        (None, []) => format!(": they name {}", names.into_iter().collect::<Vec<_>>().join(", ")),
                        (None, near) => format!(": nearest is {}", near.join(", ")),
                    };
                    let message = format!(
                        "no pod that {} {} of {} leads to declares port `{name}`{hint}",
                        direction.name(),
                        rule.title(at),
                        policy.name()
                    );
                    found.at(
                        &policy.object,
                        name_node(rule, name).unwrap_or(rule.node),
                        message,
                        "name the port as the container does, or give its number",
                    );
                }
            }
        }
    },
};

/// The pods that a rule leads to.
fn destinations<'w, 'a>(look: &'w Look<'w, 'a>, policy: &Policy<'a>, direction: Direction, rule: &Rule<'a>) -> Vec<&'w Endpoint<'a>> {
    let world = look.world;
    let is_meant = |endpoint: &&Endpoint<'a>| match (direction, &rule.peers) {
        (Direction::Ingress, _) => policy.is_about(endpoint, world.namespace_of(endpoint), &world.settings),
        (Direction::Egress, Peers::Anyone) => true,
        (Direction::Egress, Peers::Listed(peers)) => {
            let pods = |means: &Means<'a>| matches!(means, Means::Pods(pick) if pick.picks(world.namespace_of(endpoint), &endpoint.labels));
            peers.iter().any(|peer| pods(&peer.means))
        }
    };
    world.endpoints.iter().filter(is_meant).collect()
}

/// Where the name of a port stands in a rule.
fn name_node<'a>(rule: &Rule<'a>, name: &str) -> Option<Node<'a>> {
    let lists = ["ports", "protocols"].into_iter().filter_map(|key| rule.node.get(key));
    let mut items = lists.flat_map(Node::items);
    items.find_map(|item| {
        let mut values = ["port", "namedPort", "destinationNamedPort"].into_iter().filter_map(|key| item.get(key));
        values.find(|value| value.text() == name)
    })
}
