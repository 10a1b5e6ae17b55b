//! What leads from pods to nodes, by what the pod's manifest says.

#![cfg(test)]

use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Evidence, Graph, Situation, Vertex};
use plimsoll_model::rbac::Defaults;
use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};

/// The ways from the workloads of a manifest to nodes and to what is on them: `?` after one that rests on something that was
/// not read, `-` after one that is closed. What always holds of a pod is left out.
fn ways(manifest: &str) -> String {
    let documents = parse(&Source::new("test", Origin::Stdin, manifest.to_owned()), Limits::default()).0;
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Leave);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    let mut ways: Vec<String> = Vec::new();
    for edge in &graph.edges {
        if !matches!(graph.vertex(edge.from), Some(Vertex::Workload(_)))
            || matches!(edge.step.name(), "mounted-token" | "instance-metadata")
        {
            continue;
        }
        let Evidence::Object(place) = &edge.evidence else { panic!("{} shows nothing", edge.step.name()) };
        assert!(place.0.node.nearest(&place.1).1, "{} is not at {}", edge.step.name(), place.1);
        let mark = match &edge.condition {
            Some(condition) if condition.is_blocked => "-",
            Some(_) => "?",
            None => "",
        };
        ways.push(format!("{}{mark}", edge.step.name()));
    }
    ways.sort();
    ways.dedup();
    ways.join(" ")
}

fn pod(spec: &str, container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: till, namespace: shop}}, spec: {{{spec} containers: [{{name: till, image: till {container}}}]}}}}"
    )
}

#[test]
fn settings_of_pods_and_containers() {
    let table = [
        ("", "", ""),
        ("", ", securityContext: {privileged: true}", "privileged-container"),
        ("hostUsers: false,", ", securityContext: {privileged: true}", "privileged-container-"),
        ("runtimeClassName: gvisor,", ", securityContext: {privileged: true}", "privileged-container-"),
        ("hostPID: true,", "", "host-pid?"),
        ("hostPID: true,", ", securityContext: {capabilities: {add: [SYS_PTRACE]}}", "host-pid"),
        ("", ", securityContext: {capabilities: {add: [SYS_PTRACE]}}", ""),
        ("hostNetwork: true,", "", "host-network?"),
        ("hostIPC: true,", "", "host-ipc?"),
        ("", ", securityContext: {capabilities: {add: [SYS_ADMIN]}}", "capability"),
        ("", ", securityContext: {capabilities: {add: [CAP_SYS_MODULE]}}", "capability"),
        ("", ", securityContext: {capabilities: {add: [BPF]}}", "capability?"),
        ("", ", securityContext: {capabilities: {add: [NET_ADMIN]}}", ""),
        ("hostNetwork: true,", ", securityContext: {capabilities: {add: [NET_ADMIN]}}", "capability? host-network?"),
        ("", ", securityContext: {windowsOptions: {hostProcess: true}}", "host-process"),
    ];
    for (spec, container, wanted) in table {
        assert_eq!(ways(&pod(spec, container)), wanted, "{spec} {container}");
    }
}

#[test]
fn directories_of_the_node() {
    let table = [
        // Path, how it is mounted, what it leads to.
        ("/", "", "core-pattern host-path pod-tokens runtime-socket"),
        ("/", ", readOnly: true", "host-path-read pod-tokens runtime-socket"),
        ("/etc", "", "host-path"),
        ("/etc", ", readOnly: true", "host-path-read"),
        ("/etc/kubernetes/manifests/", "", "host-path"),
        ("/etc/kubernetes/manifests", ", readOnly: true", ""),
        ("/etc/ssl/certs", "", ""),
        ("/root", ", readOnly: true", "host-path-read"),
        ("/var/lib/kubelet/pods", ", readOnly: true", "pod-tokens"),
        ("/var/lib/kubelet", ", readOnly: true", "host-path-read pod-tokens"),
        ("/var/run/docker.sock", ", readOnly: true", "runtime-socket"),
        ("/run/containerd", "", "runtime-socket"),
        ("/proc/sys/kernel", "", "core-pattern"),
        ("/proc", "", "core-pattern"),
        ("/proc", ", readOnly: true", ""),
        ("/var/log", "", "log-directory-"),
        ("/var/log", ", readOnly: true", ""),
        ("/data", "", ""),
    ];
    for (path, mode, wanted) in table {
        let spec = format!("volumes: [{{name: one, hostPath: {{path: {path}}}}}],");
        let mount = format!(", volumeMounts: [{{name: one, mountPath: /mnt{mode}}}]");
        // Rules of the kernel of nodes that were not read do not make a difference here.
        let got = ways(&pod(&spec, &mount)).replace("pod-tokens?", "pod-tokens");
        assert_eq!(got, wanted, "{path}{mode}");
        // A volume that nobody mounts leads nowhere.
        assert_eq!(ways(&pod(&spec, "")), "", "{path}");
    }
}

#[test]
fn who_mounts_matters() {
    let spec = |user: &str| format!("volumes: [{{name: one, hostPath: {{path: /etc}}}}], securityContext: {{{user}}},");
    let mount = ", volumeMounts: [{name: one, mountPath: /mnt}]";
    for (user, wanted) in [("runAsUser: 0", "host-path"), ("runAsUser: 1000", "host-path?"), ("runAsNonRoot: true", "host-path?")] {
        assert_eq!(ways(&pod(&spec(user), mount)), wanted, "{user}");
    }
}

/// A claim on a volume of the node is a directory of the node, which Pod Security does not see.
#[test]
fn claims_on_volumes_of_the_node() {
    let mount = ", volumeMounts: [{name: one, mountPath: /mnt}]";
    let pod = pod("volumes: [{name: one, persistentVolumeClaim: {claimName: mine}}],", mount);
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: mine, namespace: shop}, spec: {volumeName: disk}}";
    let volume = |spec: &str| format!("{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: disk}}, spec: {{{spec}}}}}");
    let table = [
        (volume("hostPath: {path: /etc}"), "host-path"),
        (volume("local: {path: /etc}"), "host-path"),
        (volume("hostPath: {path: /data}"), ""),
        (volume("nfs: {path: /etc, server: nas}"), ""),
    ];
    for (volume, wanted) in table {
        assert_eq!(ways(&[pod.as_str(), claim, &volume].join("\n---\n")), wanted, "{volume}");
    }
    assert_eq!(ways(&pod), "");
}

/// The kubelet follows links in its log directory, for whoever may read logs.
#[test]
fn logs_need_a_reader() {
    let spec = "serviceAccountName: reader, volumes: [{name: one, hostPath: {path: /var/log}}],";
    let pod = pod(spec, ", volumeMounts: [{name: one, mountPath: /mnt}]");
    for (resource, wanted) in [("pods/log", "log-directory"), ("pods", "log-directory-"), ("nodes/log", "log-directory-")] {
        let role = format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: logs, namespace: shop}}, rules: [{{verbs: [get], apiGroups: [''], resources: [{resource}]}}]}}"
        );
        let binding = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: logs, namespace: shop}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: logs}, subjects: [{kind: ServiceAccount, name: reader, namespace: shop}]}";
        assert_eq!(ways(&[pod.as_str(), &role, binding].join("\n---\n")), wanted, "{resource}");
    }
}

/// Fields of containers are found in templates, too.
#[test]
fn evidence_of_a_template() {
    let manifest = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: till, namespace: shop}, spec: {template: {spec: {hostPID: true, containers: [{name: till, securityContext: {privileged: true}}]}}}}";
    assert_eq!(ways(manifest), "host-pid privileged-container");
}

/// Tokens in Secrets that a pod mounts, its own or those of others.
#[test]
fn secrets_with_tokens() {
    let secret = |kind: &str, annotation: &str| {
        format!("{{apiVersion: v1, kind: Secret, metadata: {{name: one, namespace: shop, annotations: {{{annotation}}}}}, type: '{kind}'}}")
    };
    let of_account = "kubernetes.io/service-account.name: boss";
    let pod = pod("volumes: [{name: one, secret: {secretName: one}}],", "");
    for (secret, wanted) in [
        (secret("kubernetes.io/service-account-token", of_account), "mounted-token-secret"),
        (secret("kubernetes.io/service-account-token", ""), ""),
        (secret("Opaque", of_account), ""),
    ] {
        assert_eq!(ways(&[pod.as_str(), &secret].join("\n---\n")), wanted, "{secret}");
    }
}
