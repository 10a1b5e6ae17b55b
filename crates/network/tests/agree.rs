//! The matrix says of every pair what deciding it by itself says, and so does the difference of two.

#![expect(clippy::indexing_slicing, reason = "helpers of tests")]

mod worlds;

use core::net::IpAddr;
use plimsoll_model::{Inventory, WorkloadKinds};
use plimsoll_network::diff::{Diff, State};
use plimsoll_network::listing::{Side, Workload};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::{End, Settings, Traffic, World};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use worlds::{OUTSIDE, objects, read, settings, with_world};

/// Reads two states and looks at what differs.
fn with_diff<T>(before: &[Json], after: &[Json], look: impl FnOnce(&World<'_>, &World<'_>, &Diff) -> T) -> T {
    let [before, after] = [before, after].map(read);
    let [old, new] = [&before, &after].map(|snapshot| Inventory::new(snapshot, &WorkloadKinds::default()));
    let (old, new) = World::pair(&old, &new, &Settings::default());
    let [was, is] = [&old, &new].map(Matrix::new);
    look(&old, &new, &Diff::new(State { world: &old, matrix: &was }, State { world: &new, matrix: &is }))
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
        with_diff(&before, &after, |old, new, diff| {
            prop_assert_eq!(as_told(diff), one_by_one(old, new));
            for (two, one) in diff.changes.iter().zip(diff.changes.iter().skip(1)) {
                prop_assert!((one.ends, one.kind, &one.from, &one.before, &one.after) != (two.ends, two.kind, &two.from, &two.before, &two.after)
                    || matches!(one.to, Side::Outside(_)) != matches!(two.to, Side::Outside(_)));
            }
            Ok(())
        })?;
    }
}
