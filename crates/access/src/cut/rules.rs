//! Rules without the rights that a way needs.

use crate::graph::primitive::Need;
use serde_json::{Value, json};

/// What `*` among verbs stands for when one of them has to go: the verbs of the API for resources.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// The rules that allow what `rule` allows but for `need`, as exactly as rules can say it: what a rule cannot say without
/// (`*` among the resources but one) goes too, nothing is added. Empty where nothing is left.
pub(super) fn without(rule: &Value, need: &Need) -> Vec<Value> {
    let list = |key: &str| -> Vec<String> {
        rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (verbs, groups, resources) = (list("verbs"), list("apiGroups"), list("resources"));
    let names = list("resourceNames");
    if !need.names.is_empty() && !names.is_empty() {
        // What is named and does not matter stays as it is.
        let (wanted, others): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| need.names.contains(&&**name));
        let with_names = |names: Vec<String>| with(rule, &[("resourceNames", names)]);
        let mut kept = if others.is_empty() { Vec::new() } else { vec![with_names(others)] };
        if !wanted.is_empty() {
            kept.extend(split(&with_names(wanted), need, &verbs, &groups, &resources));
        }
        return kept;
    }
    split(rule, need, &verbs, &groups, &resources)
}

fn split(rule: &Value, need: &Need, verbs: &[String], groups: &[String], resources: &[String]) -> Vec<Value> {
    // Everything is taken away whole: less of it is still more than anybody meant.
    if need.verbs.contains(&"*") {
        return Vec::new();
    }
    let (hit, others) = partition(resources, |one| need.resources.iter().any(|resource| covers(one, resource)));
    let (hit_groups, other_groups) = partition(groups, |one| one == "*" || need.groups.contains(&one));
    let mut left: Vec<String> = Vec::new();
    for verb in verbs {
        let expanded: &[&str] = if verb == "*" { &VERBS } else { &[verb.as_str()] };
        left.extend(expanded.iter().filter(|verb| !need.verbs.contains(verb)).map(|verb| (*verb).to_owned()));
    }
    let mut seen = std::collections::BTreeSet::new();
    left.retain(|verb| seen.insert(verb.clone()));
    let mut rules = Vec::new();
    if !left.is_empty() && !hit.is_empty() {
        rules.push(with(rule, &[("resources", hit.clone()), ("verbs", left)]));
    }
    if !others.is_empty() {
        rules.push(with(rule, &[("resources", others)]));
    }
    if !other_groups.is_empty() && !hit_groups.is_empty() && !hit.is_empty() {
        if let Some(first) = rules.first_mut().filter(|first| first.get("resources") == Some(&json!(hit))) {
            *first = with(first, &[("apiGroups", hit_groups)]);
        }
        rules.push(with(rule, &[("resources", hit), ("apiGroups", other_groups)]));
    }
    rules
}

/// Whether an entry of `resources` stands for a resource.
fn covers(entry: &str, resource: &str) -> bool {
    let part = |text: &str| text.split_once('/').map(|(_, part)| part.to_owned());
    entry == "*" || entry == resource || entry.starts_with("*/") && part(entry) == part(resource)
}

fn partition(list: &[String], is_hit: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    list.iter().cloned().partition(|one| is_hit(one))
}

/// The rule with other lists; all else stays.
fn with(rule: &Value, lists: &[(&str, Vec<String>)]) -> Value {
    let mut rule = rule.clone();
    if let Some(map) = rule.as_object_mut() {
        for (key, list) in lists {
            map.insert((*key).to_owned(), json!(list));
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: Need =
        Need { verbs: &["create", "patch"], groups: &["", "apps"], resources: &["pods", "deployments"], names: &[], namespace: "" };
    const AWS: Need = Need { verbs: &["patch"], groups: &[""], resources: &["configmaps"], names: &["aws-auth"], namespace: "kube-system" };

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources})
    }

    #[test]
    fn only_what_is_needed_goes() {
        let table: [(Value, Vec<Value>); 6] = [
            (rule(&["create", "get"], &[""], &["pods"]), vec![rule(&["get"], &[""], &["pods"])]),
            (rule(&["create"], &[""], &["pods"]), vec![]),
            (
                rule(&["create", "get"], &[""], &["pods", "secrets"]),
                vec![rule(&["get"], &[""], &["pods"]), rule(&["create", "get"], &[""], &["secrets"])],
            ),
            (
                rule(&["create", "get"], &["apps", "batch"], &["deployments"]),
                vec![rule(&["get"], &["apps"], &["deployments"]), rule(&["create", "get"], &["batch"], &["deployments"])],
            ),
            (rule(&["*"], &["*"], &["*"]), vec![rule(&["get", "list", "watch", "update", "delete", "deletecollection"], &["*"], &["*"])]),
            (rule(&["get"], &[""], &["pods"]), vec![rule(&["get"], &[""], &["pods"])]),
        ];
        for (given, wanted) in table {
            assert_eq!(without(&given, &PODS), wanted, "{given}");
        }
    }

    #[test]
    fn other_names_stay() {
        let mut given = rule(&["get", "patch"], &[""], &["configmaps"]);
        given["resourceNames"] = json!(["aws-auth", "mine"]);
        let left = without(&given, &AWS);
        assert_eq!(left.len(), 2);
        assert_eq!(left[0]["resourceNames"], json!(["mine"]));
        assert_eq!((&left[1]["resourceNames"], &left[1]["verbs"]), (&json!(["aws-auth"]), &json!(["get"])));
    }
}
