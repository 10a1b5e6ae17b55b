//! What rules cost for each event of a capture, on one core.

use anyhow::{Context, bail};
use flate2::read::MultiGzDecoder;
use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{self, Rules, Sources};
use plimsoll_detect::state::{Limits, State};
use plimsoll_model::{Origin, Source, lazy};
use plimsoll_sources::capture::{Item, Options, Reader};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Events that are judged in each run, at least.
const EVENTS: u64 = 1_000_000;

const TRIVIAL: &str = "- rule: trivial\n  desc: d\n  condition: evt.type = chroot and proc.name = nothing\n  output: o\n  priority: INFO\n";

/// Times the rules files one after the other, each with those before it, over a capture that is repeated.
pub(super) fn run(capture: &Path, files: &[PathBuf], write: Option<&Path>, runs: usize) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("rules are measured in a release build: cargo run --release --package xtask -- bench --detect CAPTURE --rules FILE");
    }
    let repeated = Repeated::read(capture)?;
    if let Some(path) = write {
        io::copy(&mut repeated.stream(), &mut std::fs::File::create(path).with_context(|| path.display().to_string())?)?;
    }
    println!(
        "{} events, {:.1} MB, from memory; {runs} runs each, after one that is not counted\n",
        repeated.events * repeated.times,
        repeated.bytes() as f64 / 1e6
    );
    println!("| what | rules | alerts | time, least | median | ns/event, median |\n| --- | ---: | ---: | ---: | ---: | ---: |");
    let row = |what: &str, rules: usize, step: &mut dyn FnMut() -> anyhow::Result<u64>| {
        let mut took = Vec::new();
        let mut alerts = 0;
        for _ in 0..=runs {
            let started = Instant::now();
            alerts = step()?;
            took.push(started.elapsed().as_secs_f64());
        }
        took.remove(0);
        took.sort_by(f64::total_cmp);
        let (least, median) = (took[0], took[took.len() / 2]);
        let each = median * 1e9 / (repeated.events * repeated.times) as f64;
        println!("| {what} | {rules} | {alerts} | {least:.3} s | {median:.3} s | {each:.0} |");
        anyhow::Ok(())
    };
    row("reader alone", 0, &mut || {
        let mut reader = Reader::new(repeated.stream(), Options::default());
        let mut count = 0;
        while let Some(item) = reader.next() {
            count += u64::from(matches!(item, Item::Event(_)));
        }
        if count == repeated.events * repeated.times { Ok(0) } else { bail!("{count} events were read") }
    })?;
    row("reader and state", 0, &mut || {
        let mut reader = Reader::new(repeated.stream(), Options::default());
        let mut state = State::default();
        while let Some(item) = reader.next() {
            match item {
                Item::Start(start) => state.start(start),
                Item::Event(event) => {
                    state.apply(&event);
                    state.settle();
                }
                Item::Damage { offset, what } => bail!("at {offset}: {what}"),
            }
        }
        Ok(0)
    })?;
    let mut sets = vec![("one trivial rule".to_owned(), vec![Source::new("trivial", Origin::File, TRIVIAL)])];
    let mut texts = Vec::new();
    for file in files {
        texts.push(Source::new(
            file.display().to_string(),
            Origin::File,
            std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        ));
        sets.push((format!("…{}", file.file_name().unwrap_or_default().display()), texts.clone()));
    }
    for (name, texts) in sets {
        let rules = load(&texts)?;
        row(&name, rules.rules.iter().filter(|rule| rule.enabled).count(), &mut || {
            let engine = Engine::new(&rules, "syscall", &Syscalls, Matching::First).map_err(|error| anyhow::anyhow!(error.message))?;
            let mut detector = Detector::new(engine, Limits::default());
            let mut reader = Reader::new(repeated.stream(), Options::default());
            let mut alerts = 0;
            while let Some(item) = reader.next() {
                match item {
                    Item::Start(start) => detector.start(start),
                    Item::Event(event) => detector.event(&event, |_| alerts += 1),
                    Item::Damage { offset, what } => bail!("at {offset}: {what}"),
                }
            }
            Ok(alerts)
        })?;
    }
    Ok(())
}

/// Times rules over audit events: files of one event a line, repeated.
pub(super) fn audit(log: &Path, files: &[PathBuf], runs: usize) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("rules are measured in a release build: cargo run --release --package xtask -- bench --detect-audit LOG --rules FILE");
    }
    let mut text = Vec::new();
    unpacked(log)?.read_to_end(&mut text)?;
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let times = EVENTS.div_ceil(lines.len().max(1) as u64);
    let mut texts = Vec::new();
    for file in files {
        texts.push(Source::new(
            file.display().to_string(),
            Origin::File,
            std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        ));
    }
    let rules = load(&texts)?;
    let mut took = Vec::new();
    let mut alerts = 0_u64;
    for _ in 0..=runs {
        alerts = 0;
        let engine = Engine::new(&rules, "k8s_audit", &Audit, Matching::First).map_err(|error| anyhow::anyhow!(error.message))?;
        let mut detector = AuditDetector::new(engine);
        let started = Instant::now();
        for _ in 0..times {
            for line in &lines {
                // As those do that read logs: what is no JSON is told with its line.
                lazy::check(line).map_err(|broken| anyhow::anyhow!("no JSON at byte {}", broken.0))?;
                detector.event(line, |_| alerts += 1).map_err(|broken| anyhow::anyhow!("no JSON at byte {}", broken.0))?;
            }
        }
        took.push(started.elapsed().as_secs_f64());
    }
    took.remove(0);
    took.sort_by(f64::total_cmp);
    let events = (lines.len() as u64 * times) as f64;
    let median = took[took.len() / 2];
    println!(
        "| audit events | bytes each | rules | alerts | time, least | median | events/s |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    println!(
        "| {events} | {} | {} | {alerts} | {:.2} s | {median:.2} s | {:.0} |",
        text.len() / lines.len().max(1),
        rules.rules.len(),
        took[0],
        events / median
    );
    Ok(())
}

/// A file, unpacked if it is gzip.
fn unpacked(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(if bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(io::Cursor::new(bytes)))
    } else {
        Box::new(io::Cursor::new(bytes))
    })
}

fn load(files: &[Arc<Source>]) -> anyhow::Result<Rules> {
    let loaded = rules::load(files, Sources::new().with("syscall", &Syscalls).with("k8s_audit", &Audit), Vec::new());
    match loaded.diagnostics.errors().next() {
        Some(error) => bail!("{}: {}", error.code.text(), error.message),
        None => Ok(loaded.rules),
    }
}

/// A capture whose events come several times.
struct Repeated {
    head: Vec<u8>,
    body: Vec<u8>,
    events: u64,
    times: u64,
}

impl Repeated {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut data = Vec::new();
        unpacked(path)?.read_to_end(&mut data)?;
        let mut repeated = Self { head: Vec::new(), body: Vec::new(), events: 0, times: 1 };
        let mut rest = data.as_slice();
        while let Some((frame, _)) = rest.split_first_chunk::<8>() {
            let kind = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
            let length = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
            let (block, more) = rest.split_at_checked(length.max(12)).context("the capture is cut off")?;
            if matches!(kind, 0x204 | 0x208 | 0x216 | 0x217 | 0x221 | 0x222) {
                repeated.body.extend_from_slice(block);
                repeated.events += 1;
            } else {
                repeated.head.extend_from_slice(block);
            }
            rest = more;
        }
        repeated.times = EVENTS.div_ceil(repeated.events.max(1));
        Ok(repeated)
    }

    fn bytes(&self) -> u64 {
        self.head.len() as u64 + self.body.len() as u64 * self.times
    }

    fn stream(&self) -> impl Read {
        self.head.as_slice().chain(Copies { body: &self.body, at: 0, times: self.times })
    }
}

struct Copies<'a> {
    body: &'a [u8],
    at: usize,
    times: u64,
}

impl Read for Copies<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.body.len() {
            self.at = 0;
            self.times = self.times.saturating_sub(1);
        }
        if self.times == 0 {
            return Ok(0);
        }
        let count = buffer.len().min(self.body.len() - self.at);
        buffer[..count].copy_from_slice(&self.body[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
