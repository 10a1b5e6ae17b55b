//! Whether rules cover other rules: what the API server asks before somebody may grant something.
//!
//! Source: kubernetes `component-helpers/auth/rbac/validation/policy_comparator.go` and
//! `pkg/registry/rbac/validation/policy_compact.go`. Rules are broken down to one verb, group, resource and name each; each
//! of these has to be covered by one rule of the owner by itself.

use plimsoll_model::rbac::{Rule, url_covers};

/// The parts of a rule: every verb of every resource of every group, by name; every verb of every path.
pub fn break_down<'a>(rule: &Rule<'a>) -> Vec<Rule<'a>> {
    let empty = Rule { index: rule.index, ..Rule::empty(rule.role) };
    let mut parts = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let part = Rule { verbs: vec![*verb], api_groups: vec![*group], resources: vec![*resource], ..empty.clone() };
                if rule.resource_names.is_empty() {
                    parts.push(part);
                } else {
                    parts.extend(rule.resource_names.iter().map(|name| Rule { resource_names: vec![*name], ..part.clone() }));
                }
            }
        }
    }
    for url in &rule.non_resource_urls {
        parts.extend(rule.verbs.iter().map(|verb| Rule { verbs: vec![*verb], non_resource_urls: vec![*url], ..empty.clone() }));
    }
    parts
}

/// The parts of `wanted` that no rule of `owner` covers by itself; none where all is covered.
pub fn uncovered<'a>(owner: &[&Rule<'_>], wanted: &[Rule<'a>]) -> Vec<Rule<'a>> {
    let parts = wanted.iter().flat_map(break_down);
    parts.filter(|part| !owner.iter().any(|rule| covers(rule, part))).collect()
}

/// Whether one rule covers another as a whole.
pub fn covers(owner: &Rule<'_>, part: &Rule<'_>) -> bool {
    let names = if part.resource_names.is_empty() {
        owner.resource_names.is_empty()
    } else {
        part.resource_names.iter().all(|name| owner.has_name(name))
    };
    names
        && part.verbs.iter().all(|verb| owner.has_verb(verb))
        && part.api_groups.iter().all(|group| owner.has_group(group))
        && part.resources.iter().all(|resource| covers_resource(&owner.resources, resource))
        && part.non_resource_urls.iter().all(|url| owner.non_resource_urls.iter().any(|mine| url_covers(mine, url)))
}

/// `*` covers everything, `*/scale` that subresource of everything.
fn covers_resource(owner: &[&str], wanted: &str) -> bool {
    owner.iter().any(|mine| {
        *mine == "*"
            || *mine == wanted
            || wanted.split_once('/').is_some_and(|(_, sub)| mine.strip_prefix("*/").is_some_and(|of_all| of_all == sub))
    })
}

/// Group, resource and name of a rule that is about one resource of one group and at most one name; `None` of any other.
pub fn is_simple<'a>(rule: &Rule<'a>) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let ([group], [resource], []) = (rule.api_groups.as_slice(), rule.resources.as_slice(), rule.non_resource_urls.as_slice()) else {
        return None;
    };
    let name = match rule.resource_names.as_slice() {
        [] => None,
        [name] => Some(*name),
        _ => return None,
    };
    Some((group, resource, name))
}

/// Puts simple rules together that differ in their verbs only, as the API server shows them; the others stay as they are.
pub fn compact<'a>(rules: Vec<Rule<'a>>) -> Vec<Rule<'a>> {
    let mut compact: Vec<Rule<'a>> = Vec::new();
    for rule in rules {
        let simple = is_simple(&rule);
        match compact.iter_mut().find(|known| simple.is_some() && is_simple(known) == simple) {
            Some(known) => known.verbs.extend(rule.verbs),
            None => compact.push(rule),
        }
    }
    compact
}

/// In the form of the API server's messages: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
pub fn in_server_words(rule: &Rule<'_>) -> String {
    let Rule { verbs, api_groups, resources, resource_names, non_resource_urls, .. } = rule;
    fields_in_server_words([api_groups, non_resource_urls, resources, resource_names, verbs])
}

/// The fields of a rule in the order of those messages: groups, paths, resources, names, verbs.
pub(crate) fn fields_in_server_words(fields: [&[&str]; 5]) -> String {
    let keys = ["APIGroups", "NonResourceURLs", "Resources", "ResourceNames", "Verbs"];
    let shown = keys.into_iter().zip(fields).filter(|(_, list)| !list.is_empty()).map(|(key, list)| format!("{key}:[{}]", quoted(list)));
    format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
}

/// Texts as Go shows a list of them with `%q`.
pub(crate) fn quoted(texts: &[impl AsRef<str>]) -> String {
    texts.iter().map(|text| format!("{:?}", text.as_ref())).collect::<Vec<_>>().join(" ")
}
