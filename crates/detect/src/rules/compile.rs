//! Items to rules: lists, macros and exceptions are put into conditions, and what comes of it is checked against the fields of its source.
//!
//! The order of steps and what is said follows `rule_loader_compiler.cpp`.

use super::diagnostic::{Code, Context, Diagnostic, Diagnostics, Excerpt, ItemKind};
use super::items::{Items, RuleItem};
use super::lists::{Lists, TooLarge};
use super::macros::{self, Budget, Failure, Parsed};
use super::{ExtraOutput, List, Macro, Rule, Rules, Sources, exceptions, warnings};
use crate::condition::{self, Expr, Node, Operand, Options, Position};
use crate::fields::{Catalogue, FieldError};
use std::sync::Arc;

const NO_EVENT_TYPE: &str = "Rule matches too many evt.type values. This has a significant performance penalty.";
const CONTAINER_INFO: &str = "%container.info";
const CONTAINER_INFO_IS_DEPRECATED: &str = "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. \
     The container plugin will automatically add required fields to the output message.";

pub(super) fn compile(items: &Items, sources: &Sources<'_>, extras: &[ExtraOutput]) -> (Rules, Diagnostics) {
    let mut found = Diagnostics::default();
    let mut lists = match Lists::expand(&items.lists) {
        Ok(lists) => lists,
        Err(TooLarge { limit, place }) => {
            let whole = items.lists.iter().nth(place).map(|list| &list.context);
            found.0.extend(whole.map(|context| context.diagnostic(Code::Validate, format!("lists come to more than {limit} items"))));
            return (Rules::default(), found);
        }
    };
    let mut compiler = Compiler { items, sources, extras, found, budget: Budget::default(), macros: Vec::new() };
    compiler.parse_macros(&mut lists);
    compiler.resolve_macros();
    let rules = items.rules.iter().filter_map(|rule| compiler.rule(rule, &mut lists)).collect();
    let Compiler { macros, mut found, .. } = compiler;
    // As upstream: after an error nobody asks what is not used.
    if found.is_ok() {
        for unused in macros.iter().filter(|parsed| !parsed.used) {
            found.push(unused.context.diagnostic(Code::UnusedMacro, "Macro not referred to by any other rule/macro"));
        }
        for (list, _) in items.lists.iter().zip(&lists.all).filter(|(_, expanded)| !expanded.used) {
            found.push(list.context.diagnostic(Code::UnusedList, "List not referred to by any other rule/macro"));
        }
    }
    let rules = Rules {
        rules,
        macros: items
            .macros
            .iter()
            .zip(macros)
            .filter_map(|(item, parsed)| {
                let Parsed { name, expr, used, context, .. } = parsed;
                Some(Macro { name, condition: item.condition.clone(), expr: expr?, used, context })
            })
            .collect(),
        lists: items
            .lists
            .iter()
            .zip(lists.all)
            .map(|(list, expanded)| List {
                name: list.name.clone(),
                items: list.items.clone(),
                expanded: expanded.items,
                used: expanded.used,
                context: list.context.clone(),
            })
            .collect(),
        required_engine_version: items.required_engine_version,
        required_plugins: items.required_plugins.clone(),
    };
    (rules, found)
}

struct Compiler<'i> {
    items: &'i Items,
    sources: &'i Sources<'i>,
    extras: &'i [ExtraOutput],
    found: Diagnostics,
    budget: Budget,
    macros: Vec<Parsed>,
}

impl Compiler<'_> {
    fn parse_macros(&mut self, lists: &mut Lists) {
        for item in self.items.macros.iter() {
            let expr = match parse(&item.condition, &item.condition_context, lists) {
                Ok((expr, _)) => Some(expr),
                Err(diagnostic) => {
                    self.found.push(*diagnostic);
                    None
                }
            };
            self.macros.push(Parsed { name: item.name.clone(), expr, used: false, order: item.order, context: item.context.clone() });
        }
    }

    fn resolve_macros(&mut self) {
        for (at, item) in self.items.macros.iter().enumerate() {
            let Some(expr) = self.macros.get(at).and_then(|parsed| parsed.expr.as_ref()) else { continue };
            let text: Arc<str> = Arc::from(item.condition.as_str());
            let resolved = self.resolve(expr, item.order.visibility);
            let resolved = self.told(resolved, &text, &item.context);
            if let Some(parsed) = self.macros.get_mut(at) {
                parsed.expr = resolved;
            }
        }
    }

    /// Puts the macros into a condition that were defined before something.
    fn resolve(&self, expr: &Node<Expr>, visibility: u32) -> (Result<(Node<Expr>, Vec<usize>), Failure>, Budget) {
        let mut budget = Budget::clone(&self.budget);
        let find = |name: &str| {
            let parsed = self.macros.get(self.items.macros.place(name)?)?;
            (parsed.order.index < visibility).then_some(parsed)
        };
        let resolved = macros::resolve(expr, &find, &mut budget).map(|resolved| {
            let used = resolved.used.iter().filter_map(|name| self.items.macros.place(name)).collect();
            (resolved.expr, used)
        });
        (resolved, budget)
    }

    /// Notes which macros are used, or what is wrong.
    fn told(
        &mut self,
        (resolved, budget): (Result<(Node<Expr>, Vec<usize>), Failure>, Budget),
        text: &Arc<str>,
        context: &Context,
    ) -> Option<Node<Expr>> {
        self.budget = budget;
        match resolved {
            Ok((expr, used)) => {
                for place in used {
                    if let Some(parsed) = self.macros.get_mut(place) {
                        parsed.used = true;
                    }
                }
                Some(expr)
            }
            Err(Failure::At(at, message)) => {
                self.found.push(in_condition(Code::Validate, message, context, text, at));
                None
            }
            Err(Failure::Broken) => None,
        }
    }

    fn rule(&mut self, item: &RuleItem, lists: &mut Lists) -> Option<Rule> {
        let catalogue = self.sources.get(&item.source).filter(|_| item.known_source)?;
        let made = if item.exceptions.is_empty() {
            Ok((item.condition.clone(), std::collections::BTreeSet::new()))
        } else {
            exceptions::condition(&item.condition, &item.exceptions)
        };
        let (condition, exception_fields) = self.or_tell(made)?;
        let (format, extra_fields) = self.output(item, catalogue)?;
        let (expr, text) = self.or_tell(parse(&condition, &item.condition_context, lists))?;
        let written: Arc<str> = Arc::from(condition.as_str());
        let resolved = self.resolve(&expr, u32::MAX);
        let expr = self.told(resolved, &written, &item.context)?;
        warnings::of_condition(&expr, |code, message| {
            let diagnostic = in_condition(code, message, &item.condition_context, &written, Position::START);
            self.found.push(diagnostic);
        });
        self.check(&expr, item, catalogue, &text)?;
        if item.source == super::SYSCALL && item.warn_evttypes && warnings::matches_too_many(&expr) {
            self.found.push(item.context.diagnostic(Code::NoEventType, NO_EVENT_TYPE));
        }
        Some(Rule {
            name: item.name.clone(),
            description: item.description.clone(),
            source: item.source.clone(),
            priority: item.priority,
            tags: item.tags.clone(),
            enabled: item.enabled,
            condition: item.condition.clone(),
            expr,
            output: item.output.clone(),
            format,
            extra_fields,
            exceptions: item.exceptions.clone(),
            exception_fields,
            capture: item.capture,
            capture_duration: item.capture_duration,
            context: item.context.clone(),
            condition_context: item.condition_context.clone(),
        })
    }

    /// The output with what is added to it.
    fn output(&mut self, item: &RuleItem, catalogue: &dyn Catalogue) -> Option<(String, Vec<(String, String, bool)>)> {
        let mut format = item.output.clone();
        let mut fields: Vec<(String, String, bool)> = Vec::new();
        for extra in self.extras.iter().filter(|extra| extra.is_for(&item.source, &item.name, &item.tags)) {
            if let Some(more) = &extra.format {
                format.push(' ');
                format.push_str(more);
            }
            for (key, made) in &extra.fields {
                fields.retain(|(known, ..)| known != key);
                fields.push((key.clone(), made.clone().unwrap_or_else(|| format!("%{key}")), made.is_none()));
            }
        }
        if format.contains(CONTAINER_INFO) {
            self.found.push(item.context.diagnostic(Code::DeprecatedItem, CONTAINER_INFO_IS_DEPRECATED));
            format = format.replace(CONTAINER_INFO, "");
        }
        for text in std::iter::once(&format).chain(fields.iter().map(|(_, text, _)| text)) {
            if let Err(wrong) = check_format(text, catalogue) {
                let is_own = std::ptr::eq(text, &format);
                let skipped = item.skip_if_unknown_filter && wrong.is_unknown && is_own;
                let code = if skipped { Code::UnknownFilter } else { Code::CompileOutput };
                self.found.push(item.output_context.diagnostic(code, wrong.message).with_help(wrong.help));
                return None;
            }
            for field in warnings::deprecated_in_output(text) {
                let message = format!("usage of deprecated field '{field}' has been detected in the rule output");
                self.found.push(item.output_context.diagnostic(Code::DeprecatedItem, message));
            }
        }
        Some((format, fields))
    }

    /// Whether the fields of a condition are there, and their types agree.
    fn check(&mut self, expr: &Node<Expr>, item: &RuleItem, catalogue: &dyn Catalogue, text: &Arc<str>) -> Option<()> {
        let Err((at, wrong)) = check_filter(expr, catalogue) else { return Some(()) };
        let skipped = item.skip_if_unknown_filter && wrong.is_unknown;
        let code = if skipped { Code::UnknownFilter } else { Code::CompileCondition };
        self.found.push(in_condition(code, wrong.message, &item.condition_context, text, at).with_help(wrong.help));
        None
    }

    fn or_tell<T>(&mut self, outcome: Result<T, Box<Diagnostic>>) -> Option<T> {
        outcome.map_err(|diagnostic| self.found.push(*diagnostic)).ok()
    }
}

/// A condition with lists in it, parsed.
fn parse(condition: &str, context: &Context, lists: &mut Lists) -> Result<(Node<Expr>, Arc<str>), Box<Diagnostic>> {
    let text = lists.put_into(condition).map_err(|TooLarge { limit, place }| {
        let name = lists.all.get(place).map_or("", |list| list.name.as_str());
        let message = format!("with the list '{name}' this condition takes more than {limit} bytes");
        Box::new(context.diagnostic(Code::CompileCondition, message))
    })?;
    let text: Arc<str> = Arc::from(text);
    match condition::parse_with(&*text, Options::RULES) {
        Ok(expr) => Ok((expr, text)),
        Err(error) => Err(Box::new(in_condition(Code::CompileCondition, error.message, context, &text, error.at))),
    }
}

fn in_condition(code: Code, message: impl Into<String>, context: &Context, text: &Arc<str>, at: Position) -> Diagnostic {
    let context = context.within(ItemKind::ConditionExpression, "", context.location().clone());
    Diagnostic { excerpt: Some(Excerpt { text: Arc::clone(text), at }), ..context.diagnostic(code, message) }
}

/// What is wrong with a condition or an output.
struct Wrong {
    message: String,
    help: Option<String>,
    /// A field or event type that is not known: a rule may ask to be skipped then.
    is_unknown: bool,
}

fn check_filter(expr: &Node<Expr>, catalogue: &dyn Catalogue) -> Result<(), (Position, Wrong)> {
    match &expr.it {
        Expr::And(children) | Expr::Or(children) => children.iter().try_for_each(|child| check_filter(child, catalogue)),
        Expr::Not(child) => check_filter(child, catalogue),
        Expr::Identifier(_) => Ok(()),
        Expr::Exists(left) | Expr::Compare { left, .. } => check_operand(&left.it, catalogue).map_err(|wrong| (left.at, wrong)),
    }
}

fn check_operand(operand: &Operand, catalogue: &dyn Catalogue) -> Result<(), Wrong> {
    match operand {
        Operand::Field { name, arg } => {
            let arg = arg.as_ref().map(|arg| String::from_utf8_lossy(arg));
            match catalogue.resolve(name, arg.as_deref()) {
                Ok(_) => Ok(()),
                Err(FieldError::Unknown) => {
                    let message = format!("filter_check called with nonexistent field {name}");
                    Err(Wrong { message, help: nearest(catalogue, name), is_unknown: true })
                }
                Err(FieldError::Argument(message)) => Err(Wrong { message, help: None, is_unknown: false }),
            }
        }
        Operand::Transform { values, .. } | Operand::List(values) => {
            values.iter().try_for_each(|value| check_operand(&value.it, catalogue))
        }
        Operand::Value(_) => Ok(()),
    }
}

fn check_format(_format: &str, _catalogue: &dyn Catalogue) -> Result<(), Wrong> {
    Ok(())
}

/// Whether a text is a field of the catalogue, or transformers of fields.
pub(super) fn is_field(catalogue: &dyn Catalogue, text: &str) -> bool {
    let Ok((operand, length)) = condition::parse_operand(text) else { return false };
    length == text.len() && check_operand(&operand.it, catalogue).is_ok()
}

/// What to say of a field that is not known.
pub(super) fn nearest(catalogue: &dyn Catalogue, name: &str) -> Option<String> {
    let names: Vec<String> = catalogue.nearest(name).into_iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}
