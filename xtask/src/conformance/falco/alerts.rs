//! What rules find in captures, against what Falco found: every alert with its text and fields, and how often conditions hold.

use super::replay::replay;
use crate::conformance::{Cases, json_lines};
use anyhow::Context as _;
use plimsoll_detect::engine::{Engine, Matching};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::{Context, Syscalls};
use plimsoll_detect::fields::{Arg, Facts, Field};
use plimsoll_detect::format::line;
use plimsoll_detect::rules::{self, ExtraOutput, Pick, Rules, Selection, Sources};
use plimsoll_detect::{Value, engine};
use plimsoll_model::{Origin, Source};
use rayon::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the oracle ran with in place of the container plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stub {
    Host,
    Container,
}

impl Stub {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "host" => Some(Self::Host),
            "container" => Some(Self::Container),
            _ => None,
        }
    }

    /// What it says of a field: nothing of those that are not its own.
    fn value(self, field: &Field) -> Option<Option<Value<'static>>> {
        let name = field.info.name;
        if !name.starts_with("container.") && !name.starts_with("k8s.") {
            return None;
        }
        let text = match (self, name) {
            (Self::Host, "container.id" | "container.name") => "host",
            (Self::Host, _) => return Some(None),
            (_, "container.id") => "3ad7b26ded6d",
            (_, "container.full_id") => "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e",
            (_, "container.name") => "plim-web",
            (_, "container.image") => "docker.io/library/debian:12",
            (_, "container.image.repository") => "docker.io/library/debian",
            (_, "container.image.tag") => "12",
            (_, "container.type") => "docker",
            (_, "container.privileged") => return Some(Some(Value::Bool(true))),
            (_, "container.start_ts") => return Some(Some(Value::Uint(1_795_400_000_000_000_000))),
            (_, "container.ip") => "10.244.1.7",
            (_, "k8s.pod.name") => "web-0",
            (_, "k8s.ns.name") => "shop",
            (_, "container.mount.dest") if matches!(&field.arg, Some(Arg::Key(path)) if &**path == "/etc") => "/etc",
            (_, name) if name.starts_with("container.mount") && field.arg.is_some() => "N/A",
            _ => return Some(None),
        };
        Some(Some(Value::Text(text.as_bytes())))
    }
}

/// An event whose container is made up.
pub(super) struct Stubbed<'c, 'e>(pub(super) &'c Context<'e>, pub(super) Stub);

impl<'e> Facts<'e> for Stubbed<'_, 'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        match self.1.value(field) {
            Some(value) => out.extend(value),
            None => self.0.extract(field, out),
        }
    }

    fn has(&self, field: &Field) -> bool {
        self.1.value(field).map_or_else(|| self.0.has(field), |value| value.is_some())
    }

    fn arena(&self) -> &'e bumpalo::Bump {
        self.0.arena()
    }
}

const STABLE: &str = "rules/falco_rules.yaml";
const INCUBATING: &str = "rules/falco-incubating_rules.yaml";
const SANDBOX: &str = "rules/falco-sandbox_rules.yaml";

/// The rule that would resolve names.
const RESOLVES: &str = "Detect outbound connections to common miner pool ports";

/// Upstream's rules in the sets of the oracle.
fn sets(falco: &Path) -> anyhow::Result<BTreeMap<&'static str, Rules>> {
    let mut sets = BTreeMap::new();
    let table: [(&str, &[&str]); 4] =
        [("stable", &[STABLE]), ("incubating", &[INCUBATING]), ("sandbox", &[SANDBOX]), ("all", &[STABLE, INCUBATING, SANDBOX])];
    for (name, files) in table {
        let paths: Vec<_> = files.iter().map(|file| falco.join(file)).collect();
        sets.insert(name, load(&paths, vec![numbered()])?);
    }
    let mut enabled = sets.get("all").cloned().unwrap_or_default();
    let step = |enable, name: &str| Selection { enable, pick: Pick::Name(name.to_owned()) };
    enabled.select(&[step(true, "*"), step(false, RESOLVES)], None);
    sets.insert("all_enabled", enabled);
    Ok(sets)
}

/// Every alert has the number of its event.
fn numbered() -> ExtraOutput {
    ExtraOutput { fields: vec![("evt.num".to_owned(), None)], ..ExtraOutput::default() }
}

/// Rules files in order; an error in one is an error.
pub(super) fn load(paths: &[impl AsRef<Path>], extras: Vec<ExtraOutput>) -> anyhow::Result<Rules> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push(Source::new(path.display().to_string(), Origin::File, text));
    }
    let loaded = rules::load(&files, Sources::new().with("syscall", &Syscalls).with("k8s_audit", &Audit), extras);
    if let Some(error) = loaded.diagnostics.errors().next() {
        anyhow::bail!("{}: {}", error.code.text(), error.message);
    }
    Ok(loaded.rules)
}

/// The captures that were recorded for this.
pub(in crate::conformance) fn modern_alerts(captures: &Path) -> anyhow::Result<Cases> {
    compare(captures, "modern", "alerts")
}

/// Upstream's old captures.
pub(in crate::conformance) fn legacy_alerts(captures: &Path) -> anyhow::Result<Cases> {
    compare(captures, "legacy", "legacy/alerts")
}

/// The alerts of a run, each as what has to agree.
type Run = Vec<(u64, String, Json)>;

/// Runs by name.
type Runs = BTreeMap<String, Run>;

fn compare(captures: &Path, set: &str, folder: &str) -> anyhow::Result<Cases> {
    let modern = captures.parent().context("no folder of captures")?;
    let falco = modern.parent().context("no folder of suites")?;
    let sets = sets(falco)?;
    let mut wanted = Vec::new();
    for line in json_lines(captures)? {
        let line = line?;
        if line["set"] == set {
            wanted.push((line["name"].as_str().unwrap_or_default().to_owned(), falco.join(line["capture"].as_str().unwrap_or_default())));
        }
    }
    let outcomes: Vec<anyhow::Result<(Runs, Runs)>> = wanted
        .par_iter()
        .map(|(name, capture)| {
            let mut oracle = oracle(&modern.join(folder).join(format!("{name}.jsonl")))?;
            // Runs without an alert are told among the counts alone.
            let counts = modern.join(folder.replace("alerts", "counts")).join(format!("{name}.json"));
            let counts: BTreeMap<String, Json> =
                serde_json::from_slice(&std::fs::read(&counts).with_context(|| counts.display().to_string())?)?;
            for run in counts.into_keys() {
                oracle.entry(run).or_default();
            }
            Ok((oracle, found(capture, &sets)?))
        })
        .collect();
    let mut cases = Cases::default();
    for ((name, _), outcome) in wanted.iter().zip(outcomes) {
        match outcome {
            Ok((oracle, found)) => {
                let runs: BTreeSet<&String> = oracle.keys().chain(found.keys()).collect();
                for run in runs {
                    let none = Vec::new();
                    let (wanted, got) = (oracle.get(run).unwrap_or(&none), found.get(run).unwrap_or(&none));
                    match difference(wanted, got) {
                        None => cases.passed(),
                        Some((wanted, got)) => cases.case(|| format!("{name} {run}"), &wanted, &got),
                    }
                }
            }
            Err(error) => cases.unreadable(name.clone(), format!("{error:#}")),
        }
    }
    Ok(cases)
}

/// The first alert in which two runs differ.
fn difference(wanted: &Run, got: &Run) -> Option<(String, String)> {
    let text = |alert: Option<&(u64, String, Json)>| {
        alert.map_or_else(|| "no alert".to_owned(), |(number, rule, line)| format!("{number} {rule} {line}"))
    };
    let count = format!(" ({} alerts, {} wanted)", got.len(), wanted.len());
    let at = wanted
        .iter()
        .zip(got)
        .position(|(wanted, got)| wanted != got)
        .or((wanted.len() != got.len()).then(|| wanted.len().min(got.len())))?;
    Some((text(wanted.get(at)), text(got.get(at)) + &count))
}

/// What Falco found, by run.
fn oracle(path: &Path) -> anyhow::Result<Runs> {
    let mut runs: Runs = BTreeMap::new();
    for line in json_lines(path)? {
        let line = line?;
        let alert = (line["evt_num"].as_u64().unwrap_or_default(), line["rule"].as_str().unwrap_or_default().to_owned());
        for run in line["runs"].as_array().into_iter().flatten() {
            runs.entry(run.as_str().unwrap_or_default().to_owned()).or_default().push((alert.0, alert.1.clone(), told(&line)));
        }
    }
    runs.values_mut().for_each(sort);
    Ok(runs)
}

/// What has to agree: all but the machine's name and the number, which stands beside it.
fn told(line: &Json) -> Json {
    let keys = ["priority", "source", "tags", "time", "output", "output_fields"];
    Json::Object(keys.into_iter().map(|key| (key.to_owned(), line[key].clone())).collect())
}

fn sort(run: &mut Run) {
    run.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
}

/// What our rules find, by run.
fn found(capture: &Path, sets: &BTreeMap<&str, Rules>) -> anyhow::Result<Runs> {
    let mut engines = Vec::new();
    for stub in [Stub::Host, Stub::Container] {
        for (set, rules) in sets {
            for matching in [Matching::First, Matching::All] {
                let (stub_name, how) =
                    (if stub == Stub::Host { "host" } else { "container" }, if matching == Matching::First { "first" } else { "all" });
                let engine = Engine::new(rules, "syscall", &Syscalls, matching).map_err(|error| anyhow::anyhow!("{}", error.message))?;
                engines.push((format!("{stub_name}/{set}/{how}"), stub, engine));
            }
        }
    }
    let mut runs: Runs = BTreeMap::new();
    replay(capture, &mut |context| {
        let event = context.event;
        for (name, stub, engine) in &mut engines {
            if engine.looks_at(event.kind) {
                engine.judge(event.kind, event.time, event.number, &Stubbed(context, *stub), |alert: engine::Alert| {
                    let line = alert.json("", line::Options::default());
                    runs.entry(name.clone()).or_default().push((event.number, alert.rule.name.clone(), told(&line)));
                });
            }
        }
        Ok(())
    })?;
    runs.values_mut().for_each(sort);
    Ok(runs)
}
