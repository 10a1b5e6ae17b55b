//! `IMG-pull-secret-type`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "IMG-pull-secret-type",
    title: "Pull secret of another type",
    severity: Severity::Low,
    docs: "
## What it detects
An entry of `imagePullSecrets` whose Secret, where it is part of the input, is not of the type `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`.

## Why it matters
The kubelet passes over such a Secret without a word. Private images then start only on nodes that already have them, and a Secret of another purpose is tied to a pod that has no use for it.

## How to fix
Name a Secret made by `kubectl create secret docker-registry`, or remove the entry.
",
    references: &[docs("imagePullSecrets", "https://kubernetes.io/docs/concepts/containers/images/#specifying-imagepullsecrets-on-a-pod")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, entry) in workload.pod.at(&["imagePullSecrets"]).into_iter().flat_map(Node::items).enumerate() {
        let name = entry.get("name").map_or("", Node::text);
        let Some(secret) = reporter.beside("Secret", name) else { continue };
        let kind = secret.node.get("type").map_or("Opaque", Node::text);
        if matches!(kind, "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg") {
            continue;
        }
        let pointer = format!("/spec/imagePullSecrets/{at}");
        let message = format!("Secret `{name}` is of type `{kind}`, which image pulls do not use");
        let violation = Violation::at(format!("{pointer}/name"), message).with(&secret, "/type");
        reporter.report(
            violation
                .cured_at("remove the entry", pointer, None)
                .needs("that no private image depends on a Secret that has yet to be named"),
        );
    }
}
