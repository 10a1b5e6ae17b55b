//! `CLU-outdated-kubelet`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::version;
use plimsoll_model::{Node, Severity, Violation};

/// The oldest minor version that still gets fixes (Kubernetes release calendar, August 2026).
const OLDEST: u32 = 34;

pub(super) static CHECK: Check = Check {
    id: "CLU-outdated-kubelet",
    title: "Kubelet's version gets no more fixes",
    severity: Severity::Medium,
    docs: "
## What it detects
A node whose kubelet is older than 1.34.

## Why it matters
Kubernetes mends the newest three minor versions. What is found in an older one stays open.

## How to fix
Update the control plane, then the nodes, one minor version after the other.
",
    references: &[kubescape("C-0273")],
    run: Run::Object(&["Node"], |node, reporter| {
        let text = node.node.at(&["status", "nodeInfo", "kubeletVersion"]).map_or("", Node::text);
        match version::parse(text) {
            None => reporter.unknown("the node's status.nodeInfo.kubeletVersion"),
            Some((major, minor, _)) if (major, minor) >= (1, OLDEST) => {}
            Some(_) => {
                let violation = Violation::at("/status/nodeInfo/kubeletVersion", format!("node `{}` runs kubelet {text}", node.name));
                reporter.report(violation.advice("update the node"));
            }
        }
    }),
};
