//! For which event types a condition can be true at all.
//!
//! A condition says so with `evt.type` and `syscall.type`; whatever else it asks for may hold for any type. Negation is carried
//! down to the comparisons, where alone it turns a set of types around. So does falcosecurity/libs,
//! `userspace/libsinsp/filter/ppm_codes.cpp`, and it refuses the same conditions.

use super::{Expr, Modifier, Node, Operand, Operator, Right};
use plimsoll_model::events::{EventType, kinds, schema, syscalls};
use std::collections::HashMap;
use std::sync::LazyLock;

/// How many words of bits hold all event types.
const WORDS: usize = 8;

/// A set of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EventSet([u64; WORDS]);

impl EventSet {
    /// No event type.
    pub const NONE: Self = Self([0; WORDS]);

    /// All event types of the schema.
    #[must_use]
    pub fn all() -> Self {
        static ALL: LazyLock<EventSet> = LazyLock::new(|| schema().iter().map(|info| info.kind).collect());
        *ALL
    }

    /// The event types that rules call so: all layouts of a system call; of a call that has no event type of its own those that
    /// stand for any call; nothing for a name that there is not.
    #[must_use]
    pub fn named(name: &[u8]) -> Self {
        static NAMES: LazyLock<HashMap<&[u8], EventSet>> = LazyLock::new(|| {
            let generic = [kinds::GENERIC_E, kinds::GENERIC_X];
            let mut names: HashMap<&[u8], EventSet> = HashMap::new();
            for info in schema().iter().filter(|info| !generic.contains(&info.kind)) {
                names.entry(info.name.as_bytes()).or_default().insert(info.kind);
            }
            for name in syscalls() {
                names.entry(name.as_bytes()).or_insert_with(|| generic.into_iter().collect());
            }
            names
        });
        NAMES.get(name).copied().unwrap_or_default()
    }

    /// Adds an event type; one that no schema can have is left out.
    pub fn insert(&mut self, kind: EventType) {
        if let Some(word) = self.0.get_mut(usize::from(kind.0 / 64)) {
            *word |= 1 << (kind.0 % 64);
        }
    }

    /// Whether an event type is in it.
    #[must_use]
    pub fn contains(&self, kind: EventType) -> bool {
        self.0.get(usize::from(kind.0 / 64)).is_some_and(|word| word >> (kind.0 % 64) & 1 == 1)
    }

    /// How many are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The event types that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.zip(other, |one, other| one & other)
    }

    /// The event types that are in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |one, other| one | other)
    }

    /// The event types of the schema that are not in it.
    #[must_use]
    pub fn complement(self) -> Self {
        Self::all().zip(self, |all, this| all & !this)
    }

    /// Its event types, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = EventType> {
        schema().iter().map(|info| info.kind).filter(move |kind| self.contains(*kind))
    }

    fn zip(mut self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = join(*word, other);
        }
        self
    }
}

impl FromIterator<EventType> for EventSet {
    fn from_iter<T: IntoIterator<Item = EventType>>(kinds: T) -> Self {
        let mut set = Self::NONE;
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

/// Why it cannot be said which event types a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventTypesError {
    /// The type is compared with what another field says.
    #[error("right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported by event code search")]
    Field,
    /// The type is changed before it is compared.
    #[error("event code search does not support `evt.type` checks with transformers")]
    Transformer,
}

/// The event types for which a condition can be true. `asynchronous` are the names that plugins give events of their own: such an
/// event has the type [`kinds::ASYNCEVENT_E`].
///
/// # Errors
/// The condition compares the type of an event with something that is known only when the event is there.
pub fn event_types(expr: &Node<Expr>, asynchronous: &[&str]) -> Result<EventSet, EventTypesError> {
    Search { asynchronous }.expr(expr, false)
}

struct Search<'a> {
    asynchronous: &'a [&'a str],
}

impl Search<'_> {
    fn expr(&self, expr: &Node<Expr>, negated: bool) -> Result<EventSet, EventTypesError> {
        match &expr.it {
            Expr::And(children) if negated => self.any(children, negated),
            Expr::And(children) => self.each(children, negated),
            Expr::Or(children) if negated => self.each(children, negated),
            Expr::Or(children) => self.any(children, negated),
            Expr::Not(child) => self.expr(child, !negated),
            Expr::Identifier(_) => Ok(EventSet::all()),
            Expr::Exists(left) => {
                let never = is_event_type(&left.it)? && negated;
                Ok(if never { EventSet::NONE } else { EventSet::all() })
            }
            Expr::Compare { left, operator, modifier, right } => self.compare(&left.it, *operator, *modifier, &right.it, negated),
        }
    }

    fn each(&self, children: &[Node<Expr>], negated: bool) -> Result<EventSet, EventTypesError> {
        children.iter().try_fold(EventSet::all(), |set, child| Ok(set.and(self.expr(child, negated)?)))
    }

    fn any(&self, children: &[Node<Expr>], negated: bool) -> Result<EventSet, EventTypesError> {
        children.iter().try_fold(EventSet::NONE, |set, child| Ok(set.or(self.expr(child, negated)?)))
    }

    fn compare(
        &self,
        left: &Operand,
        operator: Operator,
        modifier: Option<Modifier>,
        right: &Right,
        negated: bool,
    ) -> Result<EventSet, EventTypesError> {
        if modifier.is_some() {
            return Ok(EventSet::all());
        }
        if let Some(always) = decided(left, operator, right) {
            return Ok(if always == negated { EventSet::NONE } else { EventSet::all() });
        }
        if !matches!(operator, Operator::Eq | Operator::EqEq | Operator::Ne | Operator::In) || !is_event_type(left)? {
            return Ok(EventSet::all());
        }
        let set = match right {
            Right::Value(name) => self.named(name),
            Right::List(names) => names.iter().fold(EventSet::NONE, |set, name| set.or(self.named(name))),
            Right::Operand(operand) => {
                is_event_type(operand)?;
                return Err(EventTypesError::Field);
            }
        };
        Ok(if negated == (operator == Operator::Ne) { set } else { set.complement() })
    }

    fn named(&self, name: &[u8]) -> EventSet {
        let mut set = EventSet::named(name);
        if self.asynchronous.iter().any(|known| known.as_bytes() == name) {
            // A system call of that name without an event type of its own is not meant then.
            if set.contains(kinds::GENERIC_X) {
                set = EventSet::NONE;
            }
            set.insert(kinds::ASYNCEVENT_E);
        }
        set
    }
}

/// Whether this is the type of the event. Of a list of arguments only the last one counts, as upstream.
fn is_event_type(operand: &Operand) -> Result<bool, EventTypesError> {
    match operand {
        Operand::Field { name, arg } => Ok(arg.is_none() && matches!(name.as_str(), "evt.type" | "syscall.type")),
        Operand::Value(_) => Ok(false),
        Operand::List(values) => values.iter().try_fold(false, |_, value| is_event_type(&value.it)),
        Operand::Transform { values, .. } => {
            for value in values {
                if is_event_type(&value.it)? {
                    return Err(EventTypesError::Transformer);
                }
            }
            Ok(false)
        }
    }
}

/// Whether a comparison is true of all events or of none: events are numbered from 1 on.
fn decided(left: &Operand, operator: Operator, right: &Right) -> Option<bool> {
    if !matches!(left, Operand::Field { name, arg: None } if name == "evt.num") {
        return None;
    }
    let number = match right {
        Right::List(values) if operator == Operator::In => {
            return values.iter().all(|value| unsigned(value) == Some(0)).then_some(false);
        }
        Right::Value(value) => unsigned(value)?,
        _ => return None,
    };
    match (operator, number) {
        (Operator::Eq | Operator::EqEq | Operator::Le, 0) | (Operator::Lt, 0 | 1) => Some(false),
        (Operator::Ne | Operator::Gt, 0) | (Operator::Ge, 0 | 1) => Some(true),
        _ => None,
    }
}

/// A number as C reads it (`scanf("%lu")`): blanks before it, a sign that wraps around, and nothing behind it.
fn unsigned(text: &[u8]) -> Option<u64> {
    let text = text.split(|byte| *byte == 0).next()?;
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = text.get(blanks..)?;
    let negative = text.starts_with(b"-");
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |number: u64, byte: &u8| number.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    match digits.iter().try_fold(0, digit) {
        Some(number) if negative => Some(number.wrapping_neg()),
        Some(number) => Some(number),
        None => Some(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_fits() {
        assert!(schema().len() <= WORDS * 64);
        assert_eq!((EventSet::all().iter().count(), EventSet::all().len()), (schema().len(), schema().len()));
        assert_eq!(EventSet::all().complement(), EventSet::NONE);
        let all = |name: &str| EventSet::named(name.as_bytes()).iter().map(|kind| kind.info().symbol).collect::<Vec<_>>();
        assert_eq!(all("procexit"), ["PROCEXIT_E", "PROCEXIT_1_E"]);
        assert_eq!(all("sysinfo"), ["GENERIC_E", "GENERIC_X"]);
        assert!(all("syscall").is_empty() && all("nothing").is_empty());
    }

    #[test]
    fn numbers_are_read_as_c_does() {
        for (text, wanted) in
            [("0", Some(0)), (" +1", Some(1)), ("-1", Some(u64::MAX)), ("0x0", None), ("", None), ("1 ", None), ("-", None)]
        {
            assert_eq!(unsigned(text.as_bytes()), wanted, "{text}");
        }
        assert_eq!(unsigned(b"99999999999999999999999"), Some(u64::MAX));
    }
}
