//! `hostPathVolumes`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{plural, quoted};
use plimsoll_model::Violation;
use plimsoll_model::{Node, Pod, Reference, Severity, Volume};
use serde_json::json;

pub(super) static CHECK: Check = Check {
    id: "hostPathVolumes",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Directory of the node is mounted",
    severity: Severity::High,
    docs: "
## What it detects
A volume with a `hostPath` source.

## Why it matters
Files of the node outlive the pod and belong to everybody on it. A mount of `/`, `/etc`, `/var/lib/kubelet` or the container runtime's socket is control of the node, read-only or not: it holds the credentials of the kubelet and of other pods.

## How to fix
Use `emptyDir` for scratch space, a PersistentVolumeClaim (a `local` volume if it has to be the node's disk) for data, a CSI driver for devices. Agents that have to read the node's logs belong in a namespace of their own.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0048", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.11", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

/// Places whose contents are control of the node.
const CROWN_JEWELS: [&str; 9] = ["/", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/var/lib/kubelet", "/var/run"];

fn bad<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = &'p Volume<'a>> {
    pod.volumes.iter().filter(|volume| volume.sources.contains(&"hostPath"))
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names: Vec<&str> = bad(pod).map(|volume| volume.name).collect();
    let detail = || format!("{} {}", plural(names.len(), "volume", "volumes"), quoted(names.iter().copied()));
    (!names.is_empty()).then(|| Forbidden::new("hostPath volumes", detail()))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let one = |volume: &Volume<'_>| {
        let place = format!("/spec/volumes/{}", volume.index);
        let path = pod.node.and_then(|node| node.resolve(&format!("{place}/hostPath/path"))).map_or("", Node::text);
        let message = format!("volume `{}` mounts `{path}` of the node", volume.name);
        let violation = Violation::at(format!("{place}/hostPath"), message)
            .cured_by("use an empty directory of the pod", None)
            .cured_at("use an empty directory of the pod", format!("{place}/emptyDir"), Some(json!({})))
            .needs(format!("whether it needs the node's own `{path}`"))
            .probed_by("ls -l /proc/1/fd");
        let plain = path.trim_end_matches('/');
        let below_socket = ["/run/", "/var/run/"].iter().any(|parent| plain.starts_with(parent)) && plain.ends_with(".sock");
        let jewel =
            CROWN_JEWELS.contains(&if plain.is_empty() { "/" } else { plain }) || plain.starts_with("/etc/kubernetes") || below_socket;
        if jewel { violation.severity(Severity::Critical) } else { violation }
    };
    bad(pod).map(one).collect()
}
