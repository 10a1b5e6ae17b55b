//! Long lists as JSON: one item a line, made in parallel, a batch of them in memory at a time.

use rayon::prelude::*;
use serde::Serialize;
use std::io::{self, Write};

/// A JSON object that is written member by member.
pub(crate) struct Members<'o> {
    /// What it is written to.
    pub(crate) out: &'o mut dyn Write,
    first: bool,
}

impl<'o> Members<'o> {
    /// Opens the object.
    pub(crate) fn open(out: &'o mut dyn Write) -> io::Result<Self> {
        out.write_all(b"{")?;
        Ok(Self { out, first: true })
    }

    /// A member on one line.
    pub(crate) fn value(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.name(name)?;
        serde_json::to_writer(&mut self.out, value)?;
        Ok(())
    }

    /// A list with one item a line, each made by `view`.
    pub(crate) fn list<'i, T: Sync, V: Serialize>(
        &mut self,
        name: &str,
        items: &'i [T],
        view: impl Fn(&'i T) -> V + Sync,
    ) -> io::Result<()> {
        self.name(name)?;
        array(self.out, items, view)
    }

    /// Opens a member that the caller writes.
    pub(crate) fn name(&mut self, name: &str) -> io::Result<()> {
        self.out.write_all(if self.first { b"\n" } else { b",\n" })?;
        self.first = false;
        write!(self.out, "\"{name}\": ")
    }

    /// Closes the object.
    pub(crate) fn close(self) -> io::Result<()> {
        self.out.write_all(b"\n}")
    }
}

/// A list with one item a line, each made by `view`.
fn array<'i, T: Sync, V: Serialize>(out: &mut dyn Write, items: &'i [T], view: impl Fn(&'i T) -> V + Sync) -> io::Result<()> {
    // The buffers are used again for every batch: fresh memory costs more than what is written into it.
    let mut buffers: Vec<io::Result<Vec<u8>>> = (0..BATCH / CHUNK).map(|_| Ok(Vec::with_capacity(CHUNK * ITEM))).collect();
    let write = |(chunk, buffer): (&'i [T], &mut io::Result<Vec<u8>>)| {
        let Ok(bytes) = buffer else { return };
        bytes.clear();
        for item in chunk {
            bytes.extend_from_slice(b",\n");
            if let Err(error) = serde_json::to_writer(&mut *bytes, &view(item)) {
                *buffer = Err(error.into());
                return;
            }
        }
    };
    out.write_all(b"[")?;
    let mut separator = 1;
    for batch in items.chunks(BATCH) {
        let chunks = batch.len().div_ceil(CHUNK);
        batch.par_chunks(CHUNK).zip(buffers.par_iter_mut()).for_each(write);
        for buffer in buffers.iter_mut().take(chunks) {
            let bytes = std::mem::replace(buffer, Ok(Vec::new()))?;
            // No comma before the first item.
            out.write_all(bytes.get(separator..).unwrap_or_default())?;
            separator = 0;
            *buffer = Ok(bytes);
        }
    }
    out.write_all(if items.is_empty() { b"]" } else { b"\n]" })
}

/// Bytes that an item is expected to take.
const ITEM: usize = 1200;
/// Items of one task.
const CHUNK: usize = 32;
/// Items that are in memory as text at a time.
const BATCH: usize = 16 * CHUNK;
