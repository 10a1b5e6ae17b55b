//! What policies make of the traffic between two ends, and why: one pair at a time, rule by rule.
//!
//! This is the plain reading of the rules. [`crate::matrix`] does the same for all pairs at once, and tests hold the two together.

use crate::addresses::Addresses;
use crate::policy::{Action, Direction, Means, Namespaces, Peers, Pick, Policy, Rule, Tier};
use crate::selector::{Requirement, Selector, Test};
use crate::traffic::Traffic;
use crate::world::{ClusterNode, Endpoint, Loopback, METADATA_NAME, PodAddresses, Settings, World};
use core::net::IpAddr;

/// An end of a connection.
#[derive(Debug, Clone, Copy)]
pub enum End<'w, 'a> {
    /// One in the cluster.
    Endpoint(&'w Endpoint<'a>),
    /// A node.
    Node(&'w ClusterNode<'a>),
    /// An address outside.
    Address(IpAddr),
    /// Addresses outside that no rule tells apart.
    Addresses(&'w Addresses),
    /// A name outside, and addresses that no rule tells apart, of which it may have any.
    Named(&'w str, &'w Addresses),
    /// Pods that were not read: nothing is known of them but what picks them. Rules mean them that mean all such pods.
    Unseen(&'w Pick<'a>),
}

/// What was decided about traffic in one direction, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decision {
    /// What passes.
    pub allowed: Traffic,
    /// The policies that were asked, in order: those behind a tier that left nothing open were not.
    pub asked: Vec<usize>,
    /// What decided, in the order in which it was asked.
    pub reasons: Vec<Reason>,
}

/// Something that decided about some traffic. Policies and rules are places in [`World::policies`] and in the rules of the direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A rule that is about these ends.
    Rule {
        /// The policy.
        policy: usize,
        /// The rule.
        rule: usize,
        /// What it does.
        action: Action,
        /// What it is about, towards this destination.
        meant: Traffic,
        /// What it does it to; none where it is about other ports, or where all that it is about was decided before.
        traffic: Traffic,
    },
    /// NetworkPolicies select the pods, and no rule of theirs allows it.
    Isolated {
        /// The policies.
        policies: Vec<usize>,
        /// What does not pass.
        traffic: Traffic,
    },
    /// No policy says anything about it: it passes.
    Default {
        /// What passes.
        traffic: Traffic,
    },
    /// It does not leave the pod, or comes from the pod's own node.
    Inside,
    /// The ends are in different networks ([`World::networks`]): nothing passes, whatever policies say.
    Apart,
}

impl<'a> World<'a> {
    /// What may flow from one end to another: what the source's policies let out, the destination's let in, and so both.
    pub fn between(&self, from: End<'_, 'a>, to: End<'_, 'a>) -> (Decision, Decision, Traffic) {
        let egress = self.decide(from, to, Direction::Egress);
        let ingress = self.decide(from, to, Direction::Ingress);
        let both = egress.allowed.intersection(&ingress.allowed);
        (egress, ingress, both)
    }

    /// What the policies of one end make of the traffic between two ends.
    pub fn decide(&self, from: End<'_, 'a>, to: End<'_, 'a>, direction: Direction) -> Decision {
        self.decide_about(&Traffic::all(), from, to, direction)
    }

    /// What the policies of one end make of some traffic between two ends.
    pub fn decide_about(&self, asked: &Traffic, from: End<'_, 'a>, to: End<'_, 'a>, direction: Direction) -> Decision {
        let subject = if direction == Direction::Ingress { to } else { from };
        let End::Endpoint(subject) = subject else { return Decision::open(asked) };
        self.decide_by(&self.about(subject, direction), asked, from, to, direction)
    }

    /// The same by the policies that are about the end whose they are.
    pub(crate) fn decide_by(&self, about: &[usize], asked: &Traffic, from: End<'_, 'a>, to: End<'_, 'a>, direction: Direction) -> Decision {
        let (subject, peer) = match direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let destination = match to {
            End::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        };
        if self.are_apart(from, to) {
            return Decision::apart();
        }
        let End::Endpoint(subject) = subject else { return Decision::open(asked) };
        let is_self = matches!(peer, End::Endpoint(peer) if std::ptr::eq(peer, subject));
        if is_self && self.settings.loopback == Loopback::Allowed || is_own_node(subject, peer) {
            return Decision { allowed: asked.clone(), asked: Vec::new(), reasons: vec![Reason::Inside] };
        }
        let is_peer = |_: usize, rule: &Rule<'a>| self.is_peer(rule, peer);
        if !is_self {
            return self.judge(about, direction, destination, asked.clone(), is_peer);
        }
        // A pod's traffic to its own address is no business of the cluster's policies (network-policy-api PR 390).
        let is_v1 = |at: &&usize| self.policies.get(**at).is_some_and(|policy| policy.tier == Tier::NetworkPolicy);
        let about: Vec<_> = about.iter().filter(is_v1).copied().collect();
        self.judge(&about, direction, destination, asked.clone(), is_peer)
    }

    /// The policies that are about an endpoint in a direction, in order.
    pub fn about(&self, endpoint: &Endpoint<'a>, direction: Direction) -> Vec<usize> {
        let namespace = self.namespace_of(endpoint);
        let policies = self.policies.iter().enumerate();
        let about =
            policies.filter(|(_, policy)| policy.rules(direction).is_some() && policy.is_about(endpoint, namespace, &self.settings));
        about.map(|(at, _)| at).collect()
    }

    /// What policies make of `open` traffic, given which of their rules are about the other end: `is_peer` is asked with the place of
    /// a rule among all rules of `about` in this direction, and with the rule.
    pub(crate) fn judge(
        &self,
        about: &[usize],
        direction: Direction,
        destination: Option<&Endpoint<'a>>,
        mut open: Traffic,
        mut is_peer: impl FnMut(usize, &Rule<'a>) -> bool,
    ) -> Decision {
        let about: Vec<_> = about.iter().filter_map(|at| Some((*at, self.policies.get(*at)?))).collect();
        let mut place = 0;
        let mut decision = Decision { allowed: Traffic::none(), asked: Vec::new(), reasons: Vec::new() };
        for policies in about.chunk_by(|(_, one), (_, two)| one.tier == two.tier) {
            let Some((_, Policy { tier, .. })) = policies.first().filter(|_| !open.is_none()) else { break };
            let mut passed = Traffic::none();
            let mut allowed = Traffic::none();
            let mut isolating = Vec::new();
            for (at, policy) in policies {
                isolating.push(*at);
                decision.asked.push(*at);
                for (index, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                    let unknown = rule.denies_unknown();
                    place += 1;
                    if !unknown && !is_peer(place - 1, rule) {
                        continue;
                    }
                    let (action, meant) =
                        if unknown { (Action::Deny, Traffic::all()) } else { (rule.action, rule.ports.towards(destination)) };
                    let traffic = meant.intersection(&open);
                    match action {
                        Action::Accept => allowed = allowed.union(&traffic),
                        Action::Deny => {}
                        Action::Pass => passed = passed.union(&traffic),
                    }
                    // Rules of a NetworkPolicy add up; of other kinds the first one that is about something decides.
                    if *tier != Tier::NetworkPolicy {
                        open = open.difference(&traffic);
                    }
                    // A rule about these ends that decides nothing is worth to be known, too.
                    decision.reasons.push(Reason::Rule { policy: *at, rule: index, action, meant, traffic });
                }
            }
            if *tier == Tier::NetworkPolicy {
                let denied = open.difference(&allowed);
                open = Traffic::none();
                if !denied.is_none() {
                    decision.reasons.push(Reason::Isolated { policies: isolating, traffic: denied });
                }
            }
            open = open.union(&passed);
            decision.allowed = decision.allowed.union(&allowed);
        }
        if !open.is_none() {
            decision.allowed = decision.allowed.union(&open);
            decision.reasons.push(Reason::Default { traffic: open });
        }
        decision
    }

    /// Whether a rule is about traffic with `peer`.
    pub fn is_peer(&self, rule: &Rule<'a>, peer: End<'_, 'a>) -> bool {
        match &rule.peers {
            Peers::Anyone => true,
            Peers::Listed(peers) => peers.iter().any(|one| self.means(&one.means, peer)),
        }
    }

    /// The addresses outside of the cluster that an item of a rule's peers means: of nodes, their own.
    pub(crate) fn addresses_of(&self, means: &Means<'a>) -> Addresses {
        match means {
            Means::Addresses(addresses) => addresses.clone(),
            Means::Nodes(selector) => {
                let nodes = self.nodes.iter().filter(|node| selector.selects(&node.labels));
                let addresses: Vec<_> = nodes.flat_map(|node| &node.addresses).map(|address| Addresses::one(*address)).collect();
                Addresses::union_of(&addresses)
            }
            Means::Pods(_) | Means::Domains(_) | Means::Unknown => Addresses::none(),
        }
    }

    /// Whether an item of a rule's peers means `end`.
    pub fn means(&self, means: &Means<'a>, end: End<'_, 'a>) -> bool {
        let settings = &self.settings;
        match (means, end) {
            (Means::Pods(pick), End::Endpoint(endpoint)) => {
                !settings.is_node_traffic(endpoint) && pick.picks(self.namespace_of(endpoint), &endpoint.labels)
            }
            (Means::Addresses(addresses), End::Endpoint(endpoint)) => settings.is_among(endpoint, addresses),
            (Means::Addresses(addresses), End::Node(node)) => node.addresses.iter().any(|address| addresses.contains(*address)),
            (Means::Addresses(addresses), End::Address(address)) => addresses.contains(address),
            (Means::Addresses(addresses), End::Addresses(others) | End::Named(_, others)) => {
                !others.is_empty() && others.is_subset(addresses)
            }
            (Means::Nodes(selector), End::Node(node)) => selector.selects(&node.labels),
            // Pods on the network of a node have its address.
            (Means::Nodes(selector), End::Endpoint(endpoint)) => {
                let mut nodes = self.nodes.iter().filter(|node| node.name == endpoint.node);
                settings.is_node_traffic(endpoint) && nodes.any(|node| selector.selects(&node.labels))
            }
            (Means::Nodes(selector), End::Address(address)) => {
                self.nodes.iter().any(|node| node.addresses.contains(&address) && selector.selects(&node.labels))
            }
            (Means::Nodes(_), End::Addresses(others) | End::Named(_, others)) => {
                !others.is_empty() && others.is_subset(&self.addresses_of(means))
            }
            (Means::Pods(pick), End::Unseen(known)) => self.implies(known, pick),
            (Means::Addresses(addresses), End::Unseen(_)) => settings.is_among_unknown(addresses),
            (Means::Domains(names), End::Named(name, _)) => names.iter().any(|pattern| is_domain(pattern, name)),
            _ => false,
        }
    }

    /// Whether two ends are in different networks. Unseen pods are in that of their namespace, as far as this is known.
    fn are_apart(&self, from: End<'_, 'a>, to: End<'_, 'a>) -> bool {
        match (from, to) {
            (End::Endpoint(from), End::Endpoint(to)) => from.network != to.network,
            (End::Endpoint(endpoint), End::Unseen(pick)) | (End::Unseen(pick), End::Endpoint(endpoint)) => self.is_apart(endpoint, pick),
            _ => false,
        }
    }

    /// Whether unseen pods are in another network than an endpoint.
    pub(crate) fn is_apart(&self, endpoint: &Endpoint<'a>, unseen: &Pick<'a>) -> bool {
        let Namespaces::Named(name) = &unseen.namespaces else { return false };
        let namespace = self.namespace(name).and_then(|at| self.namespaces.get(at));
        namespace.is_some_and(|namespace| namespace.network != endpoint.network)
    }

    /// Whether all pods of which `known` is known are picked by `pick`.
    pub fn implies(&self, known: &Pick<'a>, pick: &Pick<'a>) -> bool {
        let within = match (&known.namespaces, &pick.namespaces) {
            (Namespaces::Named(one), Namespaces::Named(two)) => one == two,
            (Namespaces::Named(name), Namespaces::Labelled(wanted)) => match self.namespace(name) {
                Some(at) => self.namespaces.get(at).is_some_and(|namespace| wanted.selects(&namespace.labels)),
                None => Selector::label(METADATA_NAME, name).implies(wanted),
            },
            (Namespaces::Labelled(known), Namespaces::Named(name)) => known.implies(&Selector::label(METADATA_NAME, name)),
            (Namespaces::Labelled(known), Namespaces::Labelled(wanted)) => {
                // Every namespace carries its name as a label.
                let has_name = || Requirement { key: METADATA_NAME, test: Test::Exists };
                known.implies(wanted)
                    || wanted.keys().any(|key| key == METADATA_NAME)
                        && Selector::of(known.requirements().iter().cloned().chain([has_name()])).implies(wanted)
            }
        };
        within && known.pods.implies(&pick.pods)
    }
}

impl Settings {
    /// Whether an endpoint has one of these addresses.
    pub fn is_among(&self, endpoint: &Endpoint<'_>, addresses: &Addresses) -> bool {
        if self.is_node_traffic(endpoint) {
            let everywhere = addresses.v4().is_all() || addresses.v6().is_all();
            return everywhere || endpoint.addresses.iter().any(|address| addresses.contains(*address));
        }
        match (self.pod_addresses, endpoint.addresses.as_slice()) {
            (PodAddresses::Ignored, _) => false,
            (PodAddresses::Matched, []) => self.is_among_unknown(addresses),
            (PodAddresses::Matched, known) => known.iter().any(|address| addresses.contains(*address)),
        }
    }
}

impl Settings {
    /// Whether a pod whose addresses are not known has one of these.
    pub(crate) fn is_among_unknown(&self, addresses: &Addresses) -> bool {
        self.pod_addresses == PodAddresses::Matched && !self.pod_networks.is_empty() && self.pod_networks.is_subset(addresses)
    }
}

impl Decision {
    /// Of ends that are in different networks.
    pub(crate) fn apart() -> Self {
        Self { allowed: Traffic::none(), asked: Vec::new(), reasons: vec![Reason::Apart] }
    }

    /// Of somebody whom no policy is about.
    pub(crate) fn open(asked: &Traffic) -> Self {
        Self { allowed: asked.clone(), asked: Vec::new(), reasons: vec![Reason::Default { traffic: asked.clone() }] }
    }
}

impl<'a> Policy<'a> {
    /// The rule of a reason.
    pub fn rule(&self, direction: Direction, at: usize) -> Option<&Rule<'a>> {
        self.rules(direction)?.get(at)
    }
}

/// Whether `peer` is the node that a pod runs on: traffic between them is always allowed (networking.k8s.io/v1 `NetworkPolicy`).
fn is_own_node(subject: &Endpoint<'_>, peer: End<'_, '_>) -> bool {
    matches!(peer, End::Node(node) if subject.pods == 1 && node.name == subject.node)
}

/// Whether a name is of a pattern: `*.` stands for one whole label or more in front; letter case and a dot at the end do not matter.
pub fn is_domain(pattern: &str, name: &str) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let (pattern, name) = (plain(pattern), plain(name));
    match pattern.strip_prefix("*.") {
        Some(rest) => name.strip_suffix(rest).is_some_and(|front| front.len() > 1 && front.ends_with('.')),
        None => pattern == name,
    }
}
