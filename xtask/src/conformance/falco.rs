//! Falco's own tests, as data: rules, captures, audit events.

mod rules;
mod validate;

pub(super) use rules::rules;
pub(super) use validate::validate;
