//! For Graphviz.

use super::Diagram;
use plimsoll_model::Severity;
use std::io::{self, Write};

pub(super) fn render(diagram: &Diagram, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph {} {{", quoted(&diagram.title))?;
    writeln!(
        out,
        "  rankdir=LR;\n  node [shape=box, style=\"rounded\", fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];"
    )?;
    for (at, node) in diagram.nodes.iter().enumerate() {
        let color = color(node.severity);
        let shape = if node.is_sink { ", shape=box, style=\"rounded,bold\"" } else { "" };
        let label = quoted(&format!("{}\n{}", node.label, node.caption));
        writeln!(out, "  n{at} [label={label}, color=\"{color}\", tooltip={}{shape}];", quoted(&node.words()))?;
    }
    for edge in &diagram.edges {
        let style = if edge.is_assumed { ", style=dashed" } else { "" };
        let (label, tip) = (quoted(&edge.label), quoted(&diagram.words(edge)));
        writeln!(out, "  n{} -> n{} [label={label}, color=\"{}\", tooltip={tip}{style}];", edge.from, edge.to, color(edge.severity))?;
    }
    writeln!(out, "}}")
}

fn color(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "#8b1a6b",
        Some(Severity::High) => "#c2261c",
        Some(Severity::Medium) => "#a35b00",
        Some(Severity::Low) => "#1f6f8b",
        Some(Severity::Info) | None => "#5b6675",
    }
}

/// A string of DOT: quotes and backslashes escaped, control characters gone.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push('\u{fffd}'),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
