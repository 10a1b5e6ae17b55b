//! `SEC-secret-in-env`

use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

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

const CURE: &str = "mount the Secret as a file and take it out of the environment";
const READS: &str = "that the program reads the credential from a file";

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let mut report = |entry: String, field: &str, message: String| {
        let violation =
            Violation::of_container(&workload.pod, index, &format!("{entry}{field}"), |container| format!("{container} has {message}"));
        let place = violation.pointer.strip_suffix(field).unwrap_or_default().to_owned();
        reporter.report(violation.cured_at(CURE, place, None).needs(READS));
    };
    for (at, variable) in container.at(&["env"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(from) = variable.at(&["valueFrom", "secretKeyRef"]) else { continue };
        let name = variable.get("name").map_or("", Node::text);
        let secret = from.get("name").map_or("", Node::text);
        report(format!("/env/{at}"), "/valueFrom/secretKeyRef", format!("a key of Secret `{secret}` in its environment, as `{name}`"));
    }
    for (at, source) in container.at(&["envFrom"]).into_iter().flat_map(Node::items).enumerate() {
        let Some(from) = source.get("secretRef") else { continue };
        let secret = from.get("name").map_or("", Node::text);
        report(format!("/envFrom/{at}"), "/secretRef", format!("all of Secret `{secret}` in its environment"));
    }
}
