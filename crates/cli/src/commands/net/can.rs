//! `plimsoll net can`

use super::answer;
use super::ends::{Ends, Known};
use super::steps::{Between, Lines, ports, said, tier};
use super::{Common, complain, list, names, outcome, problems};
use crate::{Outcome, output};
use anyhow::{anyhow, bail};
use plimsoll_model::Inventory;
use plimsoll_network::can::{Answer, Asked, Can, Party, Question, Verdict};
use plimsoll_network::{Protocol, Traffic, World};
use plimsoll_report::map::{Map, Place, PlaceKind, Way, WayState};
use plimsoll_report::table::Table;
use std::collections::BTreeSet;

const EXAMPLES: &str = "Examples:
  plimsoll net can shop/web shop/cart --port 8080 --in manifests/
  plimsoll net can shop/web service/shop/cart --in cluster
  plimsoll net can internet shop/web --port tcp/443
  plimsoll net can shop/cart api.example.com --port 443";

/// Say whether one may talk to another, and how that comes about: every policy and rule that was asked.
///
/// Exits with 0 if all that was asked for passes, with 1 if not, with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Who would send: a workload (NAME, NAMESPACE/NAME, NAMESPACE/KIND/NAME, NAMESPACE/ for all), an IP address, a CIDR, `internet`,
    /// `outside`, node/NAME, or service/NAMESPACE/NAME for the pods behind it.
    #[arg(value_name = "FROM")]
    from: String,
    /// To whom: the same, or a host name. Of a Service, --port is a port of the Service.
    #[arg(value_name = "TO")]
    to: String,
    /// What, as `443`, `tcp/443` or `udp/53`. Without it, everything, or all ports of the Service.
    #[arg(long, value_name = "PORT", value_parser = list::port)]
    port: Option<(Protocol, u16)>,
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`; may be given several times. Without it, the current
    /// directory.
    #[arg(long = "in", short = 'f', value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.common.settings()?;
    let loaded = args.common.load(&args.targets)?;
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let world = World::new(&inventory, settings);
    let known = |port| Known { world: &world, port };
    let Ends { list: from, mut notes } = known(None).find(&args.from)?;
    let Ends { list: to, notes: of_destination } = known(args.port).find(&args.to)?;
    if from.iter().any(|(from, _)| matches!(from, Asked::Outside(name, _) if name.contains('.'))) {
        bail!("`{}` can only be a destination: policies know nobody who sends by a host name; ask about its address", args.from);
    }
    notes.extend(of_destination);
    let question = Question { from: from.into_iter().map(|(from, _)| from).collect(), to };
    let mut can = Can::new(&world, &question).map_err(|why| anyhow!(why))?;
    can.notes = notes;
    complain(&loaded, &inventory, &world);
    output::print(&answer::write(&can, args.common.form)?)?;
    Ok(match outcome(problems(&loaded, &inventory, &world)) {
        Outcome::Clean if can.verdict != Verdict::Yes => Outcome::Findings,
        outcome => outcome,
    })
}

/// One side of an answer in words.
fn words(parties: &[Party]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<_> = parties.iter().take(SHOWN).map(name).collect();
    if parties.len() > SHOWN {
        words.push(format!("{} more", parties.len() - SHOWN));
    }
    words.join(", ")
}

fn name(party: &Party) -> String {
    match party {
        Party::Workload(workload) => names::name(workload),
        Party::Node(node) => format!("node {node}"),
        Party::Outside { name, addresses } => {
            let addresses = match addresses.as_slice() {
                [first, second, _, _, rest @ ..] => format!("{first}, {second} and {} more", rest.len() + 2),
                few => few.join(", "),
            };
            if name.is_empty() { addresses } else { format!("{name} ({addresses})") }
        }
    }
}

/// The answer in one sentence.
fn sentence(answer: &Answer) -> String {
    let (from, to) = (words(&answer.from), words(&answer.to));
    let what = |traffic: &Traffic| ports(traffic);
    match answer.verdict {
        Verdict::Yes => format!("yes: {from} can send {} to {to}", what(&answer.asked)),
        Verdict::No if answer.asked.is_all() => format!("no: {from} can send nothing to {to}"),
        Verdict::No => format!("no: {from} cannot send {} to {to}", what(&answer.asked)),
        Verdict::Partly => format!("partly: {from} can send {} to {to}, and not {}", what(&answer.allowed), rest(answer)),
    }
}

/// What does not pass, where something does.
fn rest(answer: &Answer) -> String {
    if answer.asked.is_all() { "the rest".to_owned() } else { answer.denied.to_string() }
}

impl answer::Answer for Can {
    fn text(&self) -> String {
        let mut lines = Lines::default();
        if self.answers.len() > 1 {
            let verdict = match self.verdict {
                Verdict::Yes => "yes, all of it",
                Verdict::Partly => "partly: it is not the same for all",
                Verdict::No => "no, nothing of it",
            };
            lines.line(0, verdict);
        }
        for answer in &self.answers {
            lines.gap();
            lines.line(0, &sentence(answer));
            let (from, to) = (words(&answer.from), words(&answer.to));
            let between = Between::new(&from, &to);
            lines.derivation(2, &answer.egress, &between);
            lines.derivation(2, &answer.ingress, &between);
            lines.nearest(2, &answer.nearest, &between);
        }
        for note in &self.notes {
            lines.line(0, &format!("note: {note}"));
        }
        lines.finish()
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["from", "to", "direction", "tier", "policy", "rule", "outcome", "traffic", "place"]);
        for answer in &self.answers {
            let (from, to) = (words(&answer.from), words(&answer.to));
            for derivation in [&answer.egress, &answer.ingress] {
                let (subject, peer) = Between::new(&from, &to).sides(derivation.direction);
                for step in &derivation.steps {
                    table.row([
                        from.clone(),
                        to.clone(),
                        derivation.direction.name().to_owned(),
                        step.tier.map_or_else(String::new, |step| tier(step).to_owned()),
                        step.policy.as_ref().map_or_else(String::new, ToString::to_string),
                        step.rule.as_ref().map_or_else(String::new, ToString::to_string),
                        said(step, subject, peer),
                        step.traffic.to_string(),
                        step.place().map_or_else(String::new, ToString::to_string),
                    ]);
                }
            }
        }
        table
    }

    /// What passes is drawn; what does not is told at those who would send.
    fn map(&self) -> Map {
        let parties: BTreeSet<&Party> = self.answers.iter().flat_map(|answer| answer.from.iter().chain(&answer.to)).collect();
        let mut map = Map { title: "Who can talk to whom".to_owned(), notes: self.notes.clone(), ..Map::default() };
        let region = |party: &Party| match party {
            Party::Workload(workload) => Some(workload.namespace.clone()),
            _ => None,
        };
        map.regions = parties.iter().filter_map(|party| region(party)).collect::<BTreeSet<_>>().into_iter().collect();
        let parties: Vec<_> = parties.into_iter().collect();
        for party in &parties {
            let (label, caption, kind) = match party {
                Party::Workload(workload) => (workload.name.clone(), workload.kind.clone(), PlaceKind::Workload),
                Party::Node(node) => (node.clone(), "node".to_owned(), PlaceKind::Outside),
                Party::Outside { .. } => (name(party), "outside of the cluster".to_owned(), PlaceKind::Outside),
            };
            let region = region(party).and_then(|region| map.regions.binary_search(&region).ok());
            map.places.push(Place { label, caption, region, kind, facts: vec![name(party)] });
        }
        for answer in &self.answers {
            let at = |party: &Party| parties.binary_search(&party).ok();
            let facts: Vec<_> = text_of(answer).lines().map(|line| line.trim().to_owned()).collect();
            for (from, to) in answer.from.iter().flat_map(|from| answer.to.iter().map(move |to| (at(from), at(to)))) {
                let (Some(from), Some(to)) = (from, to) else { continue };
                if !answer.allowed.is_none() {
                    map.ways.push(Way { from, to, label: answer.allowed.to_string(), state: WayState::Open, facts: facts.clone() });
                } else if let Some(place) = map.places.get_mut(from) {
                    place.facts.push(sentence(answer));
                }
            }
        }
        map
    }
}

fn text_of(answer: &Answer) -> String {
    let mut lines = Lines::default();
    let (from, to) = (words(&answer.from), words(&answer.to));
    let between = Between::new(&from, &to);
    lines.derivation(0, &answer.egress, &between);
    lines.derivation(0, &answer.ingress, &between);
    lines.finish()
}
