//! Needs to policies.

use super::Options;
use super::needs::Needs;
use super::selectors::{covering, exact, selectable};
use crate::addresses::Addresses;
use crate::policy::Direction;
use crate::ranges::Ranges;
use crate::traffic::{Protocol, Traffic};
use crate::world::{METADATA_NAME, PodAddresses, World};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The rules of one workload.
#[derive(Debug, Clone, PartialEq)]
struct Rules {
    ingress: Vec<Json>,
    egress: Vec<Json>,
}

impl Rules {
    fn of(&self, direction: Direction) -> &Vec<Json> {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Whether everything passes.
    fn is_open(&self, direction: Direction) -> bool {
        self.of(direction).iter().any(|rule| rule.as_object().is_some_and(serde_json::Map::is_empty))
    }
}

pub(super) fn objects(world: &World<'_>, needs: &Needs, options: &Options) -> Vec<Json> {
    let count = world.endpoints.len();
    let peers = [needs.by_workload(count, false), needs.by_workload(count, true)];
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (number, namespace) in world.namespaces.iter().enumerate() {
        let members = selectable(world, number);
        if members.is_empty() || options.namespaces.as_ref().is_some_and(|wanted| !wanted.contains(namespace.name)) {
            continue;
        }
        let rules: Vec<(usize, Rules)> = members
            .iter()
            .map(|at| {
                let of = |direction: Direction| {
                    let mine = peers.get(usize::from(direction == Direction::Egress)).and_then(|all| all.get(*at));
                    let mine = mine.cloned().unwrap_or_default();
                    let mut rules = rules(world, *at, direction, mine, needs.outside(*at, direction == Direction::Egress), options);
                    let anyone = needs.asked_by_anyone(*at);
                    if direction == Direction::Ingress && !anyone.is_none() {
                        rules.push(json!({"ports": ports(world, &anyone, &BTreeSet::from([*at]))}));
                    }
                    rules
                };
                (*at, Rules { ingress: of(Direction::Ingress), egress: of(Direction::Egress) })
            })
            .collect();
        // A direction in which everything of the namespace is open is left alone.
        let closed: Vec<Direction> =
            Direction::BOTH.into_iter().filter(|direction| !rules.iter().all(|(_, rules)| rules.is_open(*direction))).collect();
        if closed.is_empty() {
            continue;
        }
        let draft = |name: String, selector: Json, types: Vec<Direction>, rules: Option<Rules>| Draft {
            namespace: namespace.name,
            name,
            selector,
            types,
            rules,
        };
        drafts.push(draft("default-deny".to_owned(), json!({}), closed.clone(), None));
        let mut alike: Vec<(&Rules, BTreeSet<usize>)> = Vec::new();
        for (at, rules) in &rules {
            match alike.iter_mut().find(|(known, _)| *known == rules) {
                Some((_, members)) => {
                    members.insert(*at);
                }
                None => alike.push((rules, BTreeSet::from([*at]))),
            }
        }
        for (rules, members) in alike {
            let types: Vec<_> = closed.iter().copied().filter(|direction| !rules.of(*direction).is_empty()).collect();
            if types.is_empty() {
                continue;
            }
            match exact(world, number, &members, options.whole) {
                Some(selector) => drafts.push(draft(name(world, &members), selector, types, Some(rules.clone()))),
                None => {
                    for one in members.iter().map(|at| BTreeSet::from([*at])) {
                        for selector in covering(world, number, &one, options.whole) {
                            drafts.push(draft(name(world, &one), selector, types.clone(), Some(rules.clone())));
                        }
                    }
                }
            }
        }
    }
    unique_names(&mut drafts);
    drafts.iter().map(Draft::object).collect()
}

/// `allow-web`, `allow-web-and-cart`, `allow-web-and-3-more`.
fn name(world: &World<'_>, members: &BTreeSet<usize>) -> String {
    let mut names = members.iter().filter_map(|at| world.endpoints.get(*at)).map(|endpoint| endpoint.name);
    let (first, second, more) = (names.next().unwrap_or_default(), names.next(), names.count());
    let mut name = match (second, more) {
        (None, _) => format!("allow-{first}"),
        (Some(second), 0) => format!("allow-{first}-and-{second}"),
        (Some(_), more) => format!("allow-{first}-and-{}-more", more + 1),
    };
    // Names of objects have at most 253 letters, all of ASCII; what was read may be no such name.
    name.truncate(name.floor_char_boundary(245));
    name.trim_end_matches(['-', '.']).to_owned()
}

/// A policy to be.
struct Draft<'w> {
    namespace: &'w str,
    name: String,
    selector: Json,
    types: Vec<Direction>,
    rules: Option<Rules>,
}

impl Draft<'_> {
    fn object(&self) -> Json {
        let words: Vec<_> =
            self.types.iter().map(|direction| if *direction == Direction::Ingress { "Ingress" } else { "Egress" }).collect();
        let mut spec = serde_json::Map::new();
        spec.insert("podSelector".to_owned(), self.selector.clone());
        spec.insert("policyTypes".to_owned(), json!(words));
        for (direction, rules) in self.rules.iter().flat_map(|rules| self.types.iter().map(|direction| (direction, rules.of(*direction)))) {
            spec.insert(direction.name().to_owned(), json!(rules));
        }
        let metadata = json!({"namespace": self.namespace, "name": self.name});
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
    }
}

/// Numbers policies of a namespace that would be called the same.
fn unique_names(drafts: &mut [Draft<'_>]) {
    let mut taken: BTreeSet<(&str, String)> = BTreeSet::new();
    for draft in drafts {
        let name = draft.name.clone();
        let mut number = 2;
        while !taken.insert((draft.namespace, draft.name.clone())) {
            draft.name = format!("{name}-{number}");
            number += 1;
        }
    }
}

/// The rules of a workload in a direction: one for each set of traffic.
fn rules(
    world: &World<'_>,
    of: usize,
    direction: Direction,
    peers: BTreeMap<usize, Traffic>,
    outside: BTreeMap<Traffic, Addresses>,
    options: &Options,
) -> Vec<Json> {
    let mut by_traffic: BTreeMap<Traffic, (BTreeSet<usize>, Addresses)> = BTreeMap::new();
    for (peer, traffic) in peers {
        by_traffic.entry(traffic).or_default().0.insert(peer);
    }
    for (traffic, addresses) in outside {
        by_traffic.entry(traffic).or_default().1 = addresses;
    }
    let key = if direction == Direction::Ingress { "from" } else { "to" };
    let mut rules = Vec::new();
    for (traffic, (peers, addresses)) in by_traffic {
        let is_everyone = options.whole && addresses.is_all() && peers.len() == world.endpoints.len();
        let list = if is_everyone { Vec::new() } else { self::peers(world, of, &peers, addresses, options) };
        if !is_everyone && list.is_empty() {
            continue;
        }
        let mut rule = serde_json::Map::new();
        if !is_everyone {
            rule.insert(key.to_owned(), json!(list));
        }
        if !traffic.is_all() {
            let destinations = if direction == Direction::Ingress { BTreeSet::from([of]) } else { peers };
            let ports = ports(world, &traffic, &destinations);
            if ports.is_empty() {
                continue;
            }
            rule.insert("ports".to_owned(), json!(ports));
        }
        rules.push(Json::Object(rule));
    }
    rules
}

/// The peers of a rule: workloads by their labels, the outside by addresses.
fn peers(world: &World<'_>, of: usize, workloads: &BTreeSet<usize>, addresses: Addresses, options: &Options) -> Vec<Json> {
    let own = world.endpoints.get(of).map(|endpoint| endpoint.namespace);
    let mut by_namespace: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for at in workloads {
        if let Some(endpoint) = world.endpoints.get(*at).filter(|endpoint| !world.settings.is_node_traffic(endpoint)) {
            by_namespace.entry(endpoint.namespace).or_default().insert(*at);
        }
    }
    let mut peers = Vec::new();
    let inhabited = (0..world.namespaces.len()).filter(|namespace| !selectable(world, *namespace).is_empty());
    let is_whole = |namespace: usize| by_namespace.get(&namespace).is_some_and(|list| *list == selectable(world, namespace));
    if options.whole && by_namespace.len() > 1 && inhabited.into_iter().all(is_whole) {
        peers.push(json!({"namespaceSelector": {}}));
    } else {
        // Namespaces of which the same is meant are one peer.
        let mut elsewhere: Vec<(Json, Vec<&str>)> = Vec::new();
        for (namespace, list) in &by_namespace {
            for pods in covering(world, *namespace, list, options.whole) {
                if Some(*namespace) == own {
                    peers.push(json!({"podSelector": pods}));
                    continue;
                }
                let name = world.namespaces.get(*namespace).map_or("", |namespace| namespace.name);
                match elsewhere.iter_mut().find(|(known, _)| *known == pods) {
                    Some((_, names)) => names.push(name),
                    None => elsewhere.push((pods, vec![name])),
                }
            }
        }
        for (pods, names) in elsewhere {
            let spaces = match names.as_slice() {
                [one] => json!({"matchLabels": {METADATA_NAME: one}}),
                names => json!({"matchExpressions": [{"key": METADATA_NAME, "operator": "In", "values": names}]}),
            };
            let is_all = pods.as_object().is_some_and(serde_json::Map::is_empty);
            peers.push(if is_all {
                json!({"namespaceSelector": spaces})
            } else {
                json!({"namespaceSelector": spaces, "podSelector": pods})
            });
        }
    }
    // A block that holds the networks of the pods means all pods as well.
    let settings = &world.settings;
    let covers = settings.pod_addresses == PodAddresses::Matched && settings.pod_networks.is_subset(&addresses);
    let addresses =
        if covers && workloads.len() < world.endpoints.len() { addresses.difference(&settings.pod_networks) } else { addresses };
    peers.extend(blocks(&addresses));
    peers
}

/// Addresses as the fewest blocks, with exceptions where that is shorter.
fn blocks(addresses: &Addresses) -> Vec<Json> {
    let mut blocks = Vec::new();
    for family in [Addresses::all_v4(), Addresses::all_v6()] {
        let (within, without) = (addresses.intersection(&family).cidrs(), family.difference(addresses).cidrs());
        let written = |cidrs: &[crate::Cidr]| cidrs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let Some(whole) =
            family.cidrs().first().map(ToString::to_string).filter(|_| without.len() + 1 < within.len() || without.is_empty())
        else {
            blocks.extend(written(&within).into_iter().map(|cidr| json!({"ipBlock": {"cidr": cidr}})));
            continue;
        };
        let except = written(&without);
        blocks.push(if except.is_empty() {
            json!({"ipBlock": {"cidr": whole}})
        } else {
            json!({"ipBlock": {"cidr": whole, "except": except}})
        });
    }
    blocks
}

/// Ports of a rule, by name where every destination means the same by it. Traffic without ports cannot be said.
fn ports(world: &World<'_>, traffic: &Traffic, destinations: &BTreeSet<usize>) -> Vec<Json> {
    let mut ports = Vec::new();
    for protocol in Protocol::ALL {
        let set = traffic.ports(protocol);
        if *set == Ranges::range(1, u16::MAX) {
            ports.push(json!({"protocol": protocol.name()}));
            continue;
        }
        for (first, last) in set.iter() {
            let name = (first == last).then(|| named(world, protocol, first, destinations)).flatten();
            ports.push(match name {
                Some(name) => json!({"protocol": protocol.name(), "port": name}),
                None if first == last => json!({"protocol": protocol.name(), "port": first}),
                None => json!({"protocol": protocol.name(), "port": first, "endPort": last}),
            });
        }
    }
    ports
}

/// The name by which all destinations mean this port, and nothing else.
fn named<'w>(world: &'w World<'_>, protocol: Protocol, number: u16, destinations: &BTreeSet<usize>) -> Option<&'w str> {
    let ports = |at: &usize| world.endpoints.get(*at).map(|endpoint| &endpoint.ports);
    let first = destinations.first().and_then(ports)?;
    let mut names = first.iter().filter(|port| port.protocol == protocol && port.number == number && !port.name.is_empty());
    let means = |name: &str, at: &usize| {
        let list = ports(at).into_iter().flatten();
        let mut same = list.filter(|port| port.name == name && port.protocol == protocol).map(|port| port.number);
        same.next() == Some(number) && same.next().is_none()
    };
    names.find(|port| destinations.iter().all(|at| means(port.name, at))).map(|port| port.name)
}
