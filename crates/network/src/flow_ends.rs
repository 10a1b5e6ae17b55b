//! Whom the ends of flows are, in a world.

use crate::selector::Labels;
use crate::services::{PortRef, Service};
use crate::world::{Endpoint, World};
use core::net::IpAddr;
use plimsoll_model::{FlowEnd, FlowEndKind, Node};
use std::collections::HashMap;

/// Labels that controllers give their pods: they say nothing of a workload, and some logs leave them out.
const OF_CONTROLLERS: [&str; 6] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
];

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
    /// Nobody who was read; why.
    Nobody(&'static str),
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

    /// Who an end is.
    pub fn find(&self, end: &FlowEnd) -> Found {
        if !end.namespace.is_empty() {
            return self.pods(end);
        }
        let address = end.address.map(|address| address.to_canonical());
        let known = |address: IpAddr| {
            let of_pods = self.by_address.get(&address).map(|list| Found::Endpoints(list.clone()));
            let of_node = || self.nodes.get(&address).map(|at| Found::Node(*at));
            of_pods.or_else(of_node).or_else(|| self.services.get(&address).map(|at| Found::Service(*at)))
        };
        match (end.kind, address) {
            (FlowEndKind::OwnNode, _) => Found::OwnNode,
            (FlowEndKind::Outside, None) => Found::Outside,
            (_, Some(address)) => known(address).unwrap_or(Found::Address(address)),
            (FlowEndKind::Node, None) => Found::Nobody("the log names no address of the node"),
            (FlowEndKind::Pod | FlowEndKind::Unknown, None) => Found::Nobody("the log does not say who it is"),
        }
    }

    /// Pods by workload, by name or by labels.
    fn pods(&self, end: &FlowEnd) -> Found {
        let Some(namespace) = self.world.namespace(&end.namespace) else {
            return Found::Nobody("its namespace is not among what was read");
        };
        let mut found = self.named(namespace, &end.workload).to_vec();
        if found.iter().any(|at| self.kind(*at) == &*end.workload_kind) {
            found.retain(|at| self.kind(*at) == &*end.workload_kind);
        }
        if found.is_empty() && !end.pod.is_empty() {
            found = self.named_like(namespace, &end.pod);
        }
        if found.is_empty() && !end.labels.is_empty() {
            let all = self.world.endpoints_in(namespace);
            found = all.filter(|at| self.world.endpoints.get(*at).is_some_and(|endpoint| is_labelled(end, &endpoint.labels))).collect();
        }
        self.tell_apart(&mut found, end);
        if found.is_empty() { Found::Nobody("no workload like it is among what was read") } else { Found::Endpoints(found) }
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
    pub(crate) fn behind(&self, port: u16) -> impl Iterator<Item = (usize, crate::traffic::Traffic)> {
        self.leads_to(PortRef::Number(port)).into_iter()
    }
}

fn label<'e>(end: &'e FlowEnd, key: &str) -> Option<&'e str> {
    end.labels.iter().find(|(mine, _)| &**mine == key).map(|(_, value)| &**value)
}

fn telling<'l>(labels: &'l Labels<'_>) -> impl Iterator<Item = (&'l str, &'l str)> {
    labels.iter().filter(|(key, _)| !OF_CONTROLLERS.contains(key))
}

/// Whether all labels of a workload's pods are the flow's.
fn is_labelled(end: &FlowEnd, labels: &Labels<'_>) -> bool {
    telling(labels).next().is_some() && telling(labels).all(|(key, value)| label(end, key) == Some(value))
}

fn is_exactly(end: &FlowEnd, endpoint: &Endpoint<'_>) -> bool {
    let has = |key: &str, value: &str| endpoint.labels.get(key) == Some(value);
    end.labels.iter().all(|(key, value)| OF_CONTROLLERS.contains(&&**key) || has(key, value))
}

fn is_not_against(end: &FlowEnd, endpoint: &Endpoint<'_>) -> bool {
    telling(&endpoint.labels).all(|(key, value)| label(end, key).is_none_or(|mine| mine == value))
}
