//! Findings: the only currency between the engines and the outputs.

use crate::{Location, ObjectId, shell_word};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How bad a finding is. The order is by weight, so `severity >= Severity::High` reads as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Hardening that rarely matters alone.
    Low,
    /// Hardening that is expected of every workload.
    Medium,
    /// A way towards the node or another tenant.
    High,
    /// The node, or the cluster, is one step away.
    Critical,
}

/// What is looked for: one page of documentation, one entry in SARIF `rules[]`, one id to except.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Stable, unique, never used again for something else.
    pub id: Cow<'static, str>,
    /// A few words, without a full stop.
    pub title: Cow<'static, str>,
    /// The severity of its findings unless the configuration or the finding says otherwise.
    pub severity: Severity,
    /// The page: Markdown with the sections *What it detects*, *Why it matters*, *How to fix*.
    pub docs: Cow<'static, str>,
    /// Where the field asks for it.
    pub references: Cow<'static, [Reference]>,
}

/// An entry of a standard, benchmark or database that asks for a rule or knows a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `PSS`, `CIS`, `NSA`, `MITRE`, `CVE`, `KEP`, `docs`.
    pub system: &'static str,
    /// The entry's identifier in that system.
    pub id: &'static str,
    /// Where to read it.
    pub url: &'static str,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The object as Kubernetes names it.
    pub object: Arc<ObjectId>,
    /// The container, where the finding is about one.
    pub container: Option<Arc<ContainerId>>,
    /// JSON pointer (RFC 6901) from the object's root to the value that is wrong or missing.
    pub pointer: String,
}

/// What a container is called. All findings about it share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerId {
    /// Its name.
    pub name: String,
    /// Its image reference; empty where it has none.
    pub image: String,
}

impl Subject {
    /// The container's name, where it is about one.
    pub fn container(&self) -> Option<&str> {
        self.container.as_ref().map(|container| container.name.as_str())
    }

    /// The container's image reference, where it is about one that has one.
    pub fn image(&self) -> Option<&str> {
        self.container.as_ref().map(|container| container.image.as_str()).filter(|image| !image.is_empty())
    }
}

/// One thing that is wrong at one place, with what was seen and what cures it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was looked for.
    pub rule: Arc<Rule>,
    /// The severity here: the rule's own, or raised by what the finding knows of its place.
    pub severity: Severity,
    /// What is wrong here, as one sentence without a full stop.
    pub message: String,
    /// What it is about.
    pub subject: Subject,
    /// Where it stands. For a value that is missing, the place that it should stand in.
    pub location: Option<Location>,
    /// Whether the value there is a secret: reports leave it out of the text that they show.
    pub concealed: bool,
    /// The facts that it rests on, one sentence each.
    pub evidence: Vec<String>,
    /// Other objects that take part: the Service that exposes a workload, the role that a binding grants.
    pub related: Vec<Related>,
    /// What cures it, where that is mechanical.
    pub remediation: Option<Box<Remediation>>,
    /// The exception that covers it. An excepted finding stays visible and does not count for the exit status.
    pub exception: Option<Arc<AppliedException>>,
}

/// Another object that takes part in a finding, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// The object as Kubernetes names it.
    pub object: Arc<ObjectId>,
    /// JSON pointer from the object's root.
    pub pointer: String,
    /// Where it stands.
    pub location: Option<Location>,
}

/// A structured cure.
#[derive(Debug, Clone, PartialEq)]
pub struct Remediation {
    /// What to do, in the imperative.
    pub summary: Cow<'static, str>,
    /// The smallest patch of the object that clears the finding.
    pub patch: Vec<PatchOp>,
    /// What changes beside that: another object, a new one, one that goes.
    pub changes: Vec<ObjectChange>,
    /// Whether it may be applied without looking at what the workload does.
    pub applicability: Applicability,
    /// What to run to gather the evidence, where that is one command; see [`Finding::evidence_command`].
    pub evidence: Option<EvidenceCommand>,
}

/// A command that gathers evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceCommand {
    /// Run in the container that the finding is about.
    InContainer(&'static str),
    /// A whole command.
    Whole(String),
}

/// What a cure does to an object as a whole, or to another one than the finding is about.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum ObjectChange {
    /// Creates an object that is missing.
    Create {
        /// The whole object.
        object: JsonText,
    },
    /// Changes another object.
    Patch {
        /// Which.
        target: Target,
        /// JSON Patch (RFC 6902) of it.
        patch: Vec<PatchOp>,
    },
    /// Deletes an object.
    Delete {
        /// Which.
        target: Target,
    },
}

/// An object that was read, and where it stands: names alone are not unique among files.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Target {
    /// As Kubernetes names it.
    #[serde(flatten)]
    pub object: ObjectId,
    /// All of its text.
    #[serde(skip)]
    pub location: Location,
}

/// Whether a patch may be applied on the strength of the manifest alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applicability {
    /// The manifest itself shows that the workload does not rely on what is taken away.
    Safe,
    /// The workload may rely on it; the text says what has to be known first.
    NeedsEvidence(Cow<'static, str>),
}

/// One operation of a JSON Patch (RFC 6902). The parent of `path` exists in the object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchOp {
    /// What to do.
    pub op: PatchKind,
    /// JSON pointer from the object's root.
    pub path: String,
    /// The new value; absent for `remove`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<JsonText>,
}

/// A JSON value as its text: findings hold many, and a tree takes a hundred times the memory.
#[derive(Debug, Clone)]
pub struct JsonText(Box<RawValue>);

/// The operations of RFC 6902 that cures need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PatchKind {
    /// Sets a member that is missing, or inserts into a list (`/-` appends).
    Add,
    /// Replaces a value that is there.
    Replace,
    /// Removes a value that is there.
    Remove,
}

/// Who decided that a finding is accepted, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedException {
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day it holds, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Where it is written: `plimsoll.yaml:12` or the in-line comment's own place.
    pub source: String,
}

impl Severity {
    /// All, from the lightest.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The lower-case name, as in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
            .ok_or_else(|| format!("unknown severity `{name}`: one of info, low, medium, high, critical"))
    }
}

impl JsonText {
    /// `value` below new maps with these keys, the outermost first.
    pub(crate) fn below<'k>(keys: impl DoubleEndedIterator<Item = Cow<'k, str>>, value: &serde_json::Value) -> Self {
        let nested = keys.rev().fold(value.to_string(), |inner, key| {
            let key = serde_json::Value::String(key.into_owned());
            format!("{{{key}:{inner}}}")
        });
        // Text that is made of values and keys is JSON.
        Self(RawValue::from_string(nested).unwrap_or_default())
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The value as a tree.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl From<serde_json::Value> for JsonText {
    fn from(value: serde_json::Value) -> Self {
        Self::below(std::iter::empty(), &value)
    }
}

impl From<Box<RawValue>> for JsonText {
    fn from(text: Box<RawValue>) -> Self {
        Self(text)
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for JsonText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        serde_json::Value::json_schema(generator)
    }
}

impl Remediation {
    /// Whether it says what to change, and not only what to do.
    pub fn is_concrete(&self) -> bool {
        !self.patch.is_empty() || !self.changes.is_empty()
    }
}

impl PatchOp {
    /// `add` of `value` at `path`.
    pub fn add(path: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Self { op: PatchKind::Add, path: path.into(), value: Some(value.into().into()) }
    }

    /// `replace` of the value at `path`.
    pub fn replace(path: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Self { op: PatchKind::Replace, path: path.into(), value: Some(value.into().into()) }
    }

    /// `remove` of the value at `path`.
    pub fn remove(path: impl Into<String>) -> Self {
        Self { op: PatchKind::Remove, path: path.into(), value: None }
    }
}

impl Finding {
    /// Conceals the text around findings that share a line with a secret. Lines are shown whole, whatever is meant in them.
    pub fn conceal_neighbours(findings: &mut [Self]) {
        let line = |finding: &Self| finding.location.as_ref().map(|place| (Arc::as_ptr(&place.source), place.start().line));
        let mut secrets: Vec<_> = findings.iter().filter(|finding| finding.concealed).filter_map(line).collect();
        secrets.sort_unstable();
        secrets.dedup();
        // Lines are counted only in texts that hold a secret.
        let in_source = |source| {
            let from = secrets.partition_point(|(other, _)| *other < source);
            secrets.get(from..).unwrap_or_default().iter().take_while(move |(other, _)| *other == source)
        };
        for finding in findings.iter_mut().filter(|finding| !finding.concealed) {
            let Some(place) = &finding.location else { continue };
            let mut here = in_source(Arc::as_ptr(&place.source)).peekable();
            if here.peek().is_some() {
                let lines = place.start().line..=place.end().line;
                finding.concealed = here.any(|(_, line)| lines.contains(line));
            }
        }
    }

    /// The command that gathers the evidence for its cure, as one would type it.
    pub fn evidence_command(&self) -> Option<String> {
        Some(match self.remediation.as_ref()?.evidence.as_ref()? {
            EvidenceCommand::Whole(command) => command.clone(),
            EvidenceCommand::InContainer(command) => {
                let Subject { object, .. } = &self.subject;
                let ObjectId { namespace, kind, name, .. } = &**object;
                let namespace = if namespace.is_empty() { String::new() } else { format!(" -n {}", shell_word(namespace)) };
                let container = self.subject.container().map(|name| format!(" -c {}", shell_word(name))).unwrap_or_default();
                let target = format!("{}/{name}", kind.to_lowercase());
                format!("kubectl exec{namespace} {}{container} -- {command}", shell_word(&target))
            }
        })
    }

    /// Whether it counts: not covered by an exception.
    pub fn is_open(&self) -> bool {
        self.exception.is_none()
    }
}
