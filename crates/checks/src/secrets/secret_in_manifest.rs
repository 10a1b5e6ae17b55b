//! `SEC-secret-in-manifest`

use super::credential::{is_masked, is_reference};
use crate::base64;
use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Origin, Severity, Violation, escape};

pub(super) static CHECK: Check = Check {
    id: "SEC-secret-in-manifest",
    title: "Secret kept in a manifest",
    severity: Severity::Medium,
    docs: "
## What it detects
A Secret in a manifest, not one read from a cluster, with values in `data` or `stringData`. Values that SOPS has encrypted, references to a vault and placeholders are left out. Of Secrets that a renderer has filled in, it cannot be known where the values are kept.

## Why it matters
Base64 is no encryption. Whoever may read the repository, its backups and its caches has the values, and its history keeps them after they are changed.

## How to fix
Replace the values, for they are known by now. Keep them in a vault and have External Secrets Operator or the Secrets Store CSI driver bring them in, or encrypt the manifest (SOPS, Sealed Secrets).
",
    references: &[
        mitre("T1552"),
        docs("good practices for Secrets", "https://kubernetes.io/docs/concepts/security/secrets-good-practices/#avoid-sharing-secret-manifests"),
    ],
    run: Run::Object(&["Secret"], look),
};

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let origin = object.node.location().source.origin;
    // What an API server has stored has a uid, wherever it was saved since.
    if origin == Origin::Live || object.uid().is_some() || object.node.document().root().is_some_and(|root| root.get("sops").is_some()) {
        return;
    }
    for field in ["data", "stringData"] {
        for (key, value) in object.node.get(field).into_iter().flat_map(Node::entries) {
            let written = value.text().trim();
            let decoded = (field == "data").then(|| base64::text(written)).flatten();
            let kept = |text: &str| !text.trim().is_empty() && !is_reference(text) && !is_masked(text);
            if !kept(written) || !decoded.as_deref().is_none_or(kept) {
                continue;
            }
            let name = key.text();
            if origin == Origin::Rendered {
                reporter.unknown(format!("where the value of `{name}`, which was rendered, is kept"));
                return;
            }
            let violation =
                Violation::at(format!("/{field}/{}", escape(name)), format!("the value of `{name}` can be read in the manifest"));
            reporter.report(violation.advice("keep the value in a vault or encrypt the manifest, and replace it").concealed());
        }
    }
}
