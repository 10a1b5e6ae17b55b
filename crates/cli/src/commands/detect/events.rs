//! Where events come from, and the rules over them.

use super::Ready;
use super::alerts::Alerts;
use crate::rule_files::{AUDIT, SYSCALL};
use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::state::Limits;
use plimsoll_model::{Problem, ProblemKind};
use plimsoll_sources::capture::{self, Item, Reader};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How much of a stream is looked at to tell what it is.
const HEAD: u64 = 4096;

/// Captures and logs, in the order in which they are read.
#[derive(Default)]
pub(super) struct Inputs(Vec<Input>);

struct Input {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Capture,
    Log,
    /// Its content tells.
    Unknown,
}

impl Inputs {
    pub(super) fn capture(&mut self, path: &Path) {
        self.0.push(Input { path: path.to_owned(), kind: Kind::Capture });
    }

    pub(super) fn log(&mut self, path: &Path) {
        self.0.push(Input { path: path.to_owned(), kind: Kind::Log });
    }

    pub(super) fn sniff(&mut self, path: &Path) {
        self.0.push(Input { path: path.to_owned(), kind: Kind::Unknown });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the user wrote them.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(Input::name).collect()
    }
}

impl Input {
    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// A stream that was opened, with what its content says of it.
struct Opened {
    input: Box<dyn Read + Send>,
    kind: Kind,
}

fn open(input: &Input) -> io::Result<Opened> {
    let mut stream: Box<dyn Read + Send> =
        if input.path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(&input.path)?) };
    if input.kind != Kind::Unknown {
        return Ok(Opened { input: stream, kind: input.kind });
    }
    let mut head = Vec::new();
    stream.by_ref().take(HEAD).read_to_end(&mut head)?;
    let kind = if capture::is_capture(&head) { Kind::Capture } else { Kind::Log };
    Ok(Opened { input: Box::new(io::Cursor::new(head).chain(stream)), kind })
}

/// Runs the rules over everything.
pub(super) fn run(inputs: &Inputs, ready: &Ready, alerts: &mut Alerts, problems: &mut Vec<Problem>) -> anyhow::Result<()> {
    for input in &inputs.0 {
        let name = input.name();
        if input.kind != Kind::Capture && input.path.is_dir() {
            log(std::slice::from_ref(&input.path), None, ready, alerts, problems)?;
            continue;
        }
        match open(input) {
            Ok(Opened { input, kind: Kind::Capture }) => replay(&name, input, ready, alerts, problems)?,
            Ok(Opened { input, .. }) => log(&[PathBuf::from("-")], Some((&name, input)), ready, alerts, problems)?,
            Err(error) => problems.push(Problem::new(ProblemKind::Unreadable, format!("cannot be read: {error}")).target(&name)),
        }
        if alerts.is_closed() {
            break;
        }
    }
    Ok(())
}

/// A capture: a machine of its own.
fn replay(name: &str, input: impl Read, ready: &Ready, alerts: &mut Alerts, problems: &mut Vec<Problem>) -> anyhow::Result<()> {
    let mut detector = Detector::new(ready.engine(SYSCALL, &Syscalls)?, Limits::default());
    if let Some(name) = alerts.given_hostname() {
        detector.stream_mut().hostname = name.to_owned();
    }
    let mut reader = Reader::new(input, capture::Options::default());
    let mut events = 0_u64;
    while let Some(item) = reader.next() {
        match item {
            Item::Start(start) => {
                detector.start(start);
                alerts.on(&detector.stream().hostname);
            }
            Item::Event(event) => {
                events += 1;
                detector.event(&event, |alert| alerts.take(&alert));
            }
            Item::Damage { offset, what } => {
                problems.push(Problem::new(ProblemKind::Unreadable, format!("at byte {offset}: {what}")).target(name));
            }
        }
        if alerts.is_closed() {
            break;
        }
    }
    alerts.looked_at(events, detector.engine());
    let (unknown, losses) = (reader.losses(), detector.state().losses());
    let counts = [
        (unknown.unknown_events, "events of a newer schema are left out"),
        (unknown.unknown_blocks, "blocks of unknown types are left out"),
        (losses.threads, "threads were forgotten for lack of room"),
        (losses.descriptors, "descriptors were not noted for lack of room"),
        (losses.texts, "texts were cut for lack of room"),
        (losses.accounts, "users and groups were not noted for lack of room"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        problems.push(Problem::new(ProblemKind::Note, format!("{count} {what}")).target(name));
    }
    Ok(())
}

/// An audit log.
fn log(
    paths: &[PathBuf],
    stream: Option<(&str, Box<dyn Read + Send>)>,
    ready: &Ready,
    alerts: &mut Alerts,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<()> {
    let mut detector = AuditDetector::new(ready.engine(AUDIT, &Audit)?);
    if let Some(name) = alerts.given_hostname() {
        detector.stream_mut().hostname = name.to_owned();
    }
    let _ = (paths, stream, problems);
    anyhow::bail!("audit logs cannot be read yet")
}
