//! User namespaces: `hostUsers: false` (KEP-127).
//!
//! Stable since Kubernetes 1.36, on by default since 1.33; needs Linux 6.3, containerd 2.0 or CRI-O 1.25, runc 1.2 or crun
//! 1.9, and file systems that can be mounted with mapped ids (Kubernetes documentation, *User Namespaces*).

use super::sandbox;
use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{ContainerKind, Node, Object, Pod, Reference, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&ABSENT, &PROC_MOUNT, &REFUSED, &VERSION, &VOLUME];

const USER_NAMESPACES: Reference = docs("User Namespaces", "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/");

/// The first version in which the field works without a feature gate.
const BY_DEFAULT: (u32, u32) = (1, 33);

static ABSENT: Check = Check {
    id: "ISO-user-namespace",
    title: "Root in the pod is root on the node",
    severity: Severity::Info,
    docs: "
## What it detects
A pod that may run as root and does not set `hostUsers: false`. Once a pod.

## Why it matters
In a user namespace, root of the container is nobody on the node. Several ways out of containers end there (CVE-2019-5736, CVE-2021-25741, CVE-2022-0492, CVE-2024-21626).

## How to fix
Set `hostUsers: false`. The nodes need Linux 6.3, containerd 2.0 or CRI-O 1.25, and Kubernetes 1.33.
",
    references: &[USER_NAMESPACES],
    run: Run::Workload(absent),
};

fn absent(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let pod = &workload.pod;
    if pod.host_users.is_some()
        || pod.is_windows()
        || !may_be_root(pod)
        || oldest(reporter).is_some_and(|version| version < BY_DEFAULT)
        || sandbox::of(workload, reporter).is_some()
    {
        return;
    }
    let violation = Violation::at("/spec/hostUsers", "root in the pod is root on the node");
    let of_the_node = pod.host_network
        || pod.host_pid
        || pod.host_ipc
        || pod.containers.iter().any(|one| one.security.privileged == Some(true) || one.at(&["volumeDevices"]).is_some())
        || volumes(pod).any(|volume| volume.get("hostPath").is_some() || unmapped(volume, reporter).is_some());
    reporter.report(if of_the_node {
        violation.advice("set `hostUsers: false` when the pod uses nothing of the node any more")
    } else {
        let violation = violation.cured_by("set `hostUsers: false`", Some(false.into()));
        violation.needs("whether the nodes and the file systems of the pod's volumes can map users").probed_by("cat /proc/self/uid_map")
    });
}

/// Whether a container is not held to be another user than root.
fn may_be_root(pod: &Pod<'_>) -> bool {
    pod.containers.iter().filter(|one| one.kind != ContainerKind::Ephemeral).any(|one| {
        let user = one.security.run_as_user.or(pod.security.run_as_user);
        let not_root = one.security.run_as_non_root.or(pod.security.run_as_non_root);
        user.map_or(not_root != Some(true), |user| user == 0)
    })
}

/// The oldest version among API server and kubelets, where known.
fn oldest(reporter: &Reporter<'_, '_>) -> Option<(u32, u32)> {
    let kubelet = reporter.facts.kubelets.first().map(|(version, _)| *version);
    kubelet.into_iter().chain(reporter.facts.api_server).map(|(major, minor, _)| (major, minor)).min()
}

static REFUSED: Check = Check {
    id: "ISO-user-namespace-refused",
    title: "Pod with a user namespace uses what belongs to the node",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod with `hostUsers: false` that also sets `hostNetwork`, `hostPID` or `hostIPC`, or has a container with `volumeDevices`.

## Why it matters
These belong to the node's user namespace. The API server refuses the pod (for `hostNetwork`, unless the alpha feature `UserNamespacesHostNetworkSupport` is on), or the container cannot open the device.

## How to fix
Remove what belongs to the node, or run the pod without a user namespace.
",
    references: &[USER_NAMESPACES],
    run: Run::Workload(|workload, reporter| {
        let pod = &workload.pod;
        if pod.host_users != Some(false) {
            return;
        }
        let settings = [("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)];
        for (field, _) in settings.into_iter().filter(|(_, set)| *set) {
            let message = format!("`{field}` and `hostUsers: false` do not go together: the API server refuses the pod");
            let violation = Violation::at(format!("/spec/{field}"), message).cured_by(format!("remove `{field}`"), None);
            reporter.report(violation.needs("what of the node the workload uses"));
        }
        for (index, container) in pod.containers.iter().enumerate() {
            if container.at(&["volumeDevices"]).is_some_and(|devices| devices.items().next().is_some()) {
                let violation = Violation::of_container(pod, index, "/volumeDevices", |name| {
                    format!("{name} uses a raw block volume, which a pod with a user namespace cannot")
                });
                reporter.report(violation.advice("mount the volume with a file system"));
            }
        }
    }),
};

static VOLUME: Check = Check {
    id: "ISO-user-namespace-volume",
    title: "Volume cannot be used in a user namespace",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod with `hostUsers: false` and a volume on NFS, of its own or by a claim whose PersistentVolume was read.

## Why it matters
Volumes of such pods are mounted with mapped ids, which Linux cannot do for NFS. The pod does not start.

## How to fix
Use a volume whose file system can do it (ext4, xfs, btrfs, tmpfs and others since Linux 6.3), or run the pod without a user namespace.
",
    references: &[USER_NAMESPACES],
    run: Run::Workload(|workload, reporter| {
        let pod = &workload.pod;
        if pod.host_users != Some(false) {
            return;
        }
        for (index, volume) in volumes(pod).enumerate() {
            let Some(of) = unmapped(volume, reporter) else { continue };
            let name = volume.get("name").map_or("", Node::text);
            let message = format!("volume `{name}` is on NFS, which cannot be mounted in a user namespace: the pod does not start");
            let violation = Violation::at(format!("/spec/volumes/{index}"), message);
            let violation = violation.advice("use a volume whose file system can map users");
            reporter.report(match of {
                Nfs::Itself => violation,
                Nfs::Claimed(persistent) => violation.with(&persistent, "/spec/nfs"),
            });
        }
    }),
};

fn volumes<'a>(pod: &Pod<'a>) -> impl Iterator<Item = Node<'a>> {
    pod.at(&["volumes"]).into_iter().flat_map(Node::items)
}

/// Where it is said that a volume is on NFS.
enum Nfs<'a> {
    /// In the pod.
    Itself,
    /// In the PersistentVolume behind the claim.
    Claimed(Object<'a>),
}

/// Whether Linux cannot mount the volume with mapped ids: it cannot for NFS.
fn unmapped<'a>(volume: Node<'_>, reporter: &Reporter<'_, 'a>) -> Option<Nfs<'a>> {
    if volume.get("nfs").is_some() {
        return Some(Nfs::Itself);
    }
    let claim = reporter.beside("PersistentVolumeClaim", volume.at(&["persistentVolumeClaim", "claimName"])?.text())?;
    let persistent = reporter.inventory.find("PersistentVolume", "", claim.node.at(&["spec", "volumeName"]).map(Node::text)?)?;
    persistent.node.at(&["spec", "nfs"]).map(|_| Nfs::Claimed(persistent))
}

static VERSION: Check = Check {
    id: "ISO-user-namespace-version",
    title: "Cluster is too old for user namespaces",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod with `hostUsers: false`, where a kubelet or the API server is older than 1.33. Where no version is known, the check says so.

## Why it matters
Before 1.33 the field needs the feature gate `UserNamespacesSupport`, and before 1.25 it does not exist: the API server drops it, and root in the pod is root on the node without anybody noticing.

## How to fix
Update the cluster, or turn the feature gate on for the API server and all kubelets.
",
    references: &[USER_NAMESPACES],
    run: Run::Workload(|workload, reporter| {
        if workload.pod.host_users != Some(false) {
            return;
        }
        let Some((major, minor)) = oldest(reporter) else {
            reporter.unknown("the versions of the kubelets (Node objects)");
            return;
        };
        if (major, minor) < BY_DEFAULT {
            let violation = Violation::at("/spec/hostUsers", "a user namespace is not sure to be made: the cluster is too old");
            let node = reporter.facts.kubelets.first().filter(|((a, b, _), _)| (*a, *b) == (major, minor));
            let fact = match node {
                Some((_, node)) => format!("node `{node}` runs kubelet {major}.{minor}"),
                None => format!("the API server is {major}.{minor}"),
            };
            reporter.report(violation.because(fact).advice("update the cluster, or turn on `UserNamespacesSupport` everywhere"));
        }
    }),
};

static PROC_MOUNT: Check = Check {
    id: "ISO-proc-mount-refused",
    title: "Unmasked /proc needs a user namespace",
    severity: Severity::Medium,
    docs: "
## What it detects
A container with `procMount: Unmasked` in a pod without `hostUsers: false`.

## Why it matters
The API server refuses the pod. An older one lets the container write to the node's kernel settings.

## How to fix
Set `hostUsers: false` where the workload makes containers of its own; remove `procMount` otherwise.
",
    references: &[USER_NAMESPACES, docs("procMount", "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/")],
    run: Run::Container(|workload, index, container, reporter| {
        if container.security.proc_mount != Some("Unmasked") || workload.pod.host_users == Some(false) {
            return;
        }
        let violation = Violation::of_container(&workload.pod, index, "/securityContext/procMount", |name| {
            format!("{name} wants `/proc` unmasked without a user namespace: the API server refuses the pod")
        });
        reporter.report(violation.cured_by("remove `procMount`", None).needs("whether it makes containers of its own"));
    }),
};
