//! Probes: whether the kubelet can tell that a container works.

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, ContainerKind, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&LIVENESS, &READINESS];

static LIVENESS: Check = Check {
    id: "REL-liveness-probe",
    title: "Nobody notices when the program hangs",
    severity: Severity::Low,
    docs: "
## What it detects
A container of a workload that runs on without a `livenessProbe`. Jobs are left alone: they end.

## Why it matters
A program that hangs without ending is never started again.

## How to fix
Add a probe that fails only where a restart helps. A probe that asks the database makes an outage of one into an outage of all.
",
    references: &[kubescape("C-0056")],
    run: Run::Container(|workload, index, container, reporter| look(workload, index, container, "livenessProbe", reporter)),
};

static READINESS: Check = Check {
    id: "REL-readiness-probe",
    title: "Traffic comes before the program is ready",
    severity: Severity::Low,
    docs: "
## What it detects
A container of a workload that runs on without a `readinessProbe`. Jobs are left alone: nobody sends them traffic.

## Why it matters
Services send requests as soon as the container has started, and a rollout goes on although the new version answers nothing.

## How to fix
Add a probe that succeeds once the program can answer.
",
    references: &[kubescape("C-0018")],
    run: Run::Container(|workload, index, container, reporter| look(workload, index, container, "readinessProbe", reporter)),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, field: &str, reporter: &mut Reporter<'_, '_>) {
    let ends = matches!(workload.object.kind, "Job" | "CronJob");
    if ends || container.kind != ContainerKind::Main || container.at(&[field]).is_some() {
        return;
    }
    let violation = Violation::of_container(&workload.pod, index, &format!("/{field}"), |name| format!("{name} has no `{field}`"));
    let port = container
        .at(&["ports"])
        .and_then(|ports| ports.items().next())
        .and_then(|port| port.get("containerPort"))
        .and_then(plimsoll_model::Node::as_int);
    reporter.report(match port {
        Some(port) => {
            let probe = serde_json::json!({"tcpSocket": {"port": port}});
            violation.cured_by("see that its port answers", Some(probe)).needs("whether an open port means that it works")
        }
        None => violation.advice("add one that fails only where it should"),
    });
}
