//! What the questions about the network cost over made-up clusters, as whole processes; how cost grows.

use super::measure;
use crate::clusters;
use std::path::Path;

/// Workloads and policies of the clusters.
const SIZES: [(usize, usize); 5] = [(100, 50), (300, 150), (1_000, 300), (3_000, 1_000), (10_000, 3_000)];

pub(super) fn run(binary: &Path, directory: &Path, runs: usize) -> anyhow::Result<()> {
    println!("{runs} runs each, after one that is not counted; 20 workloads a namespace\n");
    println!("| workloads | policies | command | wall, least | wall, median | peak memory |\n| ---: | ---: | --- | ---: | ---: | ---: |");
    for (workloads, policies) in SIZES {
        clusters::write(directory, workloads, policies)?;
        let corpus = directory.display().to_string();
        let commands: [&[&str]; 5] = [
            &["net", "list", &corpus],
            &["net", "list", &corpus, "-o", "json"],
            &["net", "list", &corpus, "--focus", "team-0001/app-03"],
            &["net", "exposure", &corpus],
            &["net", "can", "team-0001/app-03", "team-0002/app-04", "--in", &corpus],
        ];
        for arguments in commands {
            let figures = measure(binary, arguments, runs)?;
            let shown = arguments.join(" ").replace(&corpus, "CORPUS");
            let (least, median) = (figures.least.as_secs_f64(), figures.median.as_secs_f64());
            let peak = figures.peak as f64 / 1e3;
            println!("| {workloads} | {policies} | `plimsoll {shown}` | {least:.3} s | {median:.3} s | {peak:.0} MB |");
        }
    }
    Ok(())
}
