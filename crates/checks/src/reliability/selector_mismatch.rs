//! `REL-selector-mismatch`

use crate::check::reference::kubescape;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Severity, Violation, Workload, escape, selects};

pub(super) static CHECK: Check = Check {
    id: "REL-selector-mismatch",
    title: "Selector does not select its own pods",
    severity: Severity::Medium,
    docs: "
## What it detects
A controller whose selector does not select the pods that its template makes.

## Why it matters
The API server refuses it.

## How to fix
Give the template the labels that the selector asks for. A selector cannot be changed later.
",
    references: &[kubescape("C-0296")],
    run: Run::Workload(look),
};

fn look(workload: &Workload<'_>, reporter: &mut Reporter<'_, '_>) {
    let object = &workload.object;
    let Some(template) = workload.pod.pointer.strip_suffix("/template") else { return };
    let place = format!("{template}/selector");
    let Some(selector) = object.node.resolve(&place).filter(|selector| selector.is_map()) else { return };
    let labels = workload.pod.labels();
    let has = |(key, value): (Node<'_>, Node<'_>)| {
        labels.and_then(|labels| labels.get(key.text())).is_some_and(|mine| mine.text() == value.text())
    };
    // The selector of a ReplicationController is a plain map of labels.
    let is_plain = object.kind == "ReplicationController";
    let fits = if is_plain { selector.entries().all(has) } else { selects(selector, labels) };
    if fits {
        return;
    }
    let wanted = if is_plain { Some(selector) } else { selector.get("matchLabels") };
    let missing: Vec<(Node<'_>, Node<'_>)> = wanted.into_iter().flat_map(Node::entries).filter(|entry| !has(*entry)).collect();
    let mut violation = Violation::at(place, format!("the selector of {} `{}` does not select its pods", object.kind, object.name));
    violation = violation.advice("give the template the labels that the selector asks for");
    for (key, value) in missing {
        let place = format!("{}/metadata/labels/{}", workload.pod.pointer, escape(key.text()));
        violation = violation.cured_at("give the template the labels that the selector asks for", place, Some(value.text().into()));
    }
    reporter.report_object(violation.needs("whether the label selects the pods of something else too"));
}
