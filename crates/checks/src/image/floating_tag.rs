//! `IMG-floating-tag`

use super::each;
use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-floating-tag",
    title: "Image by a tag that moves",
    severity: Severity::Medium,
    docs: "
## What it detects
An image without a tag, with the tag `latest`, or with a tag that the parameter `floating-tags` lists, unless a digest stands beside it.

## Why it matters
Such a tag means something else tomorrow. Two pods of one Deployment may run different programs, a restart may bring in an untested or malicious one, and a rollback brings back nothing.

## How to fix
Name a released version, better with its digest: `registry.example.com/web:1.4.2@sha256:…`.
",
    references: &[kubescape("C-0304"), docs("images", "https://kubernetes.io/docs/concepts/containers/images/#image-names")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        if !image.is_floating(reporter) {
            return;
        }
        let written = image.written;
        let violation = image.violation(|owner| match image.reference.tag {
            Some(tag) => format!("{owner} runs `{written}`, whose tag `{tag}` moves"),
            None => format!("{owner} runs `{written}` without a tag, which means `latest`"),
        });
        reporter.report(image.pinned(violation, "name the version that was tested, with its digest", reporter));
    });
}
