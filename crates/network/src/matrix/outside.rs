//! What the policies of one class make of addresses outside of the cluster.

use super::rows::{Resolved, Rules};
use super::traffics::{Id, Operations};
use crate::addresses::Addresses;
use crate::policy::{Action, Direction, Tier};
use std::collections::BTreeMap;

/// Addresses of which the same became so far: what is open, what is allowed, what is passed on.
type Parts = BTreeMap<(Id, Id, Id), Addresses>;

/// Traffic, and the addresses that it may come from or go to.
pub(super) fn outside(rules: &Rules<'_, '_>, class: usize, direction: Direction, operations: &mut Operations<'_>) -> Vec<(Id, Addresses)> {
    // The outside has no names for ports.
    let towards = |resolved: &Resolved<'_, '_>, operations: &Operations<'_>| match direction {
        Direction::Ingress => rules.towards(resolved, class, operations),
        Direction::Egress => resolved.numbers,
    };
    let policies = rules.policies(class, direction);
    let mut parts = Parts::from([((Id::ALL, Id::NONE, Id::NONE), Addresses::all())]);
    for tier in policies.chunk_by(|one, two| one.tier == two.tier) {
        let Some(first) = tier.first() else { continue };
        let about = tier.iter().flat_map(|policy| policy.rules).filter(|resolved| resolved.anyone || !resolved.addresses.is_empty());
        if first.tier == Tier::NetworkPolicy {
            // Rules add up, so that those about the same ports are one, however many blocks they list.
            let mut by_traffic: BTreeMap<Id, Vec<&Addresses>> = BTreeMap::new();
            about.for_each(|resolved| by_traffic.entry(towards(resolved, operations)).or_default().push(&resolved.addresses));
            for (meant, addresses) in by_traffic {
                parts = split(&parts, &Addresses::union_of(addresses), |(open, allowed, passed)| {
                    let traffic = operations.intersection(meant, open);
                    (open, operations.union(allowed, traffic), passed)
                });
            }
            parts = merged(parts.into_iter().map(|((_, allowed, passed), addresses)| ((passed, allowed, Id::NONE), addresses)));
        } else {
            for resolved in about {
                let meant = towards(resolved, operations);
                parts = split(&parts, &resolved.addresses, |(open, allowed, passed)| {
                    let traffic = operations.intersection(meant, open);
                    let rest = operations.difference(open, traffic);
                    match resolved.action {
                        Action::Accept => (rest, operations.union(allowed, traffic), passed),
                        Action::Deny => (rest, allowed, passed),
                        Action::Pass => (rest, allowed, operations.union(passed, traffic)),
                    }
                });
            }
            let ended: Vec<_> = parts
                .into_iter()
                .map(|((open, allowed, passed), addresses)| ((operations.union(open, passed), allowed, Id::NONE), addresses))
                .collect();
            parts = merged(ended.into_iter());
        }
    }
    let settled: Vec<_> = parts
        .into_iter()
        .map(|((open, allowed, _), addresses)| ((operations.union(open, allowed), Id::NONE, Id::NONE), addresses))
        .collect();
    merged(settled.into_iter()).into_iter().filter(|((id, ..), _)| *id != Id::NONE).map(|((id, ..), addresses)| (id, addresses)).collect()
}

/// Does something to the part that is among `addresses`.
fn split(parts: &Parts, addresses: &Addresses, mut then: impl FnMut((Id, Id, Id)) -> (Id, Id, Id)) -> Parts {
    let both = parts.iter().flat_map(|(state, part)| {
        let within = part.intersection(addresses);
        let without = if within.is_empty() { part.clone() } else { part.difference(addresses) };
        [(then(*state), within), (*state, without)]
    });
    let both: Vec<_> = both.collect();
    merged(both.into_iter())
}

fn merged(parts: impl Iterator<Item = ((Id, Id, Id), Addresses)>) -> Parts {
    let mut merged = Parts::new();
    for (state, part) in parts.filter(|(_, part)| !part.is_empty()) {
        let known = merged.entry(state).or_default();
        *known = known.union(&part);
    }
    merged
}
