//! Rego, run by regorus, with limits and with what regorus reads otherwise than OPA put right.

use plimsoll_model::{Node, Problem, ProblemKind};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde_json::Value as Json;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

/// How long one evaluation may take. A policy that needs longer on one object is broken.
const TIME: Duration = Duration::from_secs(2);
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

impl Rego {
    /// Parses `module` and its `libraries`; `rule` of the module's package is what is asked for. `v1` is the version of
    /// the language. What cannot be parsed is a problem at its node.
    pub(crate) fn compile(module: Node<'_>, libraries: &[Node<'_>], rule: &str, v1: bool, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut engine = Engine::new();
        engine.set_rego_v0(!v1);
        engine.set_strict_builtin_errors(false);
        let interval = NonZeroU32::new(512).unwrap_or(NonZeroU32::MIN);
        engine.set_execution_timer_config(ExecutionTimerConfig { limit: TIME, check_interval: interval });
        let length: usize = libraries.iter().chain([&module]).map(|node| node.text().len()).sum();
        if length > LENGTH {
            problems.push(Problem::at(ProblemKind::Limit, module, format!("the policy is longer than {LENGTH} bytes")));
            return None;
        }
        for (at, library) in libraries.iter().enumerate() {
            add(&mut engine, &format!("library {}", at + 1), *library, problems)?;
        }
        let package = add(&mut engine, "policy", module, problems)?;
        let uses_inventory = libraries.iter().chain([&module]).any(|node| node.text().contains("inventory"));
        Some(Self { engine: Mutex::new(engine), query: format!("{package}.{rule}"), uses_inventory })
    }

    /// The value of the rule for `input`; `None` where it is undefined.
    pub(crate) fn evaluate(&self, input: &Json, inventory: Option<&Value>) -> Result<Option<Json>, String> {
        let mut engine = match self.engine.lock() {
            Ok(engine) => engine.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        if let Some(inventory) = inventory {
            engine.add_data(inventory.clone()).map_err(|error| first_line(&error))?;
        }
        engine.set_input(Value::from(input.clone()));
        match engine.eval_rule(self.query.clone()) {
            Ok(Value::Undefined) => Ok(None),
            Ok(value) => serde_json::to_value(&value).map(Some).map_err(|error| error.to_string()),
            Err(error) => Err(first_line(&error)),
        }
    }
}

/// Adds a module; its package.
fn add(engine: &mut Engine, name: &str, node: Node<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    match engine.add_policy(name.to_owned(), compatible(node.text())) {
        Ok(package) => Some(package),
        Err(error) => {
            let problem = Problem::at(ProblemKind::Invalid, node, format!("the Rego cannot be read: {}", last_line(&error)));
            problems.push(problem.help(place(&error)));
            None
        }
    }
}

fn first_line(error: &impl std::fmt::Display) -> String {
    last_line(error)
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
        match trimmed {
            "} {" if line.starts_with('}') && !head.is_empty() => lines.push(format!("}}\n{head}{{")),
            _ if trimmed.starts_with('(') && lines.last().is_some_and(|before| ends_expression(before)) => {
                let indent = line.len() - line.trim_start().len();
                lines.push(format!("{}true == {trimmed}", " ".repeat(indent)));
            }
            _ => {
                let indent = " ".repeat(line.len() - line.trim_start().len());
                lines.extend(looked_up(trimmed).iter().map(|argument| format!("{indent}_ = {argument}")));
                lines.push(line.to_owned());
            }
        }
    }
    lines.join("\n")
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
