//! `--fix`: cures written into the files that they were found in, each one proved before it is written.
//!
//! A cure is made in the text, the text is read and judged again, and it is kept only if the finding is gone and no
//! other one came. What is not a file, or is shared by an anchor, is left alone and said.

use crate::engine::{self, Judge};
use crate::input::Loaded;
use crate::{Outcome, output};
use anyhow::Context;
use plimsoll_model::edit::{self, TextEdit};
use plimsoll_model::{Applicability, Document, Finding, Limits, Object, ObjectId, Origin, PatchOp, Snapshot, Source, parse};
use plimsoll_report::Report;
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
}

/// What became of the findings.
pub(crate) struct Cured {
    pub(crate) before: Report,
    pub(crate) after: Report,
    /// Files that changed: name, text before, text after.
    files: Vec<(String, String, String)>,
    /// What was not done, and why.
    pub(crate) refused: Vec<String>,
}

/// Cures in memory what is asked for. Nothing is written.
pub(crate) fn cure(loaded: &mut Loaded, judge: Judge, wants: &dyn Fn(&Finding) -> bool) -> Cured {
    let before = engine::run(loaded, judge);
    let originals: BTreeMap<String, String> = files(&loaded.snapshot);
    let mut refused = Vec::new();
    for _ in 0..ROUNDS {
        refused.clear();
        if round(loaded, judge, wants, &mut refused) == 0 {
            break;
        }
    }
    refused.sort();
    refused.dedup();
    let changed = files(&loaded.snapshot).into_iter().filter_map(|(name, text)| {
        let original = originals.get(&name).filter(|original| **original != text)?.clone();
        Some((name, original, text))
    });
    Cured { files: changed.collect(), after: engine::run(loaded, judge), before, refused }
}

impl Cured {
    /// How many files would change.
    pub(crate) fn changed_files(&self) -> usize {
        self.files.len()
    }

    /// How many findings went away.
    pub(crate) fn count(&self) -> usize {
        let open = |report: &Report| report.findings.iter().filter(|finding| finding.is_open()).count();
        open(&self.before).saturating_sub(open(&self.after))
    }

    /// The changes as a unified diff.
    pub(crate) fn diff(&self) -> String {
        self.files.iter().map(|(name, before, after)| edit::diff(name, before, after)).collect()
    }

    /// Writes the changed files.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        self.files.iter().try_for_each(|(name, _, text)| write(name, text))
    }
}

/// `scan --fix` and `scan --diff`.
pub(crate) fn run(args: &Args, mut loaded: Loaded, judge: Judge, out: &output::Args) -> anyhow::Result<Outcome> {
    let cured = cure(&mut loaded, judge, &|finding| wants(finding, args.unsafe_fixes));
    for line in &cured.refused {
        output::complain(&format!("not fixed: {line}"));
    }
    let (fixed, changed) = (cured.count(), cured.changed_files());
    if args.diff {
        output::print(cured.diff().as_bytes())?;
        output::complain(&format!("--fix would cure {fixed} findings in {changed} files"));
        return Ok(out.judge(&cured.before));
    }
    cured.write()?;
    output::complain(&format!("cured {fixed} findings in {changed} files"));
    out.write(&cured.after)
}

/// Whether a finding has a cure that may be applied; `all` includes those that may break a workload.
pub(crate) fn wants(finding: &Finding, all: bool) -> bool {
    let cure = finding.remediation.as_ref().filter(|cure| !cure.patch.is_empty() && finding.is_open());
    cure.is_some_and(|cure| all || cure.applicability == Applicability::Safe)
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
fn round(loaded: &mut Loaded, judge: Judge, wants: &dyn Fn(&Finding) -> bool, refused: &mut Vec<String>) -> usize {
    let before = engine::run(loaded, judge);
    let mut by_source: BTreeMap<String, (Arc<Source>, Vec<&Finding>)> = BTreeMap::new();
    for finding in before.findings.iter().filter(|finding| wants(finding)) {
        let Some(location) = &finding.location else { continue };
        by_source.entry(location.source.name.clone()).or_insert_with(|| (Arc::clone(&location.source), Vec::new())).1.push(finding);
    }
    let mut changes = Vec::new();
    for (name, (source, findings)) in by_source {
        if let Some(why) = not_a_file(source.origin) {
            refused.push(format!("{name}: {} of its findings: {why}", findings.len()));
            continue;
        }
        let documents: Vec<&Document> =
            loaded.snapshot.documents.iter().filter(|document| Arc::ptr_eq(&document.source, &source)).collect();
        let edits = edits(&documents, &findings, refused);
        let Some(text) = edit::apply(&source.text, &edits).filter(|_| !edits.is_empty()) else { continue };
        changes.push((name, text));
    }
    keep_proved(loaded, judge, &before, changes, refused)
}

/// Makes the changes, judges everything again, and takes back those that do not prove themselves.
fn keep_proved(loaded: &mut Loaded, judge: Judge, before: &Report, mut changes: Vec<(String, String)>, refused: &mut Vec<String>) -> usize {
    // All at once is the common case; what a round takes back, the next one does without.
    while !changes.is_empty() {
        let originals: Vec<Vec<Document>> = changes.iter().map(|(name, text)| replace(loaded, name, text)).collect();
        let after = engine::run(loaded, judge);
        let guilty = guilty(before, &after, &changes);
        if guilty.is_empty() {
            return changes.len();
        }
        for ((name, _), documents) in changes.iter().zip(originals) {
            put_back(loaded, name, documents);
        }
        changes.retain(|(name, _)| !guilty.contains_key(name));
        refused.extend(guilty.into_iter().map(|(name, why)| format!("{name}: {why}")));
    }
    0
}

/// The changed files that are worse than before, or no better, and why.
fn guilty(before: &Report, after: &Report, changes: &[(String, String)]) -> BTreeMap<String, String> {
    let mut guilty = BTreeMap::new();
    let known = counts(before);
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    let fallback = changes.first().map_or("", |(name, _)| name);
    let changed = |name: &str| changes.iter().any(|(changed, _)| changed == name);
    for finding in &after.findings {
        let count = seen.entry(key(finding)).or_default();
        *count += 1;
        if *count > known.get(&key(finding)).copied().unwrap_or(0) {
            // A change may lead to a finding elsewhere: then the changes are looked at one after the other.
            let file = file(finding).filter(|name| changed(name)).unwrap_or(fallback);
            guilty.insert(file.to_owned(), format!("the change would lead to another finding: {}", finding.message));
        }
    }
    let in_file = |report: &Report, name: &str| report.findings.iter().filter(|finding| file(finding) == Some(name)).count();
    let broken = |report: &Report, name: &str| {
        let here = |problem: &&plimsoll_model::Problem| problem.location.as_ref().is_some_and(|place| place.source.name == name);
        report.problems.iter().filter(here).filter(|problem| problem.kind.is_error()).count()
    };
    if !guilty.is_empty() {
        return guilty;
    }
    for (name, _) in changes {
        if broken(after, name) > broken(before, name) {
            guilty.insert(name.clone(), "the changed text would not be valid".to_owned());
        } else if in_file(after, name) >= in_file(before, name) {
            guilty.insert(name.clone(), "the change would not cure anything".to_owned());
        }
    }
    guilty
}

pub(crate) type Key<'f> = (&'f str, &'f ObjectId);

/// What a finding is about, apart from places, which move when text changes.
pub(crate) fn key(finding: &Finding) -> Key<'_> {
    (&finding.rule.id, &finding.subject.object)
}

fn counts(report: &Report) -> BTreeMap<Key<'_>, usize> {
    let mut counts = BTreeMap::new();
    for finding in &report.findings {
        *counts.entry(key(finding)).or_default() += 1;
    }
    counts
}

fn file(finding: &Finding) -> Option<&str> {
    finding.location.as_ref().map(|place| place.source.name.as_str())
}

/// Why nothing can be written back to a source, and what to do.
pub(crate) fn not_a_file(origin: Origin) -> Option<&'static str> {
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

/// Puts `text` in the place of a file's documents, and gives these back.
fn replace(loaded: &mut Loaded, name: &str, text: &str) -> Vec<Document> {
    put_back(loaded, name, parse(&Source::new(name, Origin::File, text), Limits::default()).0)
}

/// Puts `new` in the place of a file's documents, and gives these back.
fn put_back(loaded: &mut Loaded, name: &str, new: Vec<Document>) -> Vec<Document> {
    let documents = &mut loaded.snapshot.documents;
    let is_it = |document: &Document| document.source.name == name && document.source.origin == Origin::File;
    let start = documents.iter().position(is_it).unwrap_or(documents.len());
    let count = documents.iter().skip(start).take_while(|document| is_it(document)).count();
    documents.splice(start..start + count, new).collect()
}
