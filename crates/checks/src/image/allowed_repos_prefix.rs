//! `IMG-allowed-repos-prefix`

use crate::check::reference::docs;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "IMG-allowed-repos-prefix",
    title: "Allowed repository lets in others of a longer name",
    severity: Severity::Medium,
    docs: "
## What it detects
An entry of a Gatekeeper constraint `K8sAllowedRepos` that is a part of a name: it ends neither in `/` nor in a tag or digest.

## Why it matters
The template compares beginnings: `registry.example.com` also allows `registry.example.com.evil.org`, and `docker.io/team` also `docker.io/teams`.

## How to fix
End each entry with `/`.
",
    references: &[docs("Allowed repositories", "https://open-policy-agent.github.io/gatekeeper-library/website/validation/allowedrepos/")],
    run: Run::Object(&["constraints.gatekeeper.sh/K8sAllowedRepos"], |constraint, reporter| {
        for (at, repo) in constraint.node.at(&["spec", "parameters", "repos"]).into_iter().flat_map(Node::items).enumerate() {
            let text = repo.text();
            let last = text.rsplit('/').next().unwrap_or(text);
            // `registry:5000` is a port, `team/app:1.2` a tag.
            let is_whole = text.contains('/') && last.contains([':', '@']);
            if !text.is_empty() && !text.ends_with('/') && !is_whole {
                let message = format!("`{text}` lets in whatever begins like it");
                let violation = Violation::at(format!("/spec/parameters/repos/{at}"), message);
                let violation = violation.cured_by("end it with `/`", Some(format!("{text}/").into()));
                reporter.report(violation.needs("whether the entry is the whole name of an image"));
            }
        }
    }),
};
