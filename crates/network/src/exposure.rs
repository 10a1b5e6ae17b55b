//! What pods that were not read could reach, and what could reach them: the answer of `plimsoll net exposure`.
//!
//! Rules name pods by labels, and more pods with these labels may come. For each workload and direction this asks about the whole
//! cluster and about whomever a rule names, as far as that makes a difference. Of such pods nothing is known but what the rule asks
//! for, so that another rule means them only if it means all of them ([`crate::End::Unseen`]). Pods that a rule names by exact labels
//! and that are there are not unseen.

use crate::decide::{End, Reason};
use crate::derivation::{PolicyName, RuleName};
use crate::listing::{Answered, Connection, Filter, Listing, Side, Workload};
use crate::matrix::{self, Matrix};
use crate::networks::Network;
use crate::policy::{Action, Direction, Means, Namespaces, Peers, Pick, Policy, Rule, Tier};
use crate::selector::Selector;
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, METADATA_NAME, World};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is open to pods that were not read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// What the API leaves open, as it was answered here.
    pub settings: Answered,
    /// The workloads there are, by their place in the lists below.
    pub workloads: Vec<Workload>,
    /// What could reach them.
    pub ingress: Vec<Exposed>,
    /// What they could reach.
    pub egress: Vec<Exposed>,
}

/// Workloads of which the same is open, for the same reasons. Those of which nothing is are left out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposed {
    /// The workloads, by their places in [`Exposure::workloads`].
    pub workloads: Vec<usize>,
    /// Whether a policy is about them in this direction.
    pub protection: Protection,
    /// The network of their own that they are in, with all that they may talk to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What is open, and to whom: to the whole cluster first.
    pub openings: Vec<Opening>,
}

/// Whether a policy is about pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protection {
    /// None is: all that may come or go does.
    None,
    /// None can be: they are on the network of their node.
    NodeNetwork,
    /// At least one is.
    Policies,
}

/// What is open to some pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Whom it is open to.
    pub peer: Unseen,
    /// What may flow. Nothing, where pods are kept from what is open to the whole cluster.
    pub traffic: Traffic,
    /// Ports that rules name; their numbers are what the unseen pods say: `TCP http`, or `http` for any protocol.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_ports: Vec<String>,
    /// What makes it so, beyond what holds for the whole cluster; empty where no policy is about them.
    pub because: Vec<Because>,
}

/// Pods that were not read, by all that is known of them. Any pod of the cluster, where all is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// The name of their namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The labels of their namespaces, as `kubectl` writes selectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<String>,
    /// Their labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<String>,
}

/// Why something is open or is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// The policy whose rule decided; none where all policies leave it open, and it passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
    /// What the rule does.
    pub action: Action,
    /// What it does it to; nothing where it is only about named ports.
    pub traffic: Traffic,
}

/// What one new pod could reach, and what could reach it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfPod {
    /// The pod in words.
    pub described: String,
    /// The pod: its place among the workloads.
    pub pod: usize,
    /// The only direction that was asked about, seen from the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Its connections.
    #[serde(flatten)]
    pub listing: Listing,
    /// The rules that let each of the connections with workloads pass, in their order; none for those with the outside.
    pub because: Vec<Vec<Because>>,
}

impl OfPod {
    /// Of a pod that is in the world, by its place, as far as `filter` asks for its connections.
    pub fn new(world: &World<'_>, pod: usize, described: String, filter: &Filter) -> Self {
        let filter = Filter { focus: Some(BTreeSet::from([pod])), ..filter.clone() };
        let matrix = Matrix::new(world);
        let listing = Listing::new(world, &matrix, &filter);
        let of = |connection: &Connection| match (&connection.from, &connection.to) {
            (Side::Workloads(from), Side::Workloads(to)) => between(world, &matrix, from, to, &connection.traffic),
            _ => Vec::new(),
        };
        Self { described, pod, direction: filter.direction, because: listing.connections.iter().map(of).collect(), listing }
    }
}

/// The rules that let something of `traffic` pass between some endpoints and others, one of which is always the same.
fn between(world: &World<'_>, matrix: &Matrix, from: &[usize], to: &[usize], traffic: &Traffic) -> Vec<Because> {
    let classes = |list: &[usize]| -> Vec<usize> {
        let by_class: BTreeMap<_, _> = list.iter().map(|at| (matrix.class_of.get(*at), *at)).collect();
        by_class.into_values().collect()
    };
    let mut rules = BTreeSet::new();
    let ends = classes(from).into_iter().flat_map(|from| classes(to).into_iter().map(move |to| (from, to)));
    for (from, to) in ends.filter(|(from, to)| from != to) {
        let (Some(from), Some(to)) = (world.endpoints.get(from), world.endpoints.get(to)) else { continue };
        let (egress, ingress, _) = world.between(End::Endpoint(from), End::Endpoint(to));
        for (decision, direction) in [(egress, Direction::Egress), (ingress, Direction::Ingress)] {
            let allows = |one: &Because| one.rule.is_some() && one.action == Action::Accept && !one.traffic.intersection(traffic).is_none();
            rules.extend(because(world, direction, &decision.reasons, &[]).into_iter().filter(allows));
        }
    }
    rules.into_iter().collect()
}

impl Exposure {
    /// What is open in a world, as far as `filter` asks for it.
    pub fn new(world: &World<'_>, filter: &Filter) -> Self {
        let unseen = unseen(world);
        let classes = matrix::classes(world);
        let open = |direction: Direction| -> Vec<Exposed> {
            if filter.direction.is_some_and(|wanted| wanted != direction) {
                return Vec::new();
            }
            let of_class = |class: &matrix::Class| {
                let members = class.endpoints.iter().copied().filter(|at| filter.focus.as_ref().is_none_or(|focus| focus.contains(at)));
                let members: Vec<usize> = members.collect();
                let sample = world.endpoints.get(*members.first()?)?;
                let subject = Subject::new(world, sample, direction);
                let (protection, mut openings) = (subject.protection(), subject.openings(&unseen));
                // Of one port, who differs is who differs in that port.
                let is_common = openings.first().is_some_and(|first| first.peer.is_anyone() && filter.is_wanted(&first.traffic));
                let is_telling = |one: &Opening| filter.is_wanted(&one.traffic) != (is_common && !one.peer.is_anyone());
                openings.retain(|opening| filter.port.is_none() || is_telling(opening));
                Some((protection, sample.network, openings, members))
            };
            let found: Vec<_> = classes.par_iter().filter_map(of_class).collect();
            let mut alike: BTreeMap<(Protection, usize, Vec<Opening>), Vec<usize>> = BTreeMap::new();
            for (protection, network, openings, members) in found.into_iter().filter(|(.., openings, _)| !openings.is_empty()) {
                alike.entry((protection, network, openings)).or_default().extend(members);
            }
            let exposed = |((protection, network, openings), mut workloads): ((_, usize, _), Vec<usize>)| {
                workloads.sort_unstable();
                let network = world.networks.get(network).filter(|network| network.object.is_some()).map(Network::title);
                Exposed { workloads, protection, network, openings }
            };
            let mut exposed: Vec<_> = alike.into_iter().map(exposed).collect();
            exposed.sort_by(|one, two| (one.protection, &one.workloads).cmp(&(two.protection, &two.workloads)));
            exposed
        };
        let workloads = world.endpoints.iter().map(|endpoint| Workload::of(world, endpoint)).collect();
        Self { settings: Answered::from(&world.settings), workloads, ingress: open(Direction::Ingress), egress: open(Direction::Egress) }
    }

    /// The two directions.
    pub fn directions(&self) -> [(Direction, &[Exposed]); 2] {
        [(Direction::Ingress, &self.ingress), (Direction::Egress, &self.egress)]
    }
}

/// What each pick of a rule stands for among pods that were not read; none where there can be no such pod, or it is there.
type UnseenOf<'w, 'a> = HashMap<&'w Pick<'a>, Option<Pick<'a>>>;

fn unseen<'w, 'a>(world: &'w World<'a>) -> UnseenOf<'w, 'a> {
    let mut unseen = UnseenOf::new();
    for pick in world.policies.iter().flat_map(Policy::all_rules).flat_map(|(.., rule)| picks(&rule.peers)) {
        unseen.entry(pick).or_insert_with(|| plain(world, pick).filter(|pick| !is_there(world, pick)));
    }
    unseen
}

fn picks<'w, 'a>(peers: &'w Peers<'a>) -> impl Iterator<Item = &'w Pick<'a>> {
    let listed = match peers {
        Peers::Anyone => &[],
        Peers::Listed(peers) => peers.as_slice(),
    };
    listed.iter().filter_map(|peer| match &peer.means {
        Means::Pods(pick) => Some(pick),
        _ => None,
    })
}

/// A pick with the name of the namespace instead of its label, as far as it asks for that; none if it can pick nothing.
fn plain<'a>(world: &World<'a>, pick: &Pick<'a>) -> Option<Pick<'a>> {
    let Pick { namespaces, pods } = pick;
    let namespaces = match namespaces {
        Namespaces::Labelled(labels) => {
            let name = labels.exactly_of(METADATA_NAME);
            match name.and_then(|name| Some((name, world.namespaces.get(world.namespace(name)?)?))) {
                Some((name, namespace)) => Namespaces::Named(labels.selects(&namespace.labels).then_some(name)?),
                None if labels.requirements().len() == 1 => name.map_or_else(|| namespaces.clone(), Namespaces::Named),
                None => namespaces.clone(),
            }
        }
        Namespaces::Named(_) => namespaces.clone(),
    };
    let is_possible = pods.is_possible() && !matches!(&namespaces, Namespaces::Labelled(labels) if !labels.is_possible());
    is_possible.then(|| Pick { namespaces, pods: pods.clone() })
}

/// Whether a pod that a pick asks for by exact labels was read. One that it asks for in other words, or in every namespace, or any of a
/// namespace, may always come.
fn is_there(world: &World<'_>, pick: &Pick<'_>) -> bool {
    let is_exact = |labels: &Selector<'_>| !labels.is_everything() && labels.is_labels();
    let namespaces = match &pick.namespaces {
        Namespaces::Named(name) => world.namespace(name).map_or(0..0, |at| at..at + 1),
        Namespaces::Labelled(labels) if is_exact(labels) => 0..world.namespaces.len(),
        Namespaces::Labelled(_) => return false,
    };
    let mut held = namespaces.filter(|at| world.namespaces.get(*at).is_some_and(|namespace| pick.namespaces.hold(namespace)));
    let is_picked = |endpoint: &Endpoint<'_>| !world.settings.is_node_traffic(endpoint) && pick.pods.selects(&endpoint.labels);
    is_exact(&pick.pods) && held.any(|at| world.endpoints_in(at).any(|at| world.endpoints.get(at).is_some_and(is_picked)))
}

/// What may flow, and why.
struct Asked {
    traffic: Traffic,
    /// Named ports that have no number yet.
    names: BTreeSet<String>,
    reasons: Vec<Reason>,
}

impl Asked {
    fn is_same(&self, other: &Self) -> bool {
        (&self.traffic, &self.names) == (&other.traffic, &other.names)
    }
}

/// Picks by a label that they ask for: of many, few have to be looked at to know which ones pick all pods of a kind.
struct Index<'w, 'a> {
    picks: Vec<&'w Pick<'a>>,
    /// The places of those that ask for a label with one value.
    by_label: HashMap<(&'a str, &'a str), Vec<usize>>,
    others: Vec<usize>,
}

impl<'w, 'a> Index<'w, 'a> {
    fn new(picks: impl Iterator<Item = &'w Pick<'a>>) -> Self {
        let (mut by_label, mut others) = (HashMap::<_, Vec<usize>>::new(), Vec::new());
        let picks: Vec<_> = picks.collect();
        for (at, pick) in picks.iter().enumerate() {
            match pick.pods.labels().next() {
                Some(label) => by_label.entry(label).or_default().push(at),
                None => others.push(at),
            }
        }
        Self { picks, by_label, others }
    }

    /// The places of those that pick all pods of which `known` is known.
    fn implied_by<'i>(&'i self, known: &'i Pick<'a>, world: &'i World<'a>) -> impl Iterator<Item = usize> + 'i {
        let keys: BTreeSet<_> = known.pods.keys().collect();
        let labels = keys.into_iter().filter_map(|key| Some((key, known.pods.exactly_of(key)?)));
        let labelled = labels.filter_map(|label| self.by_label.get(&label)).flatten();
        let candidates = labelled.chain(&self.others).copied();
        candidates.filter(|at| self.picks.get(*at).is_some_and(|pick| world.implies(known, pick)))
    }
}

/// An endpoint in one direction, and the rules that are about it.
struct Subject<'w, 'a> {
    world: &'w World<'a>,
    endpoint: &'w Endpoint<'a>,
    direction: Direction,
    /// The policies that are about it.
    about: Vec<usize>,
    /// Whether each of their rules means all pods.
    is_always: Vec<bool>,
    /// Whom their rules pick, and the place of each one's rule.
    picked: Vec<(usize, &'w Pick<'a>)>,
    index: Index<'w, 'a>,
}

impl<'w, 'a> Subject<'w, 'a> {
    fn new(world: &'w World<'a>, endpoint: &'w Endpoint<'a>, direction: Direction) -> Self {
        let about = world.about(endpoint, direction);
        let policies = about.iter().filter_map(|at| world.policies.get(*at));
        let rules: Vec<_> = policies.filter_map(|policy| policy.rules(direction)).flatten().collect();
        let everyone = Pick::everyone();
        let is_always = rules.iter().map(|rule| world.is_peer(rule, End::Unseen(&everyone))).collect();
        let picked = rules.iter().enumerate().flat_map(|(place, rule)| picks(&rule.peers).map(move |pick| (place, pick)));
        let picked: Vec<_> = picked.collect();
        let index = Index::new(picked.iter().map(|(_, pick)| *pick));
        Self { world, endpoint, direction, about, is_always, picked, index }
    }

    fn protection(&self) -> Protection {
        let has_something_to_say =
            |policy: &Policy<'a>| policy.tier == Tier::NetworkPolicy || policy.rules(self.direction).is_some_and(|rules| !rules.is_empty());
        match self.about.iter().filter_map(|at| self.world.policies.get(*at)).any(has_something_to_say) {
            true => Protection::Policies,
            false if self.world.settings.is_node_traffic(self.endpoint) => Protection::NodeNetwork,
            false => Protection::None,
        }
    }

    /// What may flow between it and unseen pods.
    fn ask(&self, pick: &Pick<'a>) -> Asked {
        let implied = self.index.implied_by(pick, self.world);
        let meaning: HashSet<_> = implied.filter_map(|at| self.picked.get(at)).map(|(place, _)| *place).collect();
        let is_peer = |place, _: &Rule<'a>| self.is_always.get(place) == Some(&true) || meaning.contains(&place);
        let is_ingress = self.direction == Direction::Ingress;
        let decision = self.world.judge(&self.about, self.direction, is_ingress.then_some(self.endpoint), Traffic::all(), is_peer);
        // Names mean what the destination declares, which only unseen ones do not tell. What may flow anyway needs no name.
        let is_named = !is_ingress && !decision.allowed.is_all_ports();
        let names = if is_named { named_ports(self.world, &decision.reasons) } else { BTreeSet::new() };
        Asked { traffic: decision.allowed, names, reasons: decision.reasons }
    }

    /// What is open of it: to the whole cluster, and to those whom its rules name, where that is something else.
    fn openings(&self, unseen: &UnseenOf<'_, 'a>) -> Vec<Opening> {
        let everyone = Pick::everyone();
        let common = self.ask(&everyone);
        let peers: BTreeSet<&Pick<'a>> = self.picked.iter().filter_map(|(_, pick)| unseen.get(pick)?.as_ref()).collect();
        let is_other = |peer: &&Pick<'a>| !peer.is_everyone() && !self.world.is_apart(self.endpoint, peer);
        let peers = peers.into_iter().filter(is_other).map(|peer| (peer, self.ask(peer)));
        let peers: Vec<_> = peers.filter(|(_, asked)| !asked.is_same(&common)).collect();
        let index = Index::new(peers.iter().map(|(peer, _)| *peer));
        // Who is among others of whom the same is open is named with them.
        let is_named_with_others = |at: usize, peer: &Pick<'a>, asked: &Asked| {
            let mut wider = index.implied_by(peer, self.world).filter(|place| *place != at);
            wider.any(|place| {
                let is_first = |other: &Pick<'a>| place < at || !self.world.implies(other, peer);
                peers.get(place).is_some_and(|(other, open)| open.is_same(asked) && is_first(other))
            })
        };
        let told = peers.iter().enumerate().filter(|(at, (peer, asked))| !is_named_with_others(*at, peer, asked));
        let told: Vec<_> = told.map(|(_, (peer, asked))| self.opening(peer, asked, &common.reasons)).collect();
        let is_open = !common.traffic.is_none() || !common.names.is_empty();
        is_open.then(|| self.opening(&everyone, &common, &[])).into_iter().chain(told).collect()
    }

    /// What is open to some, for reasons that are not those of the whole cluster.
    fn opening(&self, pick: &Pick<'a>, asked: &Asked, common: &[Reason]) -> Opening {
        let because = if self.about.is_empty() { Vec::new() } else { because(self.world, self.direction, &asked.reasons, common) };
        let named_ports = asked.names.iter().cloned().collect();
        Opening { peer: Unseen::from(pick), traffic: asked.traffic.clone(), named_ports, because }
    }
}

/// The named ports that pass from a pod towards pods of which no port is known, by the rules that decided.
fn named_ports(world: &World<'_>, reasons: &[Reason]) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    // Names that a rule of the cluster's kinds decided about: for good, or where it passed them on, for its tier.
    let mut settled: HashMap<&(Option<Protocol>, &str), Option<Tier>> = HashMap::new();
    for reason in reasons {
        let Reason::Rule { policy, rule, action, .. } = reason else { continue };
        let Some(policy) = world.policies.get(*policy) else { continue };
        for name in policy.rule(Direction::Egress, *rule).into_iter().flat_map(|rule| &rule.ports.names) {
            if settled.get(name).is_some_and(|until| until.is_none_or(|until| until == policy.tier)) {
                continue;
            }
            if policy.tier != Tier::NetworkPolicy {
                settled.insert(name, (*action == Action::Pass).then_some(policy.tier));
            }
            if *action == Action::Accept {
                let (protocol, name) = name;
                open.insert(protocol.map_or_else(|| (*name).to_owned(), |protocol| format!("{} {name}", protocol.name())));
            }
        }
    }
    open
}

/// The reasons of a decision that let something through or keep it back, and are not those `common` to the whole cluster.
fn because(world: &World<'_>, direction: Direction, reasons: &[Reason], common: &[Reason]) -> Vec<Because> {
    let because = |reason: &Reason| match reason {
        Reason::Rule { policy, rule: at, action, traffic, .. } => {
            let policy = world.policies.get(*policy)?;
            let rule = policy.rule(direction, *at)?;
            let is_named = direction == Direction::Egress && !rule.ports.names.is_empty();
            let (policy, rule) = (Some(PolicyName::of(policy)), Some(RuleName::of(*at, rule)));
            let because = Because { policy, rule, action: *action, traffic: traffic.clone() };
            Some(because).filter(|_| is_named || !traffic.is_none())
        }
        Reason::Default { traffic } => Some(Because { policy: None, rule: None, action: Action::Accept, traffic: traffic.clone() }),
        _ => None,
    };
    reasons.iter().filter(|reason| !common.contains(reason)).filter_map(because).collect()
}

impl From<&Pick<'_>> for Unseen {
    fn from(pick: &Pick<'_>) -> Self {
        let written = |selector: &Selector<'_>| (!selector.is_everything()).then(|| selector.to_string());
        let (namespace, namespaces) = match &pick.namespaces {
            Namespaces::Named(name) => (Some((*name).to_owned()), None),
            Namespaces::Labelled(labels) => (None, written(labels)),
        };
        Self { namespace, namespaces, pods: written(&pick.pods) }
    }
}

impl Unseen {
    /// Where they are: `in namespace shop`.
    pub fn namespace_words(&self) -> String {
        match (&self.namespace, &self.namespaces) {
            (Some(name), _) => format!("in namespace {name}"),
            (None, Some(labels)) => format!("in namespaces with {labels}"),
            (None, None) => "in any namespace".to_owned(),
        }
    }

    /// Whether it is any pod of the cluster.
    pub fn is_anyone(&self) -> bool {
        self.namespace.is_none() && self.namespaces.is_none() && self.pods.is_none()
    }
}

/// `pods with app=web in namespace shop`, `any pod of the cluster`
impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.pods {
            _ if self.is_anyone() => return f.write_str("any pod of the cluster"),
            Some(labels) => write!(f, "pods with {labels}")?,
            None => f.write_str("any pod")?,
        }
        write!(f, " {}", self.namespace_words())
    }
}
