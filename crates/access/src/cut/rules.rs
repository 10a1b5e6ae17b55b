//! Rules without the rights that a way needs.

use crate::graph::primitive::{Need, PATHS, Right};
use plimsoll_model::Object;
use plimsoll_model::rbac::{Rule, url_covers};
use serde_json::{Value, json};

/// What `*` among verbs stands for when one of them has to go: the verbs of the API for resources.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// The rules that allow what `rule` allows but for `need`, as exactly as rules can say it: what a rule cannot say without
/// (`*` among the resources but one) goes too, nothing is added. Empty where nothing is left.
pub(super) fn without(rule: &Value, need: &Need) -> Vec<Value> {
    let mut rules = vec![rule.clone()];
    for right in need.rights {
        for (group, resources) in right.on {
            rules = rules.iter().flat_map(|rule| without_one(rule, right, group, resources)).collect();
        }
    }
    rules
}

/// A rule of a role as it says it in JSON.
pub(super) fn read<'r>(role: Object<'r>, rule: &'r Value) -> Rule<'r> {
    let list = |key: &str| rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    Rule {
        verbs: list("verbs"),
        api_groups: list("apiGroups"),
        resources: list("resources"),
        resource_names: list("resourceNames"),
        non_resource_urls: list("nonResourceURLs"),
        ..Rule::empty(role)
    }
}

fn list(rule: &Value, key: &str) -> Vec<String> {
    rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Without a right to the resources of one group.
fn without_one(rule: &Value, right: &Right, group: &str, resources: &[&str]) -> Vec<Value> {
    let names = list(rule, "resourceNames");
    if right.names.is_empty() || names.is_empty() {
        return split(rule, right, group, resources);
    }
    // What is named and does not matter stays as it is.
    let (wanted, others): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| right.names.contains(&&**name));
    let with_names = |names: Vec<String>| with(rule, &[("resourceNames", names)]);
    let mut kept = if others.is_empty() { Vec::new() } else { vec![with_names(others)] };
    if !wanted.is_empty() {
        kept.extend(split(&with_names(wanted), right, group, resources));
    }
    kept
}

fn split(rule: &Value, right: &Right, group: &str, resources: &[&str]) -> Vec<Value> {
    let is_of_paths = group == PATHS;
    let key = if is_of_paths { "nonResourceURLs" } else { "resources" };
    let is_hit = |one: &str| match is_of_paths {
        true => resources.iter().any(|path| url_covers(one, path)),
        false => resources.is_empty() || resources.iter().any(|resource| covers(one, resource)),
    };
    let (hit, others) = partition(&list(rule, key), is_hit);
    let (hit_groups, other_groups) = partition(&list(rule, "apiGroups"), |one| is_of_paths || one == "*" || group == "*" || one == group);
    let verbs = list(rule, "verbs");
    let asks = |verb: &str| {
        let is_asked = |asked: &&&str| asked.strip_suffix('*').map_or(verb == **asked, |start| verb.starts_with(start));
        right.verbs.iter().find(is_asked).is_some()
    };
    let has_verb = verbs.iter().any(|verb| verb == "*" || asks(verb));
    if hit.is_empty() || !has_verb || (hit_groups.is_empty() && !is_of_paths) {
        return vec![rule.clone()];
    }
    let mut rules = Vec::new();
    // Everything is taken away whole: less of it is still more than anybody meant.
    if right.verbs.contains(&"*") {
        return rules;
    }
    let mut left: Vec<String> = Vec::new();
    for verb in &verbs {
        let expanded: &[&str] = if verb == "*" { &VERBS } else { &[verb.as_str()] };
        left.extend(expanded.iter().filter(|verb| !asks(verb)).map(|verb| (*verb).to_owned()));
    }
    let mut seen = std::collections::BTreeSet::new();
    left.retain(|verb| seen.insert(verb.clone()));
    if !left.is_empty() {
        let only = if other_groups.is_empty() || is_of_paths { Vec::new() } else { vec![("apiGroups", hit_groups)] };
        rules.push(with(&with(rule, &[(key, hit.clone()), ("verbs", left)]), &only));
    }
    if !others.is_empty() {
        rules.push(with(rule, &[(key, others)]));
    }
    if !other_groups.is_empty() && !is_of_paths {
        rules.push(with(rule, &[(key, hit), ("apiGroups", other_groups)]));
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
    use crate::graph::primitive::Place;

    const PODS: Need = Need {
        rights: &[Right { verbs: &["create", "patch"], on: &[("", &["pods"]), ("apps", &["deployments"])], names: &[] }],
        place: Place::Anywhere,
    };
    const AWS: Need = Need {
        rights: &[Right { verbs: &["patch"], on: &[("", &["configmaps"])], names: &["aws-auth"] }],
        place: Place::Namespace("kube-system"),
    };

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
