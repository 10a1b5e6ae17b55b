//! Whole-process figures of the release binary: wall time and peak memory, several runs each.

mod audit;
mod detect;
mod network;

use crate::corpus;
use anyhow::{Context, bail};
use plimsoll_checks::{Parameters, Surroundings, assess_by};
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Measure the release binary on a generated corpus.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs of each command, after one that is not counted.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Instead, scan the objects of this directory, and 10 and 100 times as many: copies in namespaces of their own.
    #[arg(long, value_name = "DIR")]
    objects: Option<PathBuf>,
    /// Instead, time every posture check by itself over the objects of this directory, on one thread.
    #[arg(long, value_name = "DIR")]
    checks: Option<PathBuf>,
    /// Instead, ask who may do what over 10,000 roles, 100,000 bindings and 50,000 service accounts, which are made up.
    #[arg(long)]
    access: bool,
    /// Instead, ask who may talk to whom over clusters of up to 10,000 workloads and 3,000 policies, which are made up.
    #[arg(long)]
    network: bool,
    /// Instead, time rules over this capture, repeated to a million events.
    #[arg(long, value_name = "CAPTURE")]
    detect: Option<PathBuf>,
    /// Instead, time rules over this audit log of one event a line, repeated to a million events.
    #[arg(long, value_name = "LOG")]
    detect_audit: Option<PathBuf>,
    /// The rules files for these two, in order.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    rules: Vec<PathBuf>,
    /// Write the repeated capture to this file as well, to time whole processes over it.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Instead, time the reader of audit logs over this one, repeated to half a million events.
    #[arg(long, value_name = "LOG")]
    audit: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(directory) = &args.checks {
        return checks(directory, args.runs);
    }
    if let Some(capture) = &args.detect {
        return detect::run(capture, &args.rules, args.write.as_deref(), args.runs.max(1));
    }
    if let Some(log) = &args.detect_audit {
        return detect::audit(log, &args.rules, args.runs.max(1));
    }
    if let Some(log) = &args.audit {
        return audit::run(log, args.runs);
    }
    let (binary, target) = build()?;
    if args.access {
        return access(&binary, &target.join("corpus-access"), args.runs);
    }
    if args.network {
        return network::run(&binary, &target.join("corpus-network"), args.runs);
    }
    let directory = target.join("corpus");
    if let Some(objects) = &args.objects {
        return copies(&binary, objects, &directory, args.runs);
    }
    let bytes = corpus::write(&directory, 2000, 10_000, 1)?;
    println!("10,000 workloads in 2,000 files, {:.1} MB; {} runs each, after one that is not counted\n", bytes as f64 / 1e6, args.runs);
    println!("| command | wall, least | wall, median | peak memory |\n| --- | ---: | ---: | ---: |");
    let corpus = directory.display().to_string();
    let commands: [&[&str]; 5] = [
        &["scan", &corpus],
        &["scan", &corpus, "-o", "json"],
        &["scan", &corpus, "-o", "sarif"],
        &["psa", "plan", &corpus],
        &["--version"],
    ];
    for arguments in commands {
        let figures = measure(&binary, arguments, args.runs)?;
        let shown = arguments.join(" ").replace(&corpus, "CORPUS");
        println!(
            "| `plimsoll {shown}` | {:.3} s | {:.3} s | {:.0} MB |",
            figures.least.as_secs_f64(),
            figures.median.as_secs_f64(),
            figures.peak as f64 / 1e3
        );
    }
    Ok(())
}

/// Builds the release binary: its path, and the directory of what is built.
fn build() -> anyhow::Result<(PathBuf, PathBuf)> {
    let root = crate::root();
    let built = Command::new("cargo").args(["build", "--release", "--quiet", "--package", "plimsoll"]).current_dir(&root).status()?;
    if !built.success() {
        bail!("the release build failed");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok((target.join("release/plimsoll"), target))
}

/// What answers over a large cluster cost: the whole process, and its parts.
fn access(binary: &Path, corpus: &Path, runs: usize) -> anyhow::Result<()> {
    let bytes = crate::grants::write(corpus)?;
    println!(
        "10,000 roles, 100,000 bindings, 50,000 service accounts, {:.1} MB; {runs} runs each, after one that is not counted\n",
        bytes as f64 / 1e6
    );
    println!("| command | wall, least | wall, median | peak memory |\n| --- | ---: | ---: | ---: |");
    let corpus_name = corpus.display().to_string();
    let commands: [&[&str]; 3] = [
        &["access", "who-can", "get", "secrets", "-n", "team-0500", "--in", &corpus_name],
        &["access", "who-can", "get", "secrets", "-o", "json", "--in", &corpus_name],
        &["access", "can", "sa:team-0500/account-07", "--in", &corpus_name],
    ];
    for arguments in commands {
        let figures = measure(binary, arguments, runs)?;
        let shown = arguments.join(" ").replace(&corpus_name, "CORPUS");
        let (least, median) = (figures.least.as_secs_f64(), figures.median.as_secs_f64());
        println!("| `plimsoll {shown}` | {least:.3} s | {median:.3} s | {:.0} MB |", figures.peak as f64 / 1e3);
    }
    crate::grants::inside(corpus, runs)
}

/// How the cost of a scan grows with the objects.
fn copies(binary: &Path, objects: &Path, corpus: &Path, runs: usize) -> anyhow::Result<()> {
    println!("| objects of | wall, least | wall, median | peak memory |\n| --- | ---: | ---: | ---: |");
    let row = |name: &str, directory: &Path| {
        let directory = directory.display().to_string();
        let figures = measure(binary, &["scan", &directory, "-o", "json=/dev/null", "--fail-on", "never"], runs)?;
        let (least, median) = (figures.least.as_secs_f64() * 1e3, figures.median.as_secs_f64() * 1e3);
        println!("| {name} | {least:.0} ms | {median:.0} ms | {:.0} MB |", figures.peak as f64 / 1e3);
        anyhow::Ok(())
    };
    row("DIR as it is", objects)?;
    for copies in [10, 100] {
        corpus::copy(objects, copies, corpus)?;
        row(&format!("DIR, {copies} copies"), corpus)?;
    }
    Ok(())
}

/// What each check costs, the dearest first.
fn checks(directory: &Path, runs: usize) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("checks are measured in a release build: cargo run --release --package xtask -- bench --checks DIR");
    }
    let mut snapshot = Snapshot::default();
    for (name, text) in corpus::manifests(directory)? {
        snapshot.documents.extend(plimsoll_model::parse(&Source::new(name, Origin::File, text), Limits::default()).0);
    }
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let parameters = Parameters::default();
    let surroundings = Surroundings::new(&inventory, &parameters);
    let mut rows: Vec<_> = plimsoll_checks::checks()
        .iter()
        .map(|check| {
            let assessment = assess_by(check, &surroundings);
            let time = || {
                let started = Instant::now();
                std::hint::black_box(assess_by(check, &surroundings));
                started.elapsed()
            };
            let least = (0..runs.max(1)).map(|_| time()).min().unwrap_or_default();
            let evaluated: usize = assessment.tallies.iter().map(|tally| tally.evaluated).sum();
            (least, check.id, evaluated, assessment.findings.len())
        })
        .collect();
    rows.sort_by(|a, b| b.cmp(a));
    let total: Duration = rows.iter().map(|(time, ..)| *time).sum();
    println!(
        "{} checks over {} objects, {} workloads; least of {runs} runs on one thread; {:.2} ms in all\n",
        rows.len(),
        inventory.objects.len(),
        inventory.own_workloads().count(),
        total.as_secs_f64() * 1e3
    );
    println!("| check | inputs | findings | time |\n| --- | ---: | ---: | ---: |");
    for (time, id, evaluated, findings) in rows {
        println!("| {id} | {evaluated} | {findings} | {:.1} µs |", time.as_secs_f64() * 1e6);
    }
    Ok(())
}

struct Figures {
    least: Duration,
    median: Duration,
    /// Kilobytes.
    peak: u64,
}

fn measure(binary: &Path, arguments: &[&str], runs: usize) -> anyhow::Result<Figures> {
    let mut times = Vec::new();
    let mut peak = 0;
    for run in 0..=runs {
        let started = Instant::now();
        let mut child = Command::new(binary).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        // Whoever pipes the output somewhere reads it; so does this.
        let mut out = child.stdout.take().context("no output")?;
        let reader = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let ended = loop {
            if let Some(ended) = child.try_wait()? {
                break ended;
            }
            peak = peak.max(peak_of(&status));
            std::thread::sleep(Duration::from_millis(1));
        };
        let took = started.elapsed();
        reader.join().ok().context("the reader of the output failed")??;
        // Real objects have problems, which are no failure of the run.
        if ended.code().is_none() {
            bail!("`plimsoll {}` was killed", arguments.join(" "));
        }
        if run > 0 {
            times.push(took);
        }
    }
    times.sort();
    let least = times.first().copied().unwrap_or_default();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Figures { least, median, peak })
}

/// `VmHWM` of a process, in kilobytes; zero when it is gone.
fn peak_of(status: &Path) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
