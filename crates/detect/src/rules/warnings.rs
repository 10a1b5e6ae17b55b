//! What conditions and outputs say that should not be said so any more (`filter_warning_resolver.cpp`).

use super::diagnostic::Code;
use crate::condition::{Expr, Node, Operand, Operator, Right};

const LATENCY: &str = "field is not available due to the drop of enter events.";

/// Fields that are going, and why.
const DEPRECATED: [(&str, &str); 6] = [
    (
        "evt.dir",
        "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always evaluates to false. \
         The rule expression can be simplified by removing the condition on 'evt.dir'",
    ),
    ("evt.latency", LATENCY),
    ("evt.latency.s", LATENCY),
    ("evt.latency.ns", LATENCY),
    ("evt.latency.human", LATENCY),
    ("evt.wait_latency", LATENCY),
];

/// The text that stands for no value where values are printed.
const NO_VALUE: &[u8] = b"<NA>";

/// Tells what a condition says that it should not.
pub(super) fn of_condition(expr: &Node<Expr>, mut tell: impl FnMut(Code, &'static str)) {
    let mut found = Found::default();
    found.expr(&expr.it);
    if found.unsafe_check {
        tell(Code::UnsafeNaCheck, "");
    }
    for (index, (_, why)) in DEPRECATED.iter().enumerate() {
        if found.deprecated & (1 << index) != 0 {
            tell(Code::DeprecatedItem, why);
        }
    }
}

/// The deprecated fields that an output may ask for.
pub(super) fn deprecated_in_output(format: &str) -> impl Iterator<Item = &'static str> {
    DEPRECATED.iter().map(|(field, _)| *field).filter(|field| format.contains(field))
}

#[derive(Default)]
struct Found {
    unsafe_check: bool,
    deprecated: u8,
}

impl Found {
    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(children) | Expr::Or(children) => children.iter().for_each(|child| self.expr(&child.it)),
            Expr::Not(child) => self.expr(&child.it),
            Expr::Identifier(_) => {}
            Expr::Exists(left) => _ = self.operand(&left.it),
            Expr::Compare { left, operator, right, .. } => {
                let equality = matches!(
                    operator,
                    Operator::Eq | Operator::EqEq | Operator::Ne | Operator::In | Operator::Intersects | Operator::PMatch
                );
                if !self.operand(&left.it) || !equality {
                    return;
                }
                match &right.it {
                    Right::Value(value) => self.unsafe_check |= value == NO_VALUE,
                    Right::List(values) => self.unsafe_check |= values.iter().any(|value| value == NO_VALUE),
                    Right::Operand(operand) => _ = self.operand(operand),
                }
            }
        }
    }

    /// Whether the last field of it is one of JSON, which always has a value where something is printed.
    fn operand(&mut self, operand: &Operand) -> bool {
        match operand {
            Operand::Field { name, .. } => {
                if let Some(index) = DEPRECATED.iter().position(|(field, _)| field == name) {
                    self.deprecated |= 1 << index;
                }
                name.starts_with("ka.") || name.starts_with("jevt.")
            }
            Operand::Transform { values, .. } | Operand::List(values) => {
                values.iter().fold(false, |last, value| if matches!(value.it, Operand::Value(_)) { last } else { self.operand(&value.it) })
            }
            Operand::Value(_) => false,
        }
    }
}
