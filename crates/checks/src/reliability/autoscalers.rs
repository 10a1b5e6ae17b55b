//! Autoscalers that do not scale, and what they are at odds with.

use super::replicas::{replicas, wanted};
use crate::check::reference::docs;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&MINIMUM, &OVERRULED, &RANGE];

const AUTOSCALER: &[&str] = &["autoscaling/HorizontalPodAutoscaler"];
const REFERENCES: &[Reference] = &[docs("Autoscaling", "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/")];

/// The lowest number of replicas that an autoscaler goes down to; 1 where it says nothing.
pub(super) fn minimum(scaler: &Object<'_>) -> i64 {
    scaler.node.at(&["spec", "minReplicas"]).and_then(Node::as_int).unwrap_or(1)
}

static MINIMUM: Check = Check {
    id: "REL-autoscaler-min-replicas",
    title: "Autoscaler goes down to one pod",
    severity: Severity::Info,
    docs: "
## What it detects
A HorizontalPodAutoscaler whose `minReplicas`, 1 where it says nothing, is less than the parameter `min-replicas`.

## Why it matters
In quiet hours one pod is all there is, and those are the hours in which nodes are drained.

## How to fix
Set `minReplicas` to two or more.
",
    references: REFERENCES,
    run: Run::Object(AUTOSCALER, |scaler, reporter| {
        let (has, wanted) = (minimum(scaler), wanted(reporter));
        if has < wanted {
            let violation = Violation::at("/spec/minReplicas", format!("autoscaler `{}` goes down to {has}", scaler.name));
            let violation = violation.cured_by(format!("stay at {wanted}"), Some(wanted.into()));
            reporter.report(violation.needs("whether two of its pods may run side by side"));
        }
    }),
};

static RANGE: Check = Check {
    id: "REL-autoscaler-range",
    title: "Autoscaler has nowhere to go",
    severity: Severity::Low,
    docs: "
## What it detects
A HorizontalPodAutoscaler whose `maxReplicas` is not more than its `minReplicas`.

## Why it matters
It never scales, and looks as if it did.

## How to fix
Set `maxReplicas` to what the busiest hour needs, or remove the autoscaler.
",
    references: REFERENCES,
    run: Run::Object(AUTOSCALER, |scaler, reporter| {
        let most = scaler.node.at(&["spec", "maxReplicas"]).and_then(Node::as_int);
        if let Some(most) = most.filter(|most| *most <= minimum(scaler)) {
            let message = format!("autoscaler `{}` has {most} for its most and {} for its least", scaler.name, minimum(scaler));
            reporter.report(Violation::at("/spec/maxReplicas", message).advice("set it to what the busiest hour needs"));
        }
    }),
};

static OVERRULED: Check = Check {
    id: "REL-autoscaler-replicas",
    title: "Every update undoes the autoscaler",
    severity: Severity::Low,
    docs: "
## What it detects
A Deployment or StatefulSet with `spec.replicas` that an autoscaler among what was read scales.

## Why it matters
Applying the manifest sets the number back to what it says, in the busiest hour too.

## How to fix
Remove `spec.replicas`.
",
    references: REFERENCES,
    run: Run::Object(&["apps/Deployment", "apps/StatefulSet", "extensions/Deployment"], |object, reporter| {
        if replicas(object).is_some()
            && let Some(scaler) = reporter.exposure.autoscaler(object)
        {
            let message = format!("{} `{}` sets a number that autoscaler `{}` sets, too", object.kind, object.name, scaler.name);
            let violation = Violation::at("/spec/replicas", message).with(&scaler, "/spec/scaleTargetRef");
            let violation = violation.cured_by("let the autoscaler set it", None);
            reporter.report(violation.needs("that the number is taken over once before (`kubectl apply edit-last-applied`)"));
        }
    }),
};
