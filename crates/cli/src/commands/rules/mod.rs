//! `plimsoll rules`

mod check;
mod explain;
mod fields;
mod list;
mod test;
mod tree;

pub(crate) use tree::write_tree;

use crate::Outcome;
use clap::ValueEnum;

/// Look at rules of events themselves: rules in Falco's language, and those that are part of this program.
///
/// `plimsoll detect` says which events they match.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    List(list::Args),
    Fields(fields::Args),
    Explain(explain::Args),
    Test(test::Args),
}

/// How answers are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs; see `docs/schemas`.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::List(args) => list::run(args),
        Command::Fields(args) => fields::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Test(args) => test::run(args),
    }
}

/// An answer as JSON.
fn json(answer: &impl serde::Serialize) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(answer)?;
    text.push(b'\n');
    Ok(text)
}
