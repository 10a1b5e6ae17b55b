//! `REL-duplicate-env`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};
use std::collections::HashMap;

pub(super) static CHECK: Check = Check {
    id: "REL-duplicate-env",
    title: "Variable is set twice",
    severity: Severity::Low,
    docs: "
## What it detects
Two entries of one name in a container's `env`.

## Why it matters
The last one counts. Tools that merge manifests by name keep either, so the program gets another value after the next change.

## How to fix
Remove all but the last.
",
    references: &[kubescape("C-0295")],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    let mut last: HashMap<&str, usize> = HashMap::new();
    let names = container.at(&["env"]).into_iter().flat_map(Node::items).map(|variable| variable.get("name").map_or("", Node::text));
    for (at, name) in names.enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(before) = last.insert(name, at) {
            let message = |container: &str| format!("{container} sets `{name}` twice; the last one counts");
            let violation = Violation::of_container(&workload.pod, index, &format!("/env/{before}"), message);
            reporter.report(violation.cured_by("remove what does not count", None).needs("whether a variable in between refers to it"));
        }
    }
}
