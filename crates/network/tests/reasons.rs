//! Explanations and answers say of every pair what deciding it by itself says, and reasons add up to what is decided.

#![cfg(test)]

mod worlds;

use core::net::IpAddr;
use plimsoll_network::can::{Asked, Can, Party, Question, Verdict};
use plimsoll_network::derivation::{Derivation, Outcome};
use plimsoll_network::explain::Explanation;
use plimsoll_network::listing::{Filter, Side, Workload};
use plimsoll_network::policy::{Action, Direction};
use plimsoll_network::{Addresses, Cidr, Decision, End, Protocol, Reason, Traffic};
use proptest::prelude::*;
use std::collections::BTreeSet;
use worlds::{OUTSIDE, objects, settings, with_world};

/// What the reasons of a decision let pass, and what they do not.
fn sums(decision: &Decision) -> (Traffic, Traffic) {
    let (mut allowed, mut denied) = (Traffic::none(), Traffic::none());
    for reason in &decision.reasons {
        match reason {
            Reason::Rule { action: Action::Accept, traffic, .. } | Reason::Default { traffic } => allowed = allowed.union(traffic),
            Reason::Rule { action: Action::Deny, traffic, .. } | Reason::Isolated { traffic, .. } => denied = denied.union(traffic),
            Reason::Rule { action: Action::Pass, .. } => {}
            Reason::Inside => allowed = Traffic::all(),
            Reason::Apart => denied = Traffic::all(),
        }
    }
    (allowed, denied)
}

/// What an output's steps let pass, and what they do not.
fn step_sums(derivation: &Derivation) -> (Traffic, Traffic) {
    let sum = |outcomes: &[Outcome]| {
        let steps = derivation.steps.iter().filter(|step| outcomes.contains(&step.outcome));
        steps.fold(Traffic::none(), |sum, step| sum.union(&step.traffic))
    };
    (sum(&[Outcome::Allows, Outcome::Default, Outcome::Inside]), sum(&[Outcome::Denies, Outcome::Isolated, Outcome::Apart]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reasons_add_up(objects in objects(), as_pods in any::<bool>(), ignored in any::<bool>()) {
        with_world(&objects, settings(as_pods, ignored), |world| {
            let ends: Vec<_> = world.endpoints.iter().map(End::Endpoint).chain(world.nodes.iter().map(End::Node)).collect();
            for (from, to) in ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to))) {
                for direction in Direction::BOTH {
                    let decision = world.decide(from, to, direction);
                    let (allowed, denied) = sums(&decision);
                    prop_assert_eq!(&allowed, &decision.allowed);
                    prop_assert_eq!(denied, Traffic::all().difference(&allowed));
                    // Of one port the same holds as of all.
                    let port = Traffic::port(Protocol::Tcp, 80);
                    prop_assert_eq!(world.decide_about(&port, from, to, direction).allowed, allowed.intersection(&port));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn explanations_are_what_each_pair_says(objects in objects(), as_pods in any::<bool>(), ignored in any::<bool>()) {
        with_world(&objects, settings(as_pods, ignored), |world| {
            let explanation = Explanation::new(world, &Filter::default(), None).unwrap();
            let mut seen = BTreeSet::new();
            for pair in &explanation.pairs {
                let (egress, ingress) = (&explanation.derivations[pair.egress], &explanation.derivations[pair.ingress]);
                prop_assert_eq!((egress.direction, ingress.direction), (Direction::Egress, Direction::Ingress));
                for derivation in [egress, ingress] {
                    prop_assert_eq!(step_sums(derivation), (derivation.allowed.clone(), derivation.denied.clone()));
                }
                prop_assert_eq!(&pair.allowed, &egress.allowed.intersection(&ingress.allowed));
                prop_assert_eq!(&pair.denied, &Traffic::all().difference(&pair.allowed));
                match (&pair.from, &pair.to) {
                    (Side::Workloads(from), Side::Workloads(to)) => {
                        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))).filter(|(from, to)| from != to) {
                            prop_assert!(seen.insert((from, to)), "twice");
                            let ends = [from, to].map(|at| End::Endpoint(&world.endpoints[at]));
                            for (got, direction) in [(egress, Direction::Egress), (ingress, Direction::Ingress)] {
                                let wanted = world.decide(ends[0], ends[1], direction);
                                prop_assert_eq!(&got.steps, &Derivation::new(world, &wanted, direction, &Traffic::all()).steps);
                            }
                        }
                    }
                    (Side::Workloads(ours), Side::Outside(_)) | (Side::Outside(_), Side::Workloads(ours)) => {
                        let is_out = matches!(pair.to, Side::Outside(_));
                        let Side::Outside(theirs) = (if is_out { &pair.to } else { &pair.from }) else { panic!("a side outside") };
                        let theirs = Addresses::union_of(&theirs.iter().map(|text| addresses(text)).collect::<Vec<_>>());
                        for address in OUTSIDE.map(|text| text.parse::<IpAddr>().unwrap()).into_iter().filter(|one| theirs.contains(*one)) {
                            for at in ours {
                                let (outside, inside) = (End::Address(address), End::Endpoint(&world.endpoints[*at]));
                                let (from, to) = if is_out { (inside, outside) } else { (outside, inside) };
                                prop_assert_eq!(&pair.allowed, &world.between(from, to).2);
                            }
                        }
                    }
                    _ => prop_assert!(false, "outside to outside"),
                }
            }
            let count = world.endpoints.len();
            prop_assert_eq!(seen.len(), count * (count - 1));
            Ok(())
        })?;
    }

    #[test]
    fn answers_are_what_each_pair_says(objects in objects(), as_pods in any::<bool>(), port in 79u16..82) {
        with_world(&objects, settings(as_pods, false), |world| {
            let asked = Traffic::port(Protocol::Tcp, port);
            let all = Asked::Outside("a.example.org".to_owned(), Addresses::all());
            let mut ends: Vec<_> = (0..world.endpoints.len()).map(Asked::Endpoint).collect();
            ends.push(all);
            let question = Question { from: ends.clone(), to: ends.into_iter().map(|end| (end, asked.clone())).collect() };
            let can = Can::new(world, &question).unwrap();
            let find = |party: &Workload| world.endpoints.iter().find(|endpoint| Workload::of(world, endpoint) == *party).unwrap();
            for answer in &can.answers {
                prop_assert_eq!(&answer.allowed, &answer.egress.allowed.intersection(&answer.ingress.allowed));
                prop_assert_eq!(answer.verdict == Verdict::Yes, answer.denied.is_none());
                let is_apart = answer.egress.steps.iter().any(|step| step.outcome == Outcome::Apart);
                prop_assert_eq!(answer.nearest.is_empty(), answer.denied.is_none() || is_apart);
                for (from, to) in answer.from.iter().flat_map(|from| answer.to.iter().map(move |to| (from, to))) {
                    if let (Party::Workload(from), Party::Workload(to)) = (from, to) {
                        let (.., wanted) = world.between(End::Endpoint(find(from)), End::Endpoint(find(to)));
                        prop_assert_eq!(&answer.allowed, &wanted.intersection(&asked));
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// Addresses as outputs write them.
fn addresses(text: &str) -> Addresses {
    match text {
        "all addresses" => Addresses::all(),
        "all IPv4" => Addresses::all_v4(),
        "all IPv6" => Addresses::all_v6(),
        _ => match Cidr::read(text) {
            Ok(cidr) => cidr.addresses(),
            Err(_) => {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                Addresses::range(first.parse().unwrap(), last.parse().unwrap())
            }
        },
    }
}
