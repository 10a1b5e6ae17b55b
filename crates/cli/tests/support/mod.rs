//! Starts the real binary for tests.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What came of a run.
pub(crate) struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// The only place that starts the binary: in `directory`, with `input`.
pub(crate) fn plimsoll_in(directory: &Path, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // A program that reads nothing may be gone already.
    let _ = child.stdin.take().expect("stdin").write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let ran = Ran { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) };
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran
}

pub(crate) fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    directory
}

pub(crate) fn scan(files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let directory = directory(files);
    plimsoll_in(directory.path(), &[&["scan"], arguments].concat(), b"")
}

pub(crate) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.out, ran.err))
}

pub(crate) fn ids(report: &Value) -> Vec<&str> {
    report["findings"].as_array().expect("findings").iter().map(|finding| finding["id"].as_str().expect("id")).collect()
}
