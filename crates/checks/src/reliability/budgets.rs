//! Disruption budgets that keep nodes from being drained, or keep nothing.

use super::autoscalers::minimum;
use super::replicas::replicas;
use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::exposure::budget_targets;
use crate::reporter::Reporter;
use plimsoll_model::{Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&BLOCKS, &NOTHING, &UNHEALTHY];

const BUDGET: &[&str] = &["policy/PodDisruptionBudget"];
const REFERENCES: &[Reference] = &[docs("Disruption budgets", "https://kubernetes.io/docs/tasks/run-application/configure-pdb/")];

static BLOCKS: Check = Check {
    id: "REL-disruption-budget-blocks",
    title: "Disruption budget lets no pod be evicted",
    severity: Severity::Low,
    docs: "
## What it detects
A PodDisruptionBudget with a `maxUnavailable` of 0, or with a `minAvailable` of 100% or of as many pods as a workload that it selects has: its `replicas`, or the least of its autoscaler.

## Why it matters
Nodes with such a pod cannot be drained: updates of the cluster wait, until somebody deletes the pod by force.

## How to fix
Set `maxUnavailable: 1`, and run at least two.
",
    references: REFERENCES,
    run: Run::Object(BUDGET, blocks),
};

fn blocks(budget: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let field = |name| budget.node.at(&["spec", name]);
    let cured = |violation: Violation| {
        let violation = violation.cured_at(CURE, "/spec/minAvailable", None).cured_at(CURE, "/spec/maxUnavailable", Some(1.into()));
        violation.needs("whether the workload stands the loss of one pod")
    };
    if field("maxUnavailable").is_some_and(|most| matches!(most.text(), "0" | "0%")) {
        let message = format!("budget `{}` lets no pod be evicted", budget.name);
        reporter.report(cured(Violation::at("/spec/maxUnavailable", message)));
    }
    let Some(least) = field("minAvailable") else { return };
    let is_all = least.text().strip_suffix('%').and_then(|percent| percent.parse::<u32>().ok()).is_some_and(|percent| percent >= 100);
    let message = if is_all {
        format!("budget `{}` lets no pod be evicted", budget.name)
    } else {
        let Some(least) = least.as_int().filter(|least| *least > 0) else { return };
        let size = |object: &Object<'_>| match reporter.exposure.autoscaler(object) {
            Some(scaler) => Some(minimum(&scaler)),
            None => replicas(object),
        };
        let targets = budget_targets(budget, reporter.inventory);
        let held = targets.iter().find_map(|workload| Some((workload.object, size(&workload.object).filter(|size| *size <= least)?)));
        let Some((object, size)) = held else { return };
        format!("budget `{}` keeps {least} pods of {} `{}`, which may have {size}", budget.name, object.kind, object.name)
    };
    reporter.report(cured(Violation::at("/spec/minAvailable", message)));
}

const CURE: &str = "let one pod at a time be evicted";

static NOTHING: Check = Check {
    id: "REL-disruption-budget-empty",
    title: "Disruption budget keeps nothing",
    severity: Severity::Low,
    docs: "
## What it detects
A PodDisruptionBudget with neither `minAvailable` nor `maxUnavailable`, or without a selector.

## Why it matters
All pods may be evicted at once, and look protected.

## How to fix
Set `maxUnavailable: 1` and a selector.
",
    references: REFERENCES,
    run: Run::Object(BUDGET, |budget, reporter| {
        let has = |field| budget.node.at(&["spec", field]).is_some_and(|value| !value.is_null());
        if !has("minAvailable") && !has("maxUnavailable") {
            let violation = Violation::at("/spec/maxUnavailable", format!("budget `{}` has no limit", budget.name));
            let violation = violation.cured_by(CURE, Some(1.into()));
            reporter.report(violation.needs("whether the workload stands the loss of one pod"));
        } else if !has("selector") {
            let violation = Violation::at("/spec/selector", format!("budget `{}` selects no pods", budget.name));
            reporter.report(violation.advice("select the pods that it is for"));
        }
    }),
};

static UNHEALTHY: Check = Check {
    id: "REL-disruption-budget-unhealthy",
    title: "Broken pods keep a node from being drained",
    severity: Severity::Info,
    docs: "
## What it detects
A PodDisruptionBudget that does not choose an `unhealthyPodEvictionPolicy`.

## Why it matters
By default a pod that is not ready is not evicted as long as the budget is not met: a workload that crashes holds up the update that would mend it.

## How to fix
Set `unhealthyPodEvictionPolicy: AlwaysAllow`, or `IfHealthyBudget` if that is meant.
",
    references: REFERENCES,
    run: Run::Object(BUDGET, |budget, reporter| {
        if budget.node.at(&["spec", "unhealthyPodEvictionPolicy"]).is_none() {
            let message = format!("budget `{}` does not say what becomes of broken pods", budget.name);
            let violation = Violation::at("/spec/unhealthyPodEvictionPolicy", message);
            let violation = violation.cured_by("let broken pods be evicted", Some("AlwaysAllow".into()));
            reporter.report(violation.needs("whether a pod that is not ready may hold data that others lack"));
        }
    }),
};
