//! Recordings of system calls: `.scap` files as Falco and sysdig write them.
//!
//! A file is a row of blocks (`userspace/libscap/scap_savefile.h` in falcosecurity/libs): who and what was there at the start, then
//! events. Everything in it is hostile: what is damaged is a problem with its offset, and the rest is read.

mod bytes;
mod convert;
mod event;
mod lists;
mod reader;
mod writer;

pub use convert::{Converter, Gaps, Outcome};
pub use reader::{Contents, Item, Losses, Options, Reader};
pub use writer::Writer;

use crate::gzip::Gunzip;
use std::io::Read;

/// Whether a file that starts so is a capture, plain or gzip.
#[must_use]
pub fn is_capture(head: &[u8]) -> bool {
    const SECTION: [u8; 4] = 0x0A0D_0D0A_u32.to_le_bytes();
    let mut unpacked = [0; 4];
    let is_packed = head.starts_with(&[0x1f, 0x8b]) && Gunzip::new(head).read_exact(&mut unpacked).is_ok();
    if is_packed { unpacked == SECTION } else { head.starts_with(&SECTION) }
}
