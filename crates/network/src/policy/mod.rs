//! Network policies of all kinds as one thing: rules in tiers.
//!
//! Order of evaluation: ClusterNetworkPolicy and AdminNetworkPolicy of the admin tier by priority, NetworkPolicy v1, the baseline
//! tier, and then traffic passes (network-policy-api, KEP-2091 and its successor; networking.k8s.io/v1).

mod admin;
mod cluster;
mod multi;
mod network_policy;
mod ports;

use crate::addresses::{Addresses, Cidr};
use crate::selector::{Labels, Selector};
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, Namespace, Settings};
use plimsoll_model::{Inventory, Node, Object, Problem, ProblemKind};
use serde::Serialize;

/// A network policy of any kind.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// The object.
    pub object: Object<'a>,
    /// When it is asked.
    pub tier: Tier,
    /// Its place in the tier: lower is asked first. 0 for NetworkPolicy v1, which knows no order.
    pub priority: i64,
    /// The pods that it is about.
    pub subject: Pick<'a>,
    /// Its rules for traffic to its pods; none where it is not about them.
    pub ingress: Option<Vec<Rule<'a>>>,
    /// Its rules for traffic from its pods; none where it is not about them.
    pub egress: Option<Vec<Rule<'a>>>,
}

/// The tiers in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// Of the cluster's administrators, before all others.
    Admin,
    /// NetworkPolicy v1: final for the pods that it selects.
    NetworkPolicy,
    /// What holds where nothing else decided.
    Baseline,
}

/// The direction of traffic, seen from a policy's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// To the pods.
    Ingress,
    /// From the pods.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Its name in the API, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// What a rule does with traffic that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It passes, and no later rule is asked.
    Accept,
    /// It does not pass.
    Deny,
    /// The rest of the tier is not asked.
    Pass,
}

impl Action {
    /// As a sentence says it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Accept => "allows",
            Self::Deny => "denies",
            Self::Pass => "passes on",
        }
    }
}

/// One rule of a policy.
#[derive(Debug, Clone)]
pub struct Rule<'a> {
    /// Where it stands.
    pub node: Node<'a>,
    /// Its name; empty where it has none.
    pub name: &'a str,
    /// What it does.
    pub action: Action,
    /// Who is at the other end.
    pub peers: Peers<'a>,
    /// What flows.
    pub ports: Ports<'a>,
}

/// Who is at the other end of a rule.
#[derive(Debug, Clone)]
pub enum Peers<'a> {
    /// Anyone, in the cluster and outside.
    Anyone,
    /// Those who are one of these.
    Listed(Vec<Peer<'a>>),
}

/// One item of a rule's peers.
#[derive(Debug, Clone)]
pub struct Peer<'a> {
    /// Where it stands.
    pub node: Node<'a>,
    /// Whom it means.
    pub means: Means<'a>,
}

/// Whom a peer means.
#[derive(Debug, Clone)]
pub enum Means<'a> {
    /// Pods.
    Pods(Pick<'a>),
    /// Addresses: the outside, and pods that have them.
    Addresses(Addresses),
    /// Nodes, by their labels.
    Nodes(Selector<'a>),
    /// Names of the outside; `*.` stands for whole labels in front.
    Domains(Vec<&'a str>),
    /// Something that this version does not know or the API refuses. It fails closed: an item of a NetworkPolicy is nobody, a rule of the
    /// cluster's kinds that accepts is about nobody at all, and any other denies everything.
    Unknown,
}

/// Pods by namespace and labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pick<'a> {
    /// Their namespaces.
    pub namespaces: Namespaces<'a>,
    /// Their labels.
    pub pods: Selector<'a>,
}

/// Namespaces by name or labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespaces<'a> {
    /// The one of this name.
    Named(&'a str),
    /// Those with these labels.
    Labelled(Selector<'a>),
}

impl<'a> Pick<'a> {
    /// Whether pods with these labels in this namespace are picked.
    pub fn picks(&self, namespace: &Namespace<'_>, labels: &Labels<'_>) -> bool {
        self.namespaces.hold(namespace) && self.pods.selects(labels)
    }

    /// Picks every pod of the cluster.
    pub fn everyone() -> Self {
        Self { namespaces: Namespaces::Labelled(Selector::everything()), pods: Selector::everything() }
    }

    /// Whether the API refuses one of its selectors.
    pub fn is_refused(&self) -> bool {
        self.pods.is_refused() || matches!(&self.namespaces, Namespaces::Labelled(selector) if selector.is_refused())
    }

    /// Whether every pod of the cluster is picked.
    pub fn is_everyone(&self) -> bool {
        self.pods.is_everything() && matches!(&self.namespaces, Namespaces::Labelled(selector) if selector.is_everything())
    }
}

impl Namespaces<'_> {
    /// Whether a namespace is one of them.
    pub fn hold(&self, namespace: &Namespace<'_>) -> bool {
        match self {
            Self::Named(name) => *name == namespace.name,
            Self::Labelled(selector) => selector.selects(&namespace.labels),
        }
    }
}

/// The ports of a rule: what it says by number, and by names that mean what the destination declares.
#[derive(Debug, Clone, Default)]
pub struct Ports<'a> {
    /// By number.
    pub numbers: Traffic,
    /// By name; without a protocol the name counts for every one.
    pub names: Vec<(Option<Protocol>, &'a str)>,
}

impl Ports<'_> {
    /// The traffic that is meant towards a destination; `None` is one outside of the cluster, which has no names for ports.
    pub fn towards(&self, destination: Option<&Endpoint<'_>>) -> Traffic {
        let mut traffic = self.numbers.clone();
        for (protocol, name) in &self.names {
            let means = |port: &&crate::world::Port<'_>| port.name == *name && protocol.is_none_or(|protocol| protocol == port.protocol);
            for port in destination.into_iter().flat_map(|destination| &destination.ports).filter(means) {
                traffic = traffic.union(&Traffic::port(port.protocol, port.number));
            }
        }
        traffic
    }
}

impl<'a> Policy<'a> {
    /// All network policies among objects, in the order in which they are asked.
    pub fn read_all(inventory: &Inventory<'a>, problems: &mut Vec<Problem>) -> Vec<Self> {
        let mut policies = Vec::new();
        policies.extend(inventory.of_kind("NetworkPolicy").filter_map(|object| network_policy::read(object, problems)));
        policies.extend(inventory.of_kind("AdminNetworkPolicy").filter_map(|object| admin::read(object, problems)));
        policies.extend(inventory.of_kind("BaselineAdminNetworkPolicy").filter_map(|object| admin::read_baseline(object, problems)));
        policies.extend(inventory.of_kind("ClusterNetworkPolicy").filter_map(|object| cluster::read(object, problems)));
        policies.sort_by_key(|policy| (policy.tier, policy.priority, policy.object.effective_namespace(), policy.object.name));
        policies
    }

    /// All MultiNetworkPolicies among objects, each with the namespace and name of what defines the networks that it is for.
    pub(crate) fn read_multi(inventory: &Inventory<'a>, problems: &mut Vec<Problem>) -> Vec<(Vec<(String, String)>, Self)> {
        let mut policies: Vec<_> = inventory.of_kind("MultiNetworkPolicy").filter_map(|object| multi::read(object, problems)).collect();
        policies.sort_by_key(|(_, policy)| (policy.object.effective_namespace(), policy.object.name));
        policies
    }

    /// Its rules of a direction; none where it is not about it.
    pub fn rules(&self, direction: Direction) -> Option<&[Rule<'a>]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// All its rules.
    pub fn all_rules(&self) -> impl Iterator<Item = (Direction, usize, &Rule<'a>)> {
        Direction::BOTH
            .into_iter()
            .flat_map(|direction| self.rules(direction).into_iter().flatten().enumerate().map(move |(at, rule)| (direction, at, rule)))
    }

    /// Whether it is about an endpoint. Pods on the network of their node are nobody's subject, unless the settings say so.
    pub fn is_about(&self, endpoint: &Endpoint<'_>, namespace: &Namespace<'_>, settings: &Settings) -> bool {
        !settings.is_node_traffic(endpoint) && self.subject.picks(namespace, &endpoint.labels)
    }

    /// `NetworkPolicy shop/web`, without a namespace for kinds of the cluster.
    pub fn name(&self) -> String {
        let object = &self.object;
        match object.is_cluster_scoped() {
            true => format!("{} {}", object.kind, object.name),
            false => format!("{} {}/{}", object.kind, object.effective_namespace(), object.name),
        }
    }
}

impl Rule<'_> {
    /// Its name, or its place in the list, counted from 1: `rule 2`.
    pub fn title(&self, at: usize) -> String {
        if self.name.is_empty() { format!("rule {}", at + 1) } else { format!("rule {} `{}`", at + 1, self.name) }
    }

    /// Whether it fails closed for something it does not understand: it denies everything then.
    pub fn denies_unknown(&self) -> bool {
        self.action != Action::Accept
            && matches!(&self.peers, Peers::Listed(peers) if peers.iter().any(|peer| matches!(peer.means, Means::Unknown)))
    }
}

/// The items of the list at `key`, none where it is absent. What is no list is a problem, and `None`: nobody knows what it was to hold.
fn items<'a>(node: Node<'a>, key: &str, problems: &mut Vec<Problem>) -> Option<Vec<Node<'a>>> {
    match node.get(key) {
        Some(list) if !list.is_list() => {
            let message = format!("`{key}` must be a list, is {}: it is taken as something that is not understood", list.describe());
            problems.push(Problem::at(ProblemKind::Invalid, list, message));
            None
        }
        list => Some(list.into_iter().flat_map(Node::items).collect()),
    }
}

/// The label selector at `key`; one that is written as null is not there.
fn selector<'a>(node: Node<'a>, key: &str, problems: &mut Vec<Problem>) -> Option<Selector<'a>> {
    node.get(key).map(|node| Selector::read(node, problems))
}

/// The subject of a policy of the cluster: `namespaces`, or `pods` with both selectors.
fn subject<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Option<Pick<'a>> {
    let node = object.node.at(&["spec", "subject"]);
    let picked = node.and_then(|node| pick(node, problems));
    if picked.is_none() {
        let place = node.or_else(|| object.node.get("spec")).unwrap_or(object.node);
        let message = format!("the subject of {} `{}` must be `namespaces` or `pods`: it is about nothing", object.kind, object.name);
        problems.push(Problem::at(ProblemKind::Invalid, place, message));
    }
    picked
}

/// `namespaces: {…}`, or `pods: {namespaceSelector: {…}, podSelector: {…}}`; none if it is neither, or both.
fn pick<'a>(node: Node<'a>, problems: &mut Vec<Problem>) -> Option<Pick<'a>> {
    match (node.get("namespaces"), node.get("pods")) {
        (Some(namespaces), None) => {
            Some(Pick { namespaces: Namespaces::Labelled(Selector::read(namespaces, problems)), pods: Selector::everything() })
        }
        (None, Some(pods)) => {
            let keys = ["namespaceSelector", "podSelector"];
            let is_known = pods.entries().all(|(key, _)| keys.contains(&key.text()));
            if !is_known || keys.iter().all(|key| pods.get(key).is_none()) {
                return None;
            }
            let [namespaces, pods] = keys.map(|key| match selector(pods, key, problems) {
                Some(selector) => selector,
                None => {
                    // The API server refuses it; Go clients read an empty selector where the field is missing.
                    let message = format!("`pods` needs a `{key}`: it is taken to be empty, which selects everything");
                    problems.push(Problem::at(ProblemKind::Invalid, pods, message));
                    Selector::everything()
                }
            });
            Some(Pick { namespaces: Namespaces::Labelled(namespaces), pods })
        }
        _ => None,
    }
}

/// The peers of a rule of the cluster's kinds.
fn cluster_peers<'a>(rule: Node<'a>, direction: Direction, problems: &mut Vec<Problem>) -> Peers<'a> {
    let key = if direction == Direction::Ingress { "from" } else { "to" };
    let list = items(rule, key, problems);
    if list.as_ref().is_some_and(Vec::is_empty) {
        problems.push(Problem::at(
            ProblemKind::Invalid,
            rule,
            format!("a rule needs at least one peer in `{key}`: it is not understood without"),
        ));
    }
    let list = list.unwrap_or_default();
    let mut peers: Vec<_> = list.into_iter().map(|node| Peer { node, means: cluster_peer(node, direction, problems) }).collect();
    if peers.is_empty() {
        peers.push(Peer { node: rule, means: Means::Unknown });
    }
    Peers::Listed(peers)
}

fn cluster_peer<'a>(node: Node<'a>, direction: Direction, problems: &mut Vec<Problem>) -> Means<'a> {
    let mut fields = node.entries().filter(|(_, value)| !value.is_null());
    let (Some((key, value)), None) = (fields.next(), fields.next()) else {
        problems.push(unknown_peer(node, "must have exactly one field"));
        return Means::Unknown;
    };
    match (key.text(), direction) {
        ("namespaces" | "pods", _) => pick(node, problems).map_or_else(
            || {
                problems.push(unknown_peer(value, "must have `namespaceSelector` and `podSelector`"));
                Means::Unknown
            },
            |pick| if pick.is_refused() { Means::Unknown } else { Means::Pods(pick) },
        ),
        ("networks", Direction::Egress) => {
            let read: Vec<_> = value.items().map(|node| cidr(node, "the peer is not understood", problems)).collect();
            match read.into_iter().collect::<Option<Vec<_>>>().filter(|_| value.is_list()) {
                Some(networks) => Means::Addresses(Addresses::union_of(&networks.into_iter().map(Cidr::addresses).collect::<Vec<_>>())),
                None => {
                    problems.push(unknown_peer(value, "must list networks as `10.0.0.0/8`"));
                    Means::Unknown
                }
            }
        }
        ("nodes", Direction::Egress) => match Selector::read(value, problems) {
            selector if selector.is_refused() => Means::Unknown,
            selector => Means::Nodes(selector),
        },
        ("domainNames", Direction::Egress) => Means::Domains(value.items().map(Node::text).collect()),
        (name, _) => {
            problems.push(unknown_peer(key, &format!("has a field `{name}` that is not known for {}", direction.name())));
            Means::Unknown
        }
    }
}

fn unknown_peer(node: Node<'_>, why: &str) -> Problem {
    Problem::at(ProblemKind::Invalid, node, format!("a peer {why}: it is taken to allow nobody, and to deny everybody"))
        .help("known peers are `namespaces` and `pods`, and for egress `networks`, `nodes` and `domainNames`")
}

/// A CIDR; what is none is a problem. Bits beyond the length are worth a note: old objects have them.
fn cidr(node: Node<'_>, then: &str, problems: &mut Vec<Problem>) -> Option<Cidr> {
    let text = node.text();
    match Cidr::read(text) {
        Ok(cidr) => {
            if cidr.has_host_bits() {
                let message = format!("`{text}` has bits set beyond its prefix length: it means {}", cidr.addresses());
                problems.push(Problem::at(ProblemKind::Note, node, message));
            }
            Some(cidr)
        }
        Err(why) => {
            problems.push(Problem::at(ProblemKind::Invalid, node, format!("`{text}` {why}: {then}")));
            None
        }
    }
}
