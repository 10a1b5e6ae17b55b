//! Where alerts go: standard output, files, HTTP, syslog, programs. What an alert is, is not known here: a message is its text and its JSON.
//!
//! Each sink has a thread and a bounded queue of its own, so that a slow receiver holds up neither the engine nor the other sinks. What a sink could not
//! deliver is counted and becomes a problem.

mod config;
mod file;
mod http;
mod lines;
mod options;
mod program;
mod queue;
mod syslog;
#[cfg(test)]
mod testing;
mod tls;
mod worker;
mod yaml;

pub use config::{Config, Retry};
pub use http::BatchFormat;
pub use options::{Channel, FileOptions, HttpOptions, ProgramOptions, Sink, SyslogOptions};
pub use queue::{Overflow, Tally};
pub use syslog::{Address, Framing};
pub use yaml::Reader;

use plimsoll_model::{Problem, ProblemKind};
use queue::Queue;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use worker::{Deliver, Pace};

/// One alert, finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When it happened, in nanoseconds since 1970.
    pub time: i64,
    /// As syslog counts (RFC 5424, table 2): 0 is an emergency, 7 is debug; what is above 7 counts as 7.
    pub severity: u8,
    /// The line.
    pub text: Arc<str>,
    /// Falco's JSON line.
    pub json: Arc<str>,
}

/// Which of its two forms a message is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`Message::text`].
    Text,
    /// [`Message::json`].
    Json,
}

impl Message {
    pub(crate) fn body(&self, format: Format) -> &str {
        match format {
            Format::Text => &self.text,
            Format::Json => &self.json,
        }
    }
}

/// Running sinks.
pub struct Sinks {
    running: Vec<Running>,
    overflow: Overflow,
}

struct Running {
    name: String,
    queue: Arc<Queue>,
    /// What problems have told of already.
    told: Tally,
}

impl Sinks {
    /// Starts what `config` names; `stdout` is where the sink of that name writes. A sink that cannot start is a problem, the others run.
    pub fn start(config: &Config, stdout: Box<dyn Write + Send>) -> (Self, Vec<Problem>) {
        Self::start_with(config, stdout, || Box::new(worker::Waiting))
    }

    fn start_with(config: &Config, stdout: Box<dyn Write + Send>, pace: impl Fn() -> Box<dyn Pace>) -> (Self, Vec<Problem>) {
        let mut stdout = Some(stdout);
        let mut sinks = Self { running: Vec::new(), overflow: config.overflow };
        let mut problems = Vec::new();
        for sink in &config.sinks {
            let name = sink.channel.to_string();
            let started = open(sink, &mut stdout).and_then(|deliver| {
                let queue = Arc::new(Queue::new(config.capacity));
                let retry = Retry { attempts: sink.retries.unwrap_or(config.retry.attempts), ..config.retry };
                let (theirs, pace) = (Arc::clone(&queue), pace());
                let work = move || worker::run(&theirs, deliver, retry, pace);
                std::thread::Builder::new().name("sink".to_owned()).spawn(work).map_err(|error| error.to_string())?;
                Ok(queue)
            });
            match started {
                Ok(queue) => sinks.running.push(Running { name, queue, told: Tally::default() }),
                Err(reason) => {
                    let message = format!("alerts cannot be sent to {name}: {reason}");
                    problems.push(Problem::new(ProblemKind::Configuration, message));
                }
            }
        }
        (sinks, problems)
    }

    /// Hands `message` to every sink.
    pub fn send(&self, message: &Message) {
        for sink in &self.running {
            sink.queue.push(message, self.overflow);
        }
    }

    /// Asks sinks that hold something open (files, programs, connections) to open it again, as Falco does on SIGUSR1.
    pub fn reopen(&self) {
        self.running.iter().for_each(|sink| sink.queue.reopen());
    }

    /// Whether nobody is left who takes messages: a pipe's reader has closed it.
    pub fn are_closed(&self) -> bool {
        self.running.iter().all(|sink| sink.queue.is_done())
    }

    /// What went wrong since the last call; ask for it now and then while running.
    pub fn problems(&mut self) -> Vec<Problem> {
        self.running.iter_mut().flat_map(Running::problems).collect()
    }

    /// What became of the messages, by sink, in the order of the configuration.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.running.iter().map(|sink| (sink.name.as_str(), sink.queue.tally()))
    }

    /// Waits until everything is delivered, for `deadline` at most; what is not sent by then is given up. Says what went wrong since the last time.
    pub fn finish(&mut self, deadline: Duration) -> Vec<Problem> {
        self.running.iter().for_each(|sink| sink.queue.close());
        // A deadline beyond what the clock can tell is none.
        let end = Instant::now().checked_add(deadline);
        for sink in &self.running {
            sink.queue.wait_until(end);
        }
        self.problems()
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.running.iter().for_each(|sink| sink.queue.abandon());
    }
}

impl Running {
    fn problems(&mut self) -> Vec<Problem> {
        let now = self.queue.tally();
        let told = std::mem::replace(&mut self.told, now.clone());
        let name = &self.name;
        let mut problems = Vec::new();
        let mut report = |message: String| problems.push(Problem::new(ProblemKind::NotDelivered, message));
        let alerts = |count: u64| format!("{count} {}", if count == 1 { "alert" } else { "alerts" });
        if let failed @ 1.. = now.failed - told.failed {
            let reason = now.reason.as_deref().unwrap_or("the receiver does not take them");
            report(format!("{} could not be delivered to {name}: {reason}", alerts(failed)));
        }
        if let dropped @ 1.. = now.dropped - told.dropped {
            report(format!("{} for {name} dropped because the queue was full", alerts(dropped)));
        }
        if let unsent @ 1.. = now.unsent - told.unsent {
            let waiting = now.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
            report(format!("{} for {name} not sent before the deadline{waiting}", alerts(unsent)));
        }
        if let (Some(remark), true) = (&now.remark, now.remarks > told.remarks) {
            report(format!("{name}: {remark}"));
        }
        problems
    }
}

/// Opens what can be opened beforehand, so that mistakes show at the start.
fn open(sink: &Sink, stdout: &mut Option<Box<dyn Write + Send>>) -> Result<Box<dyn Deliver>, String> {
    Ok(match &sink.channel {
        Channel::Stdout => {
            let writer = stdout.take().ok_or("it is named twice")?;
            Box::new(lines::Output::new(writer, sink.format))
        }
        Channel::File(options) => Box::new(file::File::open(options, sink.format)?),
        Channel::Http(options) => Box::new(http::Http::open(options, sink.format)?),
        Channel::Syslog(options) => Box::new(syslog::Syslog::open(options, sink.format)),
        Channel::Program(options) => Box::new(program::Program::new(options, sink.format)),
    })
}
