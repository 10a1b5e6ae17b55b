//! `SEC-no-external-store`

use crate::check::reference::{cis, docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "SEC-no-external-store",
    title: "Secrets come from the cluster alone",
    severity: Severity::Info,
    docs: "
## What it detects
A workload that reads Secrets, as files or in its environment, none of which comes from an external store: there is no volume of the Secrets Store CSI driver, no injector of Vault, and no ExternalSecret or owner of that kind for the Secret. A workload without Secrets needs no store.

## Why it matters
Secrets of the cluster are kept in etcd, change only when somebody changes them, and are read by everybody with wide rights in the namespace. A store outside hands out credentials that are short-lived and logs who has taken them.

## How to fix
Where a vault is at hand, mount from it (`csi` with `secretProviderClass`) or let External Secrets Operator keep the Secret.
",
    references: &[
        cis("5.4.2"),
        kubescape("C-0234"),
        docs("external Secret stores", "https://kubernetes.io/docs/concepts/security/secrets-good-practices/#use-third-party-secret-store-providers"),
    ],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let pod = &workload.pod;
    let is_injected = pod.annotation("vault.hashicorp.com/agent-inject") == Some("true");
    let has_provider = |volume: Node<'_>| volume.at(&["csi", "volumeAttributes", "secretProviderClass"]).is_some();
    if is_injected || pod.at(&["volumes"]).into_iter().flat_map(Node::items).any(has_provider) {
        return;
    }
    let Some((pointer, name)) = secrets(workload).into_iter().find(|(_, name)| !is_synchronised(name, reporter)) else { return };
    let violation = Violation::at(pointer, format!("Secret `{name}` comes from no external store"));
    reporter.report(violation.advice("take the Secret from an external store"));
}

/// The Secrets that the pod reads, with the places of their names.
fn secrets<'a>(workload: &Workload<'a>) -> Vec<(String, &'a str)> {
    let mut found = Vec::new();
    for (at, volume) in workload.pod.at(&["volumes"]).into_iter().flat_map(Node::items).enumerate() {
        if let Some(name) = volume.at(&["secret", "secretName"]) {
            found.push((format!("/spec/volumes/{at}/secret/secretName"), name.text()));
        }
        for (of, source) in volume.at(&["projected", "sources"]).into_iter().flat_map(Node::items).enumerate() {
            if let Some(name) = source.at(&["secret", "name"]) {
                found.push((format!("/spec/volumes/{at}/projected/sources/{of}/secret/name"), name.text()));
            }
        }
    }
    for container in &workload.pod.containers {
        for (list, path) in [("env", &["valueFrom", "secretKeyRef", "name"][..]), ("envFrom", &["secretRef", "name"][..])] {
            for (at, entry) in container.at(&[list]).into_iter().flat_map(Node::items).enumerate() {
                if let Some(name) = entry.at(path) {
                    found.push((format!("/spec{}/{list}/{at}/{}", container.pointer(), path.join("/")), name.text()));
                }
            }
        }
    }
    found
}

/// Whether an operator fills the Secret from a store.
fn is_synchronised(name: &str, reporter: &Reporter<'_, '_>) -> bool {
    const KINDS: [&str; 3] = ["ExternalSecret", "VaultStaticSecret", "VaultDynamicSecret"];
    let owned = || {
        let owners = reporter.beside("Secret", name).and_then(|secret| secret.node.at(&["metadata", "ownerReferences"]));
        owners.into_iter().flat_map(Node::items).any(|owner| owner.get("kind").is_some_and(|kind| KINDS.contains(&kind.text())))
    };
    KINDS.iter().any(|kind| reporter.beside(kind, name).is_some()) || owned()
}
