//! What leads through pods, nodes and clouds.

use super::build::Builder;
use super::escapes;
use super::vertex::{Condition, Evidence, Power, Scope, Setting, Step, Vertex};
use plimsoll_model::rbac::{Identity, MASTERS};
use plimsoll_model::{Container, Document, Inventory, Limits, Node, Object, Origin, Pod, Source, Workload, parse};
use std::collections::{BTreeMap, BTreeSet, HashMap};

macro_rules! settings {
    ($($name:ident $id:literal, $technique:literal, $what:literal;)*) => {
        $(static $name: Setting = Setting { name: $id, what: $what, technique: $technique };)*
        /// All of them.
        pub(super) static SETTINGS: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    TOKEN "mounted-token", "T1528", "finds the token of its service account";
    TOKEN_SECRET "mounted-token-secret", "T1528", "mounts a Secret with the token of a service account";
    POD_ON_NODE "node-identity", "T1528", "may have tokens made for the accounts of the node's pods";
    ON_NODE "pod-on-node", "T1611", "is root where the pod runs";
    KUBELET "kubelet-credentials", "T1552.004", "holds the kubelet's credentials";
    CONTROL_PLANE "control-plane-node", "T1611", "is a node of the control plane";
    WORKLOAD_IDENTITY "workload-identity", "T1552.005", "is mapped to a cloud identity";
    MAPPED "cloud-mapping", "T1098.006", "is mapped to a group of the cluster by aws-auth";
    METADATA "instance-metadata", "T1552.005", "reaches the metadata service of the machine, which gives its role";
    EXPOSED "exposed", "T1190", "is open to the network from outside";
}

/// The account that a pod runs as.
pub(super) fn account<'a>(pod: &Pod<'a>) -> &'a str {
    let name = |field| pod.at(&[field]).map(Node::text).filter(|name| !name.is_empty());
    name("serviceAccountName").or_else(|| name("serviceAccount")).unwrap_or("default")
}

/// The workloads that speak for themselves, with their places.
pub(super) fn own<'i, 'a>(inventory: &'i Inventory<'a>) -> impl Iterator<Item = (u32, &'i Workload<'a>)> {
    (0u32..).zip(&inventory.workloads).filter(|(at, _)| !inventory.is_represented(*at as usize))
}

/// The workload at the top of each: a pod is its controller's, and that one may have a controller too.
pub(super) fn tops(inventory: &Inventory<'_>) -> Vec<u32> {
    let by_name: HashMap<(&str, &str, &str), u32> = (0u32..)
        .zip(&inventory.workloads)
        .map(|(at, workload)| ((workload.object.kind, workload.object.effective_namespace(), workload.object.name), at))
        .collect();
    let top = |mut at: u32| {
        for _ in 0..8 {
            let Some(workload) = inventory.workloads.get(at as usize) else { break };
            let owner = workload.object.controller();
            let above = owner.and_then(|owner| by_name.get(&(owner.kind, workload.object.effective_namespace(), owner.name)));
            match above {
                Some(above) if *above != at => at = *above,
                _ => break,
            }
        }
        at
    };
    (0u32..).zip(&inventory.workloads).map(|(at, _)| top(at)).collect()
}

/// Nodes with the workloads that have a pod there.
pub(super) fn placed<'a>(inventory: &Inventory<'a>) -> Vec<(&'a str, u32)> {
    let tops = tops(inventory);
    let mut placed: Vec<(&str, u32)> = inventory
        .workloads
        .iter()
        .zip(tops)
        .filter_map(|(workload, top)| Some((workload.pod.at(&["nodeName"]).map(Node::text).filter(|name| !name.is_empty())?, top)))
        .collect();
    placed.sort_unstable();
    placed.dedup();
    placed
}

/// What has to hold for a pod to reach a node of the control plane.
pub(super) fn control_plane(inventory: &Inventory<'_>) -> Option<Box<Condition>> {
    let nodes = inventory.of_kind("Node");
    if nodes.len() == 0 {
        return Condition::assumed("the control plane runs on nodes of the cluster (no Node was read)");
    }
    if nodes.into_iter().any(|node| is_control_plane(&node)) {
        None
    } else {
        Condition::blocked("no node that was read is one of the control plane")
    }
}

fn is_control_plane(node: &Object<'_>) -> bool {
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"].iter().any(|label| node.label(label).is_some())
}

pub(super) fn add(builder: &mut Builder<'_, '_, '_>) {
    let inventory = builder.graph.inventory;
    let mut nodes_of: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (node, at) in placed(inventory) {
        nodes_of.entry(at).or_default().push(node);
    }
    let mapping = inventory.find("ConfigMap", "kube-system", "aws-auth");
    let is_cloud = mapping.is_some() || inventory.of_kind("Node").any(|node| provider(&node).is_some());
    for (at, workload) in own(inventory) {
        let namespace = workload.object.effective_namespace();
        let vertex = Vertex::Workload(at);
        builder.edge(Vertex::Power(Power::Code, Scope::Namespace(namespace)), vertex, Step::Implied, Evidence::Nothing, None);
        token(builder, workload, vertex);
        let account = Vertex::Identity(Identity::ServiceAccount(namespace, account(&workload.pod)));
        builder.edge(Vertex::Power(Power::Nodes, Scope::Cluster), account, Step::Setting(&POD_ON_NODE), Evidence::Nothing, None);
        let nodes = nodes_of.get(&at).cloned().unwrap_or_default();
        escapes::add(builder, workload, vertex, &nodes);
        if is_cloud {
            let (field, condition) = match workload.pod.host_network {
                true => ("hostNetwork", None),
                false => ("", Condition::assumed("the metadata service answers pods, and no network policy keeps them from it")),
            };
            builder.edge(vertex, Vertex::Cloud("role of the node"), Step::Setting(&METADATA), at_pod(workload, field), condition);
        }
        // Root on a node is code in its pods.
        for node in &nodes {
            builder.edge(Vertex::Machine(node), vertex, Step::Setting(&ON_NODE), Evidence::Nothing, None);
        }
        let condition = if workload.object.kind == "DaemonSet" { None } else { Condition::assumed("a pod of it runs on the same node") };
        if nodes.is_empty() {
            builder.edge(Vertex::Machine(""), vertex, Step::Setting(&ON_NODE), Evidence::Nothing, condition);
        }
    }
    machines(builder);
    cloud_identities(builder);
    mapped(builder);
    exposed(builder);
}

pub(super) fn at_pod<'a>(workload: &Workload<'a>, field: &str) -> Evidence<'a> {
    Evidence::Object(Box::new((workload.object, format!("{}/spec/{field}", workload.pod.pointer).trim_end_matches('/').to_owned())))
}

/// A field of a container of a workload.
pub(super) fn at_container<'a>(workload: &Workload<'a>, container: &Container<'a>, field: &str) -> Evidence<'a> {
    at_pod(workload, &format!("{}/{field}", container.pointer().trim_start_matches('/')))
}

/// From a workload to its account.
fn token<'a>(builder: &mut Builder<'_, '_, 'a>, workload: &Workload<'a>, vertex: Vertex<'a>) {
    let (namespace, name) = (workload.object.effective_namespace(), account(&workload.pod));
    let no_token = |node: Option<Node<'_>>| node.and_then(Node::as_bool);
    let own = no_token(workload.pod.at(&["automountServiceAccountToken"]));
    let of_account = || no_token(builder.graph.inventory.find("ServiceAccount", namespace, name)?.node.get("automountServiceAccountToken"));
    let volumes = workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items);
    let is_projected = volumes
        .flat_map(|volume| volume.at(&["projected", "sources"]).into_iter().flat_map(Node::items))
        .any(|source| source.get("serviceAccountToken").is_some_and(|token| token.get("audience").is_none()));
    let condition =
        if own.or_else(of_account).unwrap_or(true) || is_projected { None } else { Condition::blocked("it does not mount the token") };
    let target = Vertex::Identity(Identity::ServiceAccount(namespace, name));
    builder.edge(vertex, target, Step::Setting(&TOKEN), at_pod(workload, "serviceAccountName"), condition);
    // Secrets that it mounts may hold tokens of other accounts.
    for (index, volume) in workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(secret) = volume.at(&["secret", "secretName"]).map(Node::text) else { continue };
        for (_, account) in builder.tokens_in(Some(&[secret]), Scope::Namespace(namespace)) {
            let evidence = at_pod(workload, &format!("volumes/{index}/secret/secretName"));
            builder.edge(vertex, account, Step::Setting(&TOKEN_SECRET), evidence, None);
        }
    }
}

/// From nodes to what is on them.
fn machines(builder: &mut Builder<'_, '_, '_>) {
    let inventory = builder.graph.inventory;
    let control_plane = Vertex::Power(Power::ControlPlane, Scope::Cluster);
    for node in inventory.of_kind("Node") {
        let machine = Vertex::Machine(node.name);
        builder.edge(Vertex::Power(Power::Machines, Scope::Cluster), machine, Step::Implied, Evidence::Nothing, None);
        builder.edge(
            machine,
            Vertex::Identity(Identity::Group(plimsoll_model::rbac::NODES)),
            Step::Setting(&KUBELET),
            Evidence::Nothing,
            None,
        );
        if is_control_plane(&node) {
            let evidence = Evidence::Object(Box::new((node, "/metadata/labels".to_owned())));
            builder.edge(machine, control_plane, Step::Setting(&CONTROL_PLANE), evidence, None);
        }
        if provider(&node).is_some() {
            let evidence = Evidence::Object(Box::new((node, "/spec/providerID".to_owned())));
            builder.edge(machine, Vertex::Cloud("role of the node"), Step::Setting(&METADATA), evidence, None);
        }
    }
    let some = Vertex::Machine("");
    builder.edge(some, Vertex::Identity(Identity::Group(plimsoll_model::rbac::NODES)), Step::Setting(&KUBELET), Evidence::Nothing, None);
}

/// The cloud that a node runs in.
fn provider<'a>(node: &Object<'a>) -> Option<&'a str> {
    let provider = node.node.at(&["spec", "providerID"]).map(Node::text)?.split_once("://")?.0;
    matches!(provider, "aws" | "gce" | "azure").then_some(provider)
}

/// From service accounts to the identities of clouds that they are mapped to.
fn cloud_identities(builder: &mut Builder<'_, '_, '_>) {
    const ANNOTATIONS: [&str; 3] = ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"];
    for account in builder.graph.inventory.of_kind("ServiceAccount") {
        for annotation in ANNOTATIONS {
            let Some(identity) = account.node.at(&["metadata", "annotations", annotation]) else { continue };
            let from = Vertex::Identity(Identity::ServiceAccount(account.effective_namespace(), account.name));
            let pointer = format!("/metadata/annotations/{}", plimsoll_model::escape(annotation));
            let evidence = Evidence::Object(Box::new((account, pointer)));
            builder.edge(from, Vertex::Cloud(identity.text()), Step::Setting(&WORKLOAD_IDENTITY), evidence, None);
        }
    }
}

/// From identities of the cloud to the groups that aws-auth maps them to.
fn mapped(builder: &mut Builder<'_, '_, '_>) {
    let Some(map) = builder.graph.inventory.find("ConfigMap", "kube-system", "aws-auth") else { return };
    let known: Vec<Vertex<'_>> = builder.graph.vertices.iter().filter(|vertex| matches!(vertex, Vertex::Cloud(_))).copied().collect();
    let groups = builder.graph.authorizer.identities();
    for (list, name) in [("mapRoles", "rolearn"), ("mapUsers", "userarn")] {
        let Some(text) = map.node.at(&["data", list]).map(Node::text) else { continue };
        let documents = parse(&Source::new("aws-auth", Origin::Live, text), Limits::default()).0;
        for entry in documents.iter().filter_map(Document::root).flat_map(Node::items) {
            let arn = entry.get(name).map_or("", Node::text);
            let Some(from) = known.iter().find(|vertex| **vertex == Vertex::Cloud(arn)) else { continue };
            for group in entry.get("groups").into_iter().flat_map(Node::items) {
                let to = match groups.iter().find(|one| **one == Identity::Group(group.text())) {
                    Some(group) => *group,
                    None if group.text() == MASTERS => Identity::Group(MASTERS),
                    None => continue,
                };
                let evidence = Evidence::Object(Box::new((map, format!("/data/{list}"))));
                builder.edge(*from, Vertex::Identity(to), Step::Setting(&MAPPED), evidence, None);
            }
        }
    }
}

/// From outside to what a Service, an Ingress or a port of the node leads to.
fn exposed(builder: &mut Builder<'_, '_, '_>) {
    let inventory = builder.graph.inventory;
    let places: HashMap<(&str, &str, &str), u32> = own(inventory)
        .map(|(at, workload)| ((workload.object.kind, workload.object.effective_namespace(), workload.object.name), at))
        .collect();
    let weakness = || Condition::assumed("what answers there has a weakness that gives code");
    let mut entered: BTreeSet<(&str, &str)> = BTreeSet::new();
    for ingress in inventory.of_kind("Ingress") {
        let rules = ingress.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items);
        let paths = rules.flat_map(|rule| rule.at(&["http", "paths"]).into_iter().flat_map(Node::items));
        let backends = paths.filter_map(|path| path.at(&["backend", "service", "name"]));
        let backends = backends.chain(ingress.node.at(&["spec", "defaultBackend", "service", "name"]));
        entered.extend(backends.map(|name| (ingress.effective_namespace(), name.text())));
    }
    for service in inventory.of_kind("Service") {
        let kind = service.node.at(&["spec", "type"]).map_or("", Node::text);
        let is_out = matches!(kind, "LoadBalancer" | "NodePort") || entered.contains(&(service.effective_namespace(), service.name));
        let Some(selector) = service.node.at(&["spec", "selector"]).filter(|_| is_out) else { continue };
        for workload in inventory.labelled(service.effective_namespace(), selector) {
            let key = (workload.object.kind, workload.object.effective_namespace(), workload.object.name);
            if let Some(at) = places.get(&key) {
                let evidence = Evidence::Object(Box::new((service, "/spec/type".to_owned())));
                builder.edge(Vertex::Outside, Vertex::Workload(*at), Step::Setting(&EXPOSED), evidence, weakness());
            }
        }
    }
    for (at, workload) in own(inventory) {
        let ports = workload.pod.containers.iter().flat_map(|container| container.host_ports.iter().map(move |port| (container, port)));
        for (container, port) in ports.take(1) {
            let evidence = at_container(workload, container, &format!("ports/{}", port.index));
            builder.edge(Vertex::Outside, Vertex::Workload(at), Step::Setting(&EXPOSED), evidence, weakness());
        }
    }
}
