//! `plimsoll rules test`

use crate::{Outcome, output, rule_test};
use anyhow::bail;
use plimsoll_sources::{Options, Target};
use std::fmt::Write;
use std::io;

/// Run tests of rules: `kind: RuleTest` (docs/detect.md), which say which alerts come of a capture, of audit events, or of
/// events that they write down.
///
/// Exit status: 0 all passed, 1 some failed, 2 a file cannot be read.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files or directories with tests; the files that a test names are found beside it.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let targets: Vec<Target> = args.paths.iter().map(|path| Target::Path(path.into())).collect();
    let snapshot = plimsoll_sources::load(&targets, &Options::default(), io::empty());
    let results: Vec<rule_test::Result> = snapshot.documents.iter().flat_map(rule_test::run).collect();
    let incomplete = output::complain_about(snapshot.problems.iter());
    if results.is_empty() {
        bail!("there is no test in {}: no `kind: RuleTest` of `apiVersion: plimsoll.dev/v1`", args.paths.join(", "));
    }
    let mut text = String::new();
    let mut failed = 0;
    for result in &results {
        if let Some(complaint) = &result.complaint {
            failed += 1;
            // Writing into memory does not fail.
            let _ = writeln!(text, "FAILED {}\n  {complaint}", result.name);
        }
    }
    let _ = writeln!(text, "{} of {} passed", results.len() - failed, results.len());
    output::print(text.as_bytes())?;
    Ok(match (failed, incomplete) {
        (_, true) => Outcome::Incomplete,
        (0, false) => Outcome::Clean,
        _ => Outcome::Findings,
    })
}
