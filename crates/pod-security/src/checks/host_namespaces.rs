//! `hostNamespaces`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, Severity};

pub(super) static CHECK: Check = Check {
    id: "hostNamespaces",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Namespaces of the host are shared",
    severity: Severity::High,
    docs: "
## What it detects
`hostNetwork: true`, `hostPID: true` or `hostIPC: true` in the pod's spec.

## Why it matters
With the host's network a pod sees and sends as the node: NetworkPolicies do not hold for it, services on the node's loopback trust it, and the cloud's metadata endpoint answers it. With the host's process ids it sees every process with its environment and files under `/proc/<pid>/root`. With the host's IPC it reads the shared memory of others.

## How to fix
Remove the field. A pod that has to listen on the node's address can use `hostPort` or a Service; one that reads metrics of the node can read them from the kubelet.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0038", url: "https://hub.armosec.io/docs/controls" },Reference { system: "KUBESCAPE", id: "C-0041", url: "https://hub.armosec.io/docs/controls" },Reference { system: "KUBESCAPE", id: "C-0275", url: "https://hub.armosec.io/docs/controls" },Reference { system: "KUBESCAPE", id: "C-0276", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.3", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "CIS", id: "5.2.4", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "CIS", id: "5.2.5", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

/// Field, what it shares, and whether it is set.
fn shared(pod: &Pod<'_>) -> [(&'static str, &'static str, bool); 3] {
    [("hostNetwork", "network", pod.host_network), ("hostPID", "process", pod.host_pid), ("hostIPC", "IPC", pod.host_ipc)]
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    if !(pod.host_network || pod.host_pid || pod.host_ipc) {
        return None;
    }
    let set: Vec<_> = shared(pod).into_iter().filter(|(_, _, set)| *set).map(|(field, _, _)| format!("{field}=true")).collect();
    Some(Forbidden::new("host namespaces", set.join(", ")))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let one = |(field, what, _)| {
        Violation::at(format!("/spec/{field}"), format!("the pod shares the {what} namespace of its node"))
            .cured_by("give the pod its own namespace", None)
            .needs(format!("whether it uses the node's {what} namespace"))
            .probed_by(match field {
                "hostNetwork" => "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp",
                "hostPID" => "ls -l /proc/1/fd",
                _ => "cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg",
            })
    };
    shared(pod).into_iter().filter(|(_, _, set)| *set).map(one).collect()
}
