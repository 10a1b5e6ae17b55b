//! Pictures of what leads to what: layers from the left to the right, as a page, as SVG, as DOT, as JSON.
//!
//! It knows nothing of what it draws: whoever has a graph makes a [`Diagram`] of it. What it is given is folded already: a
//! node can stand for many things, which it lists.

pub(crate) mod dot;
mod layout;
mod page;
mod svg;

pub(crate) use layout::nearest;

use plimsoll_model::Severity;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// A picture.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagram {
    /// What it shows.
    pub title: String,
    /// A sentence below the title.
    pub summary: String,
    /// What is worth to know about all of it.
    pub notes: Vec<String>,
    /// Headings of nodes in the first column.
    pub groups: Vec<Group>,
    /// What leads to something, or is led to.
    pub nodes: Vec<Node>,
    /// What leads where.
    pub edges: Vec<Edge>,
}

/// A heading over nodes that belong together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The heading.
    pub name: String,
}

/// Something that leads to something, or is led to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// What it is called.
    pub label: String,
    /// What kind of thing it is, in a few words.
    pub caption: String,
    /// How bad it is to be there; for a sink, to reach it.
    pub severity: Option<Severity>,
    /// Whether it is what all is about.
    pub is_sink: bool,
    /// The place of its heading among the groups, where it starts a way.
    pub group: Option<usize>,
    /// The names of what it stands for; one, or those that were folded.
    pub members: Vec<String>,
}

/// That one thing leads to another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// The place of the node that it starts at.
    pub from: usize,
    /// The place of the node that it leads to.
    pub to: usize,
    /// By what; short.
    pub label: String,
    /// How bad what it leads to is.
    pub severity: Option<Severity>,
    /// Whether it rests on something that was not read.
    pub is_assumed: bool,
    /// What shows it, one a line.
    pub facts: Vec<String>,
}

/// The forms in which a diagram or a map can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One self-contained page.
    Html,
    /// A picture.
    Svg,
    /// For Graphviz.
    Dot,
    /// For programs; see `docs/schemas/diagram.schema.json` and `docs/schemas/map.schema.json`.
    Json,
}

/// Writes a diagram. Edges to nodes that are not there are left out.
///
/// # Errors
/// Those of `out`.
pub fn render(diagram: &Diagram, form: Form, out: &mut dyn Write) -> io::Result<()> {
    match form {
        Form::Html => page::render(diagram, out),
        Form::Svg => {
            writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
            svg::render(diagram, true, out)
        }
        Form::Dot => dot::render(diagram, out),
        Form::Json => {
            serde_json::to_writer_pretty(&mut *out, diagram)?;
            writeln!(out)
        }
    }
}

/// The JSON schema of [`Form::Json`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Diagram).to_value()
}

impl Node {
    /// All of it in words, one a line.
    fn words(&self) -> String {
        let name = match self.members.as_slice() {
            [one] => one,
            _ => &self.label,
        };
        let mut lines = vec![format!("{name}: {}", self.caption)];
        if self.members.len() > 1 {
            lines.extend(self.members.iter().take(30).map(|member| format!("- {member}")));
            if self.members.len() > 30 {
                lines.push(format!("and {} more", self.members.len() - 30));
            }
        }
        lines.join("\n")
    }
}

impl Diagram {
    fn words(&self, edge: &Edge) -> String {
        let name = |at: usize| self.nodes.get(at).map_or("", |node| &node.label);
        let mut lines = vec![format!("{} → {}: {}", name(edge.from), name(edge.to), edge.label)];
        lines.extend(edge.facts.iter().cloned());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
