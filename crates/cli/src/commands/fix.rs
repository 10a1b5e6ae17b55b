//! `plimsoll fix`

use crate::fix::{self, Cured, Renamed, Risk, Stage, Standing};
use crate::{Outcome, compliance, engine, input, output};
use plimsoll_model::{Applicability, Finding, Location, ObjectChange, ObjectId, PatchOp};
use plimsoll_pod_security::{Level, Version};
use plimsoll_report::{Certificate, Certificates, LevelChange, Proof, SourceChange, SourceKind, Status};
use plimsoll_sources::trace::{Place, Renderer, Tracer};
use std::fmt::Write;

/// Cure findings: each with the smallest patch, proved by judging everything again.
///
/// A cure is kept only if its finding is gone, no other one came, the object is as valid as before, and no workload's
/// Pod Security level went down. What the manifest alone cannot decide is listed with the evidence that it needs, and
/// with the command that gathers it and with what it would do; --unsafe applies it nevertheless. Without --apply nothing
/// is written.
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
    breaking: bool,
    /// With --unsafe: also delete objects that refer to nothing which is in the input.
    #[arg(long, requires = "breaking", help_heading = "Fix")]
    delete: bool,
    /// `text`, or `json` with a certificate for every finding.
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"], conflicts_with = "diff", help_heading = "Output")]
    output: String,
    /// The Kubernetes version whose Pod Security Standards hold: v1.0 to v1.37, or latest.
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    kubernetes_version: Version,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut loaded = args.input.load()?;
    loaded.selection = args.checks.selection(&loaded, None)?;
    let judge = engine::Judge::Everything(args.kubernetes_version);
    let risk = match (args.delete, args.breaking) {
        (true, _) => Risk::Deleting,
        (false, true) => Risk::Breaking,
        (false, false) => Risk::None,
    };
    let may = |finding: &Finding| fix::wants(finding, risk);
    let cured = fix::cure(&mut loaded, judge, &may, risk < Risk::Deleting && !args.diff);
    let incomplete = output::complain_about(cured.report().problems.iter());
    if args.apply {
        cured.write()?;
    }
    let certificates = certificates(&cured, &may);
    let left = certificates.iter().any(|one| one.status != Status::Proved || one.elsewhere.is_some());
    let text = if args.diff {
        cured.diff()
    } else if args.output == "json" {
        let proved = certificates.iter().filter(|certificate| certificate.status == Status::Proved).count();
        let findings = certificates.len();
        serde_json::to_string_pretty(&Certificates { schema_version: 1, findings, proved, applied: args.apply, certificates })? + "\n"
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

fn certificates<'r>(cured: &'r Cured, may: &dyn Fn(&Finding) -> bool) -> Vec<Certificate<'r>> {
    let mut tracer = Tracer::default();
    let findings = cured.report().findings.iter().enumerate().filter(|(_, finding)| finding.is_open());
    let mut certificates: Vec<_> = findings.map(|(at, finding)| certificate(cured, at, finding, may, &mut tracer)).collect();
    certificates.sort_by_key(|one| (one.status, std::cmp::Reverse(one.severity), one.place.clone(), one.id, one.message));
    certificates
}

fn certificate<'r>(
    cured: &'r Cured,
    at: usize,
    finding: &'r Finding,
    may: &dyn Fn(&Finding) -> bool,
    tracer: &mut Tracer,
) -> Certificate<'r> {
    let object = &finding.subject.object;
    let cure = finding.remediation.as_ref();
    let is_concrete = cure.is_some_and(|cure| cure.is_concrete());
    let is_gone = |stage: &Stage| stage.gone.get(at).copied().unwrap_or(false);
    // What is not cured by what may be made, was tried to see what it would do.
    let (status, stage) = match &cured.tried {
        _ if is_gone(&cured.made) => (Status::Proved, Some(&cured.made)),
        _ if !is_concrete => (Status::NoPatch, None),
        Some(tried) if !may(finding) => (Status::NeedsEvidence, Some(tried)),
        None if !may(finding) => (Status::NeedsEvidence, None),
        _ => (Status::Refused, Some(&cured.made)),
    };
    let proof = stage.filter(|stage| is_gone(stage)).map(|stage| proof(finding, &cured.before, stage));
    let identity = fix::identity(finding, &Renamed::new());
    let why =
        stage.filter(|_| proof.is_none()).map(|stage| stage.refused.get(&identity).map_or("another cure was in the way", String::as_str));
    let asks = |what: Option<&'r str>| what.filter(|_| status == Status::NeedsEvidence);
    Certificate {
        id: &finding.rule.id,
        severity: finding.severity,
        message: &finding.message,
        kind: &object.kind,
        namespace: &object.namespace,
        name: &object.name,
        place: finding.location.as_ref().map(ToString::to_string),
        status,
        patch: cure.map_or(&[], |cure| &cure.patch),
        changes: cure.map_or(&[], |cure| &cure.changes),
        proof,
        why,
        needs: asks(cure.and_then(|cure| match &cure.applicability {
            Applicability::NeedsEvidence(what) => Some(&**what),
            Applicability::Safe => None,
        })),
        evidence_command: finding.evidence_command().filter(|_| matches!(status, Status::NeedsEvidence | Status::NoPatch)),
        advice: cure.map(|cure| &*cure.summary).filter(|_| status == Status::NoPatch),
        elsewhere: finding.location.as_ref().and_then(|place| fix::not_a_file(place.source.origin)),
        source: sources(cured, finding, tracer),
    }
}

/// Where a cure of a rendered object belongs.
fn sources(cured: &Cured, finding: &Finding, tracer: &mut Tracer) -> Vec<SourceChange> {
    let (Some(cure), Some(place)) = (&finding.remediation, &finding.location) else { return Vec::new() };
    let mut places = Vec::new();
    let mut trace = |place: &Location, id: &ObjectId, patch: Option<&[PatchOp]>| {
        let Some(document) = cured.rendered(place) else { return };
        let Some(object) = document.objects().0.into_iter().find(|object| object.id() == *id) else { return };
        match patch {
            Some(patch) => places.extend(tracer.places(&object, patch)),
            None => places.extend(tracer.deletion(&object)),
        }
    };
    if !cure.patch.is_empty() {
        trace(place, &finding.subject.object, Some(&cure.patch));
    }
    for change in &cure.changes {
        match change {
            ObjectChange::Patch { target, patch } => trace(&target.location, &target.object, Some(patch)),
            ObjectChange::Delete { target } => trace(&target.location, &target.object, None),
            ObjectChange::Create { .. } => {}
        }
    }
    for change in &cure.changes {
        if let ObjectChange::Create { object } = change {
            places.extend(tracer.creation(&place.source, &object.value()));
        }
    }
    let change = |place: Place| SourceChange {
        kind: match place.renderer {
            Renderer::Helm => SourceKind::Helm,
            Renderer::Kustomize => SourceKind::Kustomize,
        },
        file: place.file.display().to_string(),
        line: place.line,
        key: place.key,
        suggestion: place.suggestion,
    };
    places.into_iter().map(change).collect()
}

fn proof(finding: &Finding, before: &Standing, stage: &Stage) -> Proof {
    let who = fix::object_of(finding, &Renamed::new());
    let level = |standing: &Standing| standing.level(&who).map(Level::name);
    Proof {
        cleared: true,
        // A cure that leads to one is not kept.
        new_findings: 0,
        schema: stage.schema.get(&who).copied(),
        pod_security: level(before).zip(level(&stage.standing)).map(|(before, after)| LevelChange { before, after }),
    }
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
            let tried =
                one.proof.as_ref().filter(|_| one.status == Status::NeedsEvidence).map(|_| "it would clear the finding and add none");
            let more = [
                ("find out", one.needs),
                ("by", one.evidence_command.as_deref()),
                ("tried", tried),
                ("to do", one.advice),
                ("but", one.why),
                ("but", one.elsewhere),
            ];
            for (word, what) in more.into_iter().filter_map(|(word, what)| Some((word, what?))) {
                let _ = writeln!(text, "           {word}: {what}");
            }
            for place in &one.source {
                let line = if place.line == 0 { String::new() } else { format!(":{}", place.line) };
                let suggestion = place.suggestion.trim_end().replace('\n', "\n             ");
                let _ = writeln!(text, "           at {}{line}: {suggestion}", place.file);
            }
        }
    }
    let proved = certificates.iter().filter(|one| one.status == Status::Proved);
    let (here, there): (Vec<_>, Vec<_>) = proved.partition(|one| one.elsewhere.is_none());
    let (count, files) = (here.len(), cured.changed_files());
    if !there.is_empty() {
        let _ = writeln!(text, "{} findings can be cured where their objects come from", there.len());
    }
    let _ = if args.apply {
        writeln!(text, "cured {count} findings in {files} files")
    } else {
        writeln!(text, "{count} findings in {files} files can be cured; --apply writes them, --diff shows them")
    };
    text
}
