//! Running programs, from `/proc`.

use super::Host;
use plimsoll_model::{Problem, ProblemKind};
use std::io;

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number in the node's process namespace.
    pub pid: u32,
    /// Program and arguments.
    pub arguments: Vec<String>,
}

impl Process {
    /// The name of the program: that of its file, or of what a program that is many (`hyperkube`) was told to be.
    pub fn program(&self) -> &str {
        let mut names = self.arguments.iter().map(|argument| argument.rsplit('/').next().unwrap_or(argument));
        match names.next() {
            Some("hyperkube") => names.next().unwrap_or(""),
            other => other.unwrap_or(""),
        }
    }

    /// The value of a flag, `name` without its dashes: what follows `=` or is the next argument. The last one counts.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let mut value = None;
        for (at, argument) in self.arguments.iter().enumerate() {
            let Some(flag) = argument.strip_prefix('-').map(|flag| flag.trim_start_matches('-')) else { continue };
            match flag.split_once('=') {
                Some((key, given)) if key == name => value = Some(given),
                None if flag == name => value = self.arguments.get(at + 1).map(String::as_str).filter(|next| !next.starts_with('-')),
                _ => {}
            }
        }
        value
    }
}

impl Host {
    /// The programs that run, by number, and what could not be read of them. Threads of the kernel are none.
    pub fn processes(&self) -> (Vec<Process>, Vec<Problem>) {
        let names = match self.list("/proc") {
            Ok(names) => names,
            Err(error) => return (Vec::new(), vec![self.problem("/proc", &error)]),
        };
        let mut processes = Vec::new();
        let mut problems = Vec::new();
        for pid in names.iter().filter_map(|name| name.parse::<u32>().ok()) {
            let path = format!("/proc/{pid}/cmdline");
            match self.read(&path) {
                Ok(bytes) => {
                    let arguments = words(split(&bytes));
                    if !arguments.is_empty() {
                        processes.push(Process { pid, arguments });
                    }
                }
                // It has ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => {}
                Err(error) => problems.push(self.problem(&path, &error)),
            }
        }
        processes.sort_by_key(|process| process.pid);
        if processes.is_empty() && problems.is_empty() {
            let problem = Problem::new(ProblemKind::Unreadable, "`/proc` shows no process").target("host");
            problems.push(problem.help("mount the node's file system with its `/proc`: a hostPath volume of `/` has it"));
        }
        (processes, problems)
    }

    /// The environment of `process`, in order. It may hold secrets: show names and what is asked for only.
    pub fn environment(&self, process: &Process) -> io::Result<Vec<(String, String)>> {
        let bytes = self.read(&format!("/proc/{}/environ", process.pid))?;
        let pair = |entry: &String| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(split(&bytes).iter().filter_map(pair).collect())
    }
}

/// No such process (errno 3), which reading `/proc` gives for one that ends.
const ESRCH: i32 = 3;

/// Strings that each end with NUL; what a rewritten title leaves empty at the end is dropped.
fn split(bytes: &[u8]) -> Vec<String> {
    let mut strings: Vec<String> = bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    while strings.last().is_some_and(String::is_empty) {
        strings.pop();
    }
    strings
}

/// A process that rewrote its title has all of it in one string.
fn words(arguments: Vec<String>) -> Vec<String> {
    match arguments.as_slice() {
        [title] if title.contains(" -") || title.starts_with('/') => title.split_whitespace().map(str::to_owned).collect(),
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::{Process, split, words};

    #[test]
    fn programs() {
        let table: [(&[u8], &str); 6] = [
            (b"/usr/bin/kubelet\0--config=/x\0", "kubelet"),
            (b"kubelet --config=/x\0\0\0", "kubelet"),
            (b"/hyperkube\0kube-proxy\0--v=2\0", "kube-proxy"),
            (b"/usr/local/bin/k3s server\0\0", "k3s"),
            (b"sh\0-c\0\0", "sh"),
            (b"", ""),
        ];
        for (bytes, wanted) in table {
            assert_eq!(Process { pid: 1, arguments: words(split(bytes)) }.program(), wanted);
        }
    }

    #[test]
    fn flags() {
        let line = b"kubelet\0--config=/a\0--config\0/b\0--client-ca-file=\0-v=2\0--fail-swap-on\0--kubeconfig=/c=d\0";
        let process = Process { pid: 1, arguments: words(split(line)) };
        let table = [
            ("config", Some("/b")),
            ("client-ca-file", Some("")),
            ("v", Some("2")),
            ("fail-swap-on", None),
            ("kubeconfig", Some("/c=d")),
            ("con", None),
        ];
        for (name, wanted) in table {
            assert_eq!(process.flag(name), wanted, "{name}");
        }
    }
}
