//! `SEC-credential-in-annotation`

use super::credential::kind;
use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Object, Severity, Violation, escape};

pub(super) static CHECK: Check = Check {
    id: "SEC-credential-in-annotation",
    title: "Credential in an annotation",
    severity: Severity::High,
    docs: "
## What it detects
An annotation, of an object or of a pod template, whose text has the shape of a credential: a private key, a token, a URL with a password.

## Why it matters
Annotations are readable to everybody who may read the object, are copied to the objects made from it, and are shown by dashboards and logs without any masking.

## How to fix
Replace the credential, for it is known by now. Keep the new one in a Secret and let the annotation name that.
",
    references: &[
        mitre("T1552"),
        docs("annotations", "https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/"),
    ],
    run: Run::Object(&["*"], look),
};

/// Where the annotations of objects and of the pods that they make stand.
const HOLDERS: [&str; 4] =
    ["/metadata", "/spec/template/metadata", "/spec/jobTemplate/spec/template/metadata", "/spec/podTemplate/metadata"];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    for holder in HOLDERS {
        let Some(annotations) = object.node.resolve(holder).and_then(|metadata| metadata.get("annotations")) else { continue };
        for (key, value) in annotations.entries() {
            let name = key.text();
            // A copy of the object, whose credentials are found where they stand.
            if name == "kubectl.kubernetes.io/last-applied-configuration" {
                continue;
            }
            let Some(kind) = kind(value.text()) else { continue };
            let violation = Violation::at(format!("{holder}/annotations/{}", escape(name)), format!("annotation `{name}` contains {kind}"));
            reporter.report(violation.cured_by("remove the annotation", None).needs("whether a program reads it").concealed());
        }
    }
}
