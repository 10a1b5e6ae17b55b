//! Limits of the sandboxes that agents run code in.

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::parameters::{Parameter, SANDBOX_CPU_LIMIT_MAX, SANDBOX_MEMORY_LIMIT_MAX};
use crate::quantity;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&CPU, &MEMORY];

const KINDS: &[&str] = &["extensions.agents.x-k8s.io/SandboxTemplate", "agents.x-k8s.io/SandboxTemplate"];

static CPU: Check = Check {
    id: "REL-sandbox-cpu-limit",
    title: "Sandbox of agents has no CPU limit",
    severity: Severity::High,
    docs: "
## What it detects
A container of a SandboxTemplate without a CPU limit, or with more than the parameter `sandbox-cpu-limit-max`.

## Why it matters
What an agent runs was read by nobody. Without a limit it takes what the node has.

## How to fix
Set `resources.limits.cpu`.
",
    references: &[kubescape("C-0303")],
    run: Run::Object(KINDS, |template, reporter| look(template, "cpu", "1", &SANDBOX_CPU_LIMIT_MAX, reporter)),
};

static MEMORY: Check = Check {
    id: "REL-sandbox-memory-limit",
    title: "Sandbox of agents has no memory limit",
    severity: Severity::High,
    docs: "
## What it detects
A container of a SandboxTemplate without a memory limit, or with more than the parameter `sandbox-memory-limit-max`.

## Why it matters
What an agent runs was read by nobody. Without a limit it takes what the node has.

## How to fix
Set `resources.limits.memory`.
",
    references: &[kubescape("C-0303")],
    run: Run::Object(KINDS, |template, reporter| look(template, "memory", "512Mi", &SANDBOX_MEMORY_LIMIT_MAX, reporter)),
};

fn look(template: &Object<'_>, resource: &'static str, start: &'static str, most: &'static Parameter, reporter: &mut Reporter<'_, '_>) {
    let most = reporter.parameters.get(most).find_map(|text| Some((text.to_owned(), quantity::parse(text)?)));
    let containers = template.node.at(&["spec", "podTemplate", "spec", "containers"]);
    for (at, container) in containers.into_iter().flat_map(Node::items).enumerate() {
        let place = format!("/spec/podTemplate/spec/containers/{at}/resources/limits/{resource}");
        let name = container.get("name").map_or("", Node::text);
        let limit = container.at(&["resources", "limits", resource]).map(Node::text).filter(|limit| !limit.is_empty());
        let (message, value) = match (limit, &most) {
            (None, most) => {
                (format!("container `{name}` has no {resource} limit"), most.as_ref().map_or(start, |(text, _)| text).to_owned())
            }
            (Some(limit), Some((text, most))) if quantity::parse(limit).is_none_or(|limit| limit > *most) => {
                (format!("container `{name}` has {limit} for its {resource} limit, more than {text}"), text.clone())
            }
            _ => continue,
        };
        let violation = Violation::at(place, message).cured_by(format!("set {value}"), Some(value.into()));
        reporter.report(violation.needs("how much the sandbox's work needs"));
    }
}
