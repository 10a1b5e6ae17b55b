//! Why each may or may not talk to each: the answer of `plimsoll net explain`.
//!
//! Like the matrix it goes by classes of endpoints that no rule tells apart. What the policies of one class say of all others depends on
//! which of their rules are about these, so that each such set of rules is decided about once.

use crate::addresses::Addresses;
use crate::decide::Decision;
use crate::derivation::Derivation;
use crate::listing::{Answered, Filter, Side, Workload, written};
use crate::matrix::classes::Classes;
use crate::policy::{Direction, Peers, Rule};
use crate::ranges::Ranges;
use crate::traffic::Traffic;
use crate::world::{Port, World};
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
    /// How policies came to their decisions.
    pub derivations: Vec<Derivation>,
    /// Who may send what to whom, and who may not.
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
        let about = about(world, &classes);
        let held = |direction| -> Option<Vec<Held>> {
            let of = |class| held(world, &classes, &about, class, direction, &asked);
            (0..classes.list.len()).into_par_iter().map(of).collect()
        };
        let too_many = || "there is more to explain than anyone could read; ask for some workloads with --focus".to_owned();
        let mut decisions = Decisions::default();
        let open = [Direction::Ingress, Direction::Egress].map(|direction| decisions.id(direction, Decision::open(&asked)));
        let mut of = |direction| Some(decisions.of(direction, held(direction)?));
        let (egress, ingress) = (of(Direction::Egress).ok_or_else(too_many)?, of(Direction::Ingress).ok_or_else(too_many)?);
        let [nobody_in, nobody_out] = open;
        let mut pairs = Pairs { filter, only, asked: &asked, decisions: &decisions, left: MOST_NAMES, list: Vec::new() };
        let done = pairs.inside(&classes, &egress, &ingress).and_then(|()| {
            pairs.outside(&classes, Direction::Egress, &egress, nobody_in)?;
            pairs.outside(&classes, Direction::Ingress, &ingress, nobody_out)
        });
        done.ok_or_else(too_many)?;
        let mut list = pairs.list;
        list.sort();
        let derivations = decisions.list.iter().map(|(direction, decision)| Derivation::new(world, decision, *direction, &asked)).collect();
        let settings = Answered::from(&world.settings);
        let mut explanation = Self { settings, workloads: Workload::all(world), derivations, pairs: list };
        explanation.keep_used();
        Ok(explanation)
    }

    /// Leaves out derivations that no pair has, and numbers the others as they come.
    fn keep_used(&mut self) {
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut kept = Vec::new();
        for pair in &mut self.pairs {
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

/// What the policies of one class say in a direction.
struct Held {
    /// Of most classes at the other end.
    most: Decision,
    /// Of others.
    some: Vec<(u32, Decision)>,
    /// Of addresses outside.
    outside: Vec<(Decision, Addresses)>,
}

/// None where the policies part the addresses outside too often.
fn held(
    world: &World<'_>,
    classes: &Classes<'_, '_>,
    about: &[Vec<usize>],
    class: usize,
    direction: Direction,
    asked: &Traffic,
) -> Option<Held> {
    let sample = |class: usize| world.endpoints.get(*classes.list.get(class)?.endpoints.first()?);
    let about: Vec<_> = about.get(class).into_iter().flatten().copied().collect();
    let about: Vec<_> =
        about.into_iter().filter(|at| world.policies.get(*at).is_some_and(|policy| policy.rules(direction).is_some())).collect();
    let rules: Vec<&Rule<'_>> = about.iter().filter_map(|at| world.policies.get(*at)?.rules(direction)).flatten().collect();
    let mut of_all: Vec<u32> = Vec::new();
    let mut of_some: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    #[expect(clippy::cast_possible_truncation, reason = "fewer rules than nodes of documents")]
    for (place, rule) in rules.iter().enumerate().map(|(place, rule)| (place as u32, rule)) {
        let Peers::Listed(peers) = &rule.peers else {
            of_all.push(place);
            continue;
        };
        for class in peers.iter().flat_map(|peer| classes.meant(&peer.means)) {
            let places = of_some.entry(*class).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    // Names of ports mean what the destination declares.
    let names: HashSet<&str> = rules.iter().flat_map(|rule| &rule.ports.names).map(|(_, name)| *name).collect();
    let declared = |class: u32| -> Vec<Port<'_>> {
        let ports = sample(class as usize).map(|sample| sample.ports.as_slice()).unwrap_or_default();
        ports.iter().filter(|port| direction == Direction::Egress && names.contains(port.name)).copied().collect()
    };
    if direction == Direction::Egress && !names.is_empty() {
        #[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
        for class in (0..classes.list.len() as u32).filter(|class| !declared(*class).is_empty()) {
            of_some.entry(class).or_default();
        }
    }
    let decide = |places: &[u32], other: Option<u32>| {
        let destination = match direction {
            Direction::Ingress => sample(class),
            Direction::Egress => other.and_then(|other| sample(other as usize)),
        };
        world.judge(&about, direction, destination, asked.clone(), |place, _| {
            u32::try_from(place).is_ok_and(|place| places.binary_search(&place).is_ok())
        })
    };
    let mut known: HashMap<(Vec<u32>, Vec<Port<'_>>), Decision> = HashMap::new();
    let some = of_some.into_iter().map(|(other, mut places)| {
        places.extend(&of_all);
        places.sort_unstable();
        let key = (places, declared(other));
        let decision = match known.get(&key) {
            Some(decision) => decision.clone(),
            None => {
                let decision = decide(&key.0, Some(other));
                known.insert(key, decision.clone());
                decision
            }
        };
        (other, decision)
    });
    let some = some.collect();
    let outside = world.split(&Addresses::all(), &about, direction)?;
    let outside = outside.into_iter().map(|(places, addresses)| (decide(&places, None), addresses)).collect();
    Some(Held { most: decide(&of_all, None), some, outside })
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
        let id = *self.ids.entry((direction, decision)).or_insert_with_key(|key| {
            self.list.push(key.clone());
            next
        });
        id
    }

    fn of(&mut self, direction: Direction, held: Vec<Held>) -> Numbered {
        let mut numbered = Numbered { most: Vec::new(), some: Vec::new(), outside: Vec::new() };
        for Held { most, some, outside } in held {
            numbered.most.push(self.id(direction, most));
            numbered.some.push(some.into_iter().map(|(class, decision)| (class, self.id(direction, decision))).collect());
            numbered.outside.push(outside.into_iter().map(|(decision, part)| (self.id(direction, decision), part)).collect());
        }
        numbered
    }

    fn allowed(&self, id: u32) -> Traffic {
        self.list.get(id as usize).map(|(_, decision)| decision.allowed.clone()).unwrap_or_default()
    }
}

/// Makes pairs, as long as there is room.
struct Pairs<'p> {
    filter: &'p Filter,
    only: Option<Only>,
    asked: &'p Traffic,
    decisions: &'p Decisions,
    left: usize,
    list: Vec<Pair>,
}

impl Pairs<'_> {
    /// Pairs of workloads.
    #[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
    fn inside(&mut self, classes: &Classes<'_, '_>, egress: &Numbered, ingress: &Numbered) -> Option<()> {
        let focus = self.filter.focus.as_ref();
        let is_focused = |class: usize| {
            focus.is_none_or(|focus| classes.list.get(class).is_some_and(|class| class.endpoints.iter().any(|at| focus.contains(at))))
        };
        let focused: Vec<bool> = (0..classes.list.len()).map(is_focused).collect();
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
        let rows = by_source.iter().zip(&egress.some).zip(&egress.most).zip(&focused).enumerate();
        for (source, (((column, some), most), is_focused)) in rows {
            let_in.clone_from(&ingress.most);
            for (destination, id) in column {
                if let Some(cell) = let_in.get_mut(*destination as usize) {
                    *cell = *id;
                }
            }
            let mut some = some.iter().peekable();
            let mut row: BTreeMap<(u32, u32), Vec<(u32, u32)>> = BTreeMap::new();
            for (destination, (let_in, other)) in let_in.iter().zip(&focused).enumerate() {
                let out = some.next_if(|(class, _)| *class as usize == destination).map_or(*most, |(_, id)| *id);
                if *is_focused || *other {
                    let ranges = row.entry((out, *let_in)).or_default();
                    match ranges.last_mut().filter(|(_, last)| *last as usize + 1 == destination) {
                        Some((_, last)) => *last += 1,
                        None => ranges.push((destination as u32, destination as u32)),
                    }
                }
            }
            self.left = self.left.checked_sub(row.len())?;
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
