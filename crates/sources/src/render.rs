//! Programs that render: found on the path, run with a limit on time, their words kept for the user.

use crate::{Options, files};
use plimsoll_model::{Origin, Problem, ProblemKind, Source};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// Bytes of what a program says on standard error that are kept.
const WORDS: u64 = 1 << 16;
/// Characters of them that the user is shown.
const SHOWN: usize = 1000;

/// A program to run for its standard output.
#[derive(Debug)]
pub(crate) struct Rendering {
    /// What the user calls the output: `charts/web (helm)`.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// The program `name` on the path of `options`.
pub(crate) fn program(name: &str, options: &Options) -> Option<PathBuf> {
    let path = options.path.clone().or_else(|| std::env::var_os("PATH"))?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|directory| directory.join(&file)).find(|candidate| is_executable(candidate))
}

/// A path as an argument that is neither taken for an option nor for the address of a remote repository.
pub(crate) fn argument(path: &Path) -> OsString {
    if path.is_absolute() || path.starts_with("..") { path.into() } else { Path::new(".").join(path).components().collect::<PathBuf>().into() }
}

impl Rendering {
    /// Runs the program and takes its standard output as a source.
    pub(crate) fn run(&self, options: &Options) -> Result<Arc<Source>, Problem> {
        let limit = options.limits.bytes;
        let deadline = Instant::now() + options.render_timeout;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            // Nobody is there to type a password for a remote base.
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.failed(&format!("cannot be started: {}", files::words(&error))))?;
        let output = reader(child.stdout.take(), limit.saturating_add(1));
        let words = reader(child.stderr.take(), WORDS);
        // Both pipes close when the program ends. Whoever keeps them open for too long, or writes too much, is stopped.
        let mut receive = |pipe: mpsc::Receiver<Vec<u8>>, limit: u64| {
            let bytes = pipe.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
            if bytes.as_ref().is_none_or(|bytes| bytes.len() as u64 > limit) {
                // It may have ended by itself just now.
                let _ = child.kill();
            }
            bytes
        };
        let output = receive(output, limit);
        let words = receive(words, WORDS);
        let status = child.wait().map_err(|error| self.failed(&format!("cannot be waited for: {error}")))?;
        let (Some(output), Some(words)) = (output, words) else {
            return Err(self.failed(&format!("took longer than {} seconds", options.render_timeout.as_secs())));
        };
        if status.success() || output.len() as u64 > limit {
            files::source(&self.name, Origin::Rendered, output, options.limits)
        } else {
            Err(self.failed(&format!("failed: {}", said(&words))))
        }
    }

    fn failed(&self, what: &str) -> Problem {
        let tool = self.program.file_name().unwrap_or_default().to_string_lossy();
        let command: Vec<_> = self.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        Problem::new(ProblemKind::NotRendered, format!("`{tool}` {what}"))
            .target(&self.name)
            .help(format!("`{tool} {}` has to work first; then scan again, or pipe its output into `plimsoll scan -`", command.join(" ")))
    }
}

/// What a program said, on one line.
fn said(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let line = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let line = line.strip_prefix("Error: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(&line);
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.is_empty() { "it did not say why".to_owned() } else { shown }
}

/// Reads a pipe on the side: up to `limit` bytes are handed over, and the rest is read so that the writer can go on.
fn reader(pipe: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut bytes = Vec::new();
        // A pipe that breaks ends the text; the exit status tells why.
        let _ = pipe.by_ref().take(limit).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
    });
    receiver
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
