//! What is open to unseen pods is what asking about each of them says, and holds for pods that are such ones.

#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its part of what they share")]
mod worlds;

use plimsoll_network::exposure::{Exposure, Unseen};
use plimsoll_network::listing::Filter;
use plimsoll_network::policy::{Direction, Means, Peers, Pick, Policy, Tier};
use plimsoll_network::{End, Endpoint, World};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use worlds::{objects, settings, with_world};

/// Whom the rules of a world pick.
fn picks<'w, 'a>(world: &'w World<'a>) -> impl Iterator<Item = &'w Pick<'a>> {
    let rules = world.policies.iter().flat_map(Policy::all_rules);
    let listed = rules.filter_map(|(.., rule)| if let Peers::Listed(peers) = &rule.peers { Some(peers) } else { None });
    listed.flatten().filter_map(|peer| if let Means::Pods(pick) = &peer.means { Some(pick) } else { None })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_open_is_what_asking_about_each_says(objects in objects(), as_pods in any::<bool>(), ignored in any::<bool>()) {
        with_world(&objects, settings(as_pods, ignored), |world| {
            let picks = picks(world);
            let everyone = Pick::everyone();
            // By name: what a rule says in other words of the same namespace is the same.
            let by_name: BTreeMap<Unseen, &Pick<'_>> = picks.chain([&everyone]).map(|pick| (Unseen::from(pick), pick)).collect();
            let exposure = Exposure::new(world, &Filter::default());
            for (direction, exposed) in exposure.directions() {
                let mut seen = BTreeSet::new();
                for (one, at) in exposed.iter().flat_map(|one| one.workloads.iter().map(move |at| (one, *at))) {
                    prop_assert!(seen.insert(at) && !one.openings.is_empty());
                    let subject = End::Endpoint(&world.endpoints[at]);
                    for (opening, pick) in one.openings.iter().filter_map(|opening| Some((opening, *by_name.get(&opening.peer)?))) {
                        let (from, to) = if direction == Direction::Ingress { (End::Unseen(pick), subject) } else { (subject, End::Unseen(pick)) };
                        prop_assert_eq!(&opening.traffic, &world.decide(from, to, direction).allowed, "{}", &opening.peer);
                    }
                }
                // Nothing is open to all of whom nothing is said.
                for at in (0..world.endpoints.len()).filter(|at| !seen.contains(at)) {
                    let (subject, all) = (End::Endpoint(&world.endpoints[at]), End::Unseen(&everyone));
                    let (from, to) = if direction == Direction::Ingress { (all, subject) } else { (subject, all) };
                    prop_assert!(world.decide(from, to, direction).allowed.is_none());
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_holds_for_unseen_pods_holds_for_each_of_them(objects in objects(), as_pods in any::<bool>()) {
        with_world(&objects, settings(as_pods, true), |world| {
            let picks: Vec<_> = picks(world).collect();
            let picked = |pick: &Pick<'_>, at: &Endpoint<'_>| !world.settings.is_node_traffic(at) && pick.picks(world.namespace_of(at), &at.labels);
            // Deny rules about some of them do not count for all.
            let is_v1 = world.policies.iter().all(|policy| policy.tier == Tier::NetworkPolicy);
            for (known, pod) in picks.iter().flat_map(|pick| world.endpoints.iter().map(move |pod| (*pick, pod))).filter(|(pick, pod)| picked(pick, pod)) {
                for other in picks.iter().filter(|other| world.implies(known, other)) {
                    prop_assert!(picked(other, pod), "{known:?} implies {other:?}");
                }
                for subject in world.endpoints.iter().filter(|subject| is_v1 && !std::ptr::eq(*subject, pod) && subject.network == pod.network) {
                    let subject = End::Endpoint(subject);
                    let of = |peer: End<'_, '_>| (world.between(peer, subject).1.allowed, world.between(subject, peer).0.allowed);
                    let ((inward, outward), (all_in, all_out)) = (of(End::Unseen(known)), of(End::Endpoint(pod)));
                    prop_assert!(inward.is_subset(&all_in) && outward.is_subset(&all_out), "{known:?}");
                }
            }
            Ok(())
        })?;
    }
}
