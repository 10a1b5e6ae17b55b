//! `plimsoll policy`

use crate::{Outcome, input, output, policy_test};
use anyhow::bail;
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
    /// Run tests of policies: gator's suites (`kind: Suite`) and Kyverno's tests (`kind: Test`).
    Test(TestArgs),
}

#[derive(clap::Args)]
struct TestArgs {
    /// Files or directories with suites; the files that a suite names are found beside it.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
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
        Command::Test(args) => test(args),
    }
}

fn test(args: &TestArgs) -> anyhow::Result<Outcome> {
    let results = policy_test::run(&args.paths)?;
    if results.is_empty() {
        bail!("there is no test in {}: neither `kind: Suite` of gator nor `kind: Test` of Kyverno", args.paths.join(", "));
    }
    let mut out = io::stdout().lock();
    let failed = results.iter().filter(|result| result.complaint.is_some()).count();
    for result in &results {
        if let Some(complaint) = &result.complaint {
            writeln!(out, "FAILED {}\n  {complaint}", result.name)?;
        }
    }
    writeln!(out, "{} of {} passed", results.len() - failed, results.len())?;
    Ok(if failed > 0 { Outcome::Findings } else { Outcome::Clean })
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
