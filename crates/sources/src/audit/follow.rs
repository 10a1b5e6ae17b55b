//! A log that goes on being written, also over its rotation.
//!
//! [`Follow::poll`] is one look at the file. Whoever calls it says when to look again and when to stop.

use super::raw::RawReader;
use super::{Options, RawEvent};
use crate::files;
use crate::split::Splitter;
use plimsoll_model::Problem;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is read at once.
const PART: usize = 1 << 20;

/// Reads a file as it grows.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    source: Arc<str>,
    limit: usize,
    file: File,
    /// How far it has been read.
    offset: u64,
    splitter: Splitter<io::Empty>,
    reader: RawReader,
    part: Vec<u8>,
}

impl Follow {
    /// Opens the log at `path`. What it holds already is read, too, unless only what is `new` is asked for. Of the options, only the
    /// limit counts.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, new: bool, options: &Options) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let offset = if new { file.seek(SeekFrom::End(0))? } else { 0 };
        Ok(Self {
            path: path.to_owned(),
            source: files::name(path).into(),
            limit: options.limit,
            file,
            offset,
            splitter: Splitter::waiting(options.limit),
            reader: RawReader::new(options),
            part: vec![0; PART],
        })
    }

    /// Gives the events to `sink` that were written since the last call; whether there was anything to read. A line that is not whole yet
    /// waits for its end. A file that was cut short is read from its beginning, and one that another has taken the place of is read
    /// to its end before the other is.
    ///
    /// # Errors
    /// The file cannot be read; the next call tries again.
    pub fn poll(&mut self, mut sink: impl FnMut(RawEvent<'_>)) -> io::Result<bool> {
        let before = self.file.metadata()?;
        if before.len() < self.offset {
            self.finish(&mut sink);
            self.offset = self.file.seek(SeekFrom::Start(0))?;
        }
        // Looked for first, so that nothing is missed that is written to the old file until then.
        let next = self.successor(&before);
        let mut came = self.read(&mut sink)?;
        if let Some(next) = next {
            self.finish(&mut sink);
            self.file = next;
            self.offset = 0;
            came |= self.read(&mut sink)?;
        }
        Ok(came)
    }

    /// What could not be read since the last call.
    pub fn problems(&mut self) -> Vec<Problem> {
        self.reader.book.take()
    }

    /// Gives what is left when nothing more is to come.
    pub fn finish(&mut self, mut sink: impl FnMut(RawEvent<'_>)) {
        if let Some(batch) = self.splitter.end() {
            self.reader.batch(&self.source, &batch, &mut sink);
        }
        self.splitter = Splitter::waiting(self.limit);
    }

    fn read(&mut self, sink: &mut impl FnMut(RawEvent<'_>)) -> io::Result<bool> {
        let mut came = false;
        loop {
            let length = match self.file.read(&mut self.part) {
                Ok(0) => return Ok(came),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            came = true;
            self.offset += length as u64;
            if let Some(batch) = self.splitter.push(self.part.get(..length).unwrap_or_default()) {
                self.reader.batch(&self.source, &batch, sink);
            }
        }
    }

    /// The file that has come into the place of the present one. Between the two there may be none.
    fn successor(&self, present: &Metadata) -> Option<File> {
        let file = File::open(&self.path).ok()?;
        (!is_same(&file.metadata().ok()?, present)).then_some(file)
    }
}

#[cfg(unix)]
fn is_same(left: &Metadata, right: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

#[cfg(not(unix))]
fn is_same(left: &Metadata, right: &Metadata) -> bool {
    left.created().ok() == right.created().ok()
}
