//! `plimsoll psa review`

use crate::{Outcome, output};
use anyhow::{Context, bail};
use plimsoll_model::{Origin, Problem, ProblemKind, Snapshot, Source};
use plimsoll_pod_security::{Admission, Configuration, State, review};
use plimsoll_sources::{Options, Target};
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Answer an AdmissionReview as the Pod Security admission controller would.
///
/// Reads the review on standard input and writes the review with the response to standard output.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A PodSecurityConfiguration, or an AdmissionConfiguration with one in it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Namespaces and existing pods: a file, directory, snapshot or `cluster`; may be given several times.
    #[arg(long, value_name = "TARGET")]
    state: Vec<String>,
    /// Also judge the pod templates of custom kinds, which the API server's own controller does not.
    #[arg(long)]
    custom_kinds: bool,
}

/// Upstream's limit on checking the pods of a relabelled namespace (`namespacePodCheckTimeout`).
const PATIENCE: Duration = Duration::from_secs(1);

/// Upstream's webhook accepts no larger body.
const LARGEST: u64 = 16 << 20;

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut text = String::new();
    std::io::stdin().take(LARGEST + 1).read_to_string(&mut text).context("cannot read the review on standard input")?;
    if text.len() as u64 > LARGEST {
        bail!("the review is larger than {} MiB", LARGEST >> 20);
    }
    let configuration = match &args.config {
        None => Configuration::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let source = Source::new(path.display().to_string(), Origin::File, text);
            Configuration::read(&source).map_err(|problems| anyhow::anyhow!("the configuration is not valid\n{}", words(&problems)))?
        }
    };
    let snapshot = if args.state.is_empty() {
        Snapshot::default()
    } else {
        let targets: Vec<_> = args.state.iter().map(|target| Target::new(target)).collect();
        plimsoll_sources::load(&targets, &Options::default(), std::io::empty())
    };
    if !snapshot.problems.is_empty() {
        bail!("the state cannot be read\n{}", words(&snapshot.problems));
    }
    let admission = Admission { configuration, custom_kinds: args.custom_kinds, ..Admission::default() };
    let (objects, mut problems) = snapshot.objects();
    let state = State::of(objects, &mut problems);
    // What an API server would not store is not its admission's business.
    problems.retain(|problem| problem.kind == ProblemKind::WrongType);
    if !problems.is_empty() {
        bail!("the state cannot be read\n{}", words(&problems));
    }
    let source = Source::new("-", Origin::Stdin, text);
    let started = Instant::now();
    let answer = review(&source, &admission, &state, &mut || started.elapsed() < PATIENCE);
    let (response, _) = answer.map_err(|problems| anyhow::anyhow!("the review cannot be answered\n{}", words(&problems)))?;
    output::print(format!("{response}\n").as_bytes())?;
    Ok(Outcome::Clean)
}

fn words(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("  {}: {}{help}", problem.place(), problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
