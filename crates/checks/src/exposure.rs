//! What leads to workloads, and which network policies hold for them: read once for all checks.

use plimsoll_model::{Inventory, Node, Object, Workload, selects};
use std::collections::{HashMap, HashSet};

/// Namespace, kind and name of a workload.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Services, ingresses, routes and network policies by what they lead to.
pub(crate) struct Exposure<'a> {
    services: HashMap<Key<'a>, Vec<Object<'a>>>,
    /// Ingresses, routes of the Gateway API and virtual services of Istio by namespace and name of the Service.
    entrances: HashMap<(&'a str, String), Vec<Entrance<'a>>>,
    /// Workloads, and namespaces as a whole, that a network policy selects.
    covered: HashSet<Key<'a>>,
    covered_namespaces: HashSet<&'a str>,
    /// Namespaces with a network policy.
    namespaces_with_policy: HashSet<&'a str>,
    /// Whether a policy of the cluster selects everything.
    covered_cluster: bool,
    /// Whether a result of a service scan says that nobody has to authenticate: namespace and name.
    unauthenticated: HashSet<(&'a str, &'a str)>,
}

/// What lets traffic in to a Service.
#[derive(Debug, Clone)]
pub(crate) struct Entrance<'a> {
    pub(crate) object: Object<'a>,
    /// JSON pointer from the object to the name of the Service.
    pub(crate) pointer: String,
}

fn key<'a>(object: &Object<'a>) -> Key<'a> {
    (object.effective_namespace(), object.kind, object.name)
}

fn items<'a>(node: Node<'a>, path: &[&str]) -> impl Iterator<Item = Node<'a>> {
    node.at(path).into_iter().flat_map(Node::items)
}

fn text<'a>(node: Node<'a>, path: &[&str]) -> &'a str {
    node.at(path).map_or("", Node::text)
}

impl<'a> Exposure<'a> {
    pub(crate) fn new(inventory: &Inventory<'a>) -> Self {
        let mut exposure = Self {
            services: HashMap::new(),
            entrances: HashMap::new(),
            covered: HashSet::new(),
            covered_namespaces: HashSet::new(),
            namespaces_with_policy: HashSet::new(),
            covered_cluster: false,
            unauthenticated: HashSet::new(),
        };
        for service in inventory.of_kind("Service").filter(|service| service.group().is_empty()) {
            let Some(selector) = service.node.at(&["spec", "selector"]) else { continue };
            for workload in inventory.labelled(service.effective_namespace(), selector) {
                exposure.services.entry(key(&workload.object)).or_default().push(service);
            }
        }
        exposure.read_ingresses(inventory);
        exposure.read_routes(inventory);
        exposure.read_virtual_services(inventory);
        exposure.read_policies(inventory);
        for result in inventory.of_kind("ServiceScanResult") {
            if items(result.node, &["spec", "ports"]).any(|port| port.get("authenticated").and_then(Node::as_bool) == Some(false)) {
                exposure.unauthenticated.insert((result.effective_namespace(), result.name));
            }
        }
        exposure
    }

    fn enter(&mut self, namespace: &'a str, service: &str, object: Object<'a>, pointer: String) {
        if !service.is_empty() {
            self.entrances.entry((namespace, service.to_owned())).or_default().push(Entrance { object, pointer });
        }
    }

    fn read_ingresses(&mut self, inventory: &Inventory<'a>) {
        for ingress in inventory.of_kind("Ingress") {
            let namespace = ingress.effective_namespace();
            if let Some(backend) = ingress.node.at(&["spec", "defaultBackend", "service", "name"]) {
                self.enter(namespace, backend.text(), ingress, "/spec/defaultBackend/service/name".to_owned());
            }
            for (i, rule) in items(ingress.node, &["spec", "rules"]).enumerate() {
                for (j, path) in items(rule, &["http", "paths"]).enumerate() {
                    let place = format!("/spec/rules/{i}/http/paths/{j}/backend");
                    self.enter(namespace, text(path, &["backend", "service", "name"]), ingress, format!("{place}/service/name"));
                    self.enter(namespace, text(path, &["backend", "serviceName"]), ingress, format!("{place}/serviceName"));
                }
            }
        }
    }

    fn read_routes(&mut self, inventory: &Inventory<'a>) {
        for kind in ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"] {
            for route in inventory.of_kind(kind) {
                for (i, rule) in items(route.node, &["spec", "rules"]).enumerate() {
                    for (j, backend) in items(rule, &["backendRefs"]).enumerate() {
                        let namespace = backend.get("namespace").map_or(route.effective_namespace(), Node::text);
                        let is_service = backend.get("kind").is_none_or(|kind| kind.text() == "Service");
                        if is_service {
                            self.enter(namespace, text(backend, &["name"]), route, format!("/spec/rules/{i}/backendRefs/{j}/name"));
                        }
                    }
                }
            }
        }
    }

    /// A virtual service lets traffic in if one of its gateways is public: called so, or behind a Service that leads out.
    fn read_virtual_services(&mut self, inventory: &Inventory<'a>) {
        let mut public: HashSet<(&str, &str)> = HashSet::new();
        for gateway in inventory.of_kind("Gateway") {
            let exposed = || {
                inventory.of_kind("Service").filter(|service| service.namespace == "istio-system" && leads_out(service)).any(|service| {
                    let labels = service.node.at(&["metadata", "labels"]).into_iter().flat_map(Node::entries);
                    let mut selector = gateway.node.at(&["spec", "selector"]).into_iter().flat_map(Node::entries);
                    let labels: Vec<_> = labels.map(|(_, value)| value.text()).collect();
                    selector.any(|(_, value)| labels.contains(&value.text()))
                })
            };
            if gateway.name.ends_with("public") || exposed() {
                public.insert((gateway.effective_namespace(), gateway.name));
            }
        }
        for service in inventory.of_kind("VirtualService") {
            let own = service.effective_namespace();
            let is_public = items(service.node, &["spec", "gateways"]).any(|gateway| {
                let (namespace, name) = gateway.text().split_once('/').unwrap_or((own, gateway.text()));
                public.contains(&(namespace, name))
            });
            for (i, route) in items(service.node, &["spec", "http"]).enumerate().filter(|_| is_public) {
                for (j, destination) in items(route, &["route"]).enumerate() {
                    // `name`, `name.namespace` or `name.namespace.svc.cluster.local`.
                    let mut host = text(destination, &["destination", "host"]).split('.');
                    let (name, namespace) = (host.next().unwrap_or(""), host.next().unwrap_or(own));
                    self.enter(namespace, name, service, format!("/spec/http/{i}/route/{j}/destination/host"));
                }
            }
        }
    }

    fn read_policies(&mut self, inventory: &Inventory<'a>) {
        for policy in inventory.of_kind("NetworkPolicy") {
            let namespace = policy.effective_namespace();
            self.namespaces_with_policy.insert(namespace);
            if let Some(selector) = policy.node.get("spec").and_then(|spec| spec.get("podSelector")) {
                self.cover(inventory, namespace, selector);
            }
        }
        for policy in inventory.of_kind("CiliumNetworkPolicy") {
            self.namespaces_with_policy.insert(policy.effective_namespace());
            for selector in cilium_specs(&policy).filter_map(|spec| spec.get("endpointSelector")) {
                self.cover(inventory, policy.effective_namespace(), selector);
            }
        }
        for policy in inventory.of_kind("CiliumClusterwideNetworkPolicy") {
            for spec in cilium_specs(&policy) {
                let denies = |direction| spec.at(&["enableDefaultDeny", direction]).and_then(Node::as_bool) != Some(false);
                let decides = spec.get("ingress").is_some() || spec.get("egress").is_some();
                let Some(selector) = spec.get("endpointSelector").filter(|_| decides && (denies("ingress") || denies("egress"))) else {
                    continue;
                };
                if is_empty(selector) {
                    self.covered_cluster = true;
                } else {
                    let all = inventory.workloads.iter().filter(|workload| selects(selector, workload.pod.labels()));
                    self.covered.extend(all.map(|workload| key(&workload.object)));
                }
            }
        }
    }

    fn cover(&mut self, inventory: &Inventory<'a>, namespace: &'a str, selector: Node<'a>) {
        if is_empty(selector) {
            self.covered_namespaces.insert(namespace);
        } else {
            self.covered.extend(inventory.selected(namespace, selector).into_iter().map(|workload| key(&workload.object)));
        }
    }

    /// The Services whose selector selects the pods of a workload.
    pub(crate) fn services(&self, workload: &Workload<'a>) -> &[Object<'a>] {
        self.services.get(&key(&workload.object)).map(Vec::as_slice).unwrap_or_default()
    }

    /// What lets traffic in to a Service.
    pub(crate) fn entrances(&self, service: &Object<'a>) -> &[Entrance<'a>] {
        let found = self.entrances.get(&(service.effective_namespace(), service.name.to_owned()));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a network policy selects the workload.
    pub(crate) fn is_covered(&self, workload: &Workload<'a>) -> bool {
        let namespace = workload.object.effective_namespace();
        self.covered_cluster || self.covered_namespaces.contains(namespace) || self.covered.contains(&key(&workload.object))
    }

    /// Whether a namespace has a network policy, or one of the cluster holds everywhere.
    pub(crate) fn has_policy(&self, namespace: &str) -> bool {
        self.covered_cluster || self.namespaces_with_policy.contains(namespace)
    }

    /// Whether a scan has found that a Service answers without authentication.
    pub(crate) fn is_unauthenticated(&self, service: &Object<'a>) -> bool {
        self.unauthenticated.contains(&(service.effective_namespace(), service.name))
    }
}

/// Whether a Service is reached from outside of the cluster by itself.
pub(crate) fn leads_out(service: &Object<'_>) -> bool {
    matches!(text(service.node, &["spec", "type"]), "NodePort" | "LoadBalancer")
}

fn cilium_specs<'a>(policy: &Object<'a>) -> impl Iterator<Item = Node<'a>> {
    policy.node.get("spec").into_iter().chain(items(policy.node, &["specs"]))
}

fn is_empty(selector: Node<'_>) -> bool {
    let says = |key| selector.get(key).is_some_and(|part| part.entries().next().is_some() || part.items().next().is_some());
    !says("matchLabels") && !says("matchExpressions")
}
