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
mod users;

pub use follow::Follow;
pub use raw::{RawEvent, raw, raw_stream};

use crate::files;
use crate::split::{Batch, Broken, Piece, Splitter};
use crate::streams::{broken_stream, each_stream, unpacked};
use document::{Context, Found};
use plimsoll_model::Problem;
use plimsoll_model::audit::{Event, Place};
use problems::{Book, Trouble};
use rayon::prelude::*;
use std::io::Read;
use std::path::PathBuf;
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
