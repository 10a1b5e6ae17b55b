//! `list`: who may talk to whom.

use super::{CONTROLLER, Case, Facts, POD_NETWORK, Side, cases, connection, with_world};
use crate::conformance::Cases;
use anyhow::Context;
use plimsoll_network::listing::{self, Connection, Filter, Listing, Network};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::policy::Direction;
use plimsoll_network::{Addresses, Cidr, Traffic, World};
use std::collections::BTreeSet;
use std::path::Path;

/// Every case as facts.
pub(in crate::conformance) fn list(path: &Path) -> anyhow::Result<Cases> {
    let mut done = Cases::default();
    for case in cases(path, "list")? {
        let wanted = match expected(&case) {
            Ok(wanted) => wanted,
            Err(why) => {
                done.unreadable(case.name, why);
                continue;
            }
        };
        let got = with_world(path, &case.dir, |world| got(&case, world))??;
        let (wanted, got) = wanted.differences(&got);
        done.case(|| case.name.clone(), &wanted, &got);
    }
    Ok(done)
}

/// The facts that a case wants. With a port in focus, lines do not say what else flows: that port stands for it.
fn expected(case: &Case) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let mut network = POD_NETWORK.to_owned();
    let focus = case.port().map(|(protocol, port)| Traffic::port(protocol, port));
    for line in case.expected.lines() {
        if let Some(name) = line.strip_prefix("Permitted connectivity analyzed in ") {
            network = name.trim_end_matches(':').to_owned();
        } else if line.starts_with("Workload-to-Networks Mapping") {
            break;
        } else if line.contains(" => ") {
            let (from, to, traffic) = connection(line).with_context(|| format!("`{line}` is no connection"))?;
            let traffic = traffic.or_else(|| focus.clone()).with_context(|| format!("`{line}` says no traffic"))?;
            facts.add(&network, &from, &to, &traffic);
        }
    }
    Ok(facts)
}

/// The place of what is no workload to us.
const THE_CONTROLLER: usize = usize::MAX;

/// The facts that our listing states, of those that the case asks for.
fn got(case: &Case, world: &World<'_>) -> anyhow::Result<Facts> {
    let mut focus = Case::find(&case.focus_workloads, world);
    let mut filter = Filter { focus: focus.clone(), direction: case.direction(), port: case.port() };
    if case.focus_workloads.iter().any(|name| name == "ingress-controller") {
        focus.get_or_insert_default().insert(THE_CONTROLLER);
        filter.focus = None;
    }
    let listing = Listing::new(world, &Matrix::new(world), &filter);
    let peers = Case::find(&case.focus_peers, world);
    let is = |set: &Option<BTreeSet<usize>>, place: Option<usize>| set.as_ref().is_none_or(|set| place.is_some_and(|at| set.contains(&at)));
    let mut facts = Facts::default();
    let mut add = |connection: &Connection, over: Option<&Network>| -> anyhow::Result<()> {
        let traffic = case.port().map_or_else(|| connection.traffic.clone(), |(protocol, port)| Traffic::port(protocol, port));
        for (from_place, from) in sides(&connection.from, &listing.workloads, &listing.entrances)? {
            for (to_place, to) in sides(&connection.to, &listing.workloads, &listing.entrances)? {
                let outward = case.direction() != Some(Direction::Ingress) && is(&focus, from_place) && is(&peers, to_place);
                let inward = case.direction() != Some(Direction::Egress) && is(&focus, to_place) && is(&peers, from_place);
                if outward || inward {
                    // The destination's is that of the source, too, but for sources that are in none.
                    let places = [to_place, from_place];
                    let first = |network: &&Network| network.first && places.iter().flatten().any(|at| network.workloads.contains(at));
                    let network = over.or_else(|| listing.networks.iter().find(first));
                    facts.add(&network.map_or_else(|| POD_NETWORK.to_owned(), |network| title(&network.name)), &from, &to, &traffic);
                }
            }
        }
        Ok(())
    };
    for connection in &listing.connections {
        add(connection, None)?;
    }
    for network in &listing.networks {
        for connection in &network.connections {
            add(connection, Some(network))?;
        }
    }
    Ok(facts)
}

/// A network as that tool calls it: one that belongs to a namespace by the namespace.
pub(super) fn title(network: &str) -> String {
    let (kind, name) = network.split_once(' ').unwrap_or_default();
    let (namespace, plain) = name.split_once('/').unwrap_or((name, name));
    match kind {
        "UserDefinedNetwork" => format!("primary UDN {namespace}"),
        "ClusterUserDefinedNetwork" => format!("primary CUDN {name}"),
        _ => format!("secondary NAD {plain}"),
    }
}

/// The ends that one side of a connection names, and the places of those that are workloads.
pub(super) fn sides(
    side: &listing::Side,
    workloads: &[listing::Workload],
    entrances: &[listing::Entrance],
) -> anyhow::Result<Vec<(Option<usize>, Side)>> {
    match side {
        listing::Side::Workloads(places) => {
            let workloads = places.iter().filter_map(|at| Some((*at, workloads.get(*at)?)));
            let named = |(at, one): (usize, &listing::Workload)| (Some(at), Side::workload(&one.namespace, &one.name, &one.kind));
            Ok(workloads.map(named).collect())
        }
        listing::Side::Outside(ranges) => {
            let ranges: Vec<_> = ranges.iter().map(|text| addresses(text)).collect::<anyhow::Result<_>>()?;
            Ok(vec![(None, Side::Outside(Addresses::union_of(&ranges)))])
        }
        // Services that are open to the outside are no sources to that tool, and all controllers are one.
        listing::Side::Entrance(at) => {
            let entrance = entrances.get(*at).filter(|entrance| matches!(entrance.kind.as_str(), "Ingress" | "Route"));
            Ok(entrance.map(|_| (Some(THE_CONTROLLER), Side::Named(CONTROLLER.to_owned()))).into_iter().collect())
        }
    }
}

/// Addresses as our answers write them.
pub(super) fn addresses(text: &str) -> anyhow::Result<Addresses> {
    Ok(match text {
        "all addresses" => Addresses::all(),
        "all IPv4" => Addresses::all_v4(),
        "all IPv6" => Addresses::all_v6(),
        _ => match Cidr::read(text) {
            Ok(cidr) => cidr.addresses(),
            Err(_) => {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                Addresses::range(first.parse()?, last.parse()?)
            }
        },
    })
}
