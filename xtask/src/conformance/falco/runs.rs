//! Rules run over captures and audit events: which alerts come of it, and how they are printed.

use crate::conformance::{Cases, json_lines};
use anyhow::Context as _;
use plimsoll_detect::detector::{AuditDetector, Detector};
use plimsoll_detect::engine::{Alert, Engine, Matching};
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::format::line;
use plimsoll_detect::rules::{self, Pick, Priority, Selection, Sources};
use plimsoll_detect::state::Limits;
use plimsoll_model::{Origin, Source};
use plimsoll_sources::capture::{Item, Options as Reading, Reader};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    rules: Vec<String>,
    #[serde(default)]
    capture: String,
    #[serde(default)]
    events: String,
    options: Options,
    expect: Map<String, Json>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Options {
    disable_rules: Vec<String>,
    disable_tags: Vec<String>,
    only_tags: Vec<String>,
    min_priority: Option<String>,
    json_output: bool,
    json_include_output_property: Option<bool>,
    json_include_tags_property: Option<bool>,
    time_format_iso_8601: bool,
    env: BTreeMap<String, String>,
    syscall_event_drops: Option<Json>,
}

/// What came of a case.
struct Came {
    alerts: Vec<Alert>,
    lines: Vec<String>,
}

/// Rules over captures.
pub(in crate::conformance) fn replay_runs(file: &Path) -> anyhow::Result<Cases> {
    run(file)
}

/// Rules over audit events.
pub(in crate::conformance) fn audit_runs(file: &Path) -> anyhow::Result<Cases> {
    run(file)
}

fn run(file: &Path) -> anyhow::Result<Cases> {
    let root = file.parent().and_then(Path::parent).context("no folder of suites")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let came = came(root, &case);
        let mut wrong = Vec::new();
        for (key, wanted) in &case.expect {
            if let Some(got) = differs(&case, key, wanted, &came) {
                wrong.push((format!("{key}: {wanted}"), got));
            }
        }
        let joined = |part: fn(&(String, String)) -> &str| wrong.iter().map(part).collect::<Vec<_>>().join("; ");
        match wrong.is_empty() {
            true => cases.passed(),
            false => cases.case(|| case.name, &joined(|(wanted, _)| wanted), &joined(|(_, got)| got)),
        }
    }
    Ok(cases)
}

fn came(root: &Path, case: &Case) -> anyhow::Result<Came> {
    let options = &case.options;
    if options.syscall_event_drops.is_some() {
        anyhow::bail!("losses of a kernel's ring buffer are not judged over a capture");
    }
    let mut files = Vec::new();
    for name in &case.rules {
        let path = root.join(name);
        files.push(Source::new(name.as_str(), Origin::File, std::fs::read_to_string(&path).with_context(|| name.clone())?));
    }
    let loaded = rules::load(&files, Sources::new().with("syscall", &Syscalls).with("k8s_audit", &Audit), Vec::new());
    if let Some(error) = loaded.diagnostics.errors().next() {
        anyhow::bail!("{}: {}", error.code.text(), error.message);
    }
    let mut rules = loaded.rules;
    let mut steps = Vec::new();
    let step = |enable, pick| Selection { enable, pick };
    if !options.only_tags.is_empty() {
        steps.push(step(false, Pick::Name("*".to_owned())));
        steps.extend(options.only_tags.iter().map(|tag| step(true, Pick::Tag(tag.clone()))));
    }
    steps.extend(options.disable_rules.iter().map(|name| step(false, Pick::Name(name.clone()))));
    steps.extend(options.disable_tags.iter().map(|tag| step(false, Pick::Tag(tag.clone()))));
    rules.select(&steps, options.min_priority.as_deref().and_then(Priority::parse));
    let mut alerts = Vec::new();
    if case.events.is_empty() {
        let engine = Engine::new(&rules, "syscall", &Syscalls, Matching::First).map_err(|error| anyhow::anyhow!(error.message))?;
        let mut detector = Detector::new(engine, Limits::default());
        let mut reader = Reader::new(std::fs::File::open(root.join(&case.capture))?, Reading::default());
        while let Some(item) = reader.next() {
            match item {
                Item::Start(start) => detector.start(start),
                Item::Event(event) => detector.event(&event, |alert| alerts.push(alert)),
                Item::Damage { offset, what } => anyhow::bail!("at {offset}: {what}"),
            }
        }
    } else {
        let engine = Engine::new(&rules, "k8s_audit", &Audit, Matching::First).map_err(|error| anyhow::anyhow!(error.message))?;
        let mut detector = AuditDetector::new(engine);
        for line in std::fs::read_to_string(root.join(&case.events))?.lines().filter(|line| !line.is_empty()) {
            detector.event(line.as_bytes(), |alert| alerts.push(alert)).map_err(|broken| anyhow::anyhow!("no JSON at {}", broken.0))?;
        }
    }
    let hostname = options.env.get("FALCO_HOSTNAME").map_or("", String::as_str);
    let form = line::Options {
        output: options.json_include_output_property.unwrap_or(true),
        tags: options.json_include_tags_property.unwrap_or(true),
        iso_8601: options.time_format_iso_8601,
        ..line::Options::default()
    };
    let line = |alert: &Alert| if options.json_output { alert.json(hostname, form).to_string() } else { alert.text(hostname, form) };
    let lines = alerts.iter().map(line).collect();
    Ok(Came { alerts, lines })
}

/// What came instead, if a key of the expectation does not hold.
fn differs(case: &Case, key: &str, wanted: &Json, came: &anyhow::Result<Came>) -> Option<String> {
    let came = match (key, came) {
        ("exit_status", came) => {
            let status = i64::from(came.is_err());
            return (Some(status) != wanted.as_i64()).then(|| came.as_ref().err().map_or("0".to_owned(), |error| format!("{error:#}")));
        }
        (_, Ok(came)) => came,
        (_, Err(error)) => return Some(format!("{error:#}")),
    };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in &came.alerts {
        *counts.entry(&alert.rule.name).or_default() += 1;
    }
    let stdout = came.lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let strings = || wanted.as_array().into_iter().flatten().filter_map(Json::as_str);
    let regexes =
        |found: bool| strings().find(|pattern| Regex::new(pattern).is_ok_and(|regex| regex.is_match(&stdout) != found)).map(str::to_owned);
    match key {
        "detect" => (wanted.as_bool() != Some(!came.alerts.is_empty())).then(|| format!("{} alerts", came.alerts.len())),
        "priorities" => strings()
            .find(|priority| {
                let wanted = Priority::parse(priority);
                !came.alerts.iter().any(|alert| Some(alert.rule.priority) == wanted)
            })
            .map(|missing| format!("no alert of {missing}")),
        "counts" => {
            let wrong =
                |(rule, count): &(&String, &Json)| counts.get(rule.as_str()).copied().unwrap_or(0) != count.as_u64().unwrap_or(u64::MAX);
            wanted.as_object()?.iter().find(wrong).map(|_| format!("{counts:?}"))
        }
        "derived_counts" => (serde_json::json!(counts) != *wanted).then(|| format!("{counts:?}")),
        "total" => (wanted.as_u64() != Some(came.alerts.len() as u64)).then(|| came.alerts.len().to_string()),
        "stdout_regex" => regexes(true).map(|missing| format!("no match of {missing}")),
        "stdout_not_regex" => regexes(false).map(|found| format!("a match of {found}")),
        "stderr_regex" => Some("nothing: errors are not printed in Falco's form".to_owned()),
        "stderr_not_regex" => None,
        "output" => {
            let lines = || wanted["lines"].as_array().into_iter().flatten();
            let agrees = match wanted["match"].as_str() {
                Some("contains") => lines().filter_map(Json::as_str).all(|line| came.lines.iter().any(|came| came == line)),
                Some("equals") => lines().filter_map(Json::as_str).eq(came.lines.iter().map(String::as_str)),
                Some("json_lines") => lines().cloned().eq(came.lines.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok())),
                _ => false,
            };
            (!agrees).then(|| came.lines.join(" / "))
        }
        other => Some(format!("{} asks for {other}, which is not known", case.name)),
    }
}
