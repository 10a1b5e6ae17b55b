//! The functions that expressions may call: a library a file, found by name and number of arguments.

pub(super) mod authorizer;
mod format;
mod host;
mod lists;
mod net;
pub(super) mod opaque;
mod optional;
mod quantity;
mod regexes;
mod semver;
mod standard;
mod strings;
pub(super) mod time;
mod url;

use super::ast::{Expr, Kind};
use super::evaluate::{Call, Fault, no_overload};
use super::value::{Key, List, Map, Type, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use regexes::compile;
pub(super) use standard::{arithmetic, type_name};

/// A function or method. A method's receiver is its first argument.
pub(crate) struct Function {
    name: &'static str,
    style: Style,
    /// The fewest and the most arguments, receiver included.
    arguments: (usize, usize),
    pub(super) returns: Type,
    pub(super) run: Run,
}

type Run = for<'c, 'a> fn(&mut Call<'c, 'a>) -> Result<Value<'a>, Fault>;

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Global,
    Method,
    /// `matches(a, b)` and `a.matches(b)`.
    Both,
}

const fn global(name: &'static str, least: usize, most: usize, returns: Type, run: Run) -> Function {
    Function { name, style: Style::Global, arguments: (least, most), returns, run }
}

const fn method(name: &'static str, least: usize, most: usize, returns: Type, run: Run) -> Function {
    Function { name, style: Style::Method, arguments: (least, most), returns, run }
}

const fn both(name: &'static str, least: usize, most: usize, returns: Type, run: Run) -> Function {
    Function { name, style: Style::Both, arguments: (least, most), returns, run }
}

impl Function {
    /// The regular expression of a call, where it is written out.
    pub(super) fn pattern<'e>(&self, arguments: &'e [Expr]) -> Option<&'e str> {
        let takes = matches!(self.name, "matches" | "find" | "findAll") || self.name.starts_with("regex.");
        match &arguments.get(1)?.kind {
            Kind::String(pattern) if takes => Some(pattern),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const LIBRARIES: [&[Function]; 13] = [
    standard::FUNCTIONS,
    strings::FUNCTIONS,
    lists::FUNCTIONS,
    optional::FUNCTIONS,
    regexes::FUNCTIONS,
    time::FUNCTIONS,
    quantity::FUNCTIONS,
    semver::FUNCTIONS,
    url::FUNCTIONS,
    net::FUNCTIONS,
    format::FUNCTIONS,
    host::FUNCTIONS,
    authorizer::FUNCTIONS,
];

/// Functions and methods by name.
static BY_NAME: LazyLock<HashMap<&str, Vec<&Function>>> = LazyLock::new(|| {
    let mut by_name: HashMap<&str, Vec<&Function>> = HashMap::new();
    for function in LIBRARIES.iter().flat_map(|library| library.iter()) {
        by_name.entry(function.name).or_default().push(function);
    }
    by_name
});

/// Whether a function with a qualified name (`math.greatest`) is known.
pub(super) fn is_function(name: &str) -> bool {
    BY_NAME.contains_key(name)
}

/// The function of a name, for so many arguments (a method's receiver included).
pub(super) fn function(name: &str, is_method: bool, count: usize) -> Result<&'static Function, String> {
    let known = BY_NAME.get(name).map(Vec::as_slice).unwrap_or_default();
    let what = if is_method { "method" } else { "function" };
    let fits = |function: &&&Function| function.style == Style::Both || (function.style == Style::Method) == is_method;
    let named: Vec<_> = known.iter().filter(fits).collect();
    if named.is_empty() {
        return Err(match known.first() {
            Some(_) if is_method => format!("`{name}` is a function and no method: write `{name}(…)`"),
            Some(_) => format!("`{name}` is a method and no function: write `x.{name}(…)`"),
            None => format!("no {what} is called `{name}`"),
        });
    }
    named.iter().find(|function| (function.arguments.0..=function.arguments.1).contains(&count)).map(|function| **function).ok_or_else(
        || {
            let receiver = usize::from(is_method);
            format!("the {what} `{name}` does not take {} argument{}", count - receiver, if count - receiver == 1 { "" } else { "s" })
        },
    )
}

impl<'a> Call<'_, 'a> {
    fn get(&self, at: usize) -> &Value<'a> {
        self.arguments.get(at).unwrap_or(&Value::Null)
    }

    fn has(&self, at: usize) -> bool {
        at < self.arguments.len()
    }

    /// Spends what walking over the first argument costs.
    fn traverse(&self) -> Result<(), Fault> {
        self.environment.spend(self.get(0).size().div_ceil(10))
    }

    /// That the arguments do not fit.
    fn mismatch<T>(&self, name: &str) -> Result<T, Fault> {
        Err(Fault::Error(no_overload(name, &self.arguments.iter().collect::<Vec<_>>())))
    }

    fn string(&self, at: usize, name: &str) -> Result<Cow<'a, str>, Fault> {
        match self.get(at) {
            Value::String(text) => Ok(text.clone()),
            _ => self.mismatch(name),
        }
    }

    fn int(&self, at: usize, name: &str) -> Result<i64, Fault> {
        match self.get(at) {
            Value::Int(value) => Ok(*value),
            _ => self.mismatch(name),
        }
    }

    fn list(&self, at: usize, name: &str) -> Result<List<'a>, Fault> {
        match self.get(at) {
            Value::List(list) => Ok(list.clone()),
            _ => self.mismatch(name),
        }
    }

    fn opaque(&self, at: usize, name: &str) -> Result<&opaque::Opaque, Fault> {
        match self.get(at) {
            Value::Opaque(value) => Ok(value),
            _ => self.mismatch(name),
        }
    }
}

/// Makes a list of strings.
fn strings_list<'a>(items: impl IntoIterator<Item = String>) -> Value<'a> {
    Value::list(items.into_iter().map(Value::text).collect())
}
