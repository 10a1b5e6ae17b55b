//! `plimsoll psa diff`

use super::Form;
use crate::{Outcome, input, output};
use plimsoll_model::{Inventory, Workload};
use plimsoll_pod_security::{Check, Level, Version, checks_of};
use serde::Serialize;
use std::fmt::Write;

/// Say what an upgrade would break: workloads that meet a level at one version and not at another.
///
/// Exits with 1 if something breaks.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    /// The version that holds today.
    #[arg(long, value_name = "VERSION")]
    from: Version,
    /// The version to compare with.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    to: Version,
    /// Only this level; without it, baseline and restricted.
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    form: Form,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diff {
    from: String,
    to: String,
    workloads: usize,
    changes: Vec<Change>,
}

/// A workload whose verdict at a level differs between the versions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    workload: String,
    location: String,
    level: String,
    /// Whether the workload met the level before and does not afterwards.
    breaks: bool,
    /// Whether it is the other way round.
    passes: bool,
    /// What is forbidden afterwards only, as admission says it.
    added: Vec<String>,
    /// What is forbidden before only.
    removed: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let loaded = args.input.load()?;
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let levels = args.level.map_or_else(|| vec![Level::Baseline, Level::Restricted], |level| vec![level]);
    let workloads: Vec<_> = inventory.own_workloads().collect();
    let mut changes: Vec<Change> =
        workloads.iter().flat_map(|workload| levels.iter().filter_map(|level| change(workload, *level, args.from, args.to))).collect();
    changes.sort_by(|a, b| (!a.breaks, &a.workload, &a.level).cmp(&(!b.breaks, &b.workload, &b.level)));
    let diff = Diff { from: args.from.to_string(), to: args.to.to_string(), workloads: workloads.len(), changes };
    let text = match args.form {
        Form::Text => text(&diff),
        Form::Json => serde_json::to_string_pretty(&diff)? + "\n",
        Form::Markdown => markdown(&diff),
    };
    output::print(text.as_bytes())?;
    let problems = output::complain_about(loaded.snapshot.problems.iter().chain(&inventory.problems));
    Ok(if problems {
        Outcome::Incomplete
    } else if diff.changes.iter().any(|change| change.breaks) {
        Outcome::Findings
    } else {
        Outcome::Clean
    })
}

fn change(workload: &Workload<'_>, level: Level, from: Version, to: Version) -> Option<Change> {
    let forbidden = |version: Version| -> Vec<(&'static Check, String)> {
        let words = |check: &&'static Check| {
            let forbidden = check.forbid(&workload.pod, version.effective())?;
            Some((*check, plimsoll_pod_security::aggregate_detail(&[forbidden])))
        };
        checks_of(level.at(version)).iter().filter_map(words).collect()
    };
    let (before, after) = (forbidden(from), forbidden(to));
    // The words of a check may differ where its place is taken by another; what it says is what counts.
    let missing = |these: &[(&'static Check, String)], those: &[(&'static Check, String)]| -> Vec<String> {
        these.iter().filter(|(_, words)| !those.iter().any(|(_, other)| other == words)).map(|(_, words)| words.clone()).collect()
    };
    let (added, removed) = (missing(&after, &before), missing(&before, &after));
    if added.is_empty() && removed.is_empty() {
        return None;
    }
    Some(Change {
        workload: workload.object.id().to_string(),
        location: workload.object.node.location().to_string(),
        level: level.name().to_owned(),
        breaks: before.is_empty() && !after.is_empty(),
        passes: !before.is_empty() && after.is_empty(),
        added,
        removed,
    })
}

fn verdict(change: &Change) -> &'static str {
    match (change.breaks, change.passes) {
        (true, _) => "breaks",
        (_, true) => "passes now",
        _ => "fails differently",
    }
}

fn text(diff: &Diff) -> String {
    let mut text = String::new();
    for change in &diff.changes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<17} {:<10} {}  {}", verdict(change), change.level, change.workload, change.location);
        for line in &change.added {
            let _ = writeln!(text, "  + {line}");
        }
        for line in &change.removed {
            let _ = writeln!(text, "  - {line}");
        }
    }
    let breaking = diff.changes.iter().filter(|change| change.breaks).count();
    let _ = writeln!(text, "{} workloads, {} to {}: {breaking} break, {} differ", diff.workloads, diff.from, diff.to, diff.changes.len());
    text
}

fn markdown(diff: &Diff) -> String {
    let mut text = format!("## Pod Security {} to {}\n\n", diff.from, diff.to);
    if diff.changes.is_empty() {
        let _ = writeln!(text, "Nothing changes for {} workloads.", diff.workloads);
        return text;
    }
    text.push_str("| workload | level | | forbidden from then on | no longer |\n| --- | --- | --- | --- | --- |\n");
    for change in &diff.changes {
        let cell = |lines: &[String]| lines.join("; ").replace('|', "\\|");
        let row = (&change.workload, &change.level, verdict(change), cell(&change.added), cell(&change.removed));
        let _ = writeln!(text, "| {} | {} | {} | {} | {} |", row.0, row.1, row.2, row.3, row.4);
    }
    text
}
