//! What policies make of the traffic between two ends, and why: one pair at a time, rule by rule.
//!
//! This is the plain reading of the rules. [`crate::matrix`] does the same for all pairs at once, and tests hold the two together.

use crate::addresses::Addresses;
use crate::policy::{Action, Direction, Means, Peers, Policy, Rule, Tier};
use crate::traffic::Traffic;
use crate::world::{ClusterNode, Endpoint, Loopback, PodAddresses, Settings, World};
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
    /// A name outside.
    Domain(&'w str),
    /// A pod of which nothing is known, in a namespace of which nothing is known: a rule is about it only if it is about all pods.
    Unknown,
}

/// What was decided about traffic in one direction, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What passes.
    pub allowed: Traffic,
    /// What decided, in the order in which it was asked.
    pub reasons: Vec<Reason>,
}

/// Something that decided about some traffic. Policies and rules are places in [`World::policies`] and in the rules of the direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A rule.
    Rule {
        /// The policy.
        policy: usize,
        /// The rule.
        rule: usize,
        /// What it does.
        action: Action,
        /// What it does it to.
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
        let (subject, peer) = match direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let destination = match to {
            End::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        };
        let End::Endpoint(subject) = subject else { return Decision::open() };
        let is_self = matches!(peer, End::Endpoint(peer) if std::ptr::eq(peer, subject));
        if is_self && self.settings.loopback == Loopback::Allowed {
            return Decision { allowed: Traffic::all(), reasons: vec![Reason::Inside] };
        }
        let namespace = self.namespace_of(subject);
        let about: Vec<_> = self
            .policies
            .iter()
            .enumerate()
            .filter(|(_, policy)| policy.rules(direction).is_some() && policy.is_about(subject, namespace, &self.settings))
            // A pod's traffic to its own address is no business of the cluster's policies (network-policy-api PR 390).
            .filter(|(_, policy)| !is_self || policy.tier == Tier::NetworkPolicy)
            .collect();
        let mut open = Traffic::all();
        let mut decision = Decision { allowed: Traffic::none(), reasons: Vec::new() };
        for tier in [Tier::Admin, Tier::NetworkPolicy, Tier::Baseline] {
            let mut policies = about.iter().filter(|(_, policy)| policy.tier == tier).peekable();
            if policies.peek().is_none() || open.is_none() {
                continue;
            }
            let mut passed = Traffic::none();
            let mut allowed = Traffic::none();
            let mut isolating = Vec::new();
            for (at, policy) in policies {
                isolating.push(*at);
                for (index, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                    let unknown = rule.denies_unknown();
                    if !unknown && !self.is_peer(rule, peer) {
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
                    if tier != Tier::NetworkPolicy {
                        open = open.difference(&traffic);
                    }
                    if !traffic.is_none() || tier == Tier::NetworkPolicy {
                        decision.reasons.push(Reason::Rule { policy: *at, rule: index, action, traffic });
                    }
                }
            }
            if tier == Tier::NetworkPolicy {
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
            (Means::Addresses(addresses), End::Addresses(others)) => !others.is_empty() && others.is_subset(addresses),
            (Means::Nodes(selector), End::Node(node)) => selector.selects(&node.labels),
            // Pods on the network of a node have its address.
            (Means::Nodes(selector), End::Endpoint(endpoint)) => {
                let mut nodes = self.nodes.iter().filter(|node| node.name == endpoint.node);
                settings.is_node_traffic(endpoint) && nodes.any(|node| selector.selects(&node.labels))
            }
            (Means::Nodes(selector), End::Address(address)) => {
                self.nodes.iter().any(|node| node.addresses.contains(&address) && selector.selects(&node.labels))
            }
            (Means::Pods(pick), End::Unknown) => pick.is_everyone(),
            (Means::Addresses(addresses), End::Unknown) => settings.is_among_unknown(addresses),
            (Means::Domains(names), End::Domain(name)) => names.iter().any(|pattern| is_domain(pattern, name)),
            _ => false,
        }
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
            (_, []) => self.is_among_unknown(addresses),
            (PodAddresses::Matched, known) => known.iter().any(|address| addresses.contains(*address)),
        }
    }
}

impl Settings {
    /// Whether a pod whose addresses are not known has one of these.
    fn is_among_unknown(&self, addresses: &Addresses) -> bool {
        self.pod_addresses == PodAddresses::Matched && !self.pod_networks.is_empty() && self.pod_networks.is_subset(addresses)
    }
}

impl Decision {
    fn open() -> Self {
        Self { allowed: Traffic::all(), reasons: vec![Reason::Default { traffic: Traffic::all() }] }
    }
}

impl<'a> Policy<'a> {
    /// The rule of a reason.
    pub fn rule(&self, direction: Direction, at: usize) -> Option<&Rule<'a>> {
        self.rules(direction)?.get(at)
    }
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
