//! Requests and limits: there, and within what the user allows.

use crate::check::reference::{kubescape, mitre};
use crate::check::{Check, Run};
use crate::cures::in_namespace;
use crate::parameters::{
    CPU_LIMIT_MAX, CPU_LIMIT_MIN, CPU_REQUEST_MAX, CPU_REQUEST_MIN, MEMORY_LIMIT_MAX, MEMORY_LIMIT_MIN, MEMORY_REQUEST_MAX,
    MEMORY_REQUEST_MIN, Parameter,
};
use crate::quantity;
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

/// A table of checks: one row each.
macro_rules! resources {
    ($($name:ident: $id:literal, $severity:ident, $title:literal, $look:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        $(
            static $name: Check = Check {
                id: concat!("REL-", $id),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Container($look),
            };
        )*
        /// One check a resource and bound.
        pub(super) static ALL: &[&Check] = &[$(&$name),*];
    };
}

resources! {
    CPU_BOUNDS: "cpu-bounds", Medium, "CPU is beyond what is allowed",
        |workload, index, container, reporter| {
            within(workload, index, container, reporter, "requests/cpu", &CPU_REQUEST_MIN, &CPU_REQUEST_MAX);
            within(workload, index, container, reporter, "limits/cpu", &CPU_LIMIT_MIN, &CPU_LIMIT_MAX);
        },
        [kubescape("C-0050")],
        "A CPU request or limit outside of the parameters `cpu-request-min`, `cpu-request-max`, `cpu-limit-min` and `cpu-limit-max`.",
        "One workload takes what the nodes have, or asks for what it cannot live on.",
        "Choose a value within the bounds, or change the bounds.";
    CPU_LIMIT: "cpu-limit", Low, "Container has no CPU limit",
        |workload, index, container, reporter| there(workload, index, container, reporter, "limits", "cpu", "500m"),
        [kubescape("C-0009"), kubescape("C-0050"), kubescape("C-0270"), mitre("T1496")],
        "A container without `resources.limits.cpu`.",
        "What mines coins in it takes all that the node has left. (Whether limits on CPU serve well-behaved programs is disputed: they slow down what could have used idle time.)",
        "Set a limit for what does not have to be fast, or a ResourceQuota or LimitRange for the namespace.";
    CPU_REQUEST: "cpu-request", Low, "Container asks for no CPU",
        |workload, index, container, reporter| there(workload, index, container, reporter, "requests", "cpu", "100m"),
        [kubescape("C-0050"), kubescape("C-0268")],
        "A container without `resources.requests.cpu`, and without a limit that stands in for it.",
        "The scheduler counts it as nothing and puts it where there is nothing left; when the node is busy, it gets the smallest share.",
        "Ask for what it uses in ordinary times.";
    EPHEMERAL_LIMIT: "ephemeral-storage-limit", Info, "Container may fill the node's disk",
        |workload, index, container, reporter| there(workload, index, container, reporter, "limits", "ephemeral-storage", "1Gi"),
        [mitre("T1499")],
        "A container without `resources.limits.ephemeral-storage`.",
        "What it writes to its root file system, its log and `emptyDir` volumes is the node's disk. When that is full, the kubelet evicts its neighbours, too.",
        "Set a limit somewhat above what it writes.";
    EPHEMERAL_REQUEST: "ephemeral-storage-request", Info, "Container asks for no disk",
        |workload, index, container, reporter| there(workload, index, container, reporter, "requests", "ephemeral-storage", "256Mi"),
        [],
        "A container without `resources.requests.ephemeral-storage`, and without a limit that stands in for it.",
        "The scheduler puts it where the disk is full.",
        "Ask for what it writes in ordinary times.";
    MEMORY_BOUNDS: "memory-bounds", Medium, "Memory is beyond what is allowed",
        |workload, index, container, reporter| {
            within(workload, index, container, reporter, "requests/memory", &MEMORY_REQUEST_MIN, &MEMORY_REQUEST_MAX);
            within(workload, index, container, reporter, "limits/memory", &MEMORY_LIMIT_MIN, &MEMORY_LIMIT_MAX);
        },
        [kubescape("C-0004")],
        "A memory request or limit outside of the parameters `memory-request-min`, `memory-request-max`, `memory-limit-min` and `memory-limit-max`.",
        "One workload takes what the nodes have, or asks for what it cannot live on.",
        "Choose a value within the bounds, or change the bounds.";
    MEMORY_LIMIT: "memory-limit", Medium, "Container has no memory limit",
        |workload, index, container, reporter| there(workload, index, container, reporter, "limits", "memory", "256Mi"),
        [kubescape("C-0004"), kubescape("C-0009"), kubescape("C-0271"), mitre("T1499")],
        "A container without `resources.limits.memory`.",
        "It can take the node's memory; the kernel then ends other programs, and the kubelet evicts other pods.",
        "Set a limit somewhat above what it uses at its peak.";
    MEMORY_REQUEST: "memory-request", Low, "Container asks for no memory",
        |workload, index, container, reporter| there(workload, index, container, reporter, "requests", "memory", "128Mi"),
        [kubescape("C-0004"), kubescape("C-0269")],
        "A container without `resources.requests.memory`, and without a limit that stands in for it.",
        "The scheduler counts it as nothing, and it is the first to be evicted.",
        "Ask for what it uses in ordinary times.";
}

/// Reports a resource that is not given; the cure takes the other bound where there is one, else a value to start from.
fn there(
    workload: &Workload<'_>,
    index: usize,
    container: &Container<'_>,
    reporter: &mut Reporter<'_, '_>,
    bound: &'static str,
    resource: &'static str,
    start: &'static str,
) {
    let given = |bound: &str| container.at(&["resources", bound, resource]).map(Node::text).filter(|value| !value.is_empty());
    // A limit without a request is its request, too (core/v1 defaulting).
    let defaulted = bound == "requests" && given("limits").is_some();
    if !container.runs_on() || given(bound).is_some() || defaulted {
        return;
    }
    let other = if bound == "limits" { given("requests") } else { None };
    let place = format!("/resources/{bound}/{resource}");
    let message = |name: &str| format!("{name} has no `resources.{bound}.{resource}`");
    let violation = Violation::of_container(&workload.pod, index, &place, message);
    let violation = violation.cured_by(format!("set {}", other.unwrap_or(start)), Some(other.unwrap_or(start).into()));
    let command = format!("kubectl top pod{} --containers", in_namespace(workload.object.namespace));
    reporter.report(violation.needs(format!("how much {resource} it uses at its peak")).asked_by(command));
}

fn within(
    workload: &Workload<'_>,
    index: usize,
    container: &Container<'_>,
    reporter: &mut Reporter<'_, '_>,
    what: &'static str,
    least: &'static Parameter,
    most: &'static Parameter,
) {
    let Some((bound, resource)) = what.split_once('/') else { return };
    let Some(text) = container.at(&["resources", bound, resource]).map(Node::text) else { return };
    let place = format!("/resources/{what}");
    let Some(value) = quantity::parse(text) else {
        let message = |name: &str| format!("{name} has `{text}` for `{bound}.{resource}`, which is no quantity");
        reporter.report(Violation::of_container(&workload.pod, index, &place, message).advice("write a quantity like 500m or 128Mi"));
        return;
    };
    let limit = |parameter| reporter.parameters.get(parameter).find_map(|text| Some((text.to_owned(), quantity::parse(text)?)));
    let beyond = match (limit(least), limit(most)) {
        (Some((text, least)), _) if value < least => Some((text, "less than")),
        (_, Some((text, most))) if value > most => Some((text, "more than")),
        _ => None,
    };
    if let Some((allowed, how)) = beyond {
        let message = |name: &str| format!("{name} has {text} for `{bound}.{resource}`, {how} {allowed}");
        let violation =
            Violation::of_container(&workload.pod, index, &place, message).cured_by(format!("set {allowed}"), Some(allowed.clone().into()));
        let command = format!("kubectl top pod{} --containers", in_namespace(workload.object.namespace));
        reporter.report(violation.needs("whether it can live with that").asked_by(command));
    }
}
