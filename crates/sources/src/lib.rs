//! The world to model: files, directories, archives, charts, kustomizations, live clusters, snapshots.
//!
//! Nothing here fails as a whole: what cannot be read is a problem in the snapshot, and the rest is read.

mod archive;
pub mod cluster;
mod directory;
mod files;
mod filter;
mod found;
mod helm;
mod kustomize;
mod layout;
mod render;
pub mod snapshot;

use filter::Filter;
use found::Found;
use plimsoll_model::{Limits, Origin, Snapshot};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file, directory, archive or snapshot.
    Path(PathBuf),
    /// Standard input: YAML, JSON, or an archive.
    Stdin,
    /// The cluster of the kubeconfig, or the one that this pod runs in.
    Cluster,
}

/// How to read it.
///
/// Globs are relative to the target; `*` stops at `/`, `**` does not. A glob without `/` fits a name at any depth, and
/// a glob that fits a directory fits everything in it.
#[derive(Debug, Clone)]
pub struct Options {
    /// In directories and archives, read only files that fit one of these globs.
    pub include: Vec<String>,
    /// In directories and archives, skip what fits one of these globs.
    pub exclude: Vec<String>,
    /// In directories, also read hidden files and what `.gitignore` leaves out; in archives, hidden files.
    pub no_ignore: bool,
    /// Bounds on what one file may ask of the reader.
    pub limits: Limits,
    /// Where renderers are looked for; `None` is the `PATH` of the environment.
    pub path: Option<OsString>,
    /// How long one chart or kustomization may take to render.
    pub render_timeout: Duration,
    /// How to reach the cluster.
    pub cluster: cluster::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            no_ignore: false,
            limits: Limits::default(),
            path: None,
            // Charts with many dependencies take seconds.
            render_timeout: Duration::from_secs(60),
            cluster: cluster::Options::default(),
        }
    }
}

impl Target {
    /// `-` is standard input, `cluster` the cluster unless there is a file of that name, everything else a path.
    pub fn new(text: &str) -> Self {
        match text {
            "-" => Self::Stdin,
            "cluster" if !PathBuf::from(text).exists() => Self::Cluster,
            path => Self::Path(PathBuf::from(path)),
        }
    }
}

/// Reads every target once, in parallel.
///
/// Documents are in the order of the targets; those of a directory are its files by path, then its charts, then its
/// kustomizations. A file that is reached twice, by overlapping targets or a symbolic link, is read once.
pub fn load(targets: &[Target], options: &Options, stdin: impl Read) -> Snapshot {
    let filter = match Filter::new(&options.include, &options.exclude) {
        Ok(filter) => filter,
        Err(problem) => return Snapshot { documents: Vec::new(), problems: vec![problem] },
    };
    let mut found = Found::new(options, filter);
    let mut stdin = Some(stdin);
    let mut seen = HashSet::new();
    for target in targets.iter().filter(|target| seen.insert(*target)) {
        match target {
            Target::Path(path) => files::find(path, &mut found),
            Target::Stdin => {
                if let Some(stdin) = stdin.take() {
                    archive::read_stream("-", Origin::Stdin, stdin, &mut found);
                }
            }
            Target::Cluster => match cluster::read(&options.cluster) {
                Ok(lists) => {
                    found.problems.extend(lists.problems());
                    lists.into_sources("cluster").for_each(|source| found.text(source));
                }
                Err(error) => found.problems.push(error.problem()),
            },
        }
    }
    found.parse()
}
