//! What every field says of every event of a capture, against what Falco's own JSON said.

use super::replay::replay;
use crate::conformance::{Cases, json_lines};
use anyhow::Context as _;
use flate2::read::MultiGzDecoder;
use plimsoll_detect::fields::syscalls::{Context, Syscalls};
use plimsoll_detect::fields::{Catalogue, Facts, Field};
use plimsoll_detect::format;
use plimsoll_model::events::Format;
use rayon::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Falco was asked for some fields only of these events, which change processes.
const OF_PROCESSES: [&str; 14] = [
    "execve",
    "execveat",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "procexit",
    "chdir",
    "setuid",
    "setgid",
    "setresuid",
    "capset",
    "setsid",
    "setns",
];

/// The captures that were recorded for this.
pub(in crate::conformance) fn modern_fields(captures: &Path) -> anyhow::Result<Cases> {
    compare(captures, "modern", "fields")
}

/// Upstream's old captures, whose events are brought to the present model while they are read.
pub(in crate::conformance) fn legacy_fields(captures: &Path) -> anyhow::Result<Cases> {
    compare(captures, "legacy", "legacy/fields")
}

/// A capture and what Falco said of its events.
struct Capture {
    name: String,
    path: PathBuf,
    oracle: PathBuf,
}

fn compare(captures: &Path, set: &str, folder: &str) -> anyhow::Result<Cases> {
    let modern = captures.parent().context("no folder of captures")?;
    let falco = modern.parent().context("no folder of suites")?;
    let mut wanted = Vec::new();
    for line in json_lines(captures)? {
        let line = line?;
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        if text("set") == set {
            let oracle = modern.join(folder).join(format!("{}.jsonl.gz", text("name")));
            wanted.push(Capture { name: text("name"), path: falco.join(text("capture")), oracle });
        }
    }
    let told: Vec<anyhow::Result<Told>> = wanted.par_iter().map(told).collect();
    let known: BTreeSet<&String> = told.iter().flatten().flat_map(|told| told.tallies.keys()).collect();
    let of_all: BTreeSet<&String> = told.iter().flatten().flat_map(|told| &told.of_all).collect();
    let rest: Vec<anyhow::Result<BTreeMap<String, Tally>>> = wanted
        .par_iter()
        .zip(&told)
        .map(|(capture, told)| match told {
            Ok(told) => untold(capture, told, known.iter().filter(|name| !told.tallies.contains_key(**name)).map(|name| (*name).as_str())),
            Err(_) => Ok(BTreeMap::new()),
        })
        .collect();
    let mut cases = Cases::default();
    for (capture, (told, rest)) in wanted.iter().zip(told.iter().zip(rest)) {
        let rest = match (told, rest) {
            (Ok(_), Ok(rest)) => rest,
            (Err(error), _) => {
                cases.unreadable(capture.name.clone(), format!("{error:#}"));
                continue;
            }
            (_, Err(error)) => {
                cases.unreadable(capture.name.clone(), format!("{error:#}"));
                continue;
            }
        };
        for (field, tally) in told.iter().flat_map(|told| &told.tallies).chain(&rest) {
            match tally.complaint(of_all.contains(field)) {
                Some((wanted, got)) => cases.case(|| format!("{} {field}", capture.name), &wanted, &got),
                None => cases.passed(),
            }
        }
    }
    Ok(cases)
}

/// What came of a capture: fields that have a value in one of its events.
struct Told {
    tallies: BTreeMap<String, Tally>,
    /// Those that have one in an event that changes no process: they were asked for in all events.
    of_all: BTreeSet<String>,
    /// The events that Falco looked at.
    events: BTreeSet<u64>,
}

/// How a field came out over a capture.
#[derive(Default)]
struct Tally {
    events: usize,
    wrong: Vec<Mismatch>,
    /// Values in events of which it may not have been asked, where none was wanted.
    unasked: Vec<Mismatch>,
    wrong_count: usize,
    unasked_count: usize,
}

/// An event in which a field came out wrong.
struct Mismatch {
    event: String,
    wanted: String,
    got: String,
}

impl Tally {
    fn take(&mut self, event: impl FnOnce() -> String, of_processes: bool, wanted: Option<&Json>, got: Option<&Json>) {
        self.events += 1;
        if wanted == got {
            return;
        }
        let (count, list) = if wanted.is_some() || of_processes {
            (&mut self.wrong_count, &mut self.wrong)
        } else {
            (&mut self.unasked_count, &mut self.unasked)
        };
        *count += 1;
        if list.is_empty() {
            let text = |value: Option<&Json>| value.map_or_else(|| "no value".to_owned(), Json::to_string);
            list.push(Mismatch { event: event(), wanted: text(wanted), got: text(got) });
        }
    }

    /// What was wanted first and what came, if anything is wrong.
    fn complaint(&self, of_all: bool) -> Option<(String, String)> {
        let count = self.wrong_count + if of_all { self.unasked_count } else { 0 };
        let first = self.wrong.first().or(self.unasked.first().filter(|_| of_all))?;
        Some((format!("{} in event {}", first.wanted, first.event), format!("{} ({count} of {} events differ)", first.got, self.events)))
    }
}

/// A field that was asked for, by the name that Falco prints.
fn field(name: &str) -> anyhow::Result<Field> {
    let (base, arg) = name.strip_suffix(']').and_then(|name| name.split_once('[')).map_or((name, None), |(base, arg)| (base, Some(arg)));
    Syscalls.resolve(base, arg).map_err(|error| anyhow::anyhow!("{name}: {error:?}"))
}

/// A field's value as Falco's JSON has it; numbers that texts pad are plain there.
fn json(context: &Context<'_>, field: &Field) -> Option<Json> {
    let mut values = Vec::new();
    context.extract(field, &mut values);
    let print = if field.info.format == Format::Padded { Format::Decimal } else { field.info.format };
    let mut values = values.iter().map(|value| format::json(field.kind, print, value));
    if field.info.name == "proc.aname" && field.arg.is_none() {
        // All ancestors are one text.
        let names: Vec<String> = values.filter_map(|value| value.as_str().map(str::to_owned)).collect();
        return (!names.is_empty()).then(|| names.join(" ").into());
    }
    if field.info.list { Some(Json::Array(values.collect())).filter(|all| all != &serde_json::json!([])) } else { values.next() }
}

fn told(capture: &Capture) -> anyhow::Result<Told> {
    let file = std::fs::File::open(&capture.oracle).with_context(|| format!("cannot read {}", capture.oracle.display()))?;
    let mut oracle = BufReader::new(MultiGzDecoder::new(file));
    let mut next = move || -> anyhow::Result<Option<serde_json::Map<String, Json>>> {
        let mut line = Vec::new();
        if oracle.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&String::from_utf8_lossy(&line))?))
    };
    let number = |values: &serde_json::Map<String, Json>| values.get("evt.num").and_then(Json::as_u64).unwrap_or_default();
    let mut told = Told { tallies: BTreeMap::new(), of_all: BTreeSet::new(), events: BTreeSet::new() };
    let mut fields: BTreeMap<String, Option<Field>> = BTreeMap::new();
    let mut current = next()?;
    replay(&capture.path, &mut |context| {
        let Some(wanted) = current.take_if(|values| number(values) == context.event.number) else { return Ok(()) };
        told.events.insert(context.event.number);
        let kind = wanted.get("evt.type").and_then(Json::as_str).unwrap_or_default().to_owned();
        let of_processes = OF_PROCESSES.contains(&kind.as_str());
        for (name, _) in &wanted {
            if !of_processes && !told.of_all.contains(name) {
                told.of_all.insert(name.clone());
            }
            if !fields.contains_key(name) {
                fields.insert(name.clone(), field(name).ok());
                told.tallies.insert(name.clone(), Tally::default());
            }
        }
        for ((name, field), tally) in fields.iter().zip(told.tallies.values_mut()) {
            let got = field.as_ref().and_then(|field| json(context, field));
            tally.take(|| format!("{} {kind}", context.event.number), of_processes, wanted.get(name), got.as_ref());
        }
        current = next()?;
        Ok(())
    })?;
    if let Some(missing) = current {
        anyhow::bail!("the capture has no event {}", number(&missing));
    }
    Ok(told)
}

/// Fields that have no value in any event of a capture.
fn untold<'n>(capture: &Capture, told: &Told, names: impl Iterator<Item = &'n str>) -> anyhow::Result<BTreeMap<String, Tally>> {
    let fields: Vec<(&str, Option<Field>)> = names.map(|name| (name, field(name).ok())).collect();
    let mut tallies: BTreeMap<String, Tally> = fields.iter().map(|(name, _)| ((*name).to_owned(), Tally::default())).collect();
    replay(&capture.path, &mut |context| {
        if !told.events.contains(&context.event.number) {
            return Ok(());
        }
        let kind = context.event.info().name;
        for (name, field) in &fields {
            let got = field.as_ref().and_then(|field| json(context, field));
            if let Some(tally) = tallies.get_mut(*name) {
                tally.take(|| format!("{} {kind}", context.event.number), OF_PROCESSES.contains(&kind), None, got.as_ref());
            }
        }
        Ok(())
    })?;
    Ok(tallies)
}
