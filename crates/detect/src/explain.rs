//! A condition as a tree for people, and what each part of it says of one event.

use crate::condition::{Expr, Node, Operand, Right, print, print_operand};
use crate::fields::Facts;
use crate::filter::{Check, Filter, Source};
use crate::format;
use crate::rules::Rule;
use plimsoll_model::events::Format as NumberFormat;
use std::collections::BTreeSet;

/// A value is shown up to so many characters.
const LONGEST_VALUE: usize = 200;

/// A part of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Whether it is true of the event, where one was looked at.
    pub holds: Option<bool>,
}

/// What a part of a condition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// All of these.
    All(Vec<Part>),
    /// At least one of these.
    Any(Vec<Part>),
    /// The opposite of this.
    Not(Box<Part>),
    /// One comparison.
    Atom {
        /// As a rule writes it.
        text: String,
        /// What the event has in its field; nothing if it has none, or if no event was looked at.
        value: Option<String>,
    },
}

impl Part {
    /// The condition of a rule, without an event.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        parts(&rule.expr, &rule.filter, &|_| None)
    }

    /// What the condition of a rule says of an event, part by part; all of them, also those that decide nothing.
    #[must_use]
    pub fn judged<'e>(rule: &Rule, facts: &impl Facts<'e>) -> Self {
        parts(&rule.expr, &rule.filter, &|filter| {
            let value = first_check(filter).and_then(|check| value(&check.left, facts));
            Some((filter.holds(facts), value))
        })
    }

    /// What decides: of several that have to be true the first that is not, of alternatives the first that is true, and all where it takes
    /// all.
    #[must_use]
    pub fn reason(self) -> Self {
        let Some(holds) = self.holds else { return self };
        let first = |parts: Vec<Self>, wanted: bool| {
            let decisive = parts.into_iter().find(|part| part.holds == Some(wanted));
            decisive.into_iter().map(Self::reason).collect::<Vec<_>>()
        };
        let kind = match self.kind {
            PartKind::All(parts) if !holds => PartKind::All(first(parts, false)),
            PartKind::Any(parts) if holds => PartKind::Any(first(parts, true)),
            PartKind::All(parts) => PartKind::All(parts.into_iter().map(Self::reason).collect()),
            PartKind::Any(parts) => PartKind::Any(parts.into_iter().map(Self::reason).collect()),
            PartKind::Not(part) => PartKind::Not(Box::new(part.reason())),
            atom @ PartKind::Atom { .. } => atom,
        };
        Self { kind, holds: self.holds }
    }

    /// The first comparison in it.
    #[must_use]
    pub fn first_atom(&self) -> Option<&Self> {
        match &self.kind {
            PartKind::All(parts) | PartKind::Any(parts) => parts.iter().find_map(Self::first_atom),
            PartKind::Not(part) => part.first_atom(),
            PartKind::Atom { .. } => Some(self),
        }
    }

    /// How many comparisons there are.
    #[must_use]
    pub fn atoms(&self) -> usize {
        match &self.kind {
            PartKind::All(parts) | PartKind::Any(parts) => parts.iter().map(Self::atoms).sum(),
            PartKind::Not(part) => part.atoms(),
            PartKind::Atom { .. } => 1,
        }
    }
}

/// The names of the fields that a rule's condition asks for, with their arguments.
#[must_use]
pub fn fields(rule: &Rule) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    fields_of(&rule.expr.it, &mut names);
    names
}

/// Walks down; how deep conditions are is limited by the parser.
fn fields_of(expr: &Expr, names: &mut BTreeSet<String>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| fields_of(&part.it, names)),
        Expr::Not(part) => fields_of(&part.it, names),
        Expr::Identifier(_) => {}
        Expr::Exists(left) => fields_of_operand(&left.it, names),
        Expr::Compare { left, right, .. } => {
            fields_of_operand(&left.it, names);
            if let Right::Operand(right) = &right.it {
                fields_of_operand(right, names);
            }
        }
    }
}

fn fields_of_operand(operand: &Operand, names: &mut BTreeSet<String>) {
    match operand {
        Operand::Field { .. } => {
            names.insert(String::from_utf8_lossy(&print_operand(operand)).into_owned());
        }
        Operand::Transform { values, .. } | Operand::List(values) => values.iter().for_each(|value| fields_of_operand(&value.it, names)),
        Operand::Value(_) => {}
    }
}

/// What an event says of a comparison: whether it holds, and the value.
type Ask<'a> = &'a dyn Fn(&Filter) -> Option<(bool, Option<String>)>;

/// The text of a condition and its meaning have the same shape down to the comparisons.
fn parts(expr: &Node<Expr>, filter: &Filter, ask: Ask<'_>) -> Part {
    let all = |exprs: &[Node<Expr>], filters: &[Filter]| -> Vec<Part> {
        exprs.iter().zip(filters).map(|(expr, filter)| parts(expr, filter, ask)).collect()
    };
    // Of a comparison that decides, if there is one; nothing is known where no event is looked at.
    let decided = |parts: &[Part], by: bool| {
        let is_known = parts.iter().all(|part| part.holds.is_some());
        is_known.then(|| if parts.iter().any(|part| part.holds == Some(by)) { by } else { !by })
    };
    match (&expr.it, filter) {
        (Expr::And(exprs), Filter::All(filters)) if exprs.len() == filters.len() => {
            let parts = all(exprs, filters);
            Part { holds: decided(&parts, false), kind: PartKind::All(parts) }
        }
        (Expr::Or(exprs), Filter::Any(filters)) if exprs.len() == filters.len() => {
            let parts = all(exprs, filters);
            Part { holds: decided(&parts, true), kind: PartKind::Any(parts) }
        }
        (Expr::Not(expr), Filter::Not(filter)) => {
            let part = parts(expr, filter, ask);
            let holds = part.holds.map(|holds| !holds);
            Part { kind: PartKind::Not(Box::new(part)), holds }
        }
        _ => {
            let (holds, value) = ask(filter).unzip();
            Part { kind: PartKind::Atom { text: String::from_utf8_lossy(&print(expr)).into_owned(), value: value.flatten() }, holds }
        }
    }
}

fn first_check(filter: &Filter) -> Option<&Check> {
    match filter {
        Filter::Check(check) => Some(check),
        Filter::Not(filter) => first_check(filter),
        Filter::All(filters) | Filter::Any(filters) => filters.iter().find_map(first_check),
    }
}

/// What the event says, for people.
fn value<'e>(source: &Source, facts: &impl Facts<'e>) -> Option<String> {
    let mut values = Vec::new();
    if !source.extract(facts, &mut values) {
        return None;
    }
    let number = if let Source::Field(field) = source { field.info.format } else { NumberFormat::Plain };
    let mut text = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.extend_from_slice(b", ");
        }
        format::print(source.shape().kind, number, value, &mut text);
        if text.len() > 4 * LONGEST_VALUE {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    let short: String = text.chars().take(LONGEST_VALUE).collect();
    Some(if short.len() < text.len() { format!("{short}…") } else { short })
}
