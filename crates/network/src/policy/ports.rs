//! The ports of rules, in the three ways in which the kinds of policies write them.

use super::{Ports, items};
use crate::ranges::Ranges;
use crate::traffic::{Protocol, Traffic};
use plimsoll_model::{Node, Problem, ProblemKind};

/// What is wrong with `node`: the item allows nothing then.
fn refuse(node: Node<'_>, why: impl AsRef<str>, problems: &mut Vec<Problem>) {
    problems.push(Problem::at(ProblemKind::Invalid, node, format!("{}: it stands for no port", why.as_ref())));
}

/// The protocol at `key`, TCP where there is none; none if it is not one of those with ports.
fn protocol(node: Node<'_>, key: &str, problems: &mut Vec<Problem>) -> Option<Protocol> {
    let Some(word) = node.get(key) else { return Some(Protocol::Tcp) };
    // Unlike elsewhere the API is exact about case here.
    let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == word.text());
    if found.is_none() {
        refuse(word, format!("`{}` is none of the protocols TCP, UDP and SCTP", word.text()), problems);
    }
    found
}

/// A port number between 1 and 65535.
fn number(node: Node<'_>, problems: &mut Vec<Problem>) -> Option<u16> {
    let found = node.as_int().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    if found.is_none() {
        refuse(node, format!("`{}` is no port between 1 and 65535", node.text()), problems);
    }
    found
}

/// The ports from `start` to `end`, two fields of `node`.
fn range(node: Node<'_>, (start, end): (&str, &str), problems: &mut Vec<Problem>) -> Option<Ranges<u16>> {
    let (Some(first), Some(last)) = (node.get(start), node.get(end)) else {
        refuse(node, format!("a range of ports needs `{start}` and `{end}`"), problems);
        return None;
    };
    let (first, end) = (number(first, problems)?, last);
    let last = number(end, problems)?;
    if last < first {
        refuse(end, format!("`{last}` is below the first port, {first}"), problems);
        return None;
    }
    Some(Ranges::range(first, last))
}

/// Whether the item has fields that nobody knows: they may narrow it.
fn has_unknown(item: Node<'_>, known: &[&str], problems: &mut Vec<Problem>) -> bool {
    if !item.is_map() {
        refuse(item, format!("a port must be a mapping, is {}", item.describe()), problems);
        return true;
    }
    let unknown = item.entries().find(|(key, _)| !known.contains(&key.text()));
    if let Some((key, _)) = unknown {
        refuse(key, format!("`{}` is no field of a port", key.text()), problems);
    }
    unknown.is_some()
}

/// `ports` of NetworkPolicy v1: none are all, of every protocol.
pub(super) fn v1<'a>(rule: Node<'a>, problems: &mut Vec<Problem>) -> Ports<'a> {
    let mut ports = Ports::default();
    let Some(list) = items(rule, "ports", problems) else { return ports };
    let is_empty = list.is_empty();
    for item in list {
        let known = !has_unknown(item, &["port", "protocol", "endPort"], problems);
        let Some(protocol) = protocol(item, "protocol", problems).filter(|_| known) else { continue };
        let end = item.get("endPort");
        match (item.get("port"), end) {
            (None, None) => ports.numbers = ports.numbers.union(&Traffic::protocol(protocol)),
            (None, Some(end)) => refuse(end, "`endPort` needs a `port` to start from", problems),
            (Some(port), None) if port.as_int().is_none() => match port.as_str() {
                Some(name) if !name.is_empty() => ports.names.push((Some(protocol), name)),
                _ => refuse(port, format!("a port is a number or a name, not {}", port.describe()), problems),
            },
            (Some(port), Some(_)) if port.as_int().is_none() => refuse(port, "`endPort` cannot go with the name of a port", problems),
            (Some(port), None) => {
                ports.numbers =
                    number(port, problems).map_or(ports.numbers.clone(), |port| ports.numbers.union(&Traffic::port(protocol, port)));
            }
            (Some(_), Some(_)) => {
                let set = range(item, ("port", "endPort"), problems).unwrap_or_default();
                ports.numbers = ports.numbers.union(&Traffic::of(protocol, &set));
            }
        }
    }
    if is_empty { Ports { numbers: Traffic::all(), names: Vec::new() } } else { ports }
}

/// `ports` of AdminNetworkPolicy v1alpha1: none are all, an empty list is none.
pub(super) fn admin<'a>(rule: Node<'a>, problems: &mut Vec<Problem>) -> Ports<'a> {
    let mut ports = Ports::default();
    let Some(list) = items(rule, "ports", problems) else { return ports };
    if rule.get("ports").is_none() {
        return Ports { numbers: Traffic::all(), names: Vec::new() };
    }
    for item in list {
        if has_unknown(item, &["portNumber", "namedPort", "portRange"], problems) {
            continue;
        }
        match (item.get("portNumber"), item.get("namedPort"), item.get("portRange")) {
            (Some(port), None, None) => {
                let number = port.get("port").and_then(|node| number(node, problems));
                if let (Some(protocol), Some(number)) = (protocol(port, "protocol", problems), number) {
                    ports.numbers = ports.numbers.union(&Traffic::port(protocol, number));
                }
            }
            (None, Some(name), None) => ports.names.push((None, name.text())),
            (None, None, Some(node)) => {
                if let (Some(protocol), Some(set)) = (protocol(node, "protocol", problems), range(node, ("start", "end"), problems)) {
                    ports.numbers = ports.numbers.union(&Traffic::of(protocol, &set));
                }
            }
            _ => refuse(item, "a port must be exactly one of `portNumber`, `namedPort` and `portRange`", problems),
        }
    }
    ports
}

/// `protocols` of ClusterNetworkPolicy v1alpha2: none are all.
pub(super) fn cluster<'a>(rule: Node<'a>, problems: &mut Vec<Problem>) -> Ports<'a> {
    let mut ports = Ports::default();
    let Some(list) = items(rule, "protocols", problems) else { return ports };
    if list.is_empty() {
        return Ports { numbers: Traffic::all(), names: Vec::new() };
    }
    for item in list {
        let mut fields = item.entries().filter(|(_, value)| !value.is_null());
        let (Some((key, value)), None) = (fields.next(), fields.next()) else {
            refuse(item, "an item of `protocols` must have exactly one field", problems);
            continue;
        };
        if key.text() == "destinationNamedPort" {
            ports.names.push((None, value.text()));
            continue;
        }
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.name().to_ascii_lowercase() == key.text());
        let Some(protocol) = protocol else {
            refuse(key, format!("`{}` is none of tcp, udp, sctp and destinationNamedPort", key.text()), problems);
            continue;
        };
        let set = match value.get("destinationPort") {
            None if value.entries().next().is_some() => {
                refuse(value, "only `destinationPort` is known of a protocol", problems);
                continue;
            }
            None => Traffic::protocol(protocol),
            Some(port) => {
                let set = match (port.get("number"), port.get("range")) {
                    (Some(node), None) => number(node, problems).map(Ranges::one),
                    (None, Some(node)) => range(node, ("start", "end"), problems),
                    _ => {
                        refuse(port, "`destinationPort` must be `number` or `range`", problems);
                        None
                    }
                };
                Traffic::of(protocol, &set.unwrap_or_default())
            }
        };
        ports.numbers = ports.numbers.union(&set);
    }
    ports
}
