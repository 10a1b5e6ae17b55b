//! Tar archives and streams, never unpacked to disk.

use crate::files::{source, too_large, unreadable};
use crate::{Found, Options, snapshot};
use flate2::read::MultiGzDecoder;
use plimsoll_model::{Origin, Problem, ProblemKind};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Bytes that an archive may hold in all; with the limit on each member this bounds what a small archive can ask for.
const TOTAL: u64 = 2 << 30;
/// Members that are looked at.
const MEMBERS: usize = 200_000;

/// Whether a file is an archive by its first bytes: gzip, or tar by its magic.
pub(crate) fn is_archive(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head));
    read.is_ok() && (is_gzip(&head) || is_tar(&head))
}

/// Reads a stream that may be text, gzip or tar, alone or tar in gzip.
pub(crate) fn read_stream(name: &str, stream: impl Read, options: &Options, found: &mut Found) {
    let mut stream = BufReader::with_capacity(1 << 16, stream);
    match peek(&mut stream) {
        Err(error) => found.problems.push(unreadable(name, &error)),
        Ok((head, rest)) if is_gzip(&head) => {
            let mut inner = MultiGzDecoder::new(rest);
            match peek(&mut inner) {
                Err(error) => found.problems.push(broken(name, &error)),
                Ok((head, rest)) if is_tar(&head) => read_tar(name, rest, options, found),
                Ok((_, rest)) => read_text(name, rest, options, found),
            }
        }
        Ok((head, rest)) if is_tar(&head) => read_tar(name, rest, options, found),
        Ok((_, rest)) => read_text(name, rest, options, found),
    }
}

fn read_text(name: &str, stream: impl Read, options: &Options, found: &mut Found) {
    let mut bytes = Vec::new();
    let origin = if name == "-" { Origin::Stdin } else { Origin::Archive };
    if let Err(error) = stream.take(options.limits.bytes + 1).read_to_end(&mut bytes) {
        found.problems.push(broken(name, &error));
        return;
    }
    match source(name, origin, bytes, options.limits) {
        Ok(source) => found.sources.push(source),
        Err(problem) => found.problems.push(problem),
    }
}

fn read_tar(name: &str, stream: impl Read, options: &Options, found: &mut Found) {
    let mut archive = tar::Archive::new(stream);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return found.problems.push(broken(name, &error)),
    };
    let mut total = 0_u64;
    let mut is_snapshot = false;
    for (count, entry) in entries.enumerate() {
        let mut entry = match entry {
            Ok(entry) => entry,
            // What was read so far stays.
            Err(error) => return found.problems.push(broken(name, &error)),
        };
        let member = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let size = entry.header().size().unwrap_or(0);
        total = total.saturating_add(size);
        if count >= MEMBERS || total > TOTAL {
            let message = format!("an archive of more than {MEMBERS} files or {} MiB; the rest is not read", TOTAL >> 20);
            return found.problems.push(Problem::new(ProblemKind::Limit, message).target(name));
        }
        let wanted = [".yaml", ".yml", ".json"].iter().any(|suffix| member.to_ascii_lowercase().ends_with(suffix));
        if !entry.header().entry_type().is_file() || !wanted {
            continue;
        }
        let full = format!("{name}:{member}");
        if size > options.limits.bytes {
            found.problems.push(too_large(&full, Some(size), options.limits.bytes));
            continue;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        if let Err(error) = entry.read_to_end(&mut bytes) {
            return found.problems.push(broken(&full, &error));
        }
        if count == 0 && member == snapshot::INDEX {
            is_snapshot = snapshot::read_index(name, &bytes, found);
            if is_snapshot {
                continue;
            }
        }
        let (full, origin) = if is_snapshot { (snapshot::name(name, &member), Origin::Live) } else { (full, Origin::Archive) };
        match source(&full, origin, bytes, options.limits) {
            Ok(source) => found.sources.push(source),
            Err(problem) => found.problems.push(problem),
        }
    }
}

/// The first bytes of a stream, and the whole stream.
fn peek<R: Read>(mut stream: R) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::new();
    stream.by_ref().take(512).read_to_end(&mut head)?;
    Ok((head.clone(), io::Cursor::new(head).chain(stream)))
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// `ustar` at byte 257 (POSIX.1-1988); GNU tar writes the same letters.
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn broken(name: &str, error: &io::Error) -> Problem {
    Problem::new(ProblemKind::Unreadable, format!("the archive is broken here: {error}; what stands before it is read")).target(name)
}
