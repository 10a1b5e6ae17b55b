//! Rules files of Falco's language to rules.
//!
//! [`Loader::load`] reads files one after the other into one state, in which later items change earlier ones; [`Loader::compile`] makes rules of
//! it. What is wrong is told as [`Diagnostics`], with the codes and words of Falco's loader (`userspace/engine/rule_loader*` in falcosecurity/falco)
//! and a place in the file. Where Falco stops at the first error, this goes on: the errors up to there are the same. [`lint`] tells more.

mod compile;
mod diagnostic;
mod exceptions;
mod items;
mod lint;
mod lists;
mod read;
mod schema;
mod select;
mod version;
mod warnings;

pub use diagnostic::{Code, Context, Diagnostic, Diagnostics, Excerpt, ItemKind, Step};
pub use exceptions::{Entry, Exception};
pub use lint::lint;
pub use schema::SchemaProblem;
pub use select::{Pick, Selection};
pub use version::{ENGINE_VERSION, PLUGINS, PluginVersion, Version};

use crate::condition::{self, EventSet, Expr};
use crate::fields::Catalogue;
use crate::filter::Filter;
use items::Items;
use plimsoll_model::{Limits, Source};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The source of rules that name none.
pub const SYSCALL: &str = "syscall";

/// How bad it is if a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The worst.
    Emergency,
    /// Needs an answer at once.
    Alert,
    /// Critical.
    Critical,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Normal, but worth a note.
    Notice,
    /// For information.
    Informational,
    /// For those who write rules.
    Debug,
}

impl Priority {
    /// All of them, the worst first.
    pub const ALL: [Self; 8] =
        [Self::Emergency, Self::Alert, Self::Critical, Self::Error, Self::Warning, Self::Notice, Self::Informational, Self::Debug];

    /// As alerts print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// Reads a priority in whatever case; `info` will do for the longest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL.into_iter().find(|priority| text.eq_ignore_ascii_case(priority.name()))
    }
}

/// The sources of events that rules may be about, each with its fields, and the plugins of Falco that they stand for.
#[derive(Clone, Default)]
pub struct Sources<'c> {
    all: Vec<(&'c str, &'c dyn Catalogue)>,
    plugins: &'c [(&'c str, Version)],
}

impl<'c> Sources<'c> {
    /// No source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &'c str, catalogue: &'c dyn Catalogue) -> Self {
        self.all.push((name, catalogue));
        self
    }

    /// In place of these plugins. Without any, what files ask for is not looked at.
    #[must_use]
    pub fn with_plugins(mut self, plugins: &'c [(&'c str, Version)]) -> Self {
        self.plugins = plugins;
        self
    }

    /// The fields of a source.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'c dyn Catalogue> {
        self.all.iter().find(|(known, _)| *known == name).map(|(_, catalogue)| *catalogue)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &'c str> {
        self.all.iter().map(|(name, _)| *name)
    }
}

/// What is added to the outputs of some rules (`append_output`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraOutput {
    /// Only to rules of this source.
    pub source: Option<String>,
    /// Only to rules with all of these tags.
    pub tags: BTreeSet<String>,
    /// Only to the rule of this name.
    pub rule: Option<String>,
    /// What follows the output, after a blank.
    pub format: Option<String>,
    /// What stands beside it, by its key: a format, or the value of the field that the key names.
    pub fields: Vec<(String, Option<String>)>,
}

impl ExtraOutput {
    fn is_for(&self, source: &str, name: &str, tags: &BTreeSet<String>) -> bool {
        self.source.as_ref().is_none_or(|wanted| wanted == source)
            && self.rule.as_ref().is_none_or(|wanted| wanted == name)
            && self.tags.is_subset(tags)
    }
}

/// Rules, and what they were made of.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// All rules of known sources, in the order in which they were first defined.
    pub rules: Vec<Rule>,
    /// All macros, likewise.
    pub macros: Vec<Macro>,
    /// All lists, likewise.
    pub lists: Vec<List>,
    /// The newest version of the engine that a file asks for.
    pub required_engine_version: Version,
    /// The plugins that files ask for; of each list one is enough.
    pub required_plugins: Vec<Vec<PluginVersion>>,
}

/// A rule that can be compiled for its source.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where its events come from.
    pub source: String,
    /// How bad it is if it matches.
    pub priority: Priority,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its condition as written, with what was appended to it.
    pub condition: String,
    /// Its condition without lists, macros and exceptions: they are put in.
    pub expr: condition::Node<Expr>,
    /// The condition as it can be asked.
    pub filter: Filter,
    /// The types of events that it can be true of; for the source `syscall` only.
    pub event_types: EventSet,
    /// What an alert says, as written.
    pub output: String,
    /// What an alert says, with what is added to all outputs.
    pub format: String,
    /// What stands beside it.
    pub extra_fields: Vec<ExtraField>,
    /// What it does not match. It is part of `expr` already.
    pub exceptions: Vec<Exception>,
    /// The fields of the exceptions that have values.
    pub exception_fields: BTreeSet<String>,
    /// Whether a match starts a recording.
    pub capture: bool,
    /// How long it records, in milliseconds; 0 is the default of the settings.
    pub capture_duration: u32,
    /// Where it stands.
    pub context: Context,
    /// Where its condition stands.
    pub condition_context: Context,
}

/// What stands beside the output of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// Its key.
    pub key: String,
    /// What it says.
    pub format: String,
    /// Whether that is one field, whose value is taken as it is.
    pub is_raw: bool,
}

/// A part of conditions.
#[derive(Debug, Clone)]
pub struct Macro {
    /// Its name.
    pub name: String,
    /// Its condition as written, with what was appended to it.
    pub condition: String,
    /// Its condition without lists and macros.
    pub expr: condition::Node<Expr>,
    /// Whether a rule or another macro uses it.
    pub used: bool,
    /// Where it stands.
    pub context: Context,
}

/// A list of values.
#[derive(Debug, Clone)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Its items as written.
    pub items: Vec<Arc<str>>,
    /// Its items, with those of lists that it names.
    pub expanded: Vec<Arc<str>>,
    /// Whether a condition or another list uses it.
    pub used: bool,
    /// Where it stands.
    pub context: Context,
}

/// What is wrong with one file.
#[derive(Debug, Default)]
pub struct FileResult {
    /// What is wrong with its items.
    pub diagnostics: Diagnostics,
    /// What is not as the schema of rules files wants it; worth a look, and no error.
    pub schema: Vec<SchemaProblem>,
}

/// Reads rules files.
pub struct Loader<'c> {
    sources: Sources<'c>,
    extras: Vec<ExtraOutput>,
    items: Items,
}

impl<'c> Loader<'c> {
    /// A loader of rules about these sources.
    #[must_use]
    pub fn new(sources: Sources<'c>) -> Self {
        Self { sources, extras: Vec::new(), items: Items::default() }
    }

    /// Adds something to the outputs of all rules or of some.
    #[must_use]
    pub fn with_extra_outputs(mut self, extras: Vec<ExtraOutput>) -> Self {
        self.extras = extras;
        self
    }

    /// Reads a file. What it says counts for what comes after it.
    pub fn load(&mut self, file: &Arc<Source>) -> FileResult {
        let (documents, diagnostics) = read::file(file, Limits::default(), &mut self.items, &self.sources);
        let schema = schema::check(&documents);
        FileResult { diagnostics, schema }
    }

    /// Makes rules of all that was read. More can be read afterwards.
    #[must_use]
    pub fn compile(&self) -> (Rules, Diagnostics) {
        compile::compile(&self.items, &self.sources, &self.extras)
    }
}

impl Sources<'_> {
    fn is_known(&self, source: &str) -> bool {
        self.get(source).is_some()
    }

    /// Why the plugins are not those that a file asks for.
    fn missing(&self, alternatives: &[PluginVersion]) -> Option<String> {
        if self.plugins.is_empty() { None } else { version::missing(alternatives, self.plugins) }
    }

    /// What to say of a source that is not known.
    fn help(&self) -> String {
        format!("known sources are {}", self.names().collect::<Vec<_>>().join(", "))
    }
}

/// What came of several files.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules; those that can not be compiled are missing.
    pub rules: Rules,
    /// What is wrong: of each file what is wrong with it, then of all of them what is wrong with the whole.
    pub diagnostics: Diagnostics,
    /// What is not as the schema of rules files wants it.
    pub schema: Vec<SchemaProblem>,
}

/// Reads files in order. As with Falco, each has to be complete with those before it: it may not use what only a later one defines.
#[must_use]
pub fn load(files: &[Arc<Source>], sources: Sources<'_>, extras: Vec<ExtraOutput>) -> Loaded {
    let mut loader = Loader::new(sources).with_extra_outputs(extras);
    let mut loaded = Loaded::default();
    for (at, file) in files.iter().enumerate() {
        let FileResult { diagnostics, mut schema } = loader.load(file);
        loaded.diagnostics.0.extend(diagnostics.0);
        loaded.schema.append(&mut schema);
        let is_last = at + 1 == files.len();
        if !is_last && loaded.diagnostics.is_ok() {
            loaded.diagnostics.0.extend(loader.compile().1.0.into_iter().filter(|diagnostic| diagnostic.code.is_error()));
        }
    }
    let (rules, found) = loader.compile();
    let failed = !loaded.diagnostics.is_ok();
    // What follows from an error that is known already is not told again.
    loaded.diagnostics.0.extend(found.0.into_iter().filter(|diagnostic| !failed || !diagnostic.code.is_error()));
    loaded.rules = rules;
    loaded
}

#[cfg(test)]
mod tests;
