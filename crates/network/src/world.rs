//! What is connected: namespaces and the ends of connections in the cluster.

use crate::addresses::{Addresses, Cidr};
use crate::entrances::Entrance;
use crate::networks::{self, Attachment, Network, Secondary};
use crate::policy::{Means, Peers, Policy};
use crate::selector::{Labels, Selector};
use crate::services::Service;
use crate::traffic::Protocol;
use core::net::IpAddr;
use plimsoll_model::{Inventory, Node, Object, Problem, ProblemKind, Workload};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the API leaves open, as this cluster's network does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What pods on the network of their node are.
    pub host_network: HostNetwork,
    /// Whether rules about addresses hold for pods.
    pub pod_addresses: PodAddresses,
    /// Where pods have their addresses, as far as these are not known: a rule about addresses holds for such a pod if all of these are in
    /// it.
    pub pod_networks: Addresses,
    /// What a pod's traffic to itself is.
    pub loopback: Loopback,
}

/// What pods on the network of their node are (networking.k8s.io/v1 leaves it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HostNetwork {
    /// The node: no policy is about them, no selector means them, rules about addresses do.
    Node,
    /// Pods like all others.
    Pod,
}

/// Whether rules about addresses (`ipBlock`, `networks`) hold for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PodAddresses {
    /// For pods as for all others, as the conformance tests of Kubernetes have it.
    Matched,
    /// Only for what is outside of the cluster, as Cilium does it.
    Ignored,
}

/// What a pod's traffic to itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Loopback {
    /// Always allowed: it does not leave the pod.
    Allowed,
    /// Traffic like any other.
    Ordinary,
}

impl Default for Settings {
    /// As most networks do it; pods without known addresses have private ones (RFC 1918, RFC 6598).
    fn default() -> Self {
        let private = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"];
        let private: Vec<_> = private.iter().filter_map(|cidr| Cidr::read(cidr).ok()).map(Cidr::addresses).collect();
        Self {
            host_network: HostNetwork::Node,
            pod_addresses: PodAddresses::Matched,
            pod_networks: Addresses::union_of(&private),
            loopback: Loopback::Allowed,
        }
    }
}

impl Settings {
    /// Whether an endpoint's traffic is that of its node.
    pub fn is_node_traffic(&self, endpoint: &Endpoint<'_>) -> bool {
        endpoint.host_network && self.host_network == HostNetwork::Node
    }
}

/// A namespace.
#[derive(Debug, Clone)]
pub struct Namespace<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels, with the `kubernetes.io/metadata.name` that the API server always sets.
    pub labels: Labels<'a>,
    /// The object; none for one that only its contents name.
    pub object: Option<Object<'a>>,
    /// The first network of its pods: its place in [`World::networks`].
    pub network: usize,
}

/// The label of every namespace that holds its name.
pub const METADATA_NAME: &str = "kubernetes.io/metadata.name";

/// A port that a container declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port<'a> {
    /// Its name; empty where it has none.
    pub name: &'a str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// An end of connections in the cluster: the pods of one workload that are alike for every policy.
#[derive(Debug, Clone)]
pub struct Endpoint<'a> {
    /// Its namespace: its place in [`World::namespaces`].
    pub namespace: usize,
    /// The kind of the workload: that of the controller at the top, as far as it is known.
    pub kind: &'a str,
    /// The name of the workload.
    pub name: &'a str,
    /// What parts pods of one workload that policies tell apart: labels or ports; empty for the only ones.
    pub variant: String,
    /// The labels of the pods.
    pub labels: Labels<'a>,
    /// The ports that their containers declare.
    pub ports: Vec<Port<'a>>,
    /// The addresses of its pods, as far as they are known.
    pub addresses: Vec<IpAddr>,
    /// The node of the pod; empty where it is not known.
    pub node: &'a str,
    /// Whether the pods are on the network of their node.
    pub host_network: bool,
    /// The first network of its pods: its place in [`World::networks`].
    pub network: usize,
    /// The networks that its pods are attached to beside it.
    pub attachments: Vec<Attachment>,
    /// How many pods are alike, where pods were read; 0 for a template.
    pub pods: usize,
    /// The object to point at: the controller if it was read, else a pod.
    pub object: Object<'a>,
    /// The pod or template that it was read from.
    pub template: Option<Node<'a>>,
}

/// A node of the cluster.
#[derive(Debug, Clone)]
pub struct ClusterNode<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: Labels<'a>,
    /// `status.addresses` that are IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// What is connected, and the policies about it.
#[derive(Debug, Clone)]
pub struct World<'a> {
    /// Namespaces, by name.
    pub namespaces: Vec<Namespace<'a>>,
    /// Endpoints, by namespace, kind, name and variant.
    pub endpoints: Vec<Endpoint<'a>>,
    /// Nodes, by name.
    pub nodes: Vec<ClusterNode<'a>>,
    /// Policies, in the order in which they are asked.
    pub policies: Vec<Policy<'a>>,
    /// Services, by namespace and name.
    pub services: Vec<Service<'a>>,
    /// Ways in from outside of the cluster.
    pub entrances: Vec<Entrance<'a>>,
    /// The networks that are the first of pods, the cluster's in front: pods of two of them do not reach each other.
    pub networks: Vec<Network<'a>>,
    /// The networks that pods are attached to beside their first.
    pub secondary: Vec<Secondary<'a>>,
    /// What the API leaves open.
    pub settings: Settings,
    /// What is wrong with the policies.
    pub problems: Vec<Problem>,
}

impl<'a> World<'a> {
    /// The world of what an inventory holds.
    pub fn new(inventory: &Inventory<'a>, settings: Settings) -> Self {
        Self::without_endpoints(inventory, settings).filled(inventory, &HashSet::new())
    }

    /// Two states of the same world, to compare: what policies of either look at parts pods in both.
    pub fn pair(before: &Inventory<'a>, after: &Inventory<'a>, settings: &Settings) -> (Self, Self) {
        let worlds = [before, after].map(|inventory| Self::without_endpoints(inventory, settings.clone()));
        let keys = worlds.iter().zip([before, after]).flat_map(|(world, inventory)| used_keys(inventory, &world.policies)).collect();
        let [one, two] = worlds;
        (one.filled(before, &keys), two.filled(after, &keys))
    }

    fn without_endpoints(inventory: &Inventory<'a>, settings: Settings) -> Self {
        let mut problems = Vec::new();
        let policies = Policy::read_all(inventory, &mut problems);
        let namespaces = namespaces(inventory, &policies);
        Self {
            namespaces,
            endpoints: Vec::new(),
            nodes: nodes(inventory),
            policies,
            services: Vec::new(),
            entrances: Vec::new(),
            networks: Vec::new(),
            secondary: Vec::new(),
            settings,
            problems,
        }
    }

    /// With the endpoints and all that leads to them; labels of `more` keys part pods, too.
    fn filled(mut self, inventory: &Inventory<'a>, more: &HashSet<&'a str>) -> Self {
        let mut keys = used_keys(inventory, &self.policies);
        keys.extend(more);
        let mut problems = std::mem::take(&mut self.problems);
        let (networks, network_of) = networks::primary(inventory, &self.namespaces, &mut problems);
        self.networks = networks;
        for (namespace, network) in self.namespaces.iter_mut().zip(&network_of) {
            namespace.network = *network;
        }
        self.endpoints = endpoints(inventory, &self, &keys);
        for endpoint in &mut self.endpoints {
            let is_of_node = self.settings.is_node_traffic(endpoint);
            endpoint.network = network_of.get(endpoint.namespace).copied().filter(|_| !is_of_node).unwrap_or_default();
        }
        self.services = Service::read_all(inventory, &self, &mut problems);
        self.entrances = Entrance::read_all(inventory, &self, &mut problems);
        self.secondary = networks::secondary(inventory, &self, &mut problems);
        self.problems = problems;
        self
    }

    /// What the API leaves open and matters here, as it was taken: notes for whoever asked.
    pub fn taken(&self) -> Vec<Problem> {
        let workloads = |count: usize| if count == 1 { "1 workload".to_owned() } else { format!("{count} workloads") };
        let mut notes = Vec::new();
        let of_nodes = self.endpoints.iter().filter(|endpoint| endpoint.host_network).count();
        if of_nodes > 0 {
            let how = match self.settings.host_network {
                HostNetwork::Node => "as their node: no policy is about them, and no selector means them",
                HostNetwork::Pod => "as pods like all others",
            };
            notes.push(format!("pods on the network of their node ({}) are taken {how} (--host-network)", workloads(of_nodes)));
        }
        let names_addresses = |policy: &Policy<'a>| {
            policy.all_rules().any(|(.., rule)| match &rule.peers {
                Peers::Anyone => false,
                Peers::Listed(peers) => peers.iter().any(|peer| matches!(peer.means, Means::Addresses(_))),
            })
        };
        let unknown = self.endpoints.iter().filter(|endpoint| endpoint.addresses.is_empty() && !endpoint.host_network).count();
        if unknown > 0 && self.policies.iter().any(names_addresses) {
            notes.push(match self.settings.pod_addresses {
                PodAddresses::Matched => {
                    let networks = &self.settings.pod_networks;
                    format!("rules about addresses hold for pods; those of unknown addresses ({}) are taken to have them in {networks} (--pod-addresses, --pod-network)", workloads(unknown))
                }
                PodAddresses::Ignored => "rules about addresses are taken not to hold for pods (--pod-addresses)".to_owned(),
            });
        }
        notes.into_iter().map(|note| Problem::new(ProblemKind::Note, note)).collect()
    }

    /// The same world under other policies.
    pub fn with_policies<'b>(&self, policies: Vec<Policy<'b>>) -> World<'b>
    where
        'a: 'b,
    {
        World { policies, problems: Vec::new(), ..self.clone() }
    }

    /// The namespace of an endpoint.
    pub fn namespace_of(&self, endpoint: &Endpoint<'a>) -> &Namespace<'a> {
        #[expect(clippy::indexing_slicing, reason = "endpoints are made with the namespaces")]
        &self.namespaces[endpoint.namespace]
    }

    /// The place of a namespace.
    pub fn namespace(&self, name: &str) -> Option<usize> {
        self.namespaces.binary_search_by(|namespace| namespace.name.cmp(name)).ok()
    }

    /// A Service.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service<'a>> {
        let at = self.services.binary_search_by(|service| service.key().cmp(&(namespace, name))).ok()?;
        self.services.get(at)
    }

    /// The endpoints of a namespace.
    pub fn endpoints_in(&self, namespace: usize) -> std::ops::Range<usize> {
        let start = self.endpoints.partition_point(|endpoint| endpoint.namespace < namespace);
        start..self.endpoints.partition_point(|endpoint| endpoint.namespace <= namespace)
    }

    /// `shop/web`, with the kind where another workload of the namespace is called the same, and with what parts its pods.
    pub fn name(&self, endpoint: &Endpoint<'a>) -> String {
        let mut name = format!("{}/{}", self.namespace_of(endpoint).name, endpoint.name);
        if !endpoint.variant.is_empty() {
            name = format!("{name}{{{}}}", endpoint.variant);
        }
        name
    }
}

/// The namespaces that are there, and those that objects are in.
fn namespaces<'a>(inventory: &Inventory<'a>, policies: &[Policy<'a>]) -> Vec<Namespace<'a>> {
    let mut named = BTreeMap::new();
    for object in inventory.of_kind("Namespace") {
        named.insert(object.name, Some(object));
    }
    for workload in &inventory.workloads {
        named.entry(workload.object.effective_namespace()).or_default();
    }
    for object in inventory.of_kind("VirtualMachine").chain(inventory.of_kind("VirtualMachineInstance")) {
        named.entry(object.effective_namespace()).or_default();
    }
    for policy in policies.iter().filter(|policy| !policy.object.is_cluster_scoped()) {
        named.entry(policy.object.effective_namespace()).or_default();
    }
    let namespace = |(name, object): (&'a str, Option<Object<'a>>)| {
        let mut labels = Labels::read(object.and_then(|object| object.node.at(&["metadata", "labels"])));
        labels.set(METADATA_NAME, name);
        Namespace { name, labels, object, network: 0 }
    };
    named.into_iter().map(namespace).collect()
}

fn nodes<'a>(inventory: &Inventory<'a>) -> Vec<ClusterNode<'a>> {
    let node = |object: Object<'a>| ClusterNode {
        name: object.name,
        labels: Labels::read(object.node.at(&["metadata", "labels"])),
        addresses: object.node.at(&["status", "addresses"]).into_iter().flat_map(Node::items).filter_map(address).collect(),
    };
    let mut nodes: Vec<_> = inventory.of_kind("Node").map(node).collect();
    nodes.sort_by_key(|node| node.name);
    nodes
}

fn address(node: Node<'_>) -> Option<IpAddr> {
    node.get("address")?.text().parse().ok()
}

/// The keys of labels that any policy looks at, and those of the selectors of services: pods that agree in these are alike.
fn used_keys<'a>(inventory: &Inventory<'a>, policies: &[Policy<'a>]) -> HashSet<&'a str> {
    let mut keys = HashSet::new();
    let mut use_of = |selector: &Selector<'a>| keys.extend(selector.keys());
    for policy in policies {
        use_of(&policy.subject.pods);
        for (.., rule) in policy.all_rules() {
            let Peers::Listed(peers) = &rule.peers else { continue };
            for peer in peers {
                if let Means::Pods(pick) = &peer.means {
                    use_of(&pick.pods);
                }
            }
        }
    }
    for service in inventory.of_kind("Service") {
        keys.extend(service.node.at(&["spec", "selector"]).into_iter().flat_map(Node::entries).map(|(key, _)| key.text()));
    }
    keys
}

/// What makes pods of one workload alike.
type Likeness<'a> = (usize, &'a str, &'a str, Labels<'a>, Vec<Port<'a>>, bool, Vec<(String, String)>);

/// The endpoints: pods by the controller at their top, and the templates of controllers of which no pod is there.
fn endpoints<'a>(inventory: &Inventory<'a>, world: &World<'a>, keys: &HashSet<&'a str>) -> Vec<Endpoint<'a>> {
    let by_name: HashMap<_, _> = inventory
        .workloads
        .iter()
        .map(|workload| ((workload.object.effective_namespace(), workload.object.kind, workload.object.name), workload))
        .collect();
    let mut found: BTreeMap<Likeness<'a>, Endpoint<'a>> = BTreeMap::new();
    let mut add = |mut endpoint: Endpoint<'a>| {
        let labels = endpoint.labels.iter().filter(|(key, _)| keys.contains(key)).collect();
        let attached = endpoint.attachments.iter().map(|one| (one.namespace.clone(), one.name.clone())).collect();
        let of = (endpoint.namespace, endpoint.kind, endpoint.name);
        let likeness = (of.0, of.1, of.2, labels, endpoint.ports.clone(), endpoint.host_network, attached);
        match found.get_mut(&likeness) {
            Some(known) => {
                for (known, other) in known.attachments.iter_mut().zip(&mut endpoint.attachments) {
                    known.addresses.append(&mut other.addresses);
                }
                known.addresses.append(&mut endpoint.addresses);
                known.pods += endpoint.pods;
            }
            None => {
                found.insert(likeness, endpoint);
            }
        }
    };
    let is_pod = |workload: &&Workload<'a>| workload.object.kind == "Pod" && workload.object.group().is_empty();
    let mut alive = HashSet::new();
    for workload in inventory.workloads.iter().filter(is_pod) {
        let status = workload.object.node.get("status");
        // Pods that have ended have no network any more.
        if status.and_then(|status| status.get("phase")).is_some_and(|phase| matches!(phase.text(), "Succeeded" | "Failed")) {
            continue;
        }
        let top = top(workload, &by_name, inventory);
        let mut endpoint = endpoint(workload, world);
        (endpoint.kind, endpoint.name, endpoint.object) = top;
        endpoint.pods = 1;
        alive.insert((endpoint.namespace, endpoint.kind, endpoint.name));
        let addresses = status.into_iter().flat_map(|status| {
            let all = status.get("podIPs").into_iter().flat_map(Node::items).filter_map(|node| node.get("ip"));
            all.chain(status.get("podIP"))
        });
        endpoint.addresses = addresses.filter_map(|node| node.text().parse().ok()).collect();
        endpoint.addresses.dedup();
        add(endpoint);
    }
    for (at, workload) in inventory.workloads.iter().enumerate().filter(|(_, workload)| !is_pod(workload)) {
        let endpoint = endpoint(workload, world);
        // A template that makes pods elsewhere, or whose pods are here and speak for themselves.
        if workload.object.kind == "PodTemplate"
            || inventory.is_represented(at)
            || alive.contains(&(endpoint.namespace, endpoint.kind, endpoint.name))
        {
            continue;
        }
        add(endpoint);
    }
    // Machines whose pods are here are those.
    let is_off = |machine: &Endpoint<'a>| !alive.contains(&(machine.namespace, machine.kind, machine.name));
    machines(inventory, world).into_iter().filter(is_off).for_each(&mut add);
    let mut endpoints: Vec<_> = found.into_values().collect();
    for endpoint in &mut endpoints {
        endpoint.addresses.sort_unstable();
        endpoint.addresses.dedup();
    }
    name_variants(&mut endpoints, keys);
    endpoints
}

/// The controller at the top of a pod, as far as it was read or is named: kind, name, and the object to point at.
fn top<'a>(
    pod: &Workload<'a>,
    by_name: &HashMap<(&'a str, &'a str, &'a str), &Workload<'a>>,
    inventory: &Inventory<'a>,
) -> (&'a str, &'a str, Object<'a>) {
    let namespace = pod.object.effective_namespace();
    let (mut kind, mut name, mut object) = (pod.object.kind, pod.object.name, pod.object);
    // Owners of owners: Pod, ReplicaSet, Deployment; CronJobs and custom kinds on top at most a few more.
    for _ in 0..8 {
        // Mirror pods belong to their node, which is no workload.
        let Some(owner) = object.controller().filter(|owner| owner.kind != "Node") else { break };
        // An owner without a kind, which the API refuses, has pods all the same.
        (kind, name) = (if owner.kind.is_empty() { kind } else { owner.kind }, owner.name);
        let machine = || inventory.find(kind, namespace, name).filter(|_| kind.starts_with("VirtualMachine"));
        match by_name.get(&(namespace, kind, name)).map(|found| found.object).or_else(machine) {
            Some(found) => object = found,
            None => break,
        }
    }
    (kind, name, object)
}

fn endpoint<'a>(workload: &Workload<'a>, world: &World<'a>) -> Endpoint<'a> {
    let object = workload.object;
    let mut ports = Vec::new();
    for container in workload.pod.containers.iter().filter(|container| container.runs_on()) {
        for port in container.at(&["ports"]).into_iter().flat_map(Node::items) {
            ports.extend(declared(port));
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Endpoint {
        namespace: world.namespace(object.effective_namespace()).unwrap_or_default(),
        kind: object.kind,
        name: object.name,
        variant: String::new(),
        labels: Labels::read(workload.pod.labels()),
        ports,
        addresses: Vec::new(),
        node: workload.pod.at(&["nodeName"]).map_or("", Node::text),
        host_network: workload.pod.host_network,
        network: 0,
        attachments: networks::of_pod(&workload.pod.annotations, object.effective_namespace()),
        pods: 0,
        object,
        template: workload.pod.node,
    }
}

/// A port as a container declares it.
fn declared(port: Node<'_>) -> Option<Port<'_>> {
    let number = u16::try_from(port.get("containerPort")?.as_int()?).ok().filter(|number| *number > 0)?;
    let protocol = Protocol::read(port.get("protocol").map_or("TCP", Node::text))?;
    Some(Port { name: port.get("name").map_or("", Node::text), protocol, number })
}

/// KubeVirt's virtual machines: pods to the network.
fn machines<'a>(inventory: &Inventory<'a>, world: &World<'a>) -> Vec<Endpoint<'a>> {
    let machine = |object: Object<'a>, template: Option<Node<'a>>| Endpoint {
        namespace: world.namespace(object.effective_namespace()).unwrap_or_default(),
        kind: object.kind,
        name: object.name,
        variant: String::new(),
        labels: Labels::read(template.and_then(|template| template.at(&["metadata", "labels"]))),
        ports: Vec::new(),
        addresses: Vec::new(),
        node: "",
        host_network: false,
        network: 0,
        attachments: networks::of_machine(template.and_then(|template| template.get("spec")), object.effective_namespace()),
        pods: 0,
        object,
        template,
    };
    let of_kubevirt = |object: &Object<'a>| object.group() == "kubevirt.io";
    let machines =
        inventory.of_kind("VirtualMachine").filter(of_kubevirt).map(|object| machine(object, object.node.at(&["spec", "template"])));
    // An instance whose machine is here is the machine.
    let is_own = |object: &Object<'a>| {
        let owner = object.controller();
        owner.is_none_or(|owner| inventory.find(owner.kind, object.effective_namespace(), owner.name).is_none())
    };
    let instances = inventory.of_kind("VirtualMachineInstance").filter(of_kubevirt).filter(is_own);
    machines.chain(instances.map(|object| machine(object, Some(object.node)))).collect()
}

/// Tells the endpoints of one workload apart by what parts them.
fn name_variants(endpoints: &mut [Endpoint<'_>], keys: &HashSet<&str>) {
    let is_same = |one: &Endpoint<'_>, two: &Endpoint<'_>| (one.namespace, one.kind, one.name) == (two.namespace, two.kind, two.name);
    for alike in endpoints.chunk_by_mut(is_same).filter(|alike| alike.len() > 1) {
        // What all of them have does not tell.
        let common = |key: &str, value: &str, alike: &[Endpoint<'_>]| alike.iter().all(|one| one.labels.get(key) == Some(value));
        let names: Vec<_> = alike
            .iter()
            .enumerate()
            .map(|(at, one)| {
                let telling = one.labels.iter().filter(|(key, value)| keys.contains(key) && !common(key, value, alike));
                let labels = telling.collect::<Labels<'_>>().to_string();
                let is_taken = |other: &Endpoint<'_>| {
                    other.labels.iter().filter(|(key, _)| keys.contains(key)).eq(one.labels.iter().filter(|(key, _)| keys.contains(key)))
                };
                let same = alike.iter().take(at).filter(|other| is_taken(other)).count();
                match (labels.is_empty(), same) {
                    (true, 0) => "others".to_owned(),
                    (true, same) => format!("others, {}", same + 1),
                    (false, 0) => labels,
                    (false, same) => format!("{labels}, {}", same + 1),
                }
            })
            .collect();
        for (one, name) in alike.iter_mut().zip(names) {
            one.variant = name;
        }
    }
}
