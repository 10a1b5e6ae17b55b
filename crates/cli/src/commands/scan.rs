//! `plimsoll scan`

use crate::{Outcome, benchmark, compliance, engine, fix, input, output};
use plimsoll_pod_security::Version;
use std::path::PathBuf;

/// Look at manifests, archives, charts, snapshots, a cluster or a node with every engine.
///
/// A target is a file, a directory, `-` for standard input, a snapshot, `cluster` for the cluster of the current
/// kubeconfig context, or `host` for the node that this runs on. Without a target it is the current directory.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    output: output::Args,
    #[command(flatten)]
    fix: fix::Args,
    #[command(flatten)]
    checks: compliance::Args,
    /// Judge every object by the policies in this file or directory too (may be given several times):
    /// ValidatingAdmissionPolicies with bindings and parameters, Kyverno's policies in CEL, Gatekeeper's templates and
    /// constraints, Kubescape's rules, Rego packages with `deny`, `violation` or `warn`.
    #[arg(long, value_name = "PATH", help_heading = "Checks")]
    policy: Vec<String>,
    /// For a host: carry out the benchmark in this folder too (may be given several times): one in kube-bench's format, such
    /// as `cfg/cis-1.12`, or its whole `cfg`, which chooses by the version of Kubernetes.
    #[arg(long, value_name = "DIR", help_heading = "Host")]
    benchmark: Vec<PathBuf>,
    /// The Kubernetes version whose Pod Security Standards hold: v1.0 to v1.37, or latest.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    kubernetes_version: Version,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    args.output.check()?;
    args.fix.check()?;
    let mut loaded = args.input.load()?;
    loaded.bring(&args.policy)?;
    benchmark::bring(&mut loaded, &args.benchmark)?;
    loaded.selection = args.checks.selection(&loaded, args.output.score)?;
    let judge = engine::Judge::Everything(args.kubernetes_version);
    if args.fix.is_asked() {
        return fix::run(&args.fix, loaded, judge, &args.output);
    }
    let report = engine::run(&loaded, judge);
    let outcome = args.output.write(&report);
    // The process ends here: to give back a million small things one by one would only take time.
    std::mem::forget((report, loaded));
    outcome
}
