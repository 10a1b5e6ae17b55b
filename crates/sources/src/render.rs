//! Programs that render: found on the path, run with a limit on time, their words kept for the user.

use crate::{Found, Options, files};
use plimsoll_model::{Origin, Problem, ProblemKind};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a chart may take. Charts with many dependencies take seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program `name` on the path of `options`.
pub(crate) fn program(name: &str, options: &Options) -> Option<PathBuf> {
    let path = options.path.clone().or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}

/// Runs a renderer and takes its standard output as a source called `name`.
pub(crate) fn run(program: &Path, arguments: &[&OsStr], name: &str, options: &Options, found: &mut Found) {
    let failed = |message: String| Problem::new(ProblemKind::NotRendered, message).target(name);
    let tool = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return found.problems.push(failed(format!("`{tool}` cannot be started: {error}"))),
    };
    let output = reader(child.stdout.take(), options.limits.bytes + 1);
    let words = reader(child.stderr.take(), 1 << 20);
    // Both ends close when the program ends; whoever waits longer is stuck.
    let Ok(bytes) = output.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        return found.problems.push(failed(format!("`{tool}` took longer than {} seconds", PATIENCE.as_secs())));
    };
    // More than the limit was not read; the program waits for a reader that is gone.
    if bytes.len() as u64 > options.limits.bytes {
        let _ = child.kill();
    }
    let words = words.recv_timeout(PATIENCE).unwrap_or_default();
    match child.wait() {
        Ok(status) if status.success() => match files::source(name, Origin::Rendered, bytes, options.limits) {
            Ok(source) => found.sources.push(source),
            Err(problem) => found.problems.push(problem),
        },
        _ if bytes.len() as u64 > options.limits.bytes => found.problems.push(files::too_large(name, None, options.limits.bytes)),
        _ => {
            let words = String::from_utf8_lossy(&words);
            let said = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
            found.problems.push(failed(format!("`{tool}` failed: {}", said.trim_start_matches("Error: ").trim_start_matches("error: "))));
        }
    }
}

fn reader(stream: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // A pipe that breaks ends the text; the exit status tells why.
            let _ = stream.take(limit).read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}
