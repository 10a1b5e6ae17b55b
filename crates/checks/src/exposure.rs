//! What selects and refers to workloads: Services and what leads to them, network policies, disruption budgets, autoscalers.
//! Read once for all checks.

use plimsoll_model::{Inventory, Node, Object, Workload, selects};
use std::collections::{HashMap, HashSet};

/// Namespace, kind and name of a workload.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Services, ingresses, routes and network policies by what they lead to.
pub(crate) struct Exposure<'a> {
    services: HashMap<Key<'a>, Vec<Object<'a>>>,
    /// Ingresses, routes of the Gateway API and virtual services of Istio by namespace and name of the Service.
    entrances: HashMap<(&'a str, String), Vec<Entrance<'a>>>,
    /// What a network policy selects at all, and what one limits in a direction.
    covered: Coverage<'a>,
    limited: [Coverage<'a>; 2],
    /// Namespaces with a network policy.
    namespaces_with_policy: HashSet<&'a str>,
    /// Workloads that a disruption budget selects.
    budgeted: HashSet<Key<'a>>,
    /// Autoscalers by namespace, kind and name of what they scale.
    autoscalers: HashMap<Key<'a>, Object<'a>>,
    /// Labels that a Service carries: namespace, label, value.
    service_labels: HashSet<(&'a str, &'a str, &'a str)>,
    /// Whether a result of a service scan says that nobody has to authenticate: namespace and name.
    unauthenticated: HashSet<(&'a str, &'a str)>,
}

/// Workloads that network policies hold for: by themselves, with their whole namespace, or all.
#[derive(Default)]
struct Coverage<'a> {
    workloads: HashSet<Key<'a>>,
    namespaces: HashSet<&'a str>,
    cluster: bool,
}

/// The way that traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

impl Direction {
    /// As in `policyTypes`.
    pub(crate) fn policy_type(self) -> &'static str {
        match self {
            Self::In => "Ingress",
            Self::Out => "Egress",
        }
    }
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
            covered: Coverage::default(),
            limited: [Coverage::default(), Coverage::default()],
            namespaces_with_policy: HashSet::new(),
            budgeted: HashSet::new(),
            autoscalers: HashMap::new(),
            service_labels: HashSet::new(),
            unauthenticated: HashSet::new(),
        };
        // Overlays beside each other repeat names: of those, one Service that leads out and one that does not say it all.
        let mut known = HashSet::new();
        for service in inventory.of_kind("Service").filter(|service| service.group().is_empty()) {
            for (label, value) in service.node.at(&["metadata", "labels"]).into_iter().flat_map(Node::entries) {
                exposure.service_labels.insert((service.effective_namespace(), label.text(), value.text()));
            }
            let Some(selector) = service.node.at(&["spec", "selector"]) else { continue };
            let out = leads_out(&service);
            for workload in inventory.labelled(service.effective_namespace(), selector) {
                if known.insert((key(&workload.object), service.name, out)) {
                    exposure.services.entry(key(&workload.object)).or_default().push(service);
                }
            }
        }
        exposure.read_ingresses(inventory);
        exposure.read_routes(inventory);
        exposure.read_virtual_services(inventory);
        exposure.read_policies(inventory);
        exposure.read_upkeep(inventory);
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
            let Some(spec) = policy.node.get("spec") else { continue };
            // Without types it is about what comes in, and about what goes out if it has rules for that (networking/v1 defaulting).
            let types = spec.get("policyTypes").filter(|types| types.items().next().is_some());
            let limits = |direction: Direction| match types {
                Some(types) => types.items().any(|one| one.text() == direction.policy_type()),
                None => direction == Direction::In || items(spec, &["egress"]).next().is_some(),
            };
            if let Some(selector) = spec.get("podSelector") {
                self.cover(inventory, namespace, selector, limits);
            }
        }
        for policy in inventory.of_kind("CiliumNetworkPolicy") {
            self.namespaces_with_policy.insert(policy.effective_namespace());
            for spec in cilium_specs(&policy) {
                if let Some(selector) = spec.get("endpointSelector") {
                    self.cover(inventory, policy.effective_namespace(), selector, |direction| cilium_limits(spec, direction));
                }
            }
        }
        for policy in inventory.of_kind("CiliumClusterwideNetworkPolicy") {
            for spec in cilium_specs(&policy) {
                let denies = |direction| spec.at(&["enableDefaultDeny", direction]).and_then(Node::as_bool) != Some(false);
                let decides = spec.get("ingress").is_some() || spec.get("egress").is_some();
                let Some(selector) = spec.get("endpointSelector").filter(|_| decides && (denies("ingress") || denies("egress"))) else {
                    continue;
                };
                let all = inventory.workloads.iter().filter(|workload| selects(selector, workload.pod.labels()));
                let keys: Vec<Key<'a>> = if is_empty(selector) { Vec::new() } else { all.map(|workload| key(&workload.object)).collect() };
                self.each_coverage(
                    |direction| cilium_limits(spec, direction),
                    |coverage| {
                        coverage.cluster |= is_empty(selector);
                        coverage.workloads.extend(&keys);
                    },
                );
            }
        }
    }

    /// Adds what a selector selects to what is covered, and to what is limited in the directions that `limits` says.
    fn cover(&mut self, inventory: &Inventory<'a>, namespace: &'a str, selector: Node<'a>, limits: impl Fn(Direction) -> bool) {
        let keys: Vec<Key<'a>> = if is_empty(selector) {
            Vec::new()
        } else {
            inventory.selected(namespace, selector).into_iter().map(|workload| key(&workload.object)).collect()
        };
        self.each_coverage(limits, |coverage| {
            if is_empty(selector) {
                coverage.namespaces.insert(namespace);
            }
            coverage.workloads.extend(&keys);
        });
    }

    fn each_coverage(&mut self, limits: impl Fn(Direction) -> bool, add: impl Fn(&mut Coverage<'a>)) {
        add(&mut self.covered);
        let [incoming, outgoing] = &mut self.limited;
        if limits(Direction::In) {
            add(incoming);
        }
        if limits(Direction::Out) {
            add(outgoing);
        }
    }

    fn read_upkeep(&mut self, inventory: &Inventory<'a>) {
        for budget in inventory.of_kind("PodDisruptionBudget") {
            self.budgeted.extend(budget_targets(&budget, inventory).into_iter().map(|workload| key(&workload.object)));
        }
        for scaler in inventory.of_kind("HorizontalPodAutoscaler").chain(inventory.of_kind("ScaledObject")) {
            let target = |field| text(scaler.node, &["spec", "scaleTargetRef", field]);
            let kind = Some(target("kind")).filter(|kind| !kind.is_empty()).unwrap_or("Deployment");
            self.autoscalers.insert((scaler.effective_namespace(), kind, target("name")), scaler);
        }
    }

    /// The Services whose selector selects the pods of a workload.
    pub(crate) fn services(&self, workload: &Workload<'a>) -> &[Object<'a>] {
        self.services.get(&key(&workload.object)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a disruption budget selects the workload.
    pub(crate) fn has_budget(&self, workload: &Workload<'a>) -> bool {
        self.budgeted.contains(&key(&workload.object))
    }

    /// The autoscaler that sets the number of replicas of an object.
    pub(crate) fn autoscaler(&self, object: &Object<'a>) -> Option<Object<'a>> {
        self.autoscalers.get(&key(object)).copied()
    }

    /// Whether some Service of a namespace carries a label.
    pub(crate) fn has_service_label(&self, namespace: &str, label: &str, value: &str) -> bool {
        self.service_labels.contains(&(namespace, label, value))
    }

    /// What lets traffic in to a Service.
    pub(crate) fn entrances(&self, service: &Object<'a>) -> &[Entrance<'a>] {
        let found = self.entrances.get(&(service.effective_namespace(), service.name.to_owned()));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a network policy selects the workload.
    pub(crate) fn is_covered(&self, workload: &Workload<'a>) -> bool {
        self.covered.has(workload)
    }

    /// Whether a network policy limits what the workload sends or receives.
    pub(crate) fn is_limited(&self, workload: &Workload<'a>, direction: Direction) -> bool {
        let [incoming, outgoing] = &self.limited;
        if direction == Direction::In { incoming.has(workload) } else { outgoing.has(workload) }
    }

    /// Whether a namespace has a network policy, or one of the cluster holds everywhere.
    pub(crate) fn has_policy(&self, namespace: &str) -> bool {
        self.covered.cluster || self.namespaces_with_policy.contains(namespace)
    }

    /// Whether a scan has found that a Service answers without authentication.
    pub(crate) fn is_unauthenticated(&self, service: &Object<'a>) -> bool {
        self.unauthenticated.contains(&(service.effective_namespace(), service.name))
    }
}

impl<'a> Coverage<'a> {
    fn has(&self, workload: &Workload<'a>) -> bool {
        self.cluster || self.namespaces.contains(workload.object.effective_namespace()) || self.workloads.contains(&key(&workload.object))
    }
}

/// Whether the rules of a Cilium policy deny what they do not name: those of a direction do unless they say that they do not.
fn cilium_limits(spec: Node<'_>, direction: Direction) -> bool {
    let (rules, denials) = if direction == Direction::In { ("ingress", "ingressDeny") } else { ("egress", "egressDeny") };
    let denies = spec.at(&["enableDefaultDeny", rules]).and_then(Node::as_bool) != Some(false);
    denies && (spec.get(rules).is_some() || spec.get(denials).is_some())
}

/// The workloads that a disruption budget selects: without a selector none, with an empty one all of its namespace.
pub(crate) fn budget_targets<'i, 'a>(budget: &Object<'a>, inventory: &'i Inventory<'a>) -> Vec<&'i Workload<'a>> {
    let selector = budget.node.at(&["spec", "selector"]);
    selector.map(|selector| inventory.selected(budget.effective_namespace(), selector)).unwrap_or_default()
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
