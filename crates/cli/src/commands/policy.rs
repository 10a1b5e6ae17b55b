//! `plimsoll policy`

use crate::{Outcome, input, output};
use std::io::{self, Write};

/// Look at policies themselves: ValidatingAdmissionPolicies, Kyverno's policies in CEL, Gatekeeper's templates and
/// constraints, Kubescape's rules, Rego packages with `deny`, `violation` or `warn`.
///
/// `plimsoll scan --policy PATH` judges objects by them.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Compile policies, list them, and say where one is wrong.
    Check(CheckArgs),
}

#[derive(clap::Args)]
struct CheckArgs {
    /// Files, directories, or `-`.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Check(args) => check(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let (policies, snapshot) = input::policies(&args.paths);
    let mut out = io::stdout().lock();
    for rule in policies.rules() {
        writeln!(out, "{} ({}): {}", rule.id, rule.severity, rule.title)?;
    }
    for problem in &snapshot.problems {
        let help = problem.help.as_ref().map(|help| format!("\n  {help}")).unwrap_or_default();
        output::complain(&format!("{}: {}{help}", problem.place(), problem.message));
    }
    let broken = snapshot.problems.iter().any(|problem| problem.kind.is_error());
    if policies.is_empty() && !broken {
        output::complain("there is no policy here");
    }
    Ok(if broken || policies.is_empty() { Outcome::Incomplete } else { Outcome::Clean })
}
