//! Rego, run by regorus, with limits and with what regorus reads otherwise than OPA put right.

use crate::sprintf::sprintf;
use plimsoll_model::{Location, Node, Problem, ProblemKind, Source, Span};
use regex::Regex;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// How long the evaluation of one object may take. A policy that needs longer is broken.
const TIME: Duration = Duration::from_secs(2);
/// How long a rule may take that looks at all objects at once.
const TIME_OF_ALL: Duration = Duration::from_secs(30);
/// Bytes that the modules of one policy may have.
const LENGTH: usize = 1 << 20;

/// Parsed modules, and the rule that is asked for.
pub(crate) struct Rego {
    /// Evaluation needs an engine of its own; a copy shares the modules.
    engine: Mutex<Engine>,
    query: String,
    /// Whether the modules look at other objects.
    pub(crate) uses_inventory: bool,
}

impl std::fmt::Debug for Rego {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rego({})", self.query)
    }
}

/// The text of a module and where it stands.
pub(crate) struct Module<'a> {
    pub(crate) text: &'a str,
    pub(crate) place: Location,
}

impl<'a> From<Node<'a>> for Module<'a> {
    fn from(node: Node<'a>) -> Self {
        Self { text: node.text(), place: node.location() }
    }
}

impl<'a> From<&'a Arc<Source>> for Module<'a> {
    fn from(source: &'a Arc<Source>) -> Self {
        Self { text: &source.text, place: Location { source: Arc::clone(source), span: Span::default() } }
    }
}

impl Rego {
    /// Parses `module` and its `libraries`. `rule` of the module's package is what is asked for; empty for the
    /// whole package, with all objects as its input.
    /// `v1` is the version of the language. What cannot be parsed is a problem at its place.
    pub(crate) fn compile(
        module: &Module<'_>,
        libraries: &[Module<'_>],
        rule: &str,
        v1: bool,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut engine = Engine::new();
        engine.set_rego_v0(!v1);
        engine.set_strict_builtin_errors(false);
        let interval = NonZeroU32::new(512).unwrap_or(NonZeroU32::MIN);
        let limit = if rule.is_empty() { TIME_OF_ALL } else { TIME };
        engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: interval });
        // What Kubescape adds to the language. Signatures need a registry, so nothing is ever signed here.
        let normalise = |mut arguments: Vec<Value>| match arguments.pop().and_then(|value| value.as_string().ok().cloned()) {
            Some(text) => Ok(Value::from(normalised(&text))),
            None => Ok(Value::Undefined),
        };
        for name in ["image.parse_normalized_name", "image.parse_normalized_names"] {
            engine.add_extension(name.to_owned(), 1, Box::new(normalise)).ok()?;
        }
        for (name, count) in [("cosign.has_signature", 1), ("cosign.verify", 2)] {
            engine.add_extension(name.to_owned(), count, Box::new(|_: Vec<Value>| Ok(Value::Undefined))).ok()?;
        }
        // Functions of OPA that older modules still use.
        engine
            .add_extension("any".to_owned(), 1, Box::new(|items: Vec<Value>| Ok(truths(&items, |truths| truths.contains(&true)))))
            .ok()?;
        engine
            .add_extension("all".to_owned(), 1, Box::new(|items: Vec<Value>| Ok(truths(&items, |truths| !truths.contains(&false)))))
            .ok()?;
        let format = |arguments: Vec<Value>| Ok(format_int(&arguments).map_or(Value::Undefined, Value::from));
        engine.add_extension("plimsoll_format_int".to_owned(), 2, Box::new(format)).ok()?;
        let sprintf = |arguments: Vec<Value>| match arguments.as_slice() {
            [Value::String(format), Value::Array(arguments)] => Ok(Value::from(sprintf(format, &arguments.iter().collect::<Vec<_>>()))),
            _ => Ok(Value::Undefined),
        };
        engine.add_extension("plimsoll_sprintf".to_owned(), 2, Box::new(sprintf)).ok()?;
        engine
            .add_extension(
                "plimsoll_submatches".to_owned(),
                3,
                Box::new(|all: Vec<Value>| Ok(submatches(&all).unwrap_or(Value::Undefined))),
            )
            .ok()?;
        let length: usize = libraries.iter().chain([module]).map(|module| module.text.len()).sum();
        if length > LENGTH {
            let problem = Problem::new(ProblemKind::Limit, format!("the policy is longer than {LENGTH} bytes"));
            problems.push(problem.located(module.place.clone()));
            return None;
        }
        for (at, library) in libraries.iter().enumerate() {
            add(&mut engine, &format!("library {}", at + 1), library, problems)?;
        }
        let package = add(&mut engine, "policy", module, problems)?;
        let uses_inventory = libraries.iter().chain([module]).any(|module| module.text.contains("inventory"));
        let query = if rule.is_empty() { package } else { format!("{package}.{rule}") };
        Some(Self { engine: Mutex::new(engine), query, uses_inventory })
    }

    /// The value of the rule for `input`; `None` where it is undefined.
    pub(crate) fn evaluate(&self, input: &Json, data: Option<&Value>) -> Result<Option<Json>, String> {
        let mut engine = match self.engine.lock() {
            Ok(engine) => engine.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        if let Some(data) = data {
            engine.add_data(data.clone()).map_err(|error| last_line(&error))?;
        }
        engine.set_input(Value::from(input.clone()));
        let results = engine.eval_query(self.query.clone(), false).map_err(|error| last_line(&error))?;
        let value = results.result.into_iter().next().and_then(|result| result.expressions.into_iter().next());
        match value.map(|expression| expression.value) {
            None | Some(Value::Undefined) => Ok(None),
            Some(value) => serde_json::to_value(&value).map(Some).map_err(|error| error.to_string()),
        }
    }
}

/// `regex.find_all_string_submatch_n`: each match with its groups. The engine's own refuses expressions of a size that
/// those for references of images have.
fn submatches(arguments: &[Value]) -> Option<Value> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let [Value::String(pattern), Value::String(text), count] = arguments else { return None };
    let mut known = COMPILED.lock().ok()?;
    if !known.contains_key(&**pattern) {
        let compiled = Regex::new(pattern).ok()?;
        // Modules name a handful of expressions; what is made up for each object is not kept.
        if known.len() >= 64 {
            known.clear();
        }
        known.insert(pattern.to_string(), compiled);
    }
    let regex = known.get(&**pattern)?.clone();
    drop(known);
    let most = usize::try_from(count.as_i64().ok()?).unwrap_or(usize::MAX);
    let groups = |found: regex::Captures<'_>| -> Value {
        found.iter().map(|group| Value::from(group.map_or("", |group| group.as_str()))).collect::<Vec<_>>().into()
    };
    Some(regex.captures_iter(text).take(most).map(groups).collect::<Vec<_>>().into())
}

/// `any(x)` and `all(x)`: what comes of the items of a list or set, each of which is true or not.
fn truths(arguments: &[Value], reduce: fn(&[bool]) -> bool) -> Value {
    let is_true = |item: &Value| *item == Value::Bool(true);
    let truths: Vec<bool> = match arguments.first() {
        Some(Value::Array(items)) => items.iter().map(is_true).collect(),
        Some(Value::Set(items)) => items.iter().map(is_true).collect(),
        _ => return Value::Undefined,
    };
    Value::Bool(reduce(&truths))
}

/// A number in a base, as OPA writes it.
fn format_int(arguments: &[Value]) -> Option<String> {
    let number = arguments.first()?.as_f64().ok()?.floor();
    #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
    let number = Some(number).filter(|number| number.abs() < 9e15).map(|number| number as i64)?;
    let sign = if number < 0 { "-" } else { "" };
    let digits = number.unsigned_abs();
    match arguments.get(1)?.as_u64().ok()? {
        2 => Some(format!("{sign}{digits:b}")),
        8 => Some(format!("{sign}{digits:o}")),
        10 => Some(number.to_string()),
        16 => Some(format!("{sign}{digits:x}")),
        _ => None,
    }
}

/// The package of a module.
pub(crate) fn package(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("package "))?.split_whitespace().next()
}

/// A reference of an image with its registry, as `docker` reads it.
fn normalised(reference: &str) -> String {
    let is_host = |part: &str| part == "localhost" || part.contains(['.', ':']);
    match reference.split_once('/') {
        Some((host, _)) if is_host(host) => reference.to_owned(),
        Some(_) => format!("docker.io/{reference}"),
        None => format!("docker.io/library/{reference}"),
    }
}

/// Adds a module; its package.
fn add(engine: &mut Engine, name: &str, module: &Module<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    match engine.add_policy(name.to_owned(), compatible(module.text)) {
        Ok(package) => Some(package),
        Err(error) => {
            let problem = Problem::new(ProblemKind::Invalid, format!("the Rego cannot be read: {}", last_line(&error)));
            problems.push(problem.located(module.place.clone()).help(place(&error)));
            None
        }
    }
}

/// regorus shows the place first and says what is wrong last.
fn last_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("").trim_start_matches("error: ").to_owned()
}

fn place(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let place = text.lines().find_map(|line| line.trim().strip_prefix("--> "));
    place.map_or_else(String::new, |place| format!("at {place} (line and column of the Rego text)"))
}

/// The text of a module so that regorus reads it as OPA does:
/// - rules with several bodies, `f(x) = y { … } { … }`, are written out;
/// - an expression in parentheses on a line of its own does not call what is before it;
/// - a fact, `f("x")`, is true;
/// - `format_int` writes no `0O` before octal numbers, and `sprintf` takes any number of arguments;
/// - functions go by their newer names;
/// - `not f(a.b)` is undefined where `a.b` is: OPA looks arguments up before it negates.
fn compatible(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut head = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        // The head of a rule stands at the start of a line and opens its body there.
        if !line.starts_with([' ', '\t', '}', '#']) && trimmed.ends_with('{') && trimmed != "{" {
            head = line.trim_end().trim_end_matches('{').to_owned();
        }
        let line = line.replace("format_int(", "plimsoll_format_int(");
        let line = line.replace("regex.find_all_string_submatch_n(", "plimsoll_submatches(");
        // The older name of the same function.
        let line = line.replace("re_match(", "regex.match(");
        let line = &*line.replace("sprintf(", "plimsoll_sprintf(");
        match trimmed {
            _ if is_fact(line) => lines.push(format!("{} := true", line.trim_end())),
            "} {" if line.starts_with('}') && !head.is_empty() => lines.push(format!("}}\n{head}{{")),
            _ if trimmed.starts_with('(') && lines.last().is_some_and(|before| ends_expression(before)) => {
                let indent = line.len() - line.trim_start().len();
                lines.push(format!("{}; {trimmed}", " ".repeat(indent)));
            }
            _ => {
                // On the same line, so that places in error messages hold.
                let looked_up: String = looked_up(trimmed).iter().map(|argument| format!("_ = {argument}; ")).collect();
                lines.push(format!("{looked_up}{line}"));
            }
        }
    }
    lines.join("\n")
}

/// Whether a line is the head of a function and nothing else.
fn is_fact(line: &str) -> bool {
    let code = line.split(" #").next().unwrap_or(line).trim_end();
    let name = code.find('(').and_then(|at| code.get(..at)).unwrap_or("");
    let is_name =
        name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name && code.ends_with(')') && code.matches('(').count() == 1
}

/// The arguments of `not f(…)` that are plain paths.
fn looked_up(line: &str) -> Vec<&str> {
    let call = line.strip_prefix("not ").and_then(|rest| rest.trim().strip_suffix(')')?.split_once('('));
    let Some((name, arguments)) = call else { return Vec::new() };
    let is_name =
        |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // Anything but names and paths between the parentheses is left alone.
    if !name.split('.').all(is_name) || arguments.contains(['(', '"', '{']) {
        return Vec::new();
    }
    arguments.split(',').map(str::trim).filter(|argument| argument.contains('.') && argument.split('.').all(is_name)).collect()
}

fn ends_expression(line: &str) -> bool {
    let code = line.split(" #").next().unwrap_or(line).trim_end();
    code.ends_with(|c: char| c.is_alphanumeric() || c == ']' || c == '_')
}
