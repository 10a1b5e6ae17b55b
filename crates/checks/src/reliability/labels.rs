//! Labels that people and tools find workloads by.

use crate::check::reference::{docs, kubescape};
use crate::check::{Check, Run};
use crate::parameters::{COMMON_LABELS, Parameter, RECOMMENDED_LABELS};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation, Workload, escape};

pub(super) static ALL: &[&Check] = &[&COMMON, &INSTANCE, &RECOMMENDED, &VALUES];

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

static INSTANCE: Check = Check {
    id: "REL-instance-label",
    title: "Label says another name than the object has",
    severity: Severity::Info,
    docs: "
## What it detects
A workload whose label `app.kubernetes.io/instance` is another than its name. Where a chart or an application of Argo CD is the instance, this is as it should be.

## Why it matters
Tools that go by the label show it under another name.

## How to fix
Set the label to the name, or leave it if the instance has several workloads.
",
    references: &[],
    run: Run::Workload(|workload, reporter| {
        const LABEL: &str = "app.kubernetes.io/instance";
        let object = &workload.object;
        if let Some(label) = object.label(LABEL).filter(|label| *label != object.name && object.label("helm.sh/chart").is_none()) {
            let message = format!("{} `{}` is labelled as instance `{label}`", object.kind, object.name);
            let violation = Violation::at(format!("/metadata/labels/{}", escape(LABEL)), message);
            let violation = violation.cured_by("set it to the name", Some(object.name.into()));
            reporter.report_object(violation.needs("whether the instance has several workloads"));
        }
    }),
};

static VALUES: Check = Check {
    id: "REL-label-values",
    title: "Label is none",
    severity: Severity::Medium,
    docs: "
## What it detects
A label of an object or of a pod template whose value has more than 63 characters, others than letters, digits, `-`, `_` and `.`, or one of these three at an end; or whose value is no string.

## Why it matters
The API server refuses it.

## How to fix
Shorten it, put it in quotes, or make an annotation of it.
",
    references: &[docs("Labels", "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set")],
    run: Run::Object(&["*"], values),
};

fn values(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const TEMPLATES: [&[&str]; 3] = [&[], &["spec", "template"], &["spec", "jobTemplate", "spec", "template"]];
    for template in TEMPLATES {
        let labels = object.node.at(template).and_then(|node| node.at(&["metadata", "labels"]));
        for (label, value) in labels.into_iter().flat_map(Node::entries).filter(|(_, value)| !value.is_null()) {
            if value.as_str().is_some_and(is_label_value) {
                continue;
            }
            let place: String = template.iter().chain(&["metadata", "labels"]).map(|key| format!("/{key}")).collect();
            let message = format!("label `{}` of {} `{}` is not a label's value", label.text(), object.kind, object.name);
            let violation = Violation::at(format!("{place}/{}", escape(label.text())), message);
            // What is no string for want of quotes only.
            reporter.report(if value.as_str().is_none() && is_label_value(value.text()) {
                violation.cured_by("make a string of it", Some(value.text().into()))
            } else {
                violation.advice("shorten it, or make an annotation of it")
            });
        }
    }
}

/// apimachinery `validation.IsValidLabelValue`.
fn is_label_value(value: &str) -> bool {
    let ends = |one: Option<u8>| one.is_none_or(|one| one.is_ascii_alphanumeric());
    value.len() <= 63
        && value.bytes().all(|one| one.is_ascii_alphanumeric() || matches!(one, b'-' | b'_' | b'.'))
        && ends(value.bytes().next())
        && ends(value.bytes().last())
}

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
