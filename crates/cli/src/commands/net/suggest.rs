//! `plimsoll net suggest`

use super::answer::{self, Answer};
use super::picture::Picture;
use super::sides::Sides;
use super::{PluginArgs, outcome, problems, read};
use crate::input::WideArgs;
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_model::{FlowVerdict, Inventory, Limits, Origin, Problem, ProblemKind, Source, manifest, parse};
use plimsoll_network::World;
use plimsoll_network::flows::{Ends, Foreign};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::suggest::{self, Needs, Options, Proof, Suggestion};
use plimsoll_report::map::{Map, WayState};
use plimsoll_report::table::Table;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  plimsoll net suggest manifests/ --flows flows.json > network-policies.yaml
  plimsoll net suggest manifests/                          # by what manifests declare
  plimsoll net suggest cluster --flows flows.json.gz --check";

/// Make the fewest network policies that let through what is needed, and prove it.
///
/// What is needed are observed flows (Hubble, Calico, Cilium, VPC flow logs), or, without any, what manifests declare: names of Services in
/// the environment, the arguments and the configuration of containers, and what Ingresses and the like lead to. The policies are asked
/// again about every need; what they let through beyond is the slack, and is listed. Exits with 1 if a need does not pass.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to read: files, directories, `-`, archives, snapshots, `cluster`. Without it, the current directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Observed flows: files or directories of Hubble's, Calico's, Cilium's or a cloud's logs; may be given several times.
    #[arg(long, value_name = "PATH")]
    flows: Vec<PathBuf>,
    /// Where needs come from without flows: `declared` by manifests, or `allowed` by the policies that are there.
    #[arg(long, value_name = "WHAT", default_value = "declared", value_parser = ["declared", "allowed"], conflicts_with = "flows")]
    from: String,
    /// Make no policies: hold those that are there against what is needed.
    #[arg(long)]
    check: bool,
    /// Make policies for this namespace only; may be given several times.
    #[arg(long, short = 'n', value_name = "NAME")]
    namespace: Vec<String>,
    /// Where all workloads of a namespace are meant, mean those that come later, too.
    #[arg(long)]
    whole: bool,
    /// The form of the output; `yaml` are the policies, ready to be applied, with the proof as comments.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "yaml")]
    form: Form,
    #[command(flatten)]
    plugin: PluginArgs,
    #[command(flatten)]
    input: WideArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The policies.
    Yaml,
    /// What they let through and what not, for a terminal.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For pull requests.
    Markdown,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// One self-contained page.
    Html,
}

/// The DNS of a cluster as it mostly is, for manifests that do not hold it.
const USUAL_DNS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  containers:
  - {name: dns, image: dns, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]}
";

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.plugin.settings()?;
    let mut loaded = read(&args.input, &args.targets)?;
    let has_dns = {
        let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
        !suggest::dns_servers(&World::new(&inventory, settings.clone())).is_empty()
    };
    // What is allowed is asked of what is there.
    let has_dns = has_dns || args.from == "allowed";
    if !has_dns {
        loaded
            .snapshot
            .documents
            .extend(parse(&Source::new("the DNS of the cluster, assumed", Origin::File, USUAL_DNS), Limits::default()).0);
    }
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let world = World::new(&inventory, settings);
    let mut told: Vec<Problem> = problems(&loaded, &inventory, &world).cloned().collect();
    let needs = if args.flows.is_empty() {
        match args.from.as_str() {
            "allowed" => Needs::of_matrix(&Matrix::new(&world)),
            _ => Needs::declared(&inventory, &world, &suggest::dns_servers(&world)).0,
        }
    } else {
        observed(&world, &args.flows, &mut told)
    };
    if needs.is_empty() {
        output::complain_about(told.iter());
        bail!(
            "nothing is needed: no flow is between workloads that were read, or no manifest names a Service; default deny alone would cut everything"
        );
    }
    let namespaces = Some(namespaces(args, &world, has_dns)?);
    let options = Options { whole: args.whole || args.from == "allowed", namespaces };
    let mut suggestion = if args.check {
        Suggestion {
            workloads: plimsoll_network::listing::Workload::all(&world),
            objects: Vec::new(),
            proof: suggest::check(&world, &needs, &options),
        }
    } else {
        Suggestion::new(&world, &needs, &options)
    };
    suggestion.proof.unmet.sort_by(|one, two| (&one.from, &one.to).cmp(&(&two.from, &two.to)));
    let is_met = suggestion.proof.unmet.is_empty();
    let out = match args.form {
        Form::Yaml if !args.check => yaml(&suggestion).into_bytes(),
        Form::Yaml | Form::Text => answer::safe(&suggestion.text()).into_bytes(),
        Form::Json => answer::write(&suggestion, answer::Form::Json)?,
        Form::Csv => answer::write(&suggestion, answer::Form::Csv)?,
        Form::Markdown => answer::write(&suggestion, answer::Form::Markdown)?,
        Form::Dot => answer::write(&suggestion, answer::Form::Dot)?,
        Form::Svg => answer::write(&suggestion, answer::Form::Svg)?,
        Form::Html => answer::write(&suggestion, answer::Form::Html)?,
    };
    output::complain_about(told.iter());
    output::print(&out)?;
    Ok(match outcome(told.iter()) {
        Outcome::Clean if !is_met => Outcome::Findings,
        other => other,
    })
}

/// The namespaces that get policies: those asked for, else all but that of a DNS which was only assumed.
fn namespaces(args: &Args, world: &World<'_>, has_dns: bool) -> anyhow::Result<BTreeSet<String>> {
    if let Some(unknown) = args.namespace.iter().find(|name| world.namespace(name).is_none()) {
        bail!("nothing that was read is in namespace `{unknown}`");
    }
    let assumed: Option<usize> = if has_dns { None } else { world.namespace("kube-system") };
    let all = world.namespaces.iter().enumerate().filter(|(at, _)| Some(*at) != assumed).map(|(_, namespace)| namespace.name.to_owned());
    Ok(if args.namespace.is_empty() { all.collect() } else { args.namespace.iter().cloned().collect() })
}

/// What was seen, as needs. What says nothing about these workloads is told, with how much of it there is.
fn observed(world: &World<'_>, paths: &[PathBuf], told: &mut Vec<Problem>) -> Needs {
    let flows = plimsoll_sources::flows::read(paths, std::io::stdin());
    told.extend(flows.problems);
    let ends = Ends::new(world);
    let (mut needs, mut foreign): (Needs, BTreeMap<Foreign, (u64, String)>) = Default::default();
    for flow in flows.flows.iter().filter(|flow| flow.key.verdict != FlowVerdict::Denied) {
        match ends.needs(flow) {
            Ok(found) => found.into_iter().for_each(|need| needs.add(need)),
            Err(why) => {
                let example = || format!("{} -> {}", flow.key.source, flow.key.destination);
                foreign.entry(why).or_insert_with(|| (0, example())).0 += 1;
            }
        }
    }
    for (why, (count, example)) in foreign {
        let flows = if count == 1 { "1 flow".to_owned() } else { format!("{count} flows") };
        let message = format!("not counted: {flows} {}, such as {example}", why.why());
        told.push(Problem::new(ProblemKind::Note, message));
    }
    needs
}

/// The policies, with the proof as comments.
fn yaml(suggestion: &Suggestion) -> String {
    let comments: String = answer::safe(&suggestion.text()).lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    comments + &manifest(&suggestion.objects)
}

/// The headline of a proof.
fn headline(suggestion: &Suggestion) -> String {
    let Proof { met, unmet, slack } = &suggestion.proof;
    let policies = match suggestion.objects.len() {
        0 => "the policies that are there".to_owned(),
        1 => "1 policy".to_owned(),
        count => format!("{count} policies"),
    };
    let all = met + unmet.len();
    let beyond = match slack.len() {
        0 => "and nothing else between workloads that were read".to_owned(),
        _ => "and what is listed as slack".to_owned(),
    };
    format!("{policies}: {met} of {all} needs pass, {beyond}")
}

impl Answer for Suggestion {
    fn text(&self) -> String {
        let sides = Sides::new(&self.workloads, &[]);
        let mut text = headline(self) + "\n";
        if !self.proof.unmet.is_empty() {
            text.push_str("\nneeds that do not pass:\n");
        }
        for unmet in &self.proof.unmet {
            let _ = writeln!(text, "  {} -> {}: {}", sides.words(&unmet.from), sides.words(&unmet.to), unmet.traffic);
        }
        if !self.proof.slack.is_empty() {
            text.push_str("\nslack, which passes and nobody needs:\n");
        }
        for one in &self.proof.slack {
            let _ = writeln!(text, "  {} -> {}: {}", sides.words(&one.from), sides.words(&one.to), one.traffic);
        }
        text
    }

    fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let sides = Sides::new(&self.workloads, &[]);
        let mut table = Table::new(&["what", "from", "to", "traffic"]);
        for unmet in &self.proof.unmet {
            table.row(["does not pass".to_owned(), sides.words(&unmet.from), sides.words(&unmet.to), unmet.traffic.to_string()]);
        }
        for one in &self.proof.slack {
            table.row(["slack".to_owned(), sides.words(&one.from), sides.words(&one.to), one.traffic.to_string()]);
        }
        table
    }

    fn map(&self) -> Map {
        let sides = Sides::new(&self.workloads, &[]);
        let unmet = self.proof.unmet.iter().map(|one| (&one.from, &one.to, &one.traffic, WayState::Broken));
        let slack = self.proof.slack.iter().map(|one| (&one.from, &one.to, &one.traffic, WayState::Open));
        let ways: Vec<_> = unmet.chain(slack).collect();
        let pairs: Vec<_> = ways.iter().map(|(from, to, ..)| (*from, *to)).collect();
        let mut picture = Picture::new("What is needed and does not pass, and what passes and is not needed", &sides, &pairs, None);
        picture.map.summary = headline(self);
        for (from, to, traffic, state) in ways {
            picture.ways(from, to, traffic, state, &[]);
        }
        picture.map
    }
}
