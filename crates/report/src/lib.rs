//! Findings to outputs: text, JSON, SARIF, JUnit, HTML, Markdown, GitHub annotations.
//!
//! A new output is a file here and a line in [`Format`]; it touches no engine.

mod certificates;
pub mod diagram;
mod escape;
mod fit;
mod github;
mod html;
mod json;
mod junit;
mod lines;
pub mod map;
mod markdown;
mod page;
mod sarif;
mod snippet;
pub mod table;
mod text;
mod view;

pub use certificates::{Certificate, Certificates, LevelChange, Proof, Schema, SourceChange, SourceKind, Status, certificates_schema};
pub use escape::terminal;
pub use json::json_schema;

use plimsoll_model::{Finding, Framework, Problem, Rule, Score, Severity, Unknown};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

/// Everything that a run has to say.
#[derive(Debug, Default)]
pub struct Report {
    /// The targets as the user wrote them.
    pub targets: Vec<String>,
    /// What was found, in any order.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// All rules that ran, sorted by id.
    pub rules: Vec<Arc<Rule>>,
    /// How much was looked at.
    pub totals: Totals,
    /// What could not be decided.
    pub unknown: Vec<Unknown>,
    /// The score; absent if nothing was evaluated.
    pub score: Option<Score>,
    /// The frameworks that were asked for.
    pub frameworks: Vec<Framework>,
}

/// How much was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Files, archive members, rendered outputs, pages of lists.
    pub sources: usize,
    /// YAML or JSON documents in them.
    pub documents: usize,
    /// Kubernetes objects in them.
    pub objects: usize,
    /// Workloads that were judged.
    pub workloads: usize,
    /// Pods that their controller, which was judged, speaks for.
    pub represented: usize,
}

/// The forms in which a report can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For programs; see `docs/schemas/report.schema.json`.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI servers.
    Junit,
    /// One self-contained page.
    Html,
    /// For pull requests and job summaries.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// How text is to look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// With the evidence and patch of every finding.
    pub verbose: bool,
    /// Whose score is shown with what it is made of.
    pub scores: Option<Scores>,
    /// Findings below this are counted and not shown.
    pub least: Severity,
}

/// Whose score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// [`Report::score`].
    Plimsoll,
    /// Compliance and risk by Kubescape's formulas, of [`Report::frameworks`].
    Kubescape,
}

impl FromStr for Scores {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "plimsoll" | "own" => Ok(Self::Plimsoll),
            "kubescape" => Ok(Self::Kubescape),
            _ => Err(format!("nobody's score is called `{name}`: one of plimsoll, kubescape")),
        }
    }
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] = [Self::Text, Self::Json, Self::Sarif, Self::Junit, Self::Html, Self::Markdown, Self::Github];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Github => "github",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| format!("unknown format `{name}`: one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Writes `report` as `format`. `style` is for text only.
///
/// # Errors
/// Those of `out`.
pub fn render(report: &Report, format: Format, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::render(report, style, out),
        Format::Json => json::render(report, out),
        Format::Sarif => sarif::render(report, out),
        Format::Junit => junit::render(report, out),
        Format::Html => html::render(report, out),
        Format::Markdown => markdown::render(report, out),
        Format::Github => github::render(report, out),
    }
}

/// Writes problems as text, for standard error.
///
/// # Errors
/// Those of `out`.
pub fn problems(problems: &[Problem], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    text::problems(problems, style, out)
}
