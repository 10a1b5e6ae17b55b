//! What is odd about rules that load: those that can never match, those that an earlier one always answers for, names of lists that stayed names.
//!
//! Everything here is proved from the text of conditions; what is not told may still be so.

use super::diagnostic::{Code, Diagnostics};
use super::{Rule, Rules};
use crate::condition::{self, Expr, Modifier, Node, Operand, Operator, Right};
use std::collections::{BTreeSet, HashSet};

/// How many comparisons of parts of conditions are made to find rules that others answer for.
const MAX_STEPS: usize = 20_000_000;
/// How many names of lists are told for one rule.
const MAX_NAMES: usize = 5;

/// Looks at rules that load. `first` says that the first rule that matches an event is the only one that answers.
#[must_use]
pub fn lint(rules: &Rules, first: bool) -> Diagnostics {
    let mut found = Diagnostics::default();
    let names: HashSet<&[u8]> = rules.lists.iter().map(|list| list.name.as_bytes()).collect();
    for rule in &rules.rules {
        never_true(rule, rules, &mut found);
        let mut left = BTreeSet::new();
        names_of_lists(&rule.expr.it, &names, &mut left);
        for name in left.into_iter().take(MAX_NAMES) {
            let name = String::from_utf8_lossy(name);
            let message = format!("the name of the list '{name}' stays a text here");
            let help = "a list sees only lists that were defined before it, one level deep: name it in the condition or define it later";
            found.push(rule.condition_context.diagnostic(Code::ListStaysName, message).help(help));
        }
    }
    if first {
        shadowed(rules, &mut found);
    }
    found
}

/// The rule can match no event, or a part of its condition can not.
fn never_true(rule: &Rule, rules: &Rules, found: &mut Diagnostics) {
    let Some(dead) = dead_part(&rule.expr) else { return };
    let name = rules.macros.iter().find(|item| item.expr == *dead).map(|item| item.name.as_str());
    let why = match name {
        Some(name) => format!("the macro '{name}' is never true"),
        None => match String::from_utf8(condition::print(dead)) {
            Ok(text) if text.len() <= 80 => format!("`{text}` is never true"),
            _ => "a part of its condition is never true".to_owned(),
        },
    };
    let (code, message) = if is_never(&rule.expr) {
        (Code::NeverTrue, format!("this rule can match no event: {why}"))
    } else {
        (Code::NeverTrueMacro, format!("a part of this condition can not be true: {why}"))
    };
    found.push(rule.condition_context.diagnostic(code, message));
}

/// The smallest part that is never true and makes an `and` around it never true, or the whole.
fn dead_part(expr: &Node<Expr>) -> Option<&Node<Expr>> {
    match &expr.it {
        Expr::And(children) => match children.iter().find(|child| is_never(child)) {
            Some(child) => dead_part(child).or(Some(child)),
            None if is_never(expr) => Some(expr),
            None => children.iter().find_map(dead_part),
        },
        // A macro that is never true is a usual part of an `or` and behind a `not`: users fill it in.
        Expr::Or(children) => children.iter().find_map(|child| if matches!(child.it, Expr::And(_)) { dead_part(child) } else { None }),
        _ if is_never(expr) => Some(expr),
        _ => None,
    }
}

/// Whether a condition is true for no event.
fn is_never(expr: &Node<Expr>) -> bool {
    if condition::event_types(expr, &[]).is_ok_and(|types| types.is_empty()) {
        return true;
    }
    // Something and its opposite.
    let Expr::And(children) = &expr.it else { return false };
    let opposites = children.iter().filter_map(|child| if let Expr::Not(inner) = &child.it { Some(inner) } else { None });
    opposites.take(64).any(|opposite| children.iter().take(256).any(|child| child.it == opposite.it))
}

fn names_of_lists<'e>(expr: &'e Expr, names: &HashSet<&[u8]>, found: &mut BTreeSet<&'e [u8]>) {
    match expr {
        Expr::And(children) | Expr::Or(children) => children.iter().for_each(|child| names_of_lists(&child.it, names, found)),
        Expr::Not(child) => names_of_lists(&child.it, names, found),
        Expr::Compare { right, .. } => {
            let values = match &right.it {
                Right::Value(value) => std::slice::from_ref(value),
                Right::List(values) => values.as_slice(),
                Right::Operand(_) => &[],
            };
            found.extend(values.iter().map(Vec::as_slice).filter(|value| names.contains(value)));
        }
        Expr::Identifier(_) | Expr::Exists(_) => {}
    }
}

/// Rules of which each event that matches matches an earlier one, too.
fn shadowed(rules: &Rules, found: &mut Diagnostics) {
    let mut proof = Proof { steps: MAX_STEPS };
    let enabled: Vec<&Rule> = rules.rules.iter().filter(|rule| rule.enabled && !is_never(&rule.expr)).collect();
    for (at, later) in enabled.iter().enumerate() {
        let earlier = enabled.iter().take(at).filter(|earlier| earlier.source == later.source);
        let mut about_as_much = earlier.filter(|earlier| earlier.event_types.or(later.event_types) == earlier.event_types);
        if let Some(earlier) = about_as_much.find(|earlier| proof.implies(&later.expr.it, &earlier.expr.it)) {
            let message = format!("the rule '{}' comes first and matches each event that this one matches", earlier.name);
            let help = "with `rule_matching: first` this rule never answers: define it earlier, or make the other one more precise";
            found.push(later.context.diagnostic(Code::Shadowed, message).help(help));
        }
    }
}

/// Finds out whether one condition follows from another, as long as there are steps left.
struct Proof {
    steps: usize,
}

impl Proof {
    /// Whether `then` is true of each event that `given` is true of, as far as their texts show.
    fn implies(&mut self, given: &Expr, then: &Expr) -> bool {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            return false;
        }
        match (given, then) {
            (_, Expr::And(all)) => all.iter().all(|one| self.implies(given, &one.it)),
            (Expr::Or(any), _) => any.iter().all(|one| self.implies(&one.it, then)),
            (Expr::And(all), _) if all.iter().any(|one| self.implies(&one.it, then)) => true,
            (_, Expr::Or(any)) => any.iter().any(|one| self.implies(given, &one.it)),
            (Expr::Not(given), Expr::Not(then)) => self.implies(&then.it, &given.it),
            _ => given == then || is_subset(given, then),
        }
    }
}

/// Whether both compare the same field with values, one with fewer of them.
fn is_subset(given: &Expr, then: &Expr) -> bool {
    let (Some((field, values)), Some((other, allowed))) = (one_of(given), one_of(then)) else { return false };
    field == other && allowed.len() <= 1000 && values.iter().all(|value| allowed.contains(value))
}

/// The field and values of `field = value` and `field in (values)`.
fn one_of(expr: &Expr) -> Option<(&Operand, &[Vec<u8>])> {
    let Expr::Compare { left, operator, modifier, right } = expr else { return None };
    let equal = matches!(operator, Operator::Eq | Operator::EqEq);
    match &right.it {
        Right::Value(value) if equal && modifier.is_none() => Some((&left.it, std::slice::from_ref(value))),
        Right::List(values) if *operator == Operator::In || (equal && *modifier == Some(Modifier::AnyOf)) => Some((&left.it, values)),
        _ => None,
    }
}
