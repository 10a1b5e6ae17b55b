//! Falco's own tests, as data: rules, captures, audit events.

mod alerts;
mod conditions;
mod extract;
mod fields;
mod language;
mod replay;
mod rules;
mod runs;
mod scap;
mod validate;

pub(super) use alerts::{legacy_alerts, modern_alerts};
pub(super) use conditions::modern_conditions;
pub(super) use extract::extract;
pub(super) use fields::{legacy_fields, modern_fields};
pub(super) use language::language;
pub(super) use rules::rules;
pub(super) use runs::{audit_runs, replay_runs};
pub(super) use scap::scap;
pub(super) use validate::validate;
