//! Answers about the network in every form.

use plimsoll_report::map::{self, Map};
use plimsoll_report::table::Table;
use plimsoll_report::terminal;

/// The forms of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For pull requests.
    Markdown,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// One self-contained page.
    Html,
}

/// An answer that can be written in every form.
pub(super) trait Answer {
    /// For a terminal.
    fn text(&self) -> String;
    /// For programs: its schema is below `docs/schemas`.
    fn json(&self) -> anyhow::Result<String>;
    /// As rows of cells.
    fn table(&self) -> Table;
    /// As a picture.
    fn map(&self) -> Map;
}

/// Writes an answer.
pub(super) fn write(answer: &dyn Answer, form: Form) -> anyhow::Result<Vec<u8>> {
    let drawn = |form| {
        let mut out = Vec::new();
        map::render(&answer.map(), form, &mut out)?;
        Ok(out)
    };
    match form {
        // Names come from manifests, which anybody may have written.
        Form::Text => Ok(safe(&answer.text()).into_bytes()),
        Form::Json => Ok((answer.json()? + "\n").into_bytes()),
        Form::Csv => Ok(answer.table().csv().into_bytes()),
        Form::Markdown => Ok(answer.table().markdown().into_bytes()),
        Form::Dot => drawn(map::Form::Dot),
        Form::Svg => drawn(map::Form::Svg),
        Form::Html => drawn(map::Form::Html),
    }
}

/// Text for a terminal, line by line, without what a terminal or a reader of comments would take for more than text.
pub(super) fn safe(text: &str) -> String {
    let line = |line: &str| terminal(line).replace(['\u{2028}', '\u{2029}'], "\u{fffd}") + "\n";
    text.lines().map(line).collect()
}
