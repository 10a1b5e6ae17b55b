//! Whole-process figures of the release binary: wall time and peak memory, several runs each.

use crate::corpus;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Measure the release binary on a generated corpus.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs of each command, after one that is not counted.
    #[arg(long, default_value_t = 7)]
    runs: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = crate::root();
    let built = Command::new("cargo").args(["build", "--release", "--quiet", "--package", "plimsoll"]).current_dir(&root).status()?;
    if !built.success() {
        bail!("the release build failed");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let binary = target.join("release/plimsoll");
    let directory = target.join("corpus");
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
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut buffer = vec![0; 1 << 16];
        while std::io::Read::read(&mut out, &mut buffer)? > 0 {
            peak = peak.max(peak_of(&status));
        }
        let ended = child.wait()?;
        if ended.code().is_none_or(|code| code > 1) {
            bail!("`plimsoll {}` failed", arguments.join(" "));
        }
        if run > 0 {
            times.push(started.elapsed());
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
