//! What a filter says of one event: as it is written, without haste.

use super::compare::text;
use super::{Check, Constant, Filter, Reach, Shape, Source, Test, compare, compare_constant};
use crate::Value;
use crate::condition::{Modifier, Operator};
use crate::fields::Facts;
use plimsoll_model::events::ParamType;

impl Filter {
    /// Whether it is true of an event.
    pub fn holds<'e>(&self, facts: &impl Facts<'e>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.holds(facts)),
            Self::Any(any) => any.iter().any(|filter| filter.holds(facts)),
            Self::Not(filter) => !filter.holds(facts),
            Self::Check(check) => check.holds(facts),
        }
    }
}

impl Check {
    /// Whether the comparison is true of an event; it never is where a side has no value.
    pub fn holds<'e>(&self, facts: &impl Facts<'e>) -> bool {
        if let (Source::Field(field), Test::Exists) = (&self.left, &self.test) {
            return facts.has(field);
        }
        let mut left = Vec::new();
        if !self.left.extract(facts, &mut left) {
            return false;
        }
        let mut right = Vec::new();
        if let Test::Source { right: source, .. } = &self.test
            && !source.extract(facts, &mut right)
        {
            return false;
        }
        self.test.holds(self.left.shape(), self.left.reach(), &left, &right)
    }
}

impl Source {
    /// What becomes of several values that are no list.
    #[must_use]
    pub fn reach(&self) -> Reach {
        if let Self::Field(field) = self { Reach::of(field) } else { Reach::One }
    }
}

impl Test {
    /// Whether values compare so; `right` are those of the right side, where that is no constant.
    #[must_use]
    pub fn holds(&self, shape: Shape, reach: Reach, values: &[Value<'_>], right: &[Value<'_>]) -> bool {
        let (operator, one): (Operator, &dyn Fn(&Value<'_>) -> bool) = match self {
            Self::Exists => return true,
            Self::Constants { operator, modifier, values: constants } => {
                (*operator, &|value| constants_hold(*operator, *modifier, shape.kind, value, constants))
            }
            Self::Paths { prefixes, .. } => (Operator::PMatch, &|value| text(value).is_some_and(|path| prefixes.get(path).is_some())),
            Self::Source { operator, .. } => (*operator, &|value| others_hold(*operator, shape.kind, value, right)),
        };
        if shape.list {
            return match operator {
                Operator::In => values.iter().all(one),
                Operator::Intersects => values.iter().any(one),
                _ => false,
            };
        }
        match reach {
            Reach::One => values.first().is_some_and(one),
            Reach::Ends if operator == Operator::Ne => !values.is_empty() && values.iter().all(one),
            Reach::Ancestors | Reach::Ends => values.iter().any(one),
        }
    }
}

/// Whether one value compares so with as many of the constants as is asked for. Without a modifier that is one of them for operators that
/// take several, and the first for the others.
fn constants_hold(operator: Operator, modifier: Option<Modifier>, kind: ParamType, value: &Value<'_>, constants: &[Constant]) -> bool {
    let mut matches = constants.iter().map(|constant| compare_constant(operator, kind, value, constant));
    match (modifier, operator) {
        (None, Operator::In | Operator::Intersects) | (Some(Modifier::AnyOf), _) => matches.any(|holds| holds),
        (None, _) => matches.next().unwrap_or(false),
        (Some(Modifier::AllOf), _) => !constants.is_empty() && matches.all(|holds| holds),
        (Some(Modifier::OneOf), _) => matches.filter(|holds| *holds).take(2).count() == 1,
    }
}

fn others_hold(operator: Operator, kind: ParamType, value: &Value<'_>, others: &[Value<'_>]) -> bool {
    let mut matches = others.iter().map(|other| compare(operator, kind, value, other));
    match operator {
        Operator::In | Operator::Intersects => matches.any(|holds| holds),
        _ => matches.next().unwrap_or(false),
    }
}
