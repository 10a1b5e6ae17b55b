//! Commands carried out.

use super::syntax::{Assignment, Command, Redirect, Stream, Word};
use super::{Input, Machine, Reason, Streams};
use crate::benchmark::tools::{self, test};
use std::collections::BTreeMap;

/// Rounds of one loop.
const ROUNDS: usize = 50_000;

/// Variables and the status of the last command.
pub(crate) struct Shell<'m, 'a> {
    pub(super) machine: &'m Machine<'a>,
    variables: BTreeMap<String, String>,
    status: i32,
}

/// How commands go on after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
    Exit,
}

type Outcome = Result<Flow, Reason>;

/// Whether a command is part of the shell itself.
pub(super) fn is_builtin(name: &str) -> bool {
    matches!(name, ":" | "true" | "false" | "exit" | "return" | "break" | "continue" | "export" | "unset" | "read" | "[[")
}

impl<'m, 'a> Shell<'m, 'a> {
    pub(crate) fn new(machine: &'m Machine<'a>) -> Self {
        let variables = BTreeMap::from([("HOSTNAME".to_owned(), machine.host.name().to_owned())]);
        Self { machine, variables, status: 0 }
    }

    /// Runs a script to its end; its status.
    pub(crate) fn script(&mut self, command: &Command, input: &mut Input, streams: &mut Streams) -> Result<i32, Reason> {
        self.run(command, input, streams)?;
        Ok(self.status)
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        if name == "?" { Some(self.status.to_string()) } else { self.variables.get(name).cloned() }
    }

    /// What a command writes, without the line ends behind it.
    pub(super) fn output(&mut self, command: &Command, streams: &mut Streams) -> Result<String, Reason> {
        let mut inner = self.copy();
        let mut written = Streams::default();
        inner.run(command, &mut Input::default(), &mut written)?;
        self.status = inner.status;
        self.machine.wrote(written.bytes())?;
        let mut text = written.split(streams);
        text.truncate(text.trim_end_matches('\n').len());
        Ok(text)
    }

    fn copy(&self) -> Self {
        Self { machine: self.machine, variables: self.variables.clone(), status: self.status }
    }

    fn run(&mut self, command: &Command, input: &mut Input, streams: &mut Streams) -> Outcome {
        self.machine.step(1)?;
        match command {
            Command::Simple { assignments, words } => self.simple(assignments, words, input, streams),
            Command::Pipeline { negated, commands } => {
                let flow = self.pipeline(commands, input, streams)?;
                if *negated {
                    self.status = i32::from(self.status == 0);
                }
                Ok(flow)
            }
            Command::Chain(first, rest) => {
                let mut flow = self.run(first, input, streams)?;
                for (and, command) in rest {
                    if flow != Flow::On {
                        break;
                    }
                    if *and == (self.status == 0) {
                        flow = self.run(command, input, streams)?;
                    }
                }
                Ok(flow)
            }
            Command::List(commands) => {
                for command in commands {
                    let flow = self.run(command, input, streams)?;
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                }
                Ok(Flow::On)
            }
            Command::If { arms, otherwise } => {
                for (condition, body) in arms {
                    let flow = self.run(condition, input, streams)?;
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                    if self.status == 0 {
                        return self.run(body, input, streams);
                    }
                }
                self.status = 0;
                otherwise.as_ref().map_or(Ok(Flow::On), |body| self.run(body, input, streams))
            }
            Command::For { name, words, body } => {
                let values = self.arguments(words, streams)?;
                self.status = 0;
                for value in values {
                    self.machine.step(1)?;
                    self.variables.insert(name.clone(), value);
                    match self.run(body, input, streams)? {
                        Flow::On | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Exit => return Ok(Flow::Exit),
                    }
                }
                Ok(Flow::On)
            }
            Command::While { until, condition, body } => self.repeat(*until, condition, body, input, streams),
            Command::Subshell(body) => {
                let mut inner = self.copy();
                inner.run(body, input, streams)?;
                self.status = inner.status;
                Ok(Flow::On)
            }
            Command::Redirected(body, redirects) => self.redirected(body, redirects, input, streams),
        }
    }

    fn repeat(&mut self, until: bool, condition: &Command, body: &Command, input: &mut Input, streams: &mut Streams) -> Outcome {
        let mut last = 0;
        for _ in 0..ROUNDS {
            let flow = self.run(condition, input, streams)?;
            if flow == Flow::Exit {
                return Ok(flow);
            }
            if (self.status == 0) == until {
                self.status = last;
                return Ok(Flow::On);
            }
            match self.run(body, input, streams)? {
                Flow::On | Flow::Continue => last = self.status,
                Flow::Break => return Ok(Flow::On),
                Flow::Exit => return Ok(Flow::Exit),
            }
        }
        Err("a loop of the audit does not end".to_owned())
    }

    fn pipeline(&mut self, commands: &[Command], input: &mut Input, streams: &mut Streams) -> Outcome {
        // What a single command sets stays; each of several is a shell of its own.
        if let [command] = commands {
            return self.run(command, input, streams);
        }
        let mut given: Option<Input> = None;
        for (at, command) in commands.iter().enumerate() {
            let mut inner = self.copy();
            let mut written = Streams::default();
            let target = if at + 1 == commands.len() { &mut *streams } else { &mut written };
            inner.run(command, given.as_mut().unwrap_or(input), target)?;
            self.status = inner.status;
            self.machine.wrote(written.bytes())?;
            given = Some(Input::new(written.split(streams)));
        }
        Ok(Flow::On)
    }

    fn redirected(&mut self, body: &Command, redirects: &[Redirect], input: &mut Input, streams: &mut Streams) -> Outcome {
        // Where each stream ends up; `None` is nowhere.
        let (mut out, mut err) = (Some(Stream::Out), Some(Stream::Err));
        let mut given = None;
        for redirect in redirects {
            match redirect {
                Redirect::Drop(Stream::Out) => out = None,
                Redirect::Drop(Stream::Err) => err = None,
                Redirect::Merge { from: Stream::Err, into: Stream::Out } => err = out,
                Redirect::Merge { from: Stream::Out, into: Stream::Err } => out = err,
                Redirect::Merge { .. } => {}
                Redirect::Input(word) => {
                    let path = self.text(word, streams)?;
                    match tools::files::read(self.machine, &path)? {
                        Ok(text) => given = Some(Input::new(text)),
                        Err(message) => {
                            streams.err(format!("sh: {path}: {message}"));
                            self.status = 1;
                            return Ok(Flow::On);
                        }
                    }
                }
            }
        }
        let mut written = Streams::default();
        let flow = self.run(body, given.as_mut().unwrap_or(input), &mut written)?;
        for (stream, text) in written.parts {
            let target = if stream == Stream::Out { out } else { err };
            if let Some(target) = target {
                streams.push(target, text);
            }
        }
        Ok(flow)
    }

    fn simple(&mut self, assignments: &[Assignment], words: &[Word], input: &mut Input, streams: &mut Streams) -> Outcome {
        self.status = if words.is_empty() { 0 } else { self.status };
        for Assignment { name, append, value } in assignments {
            let mut text = self.text(value, streams)?;
            if *append {
                text.insert_str(0, &self.variable(name).unwrap_or_default());
            }
            self.machine.wrote(text.len())?;
            self.variables.insert(name.clone(), text);
        }
        if words.first().is_some_and(|word| matches!(word.0.as_slice(), [super::Part::Text { text, quoted: false }] if text == "[[")) {
            self.status = i32::from(!self.double_brackets(words, streams)?);
            return Ok(Flow::On);
        }
        let arguments = self.arguments(words, streams)?;
        let Some((name, arguments)) = arguments.split_first() else { return Ok(Flow::On) };
        let number = arguments.first().and_then(|text| text.parse().ok());
        match name.as_str() {
            ":" | "true" => self.status = 0,
            "false" => self.status = 1,
            "exit" | "return" => {
                self.status = number.unwrap_or(self.status);
                return Ok(Flow::Exit);
            }
            "break" => return Ok(Flow::Break),
            "continue" => return Ok(Flow::Continue),
            "export" => {
                for (name, value) in arguments.iter().filter_map(|text| text.split_once('=')) {
                    self.variables.insert(name.to_owned(), value.to_owned());
                }
                self.status = 0;
            }
            "unset" => {
                for name in arguments {
                    self.variables.remove(name);
                }
                self.status = 0;
            }
            "read" => self.status = i32::from(!self.read(arguments, input)?),
            _ => {
                // What it costs to make one, patterns included.
                self.machine.step(100)?;
                let before = streams.bytes();
                self.status = tools::make(name, arguments)?(input, self.machine, streams)?;
                self.machine.wrote(streams.bytes().saturating_sub(before))?;
            }
        }
        Ok(Flow::On)
    }

    /// `read -r a b c`: the last name takes what is left of the line.
    fn read(&mut self, arguments: &[String], input: &mut Input) -> Result<bool, Reason> {
        let names: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
        if arguments.iter().any(|text| text.starts_with('-') && text != "-r") {
            return Err("these options of `read` are not understood".to_owned());
        }
        let line = input.line();
        let mut rest = line.as_deref().unwrap_or("").trim();
        for (at, name) in names.iter().enumerate() {
            let (value, after) = match rest.find(char::is_whitespace) {
                Some(end) if at + 1 < names.len() => rest.split_at_checked(end).unwrap_or((rest, "")),
                _ => (rest, ""),
            };
            self.variables.insert((*name).clone(), value.to_owned());
            rest = after.trim_start();
        }
        if names.is_empty() {
            self.variables.insert("REPLY".to_owned(), rest.to_owned());
        }
        Ok(line.is_some())
    }

    fn double_brackets(&mut self, words: &[Word], streams: &mut Streams) -> Result<bool, Reason> {
        let mut terms: Vec<test::Term> = Vec::new();
        for word in words.iter().skip(1).take(words.len().saturating_sub(2)) {
            terms.push(self.pattern(word, streams)?);
        }
        test::Test { terms: &terms, at: 0, double: true, machine: self.machine }.decide()
    }
}
