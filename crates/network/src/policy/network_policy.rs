//! NetworkPolicy of networking.k8s.io/v1.

use super::{Action, Direction, Means, Namespaces, Peer, Peers, Pick, Policy, Rule, Tier, cidr, items, ports, selector};
use crate::addresses::{Addresses, Cidr};
use crate::selector::Selector;
use plimsoll_model::{Node, Object, Problem, ProblemKind};

/// The fields of `spec`.
const FIELDS: [&str; 4] = ["egress", "ingress", "podSelector", "policyTypes"];

/// Reads a NetworkPolicy; none of the same kind in another group (Calico).
pub(super) fn read<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Policy<'a>> {
    if !matches!(object.group(), "networking.k8s.io" | "extensions") {
        return None;
    }
    Some(read_spec(object, problems))
}

/// Reads what a NetworkPolicy says, and a MultiNetworkPolicy alike.
pub(super) fn read_spec<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Policy<'a> {
    let spec = object.node.get("spec");
    let namespace = object.effective_namespace();
    let pods = match spec.and_then(|spec| selector(spec, "podSelector", problems)) {
        Some(pods) => pods,
        None => {
            // The API server fills in an empty selector for an absent one.
            Selector::everything()
        }
    };
    if let Some((key, _)) = spec.into_iter().flat_map(Node::entries).find(|(key, _)| !FIELDS.contains(&key.text())) {
        problems.push(Problem::at(ProblemKind::Invalid, key, format!("`{}` is no field of a NetworkPolicy: it has no effect", key.text())));
    }
    // What is no list of types may mean either: the policy is taken to be about both.
    let listed = spec.map_or_else(|| Some(Vec::new()), |spec| items(spec, "policyTypes", problems));
    let is_both = listed.is_none();
    let types = listed.unwrap_or_default();
    for word in types.iter().filter(|word| !matches!(word.text(), "Ingress" | "Egress")) {
        let message = format!("`{}` is no policy type; they are Ingress and Egress", word.text());
        problems.push(Problem::at(ProblemKind::Invalid, *word, message));
    }
    let section = |key: &str| spec.and_then(|spec| spec.get(key));
    // Without types: always ingress, and egress where it has a rule.
    let has = |name: &str| types.iter().any(|word| word.text() == name);
    let is_ingress = types.is_empty() || has("Ingress");
    let is_egress =
        is_both || if types.is_empty() { section("egress").is_some_and(|rules| rules.items().next().is_some()) } else { has("Egress") };
    let mut rules = |direction: Direction| -> Vec<Rule<'a>> {
        let list = section(direction.name());
        if let Some(list) = list.filter(|list| !list.is_list()) {
            let message = format!("`{}` must be a list of rules, is {}", direction.name(), list.describe());
            problems.push(Problem::at(ProblemKind::WrongType, list, message));
        }
        list.into_iter().flat_map(Node::items).map(|node| rule(node, namespace, direction, problems)).collect()
    };
    let ingress = is_ingress.then(|| rules(Direction::Ingress));
    let egress = is_egress.then(|| rules(Direction::Egress));
    let subject = Pick { namespaces: Namespaces::Named(namespace), pods };
    Policy { object, tier: Tier::NetworkPolicy, priority: 0, subject, ingress, egress }
}

fn rule<'a>(node: Node<'a>, namespace: &'a str, direction: Direction, problems: &mut Vec<Problem>) -> Rule<'a> {
    let (key, other) = if direction == Direction::Ingress { ("from", "to") } else { ("to", "from") };
    let nobody = |problems: &mut Vec<Problem>| {
        let peers = Peers::Listed(vec![Peer { node, means: Means::Unknown }]);
        Rule { node, name: "", action: Action::Accept, peers, ports: ports::v1(node, problems) }
    };
    if !node.is_map() && !node.is_null() {
        let message = format!("a rule must be a mapping, is {}: it is taken to allow nothing", node.describe());
        problems.push(Problem::at(ProblemKind::Invalid, node, message));
        return nobody(problems);
    }
    let Some(list) = items(node, key, problems) else { return nobody(problems) };
    let peers: Vec<_> = list.into_iter().map(|item| Peer { node: item, means: peer(item, namespace, problems) }).collect();
    // A field that is not known may narrow the rule: without it, it would allow more than was meant.
    if let Some((field, _)) = node.entries().find(|(field, _)| field.text() != key && field.text() != "ports") {
        let message = format!("`{}` is no field of an {} rule: the rule is taken to allow nothing", field.text(), direction.name());
        let problem = Problem::at(ProblemKind::Invalid, field, message);
        let help = format!("the peers of an {} rule go below `{key}`", direction.name());
        problems.push(if field.text() == other { problem.help(help) } else { problem });
        return nobody(problems);
    }
    let peers = if peers.is_empty() { Peers::Anyone } else { Peers::Listed(peers) };
    Rule { node, name: "", action: Action::Accept, peers, ports: ports::v1(node, problems) }
}

fn peer<'a>(node: Node<'a>, namespace: &'a str, problems: &mut Vec<Problem>) -> Means<'a> {
    let mut refuse = |node: Node<'a>, why: String| {
        let problem = Problem::at(ProblemKind::Invalid, node, format!("{why}: the peer is taken to match nobody"));
        problems.push(problem.help("a peer is `podSelector`, `namespaceSelector`, both at once, or `ipBlock`"));
        Means::Unknown
    };
    if let Some((key, _)) = node.entries().find(|(key, _)| !matches!(key.text(), "podSelector" | "namespaceSelector" | "ipBlock")) {
        return refuse(key, format!("`{}` is no field of a peer", key.text()));
    }
    match (node.get("podSelector"), node.get("namespaceSelector"), node.get("ipBlock")) {
        (None, None, None) => refuse(node, "a peer must say who it is".to_owned()),
        (None, None, Some(block)) => Means::Addresses(ip_block(block, problems)),
        (_, _, Some(block)) => refuse(block, "`ipBlock` cannot stand beside selectors".to_owned()),
        (pods, namespaces, None) => {
            let pods = pods.map_or_else(Selector::everything, |pods| Selector::read(pods, problems));
            let namespaces = match namespaces {
                Some(namespaces) => Namespaces::Labelled(Selector::read(namespaces, problems)),
                None => Namespaces::Named(namespace),
            };
            Means::Pods(Pick { namespaces, pods })
        }
    }
}

/// The addresses of an `ipBlock`. An exception must be a strict subset of it (pkg/apis/networking/validation); others leave nothing of the block.
fn ip_block(block: Node<'_>, problems: &mut Vec<Problem>) -> Addresses {
    if let Some((key, _)) = block.entries().find(|(key, _)| !matches!(key.text(), "cidr" | "except")) {
        let message = format!("`{}` is no field of an `ipBlock`: the block is taken to be empty", key.text());
        problems.push(Problem::at(ProblemKind::Invalid, key, message));
        return Addresses::none();
    }
    let Some(node) = block.get("cidr") else {
        problems.push(Problem::at(ProblemKind::Invalid, block, "an `ipBlock` needs a `cidr`: no address is in it"));
        return Addresses::none();
    };
    const EMPTY: &str = "the block is taken to be empty";
    let Some(outer) = cidr(node, EMPTY, problems) else { return Addresses::none() };
    let mut without = Vec::new();
    // An exception narrows the block: without it, more would be allowed than was meant.
    let Some(list) = items(block, "except", problems) else { return Addresses::none() };
    for node in list {
        let Some(except) = cidr(node, EMPTY, problems) else { return Addresses::none() };
        if except.length <= outer.length || !except.addresses().is_subset(&outer.addresses()) {
            let message = format!("the exception `{except}` is not strictly within `{outer}`, which the API server refuses: {EMPTY}");
            problems.push(Problem::at(ProblemKind::Invalid, node, message));
            return Addresses::none();
        }
        without.push(except);
    }
    let without: Vec<_> = without.into_iter().map(Cidr::addresses).collect();
    outer.addresses().difference(&Addresses::union_of(&without))
}
