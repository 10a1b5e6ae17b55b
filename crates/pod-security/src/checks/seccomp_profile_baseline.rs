//! `seccompProfile_baseline`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{go_quoted, indices_where, names_where, plural, quoted, setters, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity, escape};

pub(super) static CHECK: Check = Check {
    id: "seccompProfile_baseline",
    level: Level::Baseline,
    versions: &[since(0), since(19)],
    title: "Seccomp is switched off",
    severity: Severity::High,
    docs: "
## What it detects
`securityContext.seccompProfile.type` of the pod or of a container that is neither `RuntimeDefault` nor `Localhost`. Before v1.19 the annotations `seccomp.security.alpha.kubernetes.io/pod` and `container.seccomp.security.alpha.kubernetes.io/<name>` with a value other than `runtime/default`, `docker/default` or `localhost/<profile>`.

## Why it matters
The runtime's profile keeps about sixty system calls from the container that services do not make and exploits of the kernel do: `bpf`, `userfaultfd`, `keyctl`, `mount`, new user namespaces. `Unconfined` opens all of them, even where the node's default would be a profile.

## How to fix
Use `type: RuntimeDefault`. Where a program makes more system calls than that, record a profile of its own and use `type: Localhost`.
",
    references: &[
        Reference { system: "CIS", id: "5.6.2", url: "https://www.cisecurity.org/benchmark/kubernetes" },
        Reference { system: "MITRE", id: "T1611", url: "https://attack.mitre.org/techniques/T1611/" },
    ],
    forbid,
    violations,
};

const FIELD: &str = "/securityContext/seccompProfile/type";
const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

pub(super) fn is_bad(context: &SecurityContext<'_>) -> bool {
    context.seccomp.is_some_and(|kind| !matches!(kind, "RuntimeDefault" | "Localhost"))
}

/// Bad annotations of the pod and of containers that exist, with the container's index.
fn bad_annotations<'a>(pod: &Pod<'a>) -> Vec<(Option<usize>, String, &'a str)> {
    let is_bad = |value: &&str| !(matches!(*value, "runtime/default" | "docker/default") || value.starts_with("localhost/"));
    let mut bad = Vec::new();
    bad.extend(pod.annotation(POD_ANNOTATION).filter(is_bad).map(|value| (None, POD_ANNOTATION.to_owned(), value)));
    if pod.annotations.iter().any(|(key, _)| key.starts_with(CONTAINER_ANNOTATION)) {
        for (index, container) in pod.containers.iter().enumerate() {
            let key = format!("{CONTAINER_ANNOTATION}{}", container.name);
            bad.extend(pod.annotation(&key).filter(is_bad).map(|value| (Some(index), key, value)));
        }
    }
    bad
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    if minor >= 19 {
        return forbid_fields(pod);
    }
    let annotations = sorted(bad_annotations(pod).into_iter().map(|(_, key, value)| format!("{key}={}", go_quoted(value))).collect());
    let detail = || format!("forbidden {} {}", plural(annotations.len(), "annotation", "annotations"), annotations.join(", "));
    (!annotations.is_empty()).then(|| Forbidden::new("seccompProfile", detail()))
}

/// The verdict on profiles that are set and bad.
pub(super) fn forbid_fields(pod: &Pod<'_>) -> Option<Forbidden> {
    let names = names_where(pod, |container| is_bad(&container.security));
    let setters = setters(is_bad(&pod.security), &names);
    if setters.is_empty() {
        return None;
    }
    let contexts = std::iter::once(&pod.security).chain(pod.containers.iter().map(|container| &container.security));
    let kinds = sorted(contexts.filter(|context| is_bad(context)).filter_map(|context| context.seccomp).collect());
    Some(Forbidden::new("seccompProfile", format!("{setters} must not set securityContext.seccompProfile.type to {}", quoted(kinds))))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    if minor >= 19 {
        return violations_of_fields(pod);
    }
    let one = |(container, key, value): (Option<usize>, String, &str)| {
        let message = format!("annotation `{key}` sets seccomp profile `{value}`");
        let violation = Violation::at(format!("/metadata/annotations/{}", escape(&key)), message);
        let violation = violation.cured_by("use the runtime's seccomp profile", Some("runtime/default".into()));
        Violation { container, ..violation.needs("which system calls it makes") }
    };
    bad_annotations(pod).into_iter().map(one).collect()
}

pub(super) fn violations_of_fields(pod: &Pod<'_>) -> Vec<Violation> {
    let message =
        |subject: &str, context: &SecurityContext<'_>| format!("{subject} sets seccomp profile type `{}`", context.seccomp.unwrap_or(""));
    let mut violations = Vec::new();
    if is_bad(&pod.security) {
        violations.push(Violation::at(format!("/spec{FIELD}"), message("the pod", &pod.security)));
    }
    for index in indices_where(pod, |container| is_bad(&container.security)) {
        let Some(container) = pod.containers.get(index) else { continue };
        violations.push(Violation::of_container(pod, index, FIELD, |name| message(name, &container.security)));
    }
    let cured = |violation: Violation| {
        violation.cured_by("use the runtime's seccomp profile", Some("RuntimeDefault".into())).needs("which system calls it makes")
    };
    violations.into_iter().map(cured).collect()
}
