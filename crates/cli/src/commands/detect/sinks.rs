//! Where alerts go beside the outputs of every command.

use plimsoll_detect::engine::Alert;
use plimsoll_detect::format::line;
use plimsoll_detect::rules::Priority;
use plimsoll_model::Problem;
use plimsoll_sinks::{Channel, Config, Message, Overflow, Sink, Sinks};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where alerts go.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Also send alerts to a sink, as they come: `stdout`, `file=PATH`, `http=URL`, `syslog`, `program=COMMAND`, or with
    /// options as in `http,ca_cert=FILE,url=URL` (docs/sinks.md); may be given several times.
    #[arg(long = "sink", value_name = "SINK", help_heading = "Sinks")]
    sinks: Vec<Sink>,
    /// Do as this falco.yaml says: its outputs get alerts, and its rules files, selection of rules, priority, and what it adds
    /// to outputs count where no option says otherwise (docs/detect.md).
    #[arg(long, value_name = "FILE", help_heading = "Sinks")]
    config: Option<PathBuf>,
}

/// Sinks that take alerts.
pub(super) struct Running {
    sinks: Sinks,
    deadline: Duration,
    /// Whether one of them is standard output.
    pub(super) on_stdout: bool,
}

impl Args {
    /// The falco.yaml.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Starts what was asked for. Sinks that cannot follow events that happen now lose some; a capture is read more slowly for them.
    pub(super) fn start(&self, mut config: Config, live: bool, problems: &mut Vec<Problem>) -> Option<Running> {
        config.sinks.extend(self.sinks.iter().cloned());
        config.overflow = if live { Overflow::Drop } else { Overflow::Wait };
        if config.sinks.is_empty() {
            return None;
        }
        let on_stdout = config.sinks.iter().any(|sink| sink.channel == Channel::Stdout);
        let (sinks, found) = Sinks::start(&config, Box::new(io::stdout()));
        problems.extend(found);
        Some(Running { sinks, deadline: config.deadline, on_stdout })
    }
}

impl Running {
    pub(super) fn send(&self, alert: &Alert, hostname: &str, options: line::Options) {
        self.sinks.send(&Message {
            time: i64::try_from(alert.time).unwrap_or(i64::MAX),
            severity: severity(alert.rule.priority),
            text: alert.text(hostname, options).into(),
            json: alert.json(hostname, options).to_string().into(),
        });
    }

    /// Opens again what is held open.
    pub(super) fn reopen(&self) {
        self.sinks.reopen();
    }

    /// What went wrong since the last time.
    pub(super) fn problems(&mut self) -> Vec<Problem> {
        self.sinks.problems()
    }

    /// Waits until everything is delivered, or the deadline has come.
    pub(super) fn finish(&mut self) -> Vec<Problem> {
        self.sinks.finish(self.deadline)
    }
}

/// As syslog counts.
fn severity(priority: Priority) -> u8 {
    let place = Priority::ALL.iter().position(|one| *one == priority);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(7)
}
