//! ClusterRoles that are made of others.
//!
//! Source: kubernetes `pkg/controller/clusterroleaggregation`: the rules of all ClusterRoles that one of the selectors
//! selects, by name, each rule once, take the place of the role's own. Done again until nothing changes, so a role that is
//! made of roles that are made of others has all of their rules, and a circle of them shares its rules.

use super::{Role, Rule};
use crate::{Node, Object, Problem, ProblemKind, selects};

/// Gives every role with an `aggregationRule` the rules that it comes to. `is_live` says that all roles are here.
pub(super) fn resolve(roles: &mut [Role<'_>], is_live: bool, problems: &mut Vec<Problem>) {
    roles.iter().for_each(|role| check_selectors(&role.object, problems));
    let aggregated: Vec<usize> =
        (0..roles.len()).filter(|at| roles.get(*at).is_some_and(|role| selectors(&role.object).is_some())).collect();
    if aggregated.is_empty() {
        return;
    }
    let mut parts: Vec<Option<Vec<usize>>> = vec![None; roles.len()];
    for at in &aggregated {
        if let (Some(role), Some(parts)) = (roles.get(*at), parts.get_mut(*at)) {
            let found = parts_of(*at, role, roles);
            if let Some(place) = selectors(&role.object).filter(|list| found.is_empty() && !is_live && list.items().next().is_some()) {
                let message = format!("no role that was read is selected by {}: what it grants is not known", role.object.id());
                problems.push(Problem::at(ProblemKind::Note, place, message).help("read the roles with these labels too"));
            }
            *parts = Some(found);
        }
    }
    let mut resolved: Vec<(usize, Vec<Rule<'_>>)> = Vec::new();
    for at in aggregated {
        let (from, is_circle) = sources(at, &parts);
        if let Some(role) = roles.get(at).filter(|_| is_circle) {
            let place = role.object.node.get("aggregationRule").unwrap_or(role.object.node);
            let message = format!("{} is made of roles that are made of it: all of them share their rules", role.object.id());
            problems.push(Problem::at(ProblemKind::Invalid, place, message).help("take one of the labels away that close the circle"));
        }
        let mut rules: Vec<Rule<'_>> = Vec::new();
        for rule in from.iter().filter_map(|from| roles.get(*from)).flat_map(|role| &role.rules) {
            if !rules.iter().any(|known| known.is_same(rule)) {
                rules.push(rule.clone());
            }
        }
        resolved.push((at, rules));
    }
    for (at, rules) in resolved {
        if let Some(role) = roles.get_mut(at) {
            role.rules = rules;
        }
    }
}

/// The roles that one is made of directly, by name.
fn parts_of(at: usize, role: &Role<'_>, roles: &[Role<'_>]) -> Vec<usize> {
    let selectors: Vec<Node<'_>> = selectors(&role.object).into_iter().flat_map(Node::items).collect();
    let is_part = |(other, part): &(usize, &Role<'_>)| {
        *other != at
            && part.is_cluster()
            && selectors.iter().any(|selector| selects(*selector, part.object.node.at(&["metadata", "labels"])))
    };
    let mut parts: Vec<(&str, usize)> = roles.iter().enumerate().filter(is_part).map(|(at, part)| (part.object.name, at)).collect();
    parts.sort_unstable();
    parts.into_iter().map(|(_, at)| at).collect()
}

/// The roles whose own rules a role comes to, those first that stand first by name; and whether it is made of itself.
fn sources(at: usize, parts: &[Option<Vec<usize>>]) -> (Vec<usize>, bool) {
    let of = |at: usize| parts.get(at).and_then(Option::as_deref);
    let mut seen = vec![false; parts.len()];
    let (mut found, mut is_circle) = (Vec::new(), false);
    let mut left: Vec<usize> = of(at).into_iter().flatten().rev().copied().collect();
    while let Some(part) = left.pop() {
        is_circle |= part == at;
        if seen.get_mut(part).is_some_and(|seen| std::mem::replace(seen, true)) || part == at {
            continue;
        }
        // What a part that is made of others says itself is overwritten there, too.
        match of(part) {
            None => found.push(part),
            Some(parts) => left.extend(parts.iter().rev()),
        }
    }
    (found, is_circle)
}

/// What the API refuses in an `aggregationRule` (kubernetes `pkg/apis/rbac/validation`): it selects less than its author meant.
fn check_selectors(role: &Object<'_>, problems: &mut Vec<Problem>) {
    let Some(rule) = role.node.get("aggregationRule").filter(|_| role.kind == "ClusterRole") else { return };
    let list = selectors(role);
    if let Some(list) = list.filter(|list| !list.is_list() && !list.is_null()) {
        let message = format!("`clusterRoleSelectors` must be a list, is {}: {} grants nothing", list.describe(), role.id());
        problems.push(Problem::at(ProblemKind::WrongType, list, message));
        return;
    }
    let selectors: Vec<Node<'_>> = list.into_iter().flat_map(Node::items).collect();
    if selectors.is_empty() {
        let message = format!("`aggregationRule` of {} has no `clusterRoleSelectors`: the API server refuses the role", role.id());
        problems.push(Problem::at(ProblemKind::Invalid, rule, message));
    }
    for expression in selectors.iter().filter_map(|selector| selector.get("matchExpressions")).flat_map(Node::items) {
        let operator = expression.get("operator").map_or("", Node::text);
        let has_values = expression.get("values").is_some_and(|values| values.items().next().is_some());
        let wrong = match operator {
            "In" | "NotIn" if has_values => continue,
            "Exists" | "DoesNotExist" if !has_values => continue,
            "In" | "NotIn" => format!("`{operator}` needs `values`"),
            "Exists" | "DoesNotExist" => format!("`{operator}` takes no `values`"),
            other => format!("the operator must be In, NotIn, Exists or DoesNotExist, is `{}`", other.escape_debug()),
        };
        let message = format!("in a selector of {}, {wrong}: the API server refuses the role", role.id());
        problems.push(Problem::at(ProblemKind::Invalid, expression, message));
    }
}

fn selectors<'a>(role: &Object<'a>) -> Option<Node<'a>> {
    role.node.at(&["aggregationRule", "clusterRoleSelectors"]).filter(|_| role.kind == "ClusterRole")
}
