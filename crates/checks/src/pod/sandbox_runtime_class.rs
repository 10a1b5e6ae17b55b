//! `POD-sandbox-runtime-class`

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::parameters::HARDENED_RUNTIME_CLASSES;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static CHECK: Check = Check {
    id: "POD-sandbox-runtime-class",
    title: "Sandbox of agents has no hardened runtime",
    severity: Severity::High,
    docs: "
## What it detects
A SandboxTemplate whose `runtimeClassName` is missing or not among the parameter `hardened-runtime-classes`.

## Why it matters
A sandbox runs code that nobody has read. With the node's own kernel underneath, one kernel bug is the way out.

## How to fix
Name a RuntimeClass with a kernel of its own, such as gVisor or Kata Containers.
",
    references: &[kubescape("C-0297"), mitre("T1611")],
    run: Run::Object(KINDS, look),
};

const KINDS: &[&str] = &["extensions.agents.x-k8s.io/SandboxTemplate", "agents.x-k8s.io/SandboxTemplate"];

fn look(template: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let class = template.node.at(&["spec", "podTemplate", "spec", "runtimeClassName"]).map_or("", Node::text);
    if reporter.parameters.get(&HARDENED_RUNTIME_CLASSES).any(|good| good == class) {
        return;
    }
    let message = if class.is_empty() {
        "the sandbox names no RuntimeClass".to_owned()
    } else {
        format!("RuntimeClass `{class}` is not a hardened one")
    };
    let good = reporter.parameters.get(&HARDENED_RUNTIME_CLASSES).next().map(str::to_owned);
    let violation = Violation::at("/spec/podTemplate/spec/runtimeClassName", message);
    // A class alone makes no pod of a template that has none.
    let has_pod = template.node.at(&["spec", "podTemplate", "spec"]).is_some_and(Node::is_map);
    reporter.report(match good.filter(|_| has_pod) {
        Some(good) => violation.cured_by(format!("use `{good}`"), Some(good.into())).needs("whether the sandbox's work runs under it"),
        None => violation.advice("name a RuntimeClass with a kernel of its own"),
    });
}
