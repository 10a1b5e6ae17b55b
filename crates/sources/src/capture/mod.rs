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
pub use reader::{Item, Losses, Options, Reader};
pub use writer::Writer;
