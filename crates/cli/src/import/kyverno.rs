//! Kyverno's PolicyExceptions, and what its rules exclude (<https://kyverno.io/docs/exceptions/>). They become exceptions for
//! the policy, and for the checks that answer for a policy of Kyverno's library.

use super::{Draft, Imported, any_of};
use crate::peers::{self, Answer};
use plimsoll_model::{Node, Object};

pub(super) fn read(object: &Object<'_>, imported: &mut Imported) {
    match (object.group(), object.kind) {
        ("kyverno.io", "PolicyException") => classic(object, imported),
        ("policies.kyverno.io", "PolicyException") => in_cel(object, imported),
        ("kyverno.io", "ClusterPolicy" | "Policy") => excluded(object, imported),
        _ => {}
    }
}

fn what(object: &Object<'_>) -> String {
    format!("{} ({} {})", object.node.location(), object.kind, object.name)
}

fn reason(object: &Object<'_>, other: &str) -> String {
    let note = object.node.at(&["metadata", "annotations"]).and_then(|all| all.get("policies.kyverno.io/description"));
    note.map(|note| note.text().split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|note| !note.is_empty())
        .unwrap_or_else(|| other.to_owned())
}

fn texts(node: Option<Node<'_>>) -> Vec<String> {
    node.into_iter().flat_map(Node::items).map(|one| one.text().to_owned()).collect()
}

fn classic(object: &Object<'_>, imported: &mut Imported) {
    imported.found = true;
    let Some(spec) = object.node.get("spec") else { return };
    if let Some(key) = ["conditions", "podSecurity"].into_iter().find(|key| spec.get(key).is_some()) {
        return imported.left(&what(object), format_args!("its `{key}` cannot be said in an exception here"));
    }
    let reason = reason(object, &format!("the PolicyException {} of Kyverno", object.name));
    let drafts = filters(spec.get("match"), &what(object), &reason, imported);
    for one in spec.get("exceptions").into_iter().flat_map(Node::items) {
        let policy = one.get("policyName").map_or("", Node::text).rsplit('/').next().unwrap_or("");
        let rules = texts(one.get("ruleNames"));
        let mut ids: Vec<String> = rules.iter().map(|rule| format!("POLICY-{policy}/{}", plain(rule))).collect();
        ids.sort();
        ids.dedup();
        for draft in &drafts {
            imported.push(Draft { ids: ids.clone(), ..draft.clone() });
            imported.add(draft, rules.iter().flat_map(|rule| answers(policy, plain(rule))));
        }
    }
}

/// The name of a rule without what Kyverno puts before it for controllers.
fn plain(rule: &str) -> &str {
    ["autogen-cronjob-", "autogen-"].iter().find_map(|prefix| rule.strip_prefix(prefix)).unwrap_or(rule)
}

/// What answers for a rule of a policy of Kyverno's library.
fn answers(policy: &str, rule: &str) -> Vec<Answer> {
    let of_rule = format!("{policy}/");
    let has_rules = peers::checks("kyverno").any(|(name, _)| name.starts_with(&of_rule));
    let name = if has_rules && rule != "*" { format!("{of_rule}{rule}") } else { policy.to_owned() };
    peers::answers("kyverno", &name).to_vec()
}

fn in_cel(object: &Object<'_>, imported: &mut Imported) {
    imported.found = true;
    let Some(spec) = object.node.get("spec") else { return };
    if let Some(key) = ["matchConditions", "images", "allowedValues"].into_iter().find(|key| spec.get(key).is_some()) {
        let why = format!("its `{key}` cannot be said in an exception here; `scan --policy` applies it to the policy itself");
        return imported.left(&what(object), why);
    }
    let reason = reason(object, &format!("the PolicyException {} of Kyverno", object.name));
    for name in spec.get("policyRefs").into_iter().flat_map(Node::items).filter_map(|one| one.get("name")) {
        let draft = Draft { reason: reason.clone(), ..Draft::default() };
        imported.push(Draft { ids: vec![format!("POLICY-{}", name.text())], ..draft.clone() });
        imported.add(&draft, answers(name.text(), "*"));
    }
}

/// `exclude` of the rules of a policy that one of our checks answers for. A policy in CEL keeps to it by itself.
fn excluded(object: &Object<'_>, imported: &mut Imported) {
    for rule in object.node.at(&["spec", "rules"]).into_iter().flat_map(Node::items) {
        let Some(exclude) = rule.get("exclude") else { continue };
        imported.found = true;
        let name = rule.get("name").map_or("", Node::text);
        let what = format!("{} (rule {name} of {})", exclude.location(), object.name);
        let found = answers(object.name, name);
        if found.is_empty() {
            imported.left(&what, "no check answers for this policy; `scan --policy` keeps to it where the rule is written in CEL");
            continue;
        }
        for draft in filters(Some(exclude), &what, &format!("excluded from the policy {} of Kyverno", object.name), imported) {
            imported.add(&draft, found.iter().copied());
        }
    }
}

/// The exceptions that `match` and `exclude` come to, one for each of their filters.
fn filters(node: Option<Node<'_>>, what: &str, reason: &str, imported: &mut Imported) -> Vec<Draft> {
    let Some(node) = node else { return Vec::new() };
    let mut all: Vec<Node<'_>> = node.get("any").into_iter().flat_map(Node::items).collect();
    match node.get("all").map(|all| all.items().collect::<Vec<_>>()).as_deref() {
        None | Some([]) => {}
        Some([only]) => all.push(*only),
        Some(_) => imported.left(what, "filters that must hold together cannot be said in one exception here"),
    }
    if node.get("resources").is_some() {
        all.push(node);
    }
    let mut drafts = Vec::new();
    for filter in all {
        match filter_draft(filter) {
            Ok(draft) => drafts.push(Draft { reason: reason.to_owned(), ..draft }),
            Err(why) => imported.left(what, why),
        }
    }
    drafts
}

fn filter_draft(filter: Node<'_>) -> Result<Draft, String> {
    if let Some((key, _)) = filter.entries().find(|(key, _)| matches!(key.text(), "subjects" | "roles" | "clusterRoles")) {
        return Err(format!("it holds for some senders only (`{}`), and a scan does not know who sends", key.text()));
    }
    let resources = filter.get("resources").ok_or("a filter without resources covers nothing")?;
    let mut draft = Draft::default();
    let mut names = Vec::new();
    for (key, value) in resources.entries() {
        match key.text() {
            "kinds" => {
                let kinds = value.items().map(|kind| plain_kind(kind.text())).collect::<Result<Vec<_>, _>>()?;
                let kinds: Vec<String> = kinds.into_iter().flatten().collect();
                draft.kind = Some(any_of(&kinds).ok_or("it holds for subresources only, which are no objects")?);
            }
            "name" => names.push(value.text().to_owned()),
            "names" => names.extend(texts(Some(value))),
            "namespaces" => draft.namespace = any_of(&texts(Some(value))),
            other => return Err(format!("`{other}` cannot be said in an exception here")),
        }
    }
    draft.name = any_of(&names);
    Ok(draft)
}

/// The kind of `Kind`, `version/Kind`, `group/version/Kind`; nothing for a subresource.
fn plain_kind(text: &str) -> Result<Option<String>, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_kind = |part: &&str| part.starts_with(|c: char| c.is_ascii_uppercase());
    match parts.as_slice() {
        [kind] | [_, kind] | ["*", _, kind] if is_kind(kind) || *kind == "*" => Ok(Some((*kind).to_owned())),
        [.., kind, part] if is_kind(kind) && !is_kind(part) => Ok(None),
        _ => Err(format!("it holds for {text} only, and exceptions here do not look at groups")),
    }
}
