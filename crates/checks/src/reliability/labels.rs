//! Labels that people and tools find workloads by.

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::parameters::{COMMON_LABELS, Parameter, RECOMMENDED_LABELS};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload, escape};

pub(super) static ALL: &[&Check] = &[&COMMON, &RECOMMENDED];

static RECOMMENDED: Check = Check {
    id: "REL-labels",
    title: "Workload carries none of your labels",
    severity: Severity::Info,
    docs: "
## What it detects
A workload, or the template of its pods, without any label of the parameter `recommended-labels`.

## Why it matters
Owners, cost and policies are found by labels.

## How to fix
Add the label that your teams agreed on, or change the parameter to it.
",
    references: &[kubescape("C-0076")],
    run: Run::Workload(|workload, reporter| look(workload, &RECOMMENDED_LABELS, reporter)),
};

static COMMON: Check = Check {
    id: "REL-common-labels",
    title: "Workload carries none of Kubernetes' common labels",
    severity: Severity::Info,
    docs: "
## What it detects
A workload, or the template of its pods, without any label of the parameter `common-labels` (`app.kubernetes.io/name` and its like).

## Why it matters
Tools show and select what belongs together by these labels.

## How to fix
Add `app.kubernetes.io/name` at least.
",
    references: &[kubescape("C-0077")],
    run: Run::Workload(|workload, reporter| look(workload, &COMMON_LABELS, reporter)),
};

fn look(workload: &Workload<'_>, wanted: &'static Parameter, reporter: &mut Reporter<'_, '_>) {
    let lacks = |labels: Option<Node<'_>>, reporter: &Reporter<'_, '_>| {
        !reporter.parameters.get(wanted).any(|name| labels.is_some_and(|labels| labels.get(name).is_some()))
    };
    let Some(first) = reporter.parameters.get(wanted).next().map(str::to_owned) else { return };
    let cure = |violation: Violation| {
        let place = format!("/metadata/labels/{}", escape(&first));
        violation.cured_at(format!("label it `{first}`"), place, Some(workload.object.name.into())).needs("which value its owners use")
    };
    if lacks(workload.object.node.at(&["metadata", "labels"]), reporter) {
        let violation =
            Violation::at("/metadata/labels", format!("{} `{}` has none of the labels", workload.object.kind, workload.object.name));
        reporter.report_object(cure(violation));
    }
    if !workload.pod.pointer.is_empty() && lacks(workload.pod.labels(), reporter) {
        reporter.report(cure(Violation::at("/metadata/labels", "its pods have none of the labels")));
    }
}
