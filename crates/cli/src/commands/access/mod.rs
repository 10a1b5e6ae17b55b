//! `plimsoll access`

mod can;
mod cut;
mod diff;
mod ends;
mod graph;
mod least;
mod paths;
mod picture;
mod subject;
mod text;
mod unused;
mod usage;
mod who_can;

use crate::input::{Loaded, WideArgs};
use crate::situation::situation;
use crate::{Outcome, output};
use anyhow::{anyhow, bail};
use clap::Subcommand;
use plimsoll_access::graph::{Graph, Situation};
use plimsoll_access::{Authorizer, Scope};
use plimsoll_model::rbac::{Defaults, GROUP, Rbac};
use plimsoll_model::{ApiResources, Inventory, Object, Problem};
use std::path::Path;

/// Say who may do what, how far that leads, and what of it is needed.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    WhoCan(who_can::Args),
    Can(can::Args),
    Paths(paths::Args),
    Cut(cut::Args),
    Graph(graph::Args),
    Least(least::Args),
    Unused(unused::Args),
    Diff(diff::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::WhoCan(args) => who_can::run(args),
        Command::Can(args) => can::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Paths(args) => paths::run(args),
        Command::Cut(args) => cut::run(args),
        Command::Graph(args) => graph::run(args),
        Command::Least(args) => least::run(args),
        Command::Unused(args) => unused::run(args),
    }
}

/// The forms of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

/// Where a question is asked about.
#[derive(clap::Args)]
#[group(skip)]
struct ScopeArgs {
    /// In this namespace. Without it: in all of them, and then in which ones.
    #[arg(long, short = 'n', value_name = "NAME")]
    namespace: Option<String>,
    /// In all namespaces at once, as `kubectl get --all-namespaces` does it.
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,
}

impl ScopeArgs {
    fn scope(&self) -> Scope {
        match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.clone()),
            None if self.all_namespaces => Scope::AllNamespaces,
            None => Scope::AnyNamespace,
        }
    }
}

/// What is read, where the verb of the question leaves room for it; `--in` is what the questions with a resource call it.
#[derive(clap::Args)]
#[group(skip)]
struct TargetArgs {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The same as TARGET.
    #[arg(long = "in", short = 'f', value_name = "TARGET", conflicts_with = "targets")]
    named: Vec<String>,
}

impl TargetArgs {
    fn all(&self) -> &[String] {
        if self.targets.is_empty() { &self.named } else { &self.targets }
    }
}

/// Reads `targets`. Of nothing there is no answer: that nobody can do anything would be none.
fn load(input: &WideArgs, targets: &[String]) -> anyhow::Result<Loaded> {
    let loaded = input.load(targets)?;
    if loaded.snapshot.objects().0.is_empty() { Err(nothing_in(&loaded)) } else { Ok(loaded) }
}

/// Why nothing is answered about targets without objects.
fn nothing_in(loaded: &Loaded) -> anyhow::Error {
    output::complain_about(loaded.snapshot.problems.iter());
    anyhow!("no object could be read in {}; name files, directories, a snapshot, or `cluster`", loaded.targets.join(", "))
}

/// Says that nothing that was read is in the namespace of the question: its name may be misspelled.
fn unseen_namespace(loaded: &Loaded, scope: &ScopeArgs) -> Option<String> {
    let namespace = scope.namespace.as_deref()?;
    let is_in = |object: &Object<'_>| object.effective_namespace() == namespace || (object.kind == "Namespace" && object.name == namespace);
    let is_seen = loaded.snapshot.objects().0.iter().any(is_in);
    (!is_seen).then(|| format!("nothing that was read is in namespace `{namespace}`: only what holds in the whole cluster holds there"))
}

/// Refuses as an object's name what is something to read.
fn object_name(name: Option<&str>, targets: &[String]) -> anyhow::Result<()> {
    match name {
        Some(name) if name.contains('/') || targets.is_empty() && (name == "cluster" || Path::new(name).is_file()) => {
            bail!("`{name}` stands where the object's name goes; what to read is said with `--in {name}`")
        }
        _ => Ok(()),
    }
}

/// The roles and bindings that were read, ready to be asked.
struct Grants<'l> {
    authorizer: Authorizer<'l>,
    resources: ApiResources<'l>,
    problems: Vec<Problem>,
}

impl<'l> Grants<'l> {
    /// Those of `loaded`; what every API server makes is assumed, unless one was read.
    fn of(loaded: &'l Loaded) -> Self {
        let (objects, mut problems) = loaded.snapshot.objects();
        let resources = ApiResources::of(objects.iter().copied());
        let authorizer = Authorizer::of(Rbac::of(objects.into_iter().filter(|object| object.group() == GROUP), Defaults::Assume));
        problems.extend(authorizer.rbac().problems.iter().cloned());
        Self { authorizer, resources, problems }
    }
}

/// Everything that was read, for questions that are about more than roles and bindings.
struct Reading<'l> {
    inventory: Inventory<'l>,
    authorizer: Authorizer<'l>,
    /// What stands against an escalation beside RBAC.
    situation: Situation,
    problems: Vec<Problem>,
}

impl<'l> Reading<'l> {
    fn of(loaded: &'l Loaded) -> Self {
        let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
        let authorizer = Authorizer::new(&inventory, Defaults::Assume);
        let mut problems = loaded.snapshot.problems.clone();
        problems.extend(inventory.problems.iter().chain(&authorizer.rbac().problems).cloned());
        let situation = situation(&inventory, &loaded.policies, &loaded.policy_documents);
        Self { inventory, authorizer, situation, problems }
    }

    fn graph(&self) -> Graph<'_, 'l> {
        Graph::new(&self.inventory, &self.authorizer, &self.situation)
    }
}

/// Whether everything could be read that was to be.
fn is_complete<'p>(mut problems: impl Iterator<Item = &'p Problem>) -> bool {
    !problems.any(|problem| problem.kind.is_error())
}
