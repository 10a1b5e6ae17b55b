//! `plimsoll net`

mod answer;
mod can;
mod diff;
mod ends;
mod explain;
mod exposure;
mod graph;
mod lint;
mod list;
mod names;
mod picture;
mod sides;
mod steps;
mod suggest;
mod what_if;

use crate::input::{Loaded, WideArgs};
use crate::{Outcome, output};
use answer::Form;
use anyhow::{anyhow, bail};
use clap::Subcommand;
use plimsoll_model::{Inventory, Problem};
use plimsoll_network::{Addresses, Cidr, HostNetwork, PodAddresses, Settings, World};

/// Say who may talk to whom, why, and what a change would break.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Can(can::Args),
    Explain(explain::Args),
    Diff(diff::Args),
    Exposure(exposure::Args),
    Graph(graph::Args),
    List(list::Args),
    Lint(lint::Args),
    Suggest(suggest::Args),
    WhatIf(what_if::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Can(args) => can::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Exposure(args) => exposure::run(args),
        Command::Graph(args) => graph::run(args),
        Command::List(args) => list::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Suggest(args) => suggest::run(args),
        Command::WhatIf(args) => what_if::run(args),
    }
}

/// What every question about the network can be told.
#[derive(clap::Args)]
#[group(skip)]
struct Common {
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
    #[command(flatten)]
    plugin: PluginArgs,
    #[command(flatten)]
    input: WideArgs,
}

/// How this cluster's network plugin does what the API leaves open.
#[derive(clap::Args)]
#[group(skip)]
struct PluginArgs {
    /// What pods on the network of their node are: `node` (no policy is about them) or `pod` (like all others).
    #[arg(long, value_name = "WHAT", default_value = "node", value_parser = ["node", "pod"], help_heading = "Network")]
    host_network: String,
    /// Whether `ipBlock` and `networks` hold for pods: `matched` as in the tests of Kubernetes, or `ignored` as with Cilium.
    #[arg(long, value_name = "HOW", default_value = "matched", value_parser = ["matched", "ignored"], help_heading = "Network")]
    pod_addresses: String,
    /// Where pods have their addresses, as far as they were not read; may be given several times. Without it, the private networks.
    #[arg(long, value_name = "CIDR", help_heading = "Network")]
    pod_network: Vec<String>,
}

impl PluginArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::default();
        if self.host_network == "pod" {
            settings.host_network = HostNetwork::Pod;
        }
        if self.pod_addresses == "ignored" {
            settings.pod_addresses = PodAddresses::Ignored;
        }
        if !self.pod_network.is_empty() {
            let read = |text: &String| Cidr::read(text).map(Cidr::addresses).map_err(|why| anyhow!("--pod-network `{text}` {why}"));
            let networks: Vec<_> = self.pod_network.iter().map(read).collect::<anyhow::Result<_>>()?;
            settings.pod_networks = Addresses::union_of(&networks);
        }
        Ok(settings)
    }
}

impl Common {
    fn settings(&self) -> anyhow::Result<Settings> {
        self.plugin.settings()
    }

    fn load(&self, targets: &[String]) -> anyhow::Result<Loaded> {
        read(&self.input, targets)
    }
}

/// Reads `targets`. Of nothing there is no answer: that nobody can talk to anybody would be none.
fn read(input: &WideArgs, targets: &[String]) -> anyhow::Result<Loaded> {
    let loaded = input.load(targets)?;
    if loaded.snapshot.objects().0.is_empty() {
        output::complain_about(loaded.snapshot.problems.iter());
        bail!("no object could be read in {}; name files, directories, a snapshot, or `cluster`", loaded.targets.join(", "));
    }
    Ok(loaded)
}

/// What could not be read, of all that a question rests on.
fn problems<'p>(loaded: &'p Loaded, inventory: &'p Inventory<'_>, world: &'p World<'_>) -> impl Iterator<Item = &'p Problem> + Clone {
    loaded.snapshot.problems.iter().chain(&inventory.problems).chain(&world.problems)
}

/// Tells what could not be read, and how what the API leaves open was taken.
fn complain(loaded: &Loaded, inventory: &Inventory<'_>, world: &World<'_>) {
    let taken = world.taken();
    output::complain_about(problems(loaded, inventory, world).chain(&taken));
}

/// The exit status of an answer: something that could not be read may change it.
fn outcome<'p>(mut problems: impl Iterator<Item = &'p Problem>) -> Outcome {
    if problems.any(|problem| problem.kind.is_error()) { Outcome::Incomplete } else { Outcome::Clean }
}
