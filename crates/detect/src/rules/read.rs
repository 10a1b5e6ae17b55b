//! A rules file to items.
//!
//! Which keys an item has, what is checked in which order and what is said about it follows `rule_loader_reader.cpp`.

use super::diagnostic::{Code, Context, Diagnostics, ItemKind, Outcome};
use super::items::{Items, List, Macro, Order, RuleItem, Update};
use super::version::{ENGINE_VERSION, PluginVersion, Version};
use super::{Priority, Sources, exceptions};
use plimsoll_model::scalar::{self, Scalar};
use plimsoll_model::{Document, Limits, Node, ProblemKind, Source};
use std::collections::BTreeSet;
use std::sync::Arc;

const APPEND_IS_DEPRECATED: &str = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
const ENABLED_IS_DEPRECATED: &str = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a \
     'replace' entry under the 'override' key (i.e. 'enabled: replace').";
const OVERRIDE_AND_APPEND: &str = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. \
     'condition: append') under 'override' instead.";

/// What can be appended to in a rule.
const APPENDABLE: &[&str] = &["condition", "exceptions", "output", "desc", "tags"];
/// What can be replaced in a rule.
const REPLACEABLE: &[&str] = &[
    "condition",
    "exceptions",
    "output",
    "desc",
    "tags",
    "priority",
    "capture",
    "capture_duration",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
];
const RULE_KEYS: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "tags",
    "exceptions",
    "override",
    "append",
];

/// Reads the items of a file into `items`. After a broken item the others are still read, so that all that is wrong is told at once.
pub(super) fn file(source: &Arc<Source>, limits: Limits, items: &mut Items, sources: &Sources<'_>) -> (Vec<Document>, Diagnostics) {
    let mut reader = Reader { items, sources, found: Diagnostics::default() };
    let whole = Context::file(source);
    let (documents, problems) = plimsoll_model::parse(source, limits);
    for problem in problems {
        let context = match problem.location {
            Some(location) => whole.within(ItemKind::ValueFor, "", location),
            None => whole.clone(),
        };
        let diagnostic = if problem.kind == ProblemKind::DuplicateKey {
            let key = context.location().source.slice(context.location().span).trim_matches(['"', '\'']).to_owned();
            context.diagnostic(Code::DuplicateKey, format!("Key '{key}' stands twice; the first one counts."))
        } else {
            context.diagnostic(Code::YamlParse, problem.message)
        };
        reader.found.push(match problem.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
    // Nothing of a file that is no YAML is used.
    if !reader.found.is_ok() {
        return (documents, reader.found);
    }
    for root in documents.iter().filter_map(Document::root).filter(|root| !root.is_null()) {
        if !root.is_list() {
            let message = if root.is_map() { "Rules content is not yaml array of objects" } else { "Rules content is not yaml" };
            reader.found.push(whole.diagnostic(Code::YamlValidate, message));
            continue;
        }
        for item in root.items().filter(|item| !item.is_null()) {
            if let Err(diagnostic) = reader.item(item, &whole) {
                reader.found.push(*diagnostic);
            }
        }
    }
    let found = reader.found;
    (documents, found)
}

struct Reader<'r, 's> {
    items: &'r mut Items,
    sources: &'r Sources<'s>,
    found: Diagnostics,
}

/// What an item overrides of an earlier one.
#[derive(Default)]
struct Overrides<'a> {
    append: BTreeSet<&'a str>,
    replace: BTreeSet<&'a str>,
}

impl Reader<'_, '_> {
    fn item(&mut self, item: Node<'_>, file: &Context) -> Outcome<()> {
        if !item.is_map() {
            let context = file.node(ItemKind::RulesContentItem, "", item);
            let message = "Unexpected element type. Each element should be a yaml associative array.";
            return Err(Box::new(context.diagnostic(Code::YamlValidate, message)));
        }
        if entry(item, "required_engine_version").is_some() {
            self.required_engine_version(item, file)
        } else if let Some(plugins) = entry(item, "required_plugin_versions") {
            self.required_plugin_versions(item, plugins, file)
        } else if entry(item, "list").is_some() {
            self.list(item, file)
        } else if entry(item, "macro").is_some() {
            self.condition_macro(item, file)
        } else if entry(item, "rule").is_some() {
            self.rule(item, file)
        } else {
            let context = file.node(ItemKind::RulesContentItem, "", item);
            self.found.push(context.diagnostic(Code::UnknownItem, "Unknown top level item"));
            Ok(())
        }
    }

    fn required_engine_version(&mut self, item: Node<'_>, file: &Context) -> Outcome<()> {
        let context = file.node(ItemKind::RequiredEngineVersion, "", item);
        let text = value(item, "required_engine_version", &context)?.text();
        let Some(version) = unsigned(text).map(Version::of_number).or_else(|| Version::parse(text)) else {
            let message = format!("Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format.");
            return Err(Box::new(context.diagnostic(Code::YamlValidate, message)));
        };
        if !ENGINE_VERSION.satisfies(version) {
            let message = format!("Rules require engine version {version}, but engine version is {ENGINE_VERSION}");
            return Err(Box::new(context.diagnostic(Code::Validate, message)));
        }
        self.items.required_engine_version = self.items.required_engine_version.max(version);
        self.unknown_keys(item, &["required_engine_version"], &context);
        Ok(())
    }

    fn required_plugin_versions(&mut self, item: Node<'_>, plugins: Node<'_>, file: &Context) -> Outcome<()> {
        let context = file.node(ItemKind::RequiredPluginVersions, "", plugins);
        let fail = |context: &Context, message: &str| Err(Box::new(context.diagnostic(Code::YamlValidate, message)));
        if !plugins.is_list() {
            return fail(&context, "Value of required_plugin_versions must be a sequence");
        }
        for plugin in plugins.items() {
            let nameless = context.node(ItemKind::RequiredPluginVersionsEntry, "", plugin);
            if !plugin.is_map() {
                return fail(&nameless, "Plugin version must be a mapping");
            }
            let name = value(plugin, "name", &nameless)?.text();
            let named = context.node(ItemKind::RequiredPluginVersionsEntry, name, plugin);
            let version = value(plugin, "version", &named)?.text();
            let mut alternatives = vec![PluginVersion { name: name.to_owned(), version: version.to_owned() }];
            if let Some(others) = entry(plugin, "alternatives") {
                if !others.is_list() {
                    return fail(&named, "Value of plugin version alternatives must be a sequence");
                }
                for other in others.items() {
                    let kind = ItemKind::RequiredPluginVersionsAlternative;
                    let nameless = named.node(kind, "", other);
                    if !other.is_map() {
                        return fail(&nameless, "Plugin version alternative must be a mapping");
                    }
                    let name = value(other, "name", &nameless)?.text();
                    let version = value(other, "version", &named.node(kind, name, other))?.text();
                    alternatives.push(PluginVersion { name: name.to_owned(), version: version.to_owned() });
                }
            }
            let mut names = BTreeSet::new();
            for PluginVersion { name, version } in &alternatives {
                let fail = |message: String| Err(Box::new(named.diagnostic(Code::Validate, message)));
                if Version::parse(version).is_none() {
                    return fail(format!("Invalid required version '{version}' for plugin '{name}'"));
                }
                if !names.insert(name) {
                    return fail(format!("Defined multiple alternative version requirements for plugin '{name}'"));
                }
            }
            if let Some(message) = self.sources.missing(&alternatives) {
                self.found.push(named.diagnostic(Code::Validate, message));
            }
            self.items.required_plugins.push(alternatives);
        }
        let whole = file.node(ItemKind::RequiredPluginVersions, "", item);
        self.unknown_keys(item, &["required_plugin_versions"], &whole);
        Ok(())
    }

    fn list(&mut self, item: Node<'_>, file: &Context) -> Outcome<()> {
        let name = value(item, "list", &file.node(ItemKind::List, "", item))?.text();
        let context = file.node(ItemKind::List, name, item);
        if name.bytes().any(|byte| matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',' | b' ' | b'\t'..=b'\r')) {
            let message = "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)";
            self.found.push(context.diagnostic(Code::InvalidListName, message));
        }
        let mut items = Vec::new();
        texts(item, "items", false, &context, |text| items.push(Arc::from(text)))?;
        let list = List { name: name.to_owned(), items, context: context.clone(), order: Order::default() };
        if self.appends(item, "items", &context)? {
            self.items.append_list(list)?;
        } else {
            self.items.define_list(list);
        }
        self.unknown_keys(item, &["list", "items", "append", "override"], &context);
        Ok(())
    }

    fn condition_macro(&mut self, item: Node<'_>, file: &Context) -> Outcome<()> {
        let name = value(item, "macro", &file.node(ItemKind::Macro, "", item))?.text();
        let context = file.node(ItemKind::Macro, name, item);
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !name.bytes().all(is_letter) {
            let message = "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)";
            self.found.push(context.diagnostic(Code::InvalidMacroName, message));
        }
        let condition = value(item, "condition", &context)?;
        let made = Macro {
            name: name.to_owned(),
            condition: condition.text().to_owned(),
            condition_context: context.node(ItemKind::MacroCondition, "", condition),
            context: context.clone(),
            order: Order::default(),
        };
        if self.appends(item, "condition", &context)? {
            self.items.append_macro(&made)?;
        } else {
            self.items.define_macro(made);
        }
        self.unknown_keys(item, &["macro", "condition", "append", "override"], &context);
        Ok(())
    }

    /// Whether a list or macro adds to an earlier one. What it replaces it defines anew.
    fn appends(&mut self, item: Node<'_>, key: &str, context: &Context) -> Outcome<bool> {
        let append = self.append_key(item, context)?;
        let overrides = overrides(item, &[key], &[key], context)?;
        if append && !overrides.is_empty() {
            return Err(Box::new(context.diagnostic(Code::YamlValidate, OVERRIDE_AND_APPEND)));
        }
        Ok(append || overrides.append.contains(key))
    }

    fn append_key(&mut self, item: Node<'_>, context: &Context) -> Outcome<bool> {
        let append = optional(item, "append", context, boolean)?.unwrap_or(false);
        if append {
            self.found.push(context.diagnostic(Code::DeprecatedItem, APPEND_IS_DEPRECATED));
        }
        Ok(append)
    }

    fn rule(&mut self, item: Node<'_>, file: &Context) -> Outcome<()> {
        let name = value(item, "rule", &file.node(ItemKind::Rule, "", item))?.text();
        let context = file.node(ItemKind::Rule, name, item);
        let source = source_or_empty(item, &context)?;
        let append = self.append_key(item, &context)?;
        let overrides = overrides(item, APPENDABLE, REPLACEABLE, &context)?;
        if append && !overrides.is_empty() {
            return Err(Box::new(context.diagnostic(Code::YamlValidate, OVERRIDE_AND_APPEND)));
        }
        if !overrides.is_empty() {
            self.override_rule(item, name, source, &overrides, &context)?;
        } else if append {
            let mut update = Update::of(name, &context);
            update.source = source.to_owned();
            if entry(item, "condition").is_some() {
                update.condition = Some(value(item, "condition", &context)?.text().to_owned());
            }
            if entry(item, "exceptions").is_some() {
                update.exceptions = Some(exceptions::read(item, &context, true, &mut self.found)?);
            }
            self.items.append_rule(update, self.sources)?;
        } else if ["condition", "output", "desc", "priority"].iter().all(|key| entry(item, key).is_none()) {
            let enabled = required(item, "enabled", &context, boolean)?;
            self.found.push(context.diagnostic(Code::DeprecatedItem, ENABLED_IS_DEPRECATED));
            self.items.enable_rule(name, enabled, &context)?;
        } else {
            self.define_rule(item, name, &context)?;
        }
        self.unknown_keys(item, RULE_KEYS, &context);
        Ok(())
    }

    fn define_rule(&mut self, item: Node<'_>, name: &str, context: &Context) -> Outcome<()> {
        let condition = value(item, "condition", context)?;
        let output = value(item, "output", context)?;
        let description = value(item, "desc", context)?.text();
        let priority = priority(item, context)?;
        let source = optional(item, "source", context, |text| Some(text.to_owned()))?.unwrap_or_else(|| super::SYSCALL.to_owned());
        let enabled = optional(item, "enabled", context, boolean)?.unwrap_or(true);
        let capture = optional(item, "capture", context, boolean)?.unwrap_or(false);
        let capture_duration = optional(item, "capture_duration", context, unsigned)?.unwrap_or(0);
        let warn_evttypes = optional(item, "warn_evttypes", context, boolean)?.unwrap_or(true);
        let skip_if_unknown_filter = optional(item, "skip-if-unknown-filter", context, boolean)?.unwrap_or(false);
        let mut tags = BTreeSet::new();
        texts(item, "tags", true, context, |tag| _ = tags.insert(tag.to_owned()))?;
        let exceptions = exceptions::read(item, context, false, &mut self.found)?;
        let rule = RuleItem {
            name: name.to_owned(),
            known_source: self.sources.is_known(&source),
            source,
            condition: condition.text().to_owned(),
            description: description.to_owned(),
            output: output.text().trim_ascii().to_owned(),
            priority,
            tags,
            exceptions,
            capture,
            capture_duration,
            enabled,
            warn_evttypes,
            skip_if_unknown_filter,
            context: context.clone(),
            condition_context: context.node(ItemKind::RuleCondition, "", condition),
            output_context: context.node(ItemKind::RuleOutput, "", output),
        };
        let unknown = (!rule.known_source).then(|| format!("Unknown source {}, skipping", rule.source));
        self.items.define_rule(rule, self.sources)?;
        if let Some(message) = unknown {
            self.found.push(context.diagnostic(Code::UnknownSource, message).help(self.sources.help()));
        }
        Ok(())
    }

    fn override_rule(&mut self, item: Node<'_>, name: &str, source: &str, overrides: &Overrides<'_>, context: &Context) -> Outcome<()> {
        let mut left: BTreeSet<&str> = REPLACEABLE.iter().copied().filter(|key| entry(item, key).is_some()).collect();
        if !overrides.append.is_empty() {
            let update = self.update(item, name, source, ("append", &overrides.append), &mut left, context)?;
            self.items.append_rule(update, self.sources)?;
        }
        if !overrides.replace.is_empty() {
            let update = self.update(item, name, source, ("replace", &overrides.replace), &mut left, context)?;
            self.items.replace_in_rule(update)?;
        }
        let Some(key) = left.first() else { return Ok(()) };
        let place = entry(item, key).unwrap_or(item);
        let message = format!("Unexpected key '{key}': no corresponding entry under 'override' is defined.");
        Err(Box::new(context.node(ItemKind::Overrides, key, place).diagnostic(Code::YamlValidate, message)))
    }

    /// The values of the overridden keys; each is taken out of `left`.
    fn update(
        &mut self,
        item: Node<'_>,
        name: &str,
        source: &str,
        (operation, keys): (&str, &BTreeSet<&str>),
        left: &mut BTreeSet<&str>,
        context: &Context,
    ) -> Outcome<Update> {
        let mut update = Update::of(name, context);
        for key in REPLACEABLE.iter().copied().filter(|key| keys.contains(key)) {
            if !left.remove(key) {
                let message = format!("An {operation} override for '{key}' was specified but '{key}' is not defined");
                return Err(Box::new(context.diagnostic(Code::YamlValidate, message)));
            }
            let text = || value(item, key, context).map(|value| Some(value.text().to_owned()));
            let flag = || required(item, key, context, boolean).map(Some);
            match key {
                "condition" => {
                    update.condition = text()?;
                    update.source = source.to_owned();
                }
                "exceptions" => update.exceptions = Some(exceptions::read(item, context, operation == "append", &mut self.found)?),
                "output" => update.output = text()?,
                "desc" => update.description = text()?,
                "tags" => {
                    let mut tags = BTreeSet::new();
                    texts(item, "tags", true, context, |tag| _ = tags.insert(tag.to_owned()))?;
                    update.tags = Some(tags);
                }
                "priority" => update.priority = Some(priority(item, context)?),
                "capture" => update.capture = flag()?,
                "capture_duration" => update.capture_duration = Some(required(item, key, context, unsigned)?),
                "enabled" => update.enabled = flag()?,
                "warn_evttypes" => update.warn_evttypes = flag()?,
                _ => update.skip_if_unknown_filter = flag()?,
            }
        }
        Ok(update)
    }

    fn unknown_keys(&mut self, item: Node<'_>, known: &[&str], context: &Context) {
        for (key, _) in item.entries() {
            if !known.contains(&key.text()) {
                let message = format!("Unknown key '{}'. The key will be ignored.", key.text());
                self.found.push(context.diagnostic(Code::UnknownKey, message));
            }
        }
    }
}

impl Overrides<'_> {
    fn is_empty(&self) -> bool {
        self.append.is_empty() && self.replace.is_empty()
    }
}

fn overrides<'a>(item: Node<'a>, appendable: &[&str], replaceable: &[&str], context: &Context) -> Outcome<Overrides<'a>> {
    let mut overrides = Overrides::default();
    let Some(node) = entry(item, "override") else { return Ok(overrides) };
    let context = context.node(ItemKind::Overrides, "", item);
    if node.is_list() {
        return Err(Box::new(context.diagnostic(Code::Validate, "Value of 'override' must be a mapping")));
    }
    for (key, operation) in node.entries() {
        let name = key.text();
        let fail =
            |kind, place: Node<'_>, message: String| Err(Box::new(context.node(kind, name, place).diagnostic(Code::YamlValidate, message)));
        let (can_append, can_replace) = (appendable.contains(&name), replaceable.contains(&name));
        match operation.text() {
            "append" if can_append => _ = overrides.append.insert(name),
            "append" => {
                return fail(ItemKind::Overrides, key, format!("Key '{name}' cannot be appended to, use 'replace' instead"));
            }
            "replace" if can_replace => _ = overrides.replace.insert(name),
            "replace" => return fail(ItemKind::Overrides, key, format!("Key '{name}' cannot be replaced")),
            other => {
                let allowed = [("append ", can_append), ("replace ", can_replace)];
                let allowed: String = allowed.into_iter().filter(|(_, can)| *can).map(|(operation, _)| operation).collect();
                let message = format!("Invalid override operation for key '{name}': '{other}'. Allowed values are: {allowed}");
                return fail(ItemKind::ValueFor, operation, message);
            }
        }
    }
    Ok(overrides)
}

/// The value of a key; of equal keys the first one counts, as in yaml-cpp.
pub(super) fn entry<'a>(item: Node<'a>, key: &str) -> Option<Node<'a>> {
    item.first_entry(key).map(|(_, value)| value)
}

/// The scalar that a key must have.
pub(super) fn value<'a>(item: Node<'a>, key: &str, context: &Context) -> Outcome<Node<'a>> {
    let Some(node) = entry(item, key) else {
        return Err(Box::new(context.diagnostic(Code::YamlValidate, format!("Item has no mapping for key '{key}'"))));
    };
    if node.is_null() {
        return Err(Box::new(context.diagnostic(Code::YamlValidate, format!("Mapping for key '{key}' is empty"))));
    }
    let fail = |message: &str| Err(Box::new(context.node(ItemKind::ValueFor, key, node).diagnostic(Code::YamlValidate, message)));
    if node.is_map() || node.is_list() {
        return fail("Value is not a scalar value");
    }
    if node.text().is_empty() {
        return fail("Value must be non-empty");
    }
    Ok(node)
}

/// The scalar that a key must have, as `read` reads it.
fn required<T>(item: Node<'_>, key: &str, context: &Context, read: impl Fn(&str) -> Option<T>) -> Outcome<T> {
    let node = value(item, key, context)?;
    read(node.text()).ok_or_else(|| {
        Box::new(context.node(ItemKind::ValueFor, key, node).diagnostic(Code::YamlValidate, "Can't decode YAML scalar value"))
    })
}

/// The scalar that a key may have.
fn optional<T>(item: Node<'_>, key: &str, context: &Context, read: impl Fn(&str) -> Option<T>) -> Outcome<Option<T>> {
    if entry(item, key).is_none() { Ok(None) } else { required(item, key, context, read).map(Some) }
}

/// The source that an item names, where it may name nothing at all.
fn source_or_empty<'a>(item: Node<'a>, context: &Context) -> Outcome<&'a str> {
    match entry(item, "source") {
        None => Ok(""),
        Some(node) if node.is_null() => Ok(""),
        Some(node) if node.is_map() || node.is_list() => value(item, "source", context).map(Node::text),
        Some(node) => Ok(node.text()),
    }
}

/// The texts of a list of scalars.
fn texts<'a>(item: Node<'a>, key: &str, optional: bool, context: &Context, mut each: impl FnMut(&'a str)) -> Outcome<()> {
    let Some(node) = entry(item, key) else {
        if optional {
            return Ok(());
        }
        return Err(Box::new(context.diagnostic(Code::YamlValidate, format!("Item has no mapping for key '{key}'"))));
    };
    let context = context.node(ItemKind::ValueFor, key, node);
    if !node.is_list() {
        return Err(Box::new(context.diagnostic(Code::YamlValidate, "Value is not a sequence")));
    }
    for one in node.items() {
        if one.is_map() || one.is_list() || one.is_null() {
            let context = context.node(ItemKind::ListItem, "", one);
            return Err(Box::new(context.diagnostic(Code::YamlValidate, "sequence value is not scalar")));
        }
        each(one.text());
    }
    Ok(())
}

fn priority(item: Node<'_>, context: &Context) -> Outcome<Priority> {
    let node = value(item, "priority", context)?;
    Priority::parse(node.text()).ok_or_else(|| {
        let diagnostic = context.node(ItemKind::RulePriority, "", node).diagnostic(Code::YamlValidate, "Invalid priority");
        let names: Vec<_> = Priority::ALL.iter().map(|priority| priority.name()).collect();
        Box::new(diagnostic.help(format!("priorities are {}", names.join(", "))))
    })
}

/// A boolean, quoted or not.
fn boolean(text: &str) -> Option<bool> {
    match scalar::resolve(text) {
        Scalar::Bool(value) => Some(value),
        _ => None,
    }
}

/// A number of 32 bits, as C writes it: `0x` for hexadecimal, `0` for octal.
fn unsigned(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text).trim_ascii_end();
    let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, base).ok()
}
