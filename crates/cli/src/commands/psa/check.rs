//! `plimsoll psa check`

use crate::{Outcome, engine, input, output};
use plimsoll_pod_security::{Level, Version};

/// Check workloads against one level, as admission would at one version.
///
/// Exits with 1 if a workload violates the level.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    /// The level: privileged, baseline or restricted.
    #[arg(long, value_name = "LEVEL")]
    level: Level,
    /// The version: v1.0 to v1.37, or latest.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    version: Version,
    #[command(flatten)]
    output: output::Args,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    args.output.check()?;
    let report = engine::run(&args.input.load()?, engine::Judge::PodSecurity(args.level.at(args.version)));
    let outcome = args.output.write(&report)?;
    // Whoever names a level wants it kept, however light a violation is.
    let violated = report.findings.iter().any(plimsoll_model::Finding::is_open);
    Ok(if outcome == Outcome::Clean && violated { Outcome::Findings } else { outcome })
}
