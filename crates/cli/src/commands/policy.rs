//! `plimsoll policy`

use crate::{Outcome, benchmark, input, output, policy_test};
use anyhow::bail;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
    #[arg(value_name = "PATH", required_unless_present = "benchmark")]
    paths: Vec<String>,
    /// Say how much of the benchmarks in this folder can be carried out, and which audits are not understood: kube-bench's
    /// `cfg`, a folder in it, or one of the same format (may be given several times).
    #[arg(long, value_name = "DIR")]
    benchmark: Vec<PathBuf>,
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
    let mut outcome = Outcome::Clean;
    if !args.benchmark.is_empty() {
        outcome = check_benchmarks(&args.benchmark)?;
        if args.paths.is_empty() {
            return Ok(outcome);
        }
    }
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
    Ok(if broken || policies.is_empty() { Outcome::Incomplete } else { outcome })
}

/// How much of each benchmark is understood, in all and by benchmark, then what is not.
fn check_benchmarks(folders: &[PathBuf]) -> anyhow::Result<Outcome> {
    // Names stand for their defaults: what is understood does not depend on a node.
    let node = benchmark::Node::read(Path::new("/nonexistent"), "none");
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Clean;
    let (mut automated, mut understood) = (0, 0);
    writeln!(out, "{:<28} {:>6} {:>9} {:>16} {:>7} {:>7}", "benchmark", "checks", "automated", "understood", "cluster", "journal")?;
    let mut reasons = Vec::new();
    for folder in folders {
        for (benchmark, problems) in benchmark::read_all(folder)? {
            let survey = benchmark.survey(&node);
            automated += survey.automated;
            understood += survey.understood;
            let share = format!("{} ({})", survey.understood, per_cent(survey.understood, survey.automated));
            let (checks, asked) = (survey.checks, survey.automated);
            writeln!(out, "{:<28} {checks:>6} {asked:>9} {share:>16} {:>7} {:>7}", benchmark.name, survey.ask_cluster, survey.ask_journal)?;
            reasons.extend(survey.not_understood.into_iter().map(|(id, reason)| format!("{} {id}: {reason}", benchmark.name)));
            for problem in problems {
                output::complain(&format!("{}: {}", problem.place(), problem.message));
                outcome = Outcome::Incomplete;
            }
        }
    }
    writeln!(out, "{understood} of {automated} automated checks are understood ({})", per_cent(understood, automated))?;
    for reason in reasons {
        writeln!(out, "  {reason}")?;
    }
    Ok(outcome)
}

fn per_cent(part: usize, whole: usize) -> String {
    (part * 1000).checked_div(whole).map_or_else(|| "-".to_owned(), |share| format!("{}.{} %", share / 10, share % 10))
}
