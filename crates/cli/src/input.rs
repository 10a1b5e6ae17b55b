//! What to read: targets, filters, configuration, clusters.

use crate::Outcome;
use crate::compliance::Selection;
use anyhow::{Context, bail};
use plimsoll_checks::{PARAMETERS, ParameterError, Parameters};
use plimsoll_model::{Config, Document, Limits, Origin, Problem, ProblemKind, Snapshot, Source, WorkloadKinds};
use plimsoll_policy::Policies;
use plimsoll_policy::benchmark::Benchmark;
use plimsoll_sources::cluster::Lists;
use plimsoll_sources::host::Host;
use plimsoll_sources::{Options, Target, cluster};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The options of every command that reads targets.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Files, directories, `-`, archives, snapshots, `cluster`, or `host`.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// For a host: the directory where the root of the node's file system is mounted, its /proc included.
    #[arg(long, value_name = "DIR", help_heading = "Host")]
    host_root: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// The options of commands whose question is about the whole cluster: its `-n` is theirs.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct WideArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    reach: Reach,
}

/// Which files to read, and by what configuration.
#[derive(clap::Args)]
#[group(skip)]
struct FileArgs {
    /// In directories, read only files that match this glob (may be given several times).
    #[arg(long, value_name = "GLOB", help_heading = "Input")]
    include: Vec<String>,
    /// In directories, skip files that match this glob (may be given several times).
    #[arg(long, value_name = "GLOB", help_heading = "Input")]
    exclude: Vec<String>,
    /// In directories, also read what .gitignore leaves out, and hidden files.
    #[arg(long, help_heading = "Input")]
    no_ignore: bool,
    /// Do not read files larger than this many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, help_heading = "Input")]
    max_file_size: u32,
    /// The configuration. Without it, plimsoll.yaml in the first target's directory or in the current one.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    config: Option<PathBuf>,
}

/// How to reach a cluster, and what to read of it.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    reach: Reach,
    /// For a cluster: read this namespace only.
    #[arg(long, short = 'n', value_name = "NAME", help_heading = "Cluster")]
    namespace: Option<String>,
}

/// How to reach a cluster.
#[derive(clap::Args)]
#[group(skip)]
struct Reach {
    /// For a cluster: the kubeconfig to use instead of $KUBECONFIG, ~/.kube/config or the pod's own account.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// For a cluster: the kubeconfig context to use instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,
    /// For a cluster: list Secrets too, without their values.
    #[arg(long, help_heading = "Cluster")]
    secrets: bool,
    /// For a cluster: list Secrets with their values. The values end up in a snapshot.
    #[arg(long, requires = "secrets", help_heading = "Cluster")]
    secret_data: bool,
}

/// What was read, and what to make of it.
pub(crate) struct Loaded {
    /// The targets as the user wrote them.
    pub(crate) targets: Vec<String>,
    pub(crate) snapshot: Snapshot,
    pub(crate) config: Config,
    /// What the configuration chooses for the checks.
    pub(crate) parameters: Parameters,
    /// Which checks are asked for.
    pub(crate) selection: Selection,
    pub(crate) kinds: WorkloadKinds,
    /// The policies that the user brought.
    pub(crate) policies: Policies,
    /// The documents that they came with, which may be their parameters.
    pub(crate) policy_documents: Vec<Document>,
    /// The root of the node's file system, where a node is a target.
    pub(crate) node: Option<PathBuf>,
    /// The benchmarks that the user brought for it.
    pub(crate) benchmarks: Vec<Benchmark>,
}

impl Args {
    /// Reads everything. Only what makes the question itself impossible is an error.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let targets = or_here(&self.targets);
        if self.host_root.is_some() && !targets.iter().any(|target| Target::new(target) == Target::Host) {
            bail!("--host-root is for the target `host`: `plimsoll scan host --host-root DIR`");
        }
        self.files.load(targets, |config| self.cluster.options(config), self.host_root.as_ref())
    }
}

impl WideArgs {
    /// Reads all namespaces. Only what makes the question itself impossible is an error.
    pub(crate) fn load(&self, targets: &[String]) -> anyhow::Result<Loaded> {
        self.files.load(or_here(targets), |config| self.reach.options(config, None), None)
    }
}

fn or_here(targets: &[String]) -> Vec<String> {
    if targets.is_empty() { vec![".".to_owned()] } else { targets.to_vec() }
}

impl FileArgs {
    fn load(
        &self,
        targets: Vec<String>,
        cluster: impl Fn(&Config) -> cluster::Options,
        host_root: Option<&PathBuf>,
    ) -> anyhow::Result<Loaded> {
        let (config, mut problems) = self.config(&targets)?;
        let parameters = parameters(&config, &mut problems);
        let kinds = WorkloadKinds::with(config.workloads.clone());
        let options = Options {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            no_ignore: self.no_ignore,
            limits: Limits { bytes: u64::from(self.max_file_size) << 20, ..Limits::default() },
            cluster: cluster(&config),
            host_root: host_root.cloned(),
            ..Options::default()
        };
        let parsed: Vec<Target> = targets.iter().map(|target| Target::new(target)).collect();
        let mut snapshot = plimsoll_sources::load(&parsed, &options, io::stdin());
        snapshot.problems.splice(0..0, problems);
        Ok(Loaded {
            targets,
            snapshot,
            config,
            parameters,
            selection: Selection::default(),
            kinds,
            policies: Policies::default(),
            policy_documents: Vec::new(),
            node: parsed.contains(&Target::Host).then(|| host_root.cloned().unwrap_or_else(|| PathBuf::from("/"))),
            benchmarks: Vec::new(),
        })
    }

    fn config(&self, targets: &[String]) -> anyhow::Result<(Config, Vec<Problem>)> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => match default_config(targets) {
                Some(path) => path,
                None => return Ok(Default::default()),
            },
        };
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read the configuration {}", path.display()))?;
        Ok(Config::read(&Source::new(path.display().to_string(), Origin::File, text)))
    }
}

/// Reads policies out of files and directories, with what else stands there. What cannot be read is a problem.
pub(crate) fn policies(paths: &[String]) -> (Policies, Snapshot) {
    policies_with(paths, &Options::default())
}

/// The same, hidden files included: Kyverno's tests stand in `.kyverno-test`.
pub(crate) fn all_policies(paths: &[String]) -> (Policies, Snapshot) {
    policies_with(paths, &Options { no_ignore: true, ..Options::default() })
}

fn policies_with(paths: &[String], options: &Options) -> (Policies, Snapshot) {
    let targets: Vec<Target> = paths.iter().map(|path| Target::new(path)).collect();
    // A module that is named itself is no manifest.
    let manifests: Vec<Target> = paths.iter().filter(|path| !path.ends_with(".rego")).map(|path| Target::new(path)).collect();
    let mut snapshot = plimsoll_sources::load(&manifests, options, io::stdin());
    let (modules, mut problems) = plimsoll_sources::modules(&targets, options);
    let (policies, more) = Policies::read(&snapshot.documents, &modules);
    problems.extend(more);
    snapshot.problems.extend(problems);
    (policies, snapshot)
}

impl Loaded {
    /// Brings in the policies of `paths`.
    pub(crate) fn bring(&mut self, paths: &[String]) -> anyhow::Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let (policies, snapshot) = policies(paths);
        if policies.is_empty() && snapshot.problems.is_empty() {
            bail!("there is no policy in {}; `plimsoll policy check` says what is read", paths.join(", "));
        }
        self.snapshot.problems.extend(snapshot.problems);
        self.policies = policies.with_inputs(self.config.policy_inputs.clone());
        self.policy_documents = snapshot.documents;
        Ok(())
    }
}

/// What the configuration chooses for the checks; a name or value that cannot be is a problem.
fn parameters(config: &Config, problems: &mut Vec<Problem>) -> Parameters {
    let mut parameters = Parameters::default();
    for (name, values, place) in &config.parameters {
        if let Err(error) = parameters.set(name, values.clone()) {
            let problem = Problem::new(ProblemKind::Configuration, error.to_string()).located(place.clone());
            let known = || PARAMETERS.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ");
            let is_unknown = matches!(error, ParameterError::Unknown(_));
            problems.push(if is_unknown { problem.help(format!("there are {}", known())) } else { problem });
        }
    }
    parameters
}

impl ClusterArgs {
    /// Reads the cluster.
    pub(crate) fn lists(&self) -> anyhow::Result<Lists> {
        cluster::read(&self.options(&Config::default())).context("cannot read the cluster")
    }

    fn options(&self, config: &Config) -> cluster::Options {
        self.reach.options(config, self.namespace.clone())
    }
}

impl Reach {
    fn options(&self, config: &Config, namespace: Option<String>) -> cluster::Options {
        cluster::Options {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace,
            secrets: self.secrets,
            secret_data: self.secret_data,
            kinds: config.workloads.iter().map(|kind| (kind.group.clone(), kind.kind.clone())).collect(),
        }
    }
}

fn default_config(targets: &[String]) -> Option<PathBuf> {
    const NAME: &str = "plimsoll.yaml";
    let first = targets.first().map(Path::new)?;
    let beside = if first.is_dir() { Some(first) } else { first.parent().filter(|_| first.is_file()) };
    let candidates = beside.map(|directory| directory.join(NAME)).into_iter().chain([PathBuf::from(NAME)]);
    // `./plimsoll.yaml` is shown as the user would write it.
    candidates.map(|path| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)).find(|path| path.is_file())
}

/// What a node shows, below `root` or on this machine.
pub(crate) fn host_lists(root: Option<&Path>) -> Lists {
    Lists::of_host(&Host::new(root.unwrap_or(Path::new("/"))))
}

/// Saves what was read of a cluster or a node to `file`.
pub(crate) fn snapshot(lists: &Lists, file: &Path) -> anyhow::Result<Outcome> {
    let taken_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    if lists.is_empty() {
        bail!("nothing could be read");
    }
    for problem in lists.problems() {
        crate::output::complain(&format!("{}: {}", problem.place(), problem.message));
    }
    if file == Path::new("-") {
        plimsoll_sources::snapshot::write(io::stdout().lock(), lists, &taken_at)?;
    } else {
        let out = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        plimsoll_sources::snapshot::write(out, lists, &taken_at).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(if lists.problems().next().is_some() { Outcome::Incomplete } else { Outcome::Clean })
}
