//! Observed flows, in terms of a world: which workloads they are between.

use crate::addresses::Addresses;
use crate::suggest::{Need, Party};
use crate::traffic::{Protocol, Traffic};
use crate::world::World;
use core::net::IpAddr;
use plimsoll_model::{Flow, FlowEnd, FlowEndKind, FlowProtocol};
use std::collections::HashMap;

/// Finds the ends of flows in a world.
#[derive(Debug)]
pub struct Ends<'w, 'a> {
    world: &'w World<'a>,
    by_name: HashMap<(&'a str, &'a str), Vec<usize>>,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a flow says nothing about a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Foreign {
    /// A pod or workload that is not among what was read.
    Workload,
    /// A node, which no policy is about.
    Node,
    /// An end of which nothing is known.
    Nothing,
    /// Neither end is in the cluster.
    Outside,
    /// A transport without a port, which policies do not tell apart.
    Port,
}

impl<'w, 'a> Ends<'w, 'a> {
    /// Of a world.
    pub fn new(world: &'w World<'a>) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_address = HashMap::new();
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            by_name.entry((world.namespace_of(endpoint).name, endpoint.name)).or_default().push(at);
            if !endpoint.host_network {
                by_address.extend(endpoint.addresses.iter().map(|address| (*address, at)));
            }
        }
        Self { world, by_name, by_address }
    }

    /// What has to pass for a flow to pass: one need for each pair of endpoints that it may be between.
    pub fn needs(&self, flow: &Flow) -> Result<Vec<Need>, Foreign> {
        let key = &flow.key;
        let traffic = match (key.protocol, key.port) {
            (FlowProtocol::Tcp, Some(port)) => Traffic::port(Protocol::Tcp, port),
            (FlowProtocol::Udp, Some(port)) => Traffic::port(Protocol::Udp, port),
            (FlowProtocol::Sctp, Some(port)) => Traffic::port(Protocol::Sctp, port),
            _ => return Err(Foreign::Port),
        };
        if traffic.is_none() {
            return Err(Foreign::Port);
        }
        let (from, to) = (self.parties(&key.source)?, self.parties(&key.destination)?);
        let is_outside = |parties: &[Party]| parties.iter().all(|party| matches!(party, Party::Outside(_) | Party::Anyone));
        if is_outside(&from) && is_outside(&to) {
            return Err(Foreign::Outside);
        }
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from.clone(), to.clone())));
        Ok(pairs.map(|(from, to)| Need { from, to, traffic: traffic.clone() }).collect())
    }

    /// The sides that an end of a flow may be: several where pods of a workload differ, and only its name is known.
    pub fn parties(&self, end: &FlowEnd) -> Result<Vec<Party>, Foreign> {
        if let Some(at) = end.address.and_then(|address| self.by_address.get(&address)) {
            return Ok(vec![Party::Workload(*at)]);
        }
        // A pod is called as its owner with what makes it unique behind it, once or twice.
        let pod = end.pod.trim_end_matches('*').trim_end_matches('-');
        let owner = pod.rsplit_once('-').map_or("", |(owner, _)| owner);
        let top = owner.rsplit_once('-').map_or("", |(top, _)| top);
        let names = [&*end.workload, pod, owner, top].into_iter().filter(|name| !name.is_empty());
        let found = names.into_iter().find_map(|name| self.by_name.get(&(&*end.namespace, name)));
        if let Some(found) = found {
            return Ok(found.iter().map(|at| Party::Workload(*at)).collect());
        }
        if !end.labels.is_empty() && !end.namespace.is_empty() {
            let labelled = self.labelled(end);
            if !labelled.is_empty() {
                return Ok(labelled.into_iter().map(Party::Workload).collect());
            }
        }
        match (end.kind, end.address) {
            (FlowEndKind::Node, _) => Err(Foreign::Node),
            (FlowEndKind::Pod, _) => Err(Foreign::Workload),
            (_, Some(_)) if !end.workload.is_empty() || !end.pod.is_empty() => Err(Foreign::Workload),
            (FlowEndKind::Outside | FlowEndKind::Unknown, Some(address)) => Ok(vec![Party::Outside(Addresses::one(address))]),
            (FlowEndKind::Outside, None) if end.domain.is_empty() => Ok(vec![Party::Outside(Addresses::all())]),
            _ => Err(Foreign::Nothing),
        }
    }

    /// The endpoints that carry all labels of an end which say what a workload is.
    fn labelled(&self, end: &FlowEnd) -> Vec<usize> {
        let Some(namespace) = self.world.namespace(&end.namespace) else { return Vec::new() };
        let telling: Vec<_> = end.labels.iter().filter(|(key, _)| crate::suggest::is_lasting(key)).collect();
        let carries = |at: &usize| {
            let labels = self.world.endpoints.get(*at).map(|endpoint| &endpoint.labels);
            labels.is_some_and(|labels| !telling.is_empty() && telling.iter().all(|(key, value)| labels.get(key) == Some(&**value)))
        };
        self.world.endpoints_in(namespace).filter(carries).collect()
    }
}

impl Foreign {
    /// As a sentence says it.
    pub fn why(self) -> &'static str {
        match self {
            Self::Workload => "with a workload that was not read",
            Self::Node => "with a node, which no policy is about",
            Self::Nothing => "with an end of which nothing is known",
            Self::Outside => "between addresses outside of the cluster",
            Self::Port => "without a port of TCP, UDP or SCTP",
        }
    }
}
