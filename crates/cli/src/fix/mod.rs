//! Cures written into the files that they were found in, each one proved before it is written.
//!
//! A cure is made in the text, everything is read and judged again, and it is kept only if its finding is gone, no other
//! one came, the object still fits its type, and no workload came down to a lower Pod Security level. What is no file is
//! proved all the same, and not written.

mod prove;
mod standing;
mod text;

pub(crate) use standing::{Renamed, Standing, identity, object_of};

use crate::engine::Judge;
use crate::input::Loaded;
use crate::{Outcome, output};
use anyhow::Context;
use plimsoll_model::{
    Applicability, Document, Finding, Limits, Location, ObjectChange, Origin, Remediation, Snapshot, Source, edit, parse,
};
use plimsoll_report::{Report, Schema};
use prove::Bench;
use std::collections::BTreeMap;
use std::rc::Rc;
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
    pub(crate) before: Rc<Standing>,
    /// The rendered documents as they were: what is changed is where they came from.
    rendered: Vec<Document>,
    /// With the cures made that may be made.
    pub(crate) made: Stage,
    /// With all others made too, to see what they would do. Nothing of it is written.
    pub(crate) tried: Option<Stage>,
    /// Files that change: name, text before, text after. No text is no file.
    files: Vec<(String, Option<String>, Option<String>)>,
}

/// How things stand after some cures.
pub(crate) struct Stage {
    pub(crate) standing: Rc<Standing>,
    /// For each finding of [`Cured::before`], in order, whether it is gone.
    pub(crate) gone: Vec<bool>,
    /// Why a cure was not made, by the identity of its finding.
    pub(crate) refused: BTreeMap<String, String>,
    /// Whether the changed objects fit their types, by object.
    pub(crate) schema: BTreeMap<String, Schema>,
}

/// Cures in memory what `may` be cured, then, if `tries`, all the rest, to see. Nothing is written.
pub(crate) fn cure(loaded: &mut Loaded, judge: Judge, may: &dyn Fn(&Finding) -> bool, tries: bool) -> Cured {
    let originals = files(&loaded.snapshot);
    let mut rendered: BTreeMap<&str, &Arc<Source>> = BTreeMap::new();
    for document in loaded.snapshot.documents.iter().filter(|document| document.source.origin == Origin::Rendered) {
        rendered.insert(&document.source.name, &document.source);
    }
    let rendered = rendered.into_values().flat_map(|source| parse(source, Limits::default()).0).collect();
    let mut bench = Bench::new(loaded, judge);
    let before = bench.standing();
    bench.cure(may);
    let made = bench.stage(&before);
    let texts = files(bench.snapshot());
    let tried = tries.then(|| {
        bench.cure(&|finding| finding.is_open() && wants(finding, Risk::Deleting));
        bench.stage(&before)
    });
    let mut changed = Vec::new();
    for (name, text) in &originals {
        let after = texts.get(name);
        if after != Some(text) {
            changed.push((name.clone(), Some(text.clone()), after.cloned()));
        }
    }
    changed.extend(texts.into_iter().filter(|(name, _)| !originals.contains_key(name)).map(|(name, text)| (name, None, Some(text))));
    Cured { before, rendered, made, tried, files: changed }
}

impl Cured {
    pub(crate) fn report(&self) -> &Report {
        &self.before.report
    }

    /// The document of a place, if it was rendered.
    pub(crate) fn rendered(&self, place: &Location) -> Option<&Document> {
        let holds = |document: &&Document| document.root().is_some_and(|root| root.span().contains(place.span.start));
        self.rendered.iter().filter(|document| document.source.name == place.source.name).find(holds)
    }

    /// How many files would change.
    pub(crate) fn changed_files(&self) -> usize {
        self.files.len()
    }

    /// How many findings went away.
    pub(crate) fn count(&self) -> usize {
        let open = |report: &Report| report.findings.iter().filter(|finding| finding.is_open()).count();
        open(&self.before.report).saturating_sub(open(&self.made.standing.report))
    }

    /// The changes as a unified diff.
    pub(crate) fn diff(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.files.iter().map(|(name, before, after)| edit::diff(name, &text(before), &text(after))).collect()
    }

    /// Writes the changed files.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        // Whatever stands there was not read, and is not for us to overwrite.
        for (name, ..) in self.files.iter().filter(|(_, before, _)| before.is_none()) {
            anyhow::ensure!(!std::path::Path::new(name).exists(), "{name} is there already, and a cure would make it; nothing was written");
        }
        self.files.iter().try_for_each(|(name, before, after)| write(name, before.is_some(), after.as_deref()))
    }
}

/// `scan --fix` and `scan --diff`.
pub(crate) fn run(args: &Args, mut loaded: Loaded, judge: Judge, out: &output::Args) -> anyhow::Result<Outcome> {
    let in_file = |finding: &Finding| finding.location.as_ref().is_none_or(|place| place.source.origin == Origin::File);
    // Objects are deleted by `plimsoll fix` alone.
    let risk = if args.unsafe_fixes { Risk::Breaking } else { Risk::None };
    let may = |finding: &Finding| wants(finding, risk);
    let cured = cure(&mut loaded, judge, &|finding| may(finding) && in_file(finding), false);
    let mut elsewhere: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for finding in cured.report().findings.iter().filter(|finding| may(finding)) {
        let Some(place) = &finding.location else { continue };
        if let Some(why) = not_a_file(place.source.origin) {
            elsewhere.entry(place.source.name.clone()).or_insert((0, why)).0 += 1;
        }
    }
    let mut lines: Vec<String> = cured.made.refused.values().cloned().collect();
    lines.extend(elsewhere.into_iter().map(|(name, (count, why))| format!("{name}: {count} of its findings: {why}")));
    lines.sort();
    lines.dedup();
    for line in lines {
        output::complain(&format!("not fixed: {line}"));
    }
    let (fixed, changed) = (cured.count(), cured.changed_files());
    if args.diff {
        output::print(cured.diff().as_bytes())?;
        output::complain(&format!("--fix would cure {fixed} findings in {changed} files"));
        return Ok(out.judge(cured.report()));
    }
    cured.write()?;
    output::complain(&format!("cured {fixed} findings in {changed} files"));
    out.write(&cured.made.standing.report)
}

/// What the user takes upon themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Risk {
    /// Nothing: cures that the manifests show to be harmless.
    None,
    /// That a workload may break.
    Breaking,
    /// That an object goes, on the strength of what happens to be in the input.
    Deleting,
}

/// Whether a finding has a cure that may be applied at this risk.
pub(crate) fn wants(finding: &Finding, risk: Risk) -> bool {
    let cure = finding.remediation.as_ref().filter(|cure| cure.is_concrete() && finding.is_open());
    let asks = |cure: &Remediation| match cure.applicability {
        _ if cure.changes.iter().any(|change| matches!(change, ObjectChange::Delete { .. })) => Risk::Deleting,
        Applicability::Safe => Risk::None,
        Applicability::NeedsEvidence(_) => Risk::Breaking,
    };
    cure.is_some_and(|cure| asks(cure) <= risk)
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

/// The text of each file of the snapshot.
fn files(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let files = snapshot.documents.iter().map(|document| &document.source).filter(|source| source.origin == Origin::File);
    files.map(|source| (source.name.clone(), source.text.clone())).collect()
}

fn write(name: &str, is_there: bool, text: Option<&str>) -> anyhow::Result<()> {
    let place = || format!("cannot write {name}");
    let Some(text) = text else { return std::fs::remove_file(name).with_context(|| format!("cannot remove {name}")) };
    if !is_there {
        let mut file = std::fs::File::create_new(name).with_context(place)?;
        return std::io::Write::write_all(&mut file, text.as_bytes()).with_context(place);
    }
    // The reader drops a byte order mark; the file keeps it.
    let mark = std::fs::read(name).with_context(place)?.starts_with("\u{feff}".as_bytes());
    std::fs::write(name, if mark { format!("\u{feff}{text}") } else { text.to_owned() }).with_context(place)
}
