//! What a benchmark looks at on a host. Whoever runs the engine gives it; the engine itself reads nothing.

use std::fmt;

/// A host, live or as a directory tree. Paths are absolute and those that the host itself would use.
pub trait Host: Sync {
    /// The name of the node.
    fn name(&self) -> &str;

    /// The processes that are running.
    fn processes(&self) -> &[Process];

    /// The environment of a process, `NAME=value` each.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn environment(&self, pid: u32) -> Result<Vec<String>, Failure>;

    /// What is known of a file; of what a link leads to where `follow` says so.
    ///
    /// # Errors
    /// Where it is missing or cannot be looked at.
    fn stat(&self, path: &str, follow: bool) -> Result<Metadata, Failure>;

    /// The text of a file.
    ///
    /// # Errors
    /// Where it is missing, no regular file, too large, or cannot be read.
    fn read(&self, path: &str) -> Result<String, Failure>;

    /// The names in a directory, without `.` and `..`.
    ///
    /// # Errors
    /// Where it is missing, no directory, or cannot be read.
    fn list(&self, path: &str) -> Result<Vec<String>, Failure>;

    /// The messages of units in the system's journal, one a line, the oldest first; of all units if none is named.
    ///
    /// # Errors
    /// Where there is no journal that can be read.
    fn journal(&self, units: &[String]) -> Result<String, Failure>;
}

/// A process as `ps` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The id of its parent.
    pub parent: u32,
    /// Whose it is; a number where the user has no name.
    pub user: String,
    /// The short name, which the kernel cuts to 15 bytes.
    pub name: String,
    /// The command line.
    pub arguments: Vec<String>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// The permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The name of its owner, `UNKNOWN` where there is none.
    pub user: String,
    /// The name of its group, `UNKNOWN` where there is none.
    pub group: String,
    /// Bytes.
    pub size: u64,
}

/// The kinds of files that audits ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, socket or pipe.
    Other,
}

/// Why something of a host is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no such file, which is an answer.
    Missing,
    /// It is of another kind than what was asked for, which is an answer.
    OtherKind,
    /// It may be there and cannot be read: the words say why, and what to do.
    Unreadable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("No such file or directory"),
            Self::OtherKind => f.write_str("Not a directory"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}
