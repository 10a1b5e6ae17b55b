//! What the policies of one class make of every other class.

use super::classes::Classes;
use super::traffics::{Id, Operations, Traffics};
use crate::addresses::Addresses;
use crate::policy::{Action, Direction, Peers, Policy, Rule, Tier};
use crate::world::{Endpoint, World};

/// A rule with whom it means worked out.
pub(super) struct Resolved<'w, 'a> {
    pub(super) rule: &'w Rule<'a>,
    pub(super) action: Action,
    /// Whether it is about anyone.
    pub(super) anyone: bool,
    /// The classes that it is about, in order, where it is not about anyone.
    pub(super) classes: Vec<u32>,
    /// The addresses outside that it is about.
    pub(super) addresses: Addresses,
    /// What flows, by number of ports.
    pub(super) numbers: Id,
}

/// A policy of a class in one direction.
pub(super) struct OfPolicy<'r, 'w, 'a> {
    pub(super) tier: Tier,
    pub(super) rules: &'r [Resolved<'w, 'a>],
}

/// All rules, and the policies of each class.
pub(super) struct Rules<'w, 'a> {
    policies: &'w [Policy<'a>],
    /// By policy and direction.
    resolved: Vec<[Option<Vec<Resolved<'w, 'a>>>; 2]>,
    /// The policies that are about a class, in order.
    about: Vec<Vec<u32>>,
    /// One endpoint of each class.
    samples: Vec<&'w Endpoint<'a>>,
}

impl<'w, 'a> Rules<'w, 'a> {
    pub(super) fn new(world: &'w World<'a>, classes: &Classes<'w, 'a>, traffics: &Traffics) -> Self {
        let resolve = |rule: &'w Rule<'a>| {
            if rule.denies_unknown() {
                let numbers = Id::ALL;
                return Resolved { rule, action: Action::Deny, anyone: true, classes: Vec::new(), addresses: Addresses::all(), numbers };
            }
            let numbers = traffics.id(&rule.ports.numbers);
            let Peers::Listed(peers) = &rule.peers else {
                return Resolved { rule, action: rule.action, anyone: true, classes: Vec::new(), addresses: Addresses::all(), numbers };
            };
            let mut meant: Vec<u32> = peers.iter().flat_map(|peer| classes.meant(&peer.means)).copied().collect();
            meant.sort_unstable();
            meant.dedup();
            let addresses: Vec<_> = peers.iter().map(|peer| world.addresses_of(&peer.means)).collect();
            let addresses = Addresses::union_of(&addresses);
            Resolved { rule, action: rule.action, anyone: false, classes: meant, addresses, numbers }
        };
        let resolved = world
            .policies
            .iter()
            .map(|policy| Direction::BOTH.map(|direction| policy.rules(direction).map(|rules| rules.iter().map(resolve).collect())));
        let resolved = resolved.collect();
        let mut about = vec![Vec::new(); classes.list.len()];
        for (at, policy) in world.policies.iter().enumerate() {
            for class in classes.picked(&policy.subject) {
                #[expect(clippy::cast_possible_truncation, reason = "fewer policies than nodes of documents")]
                if let Some(about) = about.get_mut(*class as usize) {
                    about.push(at as u32);
                }
            }
        }
        let samples = classes.list.iter().filter_map(|class| world.endpoints.get(*class.endpoints.first()?)).collect();
        Self { policies: &world.policies, resolved, about, samples }
    }

    /// The policies about a class that say something of a direction, in order.
    pub(super) fn policies(&self, class: usize, direction: Direction) -> Vec<OfPolicy<'_, 'w, 'a>> {
        let side = usize::from(direction == Direction::Egress);
        let about = self.about.get(class).into_iter().flatten();
        let of = |at: &u32| {
            let rules = self.resolved.get(*at as usize)?.get(side)?.as_deref()?;
            Some(OfPolicy { tier: self.policies.get(*at as usize)?.tier, rules })
        };
        about.filter_map(of).collect()
    }

    /// What flows by a rule towards a class: names of ports mean what the class declares.
    pub(super) fn towards(&self, resolved: &Resolved<'_, '_>, class: usize, operations: &Operations<'_>) -> Id {
        match self.samples.get(class) {
            Some(sample) if resolved.is_named() => operations.id(&resolved.rule.ports.towards(Some(sample))),
            _ => resolved.numbers,
        }
    }
}

impl Resolved<'_, '_> {
    /// Whether names of ports say more than the numbers do.
    fn is_named(&self) -> bool {
        !self.rule.ports.names.is_empty() && self.numbers != Id::ALL
    }
}

/// What became of traffic so far.
#[derive(Clone, Copy)]
struct State {
    /// What nothing has decided about yet.
    open: Id,
    /// What may pass.
    allowed: Id,
    /// What this tier leaves to the next ones.
    passed: Id,
}

const START: State = State { open: Id::ALL, allowed: Id::NONE, passed: Id::NONE };

impl State {
    fn apply(&mut self, action: Action, tier: Tier, meant: Id, operations: &mut Operations<'_>) {
        let traffic = operations.intersection(meant, self.open);
        match action {
            Action::Accept => self.allowed = operations.union(self.allowed, traffic),
            Action::Deny => {}
            Action::Pass => self.passed = operations.union(self.passed, traffic),
        }
        if tier != Tier::NetworkPolicy {
            self.open = operations.difference(self.open, traffic);
        }
    }

    fn end(&mut self, tier: Tier, operations: &mut Operations<'_>) {
        if tier == Tier::NetworkPolicy {
            self.open = Id::NONE;
        }
        self.open = operations.union(self.open, self.passed);
        self.passed = Id::NONE;
    }
}

/// Room for a row: the classes that rules name have a state of their own, all others share one.
pub(super) struct Cells {
    states: Vec<State>,
    is_own: Vec<bool>,
    own: Vec<u32>,
}

impl Cells {
    pub(super) fn new(count: usize) -> Self {
        Self { states: vec![START; count], is_own: vec![false; count], own: Vec::new() }
    }

    /// The state of a class, which is its own from now on.
    fn own(&mut self, class: u32, shared: State) -> Option<&mut State> {
        let is_own = self.is_own.get_mut(class as usize)?;
        let state = self.states.get_mut(class as usize)?;
        if !std::mem::replace(is_own, true) {
            self.own.push(class);
            *state = shared;
        }
        Some(state)
    }

    fn each(&mut self, mut then: impl FnMut(u32, &mut State)) {
        for class in &self.own {
            if let Some(state) = self.states.get_mut(*class as usize) {
                then(*class, state);
            }
        }
    }

    fn clear(&mut self) {
        for class in self.own.drain(..) {
            if let Some(is_own) = self.is_own.get_mut(class as usize) {
                *is_own = false;
            }
        }
    }
}

/// What the policies of a class let pass in a direction: for most classes at the other end, and for some, in order.
pub(super) fn row(
    rules: &Rules<'_, '_>,
    class: usize,
    direction: Direction,
    operations: &mut Operations<'_>,
    cells: &mut Cells,
) -> (Id, Vec<(u32, Id)>) {
    let policies = rules.policies(class, direction);
    let mut shared = START;
    for tier in policies.chunk_by(|one, two| one.tier == two.tier) {
        let Some(first) = tier.first() else { continue };
        for resolved in tier.iter().flat_map(|policy| policy.rules) {
            apply(resolved, first.tier, direction, (rules, class), &mut shared, operations, cells);
        }
        shared.end(first.tier, operations);
        cells.each(|_, state| state.end(first.tier, operations));
    }
    let settle = |state: &State, operations: &mut Operations<'_>| operations.union(state.allowed, state.open);
    let most = settle(&shared, operations);
    let mut some = Vec::with_capacity(cells.own.len());
    cells.each(|class, state| some.push((class, settle(state, operations))));
    cells.clear();
    some.retain(|(_, id)| *id != most);
    some.sort_unstable();
    (most, some)
}

#[expect(clippy::cast_possible_truncation, reason = "classes are counted in 32 bits")]
fn apply(
    resolved: &Resolved<'_, '_>,
    tier: Tier,
    direction: Direction,
    (rules, class): (&Rules<'_, '_>, usize),
    shared: &mut State,
    operations: &mut Operations<'_>,
    cells: &mut Cells,
) {
    let is_egress = direction == Direction::Egress;
    let own = if is_egress { resolved.numbers } else { rules.towards(resolved, class, operations) };
    if resolved.anyone {
        if is_egress && resolved.is_named() {
            let names = &resolved.rule.ports.names;
            let declares = |endpoint: &Endpoint<'_>| endpoint.ports.iter().any(|port| names.iter().any(|(_, name)| *name == port.name));
            for (other, _) in rules.samples.iter().enumerate().filter(|(_, sample)| declares(sample)) {
                cells.own(other as u32, *shared);
            }
        }
        shared.apply(resolved.action, tier, own, operations);
        cells.each(|other, state| {
            let meant = if is_egress { rules.towards(resolved, other as usize, operations) } else { own };
            state.apply(resolved.action, tier, meant, operations);
        });
        return;
    }
    for other in &resolved.classes {
        let meant = if is_egress { rules.towards(resolved, *other as usize, operations) } else { own };
        if let Some(state) = cells.own(*other, *shared) {
            state.apply(resolved.action, tier, meant, operations);
        }
    }
}
