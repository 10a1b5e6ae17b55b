//! `SEC-secret-in-env`

use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, ContainerKind, Node, Severity, Violation, Workload};
use serde_json::json;

pub(super) static CHECK: Check = Check {
    id: "SEC-secret-in-env",
    title: "Secret in environment variables",
    severity: Severity::Medium,
    docs: "
## What it detects
A container that takes a Secret into its environment, key by key (`env`) or as a whole (`envFrom`).

## Why it matters
The environment is handed down to every child process, is printed by crash reports and debug pages, and can be read in `/proc` by whoever gets into the container. It also keeps the old value until the pod is made anew.

## How to fix
Mount the Secret as files: only what opens them reads them, and changes arrive without a restart. Most programs take a `…_FILE` variable or a path.
",
    references: &[
        cis("5.4.1"),
        kubescape("C-0207"),
        kubescape("C-0259"),
        mitre("T1552"),
        docs("Secrets as files", "https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod"),
    ],
    run: Run::Container(look),
};

const READS: &str = "whether the program can read the credential from a file";

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, variable) in container.at(&["env"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(from) = variable.at(&["valueFrom", "secretKeyRef"]) else { continue };
        let text = |node: Node<'_>, key| node.get(key).map_or_else(String::new, |node| node.text().to_owned());
        let (name, secret, key) = (text(variable, "name"), text(from, "name"), text(from, "key"));
        let pointer = format!("/env/{at}/valueFrom/secretKeyRef");
        let message = |container: &str| format!("{container} has a key of Secret `{secret}` in its environment, as `{name}`");
        let violation = Violation::of_container(&workload.pod, index, &pointer, message);
        let source = json!({"secretName": secret, "items": [{"key": key, "path": key}]});
        reporter.report(as_file(violation, container, &format!("env/{at}"), &name, source));
    }
    for (at, source) in container.at(&["envFrom"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(from) = source.get("secretRef") else { continue };
        let secret = from.get("name").map_or("", Node::text);
        let pointer = format!("/envFrom/{at}/secretRef");
        let message = |container: &str| format!("{container} has all of Secret `{secret}` in its environment");
        let violation = Violation::of_container(&workload.pod, index, &pointer, message);
        reporter.report(as_file(violation, container, &format!("envFrom/{at}"), secret, json!({"secretName": secret})));
    }
}

/// The Secret at `/etc/secrets/<directory>` in place of `entry`.
fn as_file(violation: Violation, container: &Container<'_>, entry: &str, directory: &str, source: serde_json::Value) -> Violation {
    let kind = match container.kind {
        ContainerKind::Init => "init",
        ContainerKind::Main => "main",
        // Volumes are not added to a pod that runs.
        ContainerKind::Ephemeral => return violation.advice("start the debug container without the Secret"),
    };
    // A name of its own, so that several such changes go together.
    let volume = format!("secret-{kind}-{}-{}", container.index, entry.replace('/', "-").to_lowercase());
    let path = format!("/etc/secrets/{directory}");
    let place = format!("/spec{}", container.pointer());
    violation
        .cured_at("", format!("{place}/{entry}"), None)
        .cured_at("", "/spec/volumes/-", Some(json!({"name": volume, "secret": source})))
        .cured_at(
            format!("mount it at `{path}` instead"),
            format!("{place}/volumeMounts/-"),
            Some(json!({"name": volume, "mountPath": path, "readOnly": true})),
        )
        .needs(READS)
}
