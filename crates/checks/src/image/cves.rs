//! `IMG-cve-…`: versions with holes that are known to be used against clusters, told by the tag.

use super::each;
use super::reference::{Reference, Version};
use crate::check::reference::{cve, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, Workload};

/// The first versions with the hole and, after each, the first one without it.
type Ranges = &'static [(Version, Version)];

const fn range(from: (u32, u32, u32), fixed: (u32, u32, u32)) -> (Version, Version) {
    (Version::new(from.0, from.1, from.2), Version::new(fixed.0, fixed.1, fixed.2))
}

/// The version that cures `version`, if it has the hole.
fn fixed(version: Version, ranges: Ranges) -> Option<Version> {
    ranges.iter().find(|(from, fixed)| *from <= version && version < *fixed).map(|(_, fixed)| *fixed)
}

fn look_at_images(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>, what: &str, is: fn(&Reference<'_>) -> bool, ranges: Ranges) {
    each(workload, reporter, |image, reporter| {
        if !is(&image.reference) {
            return;
        }
        let Some(version) = image.reference.version() else {
            reporter.unknown(format!("the version of {what} in image `{}`", image.written));
            return;
        };
        let Some(fixed) = fixed(version, ranges) else { return };
        let violation = image.violation(|owner| format!("{owner} runs {what} {version}, which has the hole"));
        let name = image.written.split_once('@').map_or(image.written, |(name, _)| name);
        let cured = name.rsplit_once(':').map(|(name, tag)| format!("{name}:{}{fixed}", if tag.starts_with('v') { "v" } else { "" }));
        let what = format!("update to {fixed} or later");
        reporter.report(match cured {
            Some(image) => violation.cured_by(what, Some(image.into())).needs("whether the configuration fits that version"),
            None => violation.advice(what),
        });
    });
}

macro_rules! images {
    ($name:ident, $id:literal, $title:literal, $severity:ident, $url:literal, [$($reference:expr),*], $what:literal, $is:expr, $ranges:expr, $docs:literal) => {
        pub(super) static $name: Check = Check {
            id: $id,
            title: $title,
            severity: Severity::$severity,
            docs: $docs,
            references: &[cve($url, concat!("https://www.cve.org/CVERecord?id=", $url)) $(, $reference)*],
            run: Run::Workload(|workload, reporter| look_at_images(workload, reporter, $what, $is, const { $ranges })),
        };
    };
}

images!(
    CVE_2022_24348,
    "IMG-cve-2022-24348",
    "Argo CD reads files of other applications",
    Medium,
    "CVE-2022-24348",
    [kubescape("C-0081")],
    "Argo CD",
    |image| image.program() == "argocd",
    &[range((0, 0, 0), (2, 1, 9)), range((2, 2, 0), (2, 2, 4))],
    "
## What it detects
An image of Argo CD before 2.1.9, or of 2.2 before 2.2.4.

## Why it matters
A Helm chart may name value files outside of itself. Who may create an application reads the repositories of others on the repository server, with the credentials in them.

## How to fix
Update to a supported release.
"
);

images!(
    CVE_2022_39328,
    "IMG-cve-2022-39328",
    "Grafana lets requests pass without a login",
    Critical,
    "CVE-2022-39328",
    [kubescape("C-0090")],
    "Grafana",
    |image| matches!(image.program(), "grafana" | "grafana-oss" | "grafana-enterprise"),
    &[range((9, 2, 0), (9, 2, 4))],
    "
## What it detects
An image of Grafana 9.2.0 to 9.2.3.

## Why it matters
Under load, a race mixes up the checks of requests that run at the same time: somebody without a login reaches endpoints that only an administrator may call.

## How to fix
Update to 9.2.4 or a supported release.
"
);

images!(
    CVE_2022_47633,
    "IMG-cve-2022-47633",
    "Kyverno accepts images that are not signed",
    High,
    "CVE-2022-47633",
    [kubescape("C-0091")],
    "Kyverno",
    |image| image.program() == "kyverno",
    &[range((1, 8, 3), (1, 8, 5))],
    "
## What it detects
An image of Kyverno 1.8.3 or 1.8.4.

## Why it matters
A registry that answers differently the second time it is asked gets an unsigned image past the verification of signatures.

## How to fix
Update to 1.8.5 or a supported release.
"
);

images!(
    CVE_2025_1974,
    "IMG-cve-2025-1974",
    "Anybody on the pod network runs code in ingress-nginx",
    Critical,
    "CVE-2025-1974",
    [],
    "ingress-nginx",
    |image| image.repository.ends_with("ingress-nginx/controller"),
    &[range((0, 0, 0), (1, 11, 5)), range((1, 12, 0), (1, 12, 1))],
    "
## What it detects
The controller of ingress-nginx before 1.11.5, or 1.12.0.

## Why it matters
Its admission webhook tests a configuration that comes with the request. Whoever reaches it from the pod network runs code in the controller, which may read all Secrets of the cluster.

## How to fix
Update to 1.11.5 or 1.12.1 at least, and plan for a successor: the project has ended. Until then, disable the validating webhook.
"
);

/// Containerd is no image, but a version that a Node tells.
pub(super) static CVE_2022_23648: Check = Check {
    id: "IMG-cve-2022-23648",
    title: "Containerd copies files of the node into containers",
    severity: Severity::High,
    docs: "
## What it detects
A Node whose status reports containerd before 1.4.13, 1.5 before 1.5.10, or 1.6.0.

## Why it matters
The volume paths in an image's configuration are followed out of the image: who chooses the image reads files of the node, the kubelet's credentials among them, from an unprivileged container.

## How to fix
Update containerd on the node, or replace the node by one of a current image.
",
    references: &[cve("CVE-2022-23648", "https://www.cve.org/CVERecord?id=CVE-2022-23648"), kubescape("C-0087")],
    run: Run::Object(&["Node"], look_at_node),
};

fn look_at_node(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const RANGES: Ranges = &[range((0, 0, 0), (1, 4, 13)), range((1, 5, 0), (1, 5, 10)), range((1, 6, 0), (1, 6, 1))];
    let Some(runtime) = object.node.at(&["status", "nodeInfo", "containerRuntimeVersion"]).map(Node::text) else {
        reporter.unknown("the container runtime of the node (`status.nodeInfo`)");
        return;
    };
    let Some(version) = runtime.strip_prefix("containerd://") else { return };
    match Version::parse(version) {
        None => reporter.unknown(format!("which containerd `{version}` is")),
        Some(version) => {
            let Some(fixed) = fixed(version, RANGES) else { return };
            let violation =
                Violation::at("/status/nodeInfo/containerRuntimeVersion", format!("node `{}` runs containerd {version}", object.name));
            reporter.report(violation.advice(format!("update containerd to {fixed} or later")));
        }
    }
}
