//! Observed flows, in terms of a world: who their ends are, and what has to pass for them to pass.

use crate::addresses::Addresses;
use crate::selector::Labels;
use crate::services::{PortRef, Service};
use crate::suggest::{Need, Party, is_lasting};
use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, World};
use core::net::IpAddr;
use plimsoll_model::{Flow, FlowEnd, FlowEndKind, FlowKey, FlowProtocol, Node};
use std::collections::HashMap;

/// Finds the ends of flows.
#[derive(Debug)]
pub struct Ends<'w, 'a> {
    world: &'w World<'a>,
    /// By namespace and name.
    by_name: Vec<HashMap<&'a str, Vec<usize>>>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    nodes: HashMap<IpAddr, usize>,
    services: HashMap<IpAddr, usize>,
}

/// What an end of a flow is found to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Found {
    /// Endpoints, by their places in [`World::endpoints`]: one, or more where it is not known which of one workload.
    Endpoints(Vec<usize>),
    /// A node, by its place in [`World::nodes`].
    Node(usize),
    /// The node of the other end.
    OwnNode,
    /// A Service, by its place in [`World::services`].
    Service(usize),
    /// An address outside.
    Address(IpAddr),
    /// Somebody outside.
    Outside,
    /// Nobody who was read.
    Nobody(Foreign),
}

/// Why a flow says nothing about a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foreign {
    /// A pod or workload that is not among what was read.
    Workload,
    /// A node, which no policy is about.
    Node,
    /// A Service that leads to no pod at this port, or one as a source.
    Service,
    /// An end of which nothing is known.
    Nothing,
    /// Neither end is in the cluster.
    Outside,
    /// A transport without a port, which policies do not tell apart.
    Port,
}

impl Foreign {
    /// As a sentence says it.
    pub fn why(self) -> &'static str {
        match self {
            Self::Workload => "with a workload that was not read",
            Self::Node => "with a node, which no policy is about",
            Self::Service => "with the address of a Service that leads to no pod at this port",
            Self::Nothing => "with an end of which nothing is known",
            Self::Outside => "between addresses outside of the cluster",
            Self::Port => "without a port of TCP, UDP or SCTP",
        }
    }
}

/// What has to pass for a flow to pass; without ports, what has none.
pub fn asked(key: &FlowKey) -> Result<Traffic, Foreign> {
    let protocol = match key.protocol {
        FlowProtocol::Tcp => Protocol::Tcp,
        FlowProtocol::Udp => Protocol::Udp,
        FlowProtocol::Sctp => Protocol::Sctp,
        FlowProtocol::Icmp | FlowProtocol::Other(_) => {
            return Ok(Protocol::ALL.into_iter().fold(Traffic::all(), |rest, one| rest.difference(&Traffic::protocol(one))));
        }
    };
    let traffic = key.port.map(|port| Traffic::port(protocol, port));
    traffic.filter(|traffic| !traffic.is_none()).ok_or(Foreign::Port)
}

impl<'w, 'a> Ends<'w, 'a> {
    /// Of a world.
    pub fn new(world: &'w World<'a>) -> Self {
        let mut by_name: Vec<HashMap<&str, Vec<usize>>> = vec![HashMap::new(); world.namespaces.len()];
        let mut by_address: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            if let Some(names) = by_name.get_mut(endpoint.namespace) {
                names.entry(endpoint.name).or_default().push(at);
            }
            // Pods on the network of their node have its address, which tells nobody apart.
            for address in endpoint.addresses.iter().filter(|_| !endpoint.host_network) {
                by_address.entry(address.to_canonical()).or_default().push(at);
            }
        }
        let nodes = world.nodes.iter().enumerate();
        let nodes = nodes.flat_map(|(at, node)| node.addresses.iter().map(move |address| (address.to_canonical(), at))).collect();
        let services = world.services.iter().enumerate();
        let services = services.flat_map(|(at, service)| addresses_of(service).map(move |address| (address, at))).collect();
        Self { world, by_name, by_address, nodes, services }
    }

    /// What has to pass for a flow to pass: one need for each pair of endpoints that it may be between.
    pub fn needs(&self, flow: &Flow) -> Result<Vec<Need>, Foreign> {
        let key = &flow.key;
        let traffic = asked(key)?;
        if traffic.other() {
            return Err(Foreign::Port);
        }
        let parties = |end: &FlowEnd| {
            let parties: Vec<(Party, Traffic)> = match self.find(end) {
                Found::Endpoints(list) => list.into_iter().map(|at| (Party::Workload(at), traffic.clone())).collect(),
                Found::Service(at) => {
                    let behind = self.world.services.get(at).zip(key.port).into_iter().flat_map(|(service, port)| service.behind(port));
                    behind.map(|(at, traffic)| (Party::Workload(at), traffic)).collect()
                }
                Found::Address(_) if end.kind == FlowEndKind::Node => return Err(Foreign::Node),
                Found::Address(address) => vec![(Party::Outside(Addresses::one(address)), traffic.clone())],
                Found::Outside => vec![(Party::Outside(Addresses::all()), traffic.clone())],
                Found::Node(_) | Found::OwnNode => return Err(Foreign::Node),
                Found::Nobody(foreign) => return Err(foreign),
            };
            if parties.is_empty() { Err(Foreign::Service) } else { Ok(parties) }
        };
        let (from, to) = (parties(&key.source)?, parties(&key.destination)?);
        let is_outside = |parties: &[(Party, Traffic)]| parties.iter().all(|(party, _)| matches!(party, Party::Outside(_)));
        if is_outside(&from) && is_outside(&to) {
            return Err(Foreign::Outside);
        }
        let pairs = from.iter().flat_map(|(from, _)| to.iter().map(move |(to, traffic)| (from.clone(), to.clone(), traffic.clone())));
        Ok(pairs.map(|(from, to, traffic)| Need { from, to, traffic }).collect())
    }

    /// Who an end is.
    pub fn find(&self, end: &FlowEnd) -> Found {
        let address = end.address.map(|address| address.to_canonical());
        let known = |address: IpAddr| {
            let of_pods = self.by_address.get(&address).map(|list| Found::Endpoints(list.clone()));
            let of_node = || self.nodes.get(&address).map(|at| Found::Node(*at));
            of_pods.or_else(of_node).or_else(|| self.services.get(&address).map(|at| Found::Service(*at)))
        };
        let found = address.and_then(known);
        if !end.namespace.is_empty() {
            let pods = self.pods(end);
            return if pods.is_empty() { found.unwrap_or(Found::Nobody(Foreign::Workload)) } else { Found::Endpoints(pods) };
        }
        match (end.kind, found, address) {
            (FlowEndKind::OwnNode, ..) => Found::OwnNode,
            (_, Some(found), _) => found,
            (_, None, Some(address)) => Found::Address(address),
            (FlowEndKind::Outside, None, None) => Found::Outside,
            (FlowEndKind::Node, None, None) => Found::Nobody(Foreign::Node),
            (FlowEndKind::Pod | FlowEndKind::Unknown, None, None) => Found::Nobody(Foreign::Nothing),
        }
    }

    /// Pods by workload, by name or by labels.
    fn pods(&self, end: &FlowEnd) -> Vec<usize> {
        let Some(namespace) = self.world.namespace(&end.namespace) else { return Vec::new() };
        let mut found = self.named(namespace, &end.workload).to_vec();
        if found.iter().any(|at| self.kind(*at) == &*end.workload_kind) {
            found.retain(|at| self.kind(*at) == &*end.workload_kind);
        }
        if found.is_empty() && !end.pod.is_empty() {
            found = self.named_like(namespace, &end.pod);
        }
        if found.is_empty() && !end.labels.is_empty() {
            let is_labelled = |at: &usize| self.world.endpoints.get(*at).is_some_and(|endpoint| is_labelled(end, &endpoint.labels));
            found = self.world.endpoints_in(namespace).filter(is_labelled).collect();
        }
        self.tell_apart(&mut found, end);
        found
    }

    fn named(&self, namespace: usize, name: &str) -> &[usize] {
        self.by_name.get(namespace).and_then(|names| names.get(name)).map(Vec::as_slice).unwrap_or_default()
    }

    fn kind(&self, at: usize) -> &'a str {
        self.world.endpoints.get(at).map_or("", |endpoint| endpoint.kind)
    }

    /// Workloads whose controllers give pods such a name: `web-5d9c8f-x7k2p`, `db-0`; `web-5d9c8f-*` stands for many.
    fn named_like(&self, namespace: usize, pod: &str) -> Vec<usize> {
        let (mut name, mut cut) = match pod.strip_suffix("-*").or_else(|| pod.strip_suffix('*')) {
            Some(name) => (name, 1),
            None => (pod, 0),
        };
        loop {
            let fits = |at: &&usize| match self.kind(**at) {
                "Pod" => cut == 0,
                // A ReplicaSet or a Job stands between.
                "Deployment" | "CronJob" | "DeploymentConfig" | "Rollout" => cut == 2,
                "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => cut == 1,
                _ => true,
            };
            let found: Vec<usize> = self.named(namespace, name).iter().filter(fits).copied().collect();
            match name.rsplit_once('-') {
                _ if !found.is_empty() => return found,
                Some((front, _)) if cut < 2 => (name, cut) = (front, cut + 1),
                _ => return found,
            }
        }
    }

    /// Of endpoints of one workload, those whose labels are the flow's, as far as that tells.
    fn tell_apart(&self, found: &mut Vec<usize>, end: &FlowEnd) {
        for is_fit in [is_exactly as fn(&FlowEnd, &Endpoint<'_>) -> bool, is_not_against] {
            let fits = |at: &usize| self.world.endpoints.get(*at).is_some_and(|endpoint| is_fit(end, endpoint));
            if found.len() > 1 && found.iter().any(fits) {
                found.retain(fits);
            }
        }
    }
}

/// The addresses of a Service itself.
fn addresses_of<'a>(service: &Service<'a>) -> impl Iterator<Item = IpAddr> + use<'a> {
    let spec = service.object.node.get("spec");
    let list = spec.and_then(|spec| spec.get("clusterIPs")).into_iter().flat_map(Node::items);
    let all = list.chain(spec.and_then(|spec| spec.get("clusterIP")));
    all.filter_map(|node| node.text().parse::<IpAddr>().ok()).map(|address| address.to_canonical())
}

impl Service<'_> {
    /// What a port of it leads to, by number.
    pub(crate) fn behind(&self, port: u16) -> impl Iterator<Item = (usize, Traffic)> {
        self.leads_to(PortRef::Number(port)).into_iter()
    }
}

fn label<'e>(end: &'e FlowEnd, key: &str) -> Option<&'e str> {
    end.labels.iter().find(|(mine, _)| &**mine == key).map(|(_, value)| &**value)
}

fn telling<'l>(labels: &'l Labels<'_>) -> impl Iterator<Item = (&'l str, &'l str)> {
    labels.iter().filter(|(key, _)| is_lasting(key))
}

/// Whether all labels of a workload's pods that last are the flow's, or all of the flow's are theirs: logs may know of more or of fewer.
fn is_labelled(end: &FlowEnd, labels: &Labels<'_>) -> bool {
    let theirs = telling(labels).next().is_some() && telling(labels).all(|(key, value)| label(end, key) == Some(value));
    let mut own = end.labels.iter().filter(|(key, _)| is_lasting(key)).peekable();
    theirs || (own.peek().is_some() && own.all(|(key, value)| labels.get(key) == Some(&**value)))
}

fn is_exactly(end: &FlowEnd, endpoint: &Endpoint<'_>) -> bool {
    end.labels.iter().filter(|(key, _)| is_lasting(key)).all(|(key, value)| endpoint.labels.get(key) == Some(&**value))
}

fn is_not_against(end: &FlowEnd, endpoint: &Endpoint<'_>) -> bool {
    telling(&endpoint.labels).all(|(key, value)| label(end, key).is_none_or(|mine| mine == value))
}
