//! Falco's own tests, as data: rules, captures, audit events.

mod language;

pub(super) use language::language;
