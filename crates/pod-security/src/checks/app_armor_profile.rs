//! `appArmorProfile`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{go_quoted, indices_where, names_where, plural, quoted, setters, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity, escape};

pub(super) static CHECK: Check = Check {
    id: "appArmorProfile",
    level: Level::Baseline,
    versions: &[since(0)],
    title: "AppArmor is switched off",
    severity: Severity::Medium,
    docs: "
## What it detects
`securityContext.appArmorProfile.type` of the pod or of a container that is neither `RuntimeDefault` nor `Localhost`, and an annotation `container.apparmor.security.beta.kubernetes.io/<name>` whose value is not empty, `runtime/default` or `localhost/<profile>`. Annotations count whether or not a container has that name.

## Why it matters
The container runtime's AppArmor profile denies writes to `/proc` and `/sys`, mounts and ptrace of other containers. `Unconfined` takes that away, and nothing else on the node takes its place.

## How to fix
Remove the field or annotation, or name the profile that the container needs with `type: Localhost`.
",
    references: &[Reference { system: "MITRE", id: "T1562.001", url: "https://attack.mitre.org/techniques/T1562/001/" }],
    forbid,
    violations,
};

const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

fn is_bad(context: &SecurityContext<'_>) -> bool {
    context.app_armor.is_some_and(|kind| !matches!(kind, "RuntimeDefault" | "Localhost"))
}

fn bad_annotations<'a>(pod: &Pod<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_bad = |(key, value): &(&str, &str)| {
        key.starts_with(ANNOTATION) && !(value.is_empty() || *value == "runtime/default" || value.starts_with("localhost/"))
    };
    pod.annotations.iter().copied().filter(is_bad)
}

fn forbid(pod: &Pod<'_>, _: u32) -> Option<Forbidden> {
    let names = names_where(pod, |container| is_bad(&container.security));
    let annotations = sorted(bad_annotations(pod).map(|(key, value)| format!("{key}={}", go_quoted(value))).collect());
    if names.is_empty() && annotations.is_empty() && !is_bad(&pod.security) {
        return None;
    }
    let contexts = std::iter::once(&pod.security).chain(pod.containers.iter().map(|container| &container.security));
    let kinds = sorted(contexts.filter(|context| is_bad(context)).filter_map(|context| context.app_armor).collect());
    let mut setters = setters(is_bad(&pod.security), &names);
    if !annotations.is_empty() {
        let word = plural(annotations.len(), "annotation", "annotations");
        setters = if setters.is_empty() { word.to_owned() } else { format!("{setters} and {word}") };
    }
    let values: Vec<&str> = kinds.into_iter().chain(annotations.iter().map(String::as_str)).collect();
    let reason = plural(values.len(), "forbidden AppArmor profile", "forbidden AppArmor profiles");
    Some(Forbidden::new(reason, format!("{setters} must not set AppArmor profile type to {}", quoted(values))))
}

fn violations(pod: &Pod<'_>, _: u32) -> Vec<Violation> {
    const FIELD: &str = "/securityContext/appArmorProfile/type";
    let message = |subject: &str, context: &SecurityContext<'_>| {
        format!("{subject} sets AppArmor profile type `{}`", context.app_armor.unwrap_or(""))
    };
    let cured = |violation: Violation| {
        violation.cured_by("use the runtime's AppArmor profile", Some("RuntimeDefault".into())).needs("what the profile would deny it")
    };
    let mut violations = Vec::new();
    if is_bad(&pod.security) {
        violations.push(cured(Violation::at(format!("/spec{FIELD}"), message("the pod", &pod.security))));
    }
    for index in indices_where(pod, |container| is_bad(&container.security)) {
        let Some(container) = pod.containers.get(index) else { continue };
        violations.push(cured(Violation::of_container(pod, index, FIELD, |name| message(name, &container.security))));
    }
    for (key, value) in bad_annotations(pod) {
        let message = format!("annotation `{key}` sets AppArmor profile `{value}`");
        let mut violation =
            Violation::at(format!("/metadata/annotations/{}", escape(key)), message).cured_by("remove the annotation", None);
        violation.container = pod.containers.iter().position(|container| Some(container.name) == key.strip_prefix(ANNOTATION));
        // An annotation for a container that does not exist does nothing but fail the check.
        violations.push(if violation.container.is_some() { violation.needs("what the profile would deny it") } else { violation });
    }
    violations
}
