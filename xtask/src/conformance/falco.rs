//! Falco's own tests, as data: rules, captures, audit events.

mod extract;
mod language;

pub(super) use extract::extract;
pub(super) use language::language;
