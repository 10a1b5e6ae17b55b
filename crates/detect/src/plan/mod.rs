//! All rules of one source of events as one plan.
//!
//! - Each comparison that rules share is one *atom*; each expression over atoms that they share is one *node*. Both are worked out at
//!   most once an event, and only if a rule that may still match asks.
//! - Atoms of one field are worked out together: one look into a table answers all `=` and `in`, one walk all `startswith`
//!   ([`unit`]).
//! - For each event type, what the type itself decides is taken out of the conditions beforehand, and a rule is a set of *conjuncts*:
//!   an event keeps a set of rules alive, each conjunct that fails takes its rules out, and what is left at the end matches. Conjuncts
//!   are put in the order in which they take out the most for the least, as seen so far: the order changes how fast the answer
//!   comes, never the answer.
//!
//! [`Filter::holds`] goes through the tree as written; both have to agree on everything (property test).

mod conjuncts;
mod nodes;
#[cfg(test)]
mod tests;
mod tries;
mod unit;

use crate::Value;
use crate::condition::EventSet;
use crate::fields::Facts;
use crate::filter::{Filter, Source};
use conjuncts::TypePlan;
use nodes::{Node, NodeId, Nodes};
use plimsoll_model::events::{EventType, schema};
use unit::Unit;

/// A rule as the plan takes it.
#[derive(Debug, Clone, Copy)]
pub struct PlanRule<'a> {
    /// Its condition.
    pub filter: &'a Filter,
    /// The event types for which the condition can be true.
    pub events: &'a EventSet,
}

/// All rules of one source of events.
#[derive(Debug)]
pub struct Plan {
    nodes: Nodes,
    sources: Vec<Source>,
    units: Vec<Unit>,
    /// The condition of each rule.
    roots: Vec<NodeId>,
    /// What is left of the rules for each event type, by its number; made when the first event of the type comes.
    types: Vec<Option<TypePlan>>,
    /// Which rules look at which event type.
    events: Vec<EventSet>,
    /// All these types.
    looked_at: EventSet,
    clock: Option<Clock>,
    /// Nanoseconds that each rule took, if there is a clock.
    spent: Vec<u64>,
    memo: Memo,
}

/// What was worked out for the present event; a stamp says for which event an entry is.
#[derive(Debug, Default)]
struct Memo {
    /// The number of the present event, for stamps.
    epoch: u32,
    /// Stamp and answer of each node: `epoch << 1 | answer`.
    nodes: Vec<u32>,
    /// Stamp of each unit.
    units: Vec<u32>,
    /// The answers of all units' atoms.
    bits: Vec<u64>,
    /// What each source said.
    sources: Vec<Said>,
    /// The values of the present event; empty between events, kept for its memory.
    values: Vec<Value<'static>>,
    /// The rules that may still match.
    alive: Vec<u64>,
}

/// What a source said of the event of a stamp: where its values stand among all, and whether it said something, which may be an empty list.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    epoch: u32,
    start: u32,
    end: u32,
    found: bool,
}

/// Says what time it is, in nanoseconds from some moment on. There is no clock in here: whoever wants to measure brings one.
pub type Clock = fn() -> u64;

/// What is known of a plan, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rules.
    pub rules: usize,
    /// Different comparisons.
    pub atoms: usize,
    /// Different expressions over them.
    pub nodes: usize,
    /// Different fields, with arguments and transformers.
    pub sources: usize,
}

/// The stamps start anew after so many events.
const LAST_EPOCH: u32 = u32::MAX >> 1;

impl Plan {
    /// Makes one plan of rules; the place of a rule here is what [`Plan::matches`] answers, and the order in which rules come first.
    #[must_use]
    pub fn new(rules: &[PlanRule<'_>]) -> Self {
        let mut builder = nodes::Builder::default();
        let looked_at = rules.iter().fold(EventSet::NONE, |all, rule| all.or(*rule.events));
        let roots: Vec<NodeId> = rules.iter().map(|rule| builder.filter(rule.filter)).collect();
        let (mut nodes, sources, checks) = builder.finish();
        let (units, places) = unit::group(&sources, checks);
        let words = units.last().map_or(0, Unit::end);
        nodes.place(places);
        let memo = Memo {
            epoch: 0,
            nodes: vec![0; nodes.len()],
            units: vec![0; units.len()],
            bits: vec![0; words],
            sources: vec![Said::default(); sources.len()],
            ..Memo::default()
        };
        Self {
            nodes,
            sources,
            units,
            roots,
            types: schema().iter().map(|_| None).collect(),
            events: rules.iter().map(|rule| *rule.events).collect(),
            looked_at,
            clock: None,
            spent: vec![0; rules.len()],
            memo,
        }
    }

    /// Measures from now on what rules cost; what several ask for is parted among them. It makes everything slower.
    pub fn measure(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// Nanoseconds that the rule at a place took since it is measured.
    #[must_use]
    pub fn spent(&self, place: usize) -> u64 {
        self.spent.get(place).copied().unwrap_or(0)
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { rules: self.roots.len(), atoms: self.nodes.atoms(), nodes: self.nodes.len(), sources: self.sources.len() }
    }

    /// Whether some rule looks at events of this type.
    #[must_use]
    pub fn looks_at(&self, kind: EventType) -> bool {
        self.looked_at.contains(kind)
    }

    /// Asks all rules about one event, and adds the places of those that match to `matched`, in order; with `first` only the first.
    pub fn matches<'e>(&mut self, kind: EventType, facts: &impl Facts<'e>, first: bool, matched: &mut Vec<usize>) {
        let at = usize::from(kind.0);
        if let Some(None) = self.types.get(at) {
            let plan = self.specialise(kind);
            self.types.splice(at..=at, [Some(plan)]);
        }
        let Self { nodes, sources, units, types, memo, clock, spent, .. } = self;
        let Some(Some(plan)) = types.get_mut(at) else { return };
        if plan.is_empty() {
            return;
        }
        memo.epoch = if memo.epoch >= LAST_EPOCH { memo.restart() } else { memo.epoch + 1 };
        let mut alive = std::mem::take(&mut memo.alive);
        // The same memory, for values that live as long as this event.
        let values: Vec<Value<'e>> = recycle(std::mem::take(&mut memo.values));
        let mut moment = Moment { nodes, sources, units, memo, values, facts };
        plan.run(&mut alive, |node| moment.node(node), *clock, spent);
        let values = moment.values;
        memo.values = recycle(values);
        plan.survivors(&alive, first, matched);
        memo.alive = alive;
    }

    /// What is left of the rules that look at this type.
    fn specialise(&mut self, kind: EventType) -> TypePlan {
        let mut rules = Vec::new();
        for (place, (root, events)) in self.roots.iter().zip(&self.events).enumerate() {
            if events.contains(kind) {
                rules.push((place, *root));
            }
        }
        let rules = self.nodes.specialise(kind, rules);
        self.memo.nodes.resize(self.nodes.len(), 0);
        TypePlan::new(&rules, &self.nodes)
    }
}

impl Memo {
    /// Forgets all stamps.
    fn restart(&mut self) -> u32 {
        self.nodes.fill(0);
        self.units.fill(0);
        self.sources.fill(Said::default());
        1
    }
}

/// An empty list of values of another lifetime in the same memory.
fn recycle<'to>(mut values: Vec<Value<'_>>) -> Vec<Value<'to>> {
    values.clear();
    values.into_iter().map(|_| Value::Bool(false)).collect()
}

/// The plan at one event.
struct Moment<'p, 'e, F> {
    nodes: &'p Nodes,
    sources: &'p [Source],
    units: &'p [Unit],
    memo: &'p mut Memo,
    values: Vec<Value<'e>>,
    facts: &'p F,
}

impl<'e, F: Facts<'e>> Moment<'_, 'e, F> {
    /// Whether an expression is true. The depth is that of conditions, which the parser limits.
    fn node(&mut self, id: NodeId) -> bool {
        match self.nodes.get(id) {
            Node::Constant(truth) => *truth,
            Node::Atom(atom) => {
                let (unit, word, mask) = self.nodes.place_of(*atom);
                self.unit(unit);
                self.memo.bits.get(word).is_some_and(|bits| bits & mask != 0)
            }
            Node::Not(child) => !self.node(*child),
            Node::All(children) => self.shared(id, children, false),
            Node::Any(children) => self.shared(id, children, true),
        }
    }

    /// An expression of several: the first child that decides ends it; the answer is kept.
    fn shared(&mut self, id: NodeId, children: &[NodeId], decides: bool) -> bool {
        let epoch = self.memo.epoch;
        if let Some(stamp) = self.memo.nodes.get(id.index())
            && stamp >> 1 == epoch
        {
            return stamp & 1 == 1;
        }
        let mut answer = !decides;
        for child in children {
            if self.node(*child) == decides {
                answer = decides;
                break;
            }
        }
        if let Some(stamp) = self.memo.nodes.get_mut(id.index()) {
            *stamp = epoch << 1 | u32::from(answer);
        }
        answer
    }

    /// Works out the atoms of a unit, unless that was done for this event.
    fn unit(&mut self, index: u32) {
        let epoch = self.memo.epoch;
        match self.memo.units.get_mut(index as usize) {
            Some(stamp) if *stamp != epoch => *stamp = epoch,
            _ => return,
        }
        let Some(unit) = self.units.get(index as usize) else { return };
        let Some(source) = self.sources.get(unit.source()) else { return };
        let Said { start, end, found, .. } = self.said(unit.source(), source);
        let values = self.values.get(start as usize..end as usize).unwrap_or_default();
        unit.answer(source, found, values, self.facts, &mut self.memo.bits);
    }

    /// Where the values of a source stand.
    fn said(&mut self, index: usize, source: &Source) -> Said {
        let epoch = self.memo.epoch;
        let Some(said) = self.memo.sources.get_mut(index) else { return Said::default() };
        if said.epoch != epoch {
            let start = self.values.len();
            let found = source.extract(self.facts, &mut self.values);
            *said = Said { epoch, start: u32::try_from(start).unwrap_or(0), end: u32::try_from(self.values.len()).unwrap_or(0), found };
        }
        *said
    }
}
