//! Benchmarks in kube-bench's format: reads their folders, and carries them out on a node.

use crate::input::Loaded;
use anyhow::{Context, anyhow, bail};
use plimsoll_model::{Inventory, Object, Origin, Problem, Source};
use plimsoll_policy::benchmark::host::{Failure, FileKind, Metadata, Process};
use plimsoll_policy::benchmark::{Assessment, Benchmark, Configuration, Host};
use plimsoll_sources::host;
use serde_json::Value as Json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The group of the objects that a node is read to.
const HOST_DATA: &str = "hostdata.kubescape.cloud";

/// Reads the benchmark in `folder`. One that holds a folder for each benchmark, as kube-bench's `cfg`, chooses by the version
/// of Kubernetes, where that is known.
fn read(folder: &Path, version: Option<&str>) -> anyhow::Result<(Benchmark, Vec<Problem>)> {
    let mut all = folders(folder)?;
    if let [(name, files)] = all.as_mut_slice()
        && !files.is_empty()
    {
        return one(name, files);
    }
    let (configuration, mut problems) = configuration(&[folder.join("config.yaml")])?;
    let names = || all.iter().map(|(folder, _)| folder.display().to_string()).collect::<Vec<_>>().join(", ");
    let Some(version) = version else {
        bail!("no object tells the version of Kubernetes; name one of {}", names());
    };
    let name = match version.split_once(['+', '-']) {
        // Distributions have benchmarks of their own.
        Some((_, vendor)) if !vendor.is_empty() => None,
        _ => configuration.benchmark_for(version.rsplit_once('.').filter(|(rest, _)| rest.contains('.')).map_or(version, |(rest, _)| rest)),
    };
    let chosen = name.and_then(|name| all.iter().find(|(folder, _)| folder.ends_with(name)));
    let Some((chosen, files)) = chosen else {
        bail!("{} does not say which benchmark is for Kubernetes {version}; name one of {}", folder.display(), names());
    };
    let (benchmark, more) = one(chosen, files)?;
    problems.extend(more);
    Ok((benchmark, problems))
}

/// All benchmarks in `folder`.
pub(crate) fn read_all(folder: &Path) -> anyhow::Result<Vec<(Benchmark, Vec<Problem>)>> {
    folders(folder)?.iter().map(|(folder, files)| one(folder, files)).collect()
}

/// The folders with files of a benchmark: `folder` itself, or those in it.
fn folders(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<Arc<Source>>)>> {
    let own = controls(folder)?;
    if !own.is_empty() {
        return Ok(vec![(folder.to_owned(), own)]);
    }
    let mut found = Vec::new();
    for entry in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let files = controls(&entry)?;
        if !files.is_empty() {
            found.push((entry, files));
        }
    }
    if found.is_empty() {
        bail!("there is no benchmark in {}: no YAML file with `groups` of checks, neither there nor in a folder below", folder.display());
    }
    Ok(found)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot read the benchmark {}", folder.display()))?;
    let mut paths = list.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// The files in a folder that may hold checks.
fn controls(folder: &Path) -> anyhow::Result<Vec<Arc<Source>>> {
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml") && !path.ends_with("config.yaml");
    let mut sources = Vec::new();
    for path in entries(folder)?.into_iter().filter(is_yaml).filter(|path| path.is_file()) {
        let source = source(&path)?;
        if source.text.lines().any(|line| line.starts_with("groups:")) {
            sources.push(source);
        }
    }
    Ok(sources)
}

fn source(path: &Path) -> anyhow::Result<Arc<Source>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source::new(path.display().to_string(), Origin::File, text))
}

fn configuration(paths: &[PathBuf]) -> anyhow::Result<(Configuration, Vec<Problem>)> {
    let sources = paths.iter().filter(|path| path.is_file()).map(|path| source(path)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Configuration::read(&sources))
}

fn one(folder: &Path, files: &[Arc<Source>]) -> anyhow::Result<(Benchmark, Vec<Problem>)> {
    // `.` has a name too.
    let whole = fs::canonicalize(folder).with_context(|| format!("cannot read the benchmark {}", folder.display()))?;
    let name = whole.file_name().map_or_else(|| "benchmark".to_owned(), |name| name.to_string_lossy().into_owned());
    let main = whole.parent().map(|parent| parent.join("config.yaml"));
    let (configuration, mut problems) = configuration(&main.into_iter().chain([folder.join("config.yaml")]).collect::<Vec<_>>())?;
    let (benchmark, more) = Benchmark::read(&name, files, configuration);
    problems.extend(more);
    Ok((benchmark, problems))
}

/// Brings in the benchmarks of `folders`.
pub(crate) fn bring(loaded: &mut Loaded, folders: &[PathBuf]) -> anyhow::Result<()> {
    let Some(root) = loaded.node.as_ref().filter(|_| !folders.is_empty()) else {
        return if folders.is_empty() { Ok(()) } else { Err(anyhow!("a benchmark is for a node: give `host` as a target too")) };
    };
    let version = version(&Inventory::new(&loaded.snapshot, &loaded.kinds), &host::Host::new(root));
    for folder in folders {
        let (benchmark, problems) = read(folder, version.as_deref())?;
        loaded.snapshot.problems.extend(problems);
        loaded.benchmarks.push(benchmark);
    }
    Ok(())
}

/// What the benchmarks come to on the node, with the objects that were read.
pub(crate) fn assess(loaded: &Loaded, inventory: &Inventory<'_>) -> Vec<Assessment> {
    let Some(root) = loaded.node.as_ref().filter(|_| !loaded.benchmarks.is_empty()) else { return Vec::new() };
    let (of_host, of_cluster): (Vec<&Object<'_>>, Vec<&Object<'_>>) =
        inventory.objects.iter().partition(|object| object.group() == HOST_DATA);
    let node = Node::read(root, of_host.first().map_or("host", |object| object.name));
    let objects: Vec<Json> = of_cluster.into_iter().map(json).collect();
    let objects = Some(objects.as_slice()).filter(|objects| !objects.is_empty());
    loaded.benchmarks.iter().map(|benchmark| benchmark.assess(&node, objects)).collect()
}

/// The object with its kind and version, which items of lists do not carry.
fn json(object: &Object<'_>) -> Json {
    let mut json = object.node.to_json();
    if let Json::Object(map) = &mut json {
        map.entry("apiVersion").or_insert_with(|| object.api_version.into());
        map.entry("kind").or_insert_with(|| object.kind.into());
    }
    json
}

/// The version of Kubernetes that the nodes of the cluster have, or that the API server's image is of.
fn version(inventory: &Inventory<'_>, host: &host::Host) -> Option<String> {
    let of_node = |object: Object<'_>| Some(object.node.at(&["status", "nodeInfo", "kubeletVersion"])?.text().to_owned());
    inventory.of_kind("Node").find_map(of_node).or_else(|| {
        let manifest = host.read_text("/etc/kubernetes/manifests/kube-apiserver.yaml").ok()?;
        let image = manifest.lines().find_map(|line| line.trim().strip_prefix("image:"))?.trim();
        Some(image.rsplit_once(':')?.1.to_owned())
    })
}

/// A node as benchmarks look at it.
pub(crate) struct Node {
    host: host::Host,
    name: String,
    processes: Vec<Process>,
}

impl Node {
    /// The node called `name` whose root directory is `root`. What of its processes cannot be read is a problem of reading the
    /// target `host`.
    pub(crate) fn read(root: &Path, name: &str) -> Self {
        let host = host::Host::new(root);
        let (running, _) = host.processes();
        let processes = running.into_iter().map(|process| described(&host, process)).collect();
        Self { host, name: name.to_owned(), processes }
    }
}

/// A process with what its status says.
fn described(host: &host::Host, process: host::Process) -> Process {
    let status = host.read_text(&format!("/proc/{}/status", process.pid)).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next())
    };
    let program: String = process.program().chars().take(15).collect();
    let uid = field("Uid").unwrap_or("0");
    Process {
        pid: process.pid,
        parent: field("PPid").and_then(|text| text.parse().ok()).unwrap_or(0),
        user: if uid == "0" { "root".to_owned() } else { uid.to_owned() },
        name: field("Name").map_or(program, str::to_owned),
        arguments: process.arguments,
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => Failure::OtherKind,
        io::ErrorKind::PermissionDenied => Failure::Unreadable("permission denied; run it as root".to_owned()),
        _ => Failure::Unreadable(error.to_string()),
    }
}

impl Host for Node {
    fn name(&self) -> &str {
        &self.name
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn environment(&self, pid: u32) -> Result<Vec<String>, Failure> {
        let text = self.host.read(&format!("/proc/{pid}/environ")).map_err(|error| failure(&error))?;
        let variables = text.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
        Ok(variables.filter(|one| !one.is_empty()).collect())
    }

    fn stat(&self, path: &str, follow: bool) -> Result<Metadata, Failure> {
        let link = if follow { None } else { self.host.link(path) };
        let kind = |known: &host::Stat| if known.is_directory { FileKind::Directory } else { FileKind::File };
        let (known, kind) = match link {
            Some(link) => (link, FileKind::Link),
            None => {
                let known = self.host.stat(path).map_err(|error| failure(&error))?;
                let kind = kind(&known);
                (known, kind)
            }
        };
        let name = |name: Option<String>| name.unwrap_or_else(|| "UNKNOWN".to_owned());
        Ok(Metadata {
            kind,
            mode: known.mode,
            uid: known.uid,
            gid: known.gid,
            user: name(known.user),
            group: name(known.group),
            size: known.length,
        })
    }

    fn read(&self, path: &str) -> Result<String, Failure> {
        self.host.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| failure(&error))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.host.list(path).map_err(|error| failure(&error))
    }

    /// The journal's own format is not read; logs of units as text are.
    fn journal(&self, units: &[String]) -> Result<String, Failure> {
        let mut text = String::new();
        let mut found = false;
        for unit in units {
            match self.read(&format!("/var/log/{}.log", unit.trim_end_matches(".service"))) {
                Ok(more) => (text, found) = (text + &more, true),
                Err(Failure::Missing) => {}
                Err(other) => return Err(other),
            }
        }
        let unit = units.first().map_or("k3s", String::as_str);
        let help = || format!("its format is not read here; `journalctl -m -u {unit} > /var/log/{unit}.log` writes it as text, which is");
        if found { Ok(text) } else { Err(Failure::Unreadable(help())) }
    }
}
