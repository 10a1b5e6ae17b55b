//! The rules that look at one event type, as sets of conjuncts.

use super::Clock;
use super::nodes::{Node, NodeId, Nodes};

/// What has to be asked of events of one type.
#[derive(Debug)]
pub(super) struct TypePlan {
    /// The place of each rule among all, in their order.
    rules: Vec<usize>,
    /// Each conjunct, with the rules that need it.
    conjuncts: Vec<Conjunct>,
    /// How many events were asked about.
    events: u64,
    /// At how many events the order is looked at again.
    next_order: u64,
}

#[derive(Debug)]
struct Conjunct {
    node: NodeId,
    /// The rules that are out if it fails.
    rules: Box<[u64]>,
    cost: u32,
    asked: u32,
    /// How many rules it took out.
    taken: u32,
}

impl TypePlan {
    /// From what is left of each rule; those that cannot be true are left out.
    pub(super) fn new(rules: &[(usize, NodeId)], nodes: &Nodes) -> Self {
        let rules: Vec<(usize, NodeId)> =
            rules.iter().copied().filter(|(_, root)| !matches!(nodes.get(*root), Node::Constant(false))).collect();
        let words = rules.len().div_ceil(64);
        let mut conjuncts: Vec<Conjunct> = Vec::new();
        for (index, (_, root)) in rules.iter().enumerate() {
            let parts = match nodes.get(*root) {
                Node::Constant(_) => &[][..],
                Node::All(parts) => parts,
                _ => std::slice::from_ref(root),
            };
            for part in parts {
                let known = conjuncts.iter().position(|conjunct| conjunct.node == *part).unwrap_or_else(|| {
                    let rules = vec![0; words].into_boxed_slice();
                    conjuncts.push(Conjunct { node: *part, rules, cost: nodes.cost(*part).max(1), asked: 0, taken: 0 });
                    conjuncts.len() - 1
                });
                if let Some(word) = conjuncts.get_mut(known).and_then(|conjunct| conjunct.rules.get_mut(index / 64)) {
                    *word |= 1 << (index % 64);
                }
            }
        }
        let mut plan = Self { rules: rules.into_iter().map(|(place, _)| place).collect(), conjuncts, events: 0, next_order: 64 };
        // Before anything was seen: what many rules need and what is cheap first.
        plan.conjuncts.sort_by_key(|conjunct| u64::from(conjunct.cost) * 1000 / u64::from(ones(&conjunct.rules).max(1)));
        plan
    }

    /// Whether no rule can match.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Leaves in `alive` the rules of which all conjuncts hold.
    /// With a clock, the time of each conjunct is parted among the rules that asked for it, and added to what they `spent`.
    pub(super) fn run(&mut self, alive: &mut Vec<u64>, mut holds: impl FnMut(NodeId) -> bool, clock: Option<Clock>, spent: &mut [u64]) {
        self.events += 1;
        if self.events >= self.next_order {
            self.order();
        }
        alive.clear();
        alive.resize(self.rules.len().div_ceil(64), u64::MAX);
        if let Some(last) = alive.last_mut()
            && !self.rules.len().is_multiple_of(64)
        {
            *last = (1 << (self.rules.len() % 64)) - 1;
        }
        for conjunct in &mut self.conjuncts {
            if !alive.iter().zip(&conjunct.rules).any(|(alive, rules)| alive & rules != 0) {
                continue;
            }
            conjunct.asked = conjunct.asked.saturating_add(1);
            let started = clock.map(|clock| clock());
            let holds = holds(conjunct.node);
            if let (Some(clock), Some(started)) = (clock, started) {
                share(clock().saturating_sub(started), alive, &conjunct.rules, &self.rules, spent);
            }
            if holds {
                continue;
            }
            let mut left = 0;
            for (alive, rules) in alive.iter_mut().zip(&conjunct.rules) {
                conjunct.taken = conjunct.taken.saturating_add((*alive & rules).count_ones());
                *alive &= !rules;
                left |= *alive;
            }
            if left == 0 {
                return;
            }
        }
    }

    /// The places of the rules that are left.
    pub(super) fn survivors(&self, alive: &[u64], first: bool, matched: &mut Vec<usize>) {
        for (index, place) in self.rules.iter().enumerate() {
            if alive.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1) {
                matched.push(*place);
                if first {
                    return;
                }
            }
        }
    }

    /// Puts the conjuncts in the order of what they cost for each rule that they took out. Counts are halved, so that what events look
    /// like now counts more than what they looked like.
    fn order(&mut self) {
        self.next_order = self.events + (self.events * 3).min(1 << 16);
        self.conjuncts.sort_by_cached_key(|conjunct| {
            // One more of each, so that what was never asked is neither sure to take out rules nor sure not to.
            let asked = u64::from(conjunct.asked) + 2;
            let taken = u64::from(conjunct.taken) * 2 + u64::from(ones(&conjunct.rules));
            u64::from(conjunct.cost) * asked * 1000 / taken.max(1)
        });
        for conjunct in &mut self.conjuncts {
            conjunct.asked /= 2;
            conjunct.taken /= 2;
        }
    }
}

/// Parts the time of a conjunct among the rules that asked for it.
fn share(time: u64, alive: &[u64], asking: &[u64], rules: &[usize], spent: &mut [u64]) {
    let asking = || alive.iter().zip(asking).map(|(alive, asking)| alive & asking);
    let each = time / asking().map(|word| u64::from(word.count_ones())).sum::<u64>().max(1);
    for (word, first) in asking().zip((0..).step_by(64)) {
        for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
            if let Some(spent) = rules.get(first + bit).and_then(|place| spent.get_mut(*place)) {
                *spent += each;
            }
        }
    }
}

fn ones(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}
