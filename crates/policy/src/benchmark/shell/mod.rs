//! The shell that audits are written in, as far as they use it: text is parsed to commands, and commands are carried out by
//! functions over a [`Host`] and the cluster's objects. No process is started.

mod expand;
mod parse;
mod run;
mod syntax;
mod word;

use super::host::Host;
use super::tools;
use serde_json::Value as Json;
use std::cell::Cell;
use syntax::{Command, Part, Redirect, Stream, Word};

pub(super) use expand::matches;
pub(super) use run::Shell;

/// Why something cannot be evaluated.
pub(super) type Reason = String;

/// Steps of all commands of a script together.
const STEPS: usize = 4_000_000;
/// Bytes that commands write and words put in, of a script as a whole.
const OUTPUT: usize = 128 << 20;
/// Scripts that scripts run.
const DEPTH: usize = 6;

/// A script, parsed.
#[derive(Debug, Clone)]
pub(super) struct Script(Command);

impl Script {
    /// Parses `text`. That its commands are known is said by [`Script::understood`].
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        parse::parse(text).map(Self)
    }

    /// Whether all commands are known, whichever of them will be run.
    pub(super) fn understood(&self) -> Result<(), Reason> {
        understood(&self.0)
    }

    pub(super) fn command(&self) -> &Command {
        &self.0
    }

    /// Runs it: what it wrote, standard error included, and its status.
    pub(super) fn run(&self, machine: &Machine<'_>) -> Result<(String, i32), Reason> {
        let mut shell = Shell::new(machine);
        let mut streams = Streams::default();
        let status = shell.script(&self.0, &mut Input::default(), &mut streams)?;
        Ok((streams.all(), status))
    }
}

/// What commands are run on.
pub(super) struct Machine<'a> {
    pub(super) host: &'a dyn Host,
    /// The cluster's objects, where some were read.
    pub(super) objects: Option<&'a [Json]>,
    steps: Cell<usize>,
    output: Cell<usize>,
    depth: Cell<usize>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(host: &'a dyn Host, objects: Option<&'a [Json]>) -> Self {
        Self { host, objects, steps: Cell::new(0), output: Cell::new(0), depth: Cell::new(0) }
    }

    /// Counts work; an audit that never ends is not evaluated.
    pub(super) fn step(&self, count: usize) -> Result<(), Reason> {
        self.steps.set(self.steps.get().saturating_add(count));
        if self.steps.get() > STEPS { Err("the audit takes too many steps".to_owned()) } else { Ok(()) }
    }

    /// Does something a level deeper.
    pub(super) fn deeper<T>(&self, work: impl FnOnce() -> Result<T, Reason>) -> Result<T, Reason> {
        if self.depth.get() >= DEPTH {
            return Err("commands run commands too deeply".to_owned());
        }
        self.depth.set(self.depth.get() + 1);
        let done = work();
        self.depth.set(self.depth.get() - 1);
        done
    }

    /// Counts output.
    pub(super) fn wrote(&self, bytes: usize) -> Result<(), Reason> {
        self.output.set(self.output.get().saturating_add(bytes));
        if self.output.get() > OUTPUT { Err("the audit writes too much".to_owned()) } else { Ok(()) }
    }
}

/// Text to read from, with how much was read.
#[derive(Debug, Default)]
pub(super) struct Input {
    text: String,
    at: usize,
}

impl Input {
    pub(super) fn new(text: String) -> Self {
        Self { text, at: 0 }
    }

    /// The next line without its end.
    pub(super) fn line(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next().unwrap_or("");
        self.at = (self.at + line.len() + 1).min(self.text.len());
        Some(line.to_owned())
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or("").to_owned();
        self.at = self.text.len();
        rest
    }
}

/// What commands wrote, in order.
#[derive(Debug, Default)]
pub(super) struct Streams {
    parts: Vec<(Stream, String)>,
    bytes: usize,
}

impl Streams {
    pub(super) fn out(&mut self, text: impl Into<String>) {
        self.push(Stream::Out, text.into());
    }

    pub(super) fn line(&mut self, text: impl Into<String>) {
        let mut text = text.into();
        text.push('\n');
        self.out(text);
    }

    pub(super) fn err(&mut self, text: impl Into<String>) {
        let mut text = text.into();
        text.push('\n');
        self.push(Stream::Err, text);
    }

    fn push(&mut self, stream: Stream, text: String) {
        self.bytes += text.len();
        self.parts.push((stream, text));
    }

    /// Standard output; what is standard error goes to `other`.
    fn split(self, other: &mut Self) -> String {
        let mut out = String::new();
        for (stream, text) in self.parts {
            match stream {
                Stream::Out => out.push_str(&text),
                Stream::Err => other.push(stream, text),
            }
        }
        out
    }

    pub(super) fn all(self) -> String {
        self.parts.into_iter().map(|(_, text)| text).collect()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What stands for values that only a run knows, in arguments that are looked at before.
const SOMETHING: &str = "1";

fn understood(command: &Command) -> Result<(), Reason> {
    match command {
        Command::Simple { assignments, words } => {
            assignments.iter().try_for_each(|one| word_understood(&one.value))?;
            words.iter().try_for_each(word_understood)?;
            let arguments: Vec<String> = words.iter().map(presumed).collect();
            let Some((name, arguments)) = arguments.split_first() else { return Ok(()) };
            if run::is_builtin(name) { Ok(()) } else { tools::make(name, arguments).map(|_| ()) }
        }
        Command::Pipeline { commands, .. } | Command::List(commands) => commands.iter().try_for_each(understood),
        Command::Chain(first, rest) => understood(first).and_then(|()| rest.iter().try_for_each(|(_, one)| understood(one))),
        Command::If { arms, otherwise } => {
            arms.iter().try_for_each(|(condition, body)| understood(condition).and_then(|()| understood(body)))?;
            otherwise.as_deref().map_or(Ok(()), understood)
        }
        Command::For { words, body, .. } => words.iter().try_for_each(word_understood).and_then(|()| understood(body)),
        Command::While { condition, body, .. } => understood(condition).and_then(|()| understood(body)),
        Command::Subshell(body) => understood(body),
        Command::Redirected(body, redirects) => {
            let mut inputs = redirects.iter().filter_map(|one| if let Redirect::Input(word) = one { Some(word) } else { None });
            inputs.try_for_each(word_understood).and_then(|()| understood(body))
        }
    }
}

fn word_understood(word: &Word) -> Result<(), Reason> {
    word.0.iter().try_for_each(|part| match part {
        Part::Output { command, .. } => understood(command),
        Part::Variable { change: Some((_, word)), .. } => word_understood(word),
        _ => Ok(()),
    })
}

fn presumed(word: &Word) -> String {
    word.0.iter().map(|part| if let Part::Text { text, .. } = part { text.as_str() } else { SOMETHING }).collect()
}
