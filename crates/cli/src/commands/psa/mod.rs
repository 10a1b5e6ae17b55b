//! `plimsoll psa`

mod check;
mod diff;
mod plan;
mod review;

use crate::Outcome;
use clap::Subcommand;

/// Work with the Pod Security Standards: check, plan a rollout, compare versions, answer admission reviews.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Plan(plan::Args),
    Diff(diff::Args),
    Review(review::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Review(args) => review::run(args),
    }
}

/// The forms of outputs that are no lists of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For pull requests and job summaries.
    Markdown,
}
