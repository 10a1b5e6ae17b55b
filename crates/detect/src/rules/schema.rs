//! Whether a rules file has the shape that Falco's schema of rules files asks for.
//!
//! Weaker in some ways than what the loader wants, and stricter in others: the loader says what can not be used, this says what is not as it
//! should be. It agrees with `falco --rule-schema`, which is checked with types that convert to each other.

use plimsoll_model::{Document, Location, Node};

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaProblem {
    /// What.
    pub message: String,
    /// Where.
    pub location: Location,
}

/// What a value has to be.
enum Shape {
    /// Whatever it is: any value passes for a text.
    Any,
    /// `true` or `false`, and no other spelling.
    Bool,
    /// A whole number.
    Integer,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A list of such values.
    ListOf(&'static Shape),
    /// A mapping with no other keys.
    Map {
        /// What the keys are for.
        keys: &'static [(&'static str, &'static Shape)],
        /// Which of them have to be there.
        required: &'static [&'static str],
        /// How many have to be there at least.
        at_least: usize,
    },
}

const fn map(keys: &'static [(&'static str, &'static Shape)], required: &'static [&'static str], at_least: usize) -> Shape {
    Shape::Map { keys, required, at_least }
}

static ANY: Shape = Shape::Any;
static BOOL: Shape = Shape::Bool;
static INTEGER: Shape = Shape::Integer;
static TEXTS: Shape = Shape::ListOf(&ANY);
static FILE: Shape = Shape::ListOf(&ITEM);
static PRIORITY: Shape = Shape::OneOf(&["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "INFORMATIONAL", "DEBUG"]);
static OPERATION: Shape = Shape::OneOf(&["append", "replace"]);
static PLUGINS: Shape = Shape::ListOf(&PLUGIN);
static PLUGIN: Shape = map(&[("name", &ANY), ("version", &ANY), ("alternatives", &ALTERNATIVES)], &["name", "version"], 0);
static ALTERNATIVES: Shape = Shape::ListOf(&ALTERNATIVE);
static ALTERNATIVE: Shape = map(&[("name", &ANY), ("version", &ANY)], &["name", "version"], 0);
static EXCEPTIONS: Shape = Shape::ListOf(&EXCEPTION);
static EXCEPTION: Shape = map(&[("name", &ANY), ("fields", &ANY), ("comps", &ANY), ("values", &ANY)], &["name"], 0);
static OVERRIDE: Shape = map(
    &[
        ("items", &OPERATION),
        ("desc", &OPERATION),
        ("condition", &OPERATION),
        ("output", &OPERATION),
        ("priority", &OPERATION),
        ("enabled", &OPERATION),
        ("exceptions", &OPERATION),
        ("capture", &OPERATION),
        ("capture_duration", &OPERATION),
        ("tags", &OPERATION),
        ("warn_evttypes", &OPERATION),
        ("skip-if-unknown-filter", &OPERATION),
    ],
    &[],
    1,
);
static ITEM: Shape = map(
    &[
        ("required_engine_version", &ANY),
        ("required_plugin_versions", &PLUGINS),
        ("list", &ANY),
        ("items", &TEXTS),
        ("macro", &ANY),
        ("rule", &ANY),
        ("condition", &ANY),
        ("desc", &ANY),
        ("output", &ANY),
        ("priority", &PRIORITY),
        ("source", &ANY),
        ("tags", &TEXTS),
        ("enabled", &BOOL),
        ("append", &BOOL),
        ("override", &OVERRIDE),
        ("exceptions", &EXCEPTIONS),
        ("capture", &BOOL),
        ("capture_duration", &INTEGER),
        ("warn_evttypes", &BOOL),
        ("skip-if-unknown-filter", &BOOL),
    ],
    &[],
    0,
);

/// What is not as it should be in the documents of a rules file.
pub(super) fn check(documents: &[Document]) -> Vec<SchemaProblem> {
    let mut problems = Vec::new();
    for root in documents.iter().filter_map(Document::root) {
        check_node(root, &FILE, &mut problems);
    }
    problems
}

fn check_node(node: Node<'_>, shape: &Shape, problems: &mut Vec<SchemaProblem>) {
    let text = node.text();
    let is_scalar = !node.is_map() && !node.is_list() && !node.is_null();
    let wanted = match shape {
        Shape::Any => return,
        Shape::Bool if is_scalar && matches!(text, "true" | "false") => return,
        Shape::Bool => "must be `true` or `false`".to_owned(),
        Shape::Integer if is_scalar && text.trim_ascii_start().parse::<i64>().is_ok() => return,
        Shape::Integer => "must be a whole number".to_owned(),
        Shape::OneOf(words) if is_scalar && words.contains(&text) => return,
        Shape::OneOf(words) => format!("must be one of {}", words.join(", ")),
        Shape::ListOf(shape) if node.is_list() => return node.items().for_each(|item| check_node(item, shape, problems)),
        // Empty lists and mappings pass for each other.
        Shape::ListOf(_) if node.is_map() && node.entries().next().is_none() => return,
        Shape::ListOf(_) => "must be a list".to_owned(),
        Shape::Map { keys, required, at_least } if node.is_map() || (node.is_list() && node.items().next().is_none()) => {
            for (key, value) in node.entries() {
                match keys.iter().find(|(name, _)| *name == key.text()) {
                    Some((_, shape)) => check_node(value, shape, problems),
                    None => {
                        let message = format!("there is no key `{}` here", key.text());
                        problems.push(SchemaProblem { message, location: key.location() });
                    }
                }
            }
            let missing = required.iter().find(|key| node.first_entry(key).is_none());
            match missing {
                Some(key) => format!("must have the key `{key}`"),
                None if node.entries().take(*at_least).count() < *at_least => "must have a key".to_owned(),
                None => return,
            }
        }
        Shape::Map { .. } => "must be a mapping".to_owned(),
    };
    problems.push(SchemaProblem { message: format!("this {wanted}"), location: node.location() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{Limits, Origin, Source};

    #[test]
    fn shapes() {
        let table = [
            ("- rule: x\n  priority: INFO", 0),
            ("- rule: x\n  priority: info", 1),
            ("- rule: [x]\n  enabled: yes", 1),
            ("- rule: x\n  enabled: \"true\"\n  capture_duration: 10", 0),
            ("- rule: x\n  capture_duration: ten", 1),
            ("- rule: x\n  exceptions:", 1),
            ("- rule: x\n  exceptions: {}", 0),
            ("- rule: x\n  exceptions: [{fields: a}]", 1),
            ("- rule: x\n  exceptions: [{name: a, value: b}]", 1),
            ("- macro: x\n  override: {}", 1),
            ("- macro: x\n  override: {condition: remove}", 1),
            ("- list: x\n  items: [1, a]\n  typo: 1", 1),
            ("rule: x", 1),
            ("- 1", 1),
            ("- required_plugin_versions: [{name: a, version: 1.0.0, alternatives: [{name: b}]}]", 1),
        ];
        for (text, wanted) in table {
            let (documents, _) = plimsoll_model::parse(&Source::new("x", Origin::File, text), Limits::default());
            assert_eq!(check(&documents).len(), wanted, "{text}");
        }
    }
}
