//! What runs of Kubernetes on a node, as host data objects: kubelet, control plane, kube-proxy, network plugins.

use super::reader::{Reader, Take};
use super::{Host, Process};
use serde_json::{Map, Value};

/// A kubeconfig of the kubelet, where no flag says so: kubeadm, cloud images, rke2, k3s.
const KUBELET_KUBECONFIGS: &[&str] = &[
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
];
/// Units of the kubelet, or of what runs it: of each row the first that is there, as `/lib` may be a link to `/usr/lib`.
const KUBELET_UNITS: &[&[&str]] = &[
    &["/etc/systemd/system/kubelet.service"],
    &["/usr/lib/systemd/system/kubelet.service", "/lib/systemd/system/kubelet.service"],
    &["/etc/systemd/system/rke2-server.service", "/usr/local/lib/systemd/system/rke2-server.service"],
    &["/etc/systemd/system/rke2-agent.service", "/usr/local/lib/systemd/system/rke2-agent.service"],
    &["/etc/systemd/system/k3s.service"],
    &["/etc/systemd/system/k3s-agent.service"],
];
const KUBELET_DROP_INS: &[&str] = &["/etc/systemd/system/kubelet.service.d", "/usr/lib/systemd/system/kubelet.service.d"];
/// Directories of static pods.
const MANIFESTS: &[&str] = &["/etc/kubernetes/manifests", "/var/lib/rancher/rke2/agent/pod-manifests"];
/// Where MicroK8s has the flags of its components instead.
const FLAG_FILES: &str = "/var/snap/microk8s/current/args";
const ADMIN: &[&str] = &[
    "/etc/kubernetes/admin.conf",
    "/etc/rancher/rke2/rke2.yaml",
    "/etc/rancher/k3s/k3s.yaml",
    "/var/snap/microk8s/current/credentials/client.config",
];
const SUPER_ADMIN: &[&str] = &["/etc/kubernetes/super-admin.conf"];
const PKI: &[&str] = &["/etc/kubernetes/pki", "/var/lib/rancher/rke2/server/tls", "/var/lib/rancher/k3s/server/tls"];
const ETCD_DATA: &[&str] = &["/var/lib/etcd", "/var/lib/rancher/rke2/server/db/etcd", "/var/lib/rancher/k3s/server/db/etcd"];
/// Flags of etcd that its environment may hold in their place, as `ETCD_CERT_FILE`; none of them is a secret.
const ETCD_ENVIRONMENT: &[&str] = &[
    "auto-tls",
    "cert-file",
    "client-cert-auth",
    "config-file",
    "data-dir",
    "key-file",
    "peer-auto-tls",
    "peer-cert-file",
    "peer-client-cert-auth",
    "peer-key-file",
    "trusted-ca-file",
];
/// Network plugins by the program that runs on the node, and by the type in their configuration.
const PLUGINS: &[(&str, &str, &str)] = &[
    ("Antrea", "antrea-agent", "antrea"),
    ("Calico", "calico-node", "calico"),
    ("Cilium", "cilium-agent", "cilium-cni"),
    ("Flannel", "flanneld", "flannel"),
    ("Kindnet", "kindnetd", ""),
    ("Kube-router", "kube-router", ""),
    ("Multus", "multus-daemon", "multus"),
    ("OVN-Kubernetes", "ovnkube", "ovn-k8s-cni-overlay"),
    ("WeaveNet", "weaver", "weave-net"),
    ("aws", "aws-k8s-agent", "aws-cni"),
];
const CNI_CONFIGURATIONS: &str = "/etc/cni/net.d";

/// The first process whose program has this name.
pub(super) fn running<'p>(processes: &'p [Process], program: &str) -> Option<&'p Process> {
    processes.iter().find(|process| process.program() == program)
}

/// The kubelet, if one runs.
pub(super) fn kubelet(reader: &mut Reader<'_>, processes: &[Process]) -> Option<Value> {
    let process = running(processes, "kubelet")?;
    let files = reader.files_of(process);
    let mut data = object(process);
    let configuration = process.flag("config").filter(|path| !path.is_empty());
    if let Some(path) = configuration {
        data.insert("configFile".into(), reader.named(&files, path, Take::Concealed));
    }
    let mut drop_ins = Vec::new();
    if let Some(directory) = process.flag("config-dir").filter(|path| !path.is_empty()) {
        // The kubelet reads files that end so, in order of their names.
        drop_ins = reader.below(&files, directory, Take::Concealed);
        drop_ins.retain(|file| path(file).ends_with(".conf"));
        data.insert("configDirFiles".into(), drop_ins.clone().into());
    }
    let kubeconfig = match process.flag("kubeconfig") {
        Some(path) => reader.named(&files, path, Take::Stat),
        None => reader.usual(&files, KUBELET_KUBECONFIGS),
    };
    data.insert("kubeConfigFile".into(), kubeconfig);
    let in_file = |file: &str| Reader::field(&files, file, &["authentication", "x509", "clientCAFile"]);
    let authority = process.flag("client-ca-file").map(str::to_owned);
    let authority = authority.or_else(|| drop_ins.iter().rev().find_map(|file| in_file(path(file)))).or_else(|| in_file(configuration?));
    let authority = authority.filter(|path| !path.is_empty()).map(|path| reader.named(&files, &path, Take::Stat));
    data.insert("clientCAFile".into(), authority.unwrap_or_default());
    let host = reader.host;
    let mut units: Vec<Value> = KUBELET_UNITS.iter().map(|paths| reader.usual(host, paths)).filter(|unit| !unit.is_null()).collect();
    for directory in KUBELET_DROP_INS {
        units.extend(reader.below(host, directory, Take::Stat));
    }
    data.insert("serviceFiles".into(), units.into());
    Some(Value::Object(data))
}

/// kube-proxy, if it runs as a process of its own.
pub(super) fn kube_proxy(reader: &mut Reader<'_>, processes: &[Process]) -> Option<Value> {
    let process = running(processes, "kube-proxy")?;
    let files = reader.files_of(process);
    let mut data = object(process);
    let configuration = process.flag("config").filter(|path| !path.is_empty());
    let in_file = || Reader::field(&files, configuration?, &["clientConnection", "kubeconfig"]);
    let kubeconfig = process.flag("kubeconfig").map(str::to_owned).or_else(in_file);
    data.insert("kubeConfigFile".into(), kubeconfig.map(|path| reader.named(&files, &path, Take::Stat)).unwrap_or_default());
    if let Some(path) = configuration {
        data.insert("configFile".into(), reader.named(&files, path, Take::Text));
    }
    Some(Value::Object(data))
}

/// The control plane, if a part of it runs.
pub(super) fn control_plane(reader: &mut Reader<'_>, processes: &[Process]) -> Option<Value> {
    let component = |program| running(processes, program);
    let (server, manager) = (component("kube-apiserver"), component("kube-controller-manager"));
    let (scheduler, etcd) = (component("kube-scheduler"), component("etcd"));
    if [server, manager, scheduler, etcd].iter().all(Option::is_none) {
        return None;
    }
    let etcd = etcd.map(|process| with_environment(reader, process));
    let mut data = Map::new();
    data.insert("APIServerInfo".into(), server.map(|process| api_server(reader, process)).unwrap_or_default());
    for (field, process) in [("controllerManagerInfo", manager), ("schedulerInfo", scheduler)] {
        data.insert(field.into(), process.map(|process| with_kubeconfig(reader, process)).unwrap_or_default());
    }
    let host = reader.host;
    let etcd_manifest = etcd.as_ref().map(|_| manifest(reader, "etcd")).unwrap_or_default();
    let etcd_info = etcd.as_ref().map(|process| {
        let mut info = object(process);
        info.insert("specsFile".into(), etcd_manifest.clone());
        info.into()
    });
    data.insert("etcdInfo".into(), etcd_info.unwrap_or_default());
    data.insert("etcdConfigFile".into(), etcd_manifest);
    let data_directory = match etcd.as_ref().and_then(|process| Some((process, process.flag("data-dir")?))) {
        Some((process, path)) => {
            let files = reader.files_of(process);
            reader.named(&files, path, Take::Stat)
        }
        None => reader.usual(host, ETCD_DATA),
    };
    data.insert("etcdDataDir".into(), data_directory);
    data.insert("adminConfigFile".into(), reader.usual(host, ADMIN));
    data.insert("superAdminConfigFile".into(), reader.usual(host, SUPER_ADMIN));
    // The authority of clients lies among the cluster's keys; a directory near the root is none of its own.
    let authority = server.and_then(|server| server.flag("client-ca-file")?.rsplit_once('/'));
    let beside = authority.map(|(directory, _)| directory).filter(|directory| directory.matches('/').count() > 2);
    let keys = reader.usual(host, &beside.iter().chain(PKI).copied().collect::<Vec<_>>());
    if !keys.is_null() {
        data.insert("PKIFiles".into(), reader.below(host, path(&keys), Take::Stat).into());
    }
    data.insert("PKIDir".into(), keys);
    Some(Value::Object(data))
}

fn api_server(reader: &mut Reader<'_>, process: &Process) -> Value {
    let files = reader.files_of(process);
    let mut data = object(process);
    data.insert("specsFile".into(), manifest(reader, "kube-apiserver"));
    for (field, flag, take) in [
        ("admissionControlConfigFile", "admission-control-config-file", Take::Concealed),
        ("auditPolicyFile", "audit-policy-file", Take::Text),
        ("authenticationConfigFile", "authentication-config", Take::Concealed),
        ("authorizationConfigFile", "authorization-config", Take::Concealed),
        ("encryptionProviderConfigFile", "encryption-provider-config", Take::Concealed),
    ] {
        let file = process.flag(flag).filter(|path| !path.is_empty()).map(|path| reader.named(&files, path, take));
        data.insert(field.into(), file.unwrap_or_default());
    }
    Value::Object(data)
}

fn with_kubeconfig(reader: &mut Reader<'_>, process: &Process) -> Value {
    let files = reader.files_of(process);
    let mut data = object(process);
    data.insert("specsFile".into(), manifest(reader, process.program()));
    // Kubescape calls the kubeconfig so; the scheduler has a configuration besides.
    for (field, flag, take) in [("configFile", "kubeconfig", Take::Stat), ("componentConfigFile", "config", Take::Concealed)] {
        let file = process.flag(flag).filter(|path| !path.is_empty()).map(|path| reader.named(&files, path, take));
        data.insert(field.into(), file.unwrap_or_default());
    }
    Value::Object(data)
}

/// etcd with what its environment says put before its flags, which win over it.
fn with_environment(reader: &Reader<'_>, etcd: &Process) -> Process {
    let environment = reader.host.environment(etcd).unwrap_or_default();
    let of_environment = |flag: &&str| {
        let name = format!("ETCD_{}", flag.replace('-', "_").to_uppercase());
        environment.iter().find(|(key, _)| *key == name).map(|(_, value)| format!("--{flag}={value}"))
    };
    let (program, flags) = etcd.arguments.split_at_checked(1).unwrap_or_default();
    let arguments = program.iter().cloned().chain(ETCD_ENVIRONMENT.iter().filter_map(of_environment)).chain(flags.iter().cloned());
    Process { pid: etcd.pid, arguments: arguments.collect() }
}

/// The static pod manifest of a component or the file of its flags, or `null` where it is started otherwise.
fn manifest(reader: &mut Reader<'_>, component: &str) -> Value {
    let manifests =
        MANIFESTS.iter().flat_map(|directory| ["yaml", "yml", "manifest"].map(|extension| format!("{directory}/{component}.{extension}")));
    let paths: Vec<String> = manifests.chain([format!("{FLAG_FILES}/{component}")]).collect();
    let host = reader.host;
    reader.usual(host, &paths.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Network plugins: their configurations, and those that are known by a program or by a configuration.
pub(super) fn network_plugins(reader: &mut Reader<'_>, processes: &[Process]) -> Option<Value> {
    let host = reader.host;
    let files = reader.below(host, CNI_CONFIGURATIONS, Take::Stat);
    let texts: Vec<String> = files.iter().filter_map(|file| host.read_text(path(file)).ok()).collect();
    let types: Vec<String> = texts.iter().flat_map(|text| plugin_types(text)).collect();
    let is_there = |(_, program, kind): &&(&str, &str, &str)| running(processes, program).is_some() || types.iter().any(|one| one == kind);
    let names: Vec<Value> = PLUGINS.iter().filter(is_there).map(|(name, ..)| (*name).into()).collect();
    if files.is_empty() && names.is_empty() {
        return None;
    }
    let mut data = Map::new();
    data.insert("CNIConfigFiles".into(), files.into());
    data.insert("CNINames".into(), names.into());
    Some(Value::Object(data))
}

/// The `type` of a configuration and of each of its `plugins` (CNI specification 1.1).
fn plugin_types(text: &str) -> Vec<String> {
    let Ok(configuration) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let plugins = configuration.get("plugins").and_then(Value::as_array).into_iter().flatten();
    let kind = |one: &Value| one.get("type").and_then(Value::as_str).map(str::to_owned);
    std::iter::once(&configuration).chain(plugins).filter_map(kind).collect()
}

/// The start of an object about a process: its command line, as one line.
fn object(process: &Process) -> Map<String, Value> {
    Map::from_iter([("cmdLine".to_owned(), process.arguments.join(" ").into())])
}

fn path(file: &Value) -> &str {
    file.get("path").and_then(Value::as_str).unwrap_or("")
}

/// What the node is called: by its kubelet, or by its host name, which kubelets take in small letters.
pub(super) fn node_name(host: &Host, processes: &[Process]) -> String {
    let overridden = running(processes, "kubelet").and_then(|kubelet| kubelet.flag("hostname-override")).map(str::to_owned);
    let in_file = |path| host.read_text(path).ok().map(|text| text.trim().to_lowercase()).filter(|name| !name.is_empty());
    overridden.or_else(|| in_file("/etc/hostname")).or_else(|| in_file("/proc/sys/kernel/hostname")).unwrap_or_else(|| "host".to_owned())
}
