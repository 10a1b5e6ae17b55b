//! Items to rules: lists, macros and exceptions are put into conditions, and what comes of it is checked against the fields of its source.
//!
//! The order of steps and what is said follows `rule_loader_compiler.cpp`.

use super::diagnostic::{Code, Context, Diagnostic, Diagnostics, Excerpt, ItemKind};
use super::items::{Items, RuleItem};
use super::lists::{Lists, TooLarge};
use super::{ExtraField, ExtraOutput, List, Macro, Rule, Rules, Sources, exceptions, warnings};
use crate::condition::{self, EventSet, Expr, Node, Operand, Options, Position, Reference, Right};
use crate::fields::Catalogue;
use crate::filter::Filter;
use crate::format::Format;
use std::collections::BTreeSet;
use std::sync::Arc;

const NO_EVENT_TYPE: &str = "Rule matches too many evt.type values. This has a significant performance penalty.";
/// A rule that may be about more event types than this is warned of.
const MANY_EVENT_TYPES: usize = 100;
/// How many values all conditions together may come to once macros are put in, each node counted as [`NODE`] of them, for it takes as much
/// memory; the largest file of upstream comes to 40,000.
const MAX_PARTS: usize = 4 << 20;
const NODE: usize = 8;
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
    let mut compiler = Compiler { items, sources, extras, found, left: MAX_PARTS, macros: Vec::new() };
    compiler.parse_macros(&mut lists);
    compiler.resolve_macros();
    let rules = items.rules.iter().filter_map(|rule| compiler.rule(rule, &mut lists)).collect();
    let Compiler { macros, mut found, .. } = compiler;
    // As upstream: after an error nobody asks what is not used.
    if found.is_ok() {
        for (item, _) in items.macros.iter().zip(&macros).filter(|(_, parsed)| !parsed.used) {
            found.push(item.context.diagnostic(Code::UnusedMacro, "Macro not referred to by any other rule/macro"));
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
                let (name, condition, context) = (item.name.clone(), item.condition.clone(), item.context.clone());
                Some(Macro { name, condition, expr: parsed.expr?, used: parsed.used, context })
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

/// A macro whose condition was parsed.
struct Parsed {
    /// Its condition with lists in it.
    text: Arc<str>,
    /// None if something is wrong with it: what uses it is not told again.
    expr: Option<Node<Expr>>,
    used: bool,
}

struct Compiler<'i> {
    items: &'i Items,
    sources: &'i Sources<'i>,
    extras: &'i [ExtraOutput],
    found: Diagnostics,
    /// How many parts are left for conditions.
    left: usize,
    /// In the order of the items.
    macros: Vec<Parsed>,
}

impl Compiler<'_> {
    fn parse_macros(&mut self, lists: &mut Lists) {
        for item in self.items.macros.iter() {
            let parsed = parse(&item.condition, &item.condition_context, lists);
            let (expr, text) = self.or_tell(parsed).map_or_else(|| (None, Arc::from("")), |(expr, text)| (Some(expr), text));
            self.macros.push(Parsed { text, expr, used: false });
        }
    }

    fn resolve_macros(&mut self) {
        for (at, item) in self.items.macros.iter().enumerate() {
            // It stays where it is: a macro that sees itself is found in a loop.
            let Some((expr, text)) = self.macros.get(at).and_then(|parsed| Some((parsed.expr.clone()?, Arc::clone(&parsed.text)))) else {
                continue;
            };
            let resolved = self.resolve(&expr, item.order.visibility, &text, [&item.context, &item.condition_context]);
            if let Some(parsed) = self.macros.get_mut(at) {
                parsed.expr = resolved;
            }
        }
    }

    /// Puts the macros into a condition that were defined before something.
    fn resolve(&mut self, expr: &Node<Expr>, visibility: u32, text: &Arc<str>, contexts: [&Context; 2]) -> Option<Node<Expr>> {
        // Upstream blames the item and not its condition; the place is that of the condition.
        let [context, condition_context] = contexts;
        if self.left == 0 {
            return None;
        }
        let find = |name: &str| {
            let item = self.items.macros.get(name).filter(|item| item.order.index < visibility)?;
            self.macros.get(self.items.macros.place(&item.name)?)?.expr.as_ref()
        };
        let resolved = condition::resolve_macros(expr, find);
        let parts = parts(&resolved.expr);
        // The condition itself stands in the file.
        self.left = self.left.saturating_sub(parts.saturating_sub(parts_of_text(text)));
        let is_broken = |name: &str| {
            let place = self
                .items
                .macros
                .get(name)
                .filter(|item| item.order.index < visibility)
                .and_then(|item| self.items.macros.place(&item.name));
            place.and_then(|place| self.macros.get(place)).is_some_and(|parsed| parsed.expr.is_none())
        };
        let wrong = match resolved.errors.first() {
            Some(error) => Some((error.message.clone(), error.at)),
            None => resolved.unknown.iter().find(|reference| !is_broken(&reference.name)).map(|Reference { name, at }| {
                // The name may stand in another macro.
                let stands = text.as_bytes().get(at.offset as usize..).is_some_and(|rest| rest.starts_with(name.as_bytes()));
                (format!("Undefined macro '{name}' used in filter."), if stands { *at } else { Position::START })
            }),
        };
        if let Some((message, at)) = wrong {
            let blamed = context.within(ItemKind::ConditionExpression, "", condition_context.location().clone());
            self.found
                .push(Diagnostic { excerpt: Some(Excerpt { text: Arc::clone(text), at }), ..blamed.diagnostic(Code::Validate, message) });
            return None;
        }
        if self.left == 0 {
            let message = format!("with their macros, conditions come to more than {MAX_PARTS} parts");
            self.found.push(context.diagnostic(Code::Validate, message));
            return None;
        }
        if !resolved.unknown.is_empty() {
            return None;
        }
        let used: BTreeSet<&str> = resolved.used.iter().map(|reference| reference.name.as_str()).collect();
        for place in used.into_iter().filter_map(|name| self.items.macros.place(name)) {
            if let Some(parsed) = self.macros.get_mut(place) {
                parsed.used = true;
            }
        }
        let mut resolved = resolved.expr;
        place(&mut resolved, expr);
        Some(resolved)
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
        let expr = self.resolve(&expr, u32::MAX, &text, [&item.context, &item.condition_context])?;
        warnings::of_condition(&expr, |code, message| {
            self.found.push(in_condition(code, message, &item.condition_context, &text, Position::START));
        });
        let filter = self.filter(&expr, item, catalogue, &text)?;
        let event_types = if item.source == super::SYSCALL { self.event_types(&expr, item, &text)? } else { EventSet::default() };
        Some(Rule {
            name: item.name.clone(),
            description: item.description.clone(),
            source: item.source.clone(),
            priority: item.priority,
            tags: item.tags.clone(),
            enabled: item.enabled,
            condition: item.condition.clone(),
            expr,
            filter,
            event_types,
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
    fn output(&mut self, item: &RuleItem, catalogue: &dyn Catalogue) -> Option<(String, Vec<ExtraField>)> {
        let mut format = item.output.clone();
        let mut fields: Vec<ExtraField> = Vec::new();
        for extra in self.extras.iter().filter(|extra| extra.is_for(&item.source, &item.name, &item.tags)) {
            if let Some(more) = &extra.format {
                format.push(' ');
                format.push_str(more);
            }
            for (key, made) in &extra.fields {
                fields.retain(|field| field.key != *key);
                let format = made.clone().unwrap_or_else(|| format!("%{key}"));
                fields.push(ExtraField { key: key.clone(), format, is_raw: made.is_none() });
            }
        }
        if format.contains(CONTAINER_INFO) {
            self.found.push(item.context.diagnostic(Code::DeprecatedItem, CONTAINER_INFO_IS_DEPRECATED));
            format = format.replace(CONTAINER_INFO, "");
        }
        for text in std::iter::once(&format).chain(fields.iter().map(|field| &field.format)) {
            if let Err(error) = Format::compile(text, catalogue) {
                let skipped = item.skip_if_unknown_filter && std::ptr::eq(text, &format) && is_unknown(&error.message);
                let code = if skipped { Code::UnknownFilter } else { Code::CompileOutput };
                self.found.push(item.output_context.diagnostic(code, error.message).with_help(error.help));
                return None;
            }
            for field in warnings::deprecated_in_output(text) {
                let message = format!("usage of deprecated field '{field}' has been detected in the rule output");
                self.found.push(item.output_context.diagnostic(Code::DeprecatedItem, message));
            }
        }
        Some((format, fields))
    }

    /// The condition with the fields of its source.
    fn filter(&mut self, expr: &Node<Expr>, item: &RuleItem, catalogue: &dyn Catalogue, text: &Arc<str>) -> Option<Filter> {
        match Filter::compile(expr, catalogue) {
            Ok((filter, warnings)) => {
                for warning in warnings {
                    let diagnostic = in_condition(Code::ConditionWarning, warning.message, &item.condition_context, text, warning.at);
                    self.found.push(diagnostic);
                }
                Some(filter)
            }
            Err(error) => {
                let skipped = item.skip_if_unknown_filter && is_unknown(&error.message);
                let code = if skipped { Code::UnknownFilter } else { Code::CompileCondition };
                self.found.push(in_condition(code, error.message, &item.condition_context, text, error.at).with_help(error.help));
                None
            }
        }
    }

    fn event_types(&mut self, expr: &Node<Expr>, item: &RuleItem, text: &Arc<str>) -> Option<EventSet> {
        match condition::event_types(expr, &[]) {
            Ok(types) => {
                if item.warn_evttypes && types.iter().count() > MANY_EVENT_TYPES {
                    self.found.push(item.context.diagnostic(Code::NoEventType, NO_EVENT_TYPE));
                }
                Some(types)
            }
            Err(error) => {
                let message = error.to_string();
                self.found.push(in_condition(Code::CompileCondition, message, &item.condition_context, text, Position::START));
                None
            }
        }
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

/// Whether a message says that a field or an event type is not known: then a rule may ask to be skipped.
fn is_unknown(message: &str) -> bool {
    ["nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:"].iter().any(|part| message.contains(part))
}

/// What came from a macro stands where the macro is named, and no more where it stood in the macro's own text.
fn place(resolved: &mut Node<Expr>, written: &Node<Expr>) {
    match (&mut resolved.it, &written.it) {
        (Expr::And(resolved), Expr::And(written)) | (Expr::Or(resolved), Expr::Or(written)) => {
            resolved.iter_mut().zip(written).for_each(|(resolved, written)| place(resolved, written));
        }
        (Expr::Not(resolved), Expr::Not(written)) => place(resolved, written),
        (_, Expr::Identifier(_)) => place_all(resolved, written.at),
        _ => {}
    }
}

fn place_all(expr: &mut Node<Expr>, at: Position) {
    expr.at = at;
    match &mut expr.it {
        Expr::And(children) | Expr::Or(children) => children.iter_mut().for_each(|child| place_all(child, at)),
        Expr::Not(child) => place_all(child, at),
        Expr::Identifier(_) => {}
        Expr::Exists(left) => left.at = at,
        Expr::Compare { left, right, .. } => (left.at, right.at) = (at, at),
    }
}

/// How many values a condition comes to.
fn parts(expr: &Node<Expr>) -> usize {
    NODE + match &expr.it {
        Expr::And(children) | Expr::Or(children) => children.iter().map(parts).sum(),
        Expr::Not(child) => parts(child),
        Expr::Compare { right, .. } => match &right.it {
            Right::List(values) => values.len(),
            Right::Value(_) | Right::Operand(_) => 0,
        },
        Expr::Identifier(_) | Expr::Exists(_) => 0,
    }
}

/// At most how many a text says itself: a node takes two bytes or more, but for the only one.
fn parts_of_text(text: &str) -> usize {
    text.len().div_ceil(2) * NODE
}

/// Whether a text is a field of the catalogue, or transformers of fields.
pub(super) fn is_field(catalogue: &dyn Catalogue, text: &str) -> bool {
    if text.contains('(') {
        return condition::parse(format!("{text} exists")).is_ok_and(|expr| Filter::compile(&expr, catalogue).is_ok());
    }
    match condition::parse_operand(text) {
        Ok((Node { it: Operand::Field { name, arg }, .. }, length)) if length == text.len() => {
            let arg = arg.as_ref().map(|arg| String::from_utf8_lossy(arg));
            catalogue.constant(&name).is_some() || catalogue.resolve(&name, arg.as_deref()).is_ok()
        }
        _ => false,
    }
}

/// What to say of a field that is not known.
pub(super) fn nearest(catalogue: &dyn Catalogue, name: &str) -> Option<String> {
    let names: Vec<String> = catalogue.nearest(name).into_iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}
