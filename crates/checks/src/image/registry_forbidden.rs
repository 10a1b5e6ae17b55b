//! `IMG-registry-forbidden`

use super::{Reference, each};
use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::parameters::{ALLOWED_REGISTRIES, UNTRUSTED_REGISTRIES};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-registry-forbidden",
    title: "Image from a registry that is ruled out",
    severity: Severity::High,
    docs: "
## What it detects
An image from a place in the parameter `untrusted-registries`: a registry (`docker.io`), a domain (`*.example.com`) or a repository (`docker.io/acme`). Docker Hub is recognised under all its names and under none.

## Why it matters
In a public registry anybody may publish. An image of a name that looks right is enough to run the program of a stranger.

## How to fix
Copy the image to a registry of your own, scan it there and run it from there.
",
    references: &[kubescape("C-0001"), mitre("T1525")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        if !reporter.parameters.get(&UNTRUSTED_REGISTRIES).any(|place| image.reference.is_from(place)) {
            return;
        }
        let violation =
            image.violation(|owner| format!("{owner} runs `{}` from `{}`, which is ruled out", image.written, image.reference.registry));
        let is_fine = |copy: &Reference<'_>| !reporter.parameters.get(&UNTRUSTED_REGISTRIES).any(|place| copy.is_from(place));
        let places = reporter.parameters.get(&ALLOWED_REGISTRIES);
        reporter.report(image.copied(violation, "take the image from a registry that is trusted", reporter, places, is_fine));
    });
}
