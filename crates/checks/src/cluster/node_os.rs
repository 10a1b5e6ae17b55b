//! `CLU-node-os`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

/// Systems made to run containers and little else, as nodes report them in `osImage`.
const MINIMAL: [&str; 7] =
    ["Bottlerocket", "Container-Optimized OS", "Fedora CoreOS", "Flatcar", "Kairos", "Red Hat Enterprise Linux CoreOS", "Talos"];

pub(super) static CHECK: Check = Check {
    id: "CLU-node-os",
    title: "Node runs a general purpose system",
    severity: Severity::Info,
    docs: "
## What it detects
A node whose `osImage` is none of the systems that are made for containers.

## Why it matters
A package manager, a shell and a writable root file system are of use to whoever gets out of a container, and have to be kept up to date.

## How to fix
Consider Bottlerocket, Container-Optimized OS, Flatcar, Talos or CoreOS for new node pools.
",
    references: &[kubescape("C-0226")],
    run: Run::Object(&["Node"], |node, reporter| match node.node.at(&["status", "nodeInfo", "osImage"]).map(Node::text) {
        None => reporter.unknown("the node's status.nodeInfo.osImage"),
        Some(image) if MINIMAL.iter().any(|name| image.starts_with(name)) => {}
        Some(image) => {
            let violation = Violation::at("/status/nodeInfo/osImage", format!("node `{}` runs {image}", node.name));
            reporter.report(violation.advice("use a system that is made for containers"));
        }
    }),
};
