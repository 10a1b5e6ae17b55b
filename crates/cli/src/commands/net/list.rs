//! `plimsoll net list`

use super::answer::{self, Answer};
use super::names;
use super::picture::Picture;
use super::sides::Sides;
use super::{Common, complain, outcome, problems};
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_model::Inventory;
use plimsoll_network::listing::{Connection, Filter, Listing};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::policy::Direction;
use plimsoll_network::{Protocol, World};
use plimsoll_report::map::Map;
use plimsoll_report::table::Table;
use std::collections::BTreeSet;
use std::fmt::Write;

const EXAMPLES: &str = "Examples:
  plimsoll net list manifests/
  plimsoll net list cluster --focus shop/cart --direction ingress
  plimsoll net list manifests/ --port tcp/443 -o csv";

/// List who may talk to whom: workloads with each other, and with the outside.
///
/// Workloads that may talk to the same ones are named together. Exits with 2 if something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Only connections of this workload, as NAME, NAMESPACE/NAME, NAMESPACE/ or NAMESPACE/KIND/NAME; may be given several times.
    #[arg(long, value_name = "WORKLOAD")]
    focus: Vec<String>,
    /// Only connections to (`ingress`) or from (`egress`) workloads; with --focus, those in focus.
    #[arg(long, value_name = "DIRECTION", value_parser = ["ingress", "egress"])]
    direction: Option<String>,
    /// Only connections that this port is among, as `443`, `tcp/443` or `udp/53`.
    #[arg(long, value_name = "PORT", value_parser = port)]
    port: Option<(Protocol, u16)>,
    #[command(flatten)]
    common: Common,
}

/// A port as users write it; TCP where they do not say.
pub(super) fn port(text: &str) -> Result<(Protocol, u16), String> {
    let (protocol, number) = text.split_once(['/', '-', ' ']).unwrap_or(("tcp", text));
    let protocol = Protocol::read(protocol).ok_or_else(|| format!("`{protocol}` is none of tcp, udp and sctp"))?;
    let number = number.parse().ok().filter(|number| *number > 0);
    Ok((protocol, number.ok_or("a port is a number between 1 and 65535, as in `tcp/443`")?))
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
    let listing = Listing::new(&world, &Matrix::new(&world), &filter);
    complain(&loaded, &inventory, &world);
    output::print(&answer::write(&listing, args.common.form)?)?;
    Ok(outcome(problems(&loaded, &inventory, &world)))
}

impl Answer for Listing {
    fn text(&self) -> String {
        let sides = Sides::new(&self.workloads, &self.entrances);
        let mut text = String::new();
        let write = |connections: &[Connection], text: &mut String| {
            let mut last = None;
            for Connection { from, to, traffic } in connections {
                if last != Some(from) {
                    let gap = if text.is_empty() { "" } else { "\n" };
                    let _ = writeln!(text, "{gap}{}", sides.words(from));
                    last = Some(from);
                }
                let _ = writeln!(text, "  -> {}: {traffic}", sides.words(to));
            }
        };
        write(&self.connections, &mut text);
        if text.is_empty() {
            "nobody may talk to anybody\n".clone_into(&mut text);
        }
        for network in &self.networks {
            let what = if network.first { "apart from all other pods, in" } else { "also attached to" };
            let _ = writeln!(text, "\n{what} {}: {}", network.name, sides.names.words(&network.workloads).join(", "));
            write(&network.connections, &mut text);
        }
        text
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let sides = Sides::new(&self.workloads, &self.entrances);
        let mut table = Table::new(&["from", "to", "traffic", "network"]);
        let attached = self.networks.iter().map(|network| (network.name.as_str(), &network.connections));
        for (network, connections) in [("", &self.connections)].into_iter().chain(attached) {
            for Connection { from, to, traffic } in connections {
                for from in sides.ends(from) {
                    for to in sides.ends(to).into_iter().filter(|to| *to != from) {
                        table.row([from.clone(), to, traffic.to_string(), network.to_owned()]);
                    }
                }
            }
        }
        table.rows.sort();
        table
    }

    fn map(&self) -> Map {
        Picture::of(self, None).map
    }
}
