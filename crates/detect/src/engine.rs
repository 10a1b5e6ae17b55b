//! The rules of one source of events at work: an event in, alerts out.

use crate::condition::EventSet;
use crate::fields::{Catalogue, Facts};
use crate::format::{self, Format, line};
use crate::plan::{Clock, Plan, PlanRule, Size};
use crate::rules::{Rule, Rules, SYSCALL};
use plimsoll_model::events::EventType;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// How many of the rules that match an event make an alert (`rule_matching` in falco.yaml).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// The first of them, in the order in which they are defined.
    #[default]
    First,
    /// All.
    All,
}

/// The rules of one source of events.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Active>,
    plan: Plan,
    matching: Matching,
    matched: Vec<usize>,
}

/// A rule with what its alerts print.
#[derive(Debug)]
struct Active {
    rule: Arc<Rule>,
    message: Format,
    /// What stands beside the message, by key; whether it is the value of a field as it is.
    extra: Vec<(String, Format, bool)>,
    alerts: u64,
}

/// A rule that matched an event, with what it prints.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The rule.
    pub rule: Arc<Rule>,
    /// When the event was made: nanoseconds since 1970.
    pub time: u64,
    /// Which event of its stream it is.
    pub number: u64,
    /// The rule's output with its values, without time and priority.
    pub message: Vec<u8>,
    /// The fields of the output and what was added to them, by name; `null` where the event has no value.
    pub fields: Map<String, Json>,
}

impl Alert {
    /// The line of Falco's text output.
    #[must_use]
    pub fn text(&self, hostname: &str, options: line::Options) -> String {
        self.with_line(hostname, |alert| line::text(alert, options))
    }

    /// The line of Falco's JSON output.
    #[must_use]
    pub fn json(&self, hostname: &str, options: line::Options) -> Json {
        self.with_line(hostname, |alert| line::json(alert, options))
    }

    fn with_line<T>(&self, hostname: &str, make: impl FnOnce(&line::Alert<'_>) -> T) -> T {
        let tags: Vec<&str> = self.rule.tags.iter().map(String::as_str).collect();
        make(&line::Alert {
            time: self.time,
            priority: self.rule.priority.name(),
            rule: &self.rule.name,
            source: &self.rule.source,
            tags: &tags,
            hostname,
            message: &self.message,
            fields: &self.fields,
        })
    }
}

impl Engine {
    /// Takes the rules of `source` that are switched on.
    ///
    /// # Errors
    /// An output that names a field which `catalogue` does not have; the loader refuses those, so that it takes another catalogue here.
    pub fn new(rules: &Rules, source: &str, catalogue: &dyn Catalogue, matching: Matching) -> Result<Self, format::FormatError> {
        let chosen = rules.rules.iter().filter(|rule| rule.enabled && rule.source == source);
        let mut active = Vec::new();
        for rule in chosen {
            let compile = |text: &str| Format::compile(text, catalogue).map(Format::lenient);
            let extra = rule.extra_fields.iter().filter(|field| !field.format.is_empty());
            let extra = extra.map(|field| Ok((field.key.clone(), compile(&field.format)?, field.is_raw))).collect::<Result<_, _>>()?;
            active.push(Active { message: compile(&rule.format)?, extra, rule: Arc::new(rule.clone()), alerts: 0 });
        }
        // Events of other sources have one type.
        let all = EventSet::all();
        let conditions: Vec<PlanRule<'_>> = active
            .iter()
            .map(|active| PlanRule { filter: &active.rule.filter, events: if source == SYSCALL { &active.rule.event_types } else { &all } })
            .collect();
        let plan = Plan::new(&conditions);
        Ok(Self { rules: active, plan, matching, matched: Vec::new() })
    }

    /// Prints the buffers of events in base64 (`buffer_format_base64`).
    #[must_use]
    pub fn base64(mut self) -> Self {
        for active in &mut self.rules {
            for format in std::iter::once(&mut active.message).chain(active.extra.iter_mut().map(|(_, format, _)| format)) {
                *format = format.clone().base64();
            }
        }
        self
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule looks at events of this type.
    #[must_use]
    pub fn looks_at(&self, kind: EventType) -> bool {
        self.plan.looks_at(kind)
    }

    /// How large the plan of all rules is.
    #[must_use]
    pub fn size(&self) -> Size {
        self.plan.size()
    }

    /// Measures from now on what each rule costs.
    pub fn measure(&mut self, clock: Clock) {
        self.plan.measure(clock);
    }

    /// The rules, how many alerts each made so far, and how many nanoseconds it took since it is measured.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<Rule>, u64, u64)> {
        self.rules.iter().enumerate().map(|(place, active)| (&active.rule, active.alerts, self.plan.spent(place)))
    }

    /// Asks the rules about an event.
    pub fn judge<'e>(&mut self, kind: EventType, time: u64, number: u64, facts: &impl Facts<'e>, mut alert: impl FnMut(Alert)) {
        self.matched.clear();
        self.plan.matches(kind, facts, self.matching == Matching::First, &mut self.matched);
        for place in &self.matched {
            if let Some(active) = self.rules.get_mut(*place) {
                active.alerts += 1;
                alert(active.alert(time, number, facts));
            }
        }
    }
}

impl Active {
    fn alert<'e>(&self, time: u64, number: u64, facts: &impl Facts<'e>) -> Alert {
        let mut message = Vec::new();
        self.message.text(facts, &mut message);
        let mut fields = Map::new();
        self.message.json(facts, false, &mut fields);
        for (key, format, is_raw) in &self.extra {
            let value = if *is_raw {
                let mut values = Map::new();
                format.json(facts, true, &mut values);
                values.remove(key).unwrap_or(Json::Null)
            } else {
                let mut text = Vec::new();
                format.text(facts, &mut text);
                String::from_utf8_lossy(&text).into()
            };
            fields.insert(key.clone(), value);
        }
        Alert { rule: Arc::clone(&self.rule), time, number, message, fields }
    }
}
