//! `IMG-registry-not-allowed`

use super::{Reference, each};
use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::parameters::ALLOWED_REGISTRIES;
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-registry-not-allowed",
    title: "Image from a registry that is not allowed",
    severity: Severity::Medium,
    docs: "
## What it detects
An image from outside the places in the parameter `allowed-registries`: registries (`ghcr.io`), domains (`*.azurecr.io`) or repositories (`ghcr.io/acme`). Without that list every registry is allowed.

## Why it matters
A list of the registries that are watched is what keeps images of unknown making out. Each exception is a way around scanning and signing.

## How to fix
Copy the image to an allowed registry, or add its registry to the list.
",
    references: &[kubescape("C-0078"), kubescape("C-0304"), mitre("T1525")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    if reporter.parameters.get(&ALLOWED_REGISTRIES).next().is_none() {
        return;
    }
    each(workload, reporter, |image, reporter| {
        if reporter.parameters.get(&ALLOWED_REGISTRIES).any(|place| image.reference.is_from(place)) {
            return;
        }
        let violation = image.violation(|owner| {
            format!("{owner} runs `{}` from `{}`, which is not an allowed registry", image.written, image.reference.registry)
        });
        let allowed = || reporter.parameters.get(&ALLOWED_REGISTRIES);
        let is_fine = |copy: &Reference<'_>| allowed().any(|place| copy.is_from(place));
        reporter.report(image.copied(violation, "take the image from an allowed registry", reporter, allowed(), is_fine));
    });
}
