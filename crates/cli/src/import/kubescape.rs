//! Kubescape's posture exceptions (<https://kubescape.io/docs/accepting-risk/>; opa-utils `exceptions`): a designator is a
//! conjunction of regular expressions that match whole names, in their case; of several, one is enough. Ids of controls
//! are regular expressions in any case.

use super::{Draft, Imported};
use crate::peers::{self, Answer};
use plimsoll_model::{Document, Node};
use regex::{Regex, RegexBuilder};

pub(super) fn read(document: &Document, imported: &mut Imported) {
    let Some(root) = document.root() else { return };
    let is_exception = |node: &Node<'_>| {
        node.get("policyType").is_some_and(|kind| kind.text() == "postureExceptionPolicy") || node.get("posturePolicies").is_some()
    };
    let listed: Vec<Node<'_>> = if root.is_list() { root.items().collect() } else { vec![root] };
    for exception in listed.into_iter().filter(is_exception) {
        imported.found = true;
        read_one(exception, imported);
    }
}

fn read_one(exception: Node<'_>, imported: &mut Imported) {
    let word = |key: &str| exception.get(key).map_or("", Node::text);
    let what = format!("{} ({})", exception.location(), word("name"));
    let answers = controls(exception, &what, imported);
    if answers.is_empty() {
        return;
    }
    let expires = match word("expirationDate") {
        "" => None,
        text => match text.parse::<jiff::Timestamp>() {
            // The last whole day.
            Ok(at) => at.to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().ok().map(|day| day.to_string()),
            Err(_) => return imported.left(&what, format_args!("`{text}` is no point in time")),
        },
    };
    let reason = match (word("reason"), word("name")) {
        ("", name) => format!("the exception {name} of Kubescape"),
        (reason, _) => reason.to_owned(),
    };
    let resources: Vec<Node<'_>> = exception.get("resources").into_iter().flat_map(Node::items).collect();
    if resources.is_empty() {
        imported.left(&what, "it names no resource, and Kubescape applies it to none");
    }
    for resource in resources {
        let mut draft = Draft { reason: reason.clone(), expires: expires.clone(), ..Draft::default() };
        match designator(resource, &mut draft) {
            Ok(()) => imported.add(&draft, answers.iter().copied()),
            Err(why) => imported.left(&what, why),
        }
    }
}

/// What answers for the controls that an exception is about.
fn controls(exception: Node<'_>, what: &str, imported: &mut Imported) -> Vec<Answer> {
    let all = || peers::checks("kubescape").flat_map(|(_, answers)| answers).copied();
    let policies: Vec<Node<'_>> = exception.get("posturePolicies").into_iter().flat_map(Node::items).collect();
    if policies.is_empty() {
        return all().collect();
    }
    let mut found = Vec::new();
    for policy in policies {
        let word = |key: &str| policy.get(key).map_or("", Node::text);
        let (framework, control, rule) = (word("frameworkName"), word("controlID"), word("ruleName"));
        if !rule.is_empty() || !matches!(framework, "" | ".*") {
            let only = if rule.is_empty() { format!("the framework {framework}") } else { format!("the rule {rule}") };
            imported.left(
                what,
                format_args!("it holds for {only} only; findings here are not of a framework or a rule: name controls by `controlID`"),
            );
        } else if !word("controlName").is_empty() && control.is_empty() {
            imported.left(what, "Kubescape does not look at `controlName`, and so it covers every control: name them by `controlID`");
        } else if control.is_empty() {
            found.extend(all());
        } else {
            let whole = RegexBuilder::new(&format!("^{control}$")).case_insensitive(true).build();
            let fits = |id: &str| id.eq_ignore_ascii_case(control) || whole.as_ref().is_ok_and(|whole| whole.is_match(id));
            let mut of_control = peers::checks("kubescape").filter(|(id, _)| fits(id)).flat_map(|(_, answers)| answers).copied().peekable();
            if of_control.peek().is_none() {
                imported.left(what, format_args!("no check answers for the control {control}"));
            }
            found.extend(of_control);
        }
    }
    found
}

fn designator(resource: Node<'_>, draft: &mut Draft) -> Result<(), String> {
    let kind = resource.get("designatorType").map_or("Attributes", Node::text);
    if !kind.eq_ignore_ascii_case("attributes") && !kind.eq_ignore_ascii_case("attribute") {
        return Err(format!("designators of type {kind} have no counterpart"));
    }
    let attributes = resource.get("attributes").into_iter().flat_map(Node::entries).filter(|(_, value)| !value.text().is_empty());
    let mut any = false;
    for (key, value) in attributes {
        let slot = match key.text() {
            "namespace" => &mut draft.namespace,
            "kind" => &mut draft.kind,
            "name" => &mut draft.name,
            "containerName" => &mut draft.container,
            "cluster" => return Err("it holds in one cluster only, and a scan does not know its name".to_owned()),
            "path" | "resourceID" => return Err(format!("`{}` has no counterpart", key.text())),
            label => return Err(format!("it holds for objects with the label `{label}` only, and exceptions here do not look at labels")),
        };
        *slot = Some(pattern(value.text())?);
        any = true;
    }
    // Kubescape applies a designator without attributes to nothing.
    if any { Ok(()) } else { Err("a designator without attributes covers nothing".to_owned()) }
}

/// A regular expression that matches whole names, as a glob where it is as plain.
fn pattern(expression: &str) -> Result<String, String> {
    let literal = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
    if expression.replace(".*", "").chars().all(literal) {
        return Ok(expression.replace(".*", "*"));
    }
    let whole = format!("^{}$", expression.replace('/', "[/]"));
    Regex::new(&whole).map(|_| format!("~{whole}")).map_err(|_| format!("`{expression}` is no regular expression"))
}
