//! `plimsoll completions`

use crate::{Cli, Outcome, output};
use clap::CommandFactory;

/// Print a completion script for a shell.
///
/// For bash: `plimsoll completions bash > /etc/bash_completion.d/plimsoll`.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The shell to complete for.
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "plimsoll", &mut script);
    output::print(&script)?;
    Ok(Outcome::Clean)
}
