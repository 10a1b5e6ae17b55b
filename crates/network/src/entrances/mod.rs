//! Ways in from outside of the cluster: what forwards to which ports of which pods.
//!
//! An entrance says what is forwarded; policies say whether it arrives. They are asked about whoever sends to the pods in the end: the
//! pods of the controller where it was read, else a pod of which nothing is known, and for Services that are open to the outside the
//! clients. (Whether those keep their addresses is up to the network: `externalTrafficPolicy`, the load balancer.)

mod controllers;
mod gateway;

use crate::addresses::{Addresses, Cidr};
use crate::decide::End;
use crate::matrix::Matrix;
use crate::services::{PortRef, Service, ServiceKind, number};
use crate::traffic::Traffic;
use crate::world::World;
use controllers::Controllers;
use plimsoll_model::{Inventory, Node, Object, Problem, ProblemKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A way in.
#[derive(Debug, Clone)]
pub struct Entrance<'a> {
    /// The object that opens it: an Ingress, a Route, a route of the Gateway API, a Service.
    pub object: Object<'a>,
    /// Who sends to the pods.
    pub by: By,
    /// What it forwards to: places of endpoints in [`World::endpoints`], with what it sends there.
    pub leads_to: BTreeMap<usize, Traffic>,
}

/// Who sends what an entrance forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The pods of its controller, by their places in [`World::endpoints`].
    Controller(Vec<usize>),
    /// A controller that was not read. Only rules that let in anyone, or all pods of all namespaces, are sure to let it in.
    Unknown,
    /// Clients with these addresses.
    Clients(Addresses),
}

impl<'a> Entrance<'a> {
    /// All entrances among objects, by kind, namespace and name. Those that lead to no pod that was read are left out.
    pub(crate) fn read_all(inventory: &Inventory<'a>, world: &World<'a>, problems: &mut Vec<Problem>) -> Vec<Self> {
        let controllers = Controllers::new(inventory, world);
        let mut entrances: Vec<Self> = Vec::new();
        for object in inventory.of_kind("Ingress").filter(|object| matches!(object.group(), "networking.k8s.io" | "extensions")) {
            let leads_to = together(ingress(object, problems), world);
            entrances.push(Self { object, by: controllers.of_ingress(object), leads_to });
        }
        for object in inventory.of_kind("Route").filter(|object| object.group() == "route.openshift.io") {
            entrances.push(Self { object, by: controllers.of_route(), leads_to: together(route(object), world) });
        }
        entrances.extend(gateway::read_all(inventory, world, &controllers));
        entrances.extend(world.services.iter().filter_map(|service| of_service(service, problems)));
        entrances.retain(|entrance| !entrance.leads_to.is_empty());
        entrances.sort_by_key(|entrance| {
            let object = &entrance.object;
            (object.kind, object.effective_namespace(), object.name)
        });
        entrances
    }

    /// What of it the policies let arrive, by endpoint; nothing arrives at the others that it leads to.
    pub fn arrives(&self, world: &World<'a>, matrix: &Matrix, from_unknown: &mut FromUnknown) -> BTreeMap<usize, Traffic> {
        let mut arriving = BTreeMap::new();
        for (to, sent) in &self.leads_to {
            let let_in = match &self.by {
                By::Controller(pods) => {
                    let each = pods.iter().filter_map(|from| matrix.between(*from, *to));
                    each.fold(Traffic::none(), |all, one| all.union(one))
                }
                By::Unknown => from_unknown.to(*to, world, matrix),
                By::Clients(addresses) => {
                    let class = matrix.class_of.get(*to).and_then(|class| matrix.from_outside.get(*class as usize));
                    let parts = class.into_iter().flatten().filter(|(_, from)| !from.intersection(addresses).is_empty());
                    parts.fold(Traffic::none(), |all, (traffic, _)| all.union(traffic))
                }
            };
            let arrives = sent.intersection(&let_in);
            if !arrives.is_none() {
                arriving.insert(*to, arrives);
            }
        }
        arriving
    }
}

/// What pods of which nothing is known may send, worked out once for each class.
#[derive(Debug, Default)]
pub struct FromUnknown(HashMap<u32, Traffic>);

impl FromUnknown {
    fn to(&mut self, at: usize, world: &World<'_>, matrix: &Matrix) -> Traffic {
        let (Some(class), Some(endpoint)) = (matrix.class_of.get(at), world.endpoints.get(at)) else { return Traffic::none() };
        self.0.entry(*class).or_insert_with(|| world.between(End::Unknown, End::Endpoint(endpoint)).2).clone()
    }
}

/// A Service by namespace and name, and which of its ports.
type Backend<'a> = (&'a str, &'a str, PortRef<'a>);

/// What some backends lead to.
fn together<'a>(backends: impl IntoIterator<Item = Backend<'a>>, world: &World<'a>) -> BTreeMap<usize, Traffic> {
    let mut all: BTreeMap<usize, Traffic> = BTreeMap::new();
    // Many paths lead to few Services.
    for (namespace, name, port) in backends.into_iter().collect::<BTreeSet<_>>() {
        for (at, traffic) in world.service(namespace, name).into_iter().flat_map(|service| service.leads_to(port)) {
            let known = all.entry(at).or_default();
            *known = known.union(&traffic);
        }
    }
    all
}

/// The backends of an Ingress: of its rules, and of what no rule is for. Those that are no Services lead to no pods.
fn ingress<'a>(object: Object<'a>, problems: &mut Vec<Problem>) -> Vec<Backend<'a>> {
    let Some(spec) = object.node.get("spec") else { return Vec::new() };
    let rules = spec.get("rules").into_iter().flat_map(Node::items);
    let paths = rules.filter_map(|rule| rule.at(&["http", "paths"])).flat_map(Node::items);
    let backends = paths.filter_map(|path| path.get("backend")).chain(spec.get("defaultBackend")).chain(spec.get("backend"));
    let namespace = object.effective_namespace();
    let mut found = Vec::new();
    for backend in backends {
        // Of extensions/v1beta1: `serviceName` and `servicePort`.
        let service = backend.get("service");
        let Some(name) = service.and_then(|service| service.get("name")).or_else(|| backend.get("serviceName")) else { continue };
        let port = service.and_then(|service| service.get("port"));
        let written = port.and_then(|port| port.get("name").or_else(|| port.get("number"))).or_else(|| backend.get("servicePort"));
        let Some(port) = written.and_then(port_ref) else {
            let message = format!("the backend `{}` of the Ingress `{}` needs a port, by `number` or `name`", name.text(), object.name);
            problems.push(Problem::at(ProblemKind::Invalid, written.unwrap_or(backend), message));
            continue;
        };
        found.push((namespace, name.text(), port));
    }
    found
}

/// A port by its number at a Service, or by name.
fn port_ref(node: Node<'_>) -> Option<PortRef<'_>> {
    match node.as_int() {
        Some(_) => number(node).map(PortRef::Number),
        None => node.as_str().filter(|name| !name.is_empty()).map(PortRef::Name),
    }
}

/// The backends of a Route. Its port is the name of one of the Service, or a number at the pods (route.openshift.io/v1 `RoutePort`).
fn route(object: Object<'_>) -> Vec<Backend<'_>> {
    let Some(spec) = object.node.get("spec") else { return Vec::new() };
    let port = match spec.at(&["port", "targetPort"]) {
        None => PortRef::Any,
        Some(node) => match number(node) {
            Some(number) => PortRef::Target(number),
            None => PortRef::Name(node.text()),
        },
    };
    let others = spec.get("alternateBackends").into_iter().flat_map(Node::items);
    let is_service = |node: &Node<'_>| node.get("kind").is_none_or(|kind| kind.text() == "Service");
    let services = spec.get("to").into_iter().chain(others).filter(is_service).filter_map(|node| node.get("name"));
    services.map(|name| (object.effective_namespace(), name.text(), port)).collect()
}

/// A Service that is open to the outside by itself.
fn of_service<'a>(service: &Service<'a>, problems: &mut Vec<Problem>) -> Option<Entrance<'a>> {
    let spec = service.object.node.get("spec")?;
    let is_listed = |key: &str| spec.get(key).is_some_and(|list| list.items().next().is_some());
    let is_open = match service.kind {
        ServiceKind::NodePort | ServiceKind::LoadBalancer => true,
        ServiceKind::ClusterIp => is_listed("externalIPs"),
        ServiceKind::Headless | ServiceKind::ExternalName(_) => false,
    };
    let leads_to = is_open.then(|| service.leads_to(PortRef::Any))?;
    let by = By::Clients(if service.kind == ServiceKind::LoadBalancer { clients(service.object, problems) } else { Addresses::all() });
    Some(Entrance { object: service.object, by, leads_to })
}

/// Who may come by a load balancer: from the ranges that the Service names (kube-proxy keeps the ports of nodes to them, too), to one that is
/// internal from private networks, else from anywhere.
fn clients(service: Object<'_>, problems: &mut Vec<Problem>) -> Addresses {
    let annotations = service.node.at(&["metadata", "annotations"]);
    let ranges = service.node.at(&["spec", "loadBalancerSourceRanges"]);
    let mut texts: Vec<_> = ranges.into_iter().flat_map(Node::items).map(|node| (node, node.text())).collect();
    if texts.is_empty() {
        let older = annotations.and_then(|all| all.get("service.beta.kubernetes.io/load-balancer-source-ranges"));
        texts = older.into_iter().flat_map(|node| node.text().split(',').map(move |text| (node, text))).collect();
    }
    let mut named = Vec::new();
    for (node, text) in &texts {
        match Cidr::read(text.trim()) {
            Ok(cidr) => named.push(cidr.addresses()),
            Err(why) => problems.push(Problem::at(ProblemKind::Invalid, *node, format!("the source range `{}` {why}", text.trim()))),
        }
    }
    let is_internal = |(key, value): (Node<'_>, Node<'_>)| match key.text() {
        "networking.gke.io/load-balancer-type" | "cloud.google.com/load-balancer-type" => value.text().eq_ignore_ascii_case("internal"),
        key if key.ends_with("load-balancer-scheme") => value.text() == "internal",
        key => key.ends_with("load-balancer-internal") && value.text() != "false",
    };
    match (texts.is_empty(), annotations.into_iter().flat_map(Node::entries).any(is_internal)) {
        (false, _) => Addresses::union_of(&named),
        (true, true) => {
            Addresses::union_of(&PRIVATE.iter().filter_map(|text| Cidr::read(text).ok()).map(Cidr::addresses).collect::<Vec<_>>())
        }
        (true, false) => Addresses::all(),
    }
}

/// The private networks (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
