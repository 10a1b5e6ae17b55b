//! Exceptions of rules: what a rule does not match, in fields, comparisons and values.

use super::diagnostic::{Code, Context, Diagnostics, ItemKind, Outcome};
use super::lists::quoted;
use super::read::{entry, value};
use crate::condition::{Modifier, Operator};
use crate::fields::Catalogue;
use plimsoll_model::Node;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// An exception of a rule.
#[derive(Debug, Clone)]
pub struct Exception {
    /// Its name.
    pub name: String,
    /// The field, or the fields that are compared together.
    pub fields: Entry,
    /// How it is, or they are, compared.
    pub comps: Entry,
    /// With what: a value each for one field, else a list of as many values as there are fields.
    pub values: Vec<Entry>,
    /// Where it stands.
    pub context: Context,
}

/// What the parts of an exception may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A text; nothing at all is an empty one.
    One(String),
    /// Several.
    Many(Vec<Entry>),
}

impl Default for Entry {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Entry {
    /// Whether there is anything.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Self::One(text) => !text.is_empty(),
            Self::Many(entries) => !entries.is_empty(),
        }
    }

    /// The text, if it is one; of several there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::One(text) => text,
            Self::Many(_) => "",
        }
    }

    /// The entries, if there may be several.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match self {
            Self::One(_) => &[],
            Self::Many(entries) => entries,
        }
    }

    /// All texts in it, one or two levels deep.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let own = std::iter::once(self).filter(|entry| matches!(entry, Self::One(_)));
        own.chain(self.entries())
            .flat_map(|entry| std::iter::once(entry.text()).chain(entry.entries().iter().map(Self::text)))
            .filter(|text| !text.is_empty())
    }
}

/// The exceptions of the rule `item`. With `appended`, they may leave out their fields.
pub(super) fn read(item: Node<'_>, rule: &Context, appended: bool, found: &mut Diagnostics) -> Outcome<Vec<Exception>> {
    let Some(list) = entry(item, "exceptions").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let all = rule.node(ItemKind::Exceptions, "", list);
    if !list.is_list() {
        return Err(Box::new(all.diagnostic(Code::YamlValidate, "Rule exceptions must be a sequence")));
    }
    let mut exceptions: Vec<Exception> = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for one in list.items() {
        let nameless = all.node(ItemKind::Exception, "", one);
        if !one.is_map() {
            return Err(Box::new(nameless.diagnostic(Code::YamlValidate, "Rule exception must be a mapping")));
        }
        let name = value(one, "name", &nameless)?.text();
        let context = rule.node(ItemKind::Exception, name, one);
        if !names.insert(name) {
            let message = format!("Multiple definitions of exception '{name}' in the same rule");
            found.push(context.diagnostic(Code::ExceptionNameNotUnique, message));
        }
        let fields = part(one, "fields", &context, appended)?;
        let comps = part(one, "comps", &context, true)?;
        let mut values = Vec::new();
        match entry(one, "values") {
            Some(list) => {
                let all = context.node(ItemKind::ExceptionValues, "", list);
                if !list.is_list() {
                    return Err(Box::new(all.diagnostic(Code::YamlValidate, "Rule exception values must be a sequence")));
                }
                for one in list.items() {
                    values.push(read_entry(one, "", &all.node(ItemKind::ExceptionValue, "", one))?);
                }
            }
            None if appended => found.push(context.diagnostic(Code::AppendNoValues, "Overriding/appending exception with no values")),
            None => {}
        }
        exceptions.push(Exception { name: name.to_owned(), fields, comps, values, context });
    }
    Ok(exceptions)
}

fn part(exception: Node<'_>, key: &str, context: &Context, optional: bool) -> Outcome<Entry> {
    match entry(exception, key) {
        Some(node) => read_entry(node, key, context),
        None if optional => Ok(Entry::default()),
        None => Err(Box::new(context.diagnostic(Code::YamlValidate, format!("Item has no mapping for key '{key}'")))),
    }
}

fn read_entry(node: Node<'_>, key: &str, outer: &Context) -> Outcome<Entry> {
    let context = outer.node(ItemKind::ValueFor, key, node);
    if node.is_list() {
        let items = node.items().map(|item| read_entry(item, "", &context.node(ItemKind::Exception, "", item)));
        return Ok(Entry::Many(items.collect::<Outcome<_>>()?));
    }
    if node.is_map() || node.is_null() {
        return Ok(Entry::default());
    }
    if node.text().is_empty() {
        return Err(Box::new(context.diagnostic(Code::YamlValidate, "Value must be non-empty")));
    }
    Ok(Entry::One(node.text().to_owned()))
}

impl Exception {
    /// Fills in how fields are compared, and checks that all fits together. Without a catalogue, fields are not looked at.
    pub(super) fn validate(&mut self, catalogue: Option<&dyn Catalogue>) -> Outcome<()> {
        let fail = |context: &Context, message: String| Err(Box::new(context.diagnostic(Code::Validate, message)));
        match &mut self.fields {
            Entry::Many(fields) => {
                if !self.comps.is_valid() {
                    self.comps = Entry::Many(vec![Entry::One("=".to_owned()); fields.len()]);
                }
                let Entry::Many(comps) = &mut self.comps else {
                    return fail(&self.context, "Fields and comps lists must have equal length".to_owned());
                };
                if comps.len() != fields.len() {
                    return fail(&self.context, "Fields and comps lists must have equal length".to_owned());
                }
                for comp in comps {
                    trim(comp);
                    let text = comp.text();
                    if !is_operator(text) && !is_modified(text) {
                        return fail(&self.context, format!("'{text}' is not a supported comparison operator"));
                    }
                }
            }
            Entry::One(_) => {
                if !self.comps.is_valid() {
                    self.comps = Entry::One("in".to_owned());
                }
                if let Entry::Many(_) = self.comps {
                    return fail(&self.context, "Fields and comps must both be strings".to_owned());
                }
                trim(&mut self.comps);
                let text = self.comps.text();
                if !matches!(text, "in" | "pmatch" | "intersects") && !is_modified(text) {
                    let message = "When fields is a single value, comps must be one of (in, pmatch, intersects) \
                                   or a modifier operator (e.g. startswith oneof)";
                    return fail(&self.context, message.to_owned());
                }
            }
        }
        let Some(catalogue) = catalogue else { return Ok(()) };
        for field in if let Entry::Many(fields) = &self.fields { fields.as_slice() } else { std::slice::from_ref(&self.fields) } {
            if !super::compile::is_field(catalogue, field.text()) {
                let unknown = self.context.diagnostic(Code::Validate, format!("'{}' is not a supported filter field", field.text()));
                return Err(Box::new(match super::compile::nearest(catalogue, field.text()) {
                    Some(help) => unknown.help(help),
                    None => unknown,
                }));
            }
        }
        Ok(())
    }
}

/// The condition with what its exceptions add, and the fields that they ask for.
pub(super) fn condition(condition: &str, exceptions: &[Exception]) -> Outcome<(String, BTreeSet<String>)> {
    let mut fields = BTreeSet::new();
    let mut text = format!("({condition})");
    for exception in exceptions {
        let added = match &exception.fields {
            Entry::One(field) => of_one_field(exception, field, &mut fields)?,
            Entry::Many(names) => of_fields(exception, names, &mut fields)?,
        };
        if !added.is_empty() {
            text.push_str(" and not ");
            text.push_str(&added);
        }
    }
    Ok((text, fields))
}

fn of_one_field(exception: &Exception, field: &str, fields: &mut BTreeSet<String>) -> Outcome<String> {
    let mut text = String::new();
    for value in &exception.values {
        let Entry::One(value) = value else {
            let message = "Expected values array to contain a list of strings";
            return Err(Box::new(exception.context.diagnostic(Code::Validate, message)));
        };
        if text.is_empty() {
            text = format!("({field} {} (", exception.comps.text());
            fields.insert(field.to_owned());
        } else {
            text.push_str(", ");
        }
        text.push_str(&quoted(value));
    }
    if !text.is_empty() {
        text.push_str("))");
    }
    Ok(text)
}

fn of_fields(exception: &Exception, names: &[Entry], fields: &mut BTreeSet<String>) -> Outcome<String> {
    let mut text = String::new();
    for values in &exception.values {
        let values = values.entries();
        if values.len() != names.len() {
            let message = "Fields and values lists must have equal length";
            return Err(Box::new(exception.context.diagnostic(Code::Validate, message)));
        }
        text.push_str(if text.is_empty() { "(" } else { " or " });
        for (at, ((field, comp), value)) in names.iter().zip(exception.comps.entries()).zip(values).enumerate() {
            let value: Cow<'_, str> = match value {
                Entry::Many(items) => {
                    let items: Vec<_> = items.iter().map(|item| quoted(item.text())).collect();
                    format!("({})", items.join(", ")).into()
                }
                Entry::One(value) if takes_list(comp.text()) => {
                    if value.starts_with('(') {
                        value.into()
                    } else {
                        format!("({value})").into()
                    }
                }
                Entry::One(value) => quoted(value),
            };
            text.push_str(if at == 0 { "( " } else { " and  " });
            for part in [field.text(), " ", comp.text(), " ", &value] {
                text.push_str(part);
            }
            if !fields.contains(field.text()) {
                fields.insert(field.text().to_owned());
            }
        }
        text.push_str(if names.is_empty() { "()" } else { ")" });
    }
    if !text.is_empty() {
        text.push(')');
    }
    Ok(text)
}

fn trim(entry: &mut Entry) {
    if let Entry::One(text) = entry {
        *text = text.trim_matches([' ', '\t', '\r', '\n']).to_owned();
    }
}

fn operator(text: &str) -> Option<Operator> {
    Operator::ALL.iter().copied().find(|operator| operator.text() == text)
}

fn is_operator(text: &str) -> bool {
    operator(text).is_some() || text == "exists"
}

/// `startswith oneof` and the like: only comparisons of text take a modifier.
fn is_modified(text: &str) -> bool {
    let Some((name, modifier)) = text.split_once(' ') else { return false };
    let takes_modifier =
        |operator: Operator| !matches!(operator, Operator::Le | Operator::Lt | Operator::Ge | Operator::Gt) && !takes_list(operator.text());
    operator(name).is_some_and(takes_modifier) && Modifier::ALL.iter().any(|known| known.text() == modifier)
}

fn takes_list(text: &str) -> bool {
    matches!(text, "in" | "intersects" | "pmatch") || is_modified(text)
}

impl Exception {
    /// The names of its fields.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.texts()
    }
}
