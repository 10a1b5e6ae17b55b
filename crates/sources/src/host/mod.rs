//! A node: its processes and its files, below a root that may be the node's file system mounted elsewhere.
//!
//! Nothing is run, and nothing is followed out of the root: links are resolved as the node itself would.

mod accounts;
mod base64;
mod kubelite;
mod kubernetes;
mod machine;
mod ports;
mod processes;
mod reader;
mod resolve;

pub use ports::listening;
pub use processes::Process;

use accounts::Accounts;
use plimsoll_model::{Origin, Problem, ProblemKind, Source};
use reader::Reader;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Longest file that is read whole, in bytes. Configurations of a node are far smaller; a larger file is none.
const LONGEST: u64 = 4 << 20;

/// A node's file system and its processes.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    /// Where the node's files are; of a process in a container, its own root.
    files: PathBuf,
    accounts: OnceLock<Accounts>,
}

/// What a file system says of a file, and who its owner is called on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The owner's name in the node's `/etc/passwd`.
    pub user: Option<String>,
    /// The group's name in the node's `/etc/group`.
    pub group: Option<String>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Length in bytes.
    pub length: u64,
}

impl Host {
    /// The node whose root directory is `root`: `/` for the machine that this runs on.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { files: root.clone(), root, accounts: OnceLock::new() }
    }

    /// The root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files as `process` sees them, which in a container are others. Reading them may need more rights.
    pub fn seen_by(&self, process: &Process) -> Self {
        Self { root: self.root.clone(), files: self.root.join(format!("proc/{}/root", process.pid)), accounts: OnceLock::new() }
    }

    /// Mode and owner of the file that the absolute `path` leads to.
    pub fn stat(&self, path: &str) -> io::Result<Stat> {
        Ok(self.described(&fs::symlink_metadata(self.resolve(path)?)?))
    }

    fn described(&self, metadata: &fs::Metadata) -> Stat {
        let (mode, uid, gid) = ownership(metadata);
        let accounts = self.accounts.get_or_init(|| Accounts::read(&Self::new(&self.root)));
        Stat {
            mode,
            uid,
            gid,
            user: accounts.user(uid).map(str::to_owned),
            group: accounts.group(gid).map(str::to_owned),
            is_directory: metadata.is_dir(),
            length: metadata.len(),
        }
    }

    /// The bytes of a file; pipes, devices and what is longer than 4 MiB are errors.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let place = self.resolve(path)?;
        if !fs::symlink_metadata(&place)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let mut bytes = Vec::new();
        File::open(&place)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {} MiB", LONGEST >> 20)));
        }
        Ok(bytes)
    }

    /// The text of a file; what is not UTF-8 is an error.
    pub fn read_text(&self, path: &str) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
    }

    /// The names in a directory, sorted.
    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.resolve(directory)?)?;
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let mut names = entries.map(name).collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// Whether something is at `path`, its links followed.
    pub fn exists(&self, path: &str) -> bool {
        self.resolve(path).is_ok_and(|place| fs::symlink_metadata(place).is_ok())
    }

    /// Mode and owner of the link that the absolute `path` is; `None` where it is none.
    pub fn link(&self, path: &str) -> Option<Stat> {
        let (directory, name) = path.trim_end_matches('/').rsplit_once('/')?;
        let metadata = fs::symlink_metadata(self.resolve(directory).ok()?.join(name)).ok()?;
        metadata.is_symlink().then(|| self.described(&metadata))
    }

    /// The problem of something on the node that could not be read.
    pub fn problem(&self, path: &str, error: &io::Error) -> Problem {
        let problem = Problem::new(ProblemKind::Unreadable, format!("`{path}` could not be read: {}", words(error))).target("host");
        match error.kind() {
            io::ErrorKind::PermissionDenied => problem.help("run it as root"),
            _ => problem,
        }
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        resolve::below(&self.files, path)
    }
}

/// What a node shows, as host data objects (`hostdata.kubescape.cloud/v1beta0`), and what could not be read of it.
///
/// The objects are Kubescape's, so that its rules take them. `etcdInfo`, `configDirFiles` and the configuration of kube-proxy are
/// not in those. A field that is `null` was looked for and is not on the node.
pub fn read(host: &Host) -> (Vec<Arc<Source>>, Vec<Problem>) {
    let (mut processes, problems) = host.processes();
    let mut reader = Reader { host, problems };
    kubelite::expand(&mut reader, &mut processes);
    let name = kubernetes::node_name(host, &processes);
    let of_kubernetes = [
        ("CNIInfo", kubernetes::network_plugins(&mut reader, &processes)),
        ("ControlPlaneInfo", kubernetes::control_plane(&mut reader, &processes)),
        ("KubeProxyInfo", kubernetes::kube_proxy(&mut reader, &processes)),
        ("KubeletInfo", kubernetes::kubelet(&mut reader, &processes)),
    ];
    let of_machine = [
        ("LinuxKernelVariables", machine::kernel_variables(&mut reader)),
        ("LinuxSecurityHardeningStatus", Some(machine::hardening(&mut reader))),
        ("OpenPortsList", machine::open_ports(&mut reader)),
    ];
    let is_k3s = |process: &Process| {
        process.program() == "k3s" && process.arguments.get(1).is_some_and(|command| matches!(command.as_str(), "server" | "agent"))
    };
    if processes.iter().any(is_k3s) {
        let problem = "`k3s` runs the kubelet and the control plane inside of itself, where their settings cannot be seen";
        reader.problems.push(Problem::new(ProblemKind::Unreadable, problem).target("host").help("its files are judged all the same"));
    } else if !processes.is_empty() && of_kubernetes.iter().all(|(kind, data)| data.is_none() || *kind == "CNIInfo") {
        let problem =
            Problem::new(ProblemKind::Unreadable, "no kubelet, control plane or kube-proxy runs here; only the machine is judged");
        reader.problems.push(problem.target("host").help("run it on a node as root, or give the node's file system with --host-root"));
    }
    for program in ["kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd"] {
        let count = processes.iter().filter(|process| process.program() == program).count();
        if count > 1 {
            let problem = format!("{count} processes are called `{program}`; only the one with the lowest number was looked at");
            reader.problems.push(Problem::new(ProblemKind::Note, problem).target("host"));
        }
    }
    let source = |(kind, data): (&str, Option<Value>)| {
        let object = json!({
            "apiVersion": "hostdata.kubescape.cloud/v1beta0",
            "kind": kind,
            "metadata": {"name": name},
            "data": data?,
        });
        Some(Source::new(format!("host:{kind}"), Origin::Live, object.to_string()))
    };
    (of_kubernetes.into_iter().chain(of_machine).filter_map(source).collect(), reader.problems)
}

/// An error in words, without the number of the system call.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(unix)]
fn ownership(metadata: &fs::Metadata) -> (u32, u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

/// Nodes are Linux; elsewhere a copy of one has no owners.
#[cfg(not(unix))]
fn ownership(_: &fs::Metadata) -> (u32, u32, u32) {
    (0, 0, 0)
}
