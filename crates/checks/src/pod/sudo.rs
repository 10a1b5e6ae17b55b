//! `POD-sudo`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "POD-sudo",
    title: "Command runs sudo",
    severity: Severity::Medium,
    docs: "
## What it detects
The word `sudo` in a container's `command` or `args`.

## Why it matters
The program runs as a user, and becomes root by itself: what the manifest says of the user is not true, and `allowPrivilegeEscalation` has to stay on.

## How to fix
Run as the user that the program needs, and give the capability that it needs.
",
    references: &[kubescape("C-0062"), mitre("T1548")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    for field in ["command", "args"] {
        for (at, word) in container.at(&[field]).into_iter().flat_map(Node::items).enumerate() {
            if word.text().split(|one: char| one.is_whitespace() || ";&|".contains(one)).any(|word| word.rsplit('/').next() == Some("sudo"))
            {
                let violation =
                    Violation::of_container(&workload.pod, index, &format!("/{field}/{at}"), |name| format!("{name} runs sudo"));
                reporter.report(violation.advice("run as the user that it needs"));
            }
        }
    }
}
