//! `IMG-retired-registry`

use super::each;
use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-retired-registry",
    title: "Image from a registry that is closed",
    severity: Severity::Medium,
    docs: "
## What it detects
An image from a registry that gets no more images: `k8s.gcr.io` with the projects on `gcr.io` behind it (frozen in April 2023), `gcr.io/kubebuilder` (closed in 2025) and `docker.pkg.github.com` (closed in 2025).

## Why it matters
No fix of a vulnerability will ever appear there, and what is still served may disappear: pods then stop starting, at the latest on a new node.

## How to fix
Use `registry.k8s.io` for images of Kubernetes, which has the same repositories, and otherwise the registry that the project publishes to now.
",
    references: &[
        kubescape("C-0253"),
        docs("k8s.gcr.io is frozen", "https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/"),
    ],
    run: Run::Workload(look),
};

/// Registries and projects, with what has taken over the same repositories.
const RETIRED: [(&str, Option<&str>); 5] = [
    ("k8s.gcr.io/", Some("registry.k8s.io/")),
    ("gcr.io/google-containers/", Some("registry.k8s.io/")),
    ("gcr.io/google_containers/", Some("registry.k8s.io/")),
    ("gcr.io/kubebuilder/", None),
    ("docker.pkg.github.com/", None),
];

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        let Some((retired, heir, rest)) = RETIRED.iter().find_map(|(from, heir)| Some((from, heir, image.written.strip_prefix(from)?)))
        else {
            return;
        };
        let violation = image
            .violation(|owner| format!("{owner} runs `{}`, but `{}` gets no more images", image.written, retired.trim_end_matches('/')));
        reporter.report(match heir {
            Some(heir) => {
                let cured =
                    violation.cured_by(format!("take it from `{}`", heir.trim_end_matches('/')), Some(format!("{heir}{rest}").into()));
                cured.needs("whether the nodes can reach that registry, and whether it has this version")
            }
            None => violation.advice("take it from where the project publishes now"),
        });
    });
}
