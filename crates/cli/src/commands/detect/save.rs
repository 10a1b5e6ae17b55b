//! Slices of a capture around alerts: they can be replayed on their own, here and by Falco.

use anyhow::Context;
use plimsoll_detect::state::{Limits, State};
use plimsoll_model::events::{Event, OwnedEvent, Start};
use plimsoll_sources::capture::Writer;
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many events before an alert are kept at most.
const MOST_EVENTS: usize = 200_000;
/// How many bytes of parameters they may have.
const MOST_BYTES: usize = 128 << 20;
/// How many slices of a capture are written at most.
const MOST_SLICES: usize = 1000;

/// What is asked for: how much time before and after each alert, and where slices go.
pub(super) struct Around {
    pub(super) window: Duration,
    pub(super) directory: PathBuf,
}

/// The slices of one capture.
pub(super) struct Slices<'a> {
    around: &'a Around,
    window: u64,
    /// The capture's name without its ending.
    stem: String,
    /// What the capture says of the machine, its users and interfaces.
    machine: Vec<Start>,
    /// The state before the first event that is kept.
    before: State,
    kept: VecDeque<OwnedEvent>,
    bytes: usize,
    /// The slice that is being written, and the time up to which it goes.
    open: Option<(Writer<BufWriter<File>>, u64)>,
    written: usize,
    /// Alerts that have no slice, because there are too many.
    pub(super) left_out: u64,
}

impl Around {
    /// From `5s` or `500ms`, and a directory, which is made.
    pub(super) fn new(time: &str, directory: &str) -> anyhow::Result<Self> {
        let digits = time.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = time.get(digits.len()..).unwrap_or_default();
        let number: Option<u64> = digits.parse().ok();
        let window = match (number, unit) {
            (Some(number), "ms") => Duration::from_millis(number),
            (Some(number), "s") => Duration::from_secs(number),
            (Some(number), "m") => Duration::from_secs(number.saturating_mul(60)),
            _ => anyhow::bail!("--save-around takes a time as in `5s` or `500ms`, not `{time}`"),
        };
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {directory}"))?;
        Ok(Self { window, directory: directory.into() })
    }
}

impl<'a> Slices<'a> {
    pub(super) fn new(around: &'a Around, capture: &str) -> Self {
        let stem = Path::new(capture).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = stem.trim_end_matches(".gz").trim_end_matches(".scap");
        Self {
            around,
            window: u64::try_from(around.window.as_nanos()).unwrap_or(u64::MAX),
            stem: if stem.is_empty() || stem == "-" { "capture".to_owned() } else { stem.to_owned() },
            machine: Vec::new(),
            before: State::new(Limits::default()),
            kept: VecDeque::new(),
            bytes: 0,
            open: None,
            written: 0,
            left_out: 0,
        }
    }

    /// What was there before the first event.
    pub(super) fn start(&mut self, start: &Start) {
        if !matches!(start, Start::Process(_) | Start::Descriptor { .. }) {
            self.machine.push(start.clone());
        }
        self.before.start(start.clone());
    }

    /// The next event, and whether it made an alert.
    pub(super) fn event(&mut self, event: &Event<'_>, alerts: bool) -> anyhow::Result<()> {
        self.forget(event.time);
        self.bytes += event.params.bytes().len();
        self.kept.push_back(OwnedEvent::from(event));
        let end = event.time.saturating_add(self.window);
        if self.open.as_ref().is_some_and(|(_, until)| event.time > *until && !alerts) {
            self.finish()?;
        }
        match &mut self.open {
            Some((writer, until)) => {
                writer.event(event).context("cannot write a slice")?;
                *until = if alerts { end.max(*until) } else { *until };
            }
            None if alerts && self.written >= MOST_SLICES => self.left_out += 1,
            None if alerts => {
                let path = self.around.directory.join(format!("{}-{}.scap", self.stem, event.number));
                let writer = self.write(&path).with_context(|| format!("cannot write {}", path.display()))?;
                self.open = Some((writer, end));
                self.written += 1;
            }
            None => {}
        }
        Ok(())
    }

    /// Ends the slice that is being written.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        if let Some((writer, _)) = self.open.take() {
            writer.finish().context("cannot write a slice")?;
        }
        Ok(())
    }

    /// Begins a slice with what was there before the events that are kept, and with those.
    fn write(&self, path: &Path) -> anyhow::Result<Writer<BufWriter<File>>> {
        let mut writer = Writer::new(BufWriter::new(File::create(path)?))?;
        for start in &self.machine {
            writer.start(start)?;
        }
        for start in self.before.snapshot() {
            writer.start(&start)?;
        }
        for event in &self.kept {
            writer.event(&event.view())?;
        }
        Ok(writer)
    }

    /// Takes events that are too old, or too many, into the state.
    fn forget(&mut self, now: u64) {
        while let Some(first) = self.kept.front() {
            let is_old = first.time.saturating_add(self.window) < now;
            if !is_old && self.kept.len() < MOST_EVENTS && self.bytes < MOST_BYTES {
                break;
            }
            let event = first.view();
            self.bytes = self.bytes.saturating_sub(event.params.bytes().len());
            self.before.apply(&event);
            self.before.settle();
            self.kept.pop_front();
        }
    }
}
