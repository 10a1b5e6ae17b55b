//! Captures: what a file holds, the events as another reader lists them, and how many come out once old ones are converted.

use crate::conformance::{Cases, json_lines};
use anyhow::Context;
use plimsoll_model::events::{Event, EventFlags, Start, kinds};
use plimsoll_sources::capture::{Contents, Item, Options, Reader};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead as _;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    capture: String,
    expect: Expect,
    events: String,
}

#[derive(Deserialize)]
struct Expect {
    gzip: bool,
    bytes: u64,
    uncompressed_bytes: u64,
    version: String,
    section_header_bytes: usize,
    /// By type, in hexadecimal.
    blocks: BTreeMap<String, u64>,
    event_code_names: BTreeMap<String, String>,
    cpus: u32,
    event_count: u64,
    event_codes: BTreeMap<String, u64>,
    thread_ids: usize,
    first_ts_ns: u64,
    last_ts_ns: u64,
}

#[derive(Deserialize)]
struct Recorded {
    name: String,
    set: String,
    capture: String,
    event_blocks: u64,
    oracle_events: u64,
}

pub(in crate::conformance) fn scap(file: &Path) -> anyhow::Result<Cases> {
    let root = file.parent().and_then(Path::parent).context("no folder")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        match case.and_then(serde_json::from_value::<Case>) {
            Ok(case) => one(root, &case, &mut cases)?,
            Err(error) => cases.unreadable(format!("case {}", cases.total + 1), error),
        }
    }
    for case in json_lines(&root.join("modern/captures.jsonl"))? {
        let case: Recorded = case.and_then(serde_json::from_value)?;
        // Rules are not given all events that are delivered and numbered, and the count of the legacy captures is of those: their last number
        // says how many there were.
        let delivered = if case.set == "legacy" { last_number(root, &case.name)? } else { case.oracle_events };
        for (raw, wanted) in [(true, case.event_blocks), (false, delivered)] {
            let mut count = 0_u64;
            let got = read(&root.join(&case.capture), raw, &mut |_| {}, &mut |event| count = event.number);
            let got = got.map_or_else(|error| error.to_string(), |_| count.to_string());
            cases.case(|| format!("{} {}", case.name, if raw { "blocks" } else { "events" }), &wanted.to_string(), &got);
        }
    }
    Ok(cases)
}

fn last_number(root: &Path, name: &str) -> anyhow::Result<u64> {
    let path = root.join(format!("modern/legacy/fields/{name}.jsonl.gz"));
    let file = std::io::BufReader::new(flate2::read::GzDecoder::new(std::fs::File::open(path)?));
    let mut last = 0;
    for line in file.lines() {
        let line: Value = serde_json::from_str(&line?)?;
        last = last.max(line["evt.num"].as_u64().context("no number")?);
    }
    Ok(last)
}

fn read(path: &Path, raw: bool, start: &mut dyn FnMut(&Start), each: &mut dyn FnMut(&Event<'_>)) -> anyhow::Result<Contents> {
    let mut reader = Reader::new(std::fs::File::open(path)?, Options { raw });
    while let Some(item) = reader.next() {
        match item {
            Item::Start(found) => start(&found),
            Item::Damage { offset, what } => anyhow::bail!("at {offset}: {what}"),
            Item::Event(event) => each(&event),
        }
    }
    Ok(reader.contents())
}

/// What the file holds, and each listed event.
fn one(root: &Path, case: &Case, cases: &mut Cases) -> anyhow::Result<()> {
    let (mut codes, mut threads, mut times) = (BTreeMap::<String, u64>::new(), BTreeSet::new(), Vec::new());
    let mut cpus = 0;
    let mut found: HashMap<(u64, i64, bool), Vec<Value>> = HashMap::new();
    let start = &mut |start: &Start| {
        if let Start::Machine(machine) = start {
            cpus = machine.cpus;
        }
    };
    let path = root.join(&case.capture);
    let contents = read(&path, true, start, &mut |event| {
        *codes.entry(event.kind.0.to_string()).or_default() += 1;
        threads.insert(event.tid);
        times.push(event.time);
        found.entry((event.time, event.tid, event.kind.is_enter())).or_default().push(said(event));
    })
    .with_context(|| case.name.clone())?;
    let wanted = &case.expect;
    let (major, minor) = contents.version;
    // Symbols here are those of upstream without what they all begin with.
    let symbol = |code: &String| Some((code.clone(), plimsoll_model::events::EventType(code.parse().ok()?).info().symbol.to_owned()));
    let names: BTreeMap<String, String> = codes.keys().filter_map(symbol).collect();
    let bare = |name: &String| {
        ["PPME_", "SYSCALL_", "SOCKET_"].iter().fold(name.as_str(), |name, start| name.strip_prefix(start).unwrap_or(name)).to_owned()
    };
    let wanted_names: BTreeMap<&String, String> = wanted.event_code_names.iter().map(|(code, name)| (code, bare(name))).collect();
    let blocks: BTreeMap<String, u64> = contents.blocks.iter().map(|(kind, count)| (format!("{kind:#x}"), *count)).collect();
    let facts = [
        ("packing", json!(wanted.gzip), json!(contents.packed)),
        ("bytes", json!(wanted.bytes), json!(std::fs::metadata(&path)?.len())),
        ("unpacked bytes", json!(wanted.uncompressed_bytes), json!(contents.bytes)),
        ("version", json!(wanted.version), json!(format!("{major}.{minor}"))),
        ("section header", json!(wanted.section_header_bytes), json!(contents.header)),
        ("blocks", json!(wanted.blocks), json!(blocks)),
        ("names", json!(wanted_names), json!(names)),
        ("cpus", json!(wanted.cpus), json!(cpus)),
        ("events", json!(wanted.event_count), json!(times.len())),
        ("codes", json!(wanted.event_codes), json!(codes)),
        ("threads", json!(wanted.thread_ids), json!(threads.len())),
        ("first", json!(wanted.first_ts_ns), json!(times.iter().find(|time| **time > 0))),
        ("last", json!(wanted.last_ts_ns), json!(times.last())),
    ];
    for (fact, wanted, got) in facts {
        cases.case(|| format!("{} {fact}", case.name), &wanted.to_string(), &got.to_string());
    }
    for listed in json_lines(&root.join(&case.events))? {
        let listed = listed?;
        let (time, tid) = (listed["evt.rawtime"].as_u64().context("no time")?, listed["thread.tid"].as_i64().context("no thread")?);
        let mut got = found.get(&(time, tid, listed["evt.dir"] == ">")).cloned().unwrap_or_default();
        let fields = |value: &Value| ["evt.type", "evt.cpu", "evt.rawres"].map(|field| value[field].clone());
        let mut wanted = fields(&listed);
        let matches = |got: &Value| {
            // The old table did not know all system calls by name, nor all results.
            let got = fields(got);
            (wanted[0] == "<unknown>" || wanted[0] == got[0]) && wanted[1] == got[1] && (wanted[2].is_null() || wanted[2] == got[2])
        };
        let good = got.iter().any(matches);
        let got = if good { json!(wanted) } else { json!(got.pop().map(|got| fields(&got))) };
        let wanted = json!(std::mem::take(&mut wanted));
        cases.case(|| format!("{} event {}", case.name, listed["evt.num"]), &wanted.to_string(), &got.to_string());
    }
    Ok(())
}

/// What can be said of an event without state.
fn said(event: &Event<'_>) -> Value {
    let info = event.info();
    let generic = matches!(event.kind, kinds::GENERIC_E | kinds::GENERIC_X);
    let number = event.params.uint(0).and_then(|number| u16::try_from(number).ok()).filter(|_| generic);
    let name = number.and_then(plimsoll_model::events::syscall_name).unwrap_or(info.name);
    let result = event.params.int(0).filter(|_| !generic && !event.kind.is_enter() && !info.flags.has(EventFlags::UNUSED));
    json!({"evt.type": name, "evt.cpu": event.cpu, "evt.rawres": result})
}
