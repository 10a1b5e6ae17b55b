//! The matrix says of every pair what deciding it by itself says, and so does the difference of two.

#![cfg(test)]

mod worlds;

use core::net::IpAddr;
use plimsoll_model::{Flow, FlowEnd, FlowEndKind, FlowKey, FlowProtocol, FlowVerdict, Inventory, Seen, WorkloadKinds};
use plimsoll_network::diff::{Diff, State};
use plimsoll_network::listing::{Side, Workload};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::what_if::WhatIf;
use plimsoll_network::{End, Protocol, Settings, Traffic, World};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use worlds::{OUTSIDE, objects, read, settings, with_world};

/// Reads two states and looks at them.
fn with_states<T>(before: &[Json], after: &[Json], look: impl FnOnce(State<'_, '_>, State<'_, '_>) -> T) -> T {
    let [before, after] = [before, after].map(read);
    let [old, new] = [&before, &after].map(|snapshot| Inventory::new(snapshot, &WorkloadKinds::default()));
    let (old, new) = World::pair(&old, &new, &Settings::default());
    let [was, is] = [&old, &new].map(Matrix::new);
    look(State { world: &old, matrix: &was }, State { world: &new, matrix: &is })
}

/// What differs between each pair of workloads, and between each and some addresses, by name.
type Differences = BTreeMap<(String, String), (Traffic, Traffic)>;

/// Asked pair by pair.
fn one_by_one(before: &World<'_>, after: &World<'_>) -> Differences {
    let all = |world: &World<'_>| {
        let mut all = Differences::new();
        for source in &world.endpoints {
            for destination in world.endpoints.iter().filter(|destination| !std::ptr::eq(*destination, source)) {
                let (.., traffic) = world.between(End::Endpoint(source), End::Endpoint(destination));
                all.insert((world.name(source), world.name(destination)), (traffic, Traffic::none()));
            }
            for written in OUTSIDE {
                let address = End::Address(written.parse().unwrap());
                let (.., out) = world.between(End::Endpoint(source), address);
                let (.., into) = world.between(address, End::Endpoint(source));
                all.insert((world.name(source), written.to_owned()), (out, Traffic::none()));
                all.insert((written.to_owned(), world.name(source)), (into, Traffic::none()));
            }
        }
        all
    };
    let mut both = all(before);
    for (pair, (traffic, _)) in all(after) {
        both.entry(pair).or_insert((Traffic::none(), Traffic::none())).1 = traffic;
    }
    both.retain(|_, (was, is)| was != is);
    both
}

/// As the difference tells it. Pods of one workload among each other are left out.
fn as_told(diff: &Diff) -> Differences {
    let names = |side: &Side| -> Vec<String> {
        let name = |at: &usize| {
            let Workload { namespace, name, variant, .. } = &diff.workloads[*at];
            if variant.is_empty() { format!("{namespace}/{name}") } else { format!("{namespace}/{name}{{{variant}}}") }
        };
        match side {
            Side::Workloads(list) => list.iter().map(name).collect(),
            Side::Entrance(_) => Vec::new(),
            Side::Outside(ranges) => OUTSIDE.iter().filter(|address| holds(ranges, address)).map(|address| (*address).to_owned()).collect(),
        }
    };
    let mut told = Differences::new();
    for change in &diff.changes {
        for from in names(&change.from) {
            for to in names(&change.to).into_iter().filter(|to| *to != from) {
                let twice = told.insert((from.clone(), to), (change.before.clone(), change.after.clone()));
                assert!(twice.is_none(), "told twice: {change:?}");
            }
        }
    }
    told
}

/// Whether written ranges hold an address.
fn holds(ranges: &[String], address: &str) -> bool {
    let address: IpAddr = address.parse().unwrap();
    ranges.iter().any(|range| match (range.as_str(), range.split_once('-')) {
        ("all addresses", _) => true,
        ("all IPv4", _) => address.is_ipv4(),
        ("all IPv6", _) => address.is_ipv6(),
        (_, Some((first, last))) => {
            let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
            address.is_ipv4() == first.is_ipv4() && (first..=last).contains(&address)
        }
        (one, None) => {
            plimsoll_network::Cidr::read(one).map_or_else(|_| one.parse() == Ok(address), |cidr| cidr.addresses().contains(address))
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_matrix_is_what_each_pair_says(objects in objects(), as_pods in any::<bool>(), ignored in any::<bool>()) {
        with_world(&objects, settings(as_pods, ignored), |world| {
            let matrix = Matrix::new(world);
            let none = Traffic::none();
            for (from, source) in world.endpoints.iter().enumerate() {
                for (to, destination) in world.endpoints.iter().enumerate().filter(|(to, _)| *to != from) {
                    let (.., wanted) = world.between(End::Endpoint(source), End::Endpoint(destination));
                    let got = matrix.between(from, to).unwrap_or(&none);
                    prop_assert_eq!(got, &wanted, "{} -> {}", world.name(source), world.name(destination));
                }
                let class = matrix.class_of[from] as usize;
                for address in OUTSIDE {
                    let address: IpAddr = address.parse().unwrap();
                    let of = |parts: &[(Traffic, plimsoll_network::Addresses)]| {
                        parts.iter().filter(|(_, set)| set.contains(address)).fold(Traffic::none(), |sum, (traffic, _)| sum.union(traffic))
                    };
                    let (.., out) = world.between(End::Endpoint(source), End::Address(address));
                    prop_assert_eq!(of(&matrix.to_outside[class]), out, "{} -> {}", world.name(source), address);
                    let (.., into) = world.between(End::Address(address), End::Endpoint(source));
                    prop_assert_eq!(of(&matrix.from_outside[class]), into, "{} -> {}", address, world.name(source));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_differs_is_what_differs_between_each_pair(before in objects(), others in objects(), dropped in 0usize..8, anew in any::<bool>()) {
        let is_policy = |object: &&Json| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Policy"));
        // The same pods but one, mostly, with other policies.
        let mut after: Vec<Json> = before.iter().filter(|object| !is_policy(object)).cloned().collect();
        after.remove(dropped.min(after.len() - 1));
        after.extend(others.iter().filter(is_policy).cloned());
        let after = if anew { others } else { after };
        with_states(&before, &after, |old, new| {
            let diff = Diff::new(old, new);
            prop_assert_eq!(as_told(&diff), one_by_one(old.world, new.world));
            for (two, one) in diff.changes.iter().zip(diff.changes.iter().skip(1)) {
                prop_assert!((one.ends, one.kind, &one.from, &one.before, &one.after) != (two.ends, two.kind, &two.from, &two.before, &two.after)
                    || matches!(one.to, Side::Outside(_)) != matches!(two.to, Side::Outside(_)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn flows_that_are_cut_passed_and_would_not(before in objects(), others in objects()) {
        let is_policy = |object: &&Json| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Policy"));
        let pods = before.iter().filter(|object| !is_policy(object));
        let after: Vec<Json> = pods.chain(others.iter().filter(is_policy)).cloned().collect();
        with_states(&before, &after, |was, is| {
            let pod = |world: &World<'_>, at: usize| {
                let endpoint = &world.endpoints[at];
                let (namespace, pod) = (world.namespace_of(endpoint).name.into(), endpoint.name.into());
                FlowEnd { kind: FlowEndKind::Pod, namespace, pod, ..FlowEnd::default() }
            };
            let outside = |written: &str| FlowEnd { address: written.parse().ok(), kind: FlowEndKind::Outside, ..FlowEnd::default() };
            let count = was.world.endpoints.len();
            let ends: Vec<FlowEnd> = (0..count).map(|at| pod(was.world, at)).chain(["203.0.113.9", "2001:db8::1"].map(outside)).collect();
            let ends: Vec<Arc<FlowEnd>> = ends.into_iter().map(Arc::new).collect();
            for (from, source) in ends.iter().enumerate() {
                for (to, destination) in ends.iter().enumerate().filter(|(to, _)| *to != from && (from < count || *to < count)) {
                    let passes = |world: &World<'_>| {
                        let end = |at: usize| if at < count { End::Endpoint(&world.endpoints[at]) } else { End::Address(ends[at].address.unwrap()) };
                        world.between(end(from), end(to)).2.contains(Protocol::Tcp, 80)
                    };
                    let (source, destination) = (source.clone(), destination.clone());
                    let key = FlowKey { source, destination, protocol: FlowProtocol::Tcp, port: Some(80), verdict: FlowVerdict::Unknown };
                    let flow = Flow { key, seen: Seen { count: 1, ..Seen::default() } };
                    let judged = WhatIf::new(was, is, Some(std::slice::from_ref(&flow))).flows.unwrap();
                    let got = [judged.cut.len(), judged.denied_before.len(), judged.opened.len(), judged.kept, judged.unknown.len()];
                    let wanted = match (passes(was.world), passes(is.world)) {
                        (true, false) => [1, 0, 0, 0, 0],
                        (false, false) => [0, 1, 0, 0, 0],
                        (false, true) => [0, 0, 1, 0, 0],
                        (true, true) => [0, 0, 0, 1, 0],
                    };
                    prop_assert_eq!(got, wanted, "{:?}", flow);
                    prop_assert!(judged.cut.iter().all(|one| !one.by.is_empty()), "{:?}", judged.cut);
                }
            }
            Ok(())
        })?;
    }
}
