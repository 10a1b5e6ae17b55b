//! What leads through pods, nodes and clouds.

use super::build::Builder;
use super::vertex::{Condition, Evidence, Power, Scope, Setting, Step, Vertex};
use plimsoll_model::rbac::Identity;
use plimsoll_model::{Inventory, Node, Object, Pod, Workload};
use std::collections::{BTreeMap, HashMap};

macro_rules! settings {
    ($($name:ident $id:literal, $technique:literal, $what:literal;)*) => {
        $(static $name: Setting = Setting { name: $id, what: $what, technique: $technique };)*
    };
}

settings! {
    TOKEN "mounted-token", "T1528", "finds the token of its service account";
    PRIVILEGED "privileged-container", "T1611", "runs privileged, which is root on the node";
    HOST_PROCESS "host-process", "T1611", "runs as a HostProcess container on the node";
    HOST_PID "host-pid", "T1611", "sees the processes of the node and may enter them";
    HOST_PATH "host-path", "T1611", "mounts a directory of the node that leads to root or to its credentials";
    SOCKET "runtime-socket", "T1611", "talks to the container runtime";
    CAPABILITY "capability", "T1611", "has a capability that leads to the node";
    POD_ON_NODE "node-identity", "T1528", "may have tokens made for the accounts of the node's pods";
    ON_NODE "pod-on-node", "T1611", "is root where the pod runs";
    KUBELET "kubelet-credentials", "T1552.004", "holds the kubelet's credentials";
    CONTROL_PLANE "control-plane-node", "T1611", "is a node of the control plane";
    WORKLOAD_IDENTITY "workload-identity", "T1552.005", "is mapped to a cloud identity";
    METADATA "instance-metadata", "T1552.005", "reaches the metadata service of the machine, which gives its role";
    EXPOSED "exposed", "T1190", "is open to the network from outside";
}

/// Directories of the node from which its root is one step away, and sockets that make containers.
const ROOTS: [&str; 14] = [
    "/",
    "/etc",
    "/root",
    "/home",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/var",
    "/var/lib",
    "/var/lib/kubelet",
    "/etc/kubernetes",
    "/var/lib/docker",
    "/var/lib/containerd",
];
const SOCKETS: [&str; 10] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/var/run/containerd/containerd.sock",
    "/run/containerd/containerd.sock",
    "/var/run/crio/crio.sock",
    "/run/crio/crio.sock",
    "/var/run",
    "/run",
    "/run/containerd",
    "/var/run/containerd",
];
/// Capabilities that lead to the node.
pub(crate) const CAPABILITIES: [&str; 6] = ["SYS_ADMIN", "SYS_MODULE", "DAC_READ_SEARCH", "SYS_RAWIO", "BPF", "ALL"];

/// The account that a pod runs as.
pub(super) fn account<'a>(pod: &Pod<'a>) -> &'a str {
    let name = |field| pod.at(&[field]).map(Node::text).filter(|name| !name.is_empty());
    name("serviceAccountName").or_else(|| name("serviceAccount")).unwrap_or("default")
}

/// The workloads that speak for themselves, with their places.
pub(super) fn own<'i, 'a>(inventory: &'i Inventory<'a>) -> impl Iterator<Item = (u32, &'i Workload<'a>)> {
    (0u32..).zip(&inventory.workloads).filter(|(at, _)| !inventory.is_represented(*at as usize))
}

/// Nodes with the workloads that have a pod there.
pub(super) fn placed<'a>(inventory: &Inventory<'a>) -> Vec<(&'a str, u32)> {
    let by_name: HashMap<(&str, &str, &str), u32> = (0u32..)
        .zip(&inventory.workloads)
        .map(|(at, workload)| ((workload.object.kind, workload.object.effective_namespace(), workload.object.name), at))
        .collect();
    // A pod is its controller's, and that one may have a controller too.
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
    let mut placed: Vec<(&str, u32)> = (0u32..)
        .zip(&inventory.workloads)
        .filter_map(|(at, workload)| Some((workload.pod.at(&["nodeName"]).map(Node::text).filter(|name| !name.is_empty())?, top(at))))
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
    let is_cloud = inventory.of_kind("Node").any(|node| provider(&node).is_some());
    for (at, workload) in own(inventory) {
        let namespace = workload.object.effective_namespace();
        let vertex = Vertex::Workload(at);
        builder.edge(Vertex::Power(Power::Code, Scope::Namespace(namespace)), vertex, Step::Implied, Evidence::Nothing, None);
        token(builder, workload, vertex);
        let account = Vertex::Identity(Identity::ServiceAccount(namespace, account(&workload.pod)));
        builder.edge(Vertex::Power(Power::Nodes, Scope::Cluster), account, Step::Setting(&POD_ON_NODE), Evidence::Nothing, None);
        let nodes = nodes_of.get(&at).cloned().unwrap_or_default();
        escapes(builder, workload, vertex, &nodes);
        if is_cloud && workload.pod.host_network {
            let evidence = at_pod(workload, "hostNetwork");
            builder.edge(vertex, Vertex::Cloud("role of the node"), Step::Setting(&METADATA), evidence, None);
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
    exposed(builder);
}

fn at_pod<'a>(workload: &Workload<'a>, field: &str) -> Evidence<'a> {
    Evidence::Object(Box::new((workload.object, format!("{}/spec/{field}", workload.pod.pointer))))
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
}

/// From a workload to its node.
fn escapes<'a>(builder: &mut Builder<'_, '_, 'a>, workload: &Workload<'a>, vertex: Vertex<'a>, nodes: &[&'a str]) {
    let targets: Vec<Vertex<'a>> = match nodes {
        [] => vec![Vertex::Machine("")],
        nodes => nodes.iter().map(|node| Vertex::Machine(node)).collect(),
    };
    let pod = &workload.pod;
    let confined = confinement(builder.graph.inventory, pod);
    let mut escape = |setting: &'static Setting, evidence: Evidence<'a>, condition: Option<Box<Condition>>| {
        for target in &targets {
            builder.edge(vertex, *target, Step::Setting(setting), evidence.clone(), condition.clone());
        }
    };
    let namespaced = || {
        if pod.host_users == Some(false) {
            Condition::blocked("its user namespace makes root nobody on the node (hostUsers: false)")
        } else {
            None
        }
    };
    let kept = || confined.clone().or_else(namespaced);
    for container in &pod.containers {
        let evidence =
            |field: &str| Evidence::Object(Box::new((workload.object, format!("{}/securityContext/{field}", container.pointer()))));
        if container.security.privileged == Some(true) {
            escape(&PRIVILEGED, evidence("privileged"), kept());
        }
        if container.security.windows_host_process.or(pod.security.windows_host_process) == Some(true) {
            escape(&HOST_PROCESS, evidence("windowsOptions/hostProcess"), None);
        }
        let added = container.security.capabilities.as_ref().map(|capabilities| capabilities.add.as_slice()).unwrap_or_default();
        let has = |name: &&str| CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(name));
        if added.iter().any(has) {
            escape(&CAPABILITY, evidence("capabilities/add"), kept());
        }
        if pod.host_pid && added.iter().any(|name| name.trim_start_matches("CAP_") == "SYS_PTRACE") {
            escape(&HOST_PID, evidence("capabilities/add"), kept());
        } else if pod.host_pid {
            let condition = kept().or_else(|| Condition::assumed("a process of the node shows credentials in its environment or files"));
            escape(&HOST_PID, at_pod(workload, "hostPID"), condition);
        }
    }
    for (index, volume) in pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(path) = volume.at(&["hostPath", "path"]).map(Node::text) else { continue };
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let evidence = at_pod(workload, &format!("volumes/{index}/hostPath/path"));
        if SOCKETS.contains(&path) || path.ends_with(".sock") {
            escape(&SOCKET, evidence, confined.clone());
        } else if ROOTS.contains(&path)
            || ["/var/lib/kubelet/", "/etc/kubernetes/", "/root/", "/home/"].iter().any(|root| path.starts_with(root))
        {
            escape(&HOST_PATH, evidence, confined.clone());
        }
    }
}

/// A kernel of its own between the pod and the node.
fn confinement(inventory: &Inventory<'_>, pod: &Pod<'_>) -> Option<Box<Condition>> {
    let class = pod.runtime_class?;
    let handler = inventory.find("RuntimeClass", "", class).map_or(class, |class| class.node.get("handler").map_or("", Node::text));
    let sandbox = ["runsc", "gvisor", "kata"].iter().find(|name| handler.trim_start_matches("io.containerd.").starts_with(**name));
    sandbox.and_then(|_| Condition::blocked(format!("it runs in a sandbox (RuntimeClass {class})")))
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

/// From outside to what a Service, an Ingress or a port of the node leads to.
fn exposed(builder: &mut Builder<'_, '_, '_>) {
    let inventory = builder.graph.inventory;
    let places: HashMap<(&str, &str, &str), u32> = own(inventory)
        .map(|(at, workload)| ((workload.object.kind, workload.object.effective_namespace(), workload.object.name), at))
        .collect();
    let weakness = || Condition::assumed("what answers there has a weakness that gives code");
    let mut entered: Vec<(&str, &str)> = Vec::new();
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
        if let Some(port) =
            workload.pod.containers.iter().flat_map(|container| container.host_ports.iter().map(move |port| (container, port))).next()
        {
            let pointer = format!("{}/ports/{}", port.0.pointer(), port.1.index);
            let evidence = Evidence::Object(Box::new((workload.object, pointer)));
            builder.edge(Vertex::Outside, Vertex::Workload(at), Step::Setting(&EXPOSED), evidence, weakness());
        }
    }
}
