//! Falco's own tests, as data: rules, captures, audit events.

mod extract;
mod language;
mod rules;
mod validate;

pub(super) use extract::extract;
pub(super) use language::language;
pub(super) use rules::rules;
pub(super) use validate::validate;
