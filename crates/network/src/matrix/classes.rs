//! Endpoints that no policy tells apart.

use crate::addresses::Addresses;
use crate::policy::{Means, Namespaces, Peers, Pick};
use crate::world::{PodAddresses, Port, World};
use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Endpoints that every rule treats alike.
#[derive(Debug, Clone)]
pub struct Class {
    /// Their places in [`World::endpoints`], in order.
    pub endpoints: Vec<usize>,
}

/// What makes endpoints alike: their namespace, the groups they are in, the named ports that rules ask for, whether they are node traffic,
/// their network.
type Signature<'a> = (usize, Vec<u32>, Vec<Port<'a>>, bool, usize);

/// Whom a rule or a subject means: one of the distinct groups of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Group(u32);

/// The classes, and which of them each group holds.
pub(crate) struct Classes<'w, 'a> {
    pub(crate) list: Vec<Class>,
    /// The class of each endpoint.
    pub(crate) of: Vec<u32>,
    /// The classes of each group, in order.
    members: Vec<Vec<u32>>,
    picks: HashMap<&'w Pick<'a>, Group>,
    /// Groups of what is meant by addresses and nodes: by the peer's place in memory, as each is its own.
    others: HashMap<usize, Group>,
}

impl<'w, 'a> Classes<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>) -> Self {
        let mut picks: HashMap<&'w Pick<'a>, Group> = HashMap::new();
        let mut others: HashMap<usize, Group> = HashMap::new();
        let mut ends: Vec<Vec<u32>> = Vec::new();
        let mut within = Within { world, namespaces: HashMap::new(), addressed: Addressed::new(world) };
        let mut add = |endpoints: Vec<u32>| {
            #[expect(clippy::cast_possible_truncation, reason = "fewer than there are peers in all documents")]
            let group = Group(ends.len() as u32);
            ends.push(endpoints);
            group
        };
        let mut names = HashSet::new();
        for policy in &world.policies {
            picks.entry(&policy.subject).or_insert_with(|| add(within.picked(&policy.subject)));
            for (.., rule) in policy.all_rules() {
                names.extend(rule.ports.names.iter().map(|(_, name)| *name));
                let Peers::Listed(peers) = &rule.peers else { continue };
                for peer in peers {
                    match &peer.means {
                        Means::Pods(pick) => {
                            picks.entry(pick).or_insert_with(|| add(within.picked(pick)));
                        }
                        means @ (Means::Addresses(_) | Means::Nodes(_)) => {
                            others.insert(std::ptr::from_ref(means).addr(), add(within.meant(means)));
                        }
                        Means::Domains(_) | Means::Unknown => {}
                    }
                }
            }
        }
        // An endpoint is what the groups make of it that it is in, and the named ports that rules ask for.
        let mut signatures: Vec<Vec<u32>> = vec![Vec::new(); world.endpoints.len()];
        for (group, endpoints) in ends.iter().enumerate() {
            for at in endpoints {
                #[expect(clippy::cast_possible_truncation, reason = "as above")]
                if let Some(signature) = signatures.get_mut(*at as usize) {
                    signature.push(group as u32);
                }
            }
        }
        let mut by_signature: BTreeMap<Signature<'a>, Vec<usize>> = BTreeMap::new();
        for (at, (endpoint, signature)) in world.endpoints.iter().zip(signatures).enumerate() {
            let named = endpoint.ports.iter().copied().filter(|port| names.contains(port.name)).collect();
            let key = (endpoint.namespace, signature, named, world.settings.is_node_traffic(endpoint), endpoint.network);
            by_signature.entry(key).or_default().push(at);
        }
        let mut list: Vec<_> = by_signature.into_values().map(|endpoints| Class { endpoints }).collect();
        list.sort_by(|one, two| one.endpoints.cmp(&two.endpoints));
        let mut of = vec![0; world.endpoints.len()];
        for (class, at) in list.iter().enumerate().flat_map(|(class, members)| members.endpoints.iter().map(move |at| (class, *at))) {
            #[expect(clippy::cast_possible_truncation, reason = "fewer classes than endpoints, fewer endpoints than nodes of documents")]
            if let Some(of) = of.get_mut(at) {
                *of = class as u32;
            }
        }
        let class_of = |at: &u32| of.get(*at as usize).copied();
        let members = ends
            .iter()
            .map(|endpoints| {
                let mut classes: Vec<u32> = endpoints.iter().filter_map(class_of).collect();
                classes.sort_unstable();
                classes.dedup();
                classes
            })
            .collect();
        Self { list, members, picks, others, of }
    }

    /// The classes that a pick holds.
    pub(crate) fn picked(&self, pick: &Pick<'a>) -> &[u32] {
        self.picks.get(pick).map_or(&[], |group| self.in_group(*group))
    }

    /// The classes that a peer means.
    pub(crate) fn meant(&self, means: &Means<'a>) -> &[u32] {
        match means {
            Means::Pods(pick) => self.picked(pick),
            Means::Unknown | Means::Domains(_) => &[],
            _ => self.others.get(&std::ptr::from_ref(means).addr()).map_or(&[], |group| self.in_group(*group)),
        }
    }

    fn in_group(&self, group: Group) -> &[u32] {
        self.members.get(group.0 as usize).map_or(&[], Vec::as_slice)
    }
}

/// Looks up whom groups hold.
struct Within<'w, 'a> {
    world: &'w World<'a>,
    /// The places of namespaces.
    namespaces: HashMap<&'w Namespaces<'a>, Vec<usize>>,
    addressed: Addressed,
}

/// Endpoints by what rules about addresses look at, so that a block is looked up and not asked of each; [`Settings::is_among`] says the
/// same of one.
///
/// [`Settings::is_among`]: crate::Settings::is_among
struct Addressed {
    /// Addresses in order, and the endpoints that have them.
    known: Vec<(IpAddr, u32)>,
    /// Pods that any address of the pods' networks may belong to.
    unknown: Vec<u32>,
    /// Those whose traffic is that of their node, which blocks of everything mean.
    of_nodes: Vec<u32>,
}

impl Addressed {
    #[expect(clippy::cast_possible_truncation, reason = "fewer endpoints than nodes of documents")]
    fn new(world: &World<'_>) -> Self {
        let mut addressed = Self { known: Vec::new(), unknown: Vec::new(), of_nodes: Vec::new() };
        for (at, endpoint) in world.endpoints.iter().enumerate().map(|(at, endpoint)| (at as u32, endpoint)) {
            if world.settings.is_node_traffic(endpoint) {
                addressed.of_nodes.push(at);
            } else if world.settings.pod_addresses == PodAddresses::Ignored {
                continue;
            } else if endpoint.addresses.is_empty() {
                addressed.unknown.push(at);
            }
            addressed.known.extend(endpoint.addresses.iter().map(|address| (address.to_canonical(), at)));
        }
        addressed.known.sort_unstable();
        addressed
    }

    fn among(&self, addresses: &Addresses, world: &World<'_>) -> Vec<u32> {
        let mut found = Vec::new();
        for (first, last) in addresses.iter() {
            let from = self.known.partition_point(|(address, _)| *address < first);
            let known = self.known.iter().skip(from).take_while(|(address, _)| *address <= last);
            found.extend(known.map(|(_, at)| *at));
        }
        if !self.unknown.is_empty() && world.settings.is_among_unknown(addresses) {
            found.extend(&self.unknown);
        }
        if addresses.v4().is_all() || addresses.v6().is_all() {
            found.extend(&self.of_nodes);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl<'w, 'a> Within<'w, 'a> {
    #[expect(clippy::cast_possible_truncation, reason = "fewer endpoints than nodes of documents")]
    fn picked(&mut self, pick: &'w Pick<'a>) -> Vec<u32> {
        let world = self.world;
        let held = self.namespaces.entry(&pick.namespaces).or_insert_with(|| match &pick.namespaces {
            Namespaces::Named(name) => world.namespace(name).into_iter().collect(),
            Namespaces::Labelled(selector) => (0..world.namespaces.len())
                .filter(|at| world.namespaces.get(*at).is_some_and(|one| selector.selects(&one.labels)))
                .collect(),
        });
        let endpoints = held.iter().flat_map(|namespace| world.endpoints_in(*namespace));
        let is_picked = |at: &usize| {
            world
                .endpoints
                .get(*at)
                .is_some_and(|endpoint| !world.settings.is_node_traffic(endpoint) && pick.pods.selects(&endpoint.labels))
        };
        endpoints.filter(is_picked).map(|at| at as u32).collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "fewer endpoints than nodes of documents")]
    fn meant(&self, means: &Means<'a>) -> Vec<u32> {
        if let Means::Addresses(addresses) = means {
            return self.addressed.among(addresses, self.world);
        }
        let is_meant = |(_, endpoint): &(usize, &crate::world::Endpoint<'a>)| self.world.means(means, crate::End::Endpoint(endpoint));
        self.world.endpoints.iter().enumerate().filter(is_meant).map(|(at, _)| at as u32).collect()
    }
}
