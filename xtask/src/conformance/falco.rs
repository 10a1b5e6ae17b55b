//! Falco's own tests, as data: rules, captures, audit events.

mod extract;

pub(super) use extract::extract;
