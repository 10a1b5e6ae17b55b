//! `windowsHostProcess`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{indices_where, names_where, setters};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity};

pub(super) static CHECK: Check = Check {
    id: "windowsHostProcess",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "Windows HostProcess container",
    severity: Severity::Critical,
    docs: "
## What it detects
`securityContext.windowsOptions.hostProcess: true` of the pod or of a container.

## Why it matters
A HostProcess container is a process on the Windows node: it sees the node's file system, network and processes, and often runs as `NT AUTHORITY\\SYSTEM`. It is what `privileged` is on Linux.

## How to fix
Remove the option. Node agents that need it belong in a namespace of their own.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0211", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.10", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

const FIELD: &str = "/securityContext/windowsOptions/hostProcess";

fn is_bad(context: &SecurityContext<'_>) -> bool {
    context.windows_host_process == Some(true)
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, |container| is_bad(&container.security));
    let setters = setters(is_bad(&pod.security), &names);
    (!setters.is_empty())
        .then(|| Forbidden::new("hostProcess", format!("{setters} must not set securityContext.windowsOptions.hostProcess=true")))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    let cured = |violation: Violation| {
        violation.cured_by("run it in a container of its own", None).needs("whether it uses the node's files, network or processes")
    };
    let of_pod = is_bad(&pod.security).then(|| Violation::at(format!("/spec{FIELD}"), "the pod runs as a process of the node"));
    let containers = indices_where(pod, |container| is_bad(&container.security));
    let of_containers = containers
        .into_iter()
        .map(|index| Violation::of_container(pod, index, FIELD, |name| format!("{name} runs as a process of the node")));
    of_pod.into_iter().chain(of_containers).map(cured).collect()
}
