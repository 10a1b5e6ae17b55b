//! `POD-runtime-socket`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-runtime-socket",
    title: "Socket of the container runtime is mounted",
    severity: Severity::Critical,
    docs: "
## What it detects
A `hostPath` volume with the socket of Docker, containerd or CRI-O, or the directory that it is in.

## Why it matters
Whoever talks to that socket starts privileged containers on the node: it is root there, read-only mount or not.

## How to fix
Build images with a daemonless builder (BuildKit rootless, Kaniko, Buildah); let agents that need container metadata use the kubelet or a CRI proxy.
",
    references: &[kubescape("C-0074"), mitre("T1611")],
    run: Run::Workload(look),
};

const SOCKETS: [&str; 8] = [
    "/run/containerd",
    "/run/containerd/containerd.sock",
    "/run/crio",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/docker",
    "/run/docker.sock",
    "/run/k3s/containerd/containerd.sock",
];

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    for volume in &workload.pod.volumes {
        let place = format!("/spec/volumes/{}/hostPath", volume.index);
        let path = workload.pod.at(&["volumes"]).and_then(|volumes| volumes.items().nth(volume.index));
        let path = path.and_then(|volume| volume.at(&["hostPath", "path"])).map_or("", Node::text);
        let plain = path.trim_end_matches('/');
        if SOCKETS.contains(&plain.strip_prefix("/var").unwrap_or(plain)) {
            let violation = Violation::at(place, format!("volume `{}` mounts the runtime's socket `{path}`", volume.name));
            let violation = violation.cured_by("use an empty directory of the pod", None).cured_at(
                "use an empty directory of the pod",
                format!("/spec/volumes/{}/emptyDir", volume.index),
                Some(serde_json::json!({})),
            );
            reporter.report(violation.needs("what it asks the runtime for").probed_by("cat /proc/net/unix"));
        }
    }
}
