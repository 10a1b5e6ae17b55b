//! `IMG-no-digest`

use super::each;
use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::parameters::DIGEST_EXEMPT;
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-no-digest",
    title: "Image not pinned by digest",
    severity: Severity::Low,
    docs: "
## What it detects
An image reference without a valid digest. Repositories in the parameter `digest-exempt-repositories` are left out.

## Why it matters
Whoever can write to the registry can move any tag, a version too. A digest is the image: what was tested and scanned is what runs, whatever happens to the tag.

## How to fix
Append the digest of the image, as `crane digest` or the build prints it, and let an update bot (Renovate, Dependabot) keep tag and digest current.
",
    references: &[kubescape("C-0306"), docs("image digests", "https://kubernetes.io/docs/concepts/containers/images/#image-names")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        if image.reference.is_pinned() || reporter.parameters.get(&DIGEST_EXEMPT).any(|place| image.reference.is_from(place)) {
            return;
        }
        let written = image.written;
        let violation = image.violation(|owner| match image.reference.digest {
            Some(_) => format!("{owner} runs `{written}`, whose digest is not a valid one"),
            None => format!("{owner} runs `{written}` without a digest"),
        });
        reporter.report(image.pinned(violation, "append `@` and the digest of the image", reporter));
    });
}
