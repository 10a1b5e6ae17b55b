//! `SEC-credential-in-config-map`

use super::credential::reason;
use crate::base64;
use crate::check::reference::{docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, escape};

pub(super) static CHECK: Check = Check {
    id: "SEC-credential-in-config-map",
    title: "Credential in a ConfigMap",
    severity: Severity::High,
    docs: "
## What it detects
An entry of a ConfigMap that is a credential, in plain text or in base64: it has the shape of a private key, a token or a URL with a password, matches one of `sensitive-values`, or its key contains one of `sensitive-keys`. Keys and values of the two `-allowed` parameters are left out, and so are paths and references to a vault.

## Why it matters
ConfigMaps are readable to far more users and programs than Secrets, are not encrypted at rest by the usual configurations, and are printed in full by every tool.

## How to fix
Replace the credential, for it is known by now. Keep the new one in a Secret; a program that wants one file can have both parts from a projected volume.
",
    references: &[
        kubescape("C-0012"),
        mitre("T1552"),
        docs("ConfigMaps", "https://kubernetes.io/docs/concepts/configuration/configmap/#motivation"),
    ],
    run: Run::Object(&["ConfigMap"], look),
};

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    for field in ["data", "binaryData"] {
        for (key, value) in object.node.get(field).into_iter().flat_map(Node::entries) {
            let (name, text) = (key.text(), value.text());
            let of_text = |text: &str| reason(name, text, false, reporter.parameters);
            let decoded = || base64::text(text).and_then(|decoded| of_text(&decoded));
            let found = if field == "data" { of_text(text).or_else(decoded) } else { decoded() };
            let Some(found) = found else { continue };
            let message = format!("entry `{name}` of the ConfigMap is a credential");
            let violation = Violation::at(format!("/{field}/{}", escape(name)), message).because(found);
            let cured = violation.cured_by("remove it, and keep a new credential in a Secret", None);
            reporter.report(cured.needs("that all programs which read it have it from a Secret").concealed());
        }
    }
}
