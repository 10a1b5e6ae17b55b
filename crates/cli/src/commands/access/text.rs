//! Answers in words.

use plimsoll_access::NamedOnly;
use plimsoll_access::answer::{By, Named, Unknown, Who};
use plimsoll_report::terminal;
use std::fmt::Write;

/// Puts an answer together, line by line.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:indent$}{}", "", terminal(text));
    }

    /// Grants by those who have them: each of them once, with all that lets them.
    pub(super) fn grants<'b>(&mut self, indent: usize, grants: impl Iterator<Item = (&'b By, String)>) {
        let mut last = None;
        for (by, limit) in grants {
            let head = format!("{}{limit}", who(&by.subject));
            if last.as_ref() != Some(&head) {
                self.line(indent, &head);
            }
            self.by(indent + 4, by);
            last = Some(head);
        }
    }

    /// What lets somebody: the binding, the role and its rule.
    pub(super) fn by(&mut self, indent: usize, by: &By) {
        self.line(indent, &format!("{} {}", by.binding, place(&by.binding)));
        self.line(indent, &rule(by));
    }

    pub(super) fn unknown(&mut self, unknown: &[Unknown]) {
        if unknown.is_empty() {
            return;
        }
        self.line(0, "not known, because roles were not read:");
        for Unknown { binding, role_kind, role_name, subjects } in unknown {
            let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
            let whom = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            self.line(2, &format!("what {role_kind} `{role_name}` gives {whom}, by {binding} {}", place(binding)));
        }
    }

    pub(super) fn notes(&mut self, notes: &[String], defaults_assumed: bool) {
        for note in notes {
            self.line(0, &format!("note: {note}"));
        }
        if defaults_assumed {
            self.line(0, "note: the roles and bindings that every API server makes are taken as given (default)");
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// The role that a rule comes by, the rule, and where it stands.
fn rule(by: &By) -> String {
    format!("{}: {} {}", role(by), by.rule.text, rule_place(by))
}

/// The same on one line with the binding, where the rule is said already.
pub(super) fn origin(by: &By) -> String {
    let through = if by.subject.kind == "Group" { format!(" to {}", by.subject) } else { String::new() };
    format!("{}{through} {}, {} {}", by.binding, place(&by.binding), role(by), rule_place(by))
}

fn role(by: &By) -> String {
    if by.rule.role == *by.role { by.role.to_string() } else { format!("{}, made of {}", by.role, by.rule.role) }
}

fn rule_place(by: &By) -> String {
    if by.rule.role.default { "(default)".to_owned() } else { format!("({})", by.rule.place) }
}

/// Where an object stands.
pub(super) fn place(object: &Named) -> String {
    if object.default { "(default)".to_owned() } else { format!("({})", object.place) }
}

/// Somebody, in words too.
pub(super) fn who(who: &Who) -> String {
    match &who.means {
        Some(words) => format!("{who}: {words}"),
        None => who.to_string(),
    }
}

/// To which names something is limited, and where.
pub(super) fn named(one: &NamedOnly) -> String {
    let place = if one.namespace.is_empty() { String::new() } else { format!(", in {}", one.namespace) };
    format!(": only named {}{place}", one.names.join(", "))
}
