//! `runAsNonRoot`

use super::{since, user_namespace_relaxes};
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{containers, indices_where, names_where, setters};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity};

pub(super) static CHECK: Check = Check {
    id: "runAsNonRoot",
    level: Level::Restricted,
    versions: &[since(0), since(35)],
    title: "May run as root",
    severity: Severity::Medium,
    docs: "
## What it detects
A container for which neither itself nor the pod sets `securityContext.runAsNonRoot: true`, and any `runAsNonRoot: false`. A non-zero `runAsUser` does not satisfy it. From v1.35 on, pods with `hostUsers: false` are left alone.

## Why it matters
Root in a container is root for the kernel: file permissions in images and volumes do not hold it back, and most ways out of a container ask for it. With the field set, the kubelet refuses to start an image that would run as root.

## How to fix
Set `runAsNonRoot: true` at the pod. The image has to name a numeric user other than 0, or `runAsUser` has to be set.
",
    references: &[Reference { system: "KUBESCAPE", id: "C-0013", url: "https://hub.armosec.io/docs/controls" },
        Reference { system: "CIS", id: "5.2.7", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "KEP", id: "127", url: "https://github.com/kubernetes/enhancements/issues/127" },
    ],
    forbid,
    violations,
};

const FIELD: &str = "/securityContext/runAsNonRoot";

fn explicitly_bad(context: &SecurityContext<'_>) -> bool {
    context.run_as_non_root == Some(false)
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    const REASON: &str = "runAsNonRoot != true";
    if user_namespace_relaxes(pod, minor) {
        return None;
    }
    let explicit = names_where(pod, |container| explicitly_bad(&container.security));
    if explicitly_bad(&pod.security) || !explicit.is_empty() {
        let setters = setters(explicitly_bad(&pod.security), &explicit);
        return Some(Forbidden::new(REASON, format!("{setters} must not set securityContext.runAsNonRoot=false")));
    }
    if pod.security.run_as_non_root == Some(true) {
        return None;
    }
    let implicit = names_where(pod, |container| container.security.run_as_non_root.is_none());
    let detail = || format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&implicit));
    (!implicit.is_empty()).then(|| Forbidden::new(REASON, detail()))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    const CURE: &str = "refuse to start as root";
    if user_namespace_relaxes(pod, minor) {
        return Vec::new();
    }
    // What is known of the user decides whether the image has to be looked at.
    let judged = |violation: Violation, user: Option<i64>| match user {
        Some(0) => violation.needs("which user the program can run as: `runAsUser` is 0"),
        Some(_) => violation,
        None => violation.needs("whether the image runs as a numeric user other than 0").probed_by("id -u"),
    };
    let user_of =
        |index: usize| pod.containers.get(index).and_then(|container| container.security.run_as_user).or(pod.security.run_as_user);
    let mut violations = Vec::new();
    if explicitly_bad(&pod.security) {
        let violation = Violation::at(format!("/spec{FIELD}"), "the pod allows its containers to run as root");
        violations.push(judged(violation.cured_by(CURE, Some(true.into())), pod.security.run_as_user));
    }
    for index in indices_where(pod, |container| explicitly_bad(&container.security)) {
        let violation = Violation::of_container(pod, index, FIELD, |container| format!("{container} is allowed to run as root"));
        violations.push(judged(violation.cured_by(CURE, Some(true.into())), user_of(index)));
    }
    if pod.security.run_as_non_root.is_none() {
        for index in indices_where(pod, |container| container.security.run_as_non_root.is_none()) {
            let violation = Violation::of_container(pod, index, FIELD, |container| format!("{container} may run as root"));
            // Where all of the pod's containers lack it, once at the pod is the smallest patch.
            let all = pod.containers.iter().all(|container| container.security.run_as_non_root.is_none());
            let place = if all { format!("/spec{FIELD}") } else { violation.pointer.clone() };
            let user = if all { pod_wide_user(pod) } else { user_of(index) };
            violations.push(judged(violation.cured_at(CURE, place, Some(true.into())), user));
        }
    }
    violations
}

/// A user that says the same of every container: root if one is root, unknown if one is unknown.
fn pod_wide_user(pod: &Pod<'_>) -> Option<i64> {
    let users = pod.containers.iter().map(|container| container.security.run_as_user.or(pod.security.run_as_user));
    let mut common = None;
    for user in users {
        match user {
            None => return None,
            Some(0) => return Some(0),
            Some(user) => common = Some(user),
        }
    }
    common
}
