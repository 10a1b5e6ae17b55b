//! What leads from a pod to its node, and to what is on it.
//!
//! Sources: Kubernetes documentation, *Pod Security Standards* and *Volumes* (hostPath); capabilities(7); core(5) for
//! `core_pattern`; MITRE ATT&CK for the techniques.

use super::build::Builder;
use super::pods::{account, at_container, at_pod};
use super::vertex::{Condition, Evidence, Power, Scope, Setting, Step, Vertex};
use plimsoll_model::rbac::{Identity, Request, User};
use plimsoll_model::{Container, Inventory, Node, Pod, Workload};

macro_rules! settings {
    ($($name:ident $id:literal, $technique:literal, $what:literal;)*) => {
        $(static $name: Setting = Setting { name: $id, what: $what, technique: $technique };)*
        /// All of them.
        pub(super) static SETTINGS: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    PRIVILEGED "privileged-container", "T1611", "runs privileged, which is root on the node";
    HOST_PROCESS "host-process", "T1611", "runs as a HostProcess container on the node";
    HOST_PID "host-pid", "T1611", "sees the processes of the node and may enter them";
    HOST_NETWORK "host-network", "T1611", "is on the network of the node, with what listens there for the node only";
    HOST_IPC "host-ipc", "T1611", "shares memory with processes of the node";
    CAPABILITY "capability", "T1611", "has a capability that leads to the node";
    SOCKET "runtime-socket", "T1611", "talks to the container runtime";
    HOST_PATH "host-path", "T1611", "writes to a directory of the node from which its root is one step away";
    HOST_PATH_READ "host-path-read", "T1552.001", "reads credentials of the node in one of its directories";
    CORE_PATTERN "core-pattern", "T1611", "says which program of the node is run as root when a process ends";
    LOG_DIRECTORY "log-directory", "T1611", "has the kubelet read any file of the node as a log";
    POD_TOKENS "pod-tokens", "T1528", "reads the tokens of the pods on its node";
}

/// Directories from which a writer is root: those above them too.
const WRITTEN: [&str; 18] = [
    "/etc/cron.d",
    "/etc/systemd/system",
    "/etc/ld.so.preload",
    "/etc/cni/net.d",
    "/etc/kubernetes/manifests",
    "/root",
    "/home",
    "/boot",
    "/dev",
    "/usr/bin",
    "/usr/local/bin",
    "/opt/cni/bin",
    "/var/spool/cron",
    "/var/lib/kubelet/pods",
    "/var/lib/kubelet/pki",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/rancher",
];
/// And what is below these.
const WRITTEN_BELOW: [&str; 9] = [
    "/etc/cron.d",
    "/etc/systemd",
    "/etc/kubernetes",
    "/root",
    "/home",
    "/var/lib/kubelet",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/rancher",
];
/// Files that open the node or the cluster to whoever reads them: directories above them too.
const READ: [&str; 8] = [
    "/root",
    "/etc/shadow",
    "/etc/kubernetes/pki",
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/pki",
    "/var/lib/etcd",
    "/var/lib/rancher",
];
const READ_BELOW: [&str; 4] = ["/root", "/etc/kubernetes/pki", "/var/lib/kubelet/pki", "/var/lib/etcd"];
const PODS: [&str; 1] = ["/var/lib/kubelet/pods"];
const PODS_BELOW: [&str; 1] = ["/var/lib/kubelet/pods"];
const CORE: [&str; 2] = ["/proc/sys/kernel", "/sys/kernel"];
const LOGS: [&str; 2] = ["/var/log", "/var/log/pods"];
/// Sockets that make containers, without the `/var` that some have before them; directories above them too.
const SOCKETS: [&str; 6] = [
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/podman/podman.sock",
    "/run/k3s/containerd/containerd.sock",
];

/// What a capability gives: whether it needs something more, that was not read.
const CAPABILITIES: [(&str, Option<&str>); 8] = [
    ("ALL", None),
    ("SYS_ADMIN", None),
    ("SYS_MODULE", None),
    ("SYS_RAWIO", None),
    ("DAC_READ_SEARCH", None),
    ("BPF", Some("the kernel lets the container load programs that read its memory")),
    ("MKNOD", Some("the runtime lets the container open the devices that it makes")),
    ("SYS_BOOT", Some("the kernel lets the container load another kernel")),
];

/// Whether a capability, with or without its prefix, leads to the node.
pub(crate) fn leads_to_node(capability: &str) -> bool {
    let name = capability.strip_prefix("CAP_").unwrap_or(capability);
    CAPABILITIES.iter().any(|(known, _)| *known == name)
}

/// A directory of the node that containers of a pod mount.
struct Mount<'a> {
    path: &'a str,
    is_writable: bool,
    /// Whether none of the containers that mount it is root.
    is_unprivileged: bool,
    evidence: Evidence<'a>,
}

/// From a workload to its nodes (the one that it happens to run on, where none is known), and to the accounts there.
pub(super) fn add<'a>(builder: &mut Builder<'_, '_, 'a>, workload: &Workload<'a>, vertex: Vertex<'a>, nodes: &[&'a str]) {
    let mut found: Vec<(&'static Setting, Evidence<'a>, Option<Box<Condition>>)> = Vec::new();
    let pod = &workload.pod;
    let confined = confinement(builder.graph.inventory, pod);
    let namespaced = || match pod.host_users {
        Some(false) => Condition::blocked("its user namespace makes root nobody on the node (hostUsers: false)"),
        _ => None,
    };
    for container in &pod.containers {
        of_container(workload, container, &|| confined.clone().or_else(namespaced), &mut found);
    }
    if pod.host_network {
        let condition =
            confined.clone().or_else(|| Condition::assumed("what listens on the node for itself only trusts whoever reaches it"));
        found.push((&HOST_NETWORK, at_pod(workload, "hostNetwork"), condition));
    }
    if pod.host_ipc {
        let condition = confined.clone().or_else(|| Condition::assumed("a process of the node keeps secrets in shared memory"));
        found.push((&HOST_IPC, at_pod(workload, "hostIPC"), condition));
    }
    for mount in mounts(builder.graph.inventory, workload) {
        for (setting, condition) in of_mount(builder, workload, &mount) {
            found.push((setting, mount.evidence.clone(), confined.clone().or(condition)));
        }
    }
    for (setting, evidence, condition) in found {
        if std::ptr::eq(setting, &POD_TOKENS) {
            tokens(builder, vertex, nodes, &evidence, condition);
            continue;
        }
        match nodes {
            [] => builder.edge(vertex, Vertex::Machine(""), Step::Setting(setting), evidence, condition),
            nodes => {
                for node in nodes {
                    builder.edge(vertex, Vertex::Machine(node), Step::Setting(setting), evidence.clone(), condition.clone());
                }
            }
        }
    }
}

type Found<'a> = Vec<(&'static Setting, Evidence<'a>, Option<Box<Condition>>)>;

fn of_container<'a>(workload: &Workload<'a>, container: &Container<'a>, kept: &dyn Fn() -> Option<Box<Condition>>, found: &mut Found<'a>) {
    let pod = &workload.pod;
    let evidence = |field: &str| at_container(workload, container, &format!("securityContext/{field}"));
    if container.security.privileged == Some(true) {
        found.push((&PRIVILEGED, evidence("privileged"), kept()));
    }
    if container.security.windows_host_process.or(pod.security.windows_host_process) == Some(true) {
        found.push((&HOST_PROCESS, evidence("windowsOptions/hostProcess"), None));
    }
    let added = container.security.capabilities.as_ref().map(|capabilities| capabilities.add.as_slice()).unwrap_or_default();
    let plain = |name: &&'a str| name.strip_prefix("CAP_").unwrap_or(name);
    for (name, needed) in CAPABILITIES {
        if added.iter().any(|one| plain(one) == name) {
            let condition = kept().or_else(|| needed.and_then(Condition::assumed));
            found.push((&CAPABILITY, evidence("capabilities/add"), condition));
        }
    }
    let has = |name: &str| added.iter().any(|one| plain(one) == name);
    if pod.host_network && has("NET_ADMIN") {
        let condition = kept().or_else(|| Condition::assumed("traffic of the node that is led elsewhere gives credentials away"));
        found.push((&CAPABILITY, evidence("capabilities/add"), condition));
    }
    if pod.host_pid && (has("SYS_PTRACE") || container.security.privileged == Some(true)) {
        found.push((&HOST_PID, at_pod(workload, "hostPID"), kept()));
    } else if pod.host_pid {
        let condition = kept().or_else(|| Condition::assumed("a process of the node shows credentials in its environment or files"));
        found.push((&HOST_PID, at_pod(workload, "hostPID"), condition));
    }
}

/// What a directory of the node leads to, and what it depends on.
fn of_mount(builder: &Builder<'_, '_, '_>, workload: &Workload<'_>, mount: &Mount<'_>) -> Vec<(&'static Setting, Option<Box<Condition>>)> {
    let mut found = Vec::new();
    let opens = |above: &[&str], below: &[&str]| {
        above.iter().any(|place| *place == mount.path || is_above(mount.path, place))
            || below.iter().any(|place| is_above(place, mount.path))
    };
    let by_user = || match mount.is_unprivileged {
        true => Condition::assumed("its files are open to others than root, as whom no container that mounts them runs"),
        false => None,
    };
    let run = mount.path.strip_prefix("/var").filter(|rest| rest.starts_with("/run")).unwrap_or(mount.path);
    if SOCKETS.iter().any(|socket| run == *socket || is_above(run, socket)) || mount.path.ends_with(".sock") {
        found.push((&SOCKET, by_user()));
    }
    if mount.is_writable && opens(&WRITTEN, &WRITTEN_BELOW) {
        found.push((&HOST_PATH, by_user()));
    } else if opens(&READ, &READ_BELOW) {
        found.push((&HOST_PATH_READ, by_user()));
    }
    if mount.is_writable && (opens(&CORE, &[]) || mount.path == "/proc/sys/kernel/core_pattern") {
        found.push((&CORE_PATTERN, by_user()));
    }
    if opens(&PODS, &PODS_BELOW) {
        found.push((&POD_TOKENS, by_user()));
    }
    if mount.is_writable && LOGS.contains(&mount.path) {
        let condition = if reads_logs(builder, workload) {
            by_user()
        } else {
            Condition::blocked("its service account may not read logs through the API server")
        };
        found.push((&LOG_DIRECTORY, condition));
    }
    found
}

fn is_above(path: &str, other: &str) -> bool {
    path == "/" || other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the account of a workload may read logs of its pods or of nodes.
fn reads_logs(builder: &Builder<'_, '_, '_>, workload: &Workload<'_>) -> bool {
    let namespace = workload.object.effective_namespace();
    let user = User::account(namespace, account(&workload.pod));
    let may = |resource, namespace| builder.graph.authorizer.allows(&user, &Request::resource("get", "", resource, namespace, ""));
    may("pods/log", namespace) || may("nodes/log", "") || may("nodes/proxy", "")
}

/// From a pod that reads the directory of the node's pods to their accounts.
fn tokens<'a>(
    builder: &mut Builder<'_, '_, 'a>,
    vertex: Vertex<'a>,
    nodes: &[&'a str],
    evidence: &Evidence<'a>,
    condition: Option<Box<Condition>>,
) {
    let step = Step::Setting(&POD_TOKENS);
    if nodes.is_empty() {
        let condition = condition.or_else(|| Condition::assumed("pods of other service accounts run on the same node"));
        builder.edge(vertex, Vertex::Power(Power::Nodes, Scope::Cluster), step, evidence.clone(), condition);
        return;
    }
    let mut accounts: Vec<Identity<'a>> = Vec::new();
    for at in builder.workloads_on(nodes) {
        let Vertex::Workload(at) = at else { continue };
        let Some(workload) = builder.graph.inventory.workloads.get(at as usize) else { continue };
        accounts.push(Identity::ServiceAccount(workload.object.effective_namespace(), account(&workload.pod)));
    }
    accounts.sort_unstable();
    accounts.dedup();
    for identity in accounts {
        builder.edge(vertex, Vertex::Identity(identity), step, evidence.clone(), condition.clone());
    }
}

/// The directories of the node that containers of a pod mount: by hostPath, or by a claim on a volume that is one.
fn mounts<'a>(inventory: &Inventory<'a>, workload: &Workload<'a>) -> Vec<Mount<'a>> {
    let mut found = Vec::new();
    for (index, volume) in workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate() {
        let name = volume.get("name").map_or("", Node::text);
        let own = volume.at(&["hostPath", "path"]).map(Node::text);
        let (path, evidence) = match (own, volume.at(&["persistentVolumeClaim", "claimName"]).map(Node::text)) {
            (Some(path), _) => (path, at_pod(workload, &format!("volumes/{index}/hostPath/path"))),
            (None, Some(claim)) => match claimed(inventory, workload.object.effective_namespace(), claim) {
                Some(found) => found,
                None => continue,
            },
            (None, None) => continue,
        };
        let (mut is_mounted, mut is_writable, mut is_unprivileged) = (false, false, true);
        for container in &workload.pod.containers {
            for mount in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items) {
                if mount.get("name").is_some_and(|one| one.text() == name) {
                    is_mounted = true;
                    is_writable |= mount.get("readOnly").and_then(Node::as_bool) != Some(true);
                    is_unprivileged &= !is_root(&workload.pod, container);
                }
            }
        }
        if is_mounted {
            let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
            found.push(Mount { path: if path.is_empty() { "/" } else { path }, is_writable, is_unprivileged, evidence });
        }
    }
    found
}

/// Whether a container runs as root, as far as its manifest says.
fn is_root(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    let user = container.security.run_as_user.or(pod.security.run_as_user);
    let is_other = container.security.run_as_non_root.or(pod.security.run_as_non_root) == Some(true);
    container.security.privileged == Some(true) || user.map_or(!is_other, |user| user == 0)
}

/// The directory of the node that a claim is bound to.
fn claimed<'a>(inventory: &Inventory<'a>, namespace: &str, claim: &str) -> Option<(&'a str, Evidence<'a>)> {
    let named = inventory.find("PersistentVolumeClaim", namespace, claim).and_then(|claim| claim.node.at(&["spec", "volumeName"]));
    let is_it = |volume: &plimsoll_model::Object<'_>| {
        let text = |key| volume.node.at(&["spec", "claimRef", key]).map_or("", Node::text);
        named.is_some_and(|name| name.text() == volume.name) || text("name") == claim && text("namespace") == namespace
    };
    let volume = inventory.of_kind("PersistentVolume").find(is_it)?;
    for source in ["hostPath", "local"] {
        if let Some(path) = volume.node.at(&["spec", source, "path"]) {
            return Some((path.text(), Evidence::Object(Box::new((volume, format!("/spec/{source}/path"))))));
        }
    }
    None
}

/// A kernel of its own between the pod and the node.
fn confinement(inventory: &Inventory<'_>, pod: &Pod<'_>) -> Option<Box<Condition>> {
    let class = pod.runtime_class?;
    let handler = inventory.find("RuntimeClass", "", class).map_or(class, |class| class.node.get("handler").map_or("", Node::text));
    let sandbox = ["runsc", "gvisor", "kata"].iter().find(|name| handler.trim_start_matches("io.containerd.").starts_with(**name));
    sandbox.and_then(|_| Condition::blocked(format!("it runs in a sandbox (RuntimeClass {class})")))
}
