//! Kubescape's rules of RBAC: who is blamed, and by which roles and bindings.

use super::holding::{Answer, authorizer, evidence, held, subject};
use super::{documents, list, text};
use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Graph, Situation, Step};
use plimsoll_model::rbac::Defaults;
use plimsoll_model::{Document, Inventory, Snapshot, WorkloadKinds};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Deserialize)]
struct Answers {
    rules: BTreeMap<String, Answer>,
}

/// All rules.
pub(crate) fn kubescape_rules(path: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("kubescape-rules.toml")).context("kubescape-rules.toml")?;
    if let Some(name) = answers.rules.values().find_map(Answer::unknown) {
        bail!("kubescape-rules.toml: nothing is called `{name}`");
    }
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let name = || text(&case, "name").to_owned();
        let Some(answer) = answers.rules.get(text(&case, "primitive")) else {
            cases.unreadable(name(), "no primitive answers for the rule");
            continue;
        };
        let documents = documents(list(&case, "objects"));
        let wanted: BTreeSet<String> = list(&case, "expected").map(wanted).collect();
        let got = if answer.settings.is_empty() { by_rules(&documents, answer) } else { by_settings(documents, answer) };
        let shown = |set: &BTreeSet<String>| set.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
        cases.case(name, &shown(&wanted), &shown(&got));
    }
    Ok(cases)
}

/// A subject with what gives it; for a service account that is blamed itself, its name only.
fn wanted(expected: &Json) -> String {
    let of = |object: &Json| format!("{} {}/{}", text(object, "kind"), text(object, "namespace"), text(object, "name"));
    let blamed = &expected["subject"];
    if blamed.is_null() {
        return list(expected, "objects").map(of).collect::<Vec<_>>().join(", ");
    }
    let namespace = if text(blamed, "kind") == "ServiceAccount" { format!("{}/", text(blamed, "namespace")) } else { String::new() };
    let mut related: Vec<String> = list(expected, "related").map(of).collect();
    related.sort();
    format!("{} {namespace}{} by {}", text(blamed, "kind"), text(blamed, "name"), related.join(", "))
}

fn by_rules(documents: &[Document], answer: &Answer) -> BTreeSet<String> {
    let authorizer = authorizer(documents);
    let found = held(&authorizer, answer);
    found.iter().map(|holder| format!("{} by {}", subject(holder.identity), evidence(&authorizer, holder).join(", "))).collect()
}

fn by_settings(documents: Vec<Document>, answer: &Answer) -> BTreeSet<String> {
    let snapshot = Snapshot { documents, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Leave);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    let is_it = |step: &Step| matches!(step, Step::Setting(setting) if answer.settings.iter().any(|name| name == setting.name));
    let found = graph.edges.iter().filter(|edge| is_it(&edge.step)).filter_map(|edge| graph.vertex(edge.from));
    found.map(|vertex| graph.name(&vertex)).collect()
}
