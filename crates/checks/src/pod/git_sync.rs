//! `POD-git-sync-command`

use crate::check::reference::mitre;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-git-sync-command",
    title: "Command of the manifest's choice runs as git",
    severity: Severity::Medium,
    docs: "
## What it detects
The variable `GITSYNC_GIT` in a container's environment.

## Why it matters
git-sync runs what the variable names instead of `git`. Whoever may change the manifest runs code with the container's account and volumes under the name of a program that is trusted.

## How to fix
Remove the variable; the image has a `git`.
",
    references: &[mitre("T1059")],
    run: Run::Container(|workload, index, container, reporter| {
        for (at, variable) in container.at(&["env"]).into_iter().flat_map(Node::items).enumerate() {
            if variable.get("name").is_some_and(|name| name.text() == "GITSYNC_GIT") {
                let message = |name: &str| format!("{name} lets git-sync run a command of the manifest's choice");
                let violation = Violation::of_container(&workload.pod, index, &format!("/env/{at}"), message);
                reporter.report(violation.cured_by("remove the variable", None).needs("why the image's own `git` will not do"));
            }
        }
    }),
};
