//! A tree to a value (langdef, section "Evaluation"; costs as cel-go `interpreter/runtimecost.go` counts them).

use super::ast::{Expr, Fold, FoldKind, Kind, Operator};
use super::library::authorizer::{Access, User};
use super::value::{Key, List, Map, Value};
use super::{Failure, FailureKind, Program};
use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an evaluation may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Units of cost that one expression may use (apiserver `PerCallLimit`).
    pub expression: u64,
    /// Units of cost that all expressions of a policy may use on one object (apiserver `RuntimeCELCostBudget`).
    pub policy: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { expression: 1_000_000, policy: 10_000_000 }
    }
}

/// A named expression that is evaluated when it is first asked for: `variables.name`.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// Its expression.
    pub program: Program,
}

/// What functions ask for that is not part of the object.
pub trait Host: Sync {
    /// Objects by API version and plural resource; of a namespace unless that is empty.
    fn resources(&self, api_version: &str, resource: &str, namespace: &str) -> Result<Vec<serde_json::Value>, String>;
    /// What is known of an image: its manifest and configuration.
    fn image(&self, reference: &str) -> Result<serde_json::Value, String>;
    /// Whether there is nothing else than the objects that it knows.
    fn is_whole(&self) -> bool;
    /// What a call over HTTP is answered.
    fn http(&self, method: &str, url: &str) -> Result<serde_json::Value, String>;
    /// What stands in Kyverno's global context; a part of it where `projection` is not empty.
    fn context(&self, name: &str, projection: &str) -> Result<serde_json::Value, String>;
    /// Whether somebody may do something; an error says what would have to be known.
    fn allows(&self, user: &User, access: &Access) -> Result<bool, String>;
}

/// What an expression may speak of.
pub struct Environment<'a> {
    roots: Vec<(&'static str, Value<'a>)>,
    variables: &'a [Variable],
    values: RefCell<Vec<Option<Result<Value<'a>, Failure>>>>,
    pub(super) host: Option<&'a dyn Host>,
    pub(super) now: Option<Timestamp>,
    limits: Limits,
    /// Units that all expressions have cost, and the one at hand.
    spent: Cell<u64>,
    spent_here: Cell<u64>,
}

/// The part of the input that decided: its address within the JSON that was given.
pub(crate) type Witness = usize;

impl<'a> Environment<'a> {
    /// An environment of variables by name.
    pub fn new(roots: Vec<(&'static str, Value<'a>)>, limits: Limits) -> Self {
        Self {
            roots,
            variables: &[],
            values: RefCell::default(),
            host: None,
            now: None,
            limits,
            spent: Cell::new(0),
            spent_here: Cell::new(0),
        }
    }

    /// With named expressions, each of which may speak of those before it.
    #[must_use]
    pub fn with_variables(mut self, variables: &'a [Variable]) -> Self {
        self.values = RefCell::new(vec![None; variables.len()]);
        self.variables = variables;
        self
    }

    /// With what functions may ask for.
    #[must_use]
    pub fn with_host(mut self, host: Option<&'a dyn Host>, now: Option<Timestamp>) -> Self {
        self.host = host;
        self.now = now;
        self
    }

    /// Spends `units` of cost.
    pub(super) fn spend(&self, units: usize) -> Result<(), Fault> {
        let add = |cell: &Cell<u64>| {
            cell.set(cell.get().saturating_add(units as u64));
            cell.get()
        };
        if add(&self.spent_here) > self.limits.expression || add(&self.spent) > self.limits.policy {
            return Err(Fault::Cost);
        }
        Ok(())
    }

    fn root(&self, name: &str) -> Option<&Value<'a>> {
        self.roots.iter().find(|(root, _)| *root == name).map(|(_, value)| value)
    }

    /// The value of `variables.name`, evaluated once.
    fn variable(&self, name: &str) -> Option<Result<Value<'a>, Failure>> {
        let at = self.variables.iter().position(|variable| variable.name == name)?;
        let variable = self.variables.get(at)?;
        if let Some(Some(known)) = self.values.borrow().get(at) {
            return Some(known.clone());
        }
        let value = variable.program.evaluate(self);
        if let Some(slot) = self.values.borrow_mut().get_mut(at) {
            *slot = Some(value.clone());
        }
        Some(value)
    }
}

pub(super) fn evaluate<'a>(expr: &'a Expr, environment: &Environment<'a>) -> Result<Value<'a>, Failure> {
    evaluate_with_witness(expr, environment).map(|(value, _)| value)
}

pub(super) fn evaluate_with_witness<'a>(expr: &'a Expr, environment: &Environment<'a>) -> Result<(Value<'a>, Option<Witness>), Failure> {
    // A variable is an expression of its own, with a limit of its own.
    let around = environment.spent_here.replace(0);
    let mut machine = Machine { environment, stack: Vec::new(), witness: None };
    let value = machine.run(expr);
    environment.spent_here.set(around);
    Ok((value?, machine.witness))
}

/// Why a function gave no value.
pub(super) enum Fault {
    Error(String),
    Unsupported(String),
    Cost,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Error(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::Error(message.to_owned())
    }
}

/// A call of a function: the receiver of a method is the first argument.
pub(super) struct Call<'c, 'a> {
    pub(super) arguments: Vec<Value<'a>>,
    pub(super) environment: &'c Environment<'a>,
}

struct Machine<'m, 'a> {
    environment: &'m Environment<'a>,
    stack: Vec<Value<'a>>,
    witness: Option<Witness>,
}

type Run<'a> = Result<Value<'a>, Failure>;

impl<'a> Machine<'_, 'a> {
    fn fail<T>(&self, expr: &Expr, fault: impl Into<Fault>) -> Result<T, Failure> {
        let (kind, message) = match fault.into() {
            Fault::Error(message) => (FailureKind::Evaluation, message),
            Fault::Unsupported(message) => (FailureKind::Unsupported, message),
            Fault::Cost => {
                let limit = self.environment.limits.expression;
                (FailureKind::Cost, format!("the expression costs more than the limit of {limit} units"))
            }
        };
        Err(Failure { kind, message, at: expr.at.clone() })
    }

    fn spend(&mut self, expr: &Expr, units: usize) -> Result<(), Failure> {
        self.environment.spend(units).or_else(|fault| self.fail(expr, fault))
    }

    fn run(&mut self, expr: &'a Expr) -> Run<'a> {
        match &expr.kind {
            Kind::Null => Ok(Value::Null),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Int(value) => Ok(Value::Int(*value)),
            Kind::Uint(value) => Ok(Value::Uint(*value)),
            Kind::Double(value) => Ok(Value::Double(*value)),
            Kind::String(text) => Ok(Value::String((&**text).into())),
            Kind::Bytes(bytes) => Ok(Value::Bytes(Arc::clone(bytes))),
            Kind::Type(name) => Ok(Value::Type(name)),
            Kind::Root(name) => {
                self.spend(expr, 1)?;
                match self.environment.root(name) {
                    Some(value) => Ok(value.clone()),
                    None => self.fail(expr, format!("`{name}` has no value here")),
                }
            }
            Kind::Local(slot) => {
                self.spend(expr, 1)?;
                self.stack.get(*slot).cloned().map_or_else(|| self.fail(expr, "the variable has no value"), Ok)
            }
            Kind::Select { operand, field, optional } => self.select(expr, operand, field, *optional),
            Kind::Has { operand, field } => self.has(expr, operand, field),
            Kind::Index { operand, index, optional } => {
                self.spend(expr, 1)?;
                let operand = self.run(operand)?;
                let index = self.run(index)?;
                self.index(expr, operand, &index, *optional)
            }
            Kind::Call { function, arguments } => {
                let arguments = arguments.iter().map(|argument| self.run(argument)).collect::<Result<Vec<_>, _>>()?;
                self.spend(expr, 1)?;
                (function.run)(&mut Call { arguments, environment: self.environment }).or_else(|fault| self.fail(expr, fault))
            }
            Kind::List(items) => {
                self.spend(expr, 10)?;
                let mut list = Vec::with_capacity(items.len());
                for (optional, item) in items {
                    let value = self.run(item)?;
                    if *optional {
                        list.extend(self.unwrap(item, value)?);
                    } else {
                        list.push(value);
                    }
                }
                Ok(Value::list(list))
            }
            Kind::Map(entries) => {
                self.spend(expr, 30)?;
                let mut map = BTreeMap::new();
                for (optional, key, value) in entries {
                    let key_value = self.run(key)?;
                    let Some(name) = key_value.key() else {
                        return self.fail(key, format!("{} cannot be the key of a map", key_value.type_name()));
                    };
                    let made = self.run(value)?;
                    let made = if *optional { self.unwrap(value, made)? } else { Some(made) };
                    if let Some(made) = made
                        && map.insert(name, made).is_some()
                    {
                        return self.fail(key, "the key stands twice in the map");
                    }
                }
                Ok(Value::Map(Map::Made(Arc::new(map))))
            }
            Kind::Struct(_, fields) => {
                self.spend(expr, 40)?;
                let mut map = BTreeMap::new();
                for (optional, name, value) in fields {
                    let made = self.run(value)?;
                    let made = if *optional { self.unwrap(value, made)? } else { Some(made) };
                    if let Some(made) = made {
                        map.insert(Key::String(name.clone()), made);
                    }
                }
                Ok(Value::Map(Map::Made(Arc::new(map))))
            }
            Kind::Not(operand) => match self.run(operand)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                other => self.fail(expr, no_overload("!", &[&other])),
            },
            Kind::Negate(operand) => match self.run(operand)? {
                Value::Int(value) => value.checked_neg().map_or_else(|| self.fail(expr, "integer overflow"), |value| Ok(Value::Int(value))),
                Value::Double(value) => Ok(Value::Double(-value)),
                other => self.fail(expr, no_overload("-", &[&other])),
            },
            Kind::And(all) => self.logic(expr, all, false),
            Kind::Or(all) => self.logic(expr, all, true),
            Kind::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                match self.run(condition)? {
                    Value::Bool(true) => self.run(yes),
                    Value::Bool(false) => self.run(no),
                    other => self.fail(condition, format!("a condition must be a boolean, is {}", other.type_name())),
                }
            }
            Kind::Binary(operator, operands) => {
                let [left, right] = &**operands;
                let (left, right) = (self.run(left)?, self.run(right)?);
                self.binary(expr, *operator, &left, &right)
            }
            Kind::Fold(fold) => self.fold(expr, fold),
            Kind::Bind(parts) => {
                let [value, body] = &**parts;
                let value = self.run(value)?;
                self.within(&mut [Some(value)], |machine| machine.run(body))
            }
        }
    }

    /// Evaluates something with more variables on the stack.
    fn within<T>(&mut self, values: &mut [Option<Value<'a>>], run: impl FnOnce(&mut Self) -> T) -> T {
        let height = self.stack.len();
        self.stack.extend(values.iter_mut().filter_map(Option::take));
        let result = run(self);
        self.stack.truncate(height);
        result
    }

    /// The content of an optional, for literals with `?`.
    fn unwrap(&self, expr: &Expr, value: Value<'a>) -> Result<Option<Value<'a>>, Failure> {
        match value {
            Value::Optional(inner) => Ok(inner.map(|inner| (*inner).clone())),
            other => self.fail(expr, format!("an optional is needed after `?`, not {}", other.type_name())),
        }
    }

    /// `&&` (`decisive` false) and `||` (`decisive` true): a decisive operand outweighs errors of the others.
    fn logic(&mut self, expr: &'a Expr, operands: &'a [Expr], decisive: bool) -> Run<'a> {
        let mut failure = None;
        for operand in operands {
            match self.run(operand) {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    let symbol = if decisive { "||" } else { "&&" };
                    failure = failure.or(self.fail::<()>(expr, no_overload(symbol, &[&other])).err());
                }
                Err(error) if error.kind == FailureKind::Cost => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn select(&mut self, expr: &'a Expr, operand: &'a Expr, field: &'a str, optional: bool) -> Run<'a> {
        self.spend(expr, 1)?;
        if let Kind::Root(name) = &operand.kind
            && &**name == "variables"
            && let Some(value) = self.environment.variable(field)
        {
            return value.map_err(|failure| Failure {
                message: format!("variable `{field}`: {}", failure.message),
                kind: failure.kind,
                at: expr.at.clone(),
            });
        }
        let operand = self.run(operand)?;
        self.field(expr, operand, field, optional)
    }

    fn field(&mut self, expr: &Expr, operand: Value<'a>, field: &str, optional: bool) -> Run<'a> {
        match operand {
            Value::Map(map) if optional => Ok(Value::optional(map.field(field))),
            Value::Map(map) => map.field(field).map_or_else(|| self.fail(expr, format!("no such key: {field}")), Ok),
            // After `a.?b`, every further field is optional too.
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match &*inner {
                Value::Map(map) => Ok(Value::optional(map.field(field))),
                other => self.fail(expr, format!("{} has no fields", other.type_name())),
            },
            Value::Null if optional => Ok(Value::Optional(None)),
            Value::Opaque(opaque) if opaque.field(field).is_some() => {
                Ok(opaque.field(field).map_or(Value::Null, |field| Value::Opaque(Arc::new(field))))
            }
            other => self.fail(expr, format!("{} has no field `{field}`", other.type_name())),
        }
    }

    fn has(&mut self, expr: &'a Expr, operand: &'a Expr, field: &'a str) -> Run<'a> {
        self.spend(expr, 1)?;
        if let Kind::Root(name) = &operand.kind
            && &**name == "variables"
        {
            return Ok(Value::Bool(self.environment.variables.iter().any(|variable| variable.name == field)));
        }
        match self.run(operand)? {
            Value::Map(map) => Ok(Value::Bool(map.field(field).is_some_and(|value| !matches!(value, Value::Null)))),
            Value::Optional(None) => Ok(Value::Bool(false)),
            Value::Optional(Some(inner)) => match &*inner {
                Value::Map(map) => Ok(Value::Bool(map.field(field).is_some())),
                _ => Ok(Value::Bool(false)),
            },
            other => self.fail(expr, format!("{} has no fields", other.type_name())),
        }
    }

    fn index(&mut self, expr: &Expr, operand: Value<'a>, index: &Value<'a>, optional: bool) -> Run<'a> {
        let (operand, optional) = match operand {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => ((*inner).clone(), true),
            other => (other, optional),
        };
        let found = match &operand {
            Value::Map(map) => match index.key() {
                Some(key) => map.get(&key).ok_or_else(|| format!("no such key: {}", index.display())),
                None => Err(format!("{} cannot be the key of a map", index.type_name())),
            },
            Value::List(list) => match index.key() {
                Some(Key::Int(at)) => {
                    let item = usize::try_from(at).ok().and_then(|at| list.get(at));
                    item.ok_or_else(|| format!("index out of bounds: {at} of {}", list.len()))
                }
                _ => Err(format!("the index of a list must be an int, is {}", index.type_name())),
            },
            other => return self.fail(expr, no_overload("[]", &[other, index])),
        };
        match found {
            found if optional => Ok(Value::optional(found.ok())),
            Ok(value) => Ok(value),
            Err(message) => self.fail(expr, message),
        }
    }

    fn binary(&mut self, expr: &Expr, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Run<'a> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let traversed = match operator {
            Operator::In => right.size(),
            Operator::Add => left.size().saturating_add(right.size()).div_ceil(10),
            _ => left.size().min(right.size()).div_ceil(10),
        };
        self.spend(expr, traversed.max(1))?;
        let ordered = |wanted: &[std::cmp::Ordering]| match left.compare(right) {
            Some(order) => Ok(Value::Bool(wanted.contains(&order))),
            None if matches!((left, right), (Value::Double(_), _) | (_, Value::Double(_))) => Ok(Value::Bool(false)),
            None => Err(no_overload(operator.symbol(), &[left, right])),
        };
        let result = match operator {
            Operator::Equal => Ok(Value::Bool(left.equals(right))),
            Operator::NotEqual => Ok(Value::Bool(!left.equals(right))),
            Operator::Less => ordered(&[Less]),
            Operator::LessEqual => ordered(&[Less, Equal]),
            Operator::Greater => ordered(&[Greater]),
            Operator::GreaterEqual => ordered(&[Greater, Equal]),
            Operator::In => match right {
                Value::List(list) => Ok(Value::Bool(list.iter().any(|item| item.equals(left)))),
                Value::Map(map) => Ok(Value::Bool(left.key().is_some_and(|key| map.get(&key).is_some()))),
                _ => Err(no_overload("in", &[left, right])),
            },
            _ => super::library::arithmetic(operator, left, right),
        };
        result.or_else(|message| self.fail(expr, message))
    }

    fn fold(&mut self, expr: &'a Expr, fold: &'a Fold) -> Run<'a> {
        let range = self.run(&fold.range)?;
        if let FoldKind::OptMap | FoldKind::OptFlatMap = fold.kind {
            let Value::Optional(inner) = range else {
                return self.fail(expr, format!("an optional is needed, not {}", range.type_name()));
            };
            let Some(inner) = inner else { return Ok(Value::Optional(None)) };
            let value = self.within(&mut [Some((*inner).clone())], |machine| machine.run(&fold.body))?;
            return Ok(if fold.kind == FoldKind::OptMap { Value::some(value) } else { value });
        }
        let mut state = State::default();
        match &range {
            Value::List(list) => {
                for (at, item) in list.iter().enumerate() {
                    let witness = match list {
                        List::Json(items) => items.get(at).map(|item| std::ptr::from_ref(item) as usize),
                        List::Made(_) => None,
                    };
                    let key = fold.two.then(|| Value::Int(i64::try_from(at).unwrap_or(i64::MAX)));
                    if self.step(expr, fold, key, item, witness, &mut state)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    let witness = match (map, &key) {
                        (Map::Json(map), Key::String(key)) => map.get(&**key).map(|item| std::ptr::from_ref(item) as usize),
                        _ => None,
                    };
                    let (first, second) = if fold.two { (Some(key.into()), value) } else { (None, key.into()) };
                    if self.step(expr, fold, first, second, witness, &mut state)? {
                        break;
                    }
                }
            }
            other => return self.fail(&fold.range, format!("{} cannot be walked over", other.type_name())),
        }
        self.finish(expr, fold, range, state)
    }

    /// One item of a walk; whether the walk is over.
    fn step(
        &mut self,
        expr: &'a Expr,
        fold: &'a Fold,
        key: Option<Value<'a>>,
        item: Value<'a>,
        witness: Option<Witness>,
        state: &mut State<'a>,
    ) -> Result<bool, Failure> {
        self.spend(expr, 1)?;
        let outer = self.witness.take();
        let place = key.clone();
        let (taken, value) = self.within(&mut [key, Some(item.clone())], |machine| {
            let taken = match &fold.filter {
                Some(filter) => machine.run(filter),
                None => Ok(Value::Bool(true)),
            };
            let value = match taken {
                Ok(Value::Bool(true)) => Some(machine.run(&fold.body)),
                _ => None,
            };
            (taken, value)
        });
        let inner = std::mem::replace(&mut self.witness, outer);
        let value = match (taken?, value) {
            (Value::Bool(_), None) => return Ok(false),
            (Value::Bool(_), Some(value)) => value,
            (other, _) => return self.fail(expr, format!("a condition must be a boolean, is {}", other.type_name())),
        };
        let condition = || match &value {
            Ok(Value::Bool(value)) => Ok(*value),
            Ok(other) => Err(Failure {
                kind: FailureKind::Evaluation,
                message: format!("a condition must be a boolean, is {}", other.type_name()),
                at: fold.body.at.clone(),
            }),
            Err(failure) => Err(failure.clone()),
        };
        match fold.kind {
            FoldKind::All | FoldKind::Exists => match condition() {
                Ok(found) if found == (fold.kind == FoldKind::Exists) => {
                    state.decided = true;
                    // What is inside of the item says more than the item.
                    if fold.kind == FoldKind::All || self.witness.is_none() {
                        self.witness = inner.or(witness).or(self.witness);
                    }
                    return Ok(true);
                }
                Ok(_) => {}
                Err(failure) if failure.kind == FailureKind::Cost => return Err(failure),
                Err(failure) => state.failure = state.failure.take().or(Some(failure)),
            },
            FoldKind::ExistsOne => state.count += usize::from(condition()?),
            FoldKind::Filter => {
                if condition()? {
                    state.items.push(item);
                }
            }
            FoldKind::Map => state.items.push(value?),
            FoldKind::SortBy => {
                state.keys.push(value?);
                state.items.push(item);
            }
            FoldKind::TransformMap => {
                let key = place.as_ref().and_then(Value::key);
                state.map.extend(key.zip(Some(value?)));
            }
            FoldKind::TransformMapEntry => match value? {
                Value::Map(entries) => state.map.extend(entries.iter()),
                other => return self.fail(expr, format!("a map is needed, not {}", other.type_name())),
            },
            FoldKind::OptMap | FoldKind::OptFlatMap => {}
        }
        Ok(false)
    }

    fn finish(&mut self, expr: &Expr, fold: &Fold, range: Value<'a>, mut state: State<'a>) -> Run<'a> {
        match fold.kind {
            FoldKind::All | FoldKind::Exists => {
                let exists = fold.kind == FoldKind::Exists;
                match state.failure {
                    Some(failure) if !state.decided => Err(failure),
                    _ => Ok(Value::Bool(state.decided == exists)),
                }
            }
            FoldKind::ExistsOne => Ok(Value::Bool(state.count == 1)),
            // The items of a filtered map are its keys.
            FoldKind::Filter | FoldKind::Map => {
                self.spend(expr, 10)?;
                drop(range);
                Ok(Value::list(state.items))
            }
            FoldKind::SortBy => {
                let mut order: Vec<usize> = (0..state.items.len()).collect();
                let key = |at: &usize| state.keys.get(*at);
                order.sort_by(|a, b| key(a).zip(key(b)).and_then(|(a, b)| a.compare(b)).unwrap_or(std::cmp::Ordering::Equal));
                let sorted = order.iter().filter_map(|at| state.items.get(*at).cloned()).collect();
                Ok(Value::list(sorted))
            }
            FoldKind::TransformMap | FoldKind::TransformMapEntry => Ok(Value::Map(Map::Made(Arc::new(std::mem::take(&mut state.map))))),
            FoldKind::OptMap | FoldKind::OptFlatMap => Ok(Value::Optional(None)),
        }
    }
}

/// What a walk has gathered.
#[derive(Default)]
struct State<'a> {
    decided: bool,
    count: usize,
    failure: Option<Failure>,
    items: Vec<Value<'a>>,
    keys: Vec<Value<'a>>,
    map: BTreeMap<Key, Value<'a>>,
}

/// That a function or operator does not take what it was given.
pub(super) fn no_overload(name: &str, operands: &[&Value<'_>]) -> String {
    let types: Vec<&str> = operands.iter().map(|operand| operand.type_name()).collect();
    format!("`{name}` does not take {}", types.join(" and "))
}
