//! What RuntimeClasses and the pods that name them say of each other.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::quantity;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Origin, Reference, Severity, Violation, Workload};

pub(super) static ALL: &[&Check] = &[&MISSING, &NO_NODE, &NODE_SELECTOR, &OVERHEAD];

const RUNTIME_CLASS: Reference = docs("RuntimeClass", "https://kubernetes.io/docs/concepts/containers/runtime-class/");
const OVERHEAD_DOCS: Reference = docs("Pod overhead", "https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/");

static MISSING: Check = Check {
    id: "ISO-runtime-class-missing",
    title: "RuntimeClass is not there",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod that names a RuntimeClass which is not among what was read, where other RuntimeClasses or the cluster itself were read. Where neither was, the check says that it does not know.

## Why it matters
The API server refuses the pod. Under pressure somebody removes the name, and with it the isolation.

## How to fix
Correct the name, or create the RuntimeClass with the handler that the nodes have.
",
    references: &[RUNTIME_CLASS],
    run: Run::Workload(|workload, reporter| {
        let Some(name) = workload.pod.runtime_class.filter(|name| !name.is_empty()) else { return };
        if class_of(workload, reporter).is_some() {
            return;
        }
        let known = reporter.inventory.of_kind("RuntimeClass").len();
        let live = workload.object.node.document().source.origin == Origin::Live;
        if known == 0 && !live {
            reporter.unknown(format!("RuntimeClass `{name}`"));
            return;
        }
        let message = format!("RuntimeClass `{name}` is not there: the API server refuses the pod");
        let violation = Violation::at("/spec/runtimeClassName", message).because(format!("{known} RuntimeClasses were read"));
        reporter.report(violation.advice("correct the name, or create the RuntimeClass"));
    }),
};

/// The RuntimeClass that a workload names.
fn class_of<'a>(workload: &Workload<'_>, reporter: &Reporter<'_, 'a>) -> Option<Object<'a>> {
    let name = workload.pod.runtime_class?;
    reporter.inventory.find("RuntimeClass", "", name).filter(|class| class.group() == "node.k8s.io")
}

static NODE_SELECTOR: Check = Check {
    id: "ISO-runtime-class-node-selector",
    title: "Pod and RuntimeClass want different nodes",
    severity: Severity::Medium,
    docs: "
## What it detects
A label in `nodeSelector` of a pod that its RuntimeClass wants with another value (`scheduling.nodeSelector`).

## Why it matters
The API server refuses the pod: it merges both selectors and does not choose between them.

## How to fix
Leave the label to the RuntimeClass.
",
    references: &[RUNTIME_CLASS],
    run: Run::Workload(|workload, reporter| {
        let Some(class) = class_of(workload, reporter) else { return };
        let Some(wanted) = class.node.at(&["scheduling", "nodeSelector"]) else { return };
        for (key, value) in workload.pod.at(&["nodeSelector"]).into_iter().flat_map(Node::entries) {
            let Some(other) = wanted.get(key.text()).filter(|other| other.text() != value.text()) else { continue };
            let pointer = format!("/{}", plimsoll_model::escape(key.text()));
            let message = format!(
                "the pod wants nodes with `{}: {}`, its RuntimeClass `{}` with `{}`: the API server refuses the pod",
                key.text(),
                value.text(),
                class.name,
                other.text()
            );
            let violation =
                Violation::at(format!("/spec/nodeSelector{pointer}"), message).with(&class, format!("/scheduling/nodeSelector{pointer}"));
            reporter.report(violation.cured_by("leave the label to the RuntimeClass", None).needs("which nodes the pod has to run on"));
        }
    }),
};

static NO_NODE: Check = Check {
    id: "ISO-runtime-class-no-node",
    title: "No node fits the RuntimeClass",
    severity: Severity::Medium,
    docs: "
## What it detects
A RuntimeClass whose `scheduling.nodeSelector` no node fulfils, where nodes were read.

## Why it matters
Pods that name the class stay pending.

## How to fix
Label the nodes whose container runtime has the handler, or correct the selector.
",
    references: &[RUNTIME_CLASS],
    run: Run::Object(&["node.k8s.io/RuntimeClass"], |class, reporter| {
        let Some(wanted) = class.node.at(&["scheduling", "nodeSelector"]).filter(|wanted| wanted.entries().next().is_some()) else {
            return;
        };
        if reporter.inventory.of_kind("Node").len() == 0 {
            reporter.unknown("the nodes (Node objects)");
        } else if !reporter.facts.nodes.any_with(wanted) {
            let message = format!("no node carries the labels that RuntimeClass `{}` wants", class.name);
            let violation = Violation::at("/scheduling/nodeSelector", message);
            let violation = violation.because(format!("{} nodes were read", reporter.inventory.of_kind("Node").len()));
            reporter.report(violation.advice("label the nodes that have the handler, or correct the selector"));
        }
    }),
};

static OVERHEAD: Check = Check {
    id: "ISO-runtime-class-overhead",
    title: "Pod and RuntimeClass say different overheads",
    severity: Severity::Medium,
    docs: "
## What it detects
A pod with an `overhead` that is not its RuntimeClass's `overhead.podFixed`, or with one but without a RuntimeClass.

## Why it matters
The API server refuses the pod. The overhead is for it to fill in.

## How to fix
Remove `overhead` from the pod.
",
    references: &[OVERHEAD_DOCS],
    run: Run::Workload(|workload, reporter| {
        let Some(said) = workload.pod.at(&["overhead"]).filter(|said| said.is_map()) else { return };
        let class = class_of(workload, reporter);
        if class.is_none() && workload.pod.runtime_class.is_some() {
            reporter.unknown("the RuntimeClass of the pod");
            return;
        }
        let fixed = class.and_then(|class| class.node.at(&["overhead", "podFixed"]));
        let same = |a: Node<'_>, b: Node<'_>| {
            a.entries().all(|(key, value)| {
                let other = b.get(key.text()).map_or("", Node::text);
                // Quantities are equal in value, not in how they are written.
                other == value.text() || quantity::parse(other).is_some_and(|other| Some(other) == quantity::parse(value.text()))
            })
        };
        if fixed.is_some_and(|fixed| same(fixed, said) && same(said, fixed)) {
            return;
        }
        let message = match class {
            Some(class) => format!("the pod's overhead is not that of RuntimeClass `{}`: the API server refuses the pod", class.name),
            None => "the pod has an overhead but no RuntimeClass: the API server refuses it".to_owned(),
        };
        let violation = Violation::at("/spec/overhead", message).cured_by("remove `overhead`", None);
        reporter.report(match class {
            Some(class) => violation.with(&class, "/overhead/podFixed"),
            None => violation,
        });
    }),
};
