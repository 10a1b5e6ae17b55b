//! Who may talk to whom: the answer of `plimsoll net list`.

use crate::addresses::Addresses;
use crate::entrances::{self, FromUnknown};
use crate::matrix::Matrix;
use crate::networks::{self, Secondary};
use crate::policy::Direction;
use crate::ranges::Ranges;
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, HostNetwork, PodAddresses, Settings, World};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who may talk to whom. Workloads that may talk to the same ones are named together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// What the API leaves open, as it was answered here.
    pub settings: Answered,
    /// The workloads there are, by their place in the lists below.
    pub workloads: Vec<Workload>,
    /// The ways in from outside of the cluster that lead to any of them, by their place in the connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrances: Vec<Entrance>,
    /// Who may send what to whom over the first networks of pods, in order.
    pub connections: Vec<Connection>,
    /// Networks of pods beside that of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
}

/// A network beside that of the cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// What defines it: `UserDefinedNetwork shop/own`.
    pub name: String,
    /// Whether it is the first of its pods, instead of the cluster's: [`Listing::connections`] are over it, then. Else pods are attached to
    /// it beside their first.
    pub first: bool,
    /// The workloads in it, by their places in [`Listing::workloads`].
    pub workloads: Vec<usize>,
    /// Who may send what to whom over it, where it is not the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Connection>,
}

/// A way in that connections name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entrance {
    /// The kind of what opens it: `Ingress`, `Route`, `HTTPRoute`, `Service`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who sends to the pods behind it.
    pub by: By,
}

/// Who sends to the pods behind an entrance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// Its controller: workloads, by their places in [`Listing::workloads`].
    Controller(Vec<usize>),
    /// A controller that was not read.
    Unknown,
    /// Clients with these addresses.
    Clients(Vec<String>),
}

impl Entrance {
    /// Of a way in; `place` says where an answer has an endpoint of the world.
    pub(crate) fn of(entrance: &entrances::Entrance<'_>, place: impl Fn(usize) -> Option<usize>) -> Self {
        let object = &entrance.object;
        Self {
            kind: object.kind.to_owned(),
            namespace: object.effective_namespace().to_owned(),
            name: object.name.to_owned(),
            by: match &entrance.by {
                entrances::By::Controller(pods) => By::Controller(pods.iter().filter_map(|at| place(*at)).collect()),
                entrances::By::Unknown => By::Unknown,
                entrances::By::Clients(addresses) => By::Clients(written(addresses)),
            },
        }
    }
}

/// A workload that connections name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What parts its pods from others of the same workload: labels that policies look at.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Workload {
    /// Those of a world, in its order.
    pub fn all(world: &World<'_>) -> Vec<Self> {
        world.endpoints.iter().map(|endpoint| Self::of(world, endpoint)).collect()
    }

    /// The workload of an endpoint.
    pub fn of<'a>(world: &World<'a>, endpoint: &Endpoint<'a>) -> Self {
        Self {
            namespace: world.namespace_of(endpoint).name.to_owned(),
            kind: endpoint.kind.to_owned(),
            name: endpoint.name.to_owned(),
            variant: endpoint.variant.clone(),
        }
    }

    /// Whether both are pods of one workload.
    pub fn is_same_workload(&self, other: &Self) -> bool {
        (&self.namespace, &self.kind, &self.name) == (&other.namespace, &other.kind, &other.name)
    }
}

/// What some may send to others.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Who may send.
    pub from: Side,
    /// To whom. Where both are the same workload, its pods may send to each other.
    pub to: Side,
    /// What.
    pub traffic: Traffic,
}

/// One side of connections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// Workloads, by their places in [`Listing::workloads`].
    Workloads(Vec<usize>),
    /// Addresses outside of the cluster: CIDRs, and ranges that are none.
    Outside(Vec<String>),
    /// A way in, by its place in [`Listing::entrances`].
    Entrance(usize),
}

/// What the API leaves open, as it was answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// What pods on the network of their node are.
    pub host_network: HostNetwork,
    /// Whether rules about addresses hold for pods.
    pub pod_addresses: PodAddresses,
    /// Where pods whose addresses are not known are taken to have them.
    pub pod_networks: Vec<String>,
}

impl From<&Settings> for Answered {
    fn from(settings: &Settings) -> Self {
        let pod_networks = settings.pod_networks.cidrs().iter().map(ToString::to_string).collect();
        Self { host_network: settings.host_network, pod_addresses: settings.pod_addresses, pod_networks }
    }
}

/// What of a listing is asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only connections of these endpoints, by their places in [`World::endpoints`]; all where there are none.
    pub focus: Option<BTreeSet<usize>>,
    /// Only connections in this direction, seen from what is in focus.
    pub direction: Option<Direction>,
    /// Only connections that a port is among.
    pub port: Option<(Protocol, u16)>,
}

impl Filter {
    /// What is asked for of pairs of workloads: each source with each destination, and no pair twice.
    pub(crate) fn within(&self, from: &[usize], to: &[usize]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let Some(focus) = &self.focus else { return vec![(from.to_vec(), to.to_vec())] };
        let part = |list: &[usize], is_in: bool| list.iter().copied().filter(|at| focus.contains(at) == is_in).collect::<Vec<_>>();
        match self.direction {
            Some(Direction::Egress) => vec![(part(from, true), to.to_vec())],
            Some(Direction::Ingress) => vec![(from.to_vec(), part(to, true))],
            None => vec![(part(from, true), to.to_vec()), (part(from, false), part(to, true))],
        }
    }

    fn is_wanted(&self, traffic: &Traffic) -> bool {
        self.port.is_none_or(|(protocol, port)| traffic.contains(protocol, port))
    }
}

impl Listing {
    /// What the policies of a world let pass.
    pub fn new(world: &World<'_>, matrix: &Matrix, filter: &Filter) -> Self {
        let mut connections = inside(matrix, filter);
        for (direction, rows) in [(Direction::Ingress, &matrix.from_outside), (Direction::Egress, &matrix.to_outside)] {
            if filter.direction.is_some_and(|wanted| wanted != direction) {
                continue;
            }
            // Who has the same ways out and in is named together.
            let mut alike: BTreeMap<(&Traffic, &Addresses), Vec<usize>> = BTreeMap::new();
            for (class, row) in matrix.classes.iter().zip(rows) {
                let members = class.endpoints.iter().copied().filter(|at| filter.focus.as_ref().is_none_or(|focus| focus.contains(at)));
                let members: Vec<_> = members.collect();
                for (traffic, addresses) in row.iter().filter(|(traffic, _)| !members.is_empty() && filter.is_wanted(traffic)) {
                    alike.entry((traffic, addresses)).or_default().extend(&members);
                }
            }
            for ((traffic, addresses), mut members) in alike {
                members.sort_unstable();
                let (ours, theirs) = (Side::Workloads(members), Side::Outside(written(addresses)));
                let (from, to) = if direction == Direction::Ingress { (theirs, ours) } else { (ours, theirs) };
                connections.push(Connection { from, to, traffic: traffic.clone() });
            }
        }
        let entrances = ways_in(world, matrix, filter, &mut connections);
        connections.sort_by(|one, two| (&one.from, &one.to, &one.traffic).cmp(&(&two.from, &two.to, &two.traffic)));
        Self {
            settings: Answered::from(&world.settings),
            workloads: Workload::all(world),
            entrances,
            connections,
            networks: networks(world, filter),
        }
    }
}

/// Connections between workloads, those of sources with the same ones together.
fn inside(matrix: &Matrix, filter: &Filter) -> Vec<Connection> {
    let mut rows: BTreeMap<&[(Traffic, Ranges<u32>)], Vec<usize>> = BTreeMap::new();
    for (class, row) in matrix.classes.iter().zip(&matrix.rows) {
        rows.entry(row).or_default().extend(&class.endpoints);
    }
    let mut connections = Vec::new();
    for (row, mut sources) in rows {
        sources.sort_unstable();
        for (traffic, classes) in row.iter().filter(|(traffic, _)| filter.is_wanted(traffic)) {
            let mut destinations: Vec<_> = matrix.endpoints_of(classes).collect();
            destinations.sort_unstable();
            for (from, to) in filter.within(&sources, &destinations) {
                if !from.is_empty() && !to.is_empty() {
                    let (from, to) = (Side::Workloads(from), Side::Workloads(to));
                    connections.push(Connection { from, to, traffic: traffic.clone() });
                }
            }
        }
    }
    connections
}

/// Connections by ways in, those of each with the same traffic together.
fn ways_in(world: &World<'_>, matrix: &Matrix, filter: &Filter, connections: &mut Vec<Connection>) -> Vec<Entrance> {
    let mut named = Vec::new();
    if filter.direction == Some(Direction::Egress) {
        return named;
    }
    let mut from_unknown = FromUnknown::default();
    for entrance in &world.entrances {
        let mut alike: BTreeMap<Traffic, Vec<usize>> = BTreeMap::new();
        for (to, traffic) in entrance.arrives(world, matrix, &mut from_unknown) {
            if filter.is_wanted(&traffic) && filter.focus.as_ref().is_none_or(|focus| focus.contains(&to)) {
                alike.entry(traffic).or_default().push(to);
            }
        }
        if alike.is_empty() {
            continue;
        }
        let from = Side::Entrance(named.len());
        connections.extend(alike.into_iter().map(|(traffic, to)| Connection { from: from.clone(), to: Side::Workloads(to), traffic }));
        named.push(Entrance::of(entrance, Some));
    }
    named
}

/// The networks beside that of the cluster, and who may send what over those that are not the first of their pods.
fn networks(world: &World<'_>, filter: &Filter) -> Vec<Network> {
    let network =
        |network: &networks::Network<'_>| Network { name: network.title(), first: true, workloads: Vec::new(), connections: Vec::new() };
    let mut networks: Vec<_> = world.networks.iter().skip(1).map(network).collect();
    for (at, endpoint) in world.endpoints.iter().enumerate() {
        if let Some(network) = endpoint.network.checked_sub(1).and_then(|number| networks.get_mut(number)) {
            network.workloads.push(at);
        }
    }
    for Secondary { network, world, members } in &world.secondary {
        let is_in = |(at, member): (usize, &usize)| filter.focus.as_ref()?.contains(member).then_some(at);
        let focus = filter.focus.as_ref().map(|_| members.iter().enumerate().filter_map(is_in).collect());
        let mut connections = inside(&Matrix::new(world), &Filter { focus, ..filter.clone() });
        let outer = |places: &mut Vec<usize>| *places = places.iter().filter_map(|at| members.get(*at).copied()).collect();
        for side in connections.iter_mut().flat_map(|connection| [&mut connection.from, &mut connection.to]) {
            if let Side::Workloads(places) = side {
                outer(places);
            }
        }
        connections.sort_by(|one, two| (&one.from, &one.to, &one.traffic).cmp(&(&two.from, &two.to, &two.traffic)));
        networks.push(Network { name: network.title(), first: false, workloads: members.clone(), connections });
    }
    networks
}

/// Addresses, one range an item.
pub fn written(addresses: &Addresses) -> Vec<String> {
    addresses.to_string().split(", ").map(str::to_owned).collect()
}
