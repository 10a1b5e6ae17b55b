//! Probes: whether the kubelet can tell that a container works.

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&IDENTICAL, &LIVENESS, &READINESS];

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

static IDENTICAL: Check = Check {
    id: "REL-probes-identical",
    title: "Container is restarted where it should only wait",
    severity: Severity::Info,
    docs: "
## What it detects
A container whose `livenessProbe` and `readinessProbe` are the same.

## Why it matters
What is not ready for a moment, because a database is slow, is restarted, which makes it slower still.

## How to fix
Let the liveness probe fail only where a restart helps, or later: with a higher `failureThreshold`.
",
    references: &[],
    run: Run::Container(|workload, index, container, reporter| {
        let (Some(live), Some(ready)) = (container.at(&["livenessProbe"]), container.at(&["readinessProbe"])) else { return };
        if is_same(live, ready) {
            let message = |name: &str| format!("the probes of {name} are the same");
            let violation = Violation::of_container(&workload.pod, index, "/livenessProbe", message);
            let place = format!("{}/failureThreshold", violation.pointer);
            let violation = violation.cured_at("restart it later than it is taken out of service", place, Some(10.into()));
            reporter.report(violation.needs("how long it may be out of service"));
        }
    }),
};

/// Whether two nodes say the same, whatever the order of keys.
fn is_same(a: Node<'_>, b: Node<'_>) -> bool {
    if a.is_map() && b.is_map() {
        let of_b = |(key, value): (Node<'_>, Node<'_>)| b.get(key.text()).is_some_and(|other| is_same(value, other));
        a.entries().count() == b.entries().count() && a.entries().all(of_b)
    } else if a.is_list() && b.is_list() {
        a.items().count() == b.items().count() && a.items().zip(b.items()).all(|(a, b)| is_same(a, b))
    } else {
        !a.is_map() && !b.is_map() && !a.is_list() && !b.is_list() && a.text() == b.text()
    }
}

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, field: &str, reporter: &mut Reporter<'_, '_>) {
    let ends = matches!(workload.object.kind, "Job" | "CronJob");
    if ends || !container.runs_on() || container.at(&[field]).is_some() {
        return;
    }
    let violation = Violation::of_container(&workload.pod, index, &format!("/{field}"), |name| format!("{name} has no `{field}`"));
    let port =
        container.at(&["ports"]).and_then(|ports| ports.items().next()).and_then(|port| port.get("containerPort")).and_then(Node::as_int);
    reporter.report(match port {
        Some(port) => {
            let probe = serde_json::json!({"tcpSocket": {"port": port}});
            violation.cured_by("see that its port answers", Some(probe)).needs("whether an open port means that it works")
        }
        None => violation.advice("add one that fails only where it should"),
    });
}
