//! `config.yaml`: which programs and files the names in audits stand for, which benchmark is for which version of Kubernetes.

use super::host::{Failure, Host, Process};
use super::tools::{command_line, is_named};
use plimsoll_model::{Document, Limits, Problem, ProblemKind, Source, parse};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// The configuration of benchmarks: one file, or the main one with that of a benchmark laid over it.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    tree: Map<String, Json>,
}

/// What the names in the audits of a section stand for on a host.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// `$kubeletconf` and the like with their values; of two of which one starts the other, the longer first.
    names: Vec<(String, String)>,
    /// The programs that have to run for the section to be about the host, and do not.
    pub(super) missing: Vec<String>,
    /// The names of programs that do not run, with their components.
    absent: Vec<(String, String)>,
}

/// The kinds of files: the suffix of the variable, the list of candidates, what is taken where none is there.
const FILES: [(&str, &str, &str); 5] = [
    ("conf", "confs", "defaultconf"),
    ("svc", "svc", "defaultsvc"),
    ("kubeconfig", "kubeconfig", "defaultkubeconfig"),
    ("cafile", "cafile", "defaultcafile"),
    ("datadir", "datadirs", "defaultdatadir"),
];

impl Configuration {
    /// Reads the main file, then what is laid over it. Maps are merged, all else is replaced.
    pub fn read(sources: &[Arc<Source>]) -> (Self, Vec<Problem>) {
        let mut configuration = Self::default();
        let mut problems = Vec::new();
        for source in sources {
            let (documents, more) = parse(source, Limits::default());
            problems.extend(more);
            for root in documents.iter().filter_map(Document::root) {
                match root.to_json() {
                    Json::Object(map) => merge(&mut configuration.tree, map),
                    Json::Null => {}
                    _ => problems.push(Problem::at(ProblemKind::WrongType, root, "the configuration of a benchmark must be a map")),
                }
            }
        }
        (configuration, problems)
    }

    /// The benchmark for a version of Kubernetes such as `1.31`: its own, or that of the nearest version before it.
    pub fn benchmark_for(&self, version: &str) -> Option<&str> {
        let mapping = self.tree.get("version_mapping")?.as_object()?;
        let mut version = version.trim_start_matches('v').to_owned();
        loop {
            if let Some(name) = mapping.get(&version).and_then(Json::as_str) {
                return Some(name);
            }
            let (major, minor) = version.split_once('.')?;
            let minor: u32 = minor.split('.').next()?.parse().ok()?;
            version = format!("{major}.{}", minor.checked_sub(1).filter(|minor| *minor > 0)?);
        }
    }

    /// The sections that belong to a benchmark; `None` where nothing is said of it, and all do.
    pub(super) fn sections(&self, benchmark: &str) -> Option<Vec<&str>> {
        let targets = self.tree.get("target_mapping")?.get(benchmark)?.as_array()?;
        Some(targets.iter().filter_map(Json::as_str).collect())
    }

    /// What the names in the audits of `section` stand for.
    pub(super) fn variables(&self, section: &str, host: &dyn Host) -> Variables {
        let mut variables = Variables::default();
        let Some(section) = self.tree.get(section) else { return variables };
        for component in strings(section.get("components")) {
            let Some(about) = section.get(component) else { continue };
            let bins = strings(about.get("bins"));
            if !bins.is_empty() {
                let running = bins.iter().find(|bin| runs(host.processes(), bin));
                if running.is_none() && about.get("optional").and_then(Json::as_bool) != Some(true) {
                    variables.missing.push(component.to_owned());
                }
                if running.is_none() {
                    variables.absent.push((format!("${component}bin"), component.to_owned()));
                }
                variables.add(component, "bin", running.unwrap_or(&component));
            }
            for (suffix, candidates, default) in FILES {
                let there = strings(about.get(candidates)).into_iter().find(|path| is_there(host, path));
                let value = there.or_else(|| about.get(default).and_then(Json::as_str)).unwrap_or(component);
                variables.add(component, suffix, value);
            }
        }
        // Where no process is to be seen, the files say whether the section is about the host.
        let confs = |component: &String| strings(section.get(component).and_then(|about| about.get("confs")));
        if host.processes().is_empty() && variables.missing.iter().any(|component| confs(component).iter().any(|path| is_there(host, path)))
        {
            variables.missing.clear();
        }
        variables.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        variables
    }
}

impl Variables {
    fn add(&mut self, component: &str, suffix: &str, value: &str) {
        // A program of several words is one argument.
        let value = if value.contains(char::is_whitespace) { format!("'{value}'") } else { value.to_owned() };
        self.names.push((format!("${component}{suffix}"), value));
    }

    /// A text with the names replaced.
    pub(super) fn put(&self, text: &str) -> String {
        let mut put = text.to_owned();
        if put.contains('$') {
            for (name, value) in &self.names {
                put = put.replace(name, value);
            }
        }
        put
    }

    /// The first component that an audit names the program of and that does not run.
    pub(super) fn absent_in(&self, audit: &str) -> Option<&str> {
        self.absent.iter().find(|(name, _)| audit.contains(name)).map(|(_, component)| component.as_str())
    }

    /// The program that the audits of a section name, if they name exactly one.
    pub(super) fn only_program(&self, audits: &[&str]) -> Option<&str> {
        let named = self.names.iter().filter(|(name, _)| name.ends_with("bin") && audits.iter().any(|audit| audit.contains(name)));
        let mut programs: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
        programs.dedup();
        match programs.as_slice() {
            [program] => Some(program),
            _ => None,
        }
    }
}

fn merge(into: &mut Map<String, Json>, from: Map<String, Json>) {
    for (key, value) in from {
        // Keys are read in any case.
        let key = key.to_lowercase();
        match (into.get_mut(&key), value) {
            (Some(Json::Object(inner)), Json::Object(more)) => merge(inner, more),
            (_, Json::Object(more)) => {
                let mut inner = Map::new();
                merge(&mut inner, more);
                into.insert(key, Json::Object(inner));
            }
            // An empty file of a benchmark takes nothing away.
            (Some(_), Json::Null) => {}
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn strings(list: Option<&Json>) -> Vec<&str> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect()
}

/// Whether a file is there. One that may not be looked at is taken for there, so that what is asked of it is unknown.
fn is_there(host: &dyn Host, path: &str) -> bool {
    !matches!(host.stat(path, true), Err(Failure::Missing | Failure::OtherKind))
}

/// Whether a program runs: a process is called as its first word, and its command line starts with it, whatever the directory.
fn runs(processes: &[Process], program: &str) -> bool {
    let program = program.trim_matches(['\'', '"']);
    let first = program.split_whitespace().next().unwrap_or("");
    processes.iter().filter(|process| is_named(process, first)).any(|process| {
        let line = command_line(process);
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        let directories = line.char_indices().filter(|(at, one)| *one == '/' && *at < end).map(|(at, _)| at + 1);
        std::iter::once(0).chain(directories).any(|at| line.get(at..).is_some_and(|rest| rest.starts_with(program)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;
    use plimsoll_model::Origin;

    fn configuration(texts: &[&str]) -> Configuration {
        let sources: Vec<_> = texts.iter().map(|text| Source::new("config.yaml", Origin::File, *text)).collect();
        let (configuration, problems) = Configuration::read(&sources);
        assert!(problems.is_empty(), "{problems:?}");
        configuration
    }

    const MAIN: &str = "
version_mapping: {'1.28': old, '1.31': new}
target_mapping: {new: [node]}
node:
  components: [kubelet, proxy]
  kubelet:
    bins: ['hyperkube kubelet', kubelet]
    confs: [/etc/a.yaml, /etc/b.yaml]
    defaultconf: /etc/default.yaml
    kubeconfig: [/etc/k]
    defaultkubeconfig: /etc/default-k
  proxy: {optional: true, bins: [kube-proxy]}
";

    #[test]
    fn names_stand_for_what_is_there() {
        let mut host = Memory::default();
        host.file("/etc/b.yaml", 0o600, "root", "");
        host.process(7, &["/usr/bin/kubelet", "--config=/etc/b.yaml"]);
        let variables = configuration(&[MAIN]).variables("node", &host);
        assert_eq!(
            variables.put("$kubeletbin $kubeletconf $kubeletkubeconfig $proxybin $proxyconf $other"),
            "kubelet /etc/b.yaml /etc/default-k proxy proxy $other"
        );
        assert!(variables.missing.is_empty());
        assert_eq!(variables.only_program(&["ps -C $kubeletbin"]), Some("kubelet"));
        assert_eq!(variables.only_program(&["$kubeletbin $proxybin"]), None);

        let mut other = Memory::default();
        other.process(7, &["/usr/bin/hyperkube", "kubelet", "--v=2"]);
        assert_eq!(configuration(&[MAIN]).variables("node", &other).put("$kubeletbin"), "'hyperkube kubelet'");
        other.process(8, &["/pause"]);
        let missing = configuration(&[MAIN]).variables("node", &Memory::default()).missing;
        assert_eq!(missing, ["kubelet"]);
    }

    #[test]
    fn a_benchmark_is_laid_over_the_main_file() {
        let configuration = configuration(&[MAIN, "---\nnode:\n  Kubelet: {confs: [/etc/c.yaml]}\n"]);
        let mut host = Memory::default();
        host.file("/etc/b.yaml", 0o600, "root", "");
        assert_eq!(configuration.variables("node", &host).put("$kubeletconf"), "/etc/default.yaml");
    }

    #[test]
    fn versions_choose_benchmarks() {
        let configuration = configuration(&[MAIN]);
        let table = [("1.31", Some("new")), ("v1.33", Some("new")), ("1.30", Some("old")), ("1.27", None), ("x", None)];
        for (version, wanted) in table {
            assert_eq!(configuration.benchmark_for(version), wanted, "{version}");
        }
        assert_eq!(configuration.sections("new"), Some(vec!["node"]));
        assert_eq!(configuration.sections("old"), None);
    }
}
