//! Files and directories.

use crate::{Found, Options, archive, helm, kustomize, snapshot};
use globset::{Glob, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;
use plimsoll_model::{Limits, Origin, Problem, ProblemKind, Source};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that is to be read and parsed.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The file.
    pub(crate) path: PathBuf,
    /// What the user calls it.
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

impl Pending {
    pub(crate) fn file(path: PathBuf) -> Self {
        Self { name: name(&path), path, origin: Origin::File }
    }

    /// The text, if it is one and not too large.
    pub(crate) fn read(&self, limits: Limits) -> Result<Arc<Source>, Problem> {
        let unreadable = |error: &io::Error| unreadable(&self.name, error);
        let file = File::open(&self.path).map_err(|error| unreadable(&error))?;
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        if length > limits.bytes {
            return Err(too_large(&self.name, Some(length), limits.bytes));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        // What a file says of its length is not binding (`/proc`, pipes).
        file.take(limits.bytes + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        source(&self.name, self.origin, bytes, limits)
    }
}

/// `bytes` as a source, if they are text and not too many.
pub(crate) fn source(name: &str, origin: Origin, bytes: Vec<u8>, limits: Limits) -> Result<Arc<Source>, Problem> {
    if bytes.len() as u64 > limits.bytes {
        return Err(too_large(name, None, limits.bytes));
    }
    String::from_utf8(bytes).map(|text| Source::new(name, origin, text)).map_err(|error| {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let what = if utf16 {
            "UTF-16 text; Kubernetes reads UTF-8".to_owned()
        } else if bytes.iter().take(1024).any(|byte| *byte == 0) {
            "a binary file, not text".to_owned()
        } else {
            format!("not UTF-8 text: the byte at offset {at} does not fit")
        };
        let problem = Problem::new(ProblemKind::Unreadable, what).target(name);
        if utf16 { problem.help("convert it, for example with `iconv -f UTF-16 -t UTF-8`") } else { problem }
    })
}

pub(crate) fn unreadable(name: &str, error: &io::Error) -> Problem {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    Problem::new(ProblemKind::Unreadable, format!("cannot be read: {what}")).target(name)
}

pub(crate) fn too_large(name: &str, length: Option<u64>, limit: u64) -> Problem {
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let message = match length {
        Some(length) => format!("{} is more than the limit of {}", mebibytes(length), mebibytes(limit)),
        None => format!("more than the limit of {}", mebibytes(limit)),
    };
    Problem::new(ProblemKind::Limit, message)
        .target(name)
        .help("raise the limit with --max-file-size, or leave the file out with --exclude")
}

/// A path as the user would write it.
pub(crate) fn name(path: &Path) -> String {
    let plain = path.strip_prefix(".").unwrap_or(path);
    plain.to_string_lossy().into_owned()
}

/// The Rego modules that `path` is or holds, without their tests.
pub(crate) fn modules(path: &Path, options: &Options, modules: &mut Vec<Arc<Source>>, problems: &mut Vec<Problem>) {
    for entry in walk(path, options) {
        let path = match &entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                problems.push(walk_problem(error));
                continue;
            }
        };
        let is_module = path.extension().is_some_and(|extension| extension == "rego") && path.is_file();
        let is_test = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_test"));
        if is_module && !is_test {
            match Pending::file(path.to_owned()).read(options.limits) {
                Ok(source) => modules.push(source),
                Err(problem) => problems.push(problem),
            }
        }
    }
}

fn walk(root: &Path, options: &Options) -> ignore::Walk {
    WalkBuilder::new(root)
        .hidden(!options.no_ignore)
        .ignore(!options.no_ignore)
        .git_ignore(!options.no_ignore)
        .git_exclude(!options.no_ignore)
        .git_global(false)
        .parents(!options.no_ignore)
        .require_git(false)
        .follow_links(true)
        .sort_by_file_name(Ord::cmp)
        .build()
}

/// Finds what `path` stands for: itself, or what a directory holds.
pub(crate) fn find(path: &Path, options: &Options, found: &mut Found) {
    match fs::metadata(path) {
        Err(error) => found.problems.push(unreadable(&path.to_string_lossy(), &error)),
        Ok(metadata) if metadata.is_dir() => directory(path, options, found),
        Ok(_) if archive::is_archive(path) => match File::open(path) {
            Ok(file) => archive::read_stream(&name(path), file, options, found),
            Err(error) => found.problems.push(unreadable(&name(path), &error)),
        },
        Ok(_) => found.files.push(Pending::file(path.to_owned())),
    }
}

fn directory(root: &Path, options: &Options, found: &mut Found) {
    if root.join(snapshot::INDEX).is_file() && snapshot::directory(root, options, found) {
        return;
    }
    let (Some(include), Some(exclude)) = (globs(&options.include, found), globs(&options.exclude, found)) else { return };
    let mut charts = Vec::new();
    let mut kustomizations = Vec::new();
    let mut files = Vec::new();
    for entry in walk(root, options) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.problems.push(walk_problem(&error));
                continue;
            }
        };
        let path = entry.path();
        let relative = path.strip_prefix(root).unwrap_or(path);
        if !exclude.is_empty() && exclude.is_match(relative) {
            continue;
        }
        if entry.file_type().is_none_or(|kind| !kind.is_file()) {
            continue;
        }
        let file_name = entry.file_name().to_string_lossy();
        if file_name == "Chart.yaml" {
            charts.push(path.parent().unwrap_or(root).to_owned());
        } else if kustomize::FILES.contains(&&*file_name) {
            kustomizations.push(path.to_owned());
        } else if is_manifest(path) && (include.is_empty() || include.is_match(relative)) {
            files.push(path.to_owned());
        }
    }
    let charts = helm::outermost(charts);
    files.retain(|path| !charts.iter().any(|chart| path.starts_with(chart)));
    kustomizations.retain(|path| !charts.iter().any(|chart| path.starts_with(chart)));
    let plan = kustomize::plan(&kustomizations, options, found);
    files.retain(|path| !plan.owns(path));
    found.files.extend(files.into_iter().map(Pending::file));
    for chart in charts {
        helm::render(&chart, options, found);
    }
    plan.render(options, found);
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn globs(patterns: &[String], found: &mut Found) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match Glob::new(pattern) {
            Ok(glob) => set.add(glob),
            Err(error) => {
                found.problems.push(Problem::new(ProblemKind::Configuration, format!("`{pattern}` is no glob: {}", error.kind())));
                return None;
            }
        };
    }
    match set.build() {
        Ok(set) => Some(set),
        Err(error) => {
            found.problems.push(Problem::new(ProblemKind::Configuration, format!("the globs are too much: {error}")));
            None
        }
    }
}

/// The walker nests its errors: the innermost says what, the outer ones where.
pub(crate) fn walk_problem(error: &ignore::Error) -> Problem {
    fn place(error: &ignore::Error) -> Option<&Path> {
        match error {
            ignore::Error::WithPath { path, .. } => Some(path),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
            _ => None,
        }
    }
    fn cause(error: &ignore::Error) -> String {
        match error {
            ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                cause(err)
            }
            ignore::Error::Loop { ancestor, .. } => format!("a loop of symbolic links back to {}", name(ancestor)),
            ignore::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => "a symbolic link to nothing".to_owned(),
            ignore::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            other => other.to_string(),
        }
    }
    let what = match error {
        ignore::Error::Loop { child, .. } => {
            return Problem::new(ProblemKind::Unreadable, format!("not followed: {}", cause(error))).target(name(child));
        }
        _ => cause(error),
    };
    let target = match error {
        ignore::Error::WithDepth { err, .. } => match err.as_ref() {
            ignore::Error::Loop { child, .. } => Some(child.as_path()),
            _ => place(error),
        },
        _ => place(error),
    };
    Problem::new(ProblemKind::Unreadable, format!("not read: {what}")).target(target.map(name).unwrap_or_default())
}
