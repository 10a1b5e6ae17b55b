//! A host in memory, for tests.

use super::host::{Failure, FileKind, Host, Metadata, Process};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Memory {
    files: BTreeMap<String, (Metadata, String)>,
    processes: Vec<Process>,
    pub(super) environments: BTreeMap<u32, Vec<String>>,
    pub(super) journal: Option<String>,
    /// Paths that may not be looked at.
    pub(super) denied: Vec<String>,
}

impl Memory {
    /// Adds a file, and the directories that it is in.
    pub(super) fn file(&mut self, path: &str, mode: u32, owner: &str, text: &str) {
        let metadata = |kind, mode: u32, owner: &str| Metadata {
            kind,
            mode,
            uid: u32::from(owner != "root"),
            gid: u32::from(owner != "root"),
            user: owner.to_owned(),
            group: owner.to_owned(),
            size: text.len() as u64,
        };
        for (at, _) in path.match_indices('/').skip(1) {
            self.files
                .entry(path.get(..at).unwrap_or("").to_owned())
                .or_insert_with(|| (metadata(FileKind::Directory, 0o755, "root"), String::new()));
        }
        self.files.insert(path.to_owned(), (metadata(FileKind::File, mode, owner), text.to_owned()));
    }

    pub(super) fn process(&mut self, pid: u32, arguments: &[&str]) {
        let program = arguments[0].rsplit('/').next().unwrap_or("");
        self.processes.push(Process {
            pid,
            parent: 1,
            user: "root".to_owned(),
            name: program.chars().take(15).collect(),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
        });
    }

    fn check(&self, path: &str) -> Result<(), Failure> {
        if self.denied.iter().any(|denied| denied == path) { Err(Failure::Unreadable("permission denied".to_owned())) } else { Ok(()) }
    }
}

impl Host for Memory {
    fn name(&self) -> &str {
        "node-1"
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn environment(&self, pid: u32) -> Result<Vec<String>, Failure> {
        self.environments.get(&pid).cloned().ok_or(Failure::Missing)
    }

    fn stat(&self, path: &str, _: bool) -> Result<Metadata, Failure> {
        self.check(path)?;
        let path = if path == "/" { path } else { path.trim_end_matches('/') };
        self.files.get(path).map(|(metadata, _)| metadata.clone()).ok_or(Failure::Missing)
    }

    fn read(&self, path: &str) -> Result<String, Failure> {
        self.check(path)?;
        match self.files.get(path) {
            Some((metadata, _)) if metadata.kind == FileKind::Directory => Err(Failure::OtherKind),
            Some((_, text)) => Ok(text.clone()),
            None => Err(Failure::Missing),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.check(path)?;
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let below = self.files.keys().filter_map(|file| file.strip_prefix(&prefix));
        Ok(below.filter(|rest| !rest.is_empty() && !rest.contains('/')).map(str::to_owned).collect())
    }

    fn journal(&self, _: &[String]) -> Result<String, Failure> {
        self.journal.clone().ok_or(Failure::Missing)
    }
}
