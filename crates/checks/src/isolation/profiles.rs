//! Profiles that a pod names, and whether anything makes them.
//!
//! The Security Profiles Operator writes seccomp profiles below `operator/` and says the path in `status.localhostProfile`;
//! AppArmor profiles carry the name of their object; SELinux types are `<name>_<namespace>.process` (`status.usage`).

use super::{contexts, in_context};
use crate::check::reference::docs;
use crate::check::{Check, Run};
use plimsoll_model::{Container, Node, Pod, Reference, SecurityContext, Severity};

pub(super) static ALL: &[&Check] = &[&APP_ARMOR, &SECCOMP, &SELINUX];

const OPERATOR: Reference =
    docs("Security Profiles Operator", "https://github.com/kubernetes-sigs/security-profiles-operator/blob/main/installation-usage.md");

static SECCOMP: Check = Check {
    id: "ISO-seccomp-profile-missing",
    title: "Seccomp profile is made by nothing",
    severity: Severity::Medium,
    docs: "
## What it detects
`seccompProfile: {type: Localhost}` whose `localhostProfile` stands below `operator/`, where SeccompProfile objects were read and none of them makes it. For other paths, and without such objects, the check says that it does not know.

## Why it matters
The container does not start where the file is missing on the node. Such pods are then often mended with `Unconfined`.

## How to fix
Correct the path to what the SeccompProfile says in `status.localhostProfile`, or create the profile.
",
    references: &[OPERATOR, docs("seccomp", "https://kubernetes.io/docs/tutorials/security/seccomp/")],
    run: Run::Workload(|workload, reporter| {
        let mut missing = None;
        for (index, path) in named(&workload.pod, "seccompProfile", |context| context.seccomp) {
            let known = &reporter.facts.profiles.seccomp;
            if known.contains(path) {
                continue;
            }
            if known.is_empty() || !path.starts_with("operator/") {
                missing.get_or_insert_with(|| format!("the file `{path}` below /var/lib/kubelet/seccomp of the nodes"));
                continue;
            }
            let violation = in_context(&workload.pod, index, "seccompProfile/localhostProfile", |name| {
                format!("no SeccompProfile makes `{path}`: {name} does not start")
            });
            reporter.report(violation.advice("correct the path, or create the SeccompProfile"));
        }
        missing.into_iter().for_each(|missing: String| reporter.unknown(missing));
    }),
};

static APP_ARMOR: Check = Check {
    id: "ISO-apparmor-profile-missing",
    title: "AppArmor profile is made by nothing",
    severity: Severity::Low,
    docs: "
## What it detects
An AppArmor profile of type `Localhost`, in the field or in the annotation, where AppArmorProfile objects were read and none of them has its name. Without such objects the check says that it does not know.

## Why it matters
Unless something else loads the profile into the node's kernel, the pod does not start there.

## How to fix
Correct the name, or create the profile.
",
    references: &[OPERATOR, docs("AppArmor", "https://kubernetes.io/docs/tutorials/security/apparmor/")],
    run: Run::Workload(|workload, reporter| {
        let mut missing = None;
        let pod = &workload.pod;
        let fields = named(pod, "appArmorProfile", |context| context.app_armor);
        let fields = fields.map(|(index, name)| (index, name, None));
        let annotations = super::annotations::app_armor(pod).filter_map(|(key, container, value)| {
            // The field says the same, or another check objects.
            let index = pod.containers.iter().position(|one| one.name == container && one.security.app_armor.is_none())?;
            Some((Some(index), value.strip_prefix("localhost/")?, Some(key)))
        });
        for (index, profile, annotation) in fields.chain(annotations) {
            let known = &reporter.facts.profiles.app_armor;
            if known.contains(profile) {
                continue;
            }
            if known.is_empty() {
                missing.get_or_insert_with(|| format!("whether the nodes have loaded the AppArmor profile `{profile}`"));
                continue;
            }
            let message = |name: &str| format!("no AppArmorProfile makes `{profile}`: {name} does not start unless something else loads it");
            let mut violation = in_context(pod, index, "appArmorProfile/localhostProfile", message);
            if let Some(key) = annotation {
                violation.pointer = format!("/metadata/annotations/{}", plimsoll_model::escape(key));
            }
            reporter.report(violation.advice("correct the name, or create the AppArmorProfile"));
        }
        missing.into_iter().for_each(|missing: String| reporter.unknown(missing));
    }),
};

static SELINUX: Check = Check {
    id: "ISO-selinux-type-missing",
    title: "SELinux type is made by nothing",
    severity: Severity::Medium,
    docs: "
## What it detects
An SELinux type that ends in `.process`, as policies made for a workload do, where SelinuxProfile objects were read and none of them makes it. Without such objects the check says that it does not know.

## Why it matters
The container does not start where the node's policy does not know the type.

## How to fix
Correct the type to what the SelinuxProfile says in `status.usage`, or create the profile.
",
    references: &[OPERATOR],
    run: Run::Workload(|workload, reporter| {
        let mut missing = None;
        for (index, context) in contexts(&workload.pod) {
            let Some(kind) = context.se_linux.map(|options| options.kind).filter(|kind| kind.ends_with(".process")) else { continue };
            let known = &reporter.facts.profiles.selinux;
            if known.contains(kind) {
                continue;
            }
            if known.is_empty() {
                missing.get_or_insert_with(|| format!("whether the policy of the nodes has the SELinux type `{kind}`"));
                continue;
            }
            let violation = in_context(&workload.pod, index, "seLinuxOptions/type", |name| {
                format!("no SelinuxProfile makes the type `{kind}`: {name} does not start")
            });
            reporter.report(violation.advice("correct the type, or create the SelinuxProfile"));
        }
        missing.into_iter().for_each(|missing: String| reporter.unknown(missing));
    }),
};

/// The Localhost profiles that the contexts of a pod name in `field`, whose type `kind` reads.
fn named<'p, 'a>(
    pod: &'p Pod<'a>,
    field: &'static str,
    kind: impl Fn(&SecurityContext<'a>) -> Option<&'a str> + 'p,
) -> impl Iterator<Item = (Option<usize>, &'a str)> + 'p {
    contexts(pod).filter(move |(_, context)| kind(context) == Some("Localhost")).filter_map(move |(index, _)| {
        let path = ["securityContext", field, "localhostProfile"];
        let profile = match index {
            Some(index) => pod.containers.get(index).and_then(|container: &Container<'a>| container.at(&path)),
            None => pod.at(&path),
        };
        Some((index, profile.map(Node::text).filter(|profile| !profile.is_empty())?))
    })
}
