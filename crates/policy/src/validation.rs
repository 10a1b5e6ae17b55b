//! The expressions of one policy, compiled: the part that ValidatingAdmissionPolicy, Kyverno's CEL policies and
//! Gatekeeper's CEL templates share.

use crate::cel::{Environment, Failure, FailureKind, Limits, Program, Value, Variable};
use crate::request::Request;
use crate::world::World;
use crate::{Breach, Verdict};
use plimsoll_model::{Node, Problem, ProblemKind, escape};
use serde_json::Value as Json;

/// Compiled expressions.
#[derive(Debug)]
pub(crate) struct Validation {
    conditions: Vec<(String, Program)>,
    variables: Vec<Variable>,
    checks: Vec<Check>,
    /// What is written down beside the verdict: key and value.
    annotations: Vec<(String, Program)>,
    /// Whether an expression that fails refuses the request (`failurePolicy: Fail`, which is the default).
    pub(crate) fail_closed: bool,
}

#[derive(Debug)]
struct Check {
    program: Program,
    message: Option<String>,
    message_expression: Option<Program>,
}

/// Where the parts of a validation stand, which differs by kind of policy.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    pub(crate) conditions: Option<Node<'a>>,
    pub(crate) variables: Option<Node<'a>>,
    pub(crate) checks: Option<Node<'a>>,
    pub(crate) annotations: Option<Node<'a>>,
    /// Whether an expression that fails lets the request pass.
    pub(crate) fail_open: bool,
    /// What expressions may speak of, besides `variables`.
    pub(crate) roots: &'a [&'static str],
}

impl Parts<'_> {
    /// All that expressions may speak of.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.roots.iter().copied().chain(["variables"]).collect()
    }
}

impl Validation {
    /// Compiles all parts. What does not compile is a problem at its place, and then there is no validation.
    pub(crate) fn compile(parts: &Parts<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let names = parts.names();
        let text = |node: Node<'_>, key: &str| node.get(key).map(|node| node.text().to_owned());
        let mut conditions = Vec::new();
        for one in parts.conditions.into_iter().flat_map(Node::items) {
            conditions.extend(text(one, "name").zip(compiled(one.get("expression"), one, &names, "bool", problems)));
        }
        let mut variables: Vec<Variable> = Vec::new();
        for one in parts.variables.into_iter().flat_map(Node::items) {
            let program = compiled(one.get("expression"), one, &names, "", problems);
            variables.extend(text(one, "name").zip(program).map(|(name, program)| Variable { name, program }));
        }
        let mut checks = Vec::new();
        for one in parts.checks.into_iter().flat_map(Node::items) {
            let message_expression = one.get("messageExpression");
            let message_expression = message_expression.and_then(|node| compiled(Some(node), one, &names, "string", problems));
            if let Some(program) = compiled(one.get("expression"), one, &names, "bool", problems) {
                checks.push(Check { program, message: text(one, "message"), message_expression });
            }
        }
        let mut annotations = Vec::new();
        for one in parts.annotations.into_iter().flat_map(Node::items) {
            annotations.extend(text(one, "key").zip(compiled(one.get("valueExpression"), one, &names, "", problems)));
        }
        (problems.len() == before).then_some(Self { conditions, variables, checks, annotations, fail_closed: !parts.fail_open })
    }

    /// Puts a variable before those of the policy, at place `at`.
    pub(crate) fn declare(&mut self, at: usize, name: &str, program: Program) {
        self.variables.insert(at.min(self.variables.len()), Variable { name: name.to_owned(), program });
    }

    /// The same validation for what makes pods: the pod template is at `path`.
    pub(crate) fn below(&self, path: &[&str]) -> Self {
        Self {
            conditions: self.conditions.iter().map(|(name, program)| (name.clone(), program.below(path))).collect(),
            variables: self
                .variables
                .iter()
                .map(|variable| Variable { name: variable.name.clone(), program: variable.program.below(path) })
                .collect(),
            checks: self
                .checks
                .iter()
                .map(|check| Check {
                    program: check.program.below(path),
                    message: check.message.clone(),
                    message_expression: check.message_expression.as_ref().map(|program| program.below(path)),
                })
                .collect(),
            annotations: self.annotations.iter().map(|(key, program)| (key.clone(), program.below(path))).collect(),
            fail_closed: self.fail_closed,
        }
    }

    /// What the expressions see of a request; `more` are variables beside those of the request.
    pub(crate) fn environment<'a>(
        &'a self,
        request: &'a Request<'a>,
        more: Vec<(&'static str, Value<'a>)>,
        world: &'a World<'a>,
    ) -> Environment<'a> {
        let mut roots = request.roots();
        roots.extend(more);
        Environment::new(roots, Limits::default()).with_variables(&self.variables).with_host(Some(world), world.now)
    }

    /// What the conditions come to where they do not let the request be judged.
    pub(crate) fn held_back<'a>(&'a self, environment: &Environment<'a>) -> Option<Verdict> {
        let mut failed = None;
        for (name, program) in &self.conditions {
            match program.decide(environment) {
                Ok((true, _)) => {}
                // One that is false outweighs one that failed.
                Ok((false, _)) => return Some(Verdict::Skipped),
                Err(failure) => failed = failed.or(Some((format!("match condition `{name}`"), failure))),
            }
        }
        failed.map(|(what, failure)| self.failed(&what, &failure))
    }

    /// Judges a request; `more` are variables beside those of the request.
    pub(crate) fn judge<'a>(&'a self, request: &'a Request<'a>, more: Vec<(&'static str, Value<'a>)>, world: &'a World<'a>) -> Verdict {
        let environment = self.environment(request, more, world);
        if let Some(verdict) = self.held_back(&environment) {
            return verdict;
        }
        let mut breaches = Vec::new();
        for (at, check) in self.checks.iter().enumerate() {
            match check.program.decide(&environment) {
                Ok((true, _)) => {}
                Ok((false, witness)) => breaches.push(Breach {
                    pointer: witness.and_then(|address| pointer_to(request.object, address)).unwrap_or_default(),
                    ..Breach::new(check.message(&environment))
                }),
                Err(failure) => match self.failed(&format!("expression {}", at + 1), &failure) {
                    Verdict::Failed(more) => breaches.extend(more),
                    unknown @ Verdict::Unknown(_) => return unknown,
                    _ => {}
                },
            }
        }
        let mut evidence = Vec::new();
        for (key, program) in &self.annotations {
            match program.evaluate(&environment) {
                Ok(Value::Null) => {}
                Ok(Value::String(text)) if text.trim().is_empty() => {}
                Ok(value) => evidence.push(format!("{key}: {}", value.display())),
                Err(failure) => match self.failed(&format!("audit annotation `{key}`"), &failure) {
                    Verdict::Failed(more) => breaches.extend(more),
                    Verdict::Unknown(why) => evidence.push(format!("{key}: not known, {why}")),
                    _ => {}
                },
            }
        }
        if breaches.is_empty() {
            return Verdict::Passed;
        }
        breaches.iter_mut().for_each(|breach| breach.evidence.clone_from(&evidence));
        Verdict::Failed(breaches)
    }

    /// What an expression without a value comes to: the API server refuses, or lets pass what it cannot judge.
    pub(crate) fn failed(&self, what: &str, failure: &Failure) -> Verdict {
        let message = format!("{what} failed: {failure}");
        match failure.kind {
            FailureKind::Unsupported => Verdict::Unknown(message),
            _ if self.fail_closed => Verdict::Failed(vec![Breach::new(message)]),
            _ => Verdict::Passed,
        }
    }
}

impl Check {
    /// What the policy says of a breach (apiserver `validating/validator.go`): the expression's text, the message, or the
    /// expression itself.
    fn message<'a>(&'a self, environment: &Environment<'a>) -> String {
        let made = self.message_expression.as_ref().and_then(|program| program.evaluate(environment).ok());
        let made = made.and_then(|value| match value {
            Value::String(text) if !text.trim().is_empty() && !text.contains('\n') => Some(text.trim().to_owned()),
            _ => None,
        });
        made.or_else(|| self.message.as_deref().map(|text| text.trim().to_owned()))
            .unwrap_or_else(|| format!("failed expression: {}", self.program.text().trim()))
    }
}

/// Compiles the expression at `node`, whose value has to be of a type.
pub(crate) fn compiled(
    node: Option<Node<'_>>,
    holder: Node<'_>,
    roots: &[&str],
    wanted: &str,
    problems: &mut Vec<Problem>,
) -> Option<Program> {
    let Some(node) = node else {
        problems.push(Problem::at(ProblemKind::Invalid, holder, "an `expression` is missing"));
        return None;
    };
    match Program::compile(node.text(), roots) {
        Ok(program) => match program.type_name() {
            Some(other) if !wanted.is_empty() && other != wanted => {
                problems.push(Problem::at(ProblemKind::Invalid, node, format!("the expression gives {other}, not {wanted}")));
                None
            }
            _ => Some(program),
        },
        Err(failure) => {
            let mut problem = Problem::at(ProblemKind::Invalid, node, failure.message.clone());
            problem = problem.help(marked(node.text(), &failure));
            problems.push(problem);
            None
        }
    }
}

/// The line of an expression that a failure is about, with the place marked.
fn marked(text: &str, failure: &Failure) -> String {
    let before = text.get(..failure.at.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let column = before.len() - start;
    let upto = line.get(..column).unwrap_or(line);
    let part = line.get(column..).unwrap_or("");
    let part = part.get(..failure.at.len().min(part.len())).unwrap_or(part);
    let rest = line.get(column + part.len()..).unwrap_or("");
    format!("in `{} >>>{part}<<< {}`", upto.trim_start(), rest.trim_end())
}

/// The JSON pointer to the part of `object` that lies at an address.
fn pointer_to(object: &Json, address: usize) -> Option<String> {
    if std::ptr::from_ref(object) as usize == address {
        return Some(String::new());
    }
    match object {
        Json::Array(items) => items.iter().enumerate().find_map(|(at, item)| Some(format!("/{at}{}", pointer_to(item, address)?))),
        Json::Object(map) => map.iter().find_map(|(key, value)| Some(format!("/{}{}", escape(key), pointer_to(value, address)?))),
        _ => None,
    }
}
