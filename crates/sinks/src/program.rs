//! A program that reads alerts from its standard input.

use crate::lines::{BATCH, push_line, write_lines};
use crate::options::ProgramOptions;
use crate::worker::{Deliver, Failure};
use crate::{Format, Message};
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};

pub(crate) struct Program {
    options: ProgramOptions,
    format: Format,
    child: Option<Child>,
    remark: Option<String>,
}

impl Program {
    pub(crate) fn new(options: &ProgramOptions, format: Format) -> Self {
        Self { options: options.clone(), format, child: None, remark: None }
    }

    /// What it prints goes to standard error: standard output is for our own data.
    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.options.program).stdin(Stdio::piped()).stdout(Stdio::from(io::stderr()));
        command.spawn()
    }

    /// Writes to the program that runs on, which is started when there is none.
    fn write_on(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
            self.child = None;
            self.remark = Some(format!("the program ended ({status}) and is started again"));
        }
        let child = match self.child.take() {
            Some(child) => child,
            None => self.spawn().map_err(|error| (0, error))?,
        };
        let child = self.child.insert(child);
        let Some(input) = child.stdin.as_mut() else { return Err((0, io::ErrorKind::BrokenPipe.into())) };
        // A torn line ends with the program that got it.
        write_lines(input, lines, &mut false)
    }

    /// Ends the input and waits for the end.
    fn end(&mut self) -> Option<io::Result<ExitStatus>> {
        let mut child = self.child.take()?;
        drop(child.stdin.take());
        Some(child.wait())
    }

    /// A program for each message.
    fn write_once(&mut self, lines: &[u8]) -> Result<(), Failure> {
        let child = self.spawn().map_err(|error| Failure::again(error.to_string()))?;
        let child = self.child.insert(child);
        if let Some(input) = child.stdin.as_mut() {
            // It need not read what it is told; how it ends says whether it worked.
            let _ = write_lines(input, lines, &mut false);
        }
        match self.end() {
            Some(Ok(status)) if status.success() => Ok(()),
            Some(Ok(status)) => Err(Failure::never(format!("the program ended ({status})"))),
            Some(Err(error)) => Err(Failure::never(error.to_string())),
            None => Ok(()),
        }
    }
}

impl Deliver for Program {
    fn batch(&self) -> usize {
        if self.options.keep_alive { BATCH } else { 1 }
    }

    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        let mut lines = Vec::new();
        messages.iter().for_each(|message| push_line(&mut lines, message, self.format));
        if !self.options.keep_alive {
            return self.write_once(&lines);
        }
        self.write_on(&lines).map_err(|(delivered, error)| {
            let status = self.end().and_then(Result::ok);
            let reason = status.map_or_else(|| error.to_string(), |status| format!("the program ended ({status})"));
            Failure { delivered, ..Failure::again(reason) }
        })
    }

    fn reopen(&mut self) {
        self.close();
    }

    fn close(&mut self) {
        if let Some(Ok(status)) = self.end()
            && !status.success()
        {
            self.remark = Some(format!("the program ended ({status})"));
        }
    }

    fn remark(&mut self) -> Option<String> {
        self.remark.take()
    }
}
