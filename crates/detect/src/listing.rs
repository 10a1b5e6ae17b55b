//! Rules, fields, and what is wrong with rules: the JSON outputs.

use crate::explain;
use crate::fields::{Catalogue, FieldInfo};
use crate::findings;
use crate::rules::{self, Diagnostic, ItemKind, Rules, SYSCALL};
use plimsoll_model::{Location, Severity};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of these forms.
const SCHEMA_VERSION: u32 = 1;

/// The JSON schemas, by name.
#[must_use]
pub fn json_schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("check", schemars::schema_for!(Checked).to_value()),
        ("fields", schemars::schema_for!(FieldList).to_value()),
        ("list", schemars::schema_for!(RuleList).to_value()),
    ]
}

/// A place in a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1 on.
    pub line: u32,
    /// The column, from 1 on.
    pub column: u32,
}

impl From<&Location> for Place {
    fn from(location: &Location) -> Self {
        let start = location.start();
        Self { file: location.source.name.clone(), line: start.line, column: start.column }
    }
}

/// Rules of events.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Plimsoll rules of events")]
pub struct RuleList {
    /// The version of this form.
    pub schema_version: u32,
    /// In the order in which they are defined.
    pub rules: Vec<RuleEntry>,
}

/// One rule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleEntry {
    /// The id of its findings.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its events come from.
    pub source: String,
    /// How bad a match is, in the words of rules files.
    pub priority: &'static str,
    /// The severity of its findings.
    pub severity: Severity,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Its condition as written, with what was appended to it.
    pub condition: String,
    /// What its alerts say.
    pub output: String,
    /// The types of events that it can match; absent if the source has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<&'static str>>,
    /// The fields that its condition asks for.
    pub fields: Vec<String>,
    /// How many comparisons its condition has, macros put in.
    pub comparisons: usize,
    /// Where it stands.
    pub location: Place,
}

impl RuleList {
    /// All rules.
    #[must_use]
    pub fn of(rules: &Rules) -> Self {
        Self { schema_version: SCHEMA_VERSION, rules: rules.rules.iter().map(RuleEntry::of).collect() }
    }
}

impl RuleEntry {
    fn of(rule: &rules::Rule) -> Self {
        Self {
            id: findings::id(&rule.name),
            name: rule.name.clone(),
            source: rule.source.clone(),
            priority: rule.priority.name(),
            severity: findings::severity(rule.priority),
            enabled: rule.enabled,
            tags: rule.tags.iter().cloned().collect(),
            description: rule.description.clone(),
            condition: rule.condition.clone(),
            output: rule.output.clone(),
            event_types: (rule.source == SYSCALL).then(|| event_types(rule)),
            fields: explain::fields(rule).into_iter().collect(),
            comparisons: explain::Part::of(rule).atoms(),
            location: rule.context.location().into(),
        }
    }
}

/// The names of the event types that a rule can match, each once, in order.
#[must_use]
pub fn event_types(rule: &rules::Rule) -> Vec<&'static str> {
    let mut names: Vec<&str> = rule.event_types.iter().map(|kind| kind.info().name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Fields that rules can ask for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Plimsoll fields of events")]
pub struct FieldList {
    /// The version of this form.
    pub schema_version: u32,
    /// By source, in the order of their classes.
    pub fields: Vec<FieldEntry>,
}

/// One field.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldEntry {
    /// Its name.
    pub name: &'static str,
    /// The source of events that has it.
    pub source: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether it can have several values.
    pub list: bool,
    /// The argument that it takes; absent if it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<Argument>,
    /// Whether conditions can ask for it.
    pub in_conditions: bool,
    /// Whether outputs can print it.
    pub in_outputs: bool,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// What it says.
    pub description: &'static str,
}

/// The argument of a field, in brackets or behind a dot.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Argument {
    /// It has to be there.
    pub required: bool,
    /// It may be a number.
    pub index: bool,
    /// It may be a text.
    pub key: bool,
}

impl FieldList {
    /// The fields of some sources.
    pub fn of<'c>(sources: impl Iterator<Item = (&'c str, &'c dyn Catalogue)>) -> Self {
        let shown = sources.flat_map(|(source, catalogue)| {
            catalogue.all().iter().filter(|field| !field.limits.hidden).map(move |field| FieldEntry::of(source, field))
        });
        Self { schema_version: SCHEMA_VERSION, fields: shown.collect() }
    }
}

impl FieldEntry {
    fn of(source: &str, field: &FieldInfo) -> Self {
        let argument = field.arg.allowed().then_some(Argument { required: field.arg.required, index: field.arg.index, key: field.arg.key });
        Self {
            name: field.name,
            source: source.to_owned(),
            kind: field.kind.word(),
            list: field.list,
            argument,
            in_conditions: !field.limits.print_only,
            in_outputs: !field.limits.filter_only,
            deprecated: field.limits.deprecated,
            description: field.description,
        }
    }
}

/// What is wrong with rules files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Plimsoll check of rules of events")]
pub struct Checked {
    /// The version of this form.
    pub schema_version: u32,
    /// Whether all rules can be used.
    pub successful: bool,
    /// How many rules there are.
    pub rules: usize,
    /// How many macros.
    pub macros: usize,
    /// How many lists.
    pub lists: usize,
    /// What is wrong, in the order in which it was found.
    pub diagnostics: Vec<Diagnosed>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosed {
    /// Which kind of thing: Falco's code where it has one.
    pub code: String,
    /// Whether the rules cannot be used because of it.
    pub error: bool,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The kind of the item that is blamed (`rule`, `macro`, `list`, …).
    pub item_type: &'static str,
    /// Its name.
    pub item_name: String,
    /// The line that is blamed.
    pub quote: String,
    /// Where it stands.
    pub location: Place,
}

impl Checked {
    /// What was found in the files that `rules` come from.
    pub fn of<'d>(rules: &Rules, diagnostics: impl Iterator<Item = &'d Diagnostic>) -> Self {
        let diagnostics: Vec<Diagnosed> = diagnostics.map(Diagnosed::of).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            successful: !diagnostics.iter().any(|diagnostic| diagnostic.error),
            rules: rules.rules.len(),
            macros: rules.macros.len(),
            lists: rules.lists.len(),
            diagnostics,
        }
    }
}

impl Diagnosed {
    fn of(diagnostic: &Diagnostic) -> Self {
        let steps = diagnostic.context.steps();
        let named = steps.iter().rev().find(|step| !step.name.is_empty() && step.kind != ItemKind::ValueFor);
        Self {
            code: diagnostic.code.text().to_owned(),
            error: diagnostic.code.is_error(),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            item_type: named.map_or(ItemKind::RulesContent, |step| step.kind).text(),
            item_name: named.map_or_else(String::new, |step| step.name.clone()),
            quote: diagnostic.quote(),
            location: (&diagnostic.location()).into(),
        }
    }
}
