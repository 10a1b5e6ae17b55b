//! A file that grows: appended to, turned over at a size, found again when something else moved it.

use crate::lines::{BATCH, push_line, write_lines};
use crate::options::FileOptions;
use crate::worker::{Deliver, Failure};
use crate::{Format, Message};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) struct File {
    options: FileOptions,
    format: Format,
    open: Option<Open>,
    torn: bool,
    remark: Option<String>,
}

struct Open {
    file: fs::File,
    /// Device and inode, which tell whether the path still leads here.
    identity: (u64, u64),
    size: u64,
    /// Terminals, pipes and the like are not turned over.
    is_regular: bool,
}

impl File {
    /// Fails when the file cannot be written to, which nobody wants to learn with the first alert.
    pub(crate) fn open(options: &FileOptions, format: Format) -> Result<Self, String> {
        let mut sink = Self { options: options.clone(), format, open: None, torn: false, remark: None };
        // A named pipe waits for its reader; that is for the sink's thread.
        if fs::metadata(&options.filename).map_or(true, |metadata| metadata.is_file()) {
            let open = open(&options.filename).map_err(|error| error.to_string())?;
            sink.open = options.keep_alive.then_some(open);
        }
        Ok(sink)
    }

    /// The file at the path as it is now.
    fn current(&mut self) -> io::Result<&mut Open> {
        let path = &self.options.filename;
        let moved = |open: &Open| fs::metadata(path).map_or(true, |metadata| (metadata.dev(), metadata.ino()) != open.identity);
        let open = match self.open.take() {
            Some(open) if !moved(&open) => open,
            _ => {
                self.torn = false;
                open(path)?
            }
        };
        Ok(self.open.insert(open))
    }

    /// Writes whole lines; on failure tells how many got through.
    fn write(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut torn = self.torn;
        let open = self.current().map_err(|error| (0, error))?;
        let written = write_lines(&mut open.file, lines, &mut torn);
        open.size += lines.len() as u64;
        self.torn = torn;
        written
    }

    /// Whether `more` bytes go beyond the size at which the file is turned over.
    fn is_full(&mut self, waiting: usize, more: usize) -> bool {
        let Some(most) = self.options.max_size else { return false };
        let Ok(open) = self.current() else { return false };
        let size = open.size + waiting as u64;
        open.is_regular && size > 0 && size + more as u64 > most
    }

    /// `alerts` becomes `alerts.1`, that `alerts.2`, and so on; the oldest goes. Where this fails, the file just grows on.
    fn turn_over(&mut self) {
        let path = &self.options.filename;
        let turned =
            (1..self.options.max_files).rev().try_for_each(|number| match fs::rename(numbered(path, number), numbered(path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            });
        let turned = turned.and_then(|()| match self.options.max_files {
            0 => fs::remove_file(path),
            _ => fs::rename(path, numbered(path, 1)),
        });
        match turned {
            Ok(()) => self.open = None,
            Err(error) => self.remark = Some(format!("the file has its full size and cannot be turned over: {error}")),
        }
    }
}

impl Deliver for File {
    fn batch(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        let mut delivered = 0;
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut waiting = 0;
        let result = (|| {
            for message in messages {
                line.clear();
                push_line(&mut line, message, self.format);
                if self.is_full(lines.len(), line.len()) {
                    self.write(&lines)?;
                    delivered += std::mem::take(&mut waiting);
                    lines.clear();
                    self.turn_over();
                }
                lines.extend_from_slice(&line);
                waiting += 1;
            }
            self.write(&lines)
        })();
        if !self.options.keep_alive {
            self.open = None;
        }
        result.map_err(|(lines, error): (usize, io::Error)| Failure { delivered: delivered + lines, ..Failure::again(error.to_string()) })
    }

    fn reopen(&mut self) {
        self.open = None;
    }

    fn remark(&mut self) -> Option<String> {
        self.remark.take()
    }
}

/// Alerts tell of secrets at times, so that a new file is for its owner only.
fn open(path: &Path) -> io::Result<Open> {
    let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    Ok(Open { identity: (metadata.dev(), metadata.ino()), size: metadata.len(), is_regular: metadata.is_file(), file })
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}
