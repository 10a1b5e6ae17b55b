//! The policies of rbac-police. The project has no tests: each policy is given a role that it is about and one that just
//! misses it, bound in each kind of place.

use super::documents;
use super::holding::{Answer, Place, authorizer, held};
use super::text;
use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Graph, Situation};
use plimsoll_model::rbac::Defaults;
use plimsoll_model::{Inventory, Snapshot, WorkloadKinds};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Policy {
    #[serde(flatten)]
    answer: Answer,
    #[serde(default)]
    gives: Vec<Rule>,
    #[serde(default)]
    misses: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
}

/// Each policy of the suite.
pub(crate) fn rbac_police(path: &Path) -> anyhow::Result<Cases> {
    let policies: BTreeMap<String, Policy> = toml::from_str(include_str!("rbac-police.toml")).context("rbac-police.toml")?;
    if let Some(name) = policies.values().find_map(|policy| policy.answer.unknown()) {
        bail!("rbac-police.toml: nothing is called `{name}`");
    }
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let line = line?;
        let id = text(&line, "id");
        let Some(policy) = policies.get(id) else {
            cases.unreadable(id.to_owned(), "no primitive answers for the policy");
            continue;
        };
        if !policy.answer.settings.is_empty() {
            for (annotation, is_given) in [("eks.amazonaws.com/role-arn", true), ("example.com/role-arn", false)] {
                let got = is_annotated(annotation, &policy.answer);
                cases.case(|| format!("{id}: an account with {annotation}"), &is_given.to_string(), &got.to_string());
            }
            continue;
        }
        for (what, rules, is_given) in [("gives", &policy.gives, true), ("misses", &policy.misses, false)] {
            // A role in kube-system, in another namespace, and in the whole cluster.
            for (place, namespace) in [("kube-system", "kube-system"), ("another namespace", "shop"), ("the whole cluster", "")] {
                let counts = match policy.answer.place {
                    Place::Anywhere => true,
                    Place::Cluster => namespace.is_empty(),
                    Place::Privileged => namespace != "shop",
                    Place::Weak => namespace == "shop",
                };
                let got = is_held(rules, namespace, &policy.answer);
                cases.case(|| format!("{id}: {what} in {place}"), &(is_given && counts).to_string(), &got.to_string());
            }
        }
    }
    Ok(cases)
}

fn is_held(rules: &[Rule], namespace: &str, answer: &Answer) -> bool {
    let rule = |rule: &Rule| {
        let Rule { verbs, groups, resources, names } = rule;
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
    };
    let rules: Vec<Json> = rules.iter().map(rule).collect();
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let version = "rbac.authorization.k8s.io/v1";
    let role = json!({"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": "made"}, "rules": rules});
    let binding = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "made", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "made"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "holder"}]});
    let documents = documents([&role, &binding].into_iter());
    !held(&authorizer(&documents), answer).is_empty()
}

fn is_annotated(annotation: &str, answer: &Answer) -> bool {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "one", "namespace": "shop", "annotations": {annotation: "arn:aws:iam::1:role/one"}}});
    let snapshot = Snapshot { documents: documents(std::iter::once(&account)), problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Leave);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    graph.edges.iter().any(|edge| answer.settings.iter().any(|name| name == edge.step.name()))
}
