//! How fast audit logs are read.

use anyhow::bail;
use plimsoll_model::audit::{Event, Level};
use plimsoll_sources::audit::{Options, read, read_stream};
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

/// Events that are read in each run.
const EVENTS: usize = 500_000;

/// Times the reader over the events of `log`, and over those of them that have no bodies, from memory.
pub(super) fn run(log: &Path, runs: usize) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("the reader is measured in a release build: cargo run --release --package xtask -- bench --audit LOG");
    }
    let mut events = Vec::new();
    let keep = Options { text: true, ..Options::default() };
    let problems = read(&[log.to_owned()], &keep, io::empty(), |batch| events.extend(batch));
    if let Some(problem) = problems.first() {
        bail!("{}: {}", problem.place(), problem.message);
    }
    println!("| events | bytes each | bodies | time, least | median | events/s | MB/s |\n| --- | ---: | --- | ---: | ---: | ---: | ---: |");
    let started = Instant::now();
    let mut count = 0;
    read(&[log.to_owned()], &Options::default(), io::empty(), |batch| count += batch.len());
    let (took, bytes) = (started.elapsed().as_secs_f64(), std::fs::metadata(log)?.len() as f64);
    let each = bytes as u64 / count.max(1) as u64;
    println!("| the file as it is, once | {each} | passed over | {took:.2} s | | {:.0} | {:.0} |", count as f64 / took, bytes / took / 1e6);
    let metadata: Vec<&Event> = events.iter().filter(|event| event.level == Some(Level::Metadata)).collect();
    let all: Vec<&Event> = events.iter().collect();
    for (name, events, objects) in [("of level Metadata", &metadata, false), ("all", &all, false), ("all", &all, true)] {
        let mut text = String::new();
        for event in events.iter().filter_map(|event| event.text.as_ref()) {
            text.push_str(event.get());
            text.push('\n');
        }
        let times = EVENTS.div_ceil(events.len().max(1));
        let options = Options { objects, ..Options::default() };
        let mut took = Vec::new();
        for _ in 0..=runs {
            let started = Instant::now();
            let mut count = 0;
            let problems = read_stream("bench", Repeat { text: text.as_bytes(), at: 0, times }, &options, |batch| count += batch.len());
            took.push(started.elapsed().as_secs_f64());
            if count != events.len() * times || !problems.is_empty() {
                bail!("{count} events were read of {}, with {} problems", events.len() * times, problems.len());
            }
        }
        // The first run warms up.
        took.remove(0);
        took.sort_by(f64::total_cmp);
        let (least, median) = (took.first().copied().unwrap_or(1.0), took.get(took.len() / 2).copied().unwrap_or(1.0));
        let total = (events.len() * times) as f64;
        println!(
            "| {name} | {} | {} | {least:.2} s | {median:.2} s | {:.0} | {:.0} |",
            text.len() / events.len().max(1),
            if objects { "kept" } else { "passed over" },
            total / median,
            (text.len() * times) as f64 / median / 1e6
        );
    }
    Ok(())
}

/// A text, again and again.
struct Repeat<'t> {
    text: &'t [u8],
    at: usize,
    times: usize,
}

impl Read for Repeat<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.times == 0 {
            return Ok(0);
        }
        let read = self.text.get(self.at..).unwrap_or_default().read(out)?;
        self.at += read;
        if self.at == self.text.len() {
            (self.at, self.times) = (0, self.times - 1);
        }
        Ok(read)
    }
}
