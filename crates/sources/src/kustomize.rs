//! Kustomizations: rendered by `kubectl kustomize` or `kustomize`; what they refer to is not read raw, because a patch
//! is no manifest and a base is not what is deployed.

use crate::{Found, Options, files, render};
use plimsoll_model::{Document, Node, Problem, ProblemKind};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The names of a kustomization file (kustomize api/konfig, `RecognizedKustomizationFileNames`).
pub(crate) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Which directories to render and which paths belong to a kustomization.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    roots: Vec<PathBuf>,
    owned: BTreeSet<PathBuf>,
}

/// Reads the kustomizations of a walk and sorts out which of them nobody else builds on.
pub(crate) fn plan(kustomizations: &[PathBuf], options: &Options, found: &mut Found) -> Plan {
    let mut plan = Plan::default();
    let mut referenced = BTreeSet::new();
    let mut directories = Vec::new();
    for path in kustomizations {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let documents = match files::Pending::file(path.clone()).read(options.limits) {
            Ok(source) => {
                let (documents, problems) = plimsoll_model::parse(&source, options.limits);
                found.problems.extend(problems);
                documents
            }
            Err(problem) => {
                found.problems.push(problem);
                continue;
            }
        };
        plan.owned.insert(path.clone());
        let root = documents.first().and_then(Document::root);
        let is_component = root.and_then(|root| root.get("kind")).is_some_and(|kind| kind.text() == "Component");
        let mut names = Vec::new();
        if let Some(root) = root {
            references(root, &mut names);
        }
        for name in names {
            let path = normal(&directory.join(name));
            referenced.insert(path.clone());
            plan.owned.insert(path);
        }
        if !is_component {
            directories.push(directory);
        }
    }
    directories.sort();
    plan.roots = directories.into_iter().filter(|directory| !referenced.contains(&normal(directory))).collect();
    plan
}

impl Plan {
    /// Whether a file is part of a kustomization.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        self.owned.contains(&normal(path))
    }

    /// Renders the kustomizations that nobody else builds on.
    pub(crate) fn render(self, options: &Options, found: &mut Found) {
        for directory in self.roots {
            let place = files::name(&directory);
            let place = if place.is_empty() { ".".to_owned() } else { place };
            let target = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            let (program, verb) = match render::program("kustomize", options) {
                Some(program) => (program, "build"),
                None => match render::program("kubectl", options) {
                    Some(program) => (program, "kustomize"),
                    None => {
                        let problem =
                            Problem::new(ProblemKind::NotRendered, "a kustomization, and neither `kubectl` nor `kustomize` is on the PATH");
                        let help = format!("install kubectl, or render it elsewhere: `kubectl kustomize {place} | plimsoll scan -`");
                        found.problems.push(problem.target(place).help(help));
                        continue;
                    }
                },
            };
            render::run(&program, &[OsStr::new(verb), target.as_os_str()], &format!("{place} (kustomize)"), options, found);
        }
    }
}

/// Every text in a kustomization that may name a file or directory.
///
/// The fields that do (`resources`, `patches[].path`, `configMapGenerator[].files`, …) grow with each release, so all
/// texts count: a text that is no path names nothing that the walk will meet.
fn references(node: Node<'_>, names: &mut Vec<String>) {
    for (_, value) in node.entries() {
        references(value, names);
    }
    for item in node.items() {
        references(item, names);
    }
    if let Some(text) = node.as_str().filter(|text| text.len() < 4096 && !text.contains('\n') && !text.contains("://")) {
        // `files:` entries may be `key=path`.
        names.push(text.rsplit('=').next().unwrap_or(text).to_owned());
    }
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
