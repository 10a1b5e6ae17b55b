//! Settings that vanish, break or open a door where a pod runs in a sandbox.
//!
//! gVisor: `runsc` ignores the seccomp profile of the OCI specification unless it runs with `--oci-seccomp`, logs and
//! ignores AppArmor, and refuses an SELinux label (gvisor.dev, `specutils.ValidateSpec`). Kata Containers: guests start with
//! `disable_guest_seccomp = true`; SELinux labels and AppArmor are not applied (docs/Limitations.md).

use super::sandbox::{self, Kind, Sandbox};
use super::{annotations, contexts, in_context};
use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Reference, Severity, Violation, Workload, escape};

pub(super) static ALL: &[&Check] =
    &[&APP_ARMOR, &DEVICE, &HOST_NAMESPACE, &HOST_PATH, &PRIVILEGED, &PROC_MOUNT, &SECCOMP, &SELINUX, &SUB_PATH];

const GVISOR: Reference = docs("gVisor security", "https://gvisor.dev/docs/architecture_guide/security/");
const KATA: Reference =
    docs("Kata Containers limitations", "https://github.com/kata-containers/kata-containers/blob/main/docs/Limitations.md");

/// Runs `look` where the workload is in a sandbox; without a RuntimeClass nothing is looked at.
fn within<'r, 'a>(workload: &Workload<'_>, reporter: &mut Reporter<'r, 'a>, look: impl FnOnce(&Sandbox<'_, 'a>, &mut Reporter<'r, 'a>)) {
    if let Some(sandbox) = sandbox::of(workload, reporter) {
        look(&sandbox, reporter);
    }
}

static SECCOMP: Check = Check {
    id: "ISO-sandbox-seccomp",
    title: "Seccomp profile has no effect in the sandbox",
    severity: Severity::Medium,
    docs: "
## What it detects
A seccomp profile that was made for a pod or container (`Localhost`) whose RuntimeClass is gVisor or Kata Containers. `RuntimeDefault` is left alone: the Pod Security Standards ask for it, and the sandbox has a filter of its own around itself.

## Why it matters
gVisor ignores the profile unless `runsc` runs with `--oci-seccomp`. Guests of Kata Containers start with `disable_guest_seccomp = true`. A profile that was made for the workload then holds nothing.

## How to fix
Turn the profile on in the runtime (`oci-seccomp = \"true\"` in runsc.toml, `disable_guest_seccomp = false` in Kata's configuration.toml), or do not count on it.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, _) in contexts(&workload.pod).filter(|(_, context)| context.seccomp == Some("Localhost")) {
                let violation = in_context(&workload.pod, index, "seccompProfile", |name| {
                    format!("the seccomp profile of {name} has no effect under {}", sandbox.kind.title())
                });
                let advice = match sandbox.kind {
                    Kind::GVisor => "run runsc with `--oci-seccomp`, or do not count on the profile",
                    Kind::Kata => "set `disable_guest_seccomp = false` for the runtime, or do not count on the profile",
                };
                reporter.report(sandbox.explain(violation).advice(advice));
            }
        });
    }),
};

static APP_ARMOR: Check = Check {
    id: "ISO-sandbox-apparmor",
    title: "AppArmor profile has no effect in the sandbox",
    severity: Severity::Medium,
    docs: "
## What it detects
An AppArmor profile that was made for a pod or container (`Localhost`, or an annotation that says so) whose RuntimeClass is gVisor or Kata Containers. `RuntimeDefault` is left alone.

## Why it matters
gVisor logs and ignores it. Kata Containers do not hand it to the guest. Whoever wrote the profile believes that it holds.

## How to fix
Remove the profile, and confine the workload with what the sandbox knows: capabilities, a read-only root file system, a user other than root.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            let pod = &workload.pod;
            let message = |name: &str| format!("the AppArmor profile of {name} has no effect under {}", sandbox.kind.title());
            let fields = contexts(pod).filter(|(_, context)| context.app_armor == Some("Localhost"));
            let fields = fields.map(|(index, _)| in_context(pod, index, "appArmorProfile", message));
            // An annotation beside a field says the same, or another check objects.
            let annotations = annotations::app_armor(pod).filter(|(_, _, value)| value.starts_with("localhost/")).filter_map(|(key, name, _)| {
                let index = pod.containers.iter().position(|one| one.name == name && one.security.app_armor.is_none())?;
                let mut violation = in_context(pod, Some(index), "", message);
                violation.pointer = format!("/metadata/annotations/{}", escape(key));
                Some(violation)
            });
            for violation in fields.chain(annotations) {
                reporter.report(sandbox.explain(violation).advice("do not count on the profile"));
            }
        });
    }),
};

static SELINUX: Check = Check {
    id: "ISO-sandbox-selinux",
    title: "SELinux label and sandbox do not go together",
    severity: Severity::High,
    docs: "
## What it detects
`seLinuxOptions` of a pod or container whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
`runsc` refuses a container with an SELinux label: the pod does not start. Kata Containers start it without the label.

## How to fix
Remove `seLinuxOptions`, or use another RuntimeClass. The sandbox itself is confined by the label that the node gives to its process.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, _) in contexts(&workload.pod).filter(|(_, context)| context.se_linux.is_some()) {
                let violation = in_context(&workload.pod, index, "seLinuxOptions", |name| match sandbox.kind {
                    Kind::GVisor => format!("gVisor refuses the SELinux label of {name}: the pod does not start"),
                    Kind::Kata => format!("the SELinux label of {name} has no effect under Kata Containers"),
                });
                let violation = if sandbox.kind == Kind::Kata { violation.severity(Severity::Medium) } else { violation };
                let violation = violation.cured_by("remove `seLinuxOptions`", None);
                reporter.report(sandbox.explain(violation).needs("whether the pod also runs under another RuntimeClass"));
            }
        });
    }),
};

static HOST_NAMESPACE: Check = Check {
    id: "ISO-sandbox-host-namespace",
    title: "Sandbox cannot join the node's namespaces",
    severity: Severity::Medium,
    docs: "
## What it detects
`hostNetwork`, `hostPID` or `hostIPC` of a pod whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
A guest has a kernel of its own. The node's processes and shared memory are not in it, so the setting does nothing. On the node's network a pod under gVisor has no network at all unless `runsc` runs with `--network=host`; Kata Containers may take the node's network apart.

## How to fix
Remove the setting, or run the pod under the runtime of the node.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            let pod = &workload.pod;
            let what = sandbox.kind.title();
            let settings = [("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)];
            for (field, _) in settings.into_iter().filter(|(_, set)| *set) {
                let (message, severity) = match (field, sandbox.kind) {
                    ("hostNetwork", Kind::GVisor) => {
                        ("gVisor gives a pod on the node's network no network unless runsc runs with `--network=host`".to_owned(), Severity::Medium)
                    }
                    ("hostNetwork", Kind::Kata) => {
                        ("Kata Containers do not support the node's network and may break it".to_owned(), Severity::Medium)
                    }
                    _ => (format!("`{field}` has no effect under {what}"), Severity::Low),
                };
                let violation = Violation::at(format!("/spec/{field}"), message).severity(severity);
                let violation = violation.cured_by(format!("remove `{field}`"), None);
                reporter.report(sandbox.explain(violation).needs("whether the pod also runs under another RuntimeClass"));
            }
        });
    }),
};

static DEVICE: Check = Check {
    id: "ISO-sandbox-device",
    title: "Device of the node is not there in the sandbox",
    severity: Severity::Medium,
    docs: "
## What it detects
A volume of type `hostPath` at or below `/dev`, or a raw block volume (`volumeDevices`, under gVisor), of a pod whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
Under Kata Containers the path leads to the devices of the guest, not of the node. gVisor hands no device through but those that it was told to (GPUs, TPUs), and knows no raw block volumes. `/dev/kvm` is in neither.

## How to fix
Use a device plugin that the sandbox knows, a volume with a file system, or the runtime of the node.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            let what = sandbox.kind.title();
            for (index, path) in host_paths(workload).filter(|(_, path)| is_device(path)) {
                let message = format!("under {what} `{path}` is not the node's");
                let violation = Violation::at(format!("/spec/volumes/{index}/hostPath/path"), message);
                reporter.report(sandbox.explain(violation).advice("use a device plugin that the sandbox knows"));
            }
            for (index, container) in workload.pod.containers.iter().enumerate().filter(|_| sandbox.kind == Kind::GVisor) {
                if container.at(&["volumeDevices"]).is_some_and(|devices| devices.items().next().is_some()) {
                    let violation = Violation::of_container(&workload.pod, index, "/volumeDevices", |name| {
                        format!("{name} uses a raw block volume, which gVisor does not support")
                    });
                    reporter.report(sandbox.explain(violation).advice("mount the volume with a file system"));
                }
            }
        });
    }),
};

static HOST_PATH: Check = Check {
    id: "ISO-sandbox-host-path",
    title: "Sandbox shares files with the node",
    severity: Severity::Low,
    docs: "
## What it detects
A volume of type `hostPath`, other than a device, of a pod whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
The sandbox is there so that nothing of the node can be reached. A directory that both see is a way around it: what the workload writes there, the node reads outside of the sandbox.

## How to fix
Use a volume that belongs to the pod (`emptyDir`, a PersistentVolumeClaim, a projected volume).
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, path) in host_paths(workload).filter(|(_, path)| !is_device(path)) {
                let message = format!("`{path}` of the node is shared with the sandbox");
                let violation = Violation::at(format!("/spec/volumes/{index}/hostPath/path"), message);
                reporter.report(sandbox.explain(violation).advice("use a volume that belongs to the pod"));
            }
        });
    }),
};

/// The volumes that are paths of the node: place in `spec.volumes`, path.
fn host_paths<'a>(workload: &Workload<'a>) -> impl Iterator<Item = (usize, &'a str)> {
    let volumes = workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate();
    volumes.filter_map(|(index, volume)| Some((index, volume.at(&["hostPath", "path"])?.text())))
}

fn is_device(path: &str) -> bool {
    path.strip_prefix("/dev").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

static PRIVILEGED: Check = Check {
    id: "ISO-sandbox-privileged",
    title: "Privileged container in a sandbox",
    severity: Severity::Medium,
    docs: "
## What it detects
A privileged container of a pod whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
Privileges hold within the guest only, so what needs the node does not work. Kata Containers also attach the node's devices to the guest unless the runtime is configured with `privileged_without_host_devices`: a way out of the virtual machine.

## How to fix
Remove `privileged` and add the capabilities that the workload uses. Where it has to stay, set `privileged_without_host_devices = true` for the runtime handler.
",
    references: &[KATA, GVISOR],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, _) in workload.pod.containers.iter().enumerate().filter(|(_, one)| one.security.privileged == Some(true)) {
                let violation = Violation::of_container(&workload.pod, index, "/securityContext/privileged", |name| match sandbox.kind {
                    Kind::GVisor => format!("{name} is privileged within gVisor only"),
                    Kind::Kata => format!("{name} is privileged, and the node's devices may be attached to its virtual machine"),
                });
                let violation = if sandbox.kind == Kind::GVisor { violation.severity(Severity::Low) } else { violation };
                let violation = violation.cured_by("set `privileged: false`", Some(false.into()));
                reporter.report(sandbox.explain(violation).needs("which capabilities it uses"));
            }
        });
    }),
};

static PROC_MOUNT: Check = Check {
    id: "ISO-sandbox-proc-mount",
    title: "Unmasked /proc means nothing in the sandbox",
    severity: Severity::Low,
    docs: "
## What it detects
`procMount: Unmasked` of a container whose RuntimeClass is gVisor or Kata Containers.

## Why it matters
`/proc` is the guest's, not the node's. The setting makes the manifest look as if it needed more than it gets, and stands in the way of the Pod Security Standards.

## How to fix
Remove `procMount`.
",
    references: &[GVISOR, KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, _) in workload.pod.containers.iter().enumerate().filter(|(_, one)| one.security.proc_mount == Some("Unmasked")) {
                let violation = Violation::of_container(&workload.pod, index, "/securityContext/procMount", |name| {
                    format!("`/proc` of {name} is that of {}, masked or not", sandbox.kind.title())
                });
                let violation = violation.cured_by("remove `procMount`", None);
                reporter.report(sandbox.explain(violation).needs("whether the pod also runs under another RuntimeClass"));
            }
        });
    }),
};

static SUB_PATH: Check = Check {
    id: "ISO-sandbox-sub-path",
    title: "Kata Containers do not support parts of volumes",
    severity: Severity::Low,
    docs: "
## What it detects
`subPath` or `subPathExpr` in a volume mount of a pod whose RuntimeClass is Kata Containers.

## Why it matters
The part is bound on the node. The virtual machine may see an empty directory, or a file that does not change with its volume.

## How to fix
Mount the whole volume, or make one volume of each part.
",
    references: &[KATA],
    run: Run::Workload(|workload, reporter| {
        within(workload, reporter, |sandbox, reporter| {
            for (index, container) in workload.pod.containers.iter().enumerate().filter(|_| sandbox.kind == Kind::Kata) {
                for (at, mount) in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items).enumerate() {
                    let Some(field) = ["subPath", "subPathExpr"].into_iter().find(|field| mount.get(field).is_some()) else { continue };
                    let violation = Violation::of_container(&workload.pod, index, &format!("/volumeMounts/{at}/{field}"), |name| {
                        format!("{name} mounts a part of a volume, which Kata Containers do not support")
                    });
                    reporter.report(sandbox.explain(violation).advice("mount the whole volume"));
                }
            }
        });
    }),
};
