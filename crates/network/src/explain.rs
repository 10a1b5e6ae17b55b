//! Why each may or may not talk to each: the answer of `plimsoll net explain`.
//!
//! Like the matrix it goes by classes of endpoints that no rule tells apart. What the policies of one class say of all others depends on
//! which of their rules are about these, so that each such set of rules is decided about once.

use crate::addresses::Addresses;
use crate::decide::{Decision, End};
use crate::derivation::Derivation;
use crate::entrances::{self, By};
use crate::listing::{Answered, Entrance, Filter, Side, Workload, written};
use crate::matrix::Class;
use crate::matrix::classes::Classes;
use crate::networks::Secondary;
use crate::policy::{Direction, Peers, Policy, Rule};
use crate::ranges::Ranges;
use crate::traffic::Traffic;
use crate::world::{Endpoint, Port, World};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most names of workloads that all pairs may hold together.
const MOST_NAMES: usize = 20_000_000;

/// Why each may or may not talk to each. Those about whom the same was decided for the same reasons are said together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What the API leaves open, as it was answered here.
    pub settings: Answered,
    /// The workloads there are, by their place in the lists below.
    pub workloads: Vec<Workload>,
    /// The ways in whose controllers were not read. Pairs with others are those of workloads and of the outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrances: Vec<Entrance>,
    /// How policies came to their decisions.
    pub derivations: Vec<Derivation>,
    /// Who may send what to whom, and who may not, over the first networks of pods.
    pub pairs: Vec<Pair>,
    /// The same over networks that pods are attached to beside their first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Attached>,
}

/// A network that pods are attached to beside their first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// What defines it: `NetworkAttachmentDefinition shop/own`.
    pub name: String,
    /// Who may send what to whom over it, and who may not.
    pub pairs: Vec<Pair>,
}

/// Some that send, some that are sent to, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Who would send.
    pub from: Side,
    /// To whom.
    pub to: Side,
    /// What passes.
    pub allowed: Traffic,
    /// What does not.
    pub denied: Traffic,
    /// What the policies of the source say, by its place in [`Explanation::derivations`].
    pub egress: usize,
    /// What the policies of the destination say.
    pub ingress: usize,
}

/// What of an explanation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Pairs of which something is allowed.
    Allowed,
    /// Pairs of which something is denied.
    Denied,
}

impl Explanation {
    /// What the policies of a world make of all pairs that `filter` wants.
    ///
    /// # Errors
    /// If there is more to tell than anyone could read; the text says so to the user.
    pub fn new(world: &World<'_>, filter: &Filter, only: Option<Only>) -> Result<Self, String> {
        let asked = filter.port.map_or_else(Traffic::all, |(protocol, port)| Traffic::port(protocol, port));
        let classes = Classes::new(world);
        let (about, declared) = (about(world, &classes), declared(world, &classes));
        let is_focused = |class: &Class| filter.focus.as_ref().is_none_or(|focus| class.endpoints.iter().any(|at| focus.contains(at)));
        let focused: Vec<bool> = classes.list.iter().map(is_focused).collect();
        let asking = Asking { world, classes: &classes, about: &about, declared: &declared, focused: &focused, asked: &asked };
        let held = |direction| -> Option<Vec<Held>> {
            let of = |cells: &mut Vec<u32>, class| asking.held(class, direction, cells);
            (0..classes.list.len()).into_par_iter().map_init(|| vec![0; classes.list.len()], of).collect()
        };
        let too_many = || "there is more to explain than anyone could read; ask for some workloads with --focus".to_owned();
        let mut decisions = Decisions::default();
        let open = [Direction::Ingress, Direction::Egress].map(|direction| decisions.id(direction, Decision::open(&asked)));
        let apart = (decisions.id(Direction::Egress, Decision::apart()), decisions.id(Direction::Ingress, Decision::apart()));
        let mut of = |direction| Some(decisions.of(direction, held(direction)?));
        let (egress, ingress) = (of(Direction::Egress).ok_or_else(too_many)?, of(Direction::Ingress).ok_or_else(too_many)?);
        let [nobody_in, nobody_out] = open;
        let mut pairs = Pairs { world, apart, filter, only, asked: &asked, decisions: &decisions, left: MOST_NAMES, list: Vec::new() };
        let done = pairs.inside(&classes, &focused, &egress, &ingress).and_then(|()| {
            pairs.outside(&classes, Direction::Egress, &egress, nobody_in)?;
            pairs.outside(&classes, Direction::Ingress, &ingress, nobody_out)
        });
        done.ok_or_else(too_many)?;
        let mut list = pairs.list;
        let mut derivations: Vec<_> =
            decisions.list.iter().map(|(direction, decision)| Derivation::new(world, decision, *direction, &asked)).collect();
        let mut entrances = Vec::new();
        for entrance in world.entrances.iter().filter(|entrance| entrance.by == By::Unknown && filter.direction != Some(Direction::Egress))
        {
            for (to, decision, sent) in through(world, entrance, filter, &asked) {
                let ingress = Derivation::new(world, &decision, Direction::Ingress, &sent);
                let (allowed, denied) = (ingress.allowed.clone(), ingress.denied.clone());
                if only.is_none_or(|only| if only == Only::Allowed { !allowed.is_none() } else { !denied.is_none() }) {
                    let (from, to) = (Side::Entrance(entrances.len()), Side::Workloads(to));
                    list.push(Pair { from, to, allowed, denied, egress: nobody_out as usize, ingress: derivations.len() });
                    derivations.push(ingress);
                }
            }
            entrances.push(Entrance::of(entrance, Some));
        }
        list.sort();
        let settings = Answered::from(&world.settings);
        let mut explanation = Self { settings, workloads: Workload::all(world), entrances, derivations, pairs: list, attached: Vec::new() };
        for secondary in &world.secondary {
            explanation.attach(secondary, filter, only)?;
        }
        explanation.keep_used();
        Ok(explanation)
    }

    /// Adds what holds for a network beside the first ones. What is outside of it is not known.
    fn attach(&mut self, Secondary { network, world, members }: &Secondary<'_>, filter: &Filter, only: Option<Only>) -> Result<(), String> {
        let place = |(at, member): (usize, &usize)| filter.focus.as_ref()?.contains(member).then_some(at);
        let focus = filter.focus.as_ref().map(|_| members.iter().enumerate().filter_map(place).collect());
        let within = Self::new(world, &Filter { focus, ..filter.clone() }, only)?;
        let outer = |side: Side| match side {
            Side::Workloads(list) => Some(Side::Workloads(list.iter().filter_map(|at| members.get(*at).copied()).collect())),
            Side::Outside(_) | Side::Entrance(_) => None,
        };
        let behind = self.derivations.len();
        let pairs = within.pairs.into_iter().filter_map(|Pair { from, to, allowed, denied, egress, ingress }| {
            let (egress, ingress) = (egress + behind, ingress + behind);
            Some(Pair { from: outer(from)?, to: outer(to)?, allowed, denied, egress, ingress })
        });
        self.attached.push(Attached { name: network.title(), pairs: pairs.collect() });
        self.derivations.extend(within.derivations);
        Ok(())
    }

    /// Leaves out derivations that no pair has, and numbers the others as they come.
    fn keep_used(&mut self) {
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut kept = Vec::new();
        for pair in self.pairs.iter_mut().chain(self.attached.iter_mut().flat_map(|network| &mut network.pairs)) {
            for place in [&mut pair.egress, &mut pair.ingress] {
                let next = numbers.len();
                let number = *numbers.entry(*place).or_insert(next);
                if number == next && kept.len() == number {
                    kept.extend(self.derivations.get(*place).cloned());
                }
                *place = number;
            }
        }
        self.derivations = kept;
    }
}

/// What becomes of what a way in sends whose controller is not known: those that it leads to, by decisions about what it sends.
fn through(
    world: &World<'_>,
    entrance: &entrances::Entrance<'_>,
    filter: &Filter,
    asked: &Traffic,
) -> Vec<(Vec<usize>, Decision, Traffic)> {
    let mut found: Vec<(Vec<usize>, Decision, Traffic)> = Vec::new();
    let mut places: HashMap<(Decision, Traffic), usize> = HashMap::new();
    let leads_to = entrance.leads_to.iter().filter(|(to, _)| filter.focus.as_ref().is_none_or(|focus| focus.contains(to)));
    for (to, sent) in leads_to {
        let (sent, endpoint) = (sent.intersection(asked), world.endpoints.get(*to));
        let Some(endpoint) = endpoint.filter(|_| !sent.is_none()) else { continue };
        let decision = world.decide_about(&sent, End::Unknown, End::Endpoint(endpoint), Direction::Ingress);
        let place = *places.entry((decision, sent)).or_insert_with_key(|(decision, sent)| {
            found.push((Vec::new(), decision.clone(), sent.clone()));
            found.len() - 1
        });
        if let Some((list, ..)) = found.get_mut(place) {
            list.push(*to);
        }
    }
    found
}

/// The policies about each class, in order.
fn about(world: &World<'_>, classes: &Classes<'_, '_>) -> Vec<Vec<usize>> {
    let mut about = vec![Vec::new(); classes.list.len()];
    for (at, policy) in world.policies.iter().enumerate() {
        for class in classes.picked(&policy.subject) {
            if let Some(about) = about.get_mut(*class as usize) {
                about.push(at);
            }
        }
    }
    about
}

/// The lists of named ports that classes declare, by number: 0 is the empty one.
fn declared<'a>(world: &World<'a>, classes: &Classes<'_, 'a>) -> Vec<u32> {
    let rules = world.policies.iter().flat_map(Policy::all_rules);
    let names: HashSet<&str> = rules.flat_map(|(.., rule)| &rule.ports.names).map(|(_, name)| *name).collect();
    let mut numbers: HashMap<Vec<Port<'a>>, u32> = HashMap::from([(Vec::new(), 0)]);
    let samples = classes.list.iter().map(|class| class.endpoints.first().and_then(|at| world.endpoints.get(*at)));
    let number = |sample: Option<&Endpoint<'a>>| {
        let ports = sample.into_iter().flat_map(|sample| &sample.ports).filter(|port| names.contains(port.name)).copied().collect();
        #[expect(clippy::cast_possible_truncation, reason = "fewer than classes")]
        let next = numbers.len() as u32;
        *numbers.entry(ports).or_insert(next)
    };
    samples.map(number).collect()
}

/// What the policies of one class say in a direction.
struct Held {
    /// The different decisions.
    decisions: Vec<Decision>,
    /// That of most classes at the other end, by its place in the decisions.
    most: u32,
    /// Those of other classes, in their order.
    some: Vec<(u32, u32)>,
    /// Those of addresses outside.
    outside: Vec<(u32, Addresses)>,
}

/// What all questions about classes have in common.
struct Asking<'q, 'a> {
    world: &'q World<'a>,
    classes: &'q Classes<'q, 'a>,
    about: &'q [Vec<usize>],
    /// Which ports with names that rules know each class declares: a number for each different list, 0 for none.
    declared: &'q [u32],
    /// Classes that are asked for: others matter towards these only.
    focused: &'q [bool],
    asked: &'q Traffic,
}

/// Sets of places of rules by number: a class goes from one to the next by each rule that is about it. Number 0 is none.
#[derive(Default)]
struct Sets {
    /// The places, and whether one of the rules names ports.
    list: Vec<(Vec<u32>, bool)>,
    next: HashMap<(u32, u32), u32>,
}

impl Sets {
    #[expect(clippy::cast_possible_truncation, reason = "as many sets as memory holds")]
    fn with(&mut self, set: u32, place: u32, names_ports: bool) -> u32 {
        let Self { list, next } = self;
        *next.entry((set, place)).or_insert_with(|| {
            let (mut places, named) = list.get(set as usize).cloned().unwrap_or_default();
            // A class that several peers of one rule mean is in it once.
            if places.last() == Some(&place) {
                return set;
            }
            places.push(place);
            list.push((places, named || names_ports));
            list.len() as u32 - 1
        })
    }
}

impl<'a> Asking<'_, 'a> {
    fn sample(&self, class: usize) -> Option<&Endpoint<'a>> {
        self.world.endpoints.get(*self.classes.list.get(class)?.endpoints.first()?)
    }

    /// None where the policies part the addresses outside too often. `cells` is room for a number of each class, all 0.
    fn held(&self, class: usize, direction: Direction, cells: &mut [u32]) -> Option<Held> {
        let Self { world, classes, focused, asked, .. } = self;
        let about = self.about.get(class).into_iter().flatten().copied();
        let about: Vec<_> = about.filter(|at| world.policies.get(*at).is_some_and(|policy| policy.rules(direction).is_some())).collect();
        let rules: Vec<&Rule<'_>> = about.iter().filter_map(|at| world.policies.get(*at)?.rules(direction)).flatten().collect();
        let is_focused = focused.get(class).is_some_and(|is| *is);
        let is_wanted = |other: u32| is_focused || focused.get(other as usize).is_some_and(|is| *is);
        let mut of_all: Vec<u32> = Vec::new();
        let mut sets = Sets { list: vec![(Vec::new(), false)], ..Sets::default() };
        let mut own: Vec<u32> = Vec::new();
        #[expect(clippy::cast_possible_truncation, reason = "fewer rules than nodes of documents")]
        for (place, rule) in rules.iter().enumerate().map(|(place, rule)| (place as u32, rule)) {
            let Peers::Listed(peers) = &rule.peers else {
                of_all.push(place);
                continue;
            };
            let mut last = None;
            for other in peers.iter().flat_map(|peer| classes.meant(&peer.means)).copied().filter(|other| is_wanted(*other)) {
                let Some(cell) = cells.get_mut(other as usize) else { continue };
                if *cell == 0 {
                    own.push(other);
                }
                // Neighbours mostly go the same way.
                let next = match last.filter(|(from, _)| from == cell) {
                    Some((_, next)) => next,
                    None => sets.with(*cell, place, !rule.ports.names.is_empty()),
                };
                last = Some((*cell, next));
                *cell = next;
            }
        }
        // Names of ports mean what the destination declares.
        let is_named = |place: &u32| rules.get(*place as usize).is_some_and(|rule| !rule.ports.names.is_empty());
        let is_all_named = direction == Direction::Egress && of_all.iter().any(is_named);
        if is_all_named {
            own.extend((0_u32..).zip(self.declared).filter(|(other, ports)| **ports != 0 && is_wanted(*other)).map(|(other, _)| other));
        }
        own.sort_unstable();
        own.dedup();
        let mut decided = Decided::default();
        let decide = |places: &[u32], other: Option<u32>| {
            let destination = match direction {
                Direction::Ingress => self.sample(class),
                Direction::Egress => other.and_then(|other| self.sample(other as usize)),
            };
            world.judge(&about, direction, destination, (*asked).clone(), |place, _| {
                u32::try_from(place).is_ok_and(|place| places.binary_search(&place).is_ok())
            })
        };
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        let rest = decided.place(decide(&of_all, None));
        let mut some: Vec<(u32, u32)> = Vec::with_capacity(own.len());
        for other in own {
            let set = cells.get_mut(other as usize).map_or(0, std::mem::take);
            let of_set = sets.list.get(set as usize);
            let is_named = direction == Direction::Egress && (is_all_named || of_set.is_some_and(|(_, named)| *named));
            let ports = if is_named { self.declared.get(other as usize).copied().unwrap_or_default() } else { 0 };
            let place = known.entry((set, ports)).or_insert_with(|| {
                let mut places = of_set.map(|(places, _)| places.clone()).unwrap_or_default();
                places.extend(&of_all);
                places.sort_unstable();
                decided.place(decide(&places, Some(other)))
            });
            some.push((other, *place));
        }
        let outside = world.split(&Addresses::all(), &about, direction)?;
        let outside = outside.into_iter().map(|(places, addresses)| (decided.place(decide(&places, None)), addresses)).collect();
        // What rules say of all pods is what holds for most.
        let mut counts = vec![0_usize; decided.list.len()];
        let mut count = |place: u32, more: usize| {
            if let Some(count) = counts.get_mut(place as usize) {
                *count += more;
            }
        };
        some.iter().for_each(|(_, place)| count(*place, 1));
        count(rest, classes.list.len() - some.len());
        let most = (0_u32..).zip(&counts).max_by_key(|(_, count)| **count).map_or(rest, |(place, _)| place);
        if most != rest {
            let mut next = some.iter().copied().peekable();
            let all = (0_u32..).take(classes.list.len());
            some = all.map(|class| next.next_if(|(own, _)| *own == class).unwrap_or((class, rest))).collect();
        }
        some.retain(|(_, place)| *place != most);
        some.shrink_to_fit();
        Some(Held { decisions: decided.list, most, some, outside })
    }
}

/// Equal decisions of one class once.
#[derive(Default)]
struct Decided {
    list: Vec<Decision>,
    places: HashMap<Decision, u32>,
}

impl Decided {
    #[expect(clippy::cast_possible_truncation, reason = "memory ends before 2^32 decisions")]
    fn place(&mut self, decision: Decision) -> u32 {
        let Self { list, places } = self;
        *places.entry(decision).or_insert_with_key(|decision| {
            list.push(decision.clone());
            list.len() as u32 - 1
        })
    }
}

/// The decisions of policies by number.
#[derive(Default)]
struct Decisions {
    list: Vec<(Direction, Decision)>,
    ids: HashMap<(Direction, Decision), u32>,
}

/// The same as [`Held`], by number.
struct Numbered {
    most: Vec<u32>,
    /// Of each class, in order of the others.
    some: Vec<Vec<(u32, u32)>>,
    outside: Vec<Vec<(u32, Addresses)>>,
}

impl Decisions {
    #[expect(clippy::cast_possible_truncation, reason = "memory ends before 2^32 decisions")]
    fn id(&mut self, direction: Direction, decision: Decision) -> u32 {
        let next = self.list.len() as u32;
        let Self { list, ids } = self;
        *ids.entry((direction, decision)).or_insert_with_key(|key| {
            list.push(key.clone());
            next
        })
    }

    fn of(&mut self, direction: Direction, held: Vec<Held>) -> Numbered {
        let mut numbered = Numbered { most: Vec::new(), some: Vec::new(), outside: Vec::new() };
        for Held { decisions, most, some, outside } in held {
            let ids: Vec<u32> = decisions.into_iter().map(|decision| self.id(direction, decision)).collect();
            let id = |place: u32| ids.get(place as usize).copied().unwrap_or_default();
            numbered.most.push(id(most));
            numbered.some.push(some.into_iter().map(|(class, place)| (class, id(place))).collect());
            numbered.outside.push(outside.into_iter().map(|(place, part)| (id(place), part)).collect());
        }
        numbered
    }

    fn allowed(&self, id: u32) -> Traffic {
        self.list.get(id as usize).map(|(_, decision)| decision.allowed.clone()).unwrap_or_default()
    }
}

/// Makes pairs, as long as there is room.
struct Pairs<'p, 'a> {
    world: &'p World<'a>,
    /// The decisions about those in different networks.
    apart: (u32, u32),
    filter: &'p Filter,
    only: Option<Only>,
    asked: &'p Traffic,
    decisions: &'p Decisions,
    left: usize,
    list: Vec<Pair>,
}

impl Pairs<'_, '_> {
    /// Pairs of workloads.
    #[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
    fn inside(&mut self, classes: &Classes<'_, '_>, focused: &[bool], egress: &Numbered, ingress: &Numbered) -> Option<()> {
        let mut by_source: Vec<Vec<(u32, u32)>> = vec![Vec::new(); classes.list.len()];
        for (destination, some) in ingress.some.iter().enumerate() {
            for (source, id) in some {
                if let Some(column) = by_source.get_mut(*source as usize) {
                    column.push((destination as u32, *id));
                }
            }
        }
        // What is the same for sources with the same destinations.
        let mut groups: BTreeMap<(u32, u32), BTreeMap<Ranges<u32>, Vec<u32>>> = BTreeMap::new();
        let mut let_in = ingress.most.clone();
        let sample = |class: &Class| class.endpoints.first().and_then(|at| self.world.endpoints.get(*at));
        let networks: Vec<usize> = classes.list.iter().map(|class| sample(class).map_or(0, |endpoint| endpoint.network)).collect();
        let rows = by_source.iter().zip(&egress.some).zip(&egress.most).zip(focused).enumerate();
        for (source, (((column, some), most), is_focused)) in rows {
            let_in.clone_from(&ingress.most);
            for (destination, id) in column {
                if let Some(cell) = let_in.get_mut(*destination as usize) {
                    *cell = *id;
                }
            }
            let mut some = some.iter().peekable();
            let mut row: HashMap<(u32, u32), Vec<(u32, u32)>> = HashMap::new();
            // The stretch of destinations with the same decisions that goes on.
            let mut run: Option<((u32, u32), u32)> = None;
            let mut end = |run: Option<((u32, u32), u32)>, before: u32| {
                if let Some((key, first)) = run {
                    row.entry(key).or_default().push((first, before - 1));
                }
            };
            let own = networks.get(source);
            for (destination, ((let_in, other), network)) in (0_u32..).zip(let_in.iter().zip(focused).zip(&networks)) {
                let out = some.next_if(|(class, _)| *class == destination).map_or(*most, |(_, id)| *id);
                let decisions = if own == Some(network) { (out, *let_in) } else { self.apart };
                let key = (*is_focused || *other).then_some(decisions);
                if run.map(|(key, _)| key) != key {
                    end(run.take(), destination);
                    run = key.map(|key| (key, destination));
                }
            }
            end(run, classes.list.len() as u32);
            self.left = self.left.checked_sub(row.len())?;
            let row = row.into_iter().collect::<BTreeMap<_, _>>();
            for (key, ranges) in row {
                groups.entry(key).or_default().entry(Ranges::of(ranges)).or_default().push(source as u32);
            }
        }
        let members = |classes_of: &mut dyn Iterator<Item = u32>| {
            let mut members: Vec<usize> =
                classes_of.filter_map(|class| classes.list.get(class as usize)).flat_map(|class| &class.endpoints).copied().collect();
            members.sort_unstable();
            members
        };
        for ((out, let_in), by_destinations) in groups {
            for (destinations, sources) in by_destinations {
                let from = members(&mut sources.into_iter());
                let to = members(&mut destinations.iter().flat_map(|(first, last)| first..=last));
                for (from, to) in self.filter.within(&from, &to) {
                    // A workload by itself: what its pods may send to each other is said where they are among others.
                    if from.is_empty() || to.is_empty() || from == to && from.len() == 1 {
                        continue;
                    }
                    self.push(Side::Workloads(from), Side::Workloads(to), out, let_in)?;
                }
            }
        }
        Some(())
    }

    /// Pairs of workloads and the outside. `nobody` is the decision of who has no policies.
    fn outside(&mut self, classes: &Classes<'_, '_>, direction: Direction, held: &Numbered, nobody: u32) -> Option<()> {
        if self.filter.direction.is_some_and(|wanted| wanted != direction) {
            return Some(());
        }
        let focus = self.filter.focus.as_ref();
        let mut alike: BTreeMap<(u32, &Addresses), Vec<usize>> = BTreeMap::new();
        for (class, parts) in classes.list.iter().zip(&held.outside) {
            let members: Vec<_> = class.endpoints.iter().copied().filter(|at| focus.is_none_or(|focus| focus.contains(at))).collect();
            for (id, addresses) in parts.iter().filter(|_| !members.is_empty()) {
                self.left = self.left.checked_sub(members.len())?;
                alike.entry((*id, addresses)).or_default().extend(&members);
            }
        }
        for ((id, addresses), mut members) in alike {
            members.sort_unstable();
            let (ours, theirs) = (Side::Workloads(members), Side::Outside(written(addresses)));
            match direction {
                Direction::Egress => self.push(ours, theirs, id, nobody)?,
                Direction::Ingress => self.push(theirs, ours, nobody, id)?,
            }
        }
        Some(())
    }

    fn push(&mut self, from: Side, to: Side, egress: u32, ingress: u32) -> Option<()> {
        let allowed = self.decisions.allowed(egress).intersection(&self.decisions.allowed(ingress));
        let denied = self.asked.difference(&allowed);
        let is_wanted = match self.only {
            Some(Only::Allowed) => !allowed.is_none(),
            Some(Only::Denied) => !denied.is_none(),
            None => true,
        };
        if is_wanted {
            let names = [&from, &to].map(|side| if let Side::Workloads(list) = side { list.len() } else { 1 });
            self.left = self.left.checked_sub(names.into_iter().sum())?;
            self.list.push(Pair { from, to, allowed, denied, egress: egress as usize, ingress: ingress as usize });
        }
        Some(())
    }
}
