//! `IMG-retired-project`

use super::each;
use super::reference::Reference;
use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Severity, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-retired-project",
    title: "Software that is no longer maintained",
    severity: Severity::Medium,
    docs: "
## What it detects
The image of a cluster component whose project has ended: ingress-nginx, Tiller, Kubernetes Dashboard, Heapster, Flux 1, Weave Net, Promtail, Grafana Agent, and the frozen images of `bitnamilegacy`.

## Why it matters
What is found in them from now on stays open. Most of them hold wide rights in the cluster or face the network, Tiller both: whoever reaches its port acts as cluster administrator.

## How to fix
Move to what has taken their place; the finding names it.
",
    references: &[
        kubescape("C-0292"),
        docs("Ingress NGINX retirement", "https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/"),
        docs("Helm 2 support ends", "https://helm.sh/blog/helm-v2-deprecation-timeline/"),
    ],
    run: Run::Workload(look),
};

struct Retired {
    is: fn(&Reference<'_>) -> bool,
    name: &'static str,
    ended: &'static str,
    instead: &'static str,
    severity: Severity,
}

const RETIRED: [Retired; 9] = [
    Retired {
        is: |image| {
            let official = matches!(image.registry, "registry.k8s.io" | "k8s.gcr.io");
            image.repository.ends_with("ingress-nginx/controller") || (official && image.repository.starts_with("ingress-nginx/"))
        },
        name: "ingress-nginx",
        ended: "March 2026",
        instead: "a Gateway API implementation or another ingress controller",
        severity: Severity::Medium,
    },
    Retired {
        is: |image| image.program() == "tiller",
        name: "Tiller",
        ended: "November 2020",
        instead: "Helm 3 or later, which runs nothing in the cluster",
        severity: Severity::High,
    },
    Retired {
        is: |image| image.repository.starts_with("kubernetesui/dashboard") || image.program().starts_with("kubernetes-dashboard"),
        name: "Kubernetes Dashboard",
        ended: "January 2026",
        instead: "Headlamp",
        severity: Severity::Medium,
    },
    Retired {
        is: |image| image.program() == "heapster" || image.program().starts_with("heapster-"),
        name: "Heapster",
        ended: "2018",
        instead: "metrics-server",
        severity: Severity::Medium,
    },
    Retired {
        is: |image| image.repository == "fluxcd/flux",
        name: "Flux 1",
        ended: "November 2022",
        instead: "Flux 2",
        severity: Severity::Medium,
    },
    Retired {
        is: |image| matches!(&*image.repository, "weaveworks/weave-kube" | "weaveworks/weave-npc"),
        name: "Weave Net",
        ended: "June 2024",
        instead: "a network plugin that is maintained",
        severity: Severity::Medium,
    },
    Retired {
        is: |image| image.repository == "grafana/promtail",
        name: "Promtail",
        ended: "March 2026",
        instead: "Grafana Alloy or an OpenTelemetry collector",
        severity: Severity::Low,
    },
    Retired {
        is: |image| image.repository == "grafana/agent",
        name: "Grafana Agent",
        ended: "November 2025",
        instead: "Grafana Alloy",
        severity: Severity::Low,
    },
    Retired {
        is: |image| image.repository.starts_with("bitnamilegacy/"),
        name: "the Bitnami legacy catalogue",
        ended: "August 2025",
        instead: "an image that its makers keep up to date",
        severity: Severity::Medium,
    },
];

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    each(workload, reporter, |image, reporter| {
        let Some(retired) = RETIRED.iter().find(|retired| (retired.is)(&image.reference)) else { return };
        let violation =
            image.violation(|owner| format!("{owner} runs `{}` of {}, which ended in {}", image.written, retired.name, retired.ended));
        reporter.report(violation.severity(retired.severity).advice(format!("move to {}", retired.instead)));
    });
}
