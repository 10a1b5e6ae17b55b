//! `SEC-credential-in-command`

use super::credential::{flags, is_plain, kind};
use crate::check::reference::{docs, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "SEC-credential-in-command",
    title: "Credential in a command",
    severity: Severity::High,
    docs: "
## What it detects
A credential in `command` or `args` of a container, or in the command of a probe or lifecycle handler: by its shape (private key, token, URL with a password), or as the value of a flag such as `--password` or `--api-key`.

## Why it matters
Besides everybody who may read the workload, all processes that see the container's process list read it, on the node too, and it ends up in audit logs and process monitors.

## How to fix
Replace the credential, for it is known by now. Let the program read it from a mounted Secret; most have a flag that takes a file.
",
    references: &[mitre("T1552"), docs("Secrets", "https://kubernetes.io/docs/concepts/configuration/secret/")],
    run: Run::Container(look),
};

/// Where a container names commands.
const COMMANDS: [&str; 7] = [
    "/command",
    "/args",
    "/livenessProbe/exec/command",
    "/readinessProbe/exec/command",
    "/startupProbe/exec/command",
    "/lifecycle/postStart/exec/command",
    "/lifecycle/preStop/exec/command",
];

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for command in COMMANDS {
        let list = container.node.and_then(|node| node.resolve(command));
        let mut items = list.into_iter().flat_map(Node::items).enumerate().peekable();
        while let Some((at, argument)) = items.next() {
            let text = argument.text();
            let given = || {
                flags(text).find_map(|(flag, value)| {
                    // `--flag` with its value in the next argument.
                    let value = value.or_else(|| items.peek().filter(|_| text == flag).map(|(_, next)| next.text()))?;
                    is_plain(value).then(|| format!("`{flag}` is given its value in the open"))
                })
            };
            let Some(reason) = kind(text).map(|kind| format!("it contains {kind}")).or_else(given) else { continue };
            let message = |container: &str| format!("{container} is started with a credential in its command line");
            let violation = Violation::of_container(&workload.pod, index, &format!("{command}/{at}"), message).because(reason);
            reporter.report(violation.advice("mount the credential from a Secret and name the file").concealed());
        }
    }
}
