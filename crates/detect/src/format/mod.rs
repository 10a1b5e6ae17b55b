//! What an alert prints of an event.

mod print;

pub use print::{json, print};
