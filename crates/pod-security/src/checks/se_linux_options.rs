//! `seLinuxOptions`

use super::since;
use crate::Level;
use crate::check::{Check, Forbidden};
use crate::words::{indices_where, names_where, plural, quoted, setters, sorted};
use plimsoll_model::Violation;
use plimsoll_model::{Pod, Reference, SecurityContext, Severity};

pub(super) static CHECK: Check = Check {
    id: "seLinuxOptions",
    level: Level::Baseline,
    versions: &[since(0), since(31)],
    title: "SELinux label of the author's choosing",
    severity: Severity::High,
    docs: "
## What it detects
`securityContext.seLinuxOptions` of the pod or of a container with a `type` other than `container_t`, `container_init_t`, `container_kvm_t` (from v1.31 on also `container_engine_t`), or with any `user` or `role`.

## Why it matters
On nodes with SELinux the type is what keeps a process that escaped its container from the node's files. `spc_t` and other types of the host switch that off for one pod.

## How to fix
Remove the option. Where a program needs more than `container_t` allows, have a type of its own made for it and keep the pod in a namespace that allows it.
",
    references: &[Reference { system: "MITRE", id: "T1562.001", url: "https://attack.mitre.org/techniques/T1562/001/" }],
    forbid,
    violations,
};

fn type_is_bad(kind: &str, minor: u32) -> bool {
    let allowed = matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t");
    !(allowed || minor >= 31 && kind == "container_engine_t")
}

fn is_bad(context: &SecurityContext<'_>, minor: u32) -> bool {
    let bad = |options: plimsoll_model::SeLinuxOptions<'_>| {
        type_is_bad(options.kind, minor) || !options.user.is_empty() || !options.role.is_empty()
    };
    context.se_linux.is_some_and(bad)
}

fn forbid(pod: &Pod<'_>, minor: u32) -> Option<Forbidden> {
    let names = names_where(pod, |container| is_bad(&container.security, minor));
    let setters = setters(is_bad(&pod.security, minor), &names);
    if setters.is_empty() {
        return None;
    }
    let contexts = std::iter::once(&pod.security).chain(pod.containers.iter().map(|container| &container.security));
    let options: Vec<_> = contexts.filter_map(|context| context.se_linux).collect();
    let types = sorted(options.iter().map(|options| options.kind).filter(|kind| type_is_bad(kind, minor)).collect());
    let mut facts = Vec::new();
    if !types.is_empty() {
        facts.push(format!("{} {}", plural(types.len(), "type", "types"), quoted(types)));
    }
    if options.iter().any(|options| !options.user.is_empty()) {
        facts.push("user may not be set".to_owned());
    }
    if options.iter().any(|options| !options.role.is_empty()) {
        facts.push("role may not be set".to_owned());
    }
    Some(Forbidden::new("seLinuxOptions", format!("{setters} set forbidden securityContext.seLinuxOptions: {}", facts.join("; "))))
}

fn violations(pod: &Pod<'_>, minor: u32) -> Vec<Violation> {
    let mut violations = Vec::new();
    let pod_fields = bad_fields(&pod.security, minor);
    violations.extend(pod_fields.map(|(field, value)| {
        Violation::at(format!("/spec/securityContext/seLinuxOptions/{field}"), format!("the pod sets SELinux {field} `{value}`"))
    }));
    for index in indices_where(pod, |container| is_bad(&container.security, minor)) {
        let Some(container) = pod.containers.get(index) else { continue };
        violations.extend(bad_fields(&container.security, minor).map(|(field, value)| {
            let pointer = format!("/securityContext/seLinuxOptions/{field}");
            Violation::of_container(pod, index, &pointer, |container| format!("{container} sets SELinux {field} `{value}`"))
        }));
    }
    let cured =
        |violation: Violation| violation.cured_by("use the runtime's SELinux label", None).needs("what `container_t` would deny it");
    violations.into_iter().map(cured).collect()
}

fn bad_fields<'a>(context: &SecurityContext<'a>, minor: u32) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
    let options = context.se_linux.unwrap_or_default();
    let bad = [
        ("type", options.kind, type_is_bad(options.kind, minor)),
        ("user", options.user, !options.user.is_empty()),
        ("role", options.role, !options.role.is_empty()),
    ];
    bad.into_iter().filter(|(_, _, bad)| *bad).map(|(field, value, _)| (field, value))
}
