//! Namespaces that Gatekeeper leaves alone: of its `Config`, and of constraints
//! (<https://open-policy-agent.github.io/gatekeeper/website/docs/exempt-namespaces/>).

use super::{Draft, Imported, any_of};
use crate::peers;
use plimsoll_model::{Node, Object};

pub(super) fn read(objects: &[Object<'_>], imported: &mut Imported) {
    let constraints: Vec<&Object<'_>> = objects.iter().filter(|object| object.group() == "constraints.gatekeeper.sh").collect();
    for constraint in &constraints {
        let Some(excluded) = constraint.node.at(&["spec", "match", "excludedNamespaces"]) else { continue };
        imported.found = true;
        let found = peers::answers("gatekeeper", constraint.kind);
        if found.is_empty() {
            let what = format!("{} ({} {})", excluded.location(), constraint.kind, constraint.name);
            imported.left(&what, "no check answers for constraints of this kind; `scan --policy` keeps to it by itself");
        }
        let reason = format!("excluded from the constraint {} of Gatekeeper", constraint.name);
        imported.add(&Draft { namespace: namespaces(excluded), reason, ..Draft::default() }, found.iter().copied());
    }
    for config in objects.iter().filter(|object| object.group() == "config.gatekeeper.sh" && object.kind == "Config") {
        for entry in config.node.at(&["spec", "match"]).into_iter().flat_map(Node::items) {
            imported.found = true;
            let what = format!("{} (Config)", entry.location());
            let Some(excluded) = entry.get("excludedNamespaces") else { continue };
            let processes: Vec<&str> = entry.get("processes").into_iter().flat_map(Node::items).map(Node::text).collect();
            if !processes.iter().any(|process| matches!(*process, "*" | "audit" | "webhook")) {
                imported.left(&what, format_args!("it holds for {} only", processes.join(", ")));
                continue;
            }
            if constraints.is_empty() {
                imported.left(&what, "it holds for all constraints, and none is here: give them too");
                continue;
            }
            let draft =
                Draft { namespace: namespaces(excluded), reason: "excluded from Gatekeeper by its Config".to_owned(), ..Draft::default() };
            imported
                .push(Draft { ids: constraints.iter().map(|constraint| format!("POLICY-{}", constraint.name)).collect(), ..draft.clone() });
            imported.add(&draft, constraints.iter().flat_map(|constraint| peers::answers("gatekeeper", constraint.kind)).copied());
        }
    }
}

fn namespaces(list: Node<'_>) -> Option<String> {
    any_of(&list.items().map(|one| one.text().to_owned()).collect::<Vec<_>>())
}
