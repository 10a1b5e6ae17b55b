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
    /// Run tests of policies: `kind: PolicyTest` (docs/policies.md), gator's suites (`kind: Suite`) and Kyverno's tests
    /// (`kind: Test`).
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
    let results = policy_test::run(&args.paths);
    if results.is_empty() {
        let known = "neither `kind: PolicyTest`, nor `kind: Suite` of gator, nor `kind: Test` of Kyverno";
        bail!("there is no test in {}: {known}", args.paths.join(", "));
    }
    let mut out = io::stdout().lock();
    let (mut passed, mut failed, mut not_run) = (0, 0, 0);
    for result in &results {
        match &result.outcome {
            policy_test::Outcome::Passed => passed += 1,
            policy_test::Outcome::Failed(complaint) => {
                failed += 1;
                writeln!(out, "FAILED {}\n  {complaint}", result.name)?;
            }
            policy_test::Outcome::NotRun(why) => {
                not_run += 1;
                writeln!(out, "NOT RUN {}\n  {why}", result.name)?;
            }
        }
    }
    let rest = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
    writeln!(out, "{passed} of {} passed{rest}", results.len())?;
    Ok(match (failed, not_run) {
        (0, 0) => Outcome::Clean,
        (0, _) => Outcome::Incomplete,
        _ => Outcome::Findings,
    })
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
