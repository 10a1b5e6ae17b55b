//! `CLU-pod-security-policy`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "CLU-pod-security-policy",
    title: "All PodSecurityPolicies allow what one should forbid",
    severity: Severity::Medium,
    docs: "
## What it detects
A PodSecurityPolicy (before Kubernetes 1.25) that allows privileged containers, host namespaces, privilege escalation, root, added capabilities, or that drops none, where no other policy among what was read forbids it.

## Why it matters
A pod is admitted if one policy that it may use allows it. Where none forbids a thing, every pod may have it.

## How to fix
PodSecurityPolicy is gone since Kubernetes 1.25: move to Pod Security levels (`plimsoll psa plan`). Until then, let the policy that everybody may use forbid what the `baseline` level forbids.
",
    references: &[
        kubescape("C-0213"), kubescape("C-0214"), kubescape("C-0215"), kubescape("C-0216"), kubescape("C-0217"), kubescape("C-0218"), kubescape("C-0219"),
        kubescape("C-0220"),
    ],
    run: Run::Object(&["policy/PodSecurityPolicy", "extensions/PodSecurityPolicy"], look),
};

/// What a policy allows: its place, what it is, what forbids it.
type Allowance = (&'static str, &'static str, fn(Node<'_>) -> bool, Option<bool>);

const ALLOWANCES: [Allowance; 8] = [
    ("/spec/privileged", "privileged containers", |spec| is(spec, "privileged"), Some(false)),
    ("/spec/hostPID", "the node's process namespace", |spec| is(spec, "hostPID"), Some(false)),
    ("/spec/hostIPC", "the node's IPC namespace", |spec| is(spec, "hostIPC"), Some(false)),
    ("/spec/hostNetwork", "the node's network", |spec| is(spec, "hostNetwork"), Some(false)),
    ("/spec/allowPrivilegeEscalation", "privilege escalation", |spec| is(spec, "allowPrivilegeEscalation"), Some(false)),
    ("/spec/runAsUser/rule", "root", may_be_root, None),
    ("/spec/allowedCapabilities", "added capabilities", |spec| has_items(spec, "allowedCapabilities"), None),
    (
        "/spec/requiredDropCapabilities",
        "all capabilities that containers start with",
        |spec| !has_items(spec, "requiredDropCapabilities"),
        None,
    ),
];

fn is(spec: Node<'_>, field: &str) -> bool {
    spec.get(field).and_then(Node::as_bool) == Some(true)
}

fn has_items(spec: Node<'_>, field: &str) -> bool {
    spec.get(field).is_some_and(|list| list.items().next().is_some())
}

fn may_be_root(spec: Node<'_>) -> bool {
    let ranges = || spec.at(&["runAsUser", "ranges"]).into_iter().flat_map(Node::items);
    match spec.at(&["runAsUser", "rule"]).map_or("", Node::text) {
        "MustRunAsNonRoot" => false,
        "MustRunAs" => !ranges().any(|range| range.get("min").and_then(Node::as_int).is_some_and(|min| min > 0)),
        _ => true,
    }
}

fn look(policy: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(spec) = policy.node.get("spec") else { return };
    for (pointer, what, allows, good) in ALLOWANCES {
        let every = || reporter.inventory.of_kind("PodSecurityPolicy").all(|other| other.node.get("spec").is_none_or(allows));
        if !allows(spec) || !every() {
            continue;
        }
        let violation = Violation::at(pointer, format!("policy `{}` allows {what}", policy.name));
        let violation = match (good, pointer) {
            (Some(good), _) => violation.cured_by("forbid it", Some(good.into())),
            (None, "/spec/runAsUser/rule") => violation.cured_by("forbid it", Some("MustRunAsNonRoot".into())),
            (None, "/spec/allowedCapabilities") => violation.cured_by("forbid it", None),
            (None, _) => violation.cured_by("drop all capabilities", Some(serde_json::json!(["ALL"]))),
        };
        reporter.report(violation.needs("which pods are admitted by this policy alone"));
    }
}
