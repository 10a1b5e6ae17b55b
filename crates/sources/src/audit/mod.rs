//! Audit logs of API servers: native JSON lines and event lists, and what the clouds export. Every document is known by its own
//! content, so that files, compressed or not, may hold a mixture.
//!
//! A log may be larger than memory: it is read in chunks, split where a piece can be parsed on its own (`split`), parsed in parallel
//! (`document` and a file for each format) and handed over in batches, in the order of the files.

mod aks;
mod document;
mod eks;
mod event_list;
mod follow;
mod gke;
mod native;
mod problems;
mod raw;
mod shipped;
mod split;
mod users;

pub use follow::Follow;
pub use raw::{RawEvent, raw, raw_stream};

use crate::files;
use crate::gzip::Gunzip;
use document::{Context, Found};
use plimsoll_model::audit::{Event, Place};
use plimsoll_model::{Problem, ProblemKind};
use problems::{Book, Trouble};
use rayon::prelude::*;
use split::{Batch, Broken, Piece, Splitter};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use users::Users;

/// What one thread parses at once.
const SHARE: usize = 256;

/// How to read audit logs.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Keep the bodies of requests and answers; without it they are passed over.
    pub objects: bool,
    /// Keep the text of every event.
    pub text: bool,
    /// Hand events over whenever the input pauses, instead of in full batches: for input that goes on.
    pub prompt: bool,
    /// The most bytes of one event.
    pub limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { objects: false, text: false, prompt: false, limit: 64 << 20 }
    }
}

/// Reads files, directories (every regular file in them, by name) and standard input (`-`), and gives their events to `sink` in
/// order. What could not be read is told in the end; it stops nothing.
pub fn read(paths: &[PathBuf], options: &Options, stdin: impl Read + Send, mut sink: impl FnMut(Vec<Event>)) -> Vec<Problem> {
    let mut reader = Reader::new(options);
    each_stream(paths, stdin, |next| match next {
        Ok((name, input)) => reader.stream(&name, input, &mut sink),
        Err(problem) => reader.book.other(problem),
    });
    reader.book.finish()
}

/// A stream with its name, or why there is none.
type Opened<'s> = Result<(String, Box<dyn Read + Send + 's>), Problem>;

/// Opens what the paths name, one after the other.
fn each_stream<'s>(paths: &[PathBuf], stdin: impl Read + Send + 's, mut take: impl FnMut(Opened<'s>)) {
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
fn unpacked<'s>(mut input: impl Read + Send + 's) -> io::Result<(Box<dyn Read + Send + 's>, bool)> {
    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head)?;
    let is_gzip = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(input);
    Ok((if is_gzip { Box::new(Gunzip::new(whole)) } else { Box::new(whole) }, is_gzip))
}

/// Reads one stream, which problems and places call `name`; see [`read`].
pub fn read_stream(name: &str, input: impl Read + Send, options: &Options, mut sink: impl FnMut(Vec<Event>)) -> Vec<Problem> {
    let mut reader = Reader::new(options);
    reader.stream(name, input, &mut sink);
    reader.book.finish()
}

struct Reader<'o> {
    options: &'o Options,
    users: Users,
    book: Book,
}

impl<'o> Reader<'o> {
    fn new(options: &'o Options) -> Self {
        Self { options, users: Users::default(), book: Book::default() }
    }

    /// One thread reads, decompresses and splits; the others parse.
    fn stream(&mut self, name: &str, input: impl Read + Send, sink: &mut impl FnMut(Vec<Event>)) {
        let (input, is_gzip) = match unpacked(input) {
            Ok(input) => input,
            Err(error) => return self.book.other(files::unreadable(name, &error)),
        };
        let mut splitter = Splitter::new(input, self.options.limit, self.options.prompt);
        let source: Arc<str> = name.into();
        std::thread::scope(|scope| {
            let (batches, parsed) = sync_channel(1);
            scope.spawn(move || {
                loop {
                    let next = splitter.next();
                    let line = splitter.line();
                    let last = matches!(next, Ok(None));
                    if last || batches.send(next.map_err(|error| (error, line))).is_err() {
                        break;
                    }
                }
            });
            for batch in parsed {
                match batch {
                    Ok(Some(batch)) => self.batch(&source, &batch, sink),
                    Ok(None) => {}
                    Err((error, line)) => self.book.other(broken_stream(name, line, is_gzip, &error)),
                }
            }
        });
    }

    fn batch(&mut self, source: &Arc<str>, batch: &Batch, sink: &mut impl FnMut(Vec<Event>)) {
        let parse = |pieces: &[Piece]| {
            let mut context = Context::new(self.options, &self.users);
            let mut found = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let place = Place { source: source.clone(), line: piece.line, item: piece.item };
                let bytes = batch.bytes.get(piece.range.clone()).unwrap_or_default();
                match piece.broken {
                    None => context.piece(bytes, &place, &mut found),
                    Some(broken) => found.push(broken.found(self.options.limit, place)),
                }
            }
            found
        };
        let shares: Vec<Vec<Found>> = batch.pieces.par_chunks(SHARE).map(parse).collect();
        let mut events = Vec::with_capacity(batch.pieces.len());
        for found in shares.into_iter().flatten() {
            match found {
                Found::Event(event) => events.push(*event),
                Found::Trouble(trouble, what, place) => self.book.add(trouble, &what, &place),
            }
        }
        if !events.is_empty() {
            sink(events);
        }
    }
}

impl Broken {
    /// What is told of the piece in this place.
    fn found(self, limit: usize, place: Place) -> Found {
        match self {
            Self::CutOff => Found::Trouble(Trouble::CutOff, String::new(), place),
            Self::TooLarge => Found::Trouble(Trouble::TooLarge, format!("{} MiB", limit >> 20), place),
        }
    }
}

fn broken_stream(name: &str, line: u64, is_gzip: bool, error: &io::Error) -> Problem {
    let what = if is_gzip { "the gzip stream is broken here" } else { "cannot be read further" };
    let message = format!("{what}: {error}; what stands before is read");
    Problem::new(ProblemKind::Unreadable, message).target(format!("{name}:{line}"))
}
