//! `plimsoll net graph`

use super::picture::Picture;
use super::{PluginArgs, complain, names, outcome, problems, read};
use crate::input::WideArgs;
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_model::Inventory;
use plimsoll_network::listing::{Filter, Listing};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::policy::{Direction, Policy};
use plimsoll_network::{Endpoint, World};
use plimsoll_report::map;
use std::collections::{BTreeMap, BTreeSet};

const EXAMPLES: &str = "Examples:
  plimsoll net graph manifests/ > network.html
  plimsoll net graph cluster --namespace shop -o svg > shop.svg";

/// Draw who may talk to whom: a map of namespaces and workloads, and of the outside.
///
/// The page can be searched; a click on a workload tells which policies are about it, and who may talk to it. What many workloads
/// have in common is a mark on each and not a line. Of more than 200 workloads those that are alike share a place. Exits with 2 if
/// something could not be read.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Only connections of this workload, as NAME, NAMESPACE/NAME or NAMESPACE/KIND/NAME; may be given several times.
    #[arg(long, value_name = "WORKLOAD")]
    focus: Vec<String>,
    /// Only connections of the workloads of this namespace; may be given several times.
    #[arg(long = "namespace", short = 'n', value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "html")]
    form: output::Drawn,
    #[command(flatten)]
    plugin: PluginArgs,
    #[command(flatten)]
    input: WideArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.plugin.settings()?;
    let loaded = read(&args.input, &args.targets)?;
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let world = World::new(&inventory, settings);
    if world.endpoints.is_empty() {
        complain(&loaded, &inventory, &world);
        bail!("there is no workload in {}: nothing to draw", loaded.targets.join(", "));
    }
    let mut focus = BTreeSet::new();
    for wanted in args.focus.iter().cloned().chain(args.namespaces.iter().map(|name| format!("{name}/"))) {
        focus.extend(names::find(&world, &wanted)?);
    }
    let all = focus.is_empty();
    let filter = Filter { focus: (!all).then(|| focus.clone()), ..Filter::default() };
    let listing = Listing::new(&world, &Matrix::new(&world), &filter);
    let mut picture = Picture::of(&listing, (!all).then_some(&focus));
    let policies = Policies::of(&world);
    for (place, members) in picture.map.places.iter_mut().zip(&picture.members) {
        if let Some(endpoint) = members.first().and_then(|at| world.endpoints.get(*at)) {
            place.facts.extend(policies.facts(endpoint));
        }
    }
    if outcome(problems(&loaded, &inventory, &world)) != Outcome::Clean {
        picture.map.notes.insert(0, "Something could not be read: it may be drawn wrong, or be missing.".to_owned());
    }
    let mut out = Vec::new();
    map::render(&picture.map, args.form.into(), &mut out)?;
    complain(&loaded, &inventory, &world);
    output::print(&out)?;
    Ok(outcome(problems(&loaded, &inventory, &world)))
}

/// Policies by the namespace that they are in; those of the cluster, which are about any, by themselves.
struct Policies<'w, 'a> {
    world: &'w World<'a>,
    of_cluster: Vec<&'w Policy<'a>>,
    by_namespace: BTreeMap<&'a str, Vec<&'w Policy<'a>>>,
}

impl<'w, 'a> Policies<'w, 'a> {
    fn of(world: &'w World<'a>) -> Self {
        let mut policies = Self { world, of_cluster: Vec::new(), by_namespace: BTreeMap::new() };
        for policy in &world.policies {
            if policy.object.is_cluster_scoped() {
                policies.of_cluster.push(policy);
            } else {
                policies.by_namespace.entry(policy.object.effective_namespace()).or_default().push(policy);
            }
        }
        policies
    }

    /// What is worth to know about an endpoint: its ports, and what policies make of it.
    fn facts(&self, endpoint: &Endpoint<'_>) -> Vec<String> {
        let mut facts = Vec::new();
        let port = |port: &plimsoll_network::Port<'_>| {
            let name = if port.name.is_empty() { String::new() } else { format!(" ({})", port.name) };
            format!("{} {}{name}", port.protocol.name(), port.number)
        };
        if !endpoint.ports.is_empty() {
            facts.push(format!("declares {}", endpoint.ports.iter().map(port).collect::<Vec<_>>().join(", ")));
        }
        if self.world.settings.is_node_traffic(endpoint) {
            facts.push("on the network of its node: no policy is about it".to_owned());
            return facts;
        }
        let namespace = self.world.namespace_of(endpoint);
        let in_namespace = self.by_namespace.get(namespace.name).into_iter().flatten();
        let about: Vec<_> = self
            .of_cluster
            .iter()
            .chain(in_namespace)
            .filter(|policy| policy.is_about(endpoint, namespace, &self.world.settings))
            .collect();
        for policy in &about {
            let directions: Vec<_> =
                Direction::BOTH.into_iter().filter(|direction| policy.rules(*direction).is_some()).map(Direction::name).collect();
            let place = policy.object.node.location();
            facts.push(format!("{}: {} ({}:{})", policy.name(), directions.join(" and "), place.source.name, place.start().line));
        }
        for direction in Direction::BOTH.into_iter().filter(|direction| about.iter().all(|policy| policy.rules(*direction).is_none())) {
            facts.push(format!("no policy is about its {}", direction.name()));
        }
        facts
    }
}
