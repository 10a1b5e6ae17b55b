//! The pod view: what the engines ask of a pod, typed once, without copying text.
//!
//! Field names and types: Kubernetes API reference 1.36, core/v1 `PodTemplateSpec`. What the view does not name is
//! still there in the nodes.

use crate::document::Node;
use crate::{ContainerId, Object, Problem, ProblemKind};
use std::sync::{Arc, OnceLock};

/// A pod or the template of one.
#[derive(Debug, Default)]
pub struct Pod<'a> {
    /// JSON pointer from the object to what holds the pod's `metadata` and `spec`; empty for a Pod.
    pub pointer: String,
    /// What holds `metadata` and `spec`.
    pub node: Option<Node<'a>>,
    /// `metadata.annotations` in order.
    pub annotations: Vec<(&'a str, &'a str)>,
    /// `spec.os.name`.
    pub os: Option<&'a str>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `spec.hostPID`.
    pub host_pid: bool,
    /// `spec.hostIPC`.
    pub host_ipc: bool,
    /// `spec.hostUsers`.
    pub host_users: Option<bool>,
    /// `spec.runtimeClassName`.
    pub runtime_class: Option<&'a str>,
    /// `spec.securityContext`.
    pub security: SecurityContext<'a>,
    /// The names in `spec.securityContext.sysctls`.
    pub sysctls: Vec<&'a str>,
    /// `spec.volumes`.
    pub volumes: Vec<Volume<'a>>,
    /// Init containers, containers and ephemeral containers, in this order, as Pod Security admission visits them.
    pub containers: Vec<Container<'a>>,
}

/// A container of a pod.
#[derive(Debug, Default)]
pub struct Container<'a> {
    /// Which of the three lists it is in.
    pub kind: ContainerKind,
    /// Its place in that list.
    pub index: usize,
    /// The container itself, for what the view does not name.
    pub node: Option<Node<'a>>,
    /// `name`.
    pub name: &'a str,
    /// `image`.
    pub image: &'a str,
    /// `securityContext`.
    pub security: SecurityContext<'a>,
    /// Ports of the host that it takes.
    pub host_ports: Vec<HostPort>,
    /// Hosts that its probes and lifecycle handlers call: pointer below the container, host.
    pub probe_hosts: Vec<(&'static str, &'a str)>,
    /// What findings about it share; made for the first one.
    id: OnceLock<Arc<ContainerId>>,
}

/// The lists that containers stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerKind {
    /// `spec.initContainers`.
    Init,
    /// `spec.containers`.
    #[default]
    Main,
    /// `spec.ephemeralContainers`.
    Ephemeral,
}

/// `securityContext` of a pod or of a container. `None` is a field that is absent or null.
#[derive(Debug, Default)]
pub struct SecurityContext<'a> {
    /// `privileged` (containers only).
    pub privileged: Option<bool>,
    /// `allowPrivilegeEscalation` (containers only).
    pub allow_privilege_escalation: Option<bool>,
    /// `capabilities` (containers only).
    pub capabilities: Option<Capabilities<'a>>,
    /// `procMount` (containers only).
    pub proc_mount: Option<&'a str>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<bool>,
    /// `runAsUser`.
    pub run_as_user: Option<i64>,
    /// `seccompProfile.type`; empty where the profile has no type.
    pub seccomp: Option<&'a str>,
    /// `appArmorProfile.type`; empty where the profile has no type.
    pub app_armor: Option<&'a str>,
    /// `seLinuxOptions`.
    pub se_linux: Option<SeLinuxOptions<'a>>,
    /// `windowsOptions.hostProcess`.
    pub windows_host_process: Option<bool>,
}

/// `securityContext.capabilities`.
#[derive(Debug, Default)]
pub struct Capabilities<'a> {
    /// `add`, as written.
    pub add: Vec<&'a str>,
    /// `drop`, as written.
    pub drop: Vec<&'a str>,
}

/// `securityContext.seLinuxOptions`; empty where a field is absent.
#[derive(Debug, Default, Clone, Copy)]
pub struct SeLinuxOptions<'a> {
    /// `user`.
    pub user: &'a str,
    /// `role`.
    pub role: &'a str,
    /// `type`.
    pub kind: &'a str,
}

/// A port of the host that a container takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPort {
    /// Its place in the container's `ports`.
    pub index: usize,
    /// The port.
    pub port: i64,
    /// Not written: the API server sets it from `containerPort` because the pod uses the host's network.
    pub defaulted: bool,
}

/// A volume of a pod.
#[derive(Debug, Default)]
pub struct Volume<'a> {
    /// Its place in `spec.volumes`.
    pub index: usize,
    /// `name`.
    pub name: &'a str,
    /// The keys beside `name` that are set: normally one, the type of its source.
    pub sources: Vec<&'a str>,
}

impl<'a> Pod<'a> {
    /// Reads the pod under `node`, which stands at `pointer` in `object`. `None` if nothing of it can be read.
    pub(crate) fn read(object: Object<'a>, node: Node<'a>, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut reader = Reader { problems };
        let mut pod = Pod { pointer: pointer.to_owned(), node: Some(node), ..Pod::default() };
        let spec = match node.entry("spec") {
            Some((_, spec)) if spec.is_map() => spec,
            Some((key, spec)) if !spec.is_null() => {
                reader.wrong(key, spec, "a map");
                return None;
            }
            _ => {
                let message = format!("{} `{}` has no pod `spec`", object.kind, object.name);
                reader.problems.push(Problem::at(ProblemKind::Invalid, node, message));
                return Some(pod);
            }
        };
        if let Some(annotations) = node.at(&["metadata", "annotations"]) {
            for (key, value) in annotations.entries().filter(|(_, value)| !value.is_null()) {
                pod.annotations.push((key.text(), reader.string(key, value)));
            }
        }
        let [mut init, mut main, mut ephemeral] = [const { Vec::new() }; 3];
        for (key, value) in spec.entries().filter(|(_, value)| !value.is_null()) {
            match key.text() {
                "os" => pod.os = value.get("name").map(Node::text),
                "hostNetwork" => pod.host_network = reader.boolean(key, value).unwrap_or(false),
                "hostPID" => pod.host_pid = reader.boolean(key, value).unwrap_or(false),
                "hostIPC" => pod.host_ipc = reader.boolean(key, value).unwrap_or(false),
                "hostUsers" => pod.host_users = reader.boolean(key, value),
                "runtimeClassName" => pod.runtime_class = Some(reader.string(key, value)),
                "securityContext" => {
                    pod.security = reader.security_context(key, value);
                    if let Some((key, sysctls)) = value.entry("sysctls") {
                        let sysctls = reader.list(key, sysctls);
                        pod.sysctls.extend(sysctls.map(|sysctl| reader.member(sysctl, "name")));
                    }
                }
                "volumes" => pod.volumes = reader.volumes(key, value),
                "initContainers" => init = reader.containers(key, value, ContainerKind::Init),
                "containers" => main = reader.containers(key, value, ContainerKind::Main),
                "ephemeralContainers" => ephemeral = reader.containers(key, value, ContainerKind::Ephemeral),
                _ => {}
            }
        }
        if main.is_empty() && spec.get("containers").is_none_or(Node::is_list) {
            let place = spec.entry("containers").map_or(spec, |(key, _)| key);
            let message = format!("{} `{}` has no containers; Kubernetes asks for at least one", object.kind, object.name);
            reader.problems.push(Problem::at(ProblemKind::Invalid, place, message));
        }
        pod.containers = init;
        pod.containers.append(&mut main);
        pod.containers.append(&mut ephemeral);
        Some(pod)
    }

    /// Fills in what the API server would before admission sees the pod. Manifests need it; objects that an API server
    /// sent have it already (kubernetes pkg/apis/core/v1/defaults.go, `SetDefaults_Volume`, `SetDefaults_Pod`).
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        for volume in self.volumes.iter_mut().filter(|volume| volume.sources.is_empty()) {
            volume.sources.push("emptyDir");
        }
        // Of a Pod only: in a template the field stays empty.
        if self.host_network
            && self.pointer.is_empty()
            && let Some(spec) = self.node.and_then(|node| node.get("spec"))
        {
            self.default_host_ports(spec);
        }
        self
    }

    /// `hostPort` of a pod on the host's network is `containerPort`; ephemeral containers have no ports.
    fn default_host_ports(&mut self, spec: Node<'a>) {
        for container in self.containers.iter_mut().filter(|container| container.kind != ContainerKind::Ephemeral) {
            let list = spec.get(container.kind.field()).and_then(|list| list.items().nth(container.index));
            let ports = list.and_then(|container| container.get("ports"));
            for (index, port) in ports.into_iter().flat_map(Node::items).enumerate() {
                let number = |key| port.get(key).and_then(Node::as_int).unwrap_or(0);
                if number("hostPort") == 0 && number("containerPort") != 0 {
                    container.host_ports.push(HostPort { index, port: number("containerPort"), defaulted: true });
                }
            }
            container.host_ports.sort_by_key(|port| port.index);
        }
    }

    /// Whether `spec.os.name` says Windows.
    pub fn is_windows(&self) -> bool {
        self.os == Some("windows")
    }

    /// The value at a path of keys below the pod's `spec`; see [`Node::at`].
    pub fn at(&self, path: &[&str]) -> Option<Node<'a>> {
        self.node?.get("spec")?.at(path)
    }

    /// The pod's labels.
    pub fn labels(&self) -> Option<Node<'a>> {
        self.node?.at(&["metadata", "labels"])
    }

    /// An annotation's value.
    pub fn annotation(&self, name: &str) -> Option<&'a str> {
        self.annotations.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

impl<'a> Container<'a> {
    /// What it is called.
    pub fn id(&self) -> Arc<ContainerId> {
        Arc::clone(self.id.get_or_init(|| Arc::new(ContainerId { name: self.name.to_owned(), image: self.image.to_owned() })))
    }

    /// The value at a path of keys below the container; see [`Node::at`].
    pub fn at(&self, path: &[&str]) -> Option<Node<'a>> {
        self.node?.at(path)
    }

    /// Whether it runs as long as the pod: a container of the main list, or an init container that is restarted always, a
    /// sidecar (KEP-753).
    pub fn runs_on(&self) -> bool {
        let is_sidecar = || self.at(&["restartPolicy"]).is_some_and(|policy| policy.text() == "Always");
        self.kind == ContainerKind::Main || (self.kind == ContainerKind::Init && is_sidecar())
    }

    /// JSON pointer from the pod's `spec` to the container.
    pub fn pointer(&self) -> String {
        format!("/{}/{}", self.kind.field(), self.index)
    }
}

impl ContainerKind {
    /// The name of the list in the pod's spec.
    pub fn field(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// Reads typed fields; what the API would not accept becomes a problem and counts as absent.
struct Reader<'p> {
    problems: &'p mut Vec<Problem>,
}

impl Reader<'_> {
    #[cold]
    fn wrong(&mut self, key: Node<'_>, value: Node<'_>, wanted: &str) {
        let message = format!("`{}` must be {wanted}, is {}", key.text(), value.describe());
        let mut problem = Problem::at(ProblemKind::WrongType, value, message);
        if wanted == "a string" && !value.is_map() && !value.is_list() {
            problem = problem.help(format!("put it in quotes: \"{}\"", value.text()));
        }
        self.problems.push(problem);
    }

    fn boolean(&mut self, key: Node<'_>, value: Node<'_>) -> Option<bool> {
        let read = value.as_bool();
        if read.is_none() && !value.is_null() {
            self.wrong(key, value, "a boolean");
        }
        read
    }

    fn integer(&mut self, key: Node<'_>, value: Node<'_>) -> Option<i64> {
        let read = value.as_int();
        if read.is_none() && !value.is_null() {
            self.wrong(key, value, "a whole number");
        }
        read
    }

    /// A string; another scalar is a problem for the API but its text is still worth looking at.
    fn string<'a>(&mut self, key: Node<'_>, value: Node<'a>) -> &'a str {
        if value.as_str().is_none() && !value.is_null() {
            self.wrong(key, value, "a string");
        }
        value.text()
    }

    fn member<'a>(&mut self, map: Node<'a>, key: &str) -> &'a str {
        map.entry(key).map_or("", |(key, value)| self.string(key, value))
    }

    fn list<'a>(&mut self, key: Node<'_>, value: Node<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
        if !value.is_list() && !value.is_null() {
            self.wrong(key, value, "a list");
        }
        value.items()
    }

    fn strings<'a>(&mut self, key: Node<'_>, value: Node<'a>) -> Vec<&'a str> {
        self.list(key, value).map(|item| self.string(key, item)).collect()
    }

    fn is_map(&mut self, key: Node<'_>, value: Node<'_>) -> bool {
        if !value.is_map() && !value.is_null() {
            self.wrong(key, value, "a map");
        }
        value.is_map()
    }

    fn containers<'a>(&mut self, key: Node<'_>, value: Node<'a>, kind: ContainerKind) -> Vec<Container<'a>> {
        let mut containers = Vec::new();
        for (index, node) in self.list(key, value).enumerate() {
            if self.is_map(key, node) {
                containers.push(self.container(index, node, kind));
            }
        }
        containers
    }

    fn container<'a>(&mut self, index: usize, node: Node<'a>, kind: ContainerKind) -> Container<'a> {
        let mut container = Container { kind, index, node: Some(node), ..Container::default() };
        for (key, value) in node.entries().filter(|(_, value)| !value.is_null()) {
            match key.text() {
                "name" => container.name = self.string(key, value),
                "image" => container.image = self.string(key, value),
                "securityContext" => container.security = self.security_context(key, value),
                "ports" => {
                    for (index, port) in self.list(key, value).enumerate() {
                        let port = port.entry("hostPort").and_then(|(key, value)| self.integer(key, value)).unwrap_or(0);
                        if port != 0 {
                            container.host_ports.push(HostPort { index, port, defaulted: false });
                        }
                    }
                }
                "livenessProbe" | "readinessProbe" | "startupProbe" | "lifecycle" => self.probe_hosts(&mut container, node, key.text()),
                _ => {}
            }
        }
        container
    }

    fn probe_hosts<'a>(&mut self, container: &mut Container<'a>, node: Node<'a>, field: &str) {
        /// Where handlers name a host (core/v1 `Probe`, `LifecycleHandler`), in the order of upstream's visit.
        const PLACES: [&str; 10] = [
            "/livenessProbe/httpGet/host",
            "/livenessProbe/tcpSocket/host",
            "/readinessProbe/httpGet/host",
            "/readinessProbe/tcpSocket/host",
            "/startupProbe/httpGet/host",
            "/startupProbe/tcpSocket/host",
            "/lifecycle/postStart/httpGet/host",
            "/lifecycle/postStart/tcpSocket/host",
            "/lifecycle/preStop/httpGet/host",
            "/lifecycle/preStop/tcpSocket/host",
        ];
        let of_field =
            |place: &&str| place.strip_prefix('/').and_then(|place| place.strip_prefix(field)).is_some_and(|rest| rest.starts_with('/'));
        for place in PLACES.into_iter().filter(of_field) {
            let (holder, _) = place.rsplit_once('/').unwrap_or_default();
            let host = node.resolve(holder).map_or("", |handler| self.member(handler, "host"));
            if !host.is_empty() {
                container.probe_hosts.push((place, host));
            }
        }
    }

    fn volumes<'a>(&mut self, key: Node<'_>, value: Node<'a>) -> Vec<Volume<'a>> {
        let mut volumes = Vec::new();
        for (index, node) in self.list(key, value).enumerate() {
            if !self.is_map(key, node) {
                continue;
            }
            let mut volume = Volume { index, ..Volume::default() };
            for (key, value) in node.entries().filter(|(_, value)| !value.is_null()) {
                match key.text() {
                    "name" => volume.name = self.string(key, value),
                    source => volume.sources.push(source),
                }
            }
            volumes.push(volume);
        }
        volumes
    }

    fn security_context<'a>(&mut self, key: Node<'_>, node: Node<'a>) -> SecurityContext<'a> {
        let mut context = SecurityContext::default();
        if !self.is_map(key, node) {
            return context;
        }
        for (key, value) in node.entries().filter(|(_, value)| !value.is_null()) {
            match key.text() {
                "privileged" => context.privileged = self.boolean(key, value),
                "allowPrivilegeEscalation" => context.allow_privilege_escalation = self.boolean(key, value),
                "capabilities" if self.is_map(key, value) => {
                    let mut list = |name| value.entry(name).map(|(key, value)| self.strings(key, value)).unwrap_or_default();
                    context.capabilities = Some(Capabilities { add: list("add"), drop: list("drop") });
                }
                "procMount" => context.proc_mount = Some(self.string(key, value)),
                "runAsNonRoot" => context.run_as_non_root = self.boolean(key, value),
                "runAsUser" => context.run_as_user = self.integer(key, value),
                "seccompProfile" if self.is_map(key, value) => context.seccomp = Some(self.member(value, "type")),
                "appArmorProfile" if self.is_map(key, value) => context.app_armor = Some(self.member(value, "type")),
                "seLinuxOptions" if self.is_map(key, value) => {
                    context.se_linux = Some(SeLinuxOptions {
                        user: self.member(value, "user"),
                        role: self.member(value, "role"),
                        kind: self.member(value, "type"),
                    });
                }
                "windowsOptions" if self.is_map(key, value) => {
                    context.windows_host_process = value.entry("hostProcess").and_then(|(key, value)| self.boolean(key, value));
                }
                _ => {}
            }
        }
        context
    }
}
