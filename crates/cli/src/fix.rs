//! `--fix`: cures written into the files that they were found in, each one proved before it is written.
//!
//! A cure is made in the text, the text is read and judged again, and it is kept only if the finding is gone and no
//! other one came. What is not a file, or is shared by an anchor, is left alone and said.

use crate::engine::{self, Judge};
use crate::input::Loaded;
use crate::{Outcome, output};
use anyhow::Context;
use plimsoll_model::edit::{self, TextEdit};
use plimsoll_model::{Applicability, Document, Finding, Limits, Object, Origin, PatchOp, Snapshot, Source, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The options that change files.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Write the cures that need no further evidence into the files, keeping comments and layout.
    #[arg(long, help_heading = "Fix")]
    fix: bool,
    /// Show what --fix would write, as a unified diff, and write nothing.
    #[arg(long, help_heading = "Fix")]
    diff: bool,
    /// With --fix or --diff: also the cures that may break a workload. Look at each of them.
    #[arg(long, help_heading = "Fix")]
    unsafe_fixes: bool,
}

/// Rounds until nothing more can be done: a cure may make room for another, not for many.
const ROUNDS: usize = 4;

impl Args {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.unsafe_fixes || self.is_asked(), "--unsafe-fixes goes with --fix or --diff");
        Ok(())
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.fix || self.diff
    }

    fn wants(&self, finding: &Finding) -> bool {
        let cure = finding.remediation.as_ref().filter(|cure| !cure.patch.is_empty() && finding.is_open());
        cure.is_some_and(|cure| self.unsafe_fixes || cure.applicability == Applicability::Safe)
    }
}

pub(crate) fn run(args: &Args, mut loaded: Loaded, judge: Judge, out: &output::Args) -> anyhow::Result<Outcome> {
    let before = engine::run(&loaded, judge);
    let originals: BTreeMap<String, String> = files(&loaded.snapshot);
    let mut refused = Vec::new();
    for _ in 0..ROUNDS {
        refused.clear();
        let changed = round(args, &mut loaded, judge, &mut refused);
        if changed == 0 {
            break;
        }
    }
    refused.sort();
    refused.dedup();
    for line in &refused {
        output::complain(&format!("not fixed: {line}"));
    }
    let mut changed = 0;
    for (name, text) in files(&loaded.snapshot) {
        let Some(original) = originals.get(&name).filter(|original| **original != text) else { continue };
        changed += 1;
        if args.diff {
            output::print(edit::diff(&name, original, &text).as_bytes())?;
        } else {
            write(&name, &text)?;
        }
    }
    let after = engine::run(&loaded, judge);
    let open = |report: &plimsoll_report::Report| report.findings.iter().filter(|finding| finding.is_open()).count();
    let fixed = open(&before).saturating_sub(open(&after));
    if args.diff {
        output::complain(&format!("--fix would cure {fixed} findings in {changed} files"));
        return Ok(out.judge(&before));
    }
    output::complain(&format!("cured {fixed} findings in {changed} files"));
    out.write(&after)
}

/// The text of each file of the snapshot.
fn files(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let files = snapshot.documents.iter().map(|document| &document.source).filter(|source| source.origin == Origin::File);
    files.map(|source| (source.name.clone(), source.text.clone())).collect()
}

fn write(name: &str, text: &str) -> anyhow::Result<()> {
    let place = || format!("cannot write {name}");
    // The reader drops a byte order mark; the file keeps it.
    let mark = std::fs::read(name).with_context(place)?.starts_with("\u{feff}".as_bytes());
    std::fs::write(name, if mark { format!("\u{feff}{text}") } else { text.to_owned() }).with_context(place)
}

/// Cures what can be cured side by side; the number of files that changed.
fn round(args: &Args, loaded: &mut Loaded, judge: Judge, refused: &mut Vec<String>) -> usize {
    let report = engine::run(loaded, judge);
    let mut by_source: BTreeMap<String, (Arc<Source>, Vec<&Finding>)> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| args.wants(finding)) {
        let Some(location) = &finding.location else { continue };
        by_source.entry(location.source.name.clone()).or_insert_with(|| (Arc::clone(&location.source), Vec::new())).1.push(finding);
    }
    let mut changed = 0;
    for (name, (source, findings)) in by_source {
        if let Some(why) = not_a_file(source.origin) {
            refused.push(format!("{name}: {} of its findings: {why}", findings.len()));
            continue;
        }
        let documents: Vec<&Document> =
            loaded.snapshot.documents.iter().filter(|document| Arc::ptr_eq(&document.source, &source)).collect();
        let edits = edits(&documents, &findings, refused);
        if edits.is_empty() {
            continue;
        }
        let Some(text) = edit::apply(&source.text, &edits) else { continue };
        match proved(loaded, &source, &text, judge, &report.findings) {
            Ok(documents) => {
                replace(loaded, &source, documents);
                changed += 1;
            }
            Err(why) => refused.push(format!("{name}: {why}")),
        }
    }
    changed
}

/// Why nothing can be written back to a source, and what to do.
fn not_a_file(origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::File => None,
        Origin::Stdin => Some("standard input cannot be written to; scan the file itself"),
        Origin::Archive => Some("archives are not written to; unpack it and scan the directory"),
        Origin::Rendered => Some("it was rendered; change the chart's values or the overlay"),
        Origin::Live => Some("it was read from a cluster; change the manifests that it was made from"),
    }
}

/// The edits for the findings of one source, object by object.
fn edits(documents: &[&Document], findings: &[&Finding], refused: &mut Vec<String>) -> Vec<TextEdit> {
    let mut all = Vec::new();
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    for object in objects {
        let mine: Vec<&&Finding> = findings.iter().filter(|finding| is_of(finding, &object)).collect();
        if mine.is_empty() {
            continue;
        }
        let patch = |findings: &[&&Finding]| -> Vec<PatchOp> {
            findings.iter().filter_map(|finding| finding.remediation.as_ref()).flat_map(|cure| cure.patch.clone()).collect()
        };
        match edit::edits(&object, &patch(&mine)) {
            Ok(edits) => all.extend(edits),
            Err(_) => {
                // One by one: what is in the way of one need not be in the way of all. The next round does the others.
                let mut first = None;
                for finding in mine {
                    match edit::edits(&object, &patch(&[finding])) {
                        Ok(edits) if first.is_none() => first = Some(edits),
                        Ok(_) => {}
                        Err(why) => refused.push(format!("{}: {} ({})", why.location, finding.message, why.message)),
                    }
                }
                all.extend(first.into_iter().flatten());
            }
        }
    }
    all.sort_by_key(|edit| (edit.span.start, edit.span.end));
    all
}

fn is_of(finding: &Finding, object: &Object<'_>) -> bool {
    let within = finding.location.as_ref().is_some_and(|place| object.node.span().contains(place.span.start));
    let id = &finding.subject.object;
    within && id.name == object.name && id.kind == object.kind && id.namespace == object.namespace && id.api_version == object.api_version
}

/// The documents of the changed text, if it has fewer findings than before and none that was not there.
fn proved(loaded: &Loaded, source: &Arc<Source>, text: &str, judge: Judge, before: &[Finding]) -> Result<Vec<Document>, String> {
    let (documents, problems) = parse(&Source::new(source.name.as_str(), source.origin, text), Limits::default());
    if problems.iter().any(|problem| problem.kind == plimsoll_model::ProblemKind::Syntax) {
        return Err("the changed text would not be valid".to_owned());
    }
    // Judged with the namespaces of the whole snapshot, since what they enforce weighs in.
    let alone = Loaded {
        targets: Vec::new(),
        snapshot: Snapshot { documents, problems: Vec::new() },
        config: loaded.config.clone(),
        kinds: loaded.kinds.clone(),
    };
    let after = engine::run_beside(&alone, &loaded.snapshot, judge);
    let key = |finding: &Finding| (finding.rule.id.to_string(), (*finding.subject.object).clone(), finding.subject.pointer.clone());
    let known: Vec<_> = before.iter().map(key).collect();
    if let Some(new) = after.findings.iter().find(|finding| !known.contains(&key(finding))) {
        return Err(format!("the change would lead to another finding: {}", new.message));
    }
    let here = |finding: &&Finding| finding.location.as_ref().is_some_and(|place| place.source.name == source.name);
    if after.findings.iter().filter(here).count() >= before.iter().filter(here).count() {
        return Err("the change would not cure anything".to_owned());
    }
    Ok(alone.snapshot.documents)
}

fn replace(loaded: &mut Loaded, source: &Arc<Source>, new: Vec<Document>) {
    let documents = &mut loaded.snapshot.documents;
    let at = documents.iter().position(|document| Arc::ptr_eq(&document.source, source)).unwrap_or(documents.len());
    documents.retain(|document| !Arc::ptr_eq(&document.source, source));
    documents.splice(at..at, new);
}
