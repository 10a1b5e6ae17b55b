//! Whether some may talk to others, and how that comes about: the answer of `plimsoll net can`.

use crate::addresses::Addresses;
use crate::decide::{Decision, End};
use crate::derivation::{Derivation, Nearest};
use crate::listing::{Answered, Workload, written};
use crate::policy::{Direction, Means, Peers};
use crate::traffic::Traffic;
use crate::world::{Endpoint, World};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The most pairs that one question may ask about.
pub const MOST_PAIRS: usize = 250_000;

/// One of those that a question names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// An end in the cluster, by its place in [`World::endpoints`].
    Endpoint(usize),
    /// A node, by its place in [`World::nodes`].
    Node(usize),
    /// Addresses outside, and the name by which they are asked for; empty without one.
    Outside(String, Addresses),
}

/// A question.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Who would send.
    pub from: Vec<Asked>,
    /// To whom, and what: behind a Service the ports of its pods.
    pub to: Vec<(Asked, Traffic)>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Can {
    /// What the API leaves open, as it was answered here.
    pub settings: Answered,
    /// Whether all that was asked for passes, or some of it.
    pub verdict: Verdict,
    /// What was asked, by who is alike.
    pub answers: Vec<Answer>,
    /// What is worth to know beside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether traffic passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// All of it.
    Yes,
    /// Some of it.
    Partly,
    /// Nothing of it.
    No,
}

/// The answer for some that are alike.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Who would send.
    pub from: Vec<Party>,
    /// To whom.
    pub to: Vec<Party>,
    /// What.
    pub asked: Traffic,
    /// Whether it passes.
    pub verdict: Verdict,
    /// What of it passes.
    pub allowed: Traffic,
    /// What of it does not.
    pub denied: Traffic,
    /// What the policies of the source say.
    pub egress: Derivation,
    /// What the policies of the destination say.
    pub ingress: Derivation,
    /// What would have to change so that all of it passes; all of these are needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<Nearest>,
}

/// One side of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Party {
    /// Pods of a workload.
    Workload(Workload),
    /// A node.
    Node(String),
    /// Addresses outside of the cluster.
    Outside {
        /// The name that was asked for.
        #[serde(skip_serializing_if = "String::is_empty")]
        name: String,
        /// The addresses: CIDRs, and ranges that are none.
        addresses: Vec<String>,
    },
}

impl Verdict {
    fn of(allowed: &Traffic, denied: &Traffic) -> Self {
        match (allowed.is_none(), denied.is_none()) {
            (_, true) => Self::Yes,
            (true, false) => Self::No,
            (false, false) => Self::Partly,
        }
    }
}

impl Can {
    /// Answers a question.
    ///
    /// # Errors
    /// If it asks about more than can be asked at once; the text says so to the user.
    pub fn new(world: &World<'_>, question: &Question) -> Result<Self, String> {
        if question.from.len().saturating_mul(question.to.len()) > MOST_PAIRS {
            return Err(format!("more than {MOST_PAIRS} pairs of workloads are too many to ask about; `plimsoll net list` has them all"));
        }
        let mut alike = Alike::default();
        let about = |asked: &Asked, direction| match asked {
            Asked::Endpoint(at) => world.endpoints.get(*at).map_or_else(Vec::new, |endpoint| world.about(endpoint, direction)),
            _ => Vec::new(),
        };
        let of_destinations: Vec<_> = question.to.iter().map(|(to, _)| about(to, Direction::Ingress)).collect();
        for from in &question.from {
            let of_source = about(from, Direction::Egress);
            for ((to, asked), of_destination) in question.to.iter().zip(&of_destinations) {
                for (from, to, decisions) in decide(world, (from, &of_source), (to, of_destination), asked)? {
                    alike.add(from, to, asked, decisions);
                }
            }
        }
        let answers = alike.answers(world);
        let has = |verdict| answers.iter().any(|answer| answer.verdict == verdict);
        let verdict = match (has(Verdict::Yes), has(Verdict::Partly), has(Verdict::No)) {
            (_, false, false) => Verdict::Yes,
            (false, false, true) => Verdict::No,
            _ => Verdict::Partly,
        };
        Ok(Self { settings: Answered::from(&world.settings), verdict, answers, notes: Vec::new() })
    }
}

/// What the policies of the source and of the destination make of it.
type Decisions = (Decision, Decision);

/// Decides about one pair: about one with addresses outside by parts of these.
fn decide(
    world: &World<'_>,
    (from, of_source): (&Asked, &[usize]),
    (to, of_destination): (&Asked, &[usize]),
    asked: &Traffic,
) -> Result<Vec<(Party, Party, Decisions)>, String> {
    let outside = |direction: Direction, about: &[usize], name: &str, addresses: &Addresses, destination: Option<&Endpoint<'_>>| {
        let parts = world.split(addresses, about, direction).ok_or("the policies part the addresses into too many blocks to name them")?;
        let decide = |(within, part): (Vec<u32>, Addresses)| {
            let decision = world.judge(about, direction, destination, asked.clone(), |place, rule| {
                let is_named = |means: &Means<'_>| matches!(means, Means::Domains(_)) && world.means(means, End::Named(name, &part));
                let by_name = matches!(&rule.peers, Peers::Listed(peers) if peers.iter().any(|peer| is_named(&peer.means)));
                by_name && !name.is_empty() || u32::try_from(place).is_ok_and(|place| within.binary_search(&place).is_ok())
            });
            (Party::Outside { name: name.to_owned(), addresses: written(&part) }, decision)
        };
        Ok::<Vec<_>, String>(parts.into_iter().map(decide).collect())
    };
    let open = || Decision::open(asked);
    let endpoint = |at: &usize| world.endpoints.get(*at);
    Ok(match (from, to) {
        (Asked::Outside(name, addresses), Asked::Endpoint(at)) => {
            let parts = outside(Direction::Ingress, of_destination, name, addresses, endpoint(at))?;
            parts.into_iter().map(|(part, decision)| (part, party(world, to), (open(), decision))).collect()
        }
        (Asked::Endpoint(_), Asked::Outside(name, addresses)) => {
            let parts = outside(Direction::Egress, of_source, name, addresses, None)?;
            parts.into_iter().map(|(part, decision)| (party(world, from), part, (decision, open()))).collect()
        }
        (Asked::Outside(..), _) | (_, Asked::Outside(..)) => vec![(party(world, from), party(world, to), (open(), open()))],
        _ => {
            // Pods of one workload that talk to each other are two, unless it is known to have only one.
            let other = match (from, to) {
                (Asked::Endpoint(one), Asked::Endpoint(two)) if one == two => endpoint(two).filter(|one| one.kind != "Pod").cloned(),
                _ => None,
            };
            let end = |asked: &Asked| match asked {
                Asked::Endpoint(at) => world.endpoints.get(*at).map(End::Endpoint),
                Asked::Node(at) => world.nodes.get(*at).map(End::Node),
                Asked::Outside(..) => None,
            };
            let (Some(source), Some(destination)) = (end(from), other.as_ref().map(End::Endpoint).or_else(|| end(to))) else {
                return Ok(Vec::new());
            };
            let egress = world.decide_by(of_source, asked, source, destination, Direction::Egress);
            let ingress = world.decide_by(of_destination, asked, source, destination, Direction::Ingress);
            vec![(party(world, from), party(world, to), (egress, ingress))]
        }
    })
}

fn party(world: &World<'_>, asked: &Asked) -> Party {
    let (endpoint, node) = match asked {
        Asked::Endpoint(at) => (world.endpoints.get(*at), None),
        Asked::Node(at) => (None, world.nodes.get(*at)),
        Asked::Outside(name, addresses) => return Party::Outside { name: name.clone(), addresses: written(addresses) },
    };
    match endpoint {
        Some(endpoint) => Party::Workload(Workload::of(world, endpoint)),
        None => Party::Node(node.map_or_else(String::new, |node| node.name.to_owned())),
    }
}

/// Those about whom the same was decided for the same reasons.
#[derive(Default)]
struct Alike {
    groups: Vec<(Traffic, Decisions, BTreeMap<Party, Vec<Party>>)>,
    places: HashMap<(Traffic, Decisions), usize>,
}

impl Alike {
    fn add(&mut self, from: Party, to: Party, asked: &Traffic, decisions: Decisions) {
        let place = *self.places.entry((asked.clone(), decisions)).or_insert_with_key(|(asked, decisions)| {
            self.groups.push((asked.clone(), decisions.clone(), BTreeMap::new()));
            self.groups.len() - 1
        });
        if let Some((.., pairs)) = self.groups.get_mut(place) {
            pairs.entry(from).or_default().push(to);
        }
    }

    fn answers(self, world: &World<'_>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (asked, (egress, ingress), pairs) in self.groups {
            let egress = Derivation::new(world, &egress, Direction::Egress, &asked);
            let ingress = Derivation::new(world, &ingress, Direction::Ingress, &asked);
            let allowed = egress.allowed.intersection(&ingress.allowed);
            let denied = asked.difference(&allowed);
            let nearest: Vec<_> = [&egress, &ingress].into_iter().flat_map(Nearest::of).collect();
            // Sources with the same destinations are said together.
            let mut by_destinations: BTreeMap<Vec<Party>, Vec<Party>> = BTreeMap::new();
            for (from, to) in pairs {
                by_destinations.entry(to).or_default().push(from);
            }
            answers.extend(by_destinations.into_iter().map(|(to, from)| Answer {
                from,
                to,
                asked: asked.clone(),
                verdict: Verdict::of(&allowed, &denied),
                allowed: allowed.clone(),
                denied: denied.clone(),
                egress: egress.clone(),
                ingress: ingress.clone(),
                nearest: nearest.clone(),
            }));
        }
        answers
    }
}
