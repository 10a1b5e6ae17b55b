//! The tree of a condition to a filter: its fields are looked up, its types checked, its values read.
//!
//! Checks, their order and messages are those of falcosecurity/libs: `sinsp_filter_compiler` in `userspace/libsinsp/filter.cpp`,
//! `add_filter_value` and `add_transformer` in `sinsp_filtercheck.cpp`.

use super::compare::type_name;
use super::{Check, Constant, Filter, PathPrefixMap, Reach, Shape, Source, Test, comparable, constant, signature};
use crate::condition::{Expr, Modifier, Node, Operand, Operator, Position, Right, Transformer};
use crate::fields::{Catalogue, Field, FieldError};
use plimsoll_model::events::{ParamType, schema, syscall_number};

/// Why a condition cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What is wrong, as falcosecurity/libs says it.
    pub message: String,
    /// Where.
    pub at: Position,
    /// What may have been meant.
    pub help: Option<String>,
}

/// What a condition may not have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What is odd.
    pub message: String,
    /// Where.
    pub at: Position,
}

/// What is wrong, and what may have been meant; the place is added where it is known.
#[derive(Debug, Default)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self { message, help: None }
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl Filter {
    /// Checks a condition against the fields of a source of events. Macros have to be resolved before.
    ///
    /// # Errors
    /// The first field, type or value that is wrong.
    pub fn compile(expr: &Node<Expr>, catalogue: &dyn Catalogue) -> Result<(Self, Vec<Warning>), CompileError> {
        let mut compiler = Compiler { catalogue, warnings: Vec::new() };
        let filter = compiler.expr(expr)?;
        Ok((filter, compiler.warnings))
    }
}

struct Compiler<'a> {
    catalogue: &'a dyn Catalogue,
    warnings: Vec<Warning>,
}

impl Compiler<'_> {
    fn expr(&mut self, expr: &Node<Expr>) -> Result<Filter, CompileError> {
        let placed = |problem: Problem| CompileError { message: problem.message, at: expr.at, help: problem.help };
        Ok(match &expr.it {
            Expr::And(all) => Filter::All(all.iter().map(|expr| self.expr(expr)).collect::<Result<_, _>>()?),
            Expr::Or(any) => Filter::Any(any.iter().map(|expr| self.expr(expr)).collect::<Result<_, _>>()?),
            Expr::Not(expr) => Filter::Not(Box::new(self.expr(expr)?)),
            Expr::Identifier(name) => return Err(placed(format!("filter error: unexpected identifier '{name}'").into())),
            Expr::Exists(operand) => {
                let left = source(&operand.it, self.catalogue).map_err(placed)?;
                match around(&left) {
                    Some((field, time)) => self.around(field, time, 0).map_err(placed)?,
                    None => Filter::Check(Check { left, test: Test::Exists }),
                }
            }
            Expr::Compare { left, operator, modifier, right } => {
                let left = source(&left.it, self.catalogue).map_err(placed)?;
                self.compare(left, *operator, *modifier, right).map_err(placed)?
            }
        })
    }

    fn compare(&mut self, left: Source, operator: Operator, modifier: Option<Modifier>, right: &Node<Right>) -> Result<Filter, Problem> {
        let shape = left.shape();
        comparable(operator, modifier, shape.kind, shape.list).map_err(|error| format!("filter error: {error}"))?;
        let texts = match &right.it {
            Right::Value(text) => std::slice::from_ref(text),
            Right::List(texts) => texts.as_slice(),
            Right::Operand(operand) => {
                let right = source(operand, self.catalogue)?;
                field_to_field(&left, operator, &right)?;
                return Ok(Filter::Check(Check { left, test: Test::Source { operator, right } }));
            }
        };
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            self.warn(operator, right.at, text);
            values.push(self.value(&left, operator, text)?);
        }
        if let Some((field, time)) = around(&left) {
            let Some(delta) = values.first().and_then(|value| as_unsigned(&value.text)) else {
                return Err("evt.around needs a number".into());
            };
            return self.around(field, time, delta.wrapping_mul(1_000_000));
        }
        let (values, modifier) = self.odd(&left, operator, modifier, values, right.at)?;
        let test = if operator == Operator::PMatch {
            let mut prefixes = PathPrefixMap::default();
            for value in &values {
                prefixes.insert(&value.text, ());
            }
            Test::Paths { values, prefixes }
        } else {
            Test::Constants { operator, modifier, values }
        };
        Ok(Filter::Check(Check { left, test }))
    }

    /// Reads a value that the left side is compared with.
    fn value(&self, left: &Source, operator: Operator, text: &[u8]) -> Result<Constant, Problem> {
        let base = base(left);
        let raw = base.is_some_and(is_raw);
        let value = constant::read(operator, left.shape().kind, raw, text)?;
        match base.map(|field| field.info.name) {
            Some("evt.type") => {
                let name = String::from_utf8_lossy(text);
                if !schema().iter().any(|event| event.name == name) && syscall_number(&name).is_none() {
                    return Err(format!("unknown event type {name}").into());
                }
            }
            Some("evt.around") if !matches!(operator, Operator::Eq | Operator::EqEq) => {
                return Err("evt.around supports only '=' comparison operator".into());
            }
            _ => {}
        }
        Ok(value)
    }

    /// `evt.around[T] = D`: whether the event is at most so many nanoseconds away from T.
    fn around(&self, field: &Field, time: u64, delta: u64) -> Result<Filter, Problem> {
        let _ = field;
        let left = Source::Field(self.catalogue.resolve("evt.rawtime", None).map_err(|_| "evt.around needs evt.rawtime")?);
        let bound = |operator, bound: u64| {
            let value = constant::read(operator, ParamType::AbsTime, false, bound.to_string().as_bytes())?;
            Ok::<_, String>(Filter::Check(Check {
                left: left.clone(),
                test: Test::Constants { operator, modifier: None, values: vec![value] },
            }))
        };
        Ok(Filter::All(vec![bound(Operator::Ge, time.saturating_sub(delta))?, bound(Operator::Le, time.saturating_add(delta))?]))
    }

    /// What upstream asks instead where a field compares in its own way, with a warning where that is not what stands there:
    ///
    /// - `intersects` stops it at the first event for addresses and ports of both ends; here it asks for one of the values at one end;
    /// - fields that look at several values take no modifier, and of a list of values only the first;
    /// - `in` never holds for numbers and addresses among them, as it compares with a length of nothing.
    fn odd(
        &mut self,
        left: &Source,
        operator: Operator,
        modifier: Option<Modifier>,
        mut values: Vec<Constant>,
        at: Position,
    ) -> Result<(Vec<Constant>, Option<Modifier>), Problem> {
        let (Source::Field(field), reach) = (left, left.reach()) else { return Ok((values, modifier)) };
        let raw = is_raw(field);
        if reach == Reach::One && !raw {
            return Ok((values, modifier));
        }
        let name = field.info.name;
        let set = matches!(operator, Operator::In | Operator::Intersects);
        // Upstream takes it and stops at the first event; here it holds if one end is one of the values.
        if reach == Reach::Ends && operator == Operator::Intersects {
            return Ok((values, None));
        }
        let texts = matches!(field.kind, ParamType::CharBuf | ParamType::FsPath | ParamType::FsRelPath);
        let unsized_set = set && !texts && !matches!(field.kind, ParamType::Port | ParamType::IpNet);
        let advice = if unsized_set {
            values.clear();
            None
        } else if modifier.is_some() || (set && field.kind == ParamType::IpNet) {
            let several = values.len() > 1;
            values.truncate(1);
            several.then(|| format!("'{name}' compares with the first of these values only; write one comparison for each"))
        } else {
            return Ok((values, modifier));
        };
        self.warnings.extend(advice.map(|message| Warning { message, at }));
        Ok((values, None))
    }

    /// Notes what a value may have been meant for.
    fn warn(&mut self, operator: Operator, at: Position, text: &[u8]) {
        let shown = String::from_utf8_lossy(text);
        let mut warn = |message| self.warnings.push(Warning { message, at });
        if operator == Operator::Regex && !needs_pattern(text) {
            let simpler = [Operator::Eq, Operator::Contains, Operator::StartsWith, Operator::EndsWith]
                .map(|operator| format!("'{}'", operator.text()));
            warn(format!("regex check with '{shown}' may be optimized with simpler operators such as {}", simpler.join(", ")));
        }
        let bare: String = shown.chars().filter(|character| !character.is_ascii_whitespace() && *character != '\x0b').collect();
        let (name, arg) = match bare.split_once('[').and_then(|(name, rest)| Some((name, rest.strip_suffix(']')?))) {
            Some((name, arg)) => (name, Some(arg)),
            None => (bare.as_str(), None),
        };
        match self.catalogue.resolve(name, arg) {
            Ok(_) => warn(format!("'{shown}' may be a valid field misused as a const string value")),
            Err(FieldError::Argument(_)) => return,
            Err(FieldError::Unknown) => {}
        }
        for transformer in Transformer::ALL {
            if bare.strip_prefix(transformer.text()).is_some_and(|rest| rest.len() >= 2 && rest.starts_with('(') && rest.ends_with(')')) {
                warn(format!("'{shown}' may be a valid field transformer misused as a const string value"));
            }
        }
    }
}

/// What an operand says, with its types checked.
pub(crate) fn source(operand: &Operand, catalogue: &dyn Catalogue) -> Result<Source, Problem> {
    match operand {
        Operand::Field { name, arg } => match catalogue.constant(name).filter(|_| arg.is_none()) {
            Some(text) => Ok(Source::Literal(text.as_bytes().into())),
            None => field(name, arg.as_deref(), catalogue).map(Source::Field),
        },
        Operand::Value(text) => Ok(Source::Literal(text.as_slice().into())),
        Operand::List(elements) => {
            elements.iter().map(|element| source(&element.it, catalogue)).collect::<Result<_, _>>().map(Source::List)
        }
        Operand::Transform { transformer, values, arg } => {
            let inputs = values.iter().map(|value| source(&value.it, catalogue)).collect::<Result<Vec<_>, _>>()?;
            transform(*transformer, inputs, arg.as_deref())
        }
    }
}

fn transform(transformer: Transformer, mut inputs: Vec<Source>, arg: Option<&[u8]>) -> Result<Source, Problem> {
    let name = transformer.text();
    if (inputs.len() == 1 || transformer == Transformer::Val) && arg.is_some() {
        return Err(format!("filter error: transformer '{name}' does not support field arguments").into());
    }
    if transformer == Transformer::Val && !inputs.is_empty() {
        return Ok(inputs.swap_remove(0));
    }
    // Transformers of one value ask what stands in front of them; those of several ask the fields below.
    let single = inputs.len() == 1;
    let several = matches!(transformer, Transformer::Join | Transformer::Concat | Transformer::Getopt);
    if let ([input], false) = (inputs.as_slice(), several)
        && let Some(field) = base(input).filter(|field| field.info.limits.no_transformer)
    {
        return Err(format!("field '{}' does not support transformers", field.info.name).into());
    }
    let shapes: Vec<Shape> = inputs.iter().map(|input| if several { below(input) } else { input.shape() }).collect();
    let shape = signature(transformer, &shapes, arg).map_err(|message| match inputs.first() {
        Some(input) if single && !several => format!("{message} '{}'", label(input)),
        _ => message,
    })?;
    Ok(Source::Transform { transformer, inputs, arg: arg.map(Into::into), kind: shape.kind, list: shape.list })
}

fn field(name: &str, arg: Option<&[u8]>, catalogue: &dyn Catalogue) -> Result<Field, Problem> {
    let text = arg.map(String::from_utf8_lossy);
    let found = match (&text, arg) {
        // A name that is no text is no field's argument.
        (Some(text), Some(arg)) if text.as_bytes() != arg => Err(FieldError::Unknown),
        _ => catalogue.resolve(name, text.as_deref()),
    };
    found.map_err(|error| match error {
        FieldError::Argument(message) => message.into(),
        FieldError::Unknown => {
            let nearest = catalogue.nearest(name);
            let whole = text.map_or_else(|| name.to_owned(), |arg| format!("{name}[{arg}]"));
            Problem {
                message: format!("filter_check called with nonexistent field {whole}"),
                help: (!nearest.is_empty() && !nearest.contains(&name)).then(|| format!("did you mean {}?", nearest.join(" or "))),
            }
        }
    })
}

/// Whether one field may be compared with another.
fn field_to_field(left: &Source, operator: Operator, right: &Source) -> Result<(), Problem> {
    if matches!(operator, Operator::PMatch | Operator::Regex) {
        return Err(format!("operator '{}' doesn't support right-hand side fields", operator.text().to_ascii_uppercase()).into());
    }
    let (left_shape, right_shape) = (left.shape(), right.shape());
    if matches!(left_shape.kind, ParamType::IpNet | ParamType::Ipv4Net | ParamType::Ipv6Net) {
        return Err("field type 'IPNET' doesn't support right-hand side fields".into());
    }
    let refuses = |source: &Source| base(source).is_some_and(|field| field.info.limits.no_rhs);
    if refuses(left) {
        return Err(format!("field '{}' doesn't support right-hand side fields", label(left)).into());
    }
    if refuses(right) {
        return Err(format!("field '{}' can't be used as a right-hand side field", label(right)).into());
    }
    if left_shape != right_shape {
        let list = |shape: Shape| if shape.list { " (list)" } else { "" };
        return Err(format!(
            "field '{}' has type '{}'{} while the right-hand side field '{}' has incompatible type '{}'{}",
            label(left),
            type_name(left_shape.kind),
            list(left_shape),
            label(right),
            type_name(right_shape.kind),
            list(right_shape),
        )
        .into());
    }
    Ok(())
}

/// The field that a source is made of, if it is of one only.
fn base(source: &Source) -> Option<&Field> {
    match source {
        Source::Field(field) => Some(field),
        Source::Transform { inputs, .. } => match inputs.as_slice() {
            [input] => base(input),
            _ => None,
        },
        Source::Literal(_) | Source::List(_) => None,
    }
}

/// What a source says before it is transformed: upstream checks the arguments of `join` and its like by the fields below them.
fn below(source: &Source) -> Shape {
    match source {
        Source::Transform { inputs, .. } => match inputs.as_slice() {
            [input] => below(input),
            _ => Shape::TEXT,
        },
        source => source.shape(),
    }
}

/// What messages call a source: upstream knows only fields by name.
fn label(source: &Source) -> &'static str {
    match source {
        Source::Transform { list: true, inputs, .. } if inputs.len() > 1 => "INTERNAL",
        source => base(source).map_or("NA", |field| field.info.name),
    }
}

/// Whether a field is a parameter as it is (`evt.rawarg`), whose type is that of the parameter.
fn is_raw(field: &Field) -> bool {
    field.info.kind == ParamType::Dyn
}

/// The time that an event is to be near to, if a source asks for that.
fn around(source: &Source) -> Option<(&Field, u64)> {
    match source {
        Source::Field(field) if field.info.name == "evt.around" => match &field.arg {
            Some(crate::fields::Arg::Index(time)) => Some((field, *time)),
            Some(crate::fields::Arg::Key(text)) => Some((field, text.parse().ok()?)),
            None => None,
        },
        _ => None,
    }
}

fn as_unsigned(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Whether a regular expression says more than an operator could: something special stands in it, apart from anchors and from "anything"
/// at its ends.
fn needs_pattern(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let anchor = (at == 0 && byte == b'^') || (at + 1 == text.len() && byte == b'$');
        let end = (at == 0 && text.len() > 1) || at + 2 == text.len();
        let anything = end && byte == b'.' && matches!(text.get(at + 1), Some(b'+' | b'*' | b'?'));
        if !anchor && !anything && b".+*?^$()[]{}|\\".contains(&byte) {
            return true;
        }
        at += if anything { 2 } else { 1 };
    }
    false
}
