//! The world to model: files, directories, archives, charts, kustomizations, live clusters, nodes, snapshots.
//!
//! Nothing here fails as a whole: what cannot be read is a problem in the snapshot, and the rest is read.

mod archive;
pub mod audit;
pub mod capture;
pub mod cluster;
mod files;
pub mod flows;
mod gzip;
mod helm;
pub mod host;
mod kustomize;
mod render;
pub mod schema;
pub mod snapshot;
mod split;
mod streams;
mod texts;
pub mod trace;

pub use texts::texts;

use plimsoll_model::{Document, Limits, Problem, Snapshot, Source, parse};
use rayon::prelude::*;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, directory, archive or snapshot.
    Path(PathBuf),
    /// Standard input: YAML, JSON, or an archive.
    Stdin,
    /// The cluster of the kubeconfig, or the one that this pod runs in.
    Cluster,
    /// The node that this runs on, or whose file system is given.
    Host,
}

/// How to read it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// In directories, read only files that match one of these globs, relative to the directory.
    pub include: Vec<String>,
    /// In directories, skip files that match one of these globs.
    pub exclude: Vec<String>,
    /// In directories, also read hidden files and what `.gitignore` leaves out.
    pub no_ignore: bool,
    /// Bounds on what one file may ask of the reader.
    pub limits: Limits,
    /// Where renderers are looked for; `None` is the `PATH` of the environment.
    pub path: Option<std::ffi::OsString>,
    /// How to reach the cluster.
    pub cluster: cluster::Options,
    /// Where the root of the node's file system is; `None` is that of this machine.
    pub host_root: Option<PathBuf>,
}

/// What became of one target before it is parsed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files that are still to be read.
    pub(crate) files: Vec<files::Pending>,
    /// Text that is there already.
    pub(crate) sources: Vec<Arc<Source>>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
}

impl Target {
    /// `-` is standard input, `cluster` the cluster and `host` the node unless there is a file of that name, everything
    /// else a path.
    pub fn new(text: &str) -> Self {
        match text {
            "-" => Self::Stdin,
            "cluster" if !PathBuf::from(text).exists() => Self::Cluster,
            "host" if !PathBuf::from(text).exists() => Self::Host,
            path => Self::Path(PathBuf::from(path)),
        }
    }
}

/// Reads the Rego modules of files and directories, and what could not be read of them.
pub fn modules(targets: &[Target], options: &Options) -> (Vec<Arc<Source>>, Vec<Problem>) {
    let (mut modules, mut problems) = (Vec::new(), Vec::new());
    for target in targets {
        if let Target::Path(path) = target
            && path.exists()
        {
            files::modules(path, options, &mut modules, &mut problems);
        }
    }
    (modules, problems)
}

/// Reads every target, files in parallel. Documents are in the order of the targets, within a directory by path.
pub fn load(targets: &[Target], options: &Options, stdin: impl Read) -> Snapshot {
    let mut stdin = Some(stdin);
    let mut found = Found::default();
    let mut seen = std::collections::HashSet::new();
    for target in targets {
        match target {
            Target::Path(path) if seen.insert(path.clone()) => files::find(path, options, &mut found),
            Target::Stdin => {
                if let Some(stdin) = stdin.take() {
                    archive::read_stream("-", stdin, options, &mut found);
                }
            }
            Target::Cluster => match cluster::read(&options.cluster) {
                Ok(lists) => {
                    found.problems.extend(lists.problems());
                    found.sources.extend(lists.sources("cluster"));
                }
                Err(error) => found.problems.push(error.problem()),
            },
            Target::Host => {
                let root = options.host_root.clone().unwrap_or_else(|| PathBuf::from("/"));
                let (sources, problems) = host::read(&host::Host::new(root));
                found.sources.extend(sources);
                found.problems.extend(problems);
            }
            Target::Path(_) => {}
        }
    }
    parse_all(found, options.limits)
}

/// Reads what is pending and parses everything, in parallel and in a stable order.
fn parse_all(found: Found, limits: Limits) -> Snapshot {
    let Found { files, sources, mut problems } = found;
    let ready = sources.into_par_iter().map(|source| parse(&source, limits));
    let pending = files.into_par_iter().map(|file| match file.read(limits) {
        Ok(source) => parse(&source, limits),
        Err(problem) => (Vec::new(), vec![problem]),
    });
    let parts: Vec<(Vec<Document>, Vec<Problem>)> = pending.chain(ready).collect();
    let mut documents = Vec::with_capacity(parts.iter().map(|(documents, _)| documents.len()).sum());
    for (more, trouble) in parts {
        documents.extend(more);
        problems.extend(trouble);
    }
    Snapshot { documents, problems }
}
