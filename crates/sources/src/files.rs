//! Files: what a path stands for, and bytes to text.

use crate::found::Found;
use crate::{archive, directory};
use plimsoll_model::{Limits, Origin, Problem, ProblemKind, Source};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that is to be read and parsed.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// What the user calls it.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// Whether the user named this file, and not a directory that it was met in.
    pub(crate) named: bool,
}

impl File {
    /// A file on disk that was met in a directory.
    pub(crate) fn met(path: PathBuf) -> Self {
        Self { name: name(&path), path, origin: Origin::File, named: false }
    }

    /// The text, if it is one and not too large.
    pub(crate) fn read(&self, limits: Limits) -> Result<Arc<Source>, Problem> {
        let unreadable = |error: io::Error| unreadable(&self.name, &error);
        let file = fs::File::open(&self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length > limits.bytes {
            return Err(too_large(&self.name, Some(length), limits.bytes));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        // What a file says of its length is not binding (`/proc`).
        file.take(limits.bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        source(&self.name, self.origin, bytes, limits)
    }
}

/// Finds what `path` stands for: itself, or what a directory or archive holds.
pub(crate) fn find(path: &Path, found: &mut Found<'_>) {
    let name = name(path);
    // A pipe (`<(kubectl get …)`) can be opened once only, and a directory needs no opening.
    let file = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return directory::read(path, found),
        Ok(metadata) => fs::File::open(path).map(|file| (file, metadata.is_file())),
        Err(error) => Err(error),
    };
    match file {
        Err(error) => found.problems.push(unreadable(&name, &error)),
        Ok((pipe, false)) => archive::read_stream(&name, Origin::Stdin, pipe, found),
        Ok((mut file, true)) => match archive::is_archive(&mut file) {
            Err(error) => found.problems.push(unreadable(&name, &error)),
            Ok(true) => archive::read_file(path, &name, file, found),
            Ok(false) => found.file(File { path: path.to_owned(), name, origin: Origin::File, named: true }, real(path)),
        },
    }
}

/// `bytes` as a source, if they are text and not too many.
pub(crate) fn source(name: &str, origin: Origin, bytes: Vec<u8>, limits: Limits) -> Result<Arc<Source>, Problem> {
    if bytes.len() as u64 > limits.bytes {
        return Err(too_large(name, None, limits.bytes));
    }
    String::from_utf8(bytes).map(|text| Source::new(name, origin, text)).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let problem = |what: &str| Problem::new(ProblemKind::Unreadable, what).target(name);
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            problem("UTF-16 text; Kubernetes reads UTF-8").help("convert it, for example with `iconv -f UTF-16 -t UTF-8`")
        } else if bytes.iter().take(1024).any(|byte| *byte == 0) {
            problem("a binary file, not text")
        } else {
            problem(&format!("not UTF-8 text, byte offset {at}"))
        }
    })
}

pub(crate) fn unreadable(name: &str, error: &io::Error) -> Problem {
    Problem::new(ProblemKind::Unreadable, format!("cannot be read: {}", words(error))).target(name)
}

/// What the operating system says, without its error numbers where the words are common.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
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

/// A path as the user would write it: with `/`, and without a leading `./`.
pub(crate) fn name(path: &Path) -> String {
    let plain = path.strip_prefix(".").unwrap_or(path).to_string_lossy();
    if plain.is_empty() { ".".to_owned() } else { plain.replace(std::path::MAIN_SEPARATOR, "/") }
}

/// The path without symbolic links, by which a file is known again.
pub(crate) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
