//! Certificates: what became of each finding that `plimsoll fix` looked at, and what was proved. Plain data, for its JSON.

use plimsoll_model::{ObjectChange, PatchOp, Severity};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

/// The result of a run of `plimsoll fix`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Plimsoll certificates")]
pub struct Certificates<'r> {
    /// The version of this form.
    pub schema_version: u32,
    /// How many findings there were.
    pub findings: usize,
    /// How many of them are cured, and proved to be.
    pub proved: usize,
    /// Whether the files were changed.
    pub applied: bool,
    /// One for each finding.
    pub certificates: Vec<Certificate<'r>>,
}

/// What became of one finding.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate<'r> {
    /// The check.
    pub id: &'r str,
    /// How bad the finding is.
    pub severity: Severity,
    /// What is wrong.
    pub message: &'r str,
    /// The object's kind.
    pub kind: &'r str,
    /// The object's namespace; absent where it names none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: &'r str,
    /// The object's name.
    pub name: &'r str,
    /// `file:line:column`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What became of it.
    pub status: Status,
    /// JSON Patch (RFC 6902) of the object.
    #[serde(skip_serializing_if = "<[PatchOp]>::is_empty")]
    pub patch: &'r [PatchOp],
    /// What changes beside that: another object, a new one, one that goes.
    #[serde(skip_serializing_if = "<[ObjectChange]>::is_empty")]
    pub changes: &'r [ObjectChange],
    /// What was proved by making the cure and judging everything again. Where evidence is needed, it is what the cure would
    /// do, and nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Why the cure was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'r str>,
    /// What has to be known first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<&'r str>,
    /// A command that gathers it, or what a person needs to choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_command: Option<String>,
    /// What a person has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'r str>,
    /// Why the change has to be made elsewhere, and where in general.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'r str>,
    /// The places to change where the object was rendered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<SourceChange>,
}

/// What became of a finding.
#[derive(Debug, Serialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Cured, and proved to be.
    Proved,
    /// There is a patch, and what the manifest does not say decides whether it may be made.
    NeedsEvidence,
    /// There is a patch, and it could not be made or did not prove itself.
    Refused,
    /// A person has to choose.
    NoPatch,
}

/// What judging everything again has shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The finding is gone.
    pub cleared: bool,
    /// Findings of any check on any object that were not there before.
    pub new_findings: usize,
    /// Whether the object fits the type of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// The strictest Pod Security level that the workload meets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<LevelChange>,
}

/// Whether an object fits the type of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schema {
    /// It does.
    Valid,
    /// It does not, and did not before, in the same places.
    NotValidAsBefore,
    /// No type is known for its kind.
    NoSchemaKnown,
}

/// A Pod Security level before and after.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LevelChange {
    /// The level before.
    pub before: &'static str,
    /// The level after; never lower.
    pub after: &'static str,
}

/// A place in a chart or overlay that a cure of a rendered object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceChange {
    /// What renders it.
    pub kind: SourceKind,
    /// The file to change.
    pub file: String,
    /// The line in it, from 1; 0 where the file or the place is to be made.
    pub line: u32,
    /// The key in the values that the template reads there, as `a.b.c`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What to write.
    pub suggestion: String,
}

/// What renders objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A chart.
    Helm,
    /// A kustomization.
    Kustomize,
}

/// The JSON schema of [`Certificates`].
pub fn certificates_schema() -> serde_json::Value {
    schema_for!(Certificates<'static>).to_value()
}
