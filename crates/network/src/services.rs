//! Services: which ports of which pods stand behind a name (core/v1 `Service` and `Endpoints`, discovery/v1 `EndpointSlice`).

use crate::traffic::{Protocol, Traffic};
use crate::world::{Endpoint, World};
use core::net::IpAddr;
use plimsoll_model::{Inventory, Node, Object, Problem, ProblemKind};
use std::collections::{BTreeMap, HashMap};

/// A Service.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The object.
    pub object: Object<'a>,
    /// What it is reached by.
    pub kind: ServiceKind<'a>,
    /// The labels of the pods behind it; none where it has no selector.
    pub selector: Vec<(&'a str, &'a str)>,
    /// Its ports.
    pub ports: Vec<ServicePort<'a>>,
}

/// What a Service is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind<'a> {
    /// An address in the cluster.
    ClusterIp,
    /// The addresses of its pods.
    Headless,
    /// A port of every node, and as `ClusterIp`.
    NodePort,
    /// An address outside, and as `NodePort`.
    LoadBalancer,
    /// It is another name for this one.
    ExternalName(&'a str),
}

/// A port of a Service.
#[derive(Debug, Clone)]
pub struct ServicePort<'a> {
    /// Its name; empty where it has none.
    pub name: &'a str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number at the Service. Clients of a headless one use the pods' instead.
    pub number: u16,
    /// Where it stands; none where only an EndpointSlice knows of it.
    pub node: Option<Node<'a>>,
    /// What it leads to: places of endpoints in [`World::endpoints`] with the port there, in order. A pod without a port of the name that
    /// `targetPort` gives is not among them.
    pub to: Vec<(usize, u16)>,
}

/// How others name a port of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortRef<'a> {
    /// All of them.
    Any,
    /// Its number.
    Number(u16),
    /// Its name.
    Name(&'a str),
    /// Its number at the pods.
    Target(u16),
}

impl<'a> Service<'a> {
    /// All Services among objects, by namespace and name.
    pub(crate) fn read_all(inventory: &Inventory<'a>, world: &World<'a>, problems: &mut Vec<Problem>) -> Vec<Self> {
        let objects = inventory.of_kind("Service").filter(|object| object.group().is_empty());
        let index = Index::new(world);
        let mut services: Vec<_> = objects.map(|object| index.service(object, problems)).collect();
        services.sort_by_key(Self::key);
        services.dedup_by_key(|service| service.key());
        if services.iter().any(|service| service.selector.is_empty()) {
            listed(inventory, world, &mut services);
        }
        services
    }

    /// Its namespace and name.
    pub fn key(&self) -> (&'a str, &'a str) {
        (self.object.effective_namespace(), self.object.name)
    }

    /// What one of its ports, or all, lead to: places of endpoints with their traffic, in order.
    pub fn leads_to(&self, port: PortRef<'_>) -> BTreeMap<usize, Traffic> {
        let mut found: BTreeMap<usize, Traffic> = BTreeMap::new();
        for one in &self.ports {
            let is_meant = match port {
                PortRef::Any | PortRef::Target(_) => true,
                PortRef::Number(number) => one.number == number,
                PortRef::Name(name) => one.name == name,
            };
            for (endpoint, number) in
                one.to.iter().filter(|(_, number)| is_meant && !matches!(port, PortRef::Target(wanted) if wanted != *number))
            {
                let known = found.entry(*endpoint).or_default();
                *known = known.union(&Traffic::port(one.protocol, *number));
            }
        }
        found
    }
}

/// Endpoints by one of their labels, so that a selector looks at few of them.
struct Index<'w, 'a> {
    world: &'w World<'a>,
    labelled: HashMap<(usize, &'a str, &'a str), Vec<usize>>,
}

impl<'w, 'a> Index<'w, 'a> {
    fn new(world: &'w World<'a>) -> Self {
        let mut labelled: HashMap<_, Vec<_>> = HashMap::new();
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            for (key, value) in endpoint.labels.iter() {
                labelled.entry((endpoint.namespace, key, value)).or_default().push(at);
            }
        }
        Self { world, labelled }
    }

    /// The endpoints of a namespace that carry all of these labels.
    fn selected(&self, namespace: &str, selector: &[(&'a str, &'a str)]) -> Vec<(usize, &'w Endpoint<'a>)> {
        let Some(namespace) = self.world.namespace(namespace) else { return Vec::new() };
        let lists = selector.iter().map(|(key, value)| self.labelled.get(&(namespace, *key, *value)).map_or(&[][..], Vec::as_slice));
        let fewest = lists.min_by_key(|list| list.len()).unwrap_or_default();
        let endpoints = fewest.iter().filter_map(|at| Some((*at, self.world.endpoints.get(*at)?)));
        endpoints.filter(|(_, endpoint)| selector.iter().all(|(key, value)| endpoint.labels.get(key) == Some(value))).collect()
    }

    fn service(&self, object: Object<'a>, problems: &mut Vec<Problem>) -> Service<'a> {
        let spec = object.node.get("spec");
        let text = |key: &str| spec.and_then(|spec| spec.get(key)).map_or("", Node::text);
        let kind = match text("type") {
            "NodePort" => ServiceKind::NodePort,
            "LoadBalancer" => ServiceKind::LoadBalancer,
            "ExternalName" => ServiceKind::ExternalName(text("externalName")),
            _ if spec.and_then(|spec| spec.entry("clusterIP")).is_some_and(|(_, node)| node.text() == "None") => ServiceKind::Headless,
            _ => ServiceKind::ClusterIp,
        };
        let selector = spec.and_then(|spec| spec.get("selector")).into_iter().flat_map(Node::entries);
        // The selector of an ExternalName is not looked at (core/v1 `ServiceSpec`).
        let selector: Vec<_> = match kind {
            ServiceKind::ExternalName(_) => Vec::new(),
            _ => selector.map(|(key, value)| (key.text(), value.text())).collect(),
        };
        let selected = self.selected(object.effective_namespace(), &selector);
        let ports = spec.and_then(|spec| spec.get("ports")).into_iter().flat_map(Node::items);
        let ports = ports.filter_map(|node| service_port(node, &selected, problems)).collect();
        Service { object, kind, selector, ports }
    }
}

fn service_port<'a>(node: Node<'a>, selected: &[(usize, &Endpoint<'a>)], problems: &mut Vec<Problem>) -> Option<ServicePort<'a>> {
    let number = node.get("port").and_then(number);
    let protocol = node.get("protocol").map_or(Some(Protocol::Tcp), |protocol| Protocol::read(protocol.text()));
    let (Some(number), Some(protocol)) = (number, protocol) else {
        let message = "a port of a Service needs a `port` between 1 and 65535, and one of the protocols TCP, UDP and SCTP";
        problems.push(Problem::at(ProblemKind::Invalid, node, message));
        return None;
    };
    let target = node.get("targetPort");
    let fixed = target.map_or(Some(number), |target| self::number(target));
    let to = |(at, endpoint): &(usize, &Endpoint<'a>)| -> Vec<(usize, u16)> {
        if let Some(fixed) = fixed {
            return vec![(*at, fixed)];
        }
        let name = target.map_or("", Node::text);
        let named = endpoint.ports.iter().filter(|port| port.protocol == protocol && port.name == name && !name.is_empty());
        named.map(|port| (*at, port.number)).collect()
    };
    let to = selected.iter().flat_map(to).collect();
    Some(ServicePort { name: node.get("name").map_or("", Node::text), protocol, number, node: Some(node), to })
}

/// A port number between 1 and 65535.
pub(crate) fn number(node: Node<'_>) -> Option<u16> {
    node.as_int().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
}

/// Gives Services without a selector the pods whose addresses EndpointSlices and Endpoints list.
fn listed<'a>(inventory: &Inventory<'a>, world: &World<'a>, services: &mut [Service<'a>]) {
    let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
    for (at, endpoint) in world.endpoints.iter().enumerate().filter(|(_, endpoint)| !endpoint.host_network) {
        by_address.extend(endpoint.addresses.iter().map(|address| (*address, at)));
    }
    let mut add = |key: (&'a str, &'a str), ports: Vec<Node<'a>>, addresses: Vec<&'a str>| {
        let Ok(at) = services.binary_search_by_key(&key, Service::key) else { return };
        let Some(service) = services.get_mut(at).filter(|service| service.selector.is_empty()) else { return };
        let mut to: Vec<usize> = addresses.iter().filter_map(|text| by_address.get(&text.parse().ok()?).copied()).collect();
        to.sort_unstable();
        to.dedup();
        for port in ports {
            let name = port.get("name").map_or("", Node::text);
            let protocol = port.get("protocol").map_or(Some(Protocol::Tcp), |protocol| Protocol::read(protocol.text()));
            let (Some(number), Some(protocol)) = (port.get("port").and_then(number), protocol) else { continue };
            // Slices name the ports as the Service does.
            let known = service.ports.iter_mut().find(|known| known.name == name && known.protocol == protocol);
            let to = to.iter().map(|at| (*at, number));
            match known {
                Some(known) => known.to.extend(to),
                None => service.ports.push(ServicePort { name, protocol, number, node: None, to: to.collect() }),
            }
        }
        for port in &mut service.ports {
            port.to.sort_unstable();
            port.to.dedup();
        }
    };
    for slice in inventory.of_kind("EndpointSlice").filter(|object| object.group() == "discovery.k8s.io") {
        let Some(name) = slice.label("kubernetes.io/service-name") else { continue };
        let endpoints = slice.node.get("endpoints").into_iter().flat_map(Node::items);
        let addresses = endpoints.filter_map(|one| one.get("addresses")).flat_map(Node::items).map(Node::text).collect();
        let ports = slice.node.get("ports").into_iter().flat_map(Node::items).collect();
        add((slice.effective_namespace(), name), ports, addresses);
    }
    for object in inventory.of_kind("Endpoints").filter(|object| object.group().is_empty()) {
        for subset in object.node.get("subsets").into_iter().flat_map(Node::items) {
            let addresses = subset.get("addresses").into_iter().flat_map(Node::items).filter_map(|one| one.get("ip"));
            let ports = subset.get("ports").into_iter().flat_map(Node::items).collect();
            add((object.effective_namespace(), object.name), ports, addresses.map(Node::text).collect());
        }
    }
}
