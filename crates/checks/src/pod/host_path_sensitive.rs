//! `POD-host-path-sensitive`

use crate::check::reference::mitre;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-host-path-sensitive",
    title: "Directory that the node lives on is mounted",
    severity: Severity::High,
    docs: "
## What it detects
A `hostPath` volume with the root of the node's disk, one of its system directories, `/root`, or what the kubelet, the runtime, the control plane or etcd keep.

## Why it matters
Read, it has the node's keys, the tokens of all its pods and the memory of its processes; written, it is the node.

## How to fix
Mount the one file or directory that the program needs, read-only. What collects logs needs `/var/log/pods`; what watches processes can use the kubelet's metrics.
",
    references: &[mitre("T1611")],
    run: Run::Workload(|workload, reporter| {
        for volume in workload.pod.volumes.iter().filter(|volume| volume.sources.contains(&"hostPath")) {
            let node = workload.pod.at(&["volumes"]).and_then(|volumes| volumes.items().nth(volume.index));
            let path = node.and_then(|volume| volume.at(&["hostPath", "path"])).map_or("", Node::text);
            let plain = path.trim_end_matches('/');
            if path.starts_with('/') && (plain.is_empty() || SENSITIVE.contains(&plain)) {
                let message = format!("volume `{}` mounts `{path}` of the node", volume.name);
                let violation = Violation::at(format!("/spec/volumes/{}/hostPath", volume.index), message);
                reporter.report(violation.advice("mount only the file or directory that it needs"));
            }
        }
    }),
};

/// Sorted. The first group as in the Filesystem Hierarchy Standard, the rest as kubeadm, containerd and Docker place them.
const SENSITIVE: [&str; 25] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/kubernetes",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/pki",
    "/home",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/kubelet/pods",
    "/var/run",
];
