//! `plimsoll diff`

use crate::results::{Identity, Known, Results};
use crate::{Outcome, output};
use plimsoll_model::Severity;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Compare two results: what is new, what is gone. Results are written by `plimsoll scan -o json=FILE`.
///
/// The exit status is 1 if a new finding is at or above --fail-on.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The result before.
    before: PathBuf,
    /// The result after.
    after: PathBuf,
    /// `text` or `json`.
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
    /// Exit with status 1 if there is a new finding of this severity or above; `never` for none.
    #[arg(long, value_name = "SEVERITY", default_value = "low")]
    fail_on: output::FailOn,
}

#[derive(Serialize)]
struct Difference<'r> {
    /// Open findings that were not there before, or not as often.
    added: Vec<&'r Known>,
    /// Open findings that are gone.
    removed: Vec<&'r Known>,
    /// How many are in both.
    unchanged: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (before, after) = (Results::read(&args.before)?, Results::read(&args.after)?);
    let difference = difference(&before, &after);
    let text = if args.output == "json" { serde_json::to_string_pretty(&difference)? + "\n" } else { text(&difference) };
    output::print(text.as_bytes())?;
    let worst: Option<Severity> = difference.added.iter().map(|finding| finding.severity).max();
    Ok(if worst.is_some_and(|worst| args.fail_on.counts(worst)) { Outcome::Findings } else { Outcome::Clean })
}

fn difference<'r>(before: &'r Results, after: &'r Results) -> Difference<'r> {
    let (mut added, mut removed) = (beyond(after, before), beyond(before, after));
    let unchanged = after.findings.iter().filter(|finding| finding.is_open()).count() - added.len();
    for list in [&mut added, &mut removed] {
        list.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.identity()));
    }
    Difference { added, removed, unchanged }
}

/// The open findings of `these` that are not in `those`, or not as often.
fn beyond<'r>(these: &'r Results, those: &Results) -> Vec<&'r Known> {
    let mut left: BTreeMap<Identity, usize> = BTreeMap::new();
    for known in those.findings.iter().filter(|known| known.is_open()) {
        *left.entry(known.identity()).or_default() += 1;
    }
    let mut is_new = |known: &Known| match left.get_mut(&known.identity()).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            false
        }
        None => true,
    };
    these.findings.iter().filter(|known| known.is_open() && is_new(known)).collect()
}

// Writing to a string does not fail.
fn text(difference: &Difference<'_>) -> String {
    let mut text = String::new();
    for (sign, list) in [('+', &difference.added), ('-', &difference.removed)] {
        for finding in list {
            let subject = &finding.subject;
            let place = if subject.namespace.is_empty() { String::new() } else { format!("{}/", subject.namespace) };
            let _ = writeln!(
                text,
                "{sign} {:<8} {}  {} {place}{}: {}",
                finding.severity.name(),
                finding.id,
                subject.kind,
                subject.name,
                finding.message
            );
        }
    }
    let Difference { added, removed, unchanged } = difference;
    let _ = writeln!(text, "{} new, {} gone, {unchanged} as before", added.len(), removed.len());
    text
}
