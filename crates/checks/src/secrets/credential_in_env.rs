//! `SEC-credential-in-env`

use super::credential::reason;
use crate::check::reference::{docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "SEC-credential-in-env",
    title: "Credential in an environment variable",
    severity: Severity::High,
    docs: "
## What it detects
An environment variable with a `value` that is a credential: it has the shape of a private key, a token or a URL with a password, matches one of `sensitive-values`, or its name contains one of `sensitive-keys`. Names and values of the two `-allowed` parameters are left out, and so are paths, references to other variables or to a vault, and names that only speak about a credential (`…_NAME`, `…_FILE`, `…_TTL`).

## Why it matters
Whoever may read the workload, its history or the repository that it comes from has the credential. Nothing of that is protected like a Secret, and none of it forgets.

## How to fix
Replace the credential, for it is known by now. Keep the new one in a Secret, filled from a vault if there is one, and mount it as a file.
",
    references: &[
        kubescape("C-0012"),
        kubescape("C-0259"),
        mitre("T1552"),
        docs("Secrets", "https://kubernetes.io/docs/concepts/configuration/secret/"),
    ],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for (at, variable) in container.at(&["env"]).into_iter().flat_map(Node::items).enumerate() {
        let name = variable.get("name").map_or("", Node::text);
        let value = variable.get("value").map_or("", Node::text);
        let Some(reason) = reason(name, value, true, reporter.parameters) else { continue };
        let message = |container: &str| format!("{container} is given a credential in the variable `{name}`");
        let violation = Violation::of_container(&workload.pod, index, &format!("/env/{at}/value"), message).because(reason);
        let entry = violation.pointer.trim_end_matches("/value").to_owned();
        let cured = violation.cured_at("mount a new credential from a Secret and take this one out", entry, None);
        reporter.report(cured.needs("that the program reads a new credential from a file").concealed());
    }
}
