//! Why a rule matches an event, or does not.

use super::events::{Inputs, Judged, judged};
use crate::commands::rules::write_tree;
use crate::{Outcome, output};
use anyhow::bail;
use plimsoll_detect::explain::PartKind;
use plimsoll_detect::format::line::utc;
use plimsoll_detect::rules::Rule;
use plimsoll_model::Problem;
use plimsoll_report::terminal;
use std::fmt::Write;

/// Prints what event `number` says of a rule; only what decides, if `briefly`.
pub(super) fn run(inputs: &Inputs, number: u64, rule: &Rule, briefly: bool, mut problems: Vec<Problem>) -> anyhow::Result<Outcome> {
    let found = judged(inputs, number, rule, &mut problems)?;
    output::show(&problems);
    let Some(Judged { part, time, what, wakes }) = found else { bail!("there is no event {number}") };
    let mut text = String::new();
    let verdict = if part.holds == Some(true) && wakes { "matches" } else { "does not match" };
    // Writing into memory does not fail.
    let _ = writeln!(text, "rule `{}` {verdict} event {number} ({}, {})", terminal(&rule.name), terminal(&what), utc(time));
    if !wakes {
        let _ = writeln!(text, "it does not look at events of this type");
    }
    let part = if briefly { part.reason() } else { part };
    if briefly && let Some(PartKind::Atom { text: atom, value }) = part.first_atom().map(|atom| &atom.kind) {
        let value = value
            .as_ref()
            .map_or_else(|| "the event has no value there".to_owned(), |value| format!("the event has `{}`", terminal(value)));
        let _ = writeln!(text, "decided by: {}; {value}", terminal(atom));
    }
    write_tree(&part, &mut text);
    output::print(text.as_bytes())?;
    Ok(if problems.iter().any(|problem| problem.kind.is_error()) { Outcome::Incomplete } else { Outcome::Clean })
}
