//! `HOST-cni-no-network-policy`

use super::data::Data;
use crate::check::reference::{cis, docs, kubescape};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[Check] = &[Check {
    id: "HOST-cni-no-network-policy",
    title: "Network plugin does not enforce network policies",
    severity: Severity::Medium,
    docs: "
## What it detects
A node whose network plugins are known, and none of them enforces network policies by itself. Flannel and the plugin of AWS without its policy agent are such ones.

## Why it matters
Network policies are objects that the API server takes whether or not anybody enforces them. Pods that seem to be shut off are open.

## How to fix
Run a plugin that enforces them (Calico, Cilium, Antrea) beside or instead of the present one, or turn on the policy agent of the cloud's plugin.
",
    references: &[
        cis("5.3.1"),
        kubescape("C-0205"),
        kubescape("C-0230"),
        docs("network-policies", "https://kubernetes.io/docs/concepts/services-networking/network-policies/"),
    ],
    run: Run::Object(&["hostdata.kubescape.cloud/CNIInfo"], look),
}];

/// Plugins that enforce network policies, as host sensors name them.
const ENFORCING: &[&str] = &["Antrea", "Calico", "Canal", "Cilium", "Kindnet", "Kube-router", "OVN-Kubernetes", "WeaveNet"];

fn look(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(data) = Data::of(object) else { return };
    // Multus calls other plugins.
    let all = data.node.get("CNINames").into_iter().flat_map(Node::items).map(Node::text);
    let names: Vec<&str> = all.filter(|name| *name != "Multus").collect();
    if names.is_empty() {
        reporter.unknown(format!("which network plugin runs on `{}`", object.name));
    } else if !names.iter().any(|name| ENFORCING.iter().any(|good| good.eq_ignore_ascii_case(name))) {
        let message = format!("nothing on the node enforces network policies: {}", names.join(", "));
        let violation = Violation::at(format!("{}/CNINames", data.pointer), message);
        reporter.report(violation.advice("run a plugin that enforces network policies, or turn on its policy agent"));
    }
}
