//! Rules over events, in Falco's language: `state + event -> alerts`. Pure: where events come from and where alerts go is not known here.
//!
//! - [`condition`]: the text of a condition to a tree and back.
//! - [`filter`]: a tree whose fields and types are checked, and what it says of one event.
//! - [`format`]: what an alert prints of it.
//! - [`fields`]: what rules can ask an event for.
//! - [`rules`]: rules files to rules.
//! - [`plan`]: all rules of a source as one.
//! - [`detector`]: state and rules together.
//! - [`engine`]: the rules of a source at work.
//! - [`explain`]: why a rule matches an event, or does not.
//! - [`listing`]: rules, fields and what is wrong with rules, for programs.
//! - [`findings`]: alerts as findings.
//! - [`testing`]: tests of rules.
//! - [`state`]: processes, threads, descriptors, users: what earlier events tell of the present one.

pub mod condition;
pub mod detector;
pub mod engine;
pub mod explain;
pub mod fields;
pub mod filter;
pub mod findings;
pub mod format;
pub mod listing;
mod path;
pub mod plan;
pub mod rules;
pub mod services;
pub mod state;
pub mod testing;
mod value;

pub use value::{IpNet, Value};
