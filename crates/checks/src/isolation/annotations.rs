//! Annotations that once said how a container is confined, and what became of them.
//!
//! AppArmor: the API server copies annotation and field into each other and refuses pods in which they differ
//! (kubernetes pkg/apis/core/validation, since 1.30). Seccomp: the annotations have no effect since 1.27.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Pod, Severity, Violation, Workload, escape};

pub(super) static ALL: &[&Check] = &[&APP_ARMOR_CONTAINER, &APP_ARMOR_DIFFERS, &SECCOMP];

const APP_ARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The AppArmor annotations of a pod: key, container, value.
pub(super) fn app_armor<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> + 'p {
    pod.annotations.iter().filter_map(|(key, value)| Some((*key, key.strip_prefix(APP_ARMOR_PREFIX)?, *value)))
}

fn at(key: &str, message: String) -> Violation {
    Violation::at(format!("/metadata/annotations/{}", escape(key)), message)
}

static APP_ARMOR_CONTAINER: Check = Check {
    id: "ISO-apparmor-annotation-container",
    title: "AppArmor annotation names a container that is not there",
    severity: Severity::Medium,
    docs: "
## What it detects
An annotation `container.apparmor.security.beta.kubernetes.io/<name>` without a container of that name.

## Why it matters
The API server refuses the pod. The container that was meant has no profile of its own.

## How to fix
Set `securityContext.appArmorProfile` of the container and remove the annotation.
",
    references: &[docs("AppArmor", "https://kubernetes.io/docs/tutorials/security/apparmor/")],
    run: Run::Workload(|workload, reporter| {
        for (key, container, _) in app_armor(&workload.pod) {
            if !workload.pod.containers.iter().any(|one| one.name == container) {
                let message = format!("no container has the name `{container}`: the API server refuses the pod");
                reporter.report(at(key, message).cured_by("remove the annotation", None).needs("which container the profile is for"));
            }
        }
    }),
};

static APP_ARMOR_DIFFERS: Check = Check {
    id: "ISO-apparmor-annotation-differs",
    title: "AppArmor annotation and field say different things",
    severity: Severity::Medium,
    docs: "
## What it detects
A container whose AppArmor annotation is not what its own `appArmorProfile` says.

## Why it matters
The API server refuses the pod since 1.30. Before, the annotation counts and the field is dropped.

## How to fix
Remove the annotation, and keep in the field what is meant.
",
    references: &[docs("AppArmor", "https://kubernetes.io/docs/tutorials/security/apparmor/")],
    run: Run::Workload(|workload, reporter| {
        for (key, container, value) in app_armor(&workload.pod) {
            let Some(container) = workload.pod.containers.iter().find(|one| one.name == container) else { continue };
            let Some(kind) = container.security.app_armor else { continue };
            let profile = container.at(&["securityContext", "appArmorProfile", "localhostProfile"]).map_or("", Node::text);
            let same = match kind {
                "RuntimeDefault" => value == "runtime/default",
                "Unconfined" => value == "unconfined",
                "Localhost" => value.strip_prefix("localhost/") == Some(profile),
                // No type that the API has; it refuses the field itself.
                _ => true,
            };
            if !same {
                let message = format!("the annotation says `{value}`, `appArmorProfile` of container `{}` says `{kind}`", container.name);
                reporter.report(at(key, message).cured_by("remove the annotation", None).needs("which of the two is meant"));
            }
        }
    }),
};

static SECCOMP: Check = Check {
    id: "ISO-seccomp-annotation",
    title: "Seccomp annotation has no effect",
    severity: Severity::Medium,
    docs: "
## What it detects
The annotation `seccomp.security.alpha.kubernetes.io/pod`, or `container.seccomp.security.alpha.kubernetes.io/<name>`, where the pod or the container has no `seccompProfile`.

## Why it matters
Kubernetes does not look at these annotations since 1.27: what they ask for vanished with an update of the cluster, and the manifest still looks confined.

## How to fix
Set `securityContext.seccompProfile` and remove the annotation.
",
    references: &[docs("seccomp", "https://kubernetes.io/docs/tutorials/security/seccomp/")],
    run: Run::Workload(seccomp),
};

fn seccomp(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let pod = &workload.pod;
    // A cluster that still looks at them is old enough for other findings.
    for (key, value) in pod.annotations.iter().filter(|(_, value)| *value != "unconfined") {
        let container = key.strip_prefix("container.seccomp.security.alpha.kubernetes.io/");
        if pod.security.seccomp.is_some() || (container.is_none() && *key != "seccomp.security.alpha.kubernetes.io/pod") {
            continue;
        }
        let place = match container {
            None => "/spec/securityContext/seccompProfile".to_owned(),
            Some(name) => match pod.containers.iter().find(|one| one.name == name) {
                Some(one) if one.security.seccomp.is_some() => continue,
                Some(one) => format!("/spec{}/securityContext/seccompProfile", one.pointer()),
                None => continue,
            },
        };
        let profile = match value.strip_prefix("localhost/") {
            Some(path) => serde_json::json!({"type": "Localhost", "localhostProfile": path}),
            None => serde_json::json!({"type": "RuntimeDefault"}),
        };
        let violation = at(key, format!("the annotation asks for `{value}`, and nothing looks at it since Kubernetes 1.27"));
        let violation = violation.cured_at("set `seccompProfile`", place, Some(profile));
        reporter.report(violation.needs("whether the workload runs with the profile, which did not hold of late"));
    }
}
