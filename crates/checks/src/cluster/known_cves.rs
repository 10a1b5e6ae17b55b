//! Vulnerabilities of Kubernetes itself that objects show.

use crate::check::reference::{cve, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use crate::version;
use plimsoll_model::{Container, Node, Object, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&SUB_PATH, &AGGREGATED_API];

static SUB_PATH: Check = Check {
    id: "CLU-cve-2021-25741",
    title: "Volume part may be exchanged for a directory of the node",
    severity: Severity::High,
    docs: "
## What it detects
A container that mounts a part of a volume (`subPath`), where a node runs a kubelet before 1.19.15, 1.20.11, 1.21.5 or 1.22.2.

## Why it matters
With a symbolic link made at the right moment, the container gets a directory of the node mounted instead (CVE-2021-25741).

## How to fix
Update the kubelets.
",
    references: &[cve("CVE-2021-25741", "https://github.com/kubernetes/kubernetes/issues/104980"), kubescape("C-0058")],
    run: Run::Container(sub_path),
};

fn sub_path(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    const FIXED: &[(u32, u32)] = &[(19, 15), (20, 11), (21, 5), (22, 2)];
    let Some((version, node)) = reporter.facts.kubelets.iter().find(|(version, _)| version::is_before_fix(*version, FIXED)) else { return };
    for (at, mount) in container.at(&["volumeMounts"]).into_iter().flat_map(Node::items).enumerate() {
        if mount.get("subPath").is_some() {
            let (major, minor, patch) = version;
            let place = format!("/volumeMounts/{at}/subPath");
            let violation = Violation::of_container(&workload.pod, index, &place, |name| format!("{name} mounts a part of a volume"));
            let fact = format!("node `{node}` runs kubelet {major}.{minor}.{patch}");
            reporter.report(violation.because(fact).advice("update the kubelets"));
        }
    }
}

static AGGREGATED_API: Check = Check {
    id: "CLU-cve-2022-3172",
    title: "Aggregated API server may send clients elsewhere",
    severity: Severity::Medium,
    docs: "
## What it detects
An APIService that is served by a Service, where the API server is older than 1.22.14, 1.23.11, 1.24.5 or 1.25.1. The version is known from an `APIServerInfo` object.

## Why it matters
An aggregated API server can redirect the API server's clients, with their credentials, to any address (CVE-2022-3172).

## How to fix
Update the API server, or remove the APIService if nobody looks after it.
",
    references: &[cve("CVE-2022-3172", "https://github.com/kubernetes/kubernetes/issues/112513"), kubescape("C-0089")],
    run: Run::Object(&["apiregistration.k8s.io/APIService"], aggregated_api),
};

fn aggregated_api(service: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const FIXED: &[(u32, u32)] = &[(22, 14), (23, 11), (24, 5), (25, 1)];
    let Some(name) = service.node.at(&["spec", "service", "name"]).map(Node::text) else { return };
    let Some(version) = reporter.facts.api_server else {
        reporter.unknown("the version of the API server (an APIServerInfo object)");
        return;
    };
    if version::is_before_fix(version, FIXED) {
        let (major, minor, patch) = version;
        let violation = Violation::at("/spec/service", format!("`{name}` may send clients of the API server elsewhere"));
        reporter.report(violation.because(format!("the API server is {major}.{minor}.{patch}")).advice("update the API server"));
    }
}
