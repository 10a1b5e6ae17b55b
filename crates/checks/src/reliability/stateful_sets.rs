//! What StatefulSets need to be reached and to keep data.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&CLAIM_ACCESS, &CLAIM_STORAGE, &SERVICE];

const KIND: &[&str] = &["apps/StatefulSet"];

static SERVICE: Check = Check {
    id: "REL-stateful-set-service",
    title: "Pods of the StatefulSet have no names in DNS",
    severity: Severity::Low,
    docs: "
## What it detects
A StatefulSet without `serviceName`, or whose Service is not among what was read or not headless (`clusterIP: None`).

## Why it matters
The pods are not found by their names, which is what their peers look for.

## How to fix
Make a headless Service and name it in `serviceName`.
",
    references: &[docs("StatefulSets", "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id")],
    run: Run::Object(KIND, service),
};

fn service(set: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let name = set.node.at(&["spec", "serviceName"]).map_or("", Node::text);
    if name.is_empty() {
        // Not every one has peers that look for it.
        let violation = Violation::at("/spec/serviceName", format!("StatefulSet `{}` names no Service", set.name));
        reporter.report(violation.advice(ADVICE).severity(Severity::Info));
        return;
    }
    let message = match reporter.beside("Service", name) {
        None => format!("Service `{name}` is not there"),
        Some(service) if service.node.at(&["spec", "clusterIP"]).is_none_or(|address| address.text() != "None") => {
            format!("Service `{name}` is not headless")
        }
        Some(_) => return,
    };
    reporter.report(Violation::at("/spec/serviceName", message).advice(ADVICE));
}

const ADVICE: &str = "make a headless Service and name it";

static CLAIM_STORAGE: Check = Check {
    id: "REL-claim-template-storage",
    title: "Claim asks for no storage",
    severity: Severity::Low,
    docs: "
## What it detects
An entry of `volumeClaimTemplates` in a StatefulSet without `resources.requests.storage`.

## Why it matters
The API server refuses the claims, so that no pod starts.

## How to fix
Say how much it needs.
",
    references: &[docs("Claims", "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#resources")],
    run: Run::Object(KIND, |set, reporter| {
        for (at, claim) in claims(set) {
            if claim.at(&["spec", "resources", "requests", "storage"]).is_none() {
                let place = format!("/spec/volumeClaimTemplates/{at}/spec/resources/requests/storage");
                let violation = Violation::at(place, format!("claim `{}` asks for no storage", name(claim)));
                reporter.report(violation.cured_by("ask for some", Some("1Gi".into())).needs("how much it needs"));
            }
        }
    }),
};

static CLAIM_ACCESS: Check = Check {
    id: "REL-claim-template-access",
    title: "Volume may be used from several nodes at once",
    severity: Severity::Info,
    docs: "
## What it detects
An entry of `volumeClaimTemplates` in a StatefulSet whose access modes do not have `ReadWriteOnce` or `ReadWriteOncePod`.

## Why it matters
Each pod has a volume of its own. Where it may be mounted by others, two programs may write to it.

## How to fix
Ask for `ReadWriteOncePod`, or for `ReadWriteOnce` where the driver does not know that.
",
    references: &[docs("Access modes", "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes")],
    run: Run::Object(KIND, |set, reporter| {
        for (at, claim) in claims(set) {
            let mut modes = claim.at(&["spec", "accessModes"]).into_iter().flat_map(Node::items);
            if !modes.any(|mode| matches!(mode.text(), "ReadWriteOnce" | "ReadWriteOncePod")) {
                let place = format!("/spec/volumeClaimTemplates/{at}/spec/accessModes");
                let violation = Violation::at(place, format!("claim `{}` may be used from several nodes", name(claim)));
                let violation = violation.cured_by("one node at a time", Some(serde_json::json!(["ReadWriteOnce"])));
                reporter.report(violation.needs("whether others mount the volume"));
            }
        }
    }),
};

fn claims<'a>(set: &Object<'a>) -> impl Iterator<Item = (usize, Node<'a>)> {
    set.node.at(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items).enumerate()
}

fn name<'a>(claim: Node<'a>) -> &'a str {
    claim.at(&["metadata", "name"]).map_or("", Node::text)
}
