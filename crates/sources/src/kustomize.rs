//! Kustomizations: rendered by `kustomize` or `kubectl kustomize`; what they refer to is not read raw.

use crate::render::{self, Rendering};
use crate::{Options, files};
use plimsoll_model::{Document, Limits, Node, Problem, ProblemKind, Source, parse};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The names of a kustomization file (kustomize api/konfig, `RecognizedKustomizationFileNames`).
pub(crate) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The fields that may name the directory of another kustomization (kustomize api/types, `Kustomization`).
const DIRECTORIES: [&str; 6] = ["resources", "bases", "components", "generators", "transformers", "validators"];

/// Which directories to render, and which files belong to a kustomization.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) roots: Vec<PathBuf>,
    /// Files that are only called like a kustomization: Flux has a kind of that name.
    pub(crate) manifests: Vec<PathBuf>,
    owned: BTreeSet<PathBuf>,
    /// Directories whose kustomization cannot be read, so that nobody knows what it refers to.
    broken: BTreeSet<PathBuf>,
}

impl Plan {
    /// Reads the kustomization files `paths` and sorts out which directories nobody else builds on.
    pub(crate) fn new(
        paths: Vec<PathBuf>,
        includes: impl Fn(&Path) -> bool,
        read: impl Fn(&Path) -> Result<Arc<Source>, Problem>,
        limits: Limits,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut plan = Self::default();
        let mut directories = BTreeSet::new();
        let mut built_on = BTreeSet::new();
        for path in paths {
            let directory = normal(path.parent().unwrap_or(Path::new("")));
            let (documents, trouble) = match read(&path) {
                Ok(source) => parse(&source, limits),
                Err(problem) => (Vec::new(), vec![problem]),
            };
            if documents.is_empty() && !trouble.is_empty() {
                problems.extend(trouble);
                plan.broken.insert(directory);
                continue;
            }
            let root = documents.first().and_then(Document::root);
            let word = |key| root.and_then(|root| root.get(key)).map_or("", Node::text);
            if !word("apiVersion").is_empty() && !word("apiVersion").starts_with("kustomize.config.k8s.io/") {
                plan.manifests.push(path);
                continue;
            }
            let counts = includes(&path);
            for (key, value) in root.into_iter().flat_map(Node::entries) {
                for name in texts(value) {
                    let path = normal(&directory.join(name));
                    if counts && DIRECTORIES.contains(&key.text()) {
                        built_on.insert(path.clone());
                    }
                    plan.owned.insert(path);
                }
            }
            if counts && word("kind") != "Component" {
                directories.insert(directory);
            }
        }
        plan.roots = directories.difference(&built_on).cloned().collect();
        plan
    }

    /// Whether a file is part of a kustomization.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        let path = normal(path);
        self.owned.contains(&path) || path.parent().is_some_and(|directory| self.broken.contains(directory))
    }
}

/// How to render the kustomization in `directory`.
pub(crate) fn rendering(directory: &Path, options: &Options) -> Result<Rendering, Problem> {
    let place = files::name(directory);
    let kustomize = render::program("kustomize", options).map(|program| (program, "build"));
    let Some((program, verb)) = kustomize.or_else(|| Some((render::program("kubectl", options)?, "kustomize"))) else {
        let help = format!("install kubectl, or render it elsewhere: `kubectl kustomize {place} | plimsoll scan -`");
        let message = "a kustomization, and neither `kustomize` nor `kubectl` is on the PATH";
        return Err(Problem::new(ProblemKind::NotRendered, message).target(place).help(help));
    };
    Ok(Rendering { name: format!("{place} (kustomize)"), program, arguments: vec![verb.into(), render::argument(directory)] })
}

/// Every text under `node` that may name a file or directory.
///
/// The fields that do (`resources`, `patches[].path`, `configMapGenerator[].files`, …) grow with each release, so all
/// texts count: a text that is no path names nothing that will be met.
fn texts(node: Node<'_>) -> Vec<&str> {
    let below = node.entries().map(|(_, value)| value).chain(node.items());
    let mut texts: Vec<&str> = below.flat_map(texts).collect();
    let is_path = |text: &&str| !text.is_empty() && text.len() < 4096 && !text.contains('\n') && !text.contains("://");
    // An entry of `files` may be `key=path`.
    texts.extend(node.as_str().filter(is_path).map(|text| text.rsplit('=').next().unwrap_or(text)));
    texts
}

/// A path without `.` and `..`, so that different ways to write it compare equal.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
