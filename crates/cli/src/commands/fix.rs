//! `plimsoll fix`

use crate::fix::{self, Cured};
use crate::input::Loaded;
use crate::{Outcome, compliance, engine, input, output};
use plimsoll_model::{Applicability, Finding, Inventory, ObjectId, PatchOp, Severity};
use plimsoll_pod_security::{Level, Version, strictest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Cure findings: each with the smallest patch, proved by judging everything again.
///
/// A cure is kept only if its finding is gone, no other one came, the object is as valid as before, and no workload's
/// Pod Security level went down. What the manifest alone cannot decide is listed with the evidence that it needs, and
/// with the command that gathers it; --unsafe applies it nevertheless. Without --apply nothing is written.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    checks: compliance::Args,
    /// Write the cures into the files, keeping comments and layout.
    #[arg(long, conflicts_with = "diff", help_heading = "Fix")]
    apply: bool,
    /// Show the changes as a unified diff.
    #[arg(long, help_heading = "Fix")]
    diff: bool,
    /// Also the cures that may break a workload. Look at each of them.
    #[arg(long = "unsafe", help_heading = "Fix")]
    all: bool,
    /// `text`, or `json` with a certificate for every finding.
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"], conflicts_with = "diff", help_heading = "Output")]
    output: String,
    /// The Kubernetes version whose Pod Security Standards hold: v1.0 to v1.37, or latest.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    kubernetes_version: Version,
}

/// What became of one finding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate<'r> {
    /// The check.
    id: &'r str,
    severity: Severity,
    message: &'r str,
    kind: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'r str,
    name: &'r str,
    /// `file:line:column`
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    status: Status,
    /// JSON Patch (RFC 6902) of the object.
    #[serde(skip_serializing_if = "<[PatchOp]>::is_empty")]
    patch: &'r [PatchOp],
    /// What was proved; only where the status is `proved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    /// What has to be known first.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'r str>,
    /// A command that gathers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_command: Option<&'r str>,
    /// What a person has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'r str>,
    /// Where a change has to be made if not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<&'static str>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// Cured, and proved to be.
    Proved,
    /// There is a patch, and it may break the workload.
    NeedsEvidence,
    /// There is a patch, and it could not be made here or did not prove itself.
    Refused,
    /// A person has to choose.
    NoPatch,
}

/// What judging everything again has shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    /// The finding is gone.
    cleared: bool,
    /// Findings of the object that were not there before.
    new_findings: usize,
    /// The strictest Pod Security level that the workload meets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_security: Option<Change>,
}

#[derive(Serialize)]
struct Change {
    before: &'static str,
    after: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    schema_version: u32,
    findings: usize,
    proved: usize,
    applied: bool,
    certificates: Vec<Certificate<'r>>,
    /// What was in the way, by file.
    refused: &'r [String],
}

type Levels = BTreeMap<ObjectId, Level>;

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut loaded = args.input.load()?;
    loaded.selection = args.checks.selection(&loaded)?;
    let judge = engine::Judge::Everything(args.kubernetes_version);
    let levels_before = levels(&loaded, args.kubernetes_version);
    let cured = fix::cure(&mut loaded, judge, &|finding| fix::wants(finding, args.all));
    let levels_after = levels(&loaded, args.kubernetes_version);
    let incomplete = output::complain_about(cured.before.problems.iter());
    if args.apply {
        cured.write()?;
    }
    let certificates = certificates(&cured, &levels_before, &levels_after, args.all);
    let left = certificates.iter().any(|certificate| certificate.status != Status::Proved);
    let text = if args.diff {
        cured.diff()
    } else if args.output == "json" {
        let proved = certificates.iter().filter(|certificate| certificate.status == Status::Proved).count();
        let (findings, refused) = (certificates.len(), cured.refused.as_slice());
        serde_json::to_string_pretty(&Document { schema_version: 1, findings, proved, applied: args.apply, certificates, refused })? + "\n"
    } else {
        text(&certificates, &cured, args)
    };
    output::print(text.as_bytes())?;
    Ok(match (incomplete, left) {
        (true, _) => Outcome::Incomplete,
        (false, true) => Outcome::Findings,
        (false, false) => Outcome::Clean,
    })
}

/// The strictest level that each workload meets.
fn levels(loaded: &Loaded, version: Version) -> Levels {
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    inventory.own_workloads().map(|workload| (workload.object.id(), strictest(&workload.pod, version))).collect()
}

fn certificates<'r>(cured: &'r Cured, before: &Levels, after: &Levels, all: bool) -> Vec<Certificate<'r>> {
    // A finding is gone if its object has fewer of its rule with its message.
    let identity = |finding: &'r Finding| (fix::key(finding), finding.subject.container.as_deref(), finding.message.as_str());
    let mut left: BTreeMap<_, usize> = BTreeMap::new();
    let mut rules: BTreeMap<_, usize> = BTreeMap::new();
    for finding in cured.after.findings.iter().filter(|finding| finding.is_open()) {
        *left.entry(identity(finding)).or_default() += 1;
        *rules.entry(fix::key(finding)).or_default() += 1;
    }
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for finding in cured.before.findings.iter().filter(|finding| finding.is_open()) {
        *known.entry(fix::key(finding)).or_default() += 1;
    }
    let one = |finding: &'r Finding| {
        let object = &finding.subject.object;
        let cure = finding.remediation.as_ref();
        let patch = cure.map_or(&[][..], |cure| &cure.patch);
        let remains = left.get_mut(&identity(finding)).filter(|count| **count > 0);
        let needs = cure.and_then(|cure| match &cure.applicability {
            Applicability::NeedsEvidence(what) if !patch.is_empty() => Some(&**what),
            _ => None,
        });
        let status = match remains {
            None => Status::Proved,
            Some(count) => {
                *count -= 1;
                match needs {
                    _ if patch.is_empty() => Status::NoPatch,
                    Some(_) if !all => Status::NeedsEvidence,
                    _ => Status::Refused,
                }
            }
        };
        let level = |levels: &Levels| levels.get(&**object).map(|level| level.name());
        let count = |counts: &BTreeMap<fix::Key<'_>, usize>| counts.get(&fix::key(finding)).copied().unwrap_or(0);
        Certificate {
            id: &finding.rule.id,
            severity: finding.severity,
            message: &finding.message,
            kind: &object.kind,
            namespace: &object.namespace,
            name: &object.name,
            place: finding.location.as_ref().map(ToString::to_string),
            status,
            patch,
            proof: (status == Status::Proved).then(|| Proof {
                cleared: true,
                new_findings: count(&rules).saturating_sub(count(&known)),
                pod_security: level(before).zip(level(after)).map(|(before, after)| Change { before, after }),
            }),
            needs: needs.filter(|_| status == Status::NeedsEvidence),
            evidence_command: cure.and_then(|cure| cure.evidence_command.as_deref()).filter(|_| status == Status::NeedsEvidence),
            advice: cure.map(|cure| &*cure.summary).filter(|_| status == Status::NoPatch),
            elsewhere: finding.location.as_ref().and_then(|place| fix::not_a_file(place.source.origin)),
        }
    };
    let mut certificates: Vec<_> = cured.before.findings.iter().filter(|finding| finding.is_open()).map(one).collect();
    certificates.sort_by_key(|one| (one.status, std::cmp::Reverse(one.severity), one.place.clone(), one.id, one.message));
    certificates
}

// Writing to a string does not fail.
fn text(certificates: &[Certificate<'_>], cured: &Cured, args: &Args) -> String {
    let mut text = String::new();
    for same in certificates.chunk_by(|a, b| a.status == b.status) {
        let Some(first) = same.first() else { continue };
        let title = match first.status {
            Status::Proved if args.apply => "cured and proved",
            Status::Proved => "can be cured, proved",
            Status::NeedsEvidence => "needs evidence",
            Status::Refused => "not cured",
            Status::NoPatch => "needs a decision",
        };
        let _ = writeln!(text, "{title}: {}", same.len());
        for one in same {
            let place = one.place.as_deref().unwrap_or("");
            let _ = writeln!(text, "  {:<8} {}  {place}  {} {}: {}", one.severity.name(), one.id, one.kind, one.name, one.message);
            let more = [("find out", one.needs), ("by", one.evidence_command), ("to do", one.advice), ("but", one.elsewhere)];
            for (word, what) in more.into_iter().filter_map(|(word, what)| Some((word, what?))) {
                let _ = writeln!(text, "           {word}: {what}");
            }
        }
    }
    for line in &cured.refused {
        let _ = writeln!(text, "in the way: {line}");
    }
    let (count, files) = (cured.count(), cured.changed_files());
    let _ = if args.apply {
        writeln!(text, "cured {count} findings in {files} files")
    } else {
        writeln!(text, "{count} findings in {files} files can be cured; --apply writes them, --diff shows them")
    };
    text
}
