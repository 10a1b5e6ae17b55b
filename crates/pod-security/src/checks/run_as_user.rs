//! `runAsUser`

use super::{since, user_namespace_relaxes};
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{indices_where, names_where, setters};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity};

pub(super) static CHECK: Check = Check {
    id: "runAsUser",
    level: Level::Restricted,
    versions: &[since(23), since(35)],
    title: "Runs as root",
    severity: Severity::Medium,
    docs: "
## What it detects
`securityContext.runAsUser: 0` of the pod or of a container. At the pod it counts even if every container sets another user. The check exists since v1.23; from v1.35 on, pods with `hostUsers: false` are left alone.

## Why it matters
User 0 in the container is user 0 for the kernel unless the pod has a user namespace of its own. Most ways out of a container ask for it.

## How to fix
Remove the field if the image names a user, or set a user above 0 that can read what the program needs; `fsGroup` makes volumes writable for it. Where the program has to be root, `hostUsers: false` maps it to a user without rights on the node.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0013", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.7", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "KEP", id: "127", url: "https://github.com/kubernetes/enhancements/issues/127" },
    ],
    forbid,
    violations,
};

const FIELD: &str = "/securityContext/runAsUser";

fn is_bad(context: &SecurityContext<'_>) -> bool {
    context.run_as_user == Some(0)
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if user_namespace_relaxes(pod, minor) {
        return None;
    }
    let names = names_where(pod, |container| is_bad(&container.security));
    let setters = setters(is_bad(&pod.security), &names);
    (!setters.is_empty()).then(|| Forbidden::new("runAsUser=0", format!("{setters} must not set runAsUser=0")))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if user_namespace_relaxes(pod, minor) {
        return Vec::new();
    }
    let cured = |violation: Violation| {
        violation
            .cured_by("do not ask for root", None)
            .needs("which user the image runs as, and whether the program can do without root")
            .probed_by("id -u")
    };
    let of_pod = is_bad(&pod.security).then(|| Violation::at(format!("/spec{FIELD}"), "the pod runs its containers as root"));
    let containers = indices_where(pod, |container| is_bad(&container.security));
    let of_containers =
        containers.into_iter().map(|index| Violation::of_container(pod, index, FIELD, |container| format!("{container} runs as root")));
    of_pod.into_iter().chain(of_containers).map(cured).collect()
}
