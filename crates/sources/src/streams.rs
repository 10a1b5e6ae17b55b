//! Streams of logs: opened by name, unpacked by content.

use crate::files;
use crate::gzip::Gunzip;
use plimsoll_model::{Problem, ProblemKind};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A stream with its name, or why there is none.
pub(crate) type Opened<'s> = Result<(String, Box<dyn Read + Send + 's>), Problem>;

/// Opens what the paths name, one after the other.
pub(crate) fn each_stream<'s>(paths: &[PathBuf], stdin: impl Read + Send + 's, mut take: impl FnMut(Opened<'s>)) {
    let mut stdin = Some(stdin);
    let open = |path: &Path| -> Opened<'s> {
        let name = files::name(path);
        match File::open(path) {
            Ok(file) => Ok((name, Box::new(file))),
            Err(error) => Err(files::unreadable(&name, &error)),
        }
    };
    for path in paths {
        if path.as_os_str() == "-" {
            if let Some(stdin) = stdin.take() {
                take(Ok(("-".to_owned(), Box::new(stdin))));
            }
            continue;
        }
        if !path.is_dir() {
            // Also pipes, as shells make them of `<(zcat …)`.
            take(open(path));
            continue;
        }
        for entry in ignore::WalkBuilder::new(path).standard_filters(false).follow_links(true).sort_by_file_name(Ord::cmp).build() {
            match entry {
                Ok(entry) if entry.path().is_file() => take(open(entry.path())),
                Ok(_) => {}
                Err(error) => take(Err(files::walk_problem(&error))),
            }
        }
    }
}

/// What a stream holds, and whether it was compressed.
pub(crate) fn unpacked<'s>(mut input: impl Read + Send + 's) -> io::Result<(Box<dyn Read + Send + 's>, bool)> {
    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head)?;
    let is_gzip = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(input);
    Ok((if is_gzip { Box::new(Gunzip::new(whole)) } else { Box::new(whole) }, is_gzip))
}

/// That a stream cannot be read further than `line`.
pub(crate) fn broken_stream(name: &str, line: u64, is_gzip: bool, error: &io::Error) -> Problem {
    let what = if is_gzip { "the gzip stream is broken here" } else { "cannot be read further" };
    let message = format!("{what}: {error}; what stands before is read");
    Problem::new(ProblemKind::Unreadable, message).target(format!("{name}:{line}"))
}
