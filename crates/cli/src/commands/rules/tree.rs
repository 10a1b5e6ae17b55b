//! A condition as an indented tree.

use plimsoll_detect::explain::{Part, PartKind};
use plimsoll_report::terminal;
use std::fmt::Write;

/// Writes a condition, a line for each part; where it was asked of an event, with what came of it.
pub(crate) fn write_tree(part: &Part, out: &mut String) {
    write_at(part, 1, out);
}

fn write_at(part: &Part, depth: usize, out: &mut String) {
    let verdict = match part.holds {
        Some(true) => "true   ",
        Some(false) => "false  ",
        None => "",
    };
    let indent = "  ".repeat(depth);
    // Writing into memory does not fail.
    let (words, parts) = match &part.kind {
        PartKind::All(parts) => ("all of", parts.as_slice()),
        PartKind::Any(parts) => ("any of", parts.as_slice()),
        PartKind::Not(part) => ("not", std::slice::from_ref(&**part)),
        PartKind::Atom { text, value } => {
            let _ = write!(out, "{verdict}{indent}{}", terminal(text));
            if part.holds.is_some() {
                let value = value.as_ref().map_or_else(|| "it has no value".to_owned(), |value| format!("it is `{}`", terminal(value)));
                let _ = write!(out, "   # {value}");
            }
            out.push('\n');
            return;
        }
    };
    let _ = writeln!(out, "{verdict}{indent}{words}");
    for part in parts {
        write_at(part, depth + 1, out);
    }
}
