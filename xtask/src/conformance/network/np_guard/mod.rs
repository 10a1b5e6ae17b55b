//! What the tests of netpol-analyzer expect: its cases, and its lines as facts that say nothing of how they are written.
//!
//! That tool takes pods for never matched by `ipBlock`, pods on the network of their node for pods like others, knows no IPv6, and
//! says nothing of traffic without ports; so [`with_world`] and [`Facts`] leave those out.

mod diff;
mod explain;
mod list;

pub(in crate::conformance) use diff::diff;
pub(in crate::conformance) use explain::explain;
pub(in crate::conformance) use list::list;

use crate::conformance::json_lines;
use anyhow::{Context, bail};
use plimsoll_model::{Inventory, Snapshot, WorkloadKinds};
use plimsoll_network::policy::Direction;
use plimsoll_network::ranges::Ranges;
use plimsoll_network::{Addresses, Endpoint, HostNetwork, PodAddresses, Protocol, Settings, Traffic, World};
use plimsoll_sources::{Options, Target};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// A case. What its kind does not have is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) kind: String,
    /// The directory that is looked at; of two, the one before.
    #[serde(alias = "dir1")]
    pub(super) dir: String,
    /// The directory after.
    pub(super) dir2: String,
    /// Workloads by name or `namespace/name`; all where there are none.
    pub(super) focus_workloads: Vec<String>,
    /// Whom those in focus are looked at with; all where there are none.
    pub(super) focus_peers: Vec<String>,
    /// `ingress`, `egress`, or both where it is empty.
    pub(super) focus_direction: String,
    /// As `tcp-80`.
    pub(super) focus_conn: String,
    pub(super) multiple_networks: bool,
    /// Options as they stand on the command line; [`cases`] puts them into the fields.
    args: Vec<String>,
    /// `allow` or `deny`: only what is allowed or denied is explained.
    pub(super) explain_only: String,
    /// Whether exposure is asked for beside the rest.
    pub(super) exposure: bool,
    pub(super) expected: String,
}

/// The cases of one kind: `list`, `exposure`, `explain` or `diff`.
pub(super) fn cases(path: &Path, kind: &str) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for line in json_lines(path)? {
        let mut case: Case = serde_json::from_value(line?)?;
        if case.kind == kind {
            case.read_args()?;
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Case {
    fn read_args(&mut self) -> anyhow::Result<()> {
        let args = std::mem::take(&mut self.args);
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            let (name, value) = arg.split_once('=').map_or((arg, None), |(name, value)| (name, Some(value)));
            let mut value = || value.or_else(|| args.next()).with_context(|| format!("{name} needs a value"));
            let list = |text: &str| text.split(',').map(str::to_owned).collect();
            match name {
                "--explain" => {}
                "--exposure" => self.exposure = true,
                "--multiple-networks" => self.multiple_networks = value()? == "true",
                "--explain-only" => value()?.clone_into(&mut self.explain_only),
                "--focusworkload" => self.focus_workloads = list(value()?),
                "--focusworkload-peer" => self.focus_peers = list(value()?),
                "--focus-direction" => value()?.clone_into(&mut self.focus_direction),
                "--focus-conn" => value()?.clone_into(&mut self.focus_conn),
                _ => bail!("{}: `{arg}` is not known", self.name),
            }
        }
        Ok(())
    }

    /// The port of `focus_conn`.
    pub(super) fn port(&self) -> Option<(Protocol, u16)> {
        let (protocol, port) = self.focus_conn.split_once('-')?;
        Some((Protocol::read(protocol)?, port.parse().ok()?))
    }

    /// The direction of `focus_direction`.
    pub(super) fn direction(&self) -> Option<Direction> {
        Direction::BOTH.into_iter().find(|direction| direction.name() == self.focus_direction)
    }

    /// The endpoints that names of workloads mean; none where there are no names.
    pub(super) fn find(names: &[String], world: &World<'_>) -> Option<BTreeSet<usize>> {
        let is_meant = |endpoint: &Endpoint<'_>, name: &String| match name.split_once('/') {
            Some((namespace, name)) => world.namespace_of(endpoint).name == namespace && endpoint.name == name,
            None => endpoint.name == name,
        };
        let found = |(at, endpoint)| names.iter().any(|name| is_meant(endpoint, name)).then_some(at);
        (!names.is_empty()).then(|| world.endpoints.iter().enumerate().filter_map(found).collect())
    }
}

/// Reads a directory of manifests and looks at the world they make, by what that tool takes for granted.
pub(super) fn with_world<T>(cases: &Path, dir: &str, look: impl FnOnce(&World<'_>) -> T) -> anyhow::Result<T> {
    let snapshot = load(cases, dir)?;
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    Ok(look(&World::new(&inventory, settings())))
}

/// Reads a directory of manifests.
fn load(cases: &Path, dir: &str) -> anyhow::Result<Snapshot> {
    let dir = cases.with_file_name("manifests").join(dir);
    if !dir.is_dir() {
        bail!("{} is not there", dir.display());
    }
    let options = Options { no_ignore: true, ..Options::default() };
    Ok(plimsoll_sources::load(&[Target::Path(dir)], &options, io::empty()))
}

/// What that tool takes for granted.
pub(super) fn settings() -> Settings {
    Settings { host_network: HostNetwork::Pod, pod_addresses: PodAddresses::Ignored, ..Settings::default() }
}

/// Whatever forwards what comes in, as that tool writes it.
pub(super) const CONTROLLER: &str = "{ingress-controller}";

/// One end of a connection as that tool writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// A workload (`shop/web[Deployment]`), the ingress controller, or another name.
    Named(String),
    /// Addresses outside.
    Outside(Addresses),
}

impl Side {
    /// Reads it; none if it is not written as an end.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some(range) = text.strip_suffix("[External]") else {
            // The network that a workload is in is said elsewhere.
            return (!text.is_empty()).then(|| Self::Named(text.replace("[udn]/", "/")));
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(Self::Outside(Addresses::range(first.parse().ok()?, last.parse().ok()?)))
    }

    /// A workload of ours as that tool writes it.
    pub(super) fn workload(namespace: &str, name: &str, kind: &str) -> Self {
        Self::Named(format!("{namespace}/{name}[{kind}]"))
    }
}

/// Reads `TCP 80,443,UDP 5000-5100`, `TCP:[1-79,81-65535], UDP`, `All Connections` and `No Connections`; none if it is neither.
pub(super) fn traffic(text: &str) -> Option<Traffic> {
    match text.trim() {
        "All Connections" => return Some(ports_only(&Traffic::all())),
        "No Connections" => return Some(Traffic::none()),
        _ => {}
    }
    let mut traffic = Traffic::none();
    let mut last: Option<(Protocol, Vec<(u16, u16)>)> = None;
    let mut finish = |last: Option<(Protocol, Vec<(u16, u16)>)>| {
        if let Some((protocol, ranges)) = last {
            let set = if ranges.is_empty() { Ranges::all() } else { Ranges::of(ranges) };
            traffic = traffic.union(&Traffic::of(protocol, &set));
        }
    };
    for word in text.split([' ', ',', ':', '[', ']']).filter(|word| !word.is_empty()) {
        if let Some(protocol) = Protocol::read(word) {
            finish(last.replace((protocol, Vec::new())));
            continue;
        }
        let (first, end) = word.split_once('-').unwrap_or((word, word));
        last.as_mut()?.1.push((first.parse().ok()?, end.parse().ok()?));
    }
    finish(last);
    (!traffic.is_none()).then_some(traffic)
}

/// Without what has no ports.
pub(super) fn ports_only(traffic: &Traffic) -> Traffic {
    let of = |protocol| Traffic::of(protocol, traffic.ports(protocol));
    Protocol::ALL.into_iter().map(of).fold(Traffic::none(), |all, one| all.union(&one))
}

/// Reads `FROM => TO : TRAFFIC`; the traffic is none where it is not said.
pub(super) fn connection(line: &str) -> Option<(Side, Side, Option<Traffic>)> {
    let (from, rest) = line.split_once(" => ")?;
    let (to, flows) = match rest.split_once(" : ") {
        Some((to, flows)) => (to, Some(traffic(flows)?)),
        None => (rest, None),
    };
    Some((Side::read(from)?, Side::read(to)?, flows))
}

/// The network that all pods are in unless something else is said.
pub(super) const POD_NETWORK: &str = "Pod network";

/// Who may send what to whom, however it is written: per network, the traffic of each pair, and the addresses outside of each workload,
/// direction and traffic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pairs: BTreeMap<(String, String, String), Traffic>,
    outside: BTreeMap<(String, String, Direction, Traffic), Addresses>,
}

impl Facts {
    /// Adds one. What a workload sends to itself is none; IPv6 and what has no ports is left out.
    pub(super) fn add(&mut self, network: &str, from: &Side, to: &Side, traffic: &Traffic) {
        let traffic = ports_only(traffic);
        let mut outside = |workload: &String, direction, addresses: &Addresses| {
            let addresses = addresses.intersection(&Addresses::all_v4());
            let key = (network.to_owned(), workload.clone(), direction, traffic.clone());
            let known = self.outside.entry(key).or_default();
            *known = known.union(&addresses);
        };
        match (from, to) {
            _ if traffic.is_none() => {}
            (Side::Outside(addresses), Side::Named(workload)) => outside(workload, Direction::Ingress, addresses),
            (Side::Named(workload), Side::Outside(addresses)) => outside(workload, Direction::Egress, addresses),
            (Side::Named(from), Side::Named(to)) if from != to => {
                let known = self.pairs.entry((network.to_owned(), from.clone(), to.clone())).or_default();
                *known = known.union(&traffic);
            }
            _ => {}
        }
    }

    /// The facts one a line, in order.
    fn lines(&self) -> BTreeSet<String> {
        let network = |name: &String| if name == POD_NETWORK { String::new() } else { format!("{name}: ") };
        let pairs = self.pairs.iter().map(|((within, from, to), traffic)| format!("{}{from} -> {to}: {traffic}", network(within)));
        let outside = self.outside.iter().filter(|(_, addresses)| !addresses.is_empty());
        let outside = outside.map(|((within, workload, direction, traffic), addresses)| match direction {
            Direction::Ingress => format!("{}{addresses} -> {workload}: {traffic}", network(within)),
            Direction::Egress => format!("{}{workload} -> {addresses}: {traffic}", network(within)),
        });
        pairs.chain(outside).collect()
    }

    /// What is only in these, and what is only in `got`: two empty texts where they say the same.
    pub(super) fn differences(&self, got: &Self) -> (String, String) {
        differences(&self.lines(), &got.lines())
    }
}

/// What is only in `wanted`, and what is only in `got`: the first few of each.
pub(super) fn differences(wanted: &BTreeSet<String>, got: &BTreeSet<String>) -> (String, String) {
    let only = |one: &BTreeSet<String>, two: &BTreeSet<String>| {
        let mut lines: Vec<_> = one.difference(two).take(6).cloned().collect();
        let more = one.difference(two).count() - lines.len();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n           ")
    };
    (only(wanted, got), only(got, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_facts() {
        for (written, read) in [
            ("TCP 80,443,UDP 53-54", "TCP 80, 443; UDP 53-54"),
            ("TCP:[1-79,81-65535], UDP, SCTP", "TCP 1-79, 81-65535; UDP; SCTP"),
            ("All Connections", "TCP; UDP; SCTP"),
        ] {
            assert_eq!(traffic(written).unwrap().to_string(), read);
        }
        assert!(traffic("TCP x").is_none() && traffic("80").is_none());
        let mut facts = Facts::default();
        for line in ["0.0.0.0-9.255.255.255[External] => a/b[Pod] : TCP 1", "10.0.0.0-255.255.255.255[External] => a/b[Pod] : TCP 1"] {
            let (from, to, traffic) = connection(line).unwrap();
            facts.add(POD_NETWORK, &from, &to, &traffic.unwrap());
        }
        assert_eq!(facts.differences(&Facts::default()), ("all IPv4 -> a/b[Pod]: TCP 1".to_owned(), String::new()));
    }
}
