//! How the API server writes Secrets down: its EncryptionConfiguration.

use super::data::{Data, File};
use crate::check::reference::{cis, docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::component;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

const KIND: &[&str] = &["hostdata.kubescape.cloud/ControlPlaneInfo"];

pub(super) static ALL: &[Check] = &[
    Check {
        id: "HOST-encryption-key-on-disk",
        title: "Key that Secrets are encrypted with lies beside them",
        severity: Severity::Low,
        docs: "
## What it detects
An EncryptionConfiguration that encrypts Secrets with a key that it holds itself, and not by a key management service (`kms`).

## Why it matters
Who copies the disk of a control plane node, or a backup of it, has the data and the key.

## How to fix
Run a plugin for the key management service of the cloud or of the data centre and name it as first provider (`kms`, `apiVersion: v2`).
",
        references: &[
            kubescape("C-0208"),
            docs("kms", "https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/"),
        ],
        run: Run::Object(KIND, key_on_disk),
    },
    Check {
        id: "HOST-encryption-provider-weak",
        title: "Secrets are written in the clear although encryption is configured",
        severity: Severity::High,
        docs: "
## What it detects
An EncryptionConfiguration that names Secrets and whose first provider for them is `identity`. The first provider is the one that is written with; others are for reading.

## Why it matters
Secrets are stored as they are. Who reads etcd, its disk or its backup reads them.

## How to fix
Put `kms`, `secretbox`, `aesgcm` or `aescbc` first, restart the API server, then write all Secrets anew: `kubectl get secrets -A -o json | kubectl replace -f -`.
",
        references: &[
            cis("1.2.28"),
            kubescape("C-0142"),
            docs("encryption", "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"),
            mitre("T1552.001"),
        ],
        run: Run::Object(KIND, provider_weak),
    },
    Check {
        id: "HOST-encryption-secrets-left-out",
        title: "Encryption is configured, but not of Secrets",
        severity: Severity::High,
        docs: "
## What it detects
An EncryptionConfiguration none of whose entries covers Secrets.

## Why it matters
Secrets are stored as they are. Who reads etcd, its disk or its backup reads them.

## How to fix
Add `secrets` to the `resources` of an entry, restart the API server, then write all Secrets anew: `kubectl get secrets -A -o json | kubectl replace -f -`.
",
        references: &[
            cis("1.2.27"),
            kubescape("C-0141"),
            docs("encryption", "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"),
            mitre("T1552.001"),
        ],
        run: Run::Object(KIND, secrets_left_out),
    },
];

fn key_on_disk(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    entries(object, reporter, |file, root, reporter| {
        let Some(entry) = of_secrets(root) else { return };
        // What is written in the clear has no key at all.
        if let Some(provider) = first_provider(entry).filter(|provider| !matches!(*provider, "kms" | "identity")) {
            let violation = at(file, format!("Secrets are encrypted with a key that stands in {}", file.name()));
            reporter.report(violation.because(format!("the first provider is `{provider}`")).advice("name a `kms` provider first"));
        }
    });
}

fn provider_weak(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    entries(object, reporter, |file, root, reporter| {
        let Some(entry) = of_secrets(root) else { return };
        if first_provider(entry).is_none_or(|provider| provider == "identity") {
            let violation = at(file, format!("Secrets are written in the clear by {}", file.name()));
            let violation = violation.because("its first provider for Secrets is `identity`");
            reporter
                .report(violation.advice("put `kms`, `secretbox`, `aesgcm` or `aescbc` before `identity`, then write all Secrets anew"));
        }
    });
}

fn secrets_left_out(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    entries(object, reporter, |file, root, reporter| {
        if of_secrets(root).is_none() {
            let violation = at(file, format!("no entry of {} covers Secrets", file.name()));
            reporter.report(violation.advice("add `secrets` to the `resources` of an entry, then write all Secrets anew"));
        }
    });
}

/// Calls `look` with the EncryptionConfiguration of the API server. Whether there is one is another check's.
fn entries(object: &Object<'_>, reporter: &mut Reporter<'_, '_>, look: impl Fn(&File<'_>, Node<'_>, &mut Reporter<'_, '_>)) {
    let Some(server) = Data::of(object).and_then(|data| data.at(&["APIServerInfo"])) else { return };
    let Some(file) = server.at(&["encryptionProviderConfigFile"]).and_then(File::of) else {
        let line = server.text("cmdLine");
        if let Some(flag) = component::given(&component::flags(&[(line, String::new())]), "encryption-provider-config") {
            reporter.unknown(format!("the text of {}", flag.value));
        }
        return;
    };
    match file.document(reporter) {
        Some(document) => document.root().into_iter().for_each(|root| look(&file, root, reporter)),
        None => reporter.unknown(format!("the text of {}", file.name())),
    }
}

/// The entry that decides about Secrets: the first that covers them.
fn of_secrets(root: Node<'_>) -> Option<Node<'_>> {
    let covers = |entry: &Node<'_>| {
        let mut resources = entry.get("resources").into_iter().flat_map(Node::items);
        resources.any(|resource| matches!(resource.text(), "secrets" | "*." | "*.*"))
    };
    root.get("resources")?.items().find(covers)
}

fn first_provider(entry: Node<'_>) -> Option<&str> {
    entry.get("providers")?.items().next()?.entries().next().map(|(name, _)| name.text())
}

/// A violation at the text of `file`, which holds keys and is never shown.
fn at(file: &File<'_>, message: String) -> Violation {
    Violation::at(format!("{}/content", file.data.pointer), message).concealed()
}
