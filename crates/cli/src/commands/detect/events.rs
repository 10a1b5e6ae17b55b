//! Where events come from, and the rules over them.

use super::Ready;
use super::alerts::Alerts;
use super::save::Slices;
use super::signals::Signals;
use crate::output;
use crate::rule_files::{AUDIT, SYSCALL};
use anyhow::{Context, anyhow, bail};
use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::explain::Part;
use plimsoll_detect::fields::Catalogue;
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::rules::{Rule, Rules};
use plimsoll_detect::state::Limits;
use plimsoll_model::{Problem, ProblemKind};
use plimsoll_sources::audit::{self, Follow, Options, RawEvent};
use plimsoll_sources::capture::{self, Item, Reader};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much of a stream is looked at to tell what it is.
const HEAD: u64 = 4096;

/// How long is waited when nothing new was written to a log.
const PAUSE: Duration = Duration::from_millis(250);

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

/// What one event of an input says of a rule; nothing if there is no such event. Events count from 1 in each input.
pub(super) fn judged(inputs: &Inputs, number: u64, rule: &Rule, problems: &mut Vec<Problem>) -> anyhow::Result<Option<Judged>> {
    let [input] = inputs.0.as_slice() else { bail!("one capture or one log is wanted: events are counted in each of them") };
    let none = Rules::default();
    let engine = |source, catalogue: &dyn Catalogue| {
        Engine::new(&none, source, catalogue, Matching::First).map_err(|error| anyhow!("{}", error.message))
    };
    let name = input.name();
    let mut found = None;
    let opened = open(input).with_context(|| format!("cannot read {name}"))?;
    if opened.kind == Kind::Capture {
        check_source(rule, SYSCALL)?;
        let mut detector = Detector::new(engine(SYSCALL, &Syscalls)?, Limits::default());
        let mut reader = Reader::new(opened.input, capture::Options::default());
        while let Some(item) = reader.next() {
            match item {
                Item::Start(start) => detector.start(start),
                Item::Event(event) if event.number == number => {
                    detector.look(&event, |context| {
                        let info = event.info();
                        let wakes = rule.event_types.contains(event.kind);
                        found = Some(Judged { part: Part::judged(rule, context), time: event.time, what: info.name.to_owned(), wakes });
                    });
                    break;
                }
                Item::Event(event) => detector.event(&event, |_| {}),
                Item::Damage { offset, what } => problems.push(damage(offset, &what, &name)),
            }
        }
        return Ok(found);
    }
    check_source(rule, AUDIT)?;
    let mut detector = AuditDetector::new(engine(AUDIT, &Audit)?);
    let mut count = 0_u64;
    let take = |event: RawEvent<'_>| {
        count += 1;
        // What is handed over is JSON: reading it again does not fail.
        let _ = if count == number {
            detector.look(event.json.raw(), |context| {
                let what = event.json.get(b"verb").and_then(plimsoll_model::lazy::Json::text);
                let what = String::from_utf8_lossy(what.unwrap_or_default()).into_owned();
                found = Some(Judged { part: Part::judged(rule, context), time: context.time(), what, wakes: true });
            })
        } else {
            detector.event(event.json.raw(), |_| {})
        };
    };
    problems.extend(audit::raw_stream(&name, opened.input, &Options::default(), take));
    Ok(found)
}

/// What an event says of a rule.
pub(super) struct Judged {
    pub(super) part: Part,
    pub(super) time: u64,
    /// The event's type, or the request's verb.
    pub(super) what: String,
    /// Whether the rule looks at events of this type.
    pub(super) wakes: bool,
}

fn check_source(rule: &Rule, source: &str) -> anyhow::Result<()> {
    if rule.source != source {
        bail!("the rule `{}` is about events of the source `{}`; these are of `{source}`", rule.name, rule.source);
    }
    Ok(())
}

fn damage(offset: u64, what: &str, name: &str) -> Problem {
    Problem::new(ProblemKind::Unreadable, format!("at byte {offset}: {what}")).target(name)
}

/// Runs the rules over everything.
pub(super) fn run(inputs: &Inputs, ready: &Ready, alerts: &mut Alerts, problems: &mut Vec<Problem>) -> anyhow::Result<()> {
    for input in &inputs.0 {
        let name = input.name();
        if input.kind != Kind::Capture && input.path.is_dir() {
            log(Log::Directory(&input.path), &Options::default(), ready, alerts, problems)?;
            continue;
        }
        match open(input) {
            Ok(Opened { input: stream, kind: Kind::Capture }) => replay(&name, stream, ready, alerts, problems)?,
            Ok(Opened { input: stream, .. }) => {
                let options = Options { prompt: input.path.as_os_str() == "-", ..Options::default() };
                log(Log::Stream(&name, stream), &options, ready, alerts, problems)?;
            }
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
    let mut detector = Detector::new(ready.engine(SYSCALL)?, Limits::default());
    if let Some(name) = alerts.given_hostname() {
        detector.stream_mut().hostname = name.to_owned();
    }
    let mut reader = Reader::new(input, capture::Options::default());
    let mut slices = ready.save.as_ref().map(|around| Slices::new(around, name));
    let mut events = 0_u64;
    while let Some(item) = reader.next() {
        match item {
            Item::Start(start) => {
                if let Some(slices) = &mut slices {
                    slices.start(&start);
                }
                detector.start(start);
                alerts.on(&detector.stream().hostname);
            }
            Item::Event(event) => {
                events += 1;
                let mut fired = false;
                detector.event(&event, |alert| {
                    alerts.take(&alert);
                    fired = true;
                });
                if let Some(slices) = &mut slices {
                    slices.event(&event, fired)?;
                }
            }
            Item::Damage { offset, what } => problems.push(damage(offset, &what, name)),
        }
        if alerts.is_closed() {
            break;
        }
    }
    alerts.looked_at(events, detector.engine());
    if let Some(mut slices) = slices {
        slices.finish()?;
        if slices.left_out > 0 {
            let message = format!("{} alerts have no slice of their own: there are too many", slices.left_out);
            problems.push(Problem::new(ProblemKind::Limit, message).target(name));
        }
    }
    let (unknown, losses) = (reader.losses(), detector.state().losses());
    let counts = [
        (unknown.unknown_events, "events of a newer schema are left out"),
        (unknown.unknown_blocks, "blocks of unknown types are left out"),
        (losses.threads, "threads were forgotten for lack of room"),
        (losses.descriptors, "descriptors were not noted for lack of room"),
        (losses.texts, "texts were cut for lack of room"),
        (losses.accounts, "users and groups were not noted for lack of room"),
        (losses.containers, "containers were not noted for lack of room"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        problems.push(Problem::new(ProblemKind::Note, format!("{count} {what}")).target(name));
    }
    Ok(())
}

/// An audit log, which counts its events from 1 on.
fn log(input: Log<'_>, options: &Options, ready: &Ready, alerts: &mut Alerts, problems: &mut Vec<Problem>) -> anyhow::Result<()> {
    let mut detector = auditor(ready, alerts)?;
    let mut events = 0_u64;
    let mut take = |event: RawEvent<'_>| {
        if alerts.is_closed() {
            return;
        }
        events += 1;
        // What is handed over is JSON: reading it again does not fail.
        let _ = detector.event(event.json.raw(), |alert| alerts.take(&alert));
        if options.prompt {
            alerts.flush();
        }
    };
    problems.extend(match input {
        Log::Directory(path) => audit::raw(&[path.to_owned()], options, io::empty(), &mut take),
        Log::Stream(name, stream) => audit::raw_stream(name, stream, options, &mut take),
    });
    alerts.looked_at(events, detector.engine());
    Ok(())
}

enum Log<'i> {
    Directory(&'i Path),
    Stream(&'i str, Box<dyn Read + Send>),
}

fn auditor(ready: &Ready, alerts: &Alerts) -> anyhow::Result<AuditDetector> {
    let mut detector = AuditDetector::new(ready.engine(AUDIT)?);
    if let Some(name) = alerts.given_hostname() {
        detector.stream_mut().hostname = name.to_owned();
    }
    Ok(detector)
}

/// Audit logs that go on being written. Ends when nobody reads the alerts any more, or by a signal; what waits in sinks is still sent then.
pub(super) fn follow(inputs: &Inputs, ready: &Ready, alerts: &mut Alerts) -> anyhow::Result<()> {
    let mut detector = auditor(ready, alerts)?;
    let mut logs = Vec::new();
    for input in &inputs.0 {
        if input.kind == Kind::Capture || input.path.is_dir() || input.path.as_os_str() == "-" {
            bail!("--follow follows files of audit logs; `{}` is none", input.name());
        }
        let log = Follow::open(&input.path, false, &Options::default()).with_context(|| format!("cannot read {}", input.name()))?;
        logs.push((input.name(), log, false));
    }
    let signals = Signals::watch().context("signals cannot be waited for")?;
    let mut events = 0_u64;
    while !alerts.is_closed() && !signals.ended() {
        if signals.reopens() {
            alerts.reopen();
        }
        let mut came = false;
        for (name, log, failing) in &mut logs {
            let outcome = log.poll(|event| {
                events += 1;
                let _ = detector.event(event.json.raw(), |alert| alerts.take(&alert));
            });
            output::complain_about(log.problems().iter());
            match outcome {
                Ok(more) => {
                    came |= more;
                    *failing = false;
                }
                // Told once, until it works again.
                Err(error) if !std::mem::replace(failing, true) => output::complain(&format!("{name}: cannot be read: {error}")),
                Err(_) => {}
            }
        }
        alerts.flush();
        output::complain_about(alerts.problems().iter());
        if !came {
            std::thread::sleep(PAUSE);
        }
    }
    alerts.looked_at(events, detector.engine());
    Ok(())
}
