//! `plimsoll net explain`

use super::answer;
use super::names;
use super::sides::Sides;
use super::steps::{Between, Lines, ports, said, tier};
use super::{Common, complain, list, outcome, problems};
use crate::{Outcome, output};
use anyhow::{anyhow, bail};
use plimsoll_model::Inventory;
use plimsoll_network::derivation::{Derivation, Outcome as Said, Step};
use plimsoll_network::explain::{Explanation, Only, Pair};
use plimsoll_network::listing::{Connection, Filter, Listing};
use plimsoll_network::policy::{Direction, Tier};
use plimsoll_network::{Protocol, World};
use plimsoll_report::map::Map;
use plimsoll_report::table::Table;
use std::collections::BTreeSet;

const EXAMPLES: &str = "Examples:
  plimsoll net explain manifests/ --focus shop/cart
  plimsoll net explain cluster --only deny --port tcp/443";

/// Explain who may talk to whom, and who may not: for all pairs, which policies and rules decide.
///
/// Workloads about which the same was decided for the same reasons are named together. Exits with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Only pairs of this workload, as NAME, NAMESPACE/NAME, NAMESPACE/ or NAMESPACE/KIND/NAME; may be given several times.
    #[arg(long, value_name = "WORKLOAD")]
    focus: Vec<String>,
    /// Only pairs to (`ingress`) or from (`egress`) workloads; with --focus, those in focus.
    #[arg(long, value_name = "DIRECTION", value_parser = ["ingress", "egress"])]
    direction: Option<String>,
    /// Only what becomes of this port, as `443`, `tcp/443` or `udp/53`.
    #[arg(long, value_name = "PORT", value_parser = list::port)]
    port: Option<(Protocol, u16)>,
    /// Only what is allowed (`allow`), or only what is denied (`deny`).
    #[arg(long, value_name = "WHAT", value_parser = ["allow", "deny"])]
    only: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.common.settings()?;
    let loaded = args.common.load(&args.targets)?;
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let world = World::new(&inventory, settings);
    if world.endpoints.is_empty() {
        complain(&loaded, &inventory, &world);
        bail!("there is no workload in {}: nothing that could talk to anything", loaded.targets.join(", "));
    }
    let mut focus = BTreeSet::new();
    for wanted in &args.focus {
        focus.extend(names::find(&world, wanted)?);
    }
    let direction = args.direction.as_deref().map(|word| if word == "ingress" { Direction::Ingress } else { Direction::Egress });
    let filter = Filter { focus: (!focus.is_empty()).then_some(focus), direction, port: args.port };
    let only = args.only.as_deref().map(|word| if word == "allow" { Only::Allowed } else { Only::Denied });
    let explanation = Explanation::new(&world, &filter, only).map_err(|why| anyhow!(why))?;
    complain(&loaded, &inventory, &world);
    output::print(&answer::write(&Shown { explanation, only }, args.common.form)?)?;
    Ok(outcome(problems(&loaded, &inventory, &world)))
}

/// An explanation, and what of it is shown.
struct Shown {
    explanation: Explanation,
    only: Option<Only>,
}

impl Shown {
    /// All pairs, with the network that they are over where it is not the first one.
    fn pairs(&self) -> impl Iterator<Item = (&Pair, Option<&str>)> {
        let attached = self.explanation.attached.iter();
        let attached = attached.flat_map(|network| network.pairs.iter().map(|pair| (pair, Some(network.name.as_str()))));
        self.explanation.pairs.iter().map(|pair| (pair, None)).chain(attached)
    }

    /// The parts of a pair that are shown: what becomes of it, and the steps that say so.
    fn parts<'s>(&'s self, pair: &'s Pair) -> impl Iterator<Item = (bool, Vec<(Direction, &'s Step)>)> + 's {
        let parts = [(true, Only::Allowed, &pair.allowed), (false, Only::Denied, &pair.denied)];
        let shown = parts.into_iter().filter(|(_, what, traffic)| !traffic.is_none() && self.only.is_none_or(|only| only == *what));
        shown.map(|(allowed, ..)| {
            let derivations = [pair.egress, pair.ingress].into_iter().filter_map(|at| self.explanation.derivations.get(at));
            (allowed, derivations.flat_map(|derivation| relevant(derivation, allowed).map(|step| (derivation.direction, step))).collect())
        })
    }
}

/// The steps that let something pass, or those that do not.
fn relevant(derivation: &Derivation, allowed: bool) -> impl Iterator<Item = &Step> {
    let denies = !derivation.denied.is_none();
    derivation.steps.iter().filter(move |step| match step.outcome {
        Said::Allows | Said::Default | Said::Inside => allowed,
        Said::PassesOn => true,
        Said::Denies | Said::Isolated | Said::Apart => !allowed,
        // Why those that isolate do not allow it; of other tiers it is no reason.
        Said::OtherPorts | Said::NoSuchPort | Said::OtherPeers | Said::NoRules => {
            !allowed && denies && step.tier == Some(Tier::NetworkPolicy)
        }
        Said::DecidedBefore => false,
    })
}

impl answer::Answer for Shown {
    fn text(&self) -> String {
        let sides = Sides::new(&self.explanation.workloads, &self.explanation.entrances);
        let mut lines = Lines::default();
        for (pair, network) in self.pairs() {
            let (from, to) = (sides.words(&pair.from), sides.words(&pair.to));
            lines.gap();
            let over = network.map_or_else(String::new, |network| format!(" over {network}"));
            lines.line(0, &format!("{from} -> {to}{over}"));
            for (allowed, steps) in self.parts(pair) {
                let (word, traffic) = if allowed { ("allowed", &pair.allowed) } else { ("denied", &pair.denied) };
                lines.line(2, &format!("{word}: {}", ports(traffic)));
                let between = Between::new(&from, &to);
                steps.into_iter().for_each(|(direction, step)| lines.reason(4, direction, step, &between));
            }
        }
        if self.pairs().next().is_none() {
            lines.line(0, "there is no such pair");
        }
        lines.finish()
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(&self.explanation)?)
    }

    fn table(&self) -> Table {
        let sides = Sides::new(&self.explanation.workloads, &self.explanation.entrances);
        let mut table =
            Table::new(&["from", "to", "verdict", "direction", "tier", "policy", "rule", "outcome", "traffic", "place", "network"]);
        for (pair, network) in self.pairs() {
            let (from, to) = (sides.words(&pair.from), sides.words(&pair.to));
            for (allowed, steps) in self.parts(pair) {
                for (direction, step) in steps {
                    let (subject, peer) = Between::new(&from, &to).sides(direction);
                    table.row([
                        from.clone(),
                        to.clone(),
                        if allowed { "allowed" } else { "denied" }.to_owned(),
                        direction.name().to_owned(),
                        step.tier.map_or_else(String::new, |of| tier(of).to_owned()),
                        step.policy.as_ref().map_or_else(String::new, ToString::to_string),
                        step.rule.as_ref().map_or_else(String::new, ToString::to_string),
                        said(step, subject, peer),
                        step.traffic.to_string(),
                        step.place().map_or_else(String::new, ToString::to_string),
                        network.unwrap_or_default().to_owned(),
                    ]);
                }
            }
        }
        table
    }

    /// What passes, as `net list` draws it.
    fn map(&self) -> Map {
        let Explanation { settings, workloads, entrances, pairs, .. } = &self.explanation;
        let open = pairs.iter().filter(|pair| !pair.allowed.is_none());
        let connections =
            open.map(|pair| Connection { from: pair.from.clone(), to: pair.to.clone(), traffic: pair.allowed.clone() }).collect();
        let (settings, workloads, entrances) = (settings.clone(), workloads.clone(), entrances.clone());
        Listing { settings, workloads, entrances, connections, networks: Vec::new() }.map()
    }
}
