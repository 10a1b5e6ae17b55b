//! `REL-env-source`

use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Container, Node, Severity, Violation, Workload};

pub(super) static CHECK: Check = Check {
    id: "REL-env-source",
    title: "Variable comes from something that is not there",
    severity: Severity::Low,
    docs: "
## What it detects
A variable, or a whole environment, from a Secret or ConfigMap, or from a key of one, that is not among what was read, although the namespace has others of its kind. What is `optional` is left alone.

## Why it matters
The container does not start.

## How to fix
Correct name or key, or say that it is optional.
",
    references: &[],
    run: Run::Container(look),
};

fn look(workload: &Workload<'_>, index: usize, container: &Container<'_>, reporter: &mut Reporter<'_, '_>) {
    const SOURCES: [(&str, &str, &str); 4] = [
        ("env", "secretKeyRef", "Secret"),
        ("env", "configMapKeyRef", "ConfigMap"),
        ("envFrom", "secretRef", "Secret"),
        ("envFrom", "configMapRef", "ConfigMap"),
    ];
    for (list, field, kind) in SOURCES {
        for (at, entry) in container.at(&[list]).into_iter().flat_map(Node::items).enumerate() {
            let holder = if list == "env" { entry.get("valueFrom") } else { Some(entry) };
            let Some(source) = holder.and_then(|holder| holder.get(field)) else { continue };
            let is_optional = source.get("optional").and_then(Node::as_bool) == Some(true);
            if is_optional || !reporter.facts.has_any(kind, workload.object.effective_namespace()) {
                continue;
            }
            let text = |key| source.get(key).map_or("", Node::text);
            let (name, key) = (text("name"), text("key"));
            let message = match reporter.beside(kind, name) {
                None => format!("{kind} `{name}` is not there"),
                Some(object) => {
                    let has = |data| object.node.at(&[data, key]).is_some();
                    // What a controller fills in later has no data yet.
                    let is_filled = ["data", "stringData", "binaryData"].iter().any(|data| object.node.get(data).is_some());
                    if key.is_empty() || !is_filled || has("data") || has("stringData") || has("binaryData") {
                        continue;
                    }
                    format!("{kind} `{name}` has no key `{key}`")
                }
            };
            let place = if list == "env" { format!("/env/{at}/valueFrom/{field}") } else { format!("/envFrom/{at}/{field}") };
            reporter.report(Violation::of_container(&workload.pod, index, &place, |_| message).advice("correct name or key"));
        }
    }
}
