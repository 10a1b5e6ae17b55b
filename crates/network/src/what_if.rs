//! What a change would do: the answer of `plimsoll net what-if`. What differs, and what becomes of the flows that were seen.

use crate::addresses::Addresses;
use crate::decide::{Decision, End, Reason};
use crate::derivation::{Place, PolicyName, RuleName};
use crate::diff::{Diff, Pair, State, paired};
use crate::flows::{Ends, Foreign, Found, asked};
use crate::listing::{Workload, written};
use crate::policy::{Action, Direction, Policy};
use crate::traffic::Traffic;
use crate::world::World;
use plimsoll_model::{Flow, FlowEnd, FlowKey, FlowProtocol, FlowVerdict, Seen};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What a change would do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIf {
    /// What becomes of the flows that were seen, if any were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<Judged>,
    /// What differs in who may talk to whom.
    pub diff: Diff,
}

/// What becomes of flows. Those of the same ends and port are one, the most frequent first; addresses outside are named together.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// Flows that pass now and would not any more.
    pub cut: Vec<Judgement>,
    /// Flows that did not pass before and would not: the change does nothing to them.
    pub denied_before: Vec<Judgement>,
    /// Flows that did not pass before and would.
    pub opened: Vec<Judgement>,
    /// Flows of which it is not known what becomes.
    pub unknown: Vec<Judgement>,
    /// How many different flows pass before and afterwards.
    pub kept: usize,
    /// How many records of the log were replies, which pass with what they answer.
    pub replies: u64,
}

/// A flow, and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// Who opened the connection.
    pub from: FlowSide,
    /// To whom.
    pub to: FlowSide,
    /// By what: `TCP`, `UDP`, `SCTP`, `ICMP`, or the number of another protocol of IP.
    pub protocol: String,
    /// The port of the destination, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How often it was recorded.
    pub count: u64,
    /// The first time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// The last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// What does not let it pass, afterwards; for flows that are opened, before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Cause>,
    /// What let it pass before and is not there any more, or not as it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<Cause>,
    /// What else there is to say: why nothing is known; that the log does not agree with the policies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One end of flows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FlowSide {
    /// A workload, by its place in [`Diff::workloads`].
    Workload(usize),
    /// Addresses outside of the cluster, and names that they were known by.
    Outside {
        /// The addresses; none where the log names none.
        addresses: Vec<String>,
        /// Their names.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        names: Vec<String>,
    },
    /// A node, or what a log says of somebody who was not read.
    Other(String),
}

/// Something that decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What it does.
    pub does: Does,
    /// What it is about: traffic to its pods (ingress) or from them (egress).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The policy; none where none has to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Its rule; none where pods are closed for all that no rule allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
}

/// What a cause does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Does {
    /// A rule denies.
    Denies,
    /// The policy selects the pods, and none of its rules allows it.
    DoesNotAllow,
    /// A rule allows.
    Allows,
    /// No policy says anything: it passes.
    AllowsByDefault,
    /// The destination is not there.
    IsGone,
    /// Both are in networks of their own.
    IsApart,
}

impl Cause {
    /// Something that is no policy.
    fn bare(does: Does, direction: Option<Direction>) -> Self {
        Self { does, direction, policy: None, rule: None }
    }
}

impl WhatIf {
    /// What becomes of a world and of the flows that were seen in it. Both worlds have to be made together ([`World::pair`]).
    pub fn new(before: State<'_, '_>, after: State<'_, '_>, flows: Option<&[Flow]>) -> Self {
        let flows = flows.map(|flows| Judge::new(before, after).judge(flows));
        Self { flows, diff: Diff::new(before, after) }
    }
}

/// What becomes of one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Cut,
    DeniedBefore,
    Opened,
    Unknown,
}

/// Flows that are told as one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    fate: Fate,
    from: GroupSide,
    to: GroupSide,
    protocol: FlowProtocol,
    port: Option<u16>,
    by: Vec<Cause>,
    was: Vec<Cause>,
    note: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GroupSide {
    Workload(usize),
    Outside,
    Other(String),
}

/// What is known of all in a group.
#[derive(Default)]
struct Known {
    seen: Seen,
    /// Addresses and names of the sources outside, and of the destinations.
    outside: [(Vec<Addresses>, BTreeSet<Box<str>>); 2],
}

struct Judge<'w, 'a, 'b> {
    before: State<'w, 'a>,
    after: State<'w, 'b>,
    old: Ends<'w, 'a>,
    new: Ends<'w, 'b>,
    pairs: Vec<(Workload, Pair)>,
    /// The places in `pairs` of endpoints of each world.
    of_old: HashMap<usize, usize>,
    of_new: HashMap<usize, usize>,
    /// Addresses that pods have not.
    public: Addresses,
    /// What policies of only one of the worlds are called and where they stand.
    changed: HashSet<(String, Place)>,
}

/// An end in both worlds.
#[derive(Debug, Clone)]
enum Whom {
    /// Places in the pairs.
    Workloads(Vec<usize>),
    /// Places in the pairs, with what they are asked for.
    Behind(Vec<(usize, Traffic)>),
    Node(usize),
    OwnNode,
    Address(core::net::IpAddr),
    Outside,
    Nobody(Foreign),
}

impl<'w, 'a, 'b> Judge<'w, 'a, 'b> {
    fn new(before: State<'w, 'a>, after: State<'w, 'b>) -> Self {
        let pairs = paired(before.world, after.world);
        let places = |of: fn(&Pair) -> Option<usize>| {
            pairs.iter().enumerate().filter_map(move |(at, (_, pair))| Some((of(pair)?, at))).collect::<HashMap<_, _>>()
        };
        let (of_old, of_new) = (places(|pair| pair.before), places(|pair| pair.after));
        let old: HashSet<_> = before.world.policies.iter().map(named).collect();
        let new: HashSet<_> = after.world.policies.iter().map(named).collect();
        Self {
            old: Ends::new(before.world),
            new: Ends::new(after.world),
            public: Addresses::all().difference(&before.world.settings.pod_networks),
            changed: old.symmetric_difference(&new).cloned().collect(),
            before,
            after,
            pairs,
            of_old,
            of_new,
        }
    }

    fn judge(&self, flows: &[Flow]) -> Judged {
        let mut judged = Judged::default();
        let mut places: HashMap<*const FlowEnd, Whom> = HashMap::new();
        let mut groups: BTreeMap<Group, Known> = BTreeMap::new();
        // What policies say of two ends and some traffic does not depend on the rest.
        let mut decided = HashMap::new();
        for Flow { key, seen } in flows {
            let mut place = |end: &std::sync::Arc<FlowEnd>, port| {
                let find = || self.place(end, port);
                match port {
                    None => places.entry(std::sync::Arc::as_ptr(end)).or_insert_with(find).clone(),
                    Some(_) => find(),
                }
            };
            let (from, to) = (place(&key.source, None), place(&key.destination, None));
            // Services lead on by port.
            let to = if matches!(to, Whom::Behind(_)) { place(&key.destination, key.port) } else { to };
            let Some(group) = self.group(key, &from, &to, &mut decided) else {
                judged.kept += 1;
                continue;
            };
            let ends =
                [(&key.source, matches!(group.from, GroupSide::Outside)), (&key.destination, matches!(group.to, GroupSide::Outside))];
            let known = groups.entry(group).or_default();
            known.seen.add(*seen);
            for ((addresses, names), (end, is_outside)) in known.outside.iter_mut().zip(ends) {
                if is_outside {
                    addresses.extend(end.address.map(Addresses::one));
                    names.extend(Some(&end.domain).filter(|name| !name.is_empty()).cloned());
                }
            }
        }
        for (group, known) in groups {
            let list = match group.fate {
                Fate::Cut => &mut judged.cut,
                Fate::DeniedBefore => &mut judged.denied_before,
                Fate::Opened => &mut judged.opened,
                Fate::Unknown => &mut judged.unknown,
            };
            list.push(Judgement::of(group, known));
        }
        for list in [&mut judged.cut, &mut judged.denied_before, &mut judged.opened, &mut judged.unknown] {
            list.sort_by(|one, two| two.count.cmp(&one.count).then_with(|| one.cmp(two)));
        }
        judged
    }

    /// Who an end is; the worlds before and after agree on nodes and addresses.
    fn place(&self, end: &FlowEnd, port: Option<u16>) -> Whom {
        let workloads = |list: &[usize], of: &HashMap<usize, usize>| list.iter().filter_map(|at| of.get(at).copied()).collect();
        match self.old.find(end) {
            Found::Endpoints(list) => Whom::Workloads(workloads(&list, &self.of_old)),
            Found::Node(at) => Whom::Node(at),
            Found::OwnNode => Whom::OwnNode,
            Found::Service(at) => {
                let behind = self.before.world.services.get(at).zip(port).into_iter().flat_map(|(service, port)| service.behind(port));
                Whom::Behind(behind.filter_map(|(at, traffic)| Some((*self.of_old.get(&at)?, traffic))).collect())
            }
            Found::Address(address) => match self.new.find(end) {
                Found::Endpoints(list) => Whom::Workloads(workloads(&list, &self.of_new)),
                _ => Whom::Address(address),
            },
            Found::Outside => Whom::Outside,
            Found::Nobody(why) => match self.new.find(end) {
                Found::Endpoints(list) => Whom::Workloads(workloads(&list, &self.of_new)),
                _ => Whom::Nobody(why),
            },
        }
    }

    /// What becomes of a flow; none if it passes as before.
    fn group(&self, key: &FlowKey, from: &Whom, to: &Whom, decided: &mut HashMap<Pairing, (bool, bool)>) -> Option<Group> {
        let side = |place: &Whom, end: &FlowEnd| match place {
            Whom::Workloads(list) => list.first().map_or(GroupSide::Outside, |at| GroupSide::Workload(*at)),
            Whom::Behind(list) => list.first().map_or_else(|| GroupSide::Other(end.to_string()), |(at, _)| GroupSide::Workload(*at)),
            Whom::Address(_) | Whom::Outside => GroupSide::Outside,
            Whom::Node(_) | Whom::OwnNode | Whom::Nobody(_) => GroupSide::Other(end.to_string()),
        };
        let (protocol, port) = (key.protocol, key.port);
        let (source, destination) = (side(from, &key.source), side(to, &key.destination));
        let group = |fate, by, was, note| {
            let (from, to) = (source.clone(), destination.clone());
            Group { fate, from, to, protocol, port, by, was, note }
        };
        let unknown = |note| Some(group(Fate::Unknown, Vec::new(), Vec::new(), note));
        let asked = match asked(key) {
            Ok(asked) => asked,
            Err(foreign) => return unknown(foreign.why()),
        };
        let sources: Vec<Spot> = match from {
            Whom::Nobody(foreign) => return unknown(foreign.why()),
            Whom::OwnNode => return None,
            Whom::Workloads(list) => list.iter().map(|at| Spot::Workload(*at)).collect(),
            // Services send nothing.
            Whom::Behind(_) => return unknown(Foreign::Service.why()),
            Whom::Node(at) => vec![Spot::Node(*at)],
            Whom::Address(address) => vec![Spot::Address(*address)],
            Whom::Outside => vec![Spot::Outside],
        };
        let destinations: Vec<(Spot, Traffic)> = match to {
            Whom::Nobody(foreign) => return unknown(foreign.why()),
            Whom::OwnNode => return None,
            Whom::Workloads(list) => list.iter().map(|at| (Spot::Workload(*at), asked.clone())).collect(),
            Whom::Behind(list) if list.is_empty() => return unknown(Foreign::Service.why()),
            Whom::Behind(list) => list.iter().map(|(at, traffic)| (Spot::Workload(*at), traffic.clone())).collect(),
            Whom::Node(at) => vec![(Spot::Node(*at), asked.clone())],
            Whom::Address(address) => vec![(Spot::Address(*address), asked.clone())],
            Whom::Outside => vec![(Spot::Outside, asked.clone())],
        };
        let is_workload = |spot: &Spot| matches!(spot, Spot::Workload(_));
        if !sources.iter().any(is_workload) && !destinations.iter().any(|(spot, _)| is_workload(spot)) {
            return unknown(Foreign::Outside.why());
        }
        let pairs: Vec<(Spot, &Spot, &Traffic)> =
            sources.iter().flat_map(|from| destinations.iter().map(move |(to, traffic)| (*from, to, traffic))).collect();
        // A flow of a workload that is not there any more is none.
        let is_gone = |spot: &Spot| matches!(spot, Spot::Workload(at) if self.pairs.get(*at).is_some_and(|(_, pair)| pair.after.is_none()));
        let pairs: Vec<_> = pairs.into_iter().filter(|(from, ..)| !is_gone(from)).collect();
        if pairs.is_empty() {
            return unknown("its source is not there any more");
        }
        let (mut passed, mut passes) = (false, true);
        // The pair to blame: rather one that passed.
        let mut failing: Option<(Spot, Spot, &Traffic, bool)> = None;
        for (from, to, traffic) in &pairs {
            let pairing = Pairing { from: *from, to: **to, traffic: (*traffic).clone() };
            let (was, is) = *decided.entry(pairing).or_insert_with(|| {
                (self.passes(self.before, false, *from, **to, traffic), self.passes(self.after, true, *from, **to, traffic))
            });
            passed |= was;
            passes &= is;
            if !is && failing.is_none_or(|(.., blamed)| was && !blamed) {
                failing = Some((*from, **to, *traffic, was));
            }
        }
        let is_recorded = |verdict| key.verdict == verdict;
        // A workload that is new was not there to be asked.
        let is_new = |at: &usize| self.pairs.get(*at).is_some_and(|(_, pair)| pair.before.is_none());
        let is_new = [from, to].into_iter().any(|place| matches!(place, Whom::Workloads(list) if list.iter().all(is_new)));
        if is_new && !is_recorded(FlowVerdict::Denied) {
            passed = true;
        }
        let denying = || failing.map_or_else(Vec::new, |(from, to, traffic, _)| self.denying(self.after.world, true, from, to, traffic).0);
        match (passed, passes) {
            (true, true) if is_recorded(FlowVerdict::Denied) => Some(group(
                Fate::DeniedBefore,
                Vec::new(),
                Vec::new(),
                "the log says that it was denied, the policies that were read allow it",
            )),
            (true, true) => None,
            (true, false) if is_recorded(FlowVerdict::Denied) => {
                Some(group(Fate::DeniedBefore, denying(), Vec::new(), "the log says that it was denied before"))
            }
            (true, false) => {
                let (by, was) = failing.map(|(from, to, traffic, _)| self.causes(from, to, traffic)).unwrap_or_default();
                Some(group(Fate::Cut, by, was, ""))
            }
            (false, true) => {
                let by = pairs.first().map(|(from, to, traffic)| self.denying(self.before.world, false, *from, **to, traffic).0);
                Some(group(Fate::Opened, by.unwrap_or_default(), Vec::new(), disagreement(key.verdict)))
            }
            (false, false) => Some(group(Fate::DeniedBefore, denying(), Vec::new(), disagreement(key.verdict))),
        }
    }

    /// Whether traffic passes between two spots; of somebody outside whose address is not known, whether it does for `all` of them, or
    /// for any.
    fn passes(&self, state: State<'_, '_>, is_after: bool, from: Spot, to: Spot, asked: &Traffic) -> bool {
        let place = |at: usize| self.pairs.get(at).and_then(|(_, pair)| if is_after { pair.after } else { pair.before });
        let outside = |at: usize, rows: &[Vec<(Traffic, Addresses)>], spot: Spot| {
            let class = place(at).and_then(|at| state.matrix.class_of.get(at)).and_then(|class| rows.get(*class as usize));
            let open = class.into_iter().flatten().filter(|(traffic, _)| asked.is_subset(traffic)).map(|(_, addresses)| addresses);
            match spot {
                Spot::Address(address) => open.into_iter().any(|addresses| addresses.contains(address)),
                _ if is_after => self.public.is_subset(&Addresses::union_of(open)),
                _ => open.into_iter().any(|addresses| !addresses.intersection(&self.public).is_empty()),
            }
        };
        match (from, to) {
            (Spot::Workload(from), Spot::Workload(to)) => {
                let traffic = place(from).zip(place(to)).and_then(|(from, to)| state.matrix.between(from, to));
                traffic.is_some_and(|traffic| asked.is_subset(traffic))
            }
            (Spot::Workload(at), spot @ (Spot::Address(_) | Spot::Outside)) => outside(at, &state.matrix.to_outside, spot),
            (spot @ (Spot::Address(_) | Spot::Outside), Spot::Workload(at)) => outside(at, &state.matrix.from_outside, spot),
            _ => {
                let (egress, ingress) = self.decide(state.world, is_after, from, to);
                [egress, ingress].into_iter().all(|decision| decision.is_none_or(|decision| asked.is_subset(&decision.allowed)))
            }
        }
    }

    /// What the policies of both ends say; none where an end is not there.
    fn decide<'s, 't>(&'s self, world: &'s World<'t>, is_after: bool, from: Spot, to: Spot) -> (Option<Decision>, Option<Decision>) {
        let end = |spot: Spot| -> Option<End<'s, 't>> {
            Some(match spot {
                Spot::Workload(at) => {
                    let (_, pair) = self.pairs.get(at)?;
                    End::Endpoint(world.endpoints.get(if is_after { pair.after } else { pair.before }?)?)
                }
                Spot::Node(at) => End::Node(world.nodes.get(at)?),
                Spot::Address(address) => End::Address(address),
                Spot::Outside => End::Addresses(&self.public),
            })
        };
        let Some((from, to)) = end(from).zip(end(to)) else { return (None, None) };
        (Some(world.decide(from, to, Direction::Egress)), Some(world.decide(from, to, Direction::Ingress)))
    }

    /// What denies traffic in a world, and the directions in which something does.
    fn denying(&self, world: &World<'_>, is_after: bool, from: Spot, to: Spot, asked: &Traffic) -> (Vec<Cause>, Vec<Direction>) {
        let (egress, ingress) = self.decide(world, is_after, from, to);
        if let Spot::Workload(at) = to
            && is_after
            && self.pairs.get(at).is_some_and(|(_, pair)| pair.after.is_none())
        {
            return (vec![Cause::bare(Does::IsGone, None)], Vec::new());
        }
        let (mut causes, mut directions) = (Vec::new(), Vec::new());
        for (direction, decision) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
            let Some(decision) = decision.filter(|decision| !asked.is_subset(&decision.allowed)) else { continue };
            directions.push(direction);
            for reason in &decision.reasons {
                match reason {
                    Reason::Rule { policy, rule, action: Action::Deny, traffic, .. } if !traffic.intersection(asked).is_none() => {
                        causes.extend(rule_cause(world, *policy, *rule, direction, Does::Denies));
                    }
                    Reason::Isolated { policies, traffic } if !traffic.intersection(asked).is_none() => {
                        causes.extend(self.isolating(world, policies, direction));
                    }
                    Reason::Apart => causes.push(Cause::bare(Does::IsApart, None)),
                    _ => {}
                }
            }
        }
        causes.dedup();
        (causes, directions)
    }

    /// The policies that close pods: those that the change brings, if there are any, or else all.
    fn isolating(&self, world: &World<'_>, policies: &[usize], direction: Direction) -> Vec<Cause> {
        let cause = |at: &usize| {
            let policy = world.policies.get(*at)?;
            let is_changed = self.changed.contains(&named(policy));
            let policy = Some(PolicyName::of(policy));
            let cause = Cause { does: Does::DoesNotAllow, direction: Some(direction), policy, rule: None };
            Some((is_changed, cause))
        };
        let all: Vec<_> = policies.iter().filter_map(cause).collect();
        let any_changed = all.iter().any(|(is_changed, _)| *is_changed);
        all.into_iter().filter(|(is_changed, _)| *is_changed || !any_changed).map(|(_, cause)| cause).collect()
    }

    /// What denies traffic afterwards, and what of the change let it pass before.
    fn causes(&self, from: Spot, to: Spot, asked: &Traffic) -> (Vec<Cause>, Vec<Cause>) {
        let (by, directions) = self.denying(self.after.world, true, from, to, asked);
        let world = self.before.world;
        let (egress, ingress) = self.decide(world, false, from, to);
        let is_changed = |policy: usize| world.policies.get(policy).is_some_and(|policy| self.changed.contains(&named(policy)));
        let mut was = Vec::new();
        for (direction, decision) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
            let decision = decision.filter(|decision| directions.contains(&direction) && asked.is_subset(&decision.allowed));
            for reason in decision.iter().flat_map(|decision| &decision.reasons) {
                match reason {
                    Reason::Rule { policy, rule, action: Action::Accept, traffic, .. }
                        if !traffic.intersection(asked).is_none() && is_changed(*policy) =>
                    {
                        was.extend(rule_cause(world, *policy, *rule, direction, Does::Allows));
                    }
                    Reason::Default { traffic } if !traffic.intersection(asked).is_none() => {
                        was.push(Cause::bare(Does::AllowsByDefault, Some(direction)));
                    }
                    _ => {}
                }
            }
        }
        (by, was)
    }
}

/// What two ends are asked about.
#[derive(PartialEq, Eq, Hash)]
struct Pairing {
    from: Spot,
    to: Spot,
    traffic: Traffic,
}

/// One end in both worlds: workloads by their places in the pairs, nodes by those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Spot {
    Workload(usize),
    Node(usize),
    Address(core::net::IpAddr),
    Outside,
}

impl Judgement {
    fn of(group: Group, known: Known) -> Self {
        let Group { from, to, protocol, port, by, was, note, .. } = group;
        let [sources, destinations] = known.outside;
        let side = |side: GroupSide, (addresses, names): (Vec<Addresses>, BTreeSet<Box<str>>)| match side {
            GroupSide::Workload(at) => FlowSide::Workload(at),
            GroupSide::Other(text) => FlowSide::Other(text),
            GroupSide::Outside => {
                let all = Addresses::union_of(&addresses);
                let addresses = if all.is_empty() { Vec::new() } else { written(&all) };
                FlowSide::Outside { addresses, names: names.into_iter().map(String::from).collect() }
            }
        };
        Self {
            from: side(from, sources),
            to: side(to, destinations),
            protocol: protocol.to_string(),
            port,
            count: known.seen.count,
            first_seen: known.seen.first.map(|time| time.to_string()),
            last_seen: known.seen.last.map(|time| time.to_string()),
            by,
            was,
            note: note.to_owned(),
        }
    }
}

fn disagreement(verdict: FlowVerdict) -> &'static str {
    match verdict {
        FlowVerdict::Allowed => "the log says that it passed, the policies that were read deny it",
        FlowVerdict::Audited => "the log says that policies in audit mode would deny it",
        FlowVerdict::Denied | FlowVerdict::Unknown => "",
    }
}

fn rule_cause(world: &World<'_>, policy: usize, rule: usize, direction: Direction, does: Does) -> Option<Cause> {
    let policy = world.policies.get(policy)?;
    let found = policy.rule(direction, rule)?;
    Some(Cause { does, direction: Some(direction), policy: Some(PolicyName::of(policy)), rule: Some(RuleName::of(rule, found)) })
}

/// What a policy is called and where it stands: the same place is the same policy.
fn named(policy: &Policy<'_>) -> (String, Place) {
    (policy.name(), Place::of(policy.object.node))
}
