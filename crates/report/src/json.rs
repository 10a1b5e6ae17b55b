//! For programs: one document whose form is versioned and described by a schema.

use crate::Report;
use crate::lines::Members;
use crate::view::{Summary, groups, is_live};
use plimsoll_model::{
    Applicability, AppliedException, Finding, Framework, Location, ObjectChange, PatchOp, Problem, Rule, Score, Severity, Unknown,
};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Grows by one when something that a program may rely on changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// The JSON schema of the JSON output.
pub fn json_schema() -> serde_json::Value {
    schema_for!(Document<'static>).to_value()
}

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(report);
    let count = |wanted: Severity| summary.by_severity().find(|(severity, _)| *severity == wanted).map_or(0, |(_, count)| count);
    let references = References::of(report);
    let Document { schema_version, tool, targets, summary, findings, problems, rules, unknown, score, frameworks } = Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "plimsoll", version: env!("CARGO_PKG_VERSION") },
        targets: &report.targets,
        summary: Counts {
            sources: report.totals.sources,
            documents: report.totals.documents,
            objects: report.totals.objects,
            workloads: report.totals.workloads,
            represented: report.totals.represented,
            affected: summary.affected,
            open: BySeverity {
                critical: count(Severity::Critical),
                high: count(Severity::High),
                medium: count(Severity::Medium),
                low: count(Severity::Low),
                info: count(Severity::Info),
            },
            excepted: summary.excepted,
            safe_fixes: summary.safe,
            problems: summary.problems,
        },
        findings: groups(report).into_iter().flat_map(|group| group.findings).collect(),
        problems: &report.problems,
        rules: &report.rules,
        unknown: &report.unknown,
        score: report.score.as_ref(),
        frameworks: &report.frameworks,
    };
    let mut members = Members::open(out)?;
    members.value("schemaVersion", &schema_version)?;
    members.value("tool", &tool)?;
    members.value("targets", &targets)?;
    members.value("summary", &summary)?;
    members.list("findings", &findings, |finding| FindingView::of(finding, &references))?;
    members.list("problems", problems, ProblemView::of)?;
    members.list("rules", rules, |rule| RuleView::of(rule, &references))?;
    members.list("unknown", unknown, UnknownView::of)?;
    if let Some(score) = score {
        members.value("score", score)?;
    }
    members.list("frameworks", frameworks, |framework| framework)?;
    members.close()?;
    out.write_all(b"\n")
}

/// The result of a run of plimsoll.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Plimsoll report")]
struct Document<'r> {
    /// The version of this form.
    schema_version: u32,
    tool: Tool,
    /// The targets as given on the command line.
    targets: &'r [String],
    summary: Counts,
    /// Findings by object (namespace, kind, name), the heaviest first within.
    #[schemars(with = "Vec<FindingView<'_>>")]
    findings: Vec<&'r Finding>,
    /// What could not be read, and notes.
    #[schemars(with = "Vec<ProblemView<'_>>")]
    problems: &'r [Problem],
    /// All rules that ran.
    #[schemars(with = "Vec<RuleView<'_>>")]
    rules: &'r [Arc<Rule>],
    /// What could not be decided. It does not count as passed.
    #[schemars(with = "Vec<UnknownView<'_>>")]
    unknown: &'r [Unknown],
    /// From 0 to 100, with what was lost; absent if nothing was evaluated.
    #[schemars(default)]
    score: Option<&'r Score>,
    /// The frameworks that were asked for.
    frameworks: &'r [Framework],
}

/// Something that a check could not decide.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownView<'r> {
    /// The id of the rule.
    id: &'r str,
    api_version: &'r str,
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
    /// What would have to be read to know.
    missing: &'r str,
}

impl<'r> UnknownView<'r> {
    fn of(unknown: &'r Unknown) -> Self {
        let Unknown { rule, object, missing } = unknown;
        let plimsoll_model::ObjectId { namespace, kind, name, api_version } = object;
        Self { id: &rule.id, api_version, kind, namespace, name, missing }
    }
}

/// The program that wrote the report.
#[derive(Serialize, JsonSchema)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Counts over the whole run.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// Files, archive members, rendered outputs, pages of lists.
    sources: usize,
    /// YAML or JSON documents.
    documents: usize,
    /// Kubernetes objects.
    objects: usize,
    /// Workloads that were judged.
    workloads: usize,
    /// Pods that their controller, which was judged, speaks for.
    represented: usize,
    /// Objects with an open finding.
    affected: usize,
    /// Open findings.
    open: BySeverity,
    /// Findings that an exception covers.
    excepted: usize,
    /// Open findings whose cure may be applied as it is.
    safe_fixes: usize,
    /// Problems that make the result incomplete.
    problems: usize,
}

#[derive(Serialize, JsonSchema)]
struct BySeverity {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
    info: usize,
}

/// One thing that is wrong at one place.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FindingView<'r> {
    /// The id of its rule.
    id: &'r str,
    title: &'r str,
    severity: Severity,
    message: &'r str,
    subject: SubjectView<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<LocationView<'r>>,
    /// The facts that it rests on.
    evidence: &'r [String],
    /// Other objects that take part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedView<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<RemediationView<'r>>,
    /// The exception that covers it; then it does not count for the exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'r AppliedException>,
    #[schemars(with = "Vec<ReferenceView<'_>>")]
    references: Cow<'r, RawValue>,
}

/// Another object that takes part, and where.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RelatedView<'r> {
    api_version: &'r str,
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
    /// JSON pointer from the object's root.
    pointer: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<LocationView<'r>>,
}

/// What a finding is about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SubjectView<'r> {
    api_version: &'r str,
    kind: &'r str,
    /// Empty where the object names none.
    namespace: &'r str,
    name: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'r str>,
    /// JSON pointer (RFC 6901) from the object to the value that is wrong or missing.
    pointer: &'r str,
}

/// A place in a text. Lines and columns count from 1, columns in Unicode scalar values; bytes count from 0.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LocationView<'r> {
    file: &'r str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    byte_start: u32,
    byte_end: u32,
    /// Whether the text was served by an API server, so that the place is one in its JSON.
    live: bool,
}

/// A structured cure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RemediationView<'r> {
    summary: &'r str,
    /// `safe`: the manifest itself shows that the workload does not rely on what is taken away.
    applicability: ApplicabilityView,
    /// What has to be known first, where evidence is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'r str>,
    /// A command that gathers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_command: Option<String>,
    /// JSON Patch (RFC 6902) of the object.
    patch: &'r [PatchOp],
    /// What changes beside that: another object, a new one, one that goes.
    #[serde(skip_serializing_if = "<[ObjectChange]>::is_empty")]
    changes: &'r [ObjectChange],
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ApplicabilityView {
    Safe,
    NeedsEvidence,
}

/// Where the field asks for a rule.
#[derive(Serialize, JsonSchema)]
struct ReferenceView<'r> {
    system: &'r str,
    id: &'r str,
    url: &'r str,
}

/// Something that could not be read.
#[derive(Serialize, JsonSchema)]
struct ProblemView<'r> {
    kind: &'static str,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<LocationView<'r>>,
    /// What it is about where it has no place in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'r str>,
    /// Whether the result is incomplete because of it.
    error: bool,
}

/// A rule with its page.
#[derive(Serialize, JsonSchema)]
struct RuleView<'r> {
    id: &'r str,
    title: &'r str,
    severity: Severity,
    /// Markdown.
    docs: &'r str,
    #[schemars(with = "Vec<ReferenceView<'_>>")]
    references: Cow<'r, RawValue>,
}

impl<'r> FindingView<'r> {
    fn of(finding: &'r Finding, references: &'r References<'_>) -> Self {
        let Finding { rule, severity, message, subject, location, concealed: _, evidence, related, remediation, exception } = finding;
        let object = &subject.object;
        Self {
            id: &rule.id,
            title: &rule.title,
            severity: *severity,
            message,
            subject: SubjectView {
                api_version: &object.api_version,
                kind: &object.kind,
                namespace: &object.namespace,
                name: &object.name,
                container: subject.container(),
                image: subject.image(),
                pointer: &subject.pointer,
            },
            location: location.as_ref().map(|location| LocationView::of(location, is_live(finding))),
            evidence,
            related: related
                .iter()
                .map(|one| RelatedView {
                    api_version: &one.object.api_version,
                    kind: &one.object.kind,
                    namespace: &one.object.namespace,
                    name: &one.object.name,
                    pointer: &one.pointer,
                    location: one.location.as_ref().map(|location| LocationView::of(location, is_live(finding))),
                })
                .collect(),
            remediation: remediation.as_ref().map(|cure| {
                let (applicability, needs) = match &cure.applicability {
                    Applicability::Safe => (ApplicabilityView::Safe, None),
                    Applicability::NeedsEvidence(what) => (ApplicabilityView::NeedsEvidence, Some(&**what)),
                };
                RemediationView {
                    summary: &cure.summary,
                    applicability,
                    needs,
                    evidence_command: finding.evidence_command(),
                    patch: &cure.patch,
                    changes: &cure.changes,
                }
            }),
            exception: exception.as_deref(),
            references: references.get(rule),
        }
    }
}

impl<'r> LocationView<'r> {
    fn of(location: &'r Location, live: bool) -> Self {
        let (start, end) = (location.start(), location.end());
        Self {
            file: &location.source.name,
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            byte_start: location.span.start,
            byte_end: location.span.end,
            live,
        }
    }
}

impl<'r> ProblemView<'r> {
    fn of(problem: &'r Problem) -> Self {
        Self {
            kind: problem.kind.name(),
            message: &problem.message,
            help: problem.help.as_deref(),
            location: problem.location.as_ref().map(|location| LocationView::of(location, false)),
            target: problem.target.as_deref(),
            error: problem.kind.is_error(),
        }
    }
}

impl<'r> RuleView<'r> {
    fn of(rule: &'r Rule, references: &'r References<'_>) -> Self {
        Self { id: &rule.id, title: &rule.title, severity: rule.severity, docs: &rule.docs, references: references.get(rule) }
    }
}

/// The references of each rule as JSON: every finding of it repeats them.
struct References<'r>(HashMap<&'r str, Box<RawValue>>);

impl<'r> References<'r> {
    fn of(report: &'r Report) -> Self {
        Self(report.rules.iter().map(|rule| (&*rule.id, Self::json(rule))).collect())
    }

    fn get(&self, rule: &Rule) -> Cow<'_, RawValue> {
        self.0.get(&*rule.id).map_or_else(|| Cow::Owned(Self::json(rule)), |json| Cow::Borrowed(&**json))
    }

    fn json(rule: &Rule) -> Box<RawValue> {
        let view: Vec<_> = rule.references.iter().map(|one| ReferenceView { system: one.system, id: one.id, url: one.url }).collect();
        serde_json::value::to_raw_value(&view).unwrap_or_default()
    }
}
