//! A program that reads alerts from its standard input.

use crate::lines::{BATCH, push_line, write_lines};
use crate::options::ProgramOptions;
use crate::worker::{Deliver, Failure};
use crate::{Format, Message};
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a program that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(5);

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

    /// A program for each message; one that hangs must not hold up the next.
    fn write_once(&self, lines: &[u8]) -> Result<(), Failure> {
        let mut child = self.spawn().map_err(|error| Failure::again(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            // It need not read what it is told; how it ends says whether it worked.
            let _ = write_lines(&mut input, lines, &mut false);
        }
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(Failure::never(format!("the program ended ({status})"))),
                Ok(None) if start.elapsed() < self.options.timeout => std::thread::sleep(LOOK),
                Ok(None) => {
                    let _ = child.kill().and_then(|()| child.wait());
                    return Err(Failure::never("the program did not end in time and was stopped"));
                }
                Err(error) => return Err(Failure::never(error.to_string())),
            }
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

#[cfg(test)]
mod tests {
    use crate::testing::start;

    /// What the program is, how it is started, what it leaves in the file `out`, what problems there are.
    #[test]
    fn programs() {
        let table: &[(&str, &str, &str, &[&str])] = &[
            ("cat >> out", "", "alert 1\nalert 2\n", &[]),
            ("cat >> out", ",keep_alive=false", "alert 1\nalert 2\n", &[]),
            ("cat >> out; echo end >> out", "", "alert 1\nalert 2\nend\n", &[]),
            ("cat >> out; echo end >> out", ",keep_alive=false", "alert 1\nend\nalert 2\nend\n", &[]),
            // Not to read is no failure.
            ("echo called >> out", ",keep_alive=false", "called\ncalled\n", &[]),
            ("cat >> out; exit 3", "", "alert 1\nalert 2\n", &["the program `cat`: the program ended (exit status: 3)"]),
            (
                "cat >> out; exit 3",
                ",keep_alive=false",
                "alert 1\nalert 2\n",
                &["2 alerts could not be delivered to the program `cat`: the program ended (exit status: 3)"],
            ),
            (
                "exec sleep 9999",
                ",keep_alive=false,timeout=20ms",
                "",
                &["2 alerts could not be delivered to the program `exec`: the program did not end in time and was stopped"],
            ),
            (
                "no-such-program --key secret 2>> out",
                ",keep_alive=false",
                "",
                &["2 alerts could not be delivered to the program `no-such-program`: the program ended (exit status: 127)"],
            ),
        ];
        for (program, options, wanted, problems) in table {
            let directory = tempfile::tempdir().unwrap();
            let out = directory.path().join("out");
            let mut run = start(&[&format!("program{options},program={}", program.replace("out", out.to_str().unwrap()))]);
            run.send([1, 2]);
            assert_eq!(run.finish(), *problems, "{program}");
            let text = std::fs::read_to_string(out).unwrap_or_default();
            assert!(text == *wanted || wanted.is_empty(), "{program}: {text}");
        }
    }

    /// A program that ends after its first line is started again.
    #[test]
    fn a_program_that_died_is_started_again() {
        use crate::worker::Deliver;
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let sink: crate::Sink = format!("program=read line; echo $line >> {}", out.display()).parse().unwrap();
        let crate::Channel::Program(options) = &sink.channel else { panic!("{sink:?}") };
        let mut program = super::Program::new(options, sink.format);
        program.deliver(&[crate::testing::message(1)]).unwrap();
        program.child.as_mut().unwrap().wait().unwrap();
        program.deliver(&[crate::testing::message(2)]).unwrap();
        assert_eq!(program.remark().unwrap(), "the program ended (exit status: 0) and is started again");
        program.close();
        assert_eq!(program.remark(), None);
        assert_eq!(std::fs::read_to_string(out).unwrap(), "alert 1\nalert 2\n");
    }
}
