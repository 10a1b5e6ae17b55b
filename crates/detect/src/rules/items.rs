//! What was read so far: lists, macros and rules by name, in the order in which they were first defined.
//!
//! How later items change earlier ones follows `rule_loader_collector.cpp`.

use super::diagnostic::{Code, Context, Outcome};
use super::exceptions::Exception;
use super::version::{PluginVersion, Version};
use super::{Priority, Sources};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Items that are found by name and kept in order.
pub(super) struct Named<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Named<T> {
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.items.get(self.place(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let place = self.place(name)?;
        self.items.get_mut(place)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    fn push(&mut self, name: String, item: T) {
        self.places.insert(name, self.items.len());
        self.items.push(item);
    }
}

/// When an item was first defined, and when it was last touched: what is defined before it was last touched, it sees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Order {
    pub(super) index: u32,
    pub(super) visibility: u32,
}

pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<Arc<str>>,
    pub(super) context: Context,
    pub(super) order: Order,
}

pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: String,
    pub(super) context: Context,
    pub(super) condition_context: Context,
    pub(super) order: Order,
}

pub(super) struct RuleItem {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) known_source: bool,
    pub(super) condition: String,
    pub(super) description: String,
    pub(super) output: String,
    pub(super) priority: Priority,
    pub(super) tags: BTreeSet<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) capture: bool,
    pub(super) capture_duration: u32,
    pub(super) enabled: bool,
    pub(super) warn_evttypes: bool,
    pub(super) skip_if_unknown_filter: bool,
    pub(super) context: Context,
    pub(super) condition_context: Context,
    pub(super) output_context: Context,
}

/// What an `append` or `override` says of a rule; what it does not say stays.
pub(super) struct Update {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) context: Context,
    pub(super) condition: Option<String>,
    pub(super) output: Option<String>,
    pub(super) description: Option<String>,
    pub(super) tags: Option<BTreeSet<String>>,
    pub(super) exceptions: Option<Vec<Exception>>,
    pub(super) priority: Option<Priority>,
    pub(super) capture: Option<bool>,
    pub(super) capture_duration: Option<u32>,
    pub(super) enabled: Option<bool>,
    pub(super) warn_evttypes: Option<bool>,
    pub(super) skip_if_unknown_filter: Option<bool>,
}

impl Update {
    pub(super) fn of(name: &str, context: &Context) -> Self {
        Self {
            name: name.to_owned(),
            source: String::new(),
            context: context.clone(),
            condition: None,
            output: None,
            description: None,
            tags: None,
            exceptions: None,
            priority: None,
            capture: None,
            capture_duration: None,
            enabled: None,
            warn_evttypes: None,
            skip_if_unknown_filter: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.condition.is_none()
            && self.output.is_none()
            && self.description.is_none()
            && self.tags.is_none()
            && self.exceptions.is_none()
            && self.priority.is_none()
            && self.capture.is_none()
            && self.capture_duration.is_none()
            && self.enabled.is_none()
            && self.warn_evttypes.is_none()
            && self.skip_if_unknown_filter.is_none()
    }
}

/// All that was read.
#[derive(Default)]
pub(super) struct Items {
    pub(super) lists: Named<List>,
    pub(super) macros: Named<Macro>,
    pub(super) rules: Named<RuleItem>,
    pub(super) required_engine_version: Version,
    /// Each is a list of which one is enough.
    pub(super) required_plugins: Vec<Vec<PluginVersion>>,
    next: u32,
}

impl Items {
    pub(super) fn define_list(&mut self, mut list: List) {
        let now = self.tick();
        match self.lists.get_mut(&list.name) {
            Some(earlier) => {
                list.order = Order { index: earlier.order.index, visibility: now };
                *earlier = list;
            }
            None => {
                list.order = Order { index: now, visibility: now };
                self.lists.push(list.name.clone(), list);
            }
        }
    }

    pub(super) fn append_list(&mut self, list: List) -> Outcome<()> {
        let Some(earlier) = self.lists.get_mut(&list.name) else {
            let message = "List uses 'append' or 'override.items: append' but no list by that name already exists";
            return Err(Box::new(list.context.diagnostic(Code::Validate, message)));
        };
        earlier.items.extend(list.items);
        earlier.order.visibility = self.next;
        self.tick();
        Ok(())
    }

    pub(super) fn define_macro(&mut self, mut item: Macro) {
        let now = self.tick();
        match self.macros.get_mut(&item.name) {
            Some(earlier) => {
                item.order = Order { index: earlier.order.index, visibility: now };
                *earlier = item;
            }
            None => {
                item.order = Order { index: now, visibility: now };
                self.macros.push(item.name.clone(), item);
            }
        }
    }

    pub(super) fn append_macro(&mut self, item: &Macro) -> Outcome<()> {
        let Some(earlier) = self.macros.get_mut(&item.name) else {
            let message = "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
            return Err(Box::new(item.context.diagnostic(Code::Validate, message)));
        };
        append(&mut earlier.condition, &item.condition);
        earlier.order.visibility = self.next;
        self.tick();
        Ok(())
    }

    /// A whole rule, in place of an earlier one of the same name.
    pub(super) fn define_rule(&mut self, mut rule: RuleItem, sources: &Sources<'_>) -> Outcome<()> {
        self.same_source(&rule.name, &rule.source, &rule.context)?;
        let catalogue = rule.known_source.then(|| sources.get(&rule.source)).flatten();
        for exception in &mut rule.exceptions {
            if !exception.fields.is_valid() {
                let message = "Rule exception item must have fields property with a list of fields";
                return Err(Box::new(exception.context.diagnostic(Code::Validate, message)));
            }
            exception.validate(catalogue)?;
        }
        self.tick();
        match self.rules.get_mut(&rule.name) {
            Some(earlier) => *earlier = rule,
            None => self.rules.push(rule.name.clone(), rule),
        }
        Ok(())
    }

    /// Adds to an earlier rule.
    pub(super) fn append_rule(&mut self, update: Update, sources: &Sources<'_>) -> Outcome<()> {
        self.same_source(&update.name, &update.source, &update.context)?;
        let fail = |message: &str| Err(Box::new(update.context.diagnostic(Code::Validate, message)));
        let Some(rule) = self.rules.get_mut(&update.name) else {
            return fail("Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists");
        };
        if update.is_empty() {
            return fail("Appended rule must have exceptions or condition property");
        }
        for (text, more) in
            [(&mut rule.condition, &update.condition), (&mut rule.output, &update.output), (&mut rule.description, &update.description)]
        {
            if let Some(more) = more.as_ref().filter(|more| !more.is_empty()) {
                append(text, more);
            }
        }
        rule.tags.extend(update.tags.into_iter().flatten());
        let catalogue = rule.known_source.then(|| sources.get(&rule.source)).flatten();
        for mut exception in update.exceptions.into_iter().flatten() {
            let fail = |message: &str| Err(Box::new(exception.context.diagnostic(Code::Validate, message)));
            let Some(earlier) = rule.exceptions.iter_mut().find(|earlier| earlier.name == exception.name) else {
                if !exception.fields.is_valid() {
                    return fail("Rule exception must have fields property with a list of fields");
                }
                if exception.values.is_empty() {
                    return fail("Rule exception must have values property with a list of values");
                }
                exception.validate(catalogue)?;
                rule.exceptions.push(exception);
                continue;
            };
            if exception.fields.is_valid() {
                return fail("Can not append exception fields to existing exception, only values");
            }
            if exception.comps.is_valid() {
                return fail("Can not append exception comps to existing exception, only values");
            }
            earlier.values.append(&mut exception.values);
        }
        self.tick();
        Ok(())
    }

    /// Replaces parts of an earlier rule. Exceptions are not looked at before they are compiled, as upstream does.
    pub(super) fn replace_in_rule(&mut self, update: Update) -> Outcome<()> {
        self.same_source(&update.name, &update.source, &update.context)?;
        let fail = |message: &str| Err(Box::new(update.context.diagnostic(Code::Validate, message)));
        let Some(rule) = self.rules.get_mut(&update.name) else {
            return fail("An 'override.<key>: replace' to a rule was requested but no rule by that name already exists");
        };
        if update.is_empty() {
            return fail("The rule must have at least one field that can be replaced");
        }
        replace(&mut rule.condition, update.condition);
        replace(&mut rule.output, update.output);
        replace(&mut rule.description, update.description);
        replace(&mut rule.tags, update.tags);
        replace(&mut rule.exceptions, update.exceptions);
        replace(&mut rule.priority, update.priority);
        replace(&mut rule.capture, update.capture);
        replace(&mut rule.capture_duration, update.capture_duration);
        replace(&mut rule.enabled, update.enabled);
        replace(&mut rule.warn_evttypes, update.warn_evttypes);
        replace(&mut rule.skip_if_unknown_filter, update.skip_if_unknown_filter);
        self.tick();
        Ok(())
    }

    /// Switches an earlier rule on or off.
    pub(super) fn enable_rule(&mut self, name: &str, enabled: bool, context: &Context) -> Outcome<()> {
        match self.rules.get_mut(name) {
            Some(rule) => rule.enabled = enabled,
            None => {
                let message = "Rule has 'enabled' key but no rule by that name already exists";
                return Err(Box::new(context.diagnostic(Code::Validate, message)));
            }
        }
        Ok(())
    }

    fn same_source(&self, name: &str, source: &str, context: &Context) -> Outcome<()> {
        match self.rules.get(name) {
            Some(rule) if !rule.source.is_empty() && !source.is_empty() && rule.source != source => {
                Err(Box::new(context.diagnostic(Code::Validate, "Rule has been re-defined with a different source")))
            }
            _ => Ok(()),
        }
    }

    fn tick(&mut self) -> u32 {
        let now = self.next;
        self.next += 1;
        now
    }
}

fn append(text: &mut String, more: &str) {
    text.push(' ');
    text.push_str(more);
}

fn replace<T>(value: &mut T, by: Option<T>) {
    if let Some(by) = by {
        *value = by;
    }
}
