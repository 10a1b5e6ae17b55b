//! The file behind `--encryption-provider-config`: `EncryptionConfiguration`.
//!
//! The first provider of the first entry that names a resource writes; all of its providers read (Kubernetes documentation,
//! *Encrypting Confidential Data at Rest*).

use crate::check::reference::{cis, docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&IDENTITY, &KEY, &PROVIDER, &SECRETS];

const KINDS: &[&str] = &["apiserver.config.k8s.io/EncryptionConfiguration"];
const AT_REST: Reference = docs("Encryption at rest", "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/");

/// The entries of the configuration in order, with their pointer.
fn entries<'a>(object: &Object<'a>) -> impl Iterator<Item = (String, Node<'a>)> {
    let entries = object.node.get("resources").into_iter().flat_map(Node::items).enumerate();
    entries.map(|(at, entry)| (format!("/resources/{at}"), entry))
}

/// The name and configuration of a provider, and where it stands.
fn providers<'a>(base: &str, entry: Node<'a>) -> impl Iterator<Item = (String, &'a str, Node<'a>)> {
    let providers = entry.get("providers").into_iter().flat_map(Node::items).enumerate();
    providers.filter_map(move |(at, provider)| {
        let (name, configuration) = provider.entries().next()?;
        Some((format!("{base}/providers/{at}/{}", plimsoll_model::escape(name.text())), name.text(), configuration))
    })
}

/// The resources of an entry, as `resource` or `resource.group`, or with wildcards.
fn resources<'a>(entry: Node<'a>) -> impl Iterator<Item = &'a str> {
    entry.get("resources").into_iter().flat_map(Node::items).map(Node::text)
}

static IDENTITY: Check = Check {
    id: "CTL-encryption-identity-first",
    title: "Resources are written in the clear",
    severity: Severity::High,
    docs: "
## What it detects
An entry of an EncryptionConfiguration for Secrets, or with a wildcard, whose first provider is `identity`. Entries that take other resources out of a wildcard are left alone.

## Why it matters
The first provider writes. The providers after it only read what was encrypted before, so that from now on everything is stored in the clear, though the file looks as if it encrypted.

## How to fix
Put the provider that encrypts first and `identity` last. Rewrite the objects once.
",
    references: &[cis("1.2.27"), cis("1.2.28"), kubescape("C-0142"), AT_REST],
    run: Run::Object(KINDS, |object, reporter| {
        for (base, entry) in entries(object) {
            // That some resources are left in the clear before a wildcard is how the documentation excludes them.
            let excludes = !resources(entry).any(|name| name == "secrets" || name.contains('*'));
            let mut all = providers(&base, entry);
            if let Some((place, "identity", _)) = all.next().filter(|_| !excludes) {
                let message = match all.next() {
                    Some((_, other, _)) => format!("`identity` is before `{other}`: everything is written in the clear"),
                    None => "`identity` is the only provider: nothing is encrypted".to_owned(),
                };
                reporter.report(Violation::at(place, message).advice("put a provider that encrypts first"));
            }
        }
    }),
};

static SECRETS: Check = Check {
    id: "CTL-encryption-secrets",
    title: "Encryption does not cover Secrets",
    severity: Severity::High,
    docs: "
## What it detects
An EncryptionConfiguration without an entry for `secrets`, `*.` or `*.*`.

## Why it matters
Secrets are what encryption at rest is for. They are stored in the clear.

## How to fix
Add an entry for `secrets`.
",
    references: &[cis("1.2.27"), kubescape("C-0141"), AT_REST],
    run: Run::Object(KINDS, |object, reporter| {
        if !entries(object).any(|(_, entry)| resources(entry).any(|name| matches!(name, "secrets" | "*." | "*.*"))) {
            let violation = Violation::at("/resources", "no entry is for `secrets`");
            reporter.report(violation.advice("add an entry for `secrets`"));
        }
    }),
};

static PROVIDER: Check = Check {
    id: "CTL-encryption-provider",
    title: "Encryption provider is weak",
    severity: Severity::Low,
    docs: "
## What it detects
A provider that writes and is `aescbc`, `aesgcm`, or `kms` with the API version v1.

## Why it matters
`aescbc` does not authenticate what it encrypts: whoever can change etcd can learn what is in it. `aesgcm` is safe only if the key is exchanged every 200,000 writes. KMS v1 asks for each object, is deprecated since 1.28 and off since 1.29.

## How to fix
Use `kms` with `apiVersion: v2`, or `secretbox` where there is no key management.
",
    references: &[cis("1.2.27"), cis("1.2.28"), kubescape("C-0208"), AT_REST],
    run: Run::Object(KINDS, |object, reporter| {
        for (base, entry) in entries(object) {
            let Some((place, name, configuration)) = providers(&base, entry).next() else { continue };
            let version = || configuration.get("apiVersion").map_or("v1", Node::text);
            let message = match name {
                "aescbc" => "`aescbc` does not authenticate what it encrypts",
                "aesgcm" => "`aesgcm` needs a new key every 200,000 writes",
                "kms" if version() == "v1" => "KMS v1 is deprecated, and off since Kubernetes 1.29",
                _ => continue,
            };
            reporter.report(Violation::at(place, message).advice("use `kms` with `apiVersion: v2`, or `secretbox`"));
        }
    }),
};

static KEY: Check = Check {
    id: "CTL-encryption-key",
    title: "Key that encrypts Secrets is written down",
    severity: Severity::High,
    docs: "
## What it detects
A key (16, 24 or 32 bytes in base64) in an EncryptionConfiguration that was read from a file.

## Why it matters
Whoever reads this file and a backup of etcd reads all Secrets, now and of the time since the key came into use. Files that a scanner reads are in a repository more often than on the node alone.

## How to fix
Make a new key on the node, or use a `kms` provider, and rewrite all Secrets. Keep the file with mode 0600 and out of repositories.
",
    references: &[AT_REST, docs("KMS provider", "https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/")],
    run: Run::Object(KINDS, key),
};

fn key(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    // On the node is where the file belongs.
    if reporter.is_inside() {
        return;
    }
    for (base, entry) in entries(object) {
        for (place, name, configuration) in providers(&base, entry) {
            for (at, key) in configuration.get("keys").into_iter().flat_map(Node::items).enumerate() {
                if key.get("secret").is_some_and(|secret| is_key(secret.text())) {
                    let violation = Violation::at(format!("{place}/keys/{at}/secret"), format!("a key of `{name}` is written down here"));
                    reporter
                        .report(violation.concealed().advice("make a new key where only the API server reads it, and rewrite the Secrets"));
                }
            }
        }
    }
}

/// Whether `text` is base64 of a key that AES or secretbox take; what stands in documentation is not.
fn is_key(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let base64 = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    base64 && matches!(digits.len() * 6 / 8, 16 | 24 | 32) && text.len().is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn keys() {
        let table = [
            ("c2VjcmV0IGlzIHNlY3VyZQ==", true),
            ("dGhpcyBpcyBwYXNzd29yZA==", true),
            ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", true),
            ("<BASE 64 ENCODED SECRET>", false),
            ("c2hvcnQ=", false),
            ("", false),
        ];
        for (text, wanted) in table {
            assert_eq!(is_key(text), wanted, "{text}");
        }
    }
}
