//! Files whose text is what is wanted, as it stands: rules.

use crate::files::{self, Pending};
use plimsoll_model::{Limits, Origin, Problem, Source};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads files in the order in which they are named; of a directory the YAML files in it, by name, but not what is below it. `-` is
/// standard input.
pub fn texts(paths: &[PathBuf], stdin: impl Read) -> (Vec<Arc<Source>>, Vec<Problem>) {
    let limits = Limits::default();
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    let mut stdin = Some(stdin);
    for path in paths {
        let read = if path.as_os_str() == "-" {
            stdin.take().map(|stdin| {
                let mut bytes = Vec::new();
                match stdin.take(limits.bytes + 1).read_to_end(&mut bytes) {
                    Ok(_) => files::source("-", Origin::Stdin, bytes, limits),
                    Err(error) => Err(files::unreadable("-", &error)),
                }
            })
        } else if path.is_dir() {
            match within(path) {
                Ok(files) => {
                    for file in files {
                        match Pending::file(file).read(limits) {
                            Ok(source) => sources.push(source),
                            Err(problem) => problems.push(problem),
                        }
                    }
                    None
                }
                Err(error) => Some(Err(files::unreadable(&files::name(path), &error))),
            }
        } else {
            Some(Pending::file(path.clone()).read(limits))
        };
        match read {
            Some(Ok(source)) => sources.push(source),
            Some(Err(problem)) => problems.push(problem),
            None => {}
        }
    }
    (sources, problems)
}

fn within(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
