//! Falco's own tests, as data: rules, captures, audit events.

mod language;
mod rules;
mod validate;

pub(super) use language::language;
pub(super) use rules::rules;
pub(super) use validate::validate;
