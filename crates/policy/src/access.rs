//! Who may do what, as far as the RBAC objects that were read say (rbac.authorization.k8s.io/v1): what `authorizer` asks.

use crate::cel::{Access, User};
use crate::matching::Selector;
use crate::world::text;
use serde_json::Value as Json;
use std::collections::HashSet;

/// The grants of a cluster, or of a part of it.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    bindings: Vec<Json>,
    roles: Vec<Json>,
    /// Whether there are no others than these.
    whole: bool,
}

impl Grants {
    /// Those among `objects`. Every cluster has a ClusterRole `cluster-admin`: where it was read, all of RBAC was.
    pub(crate) fn of(objects: &[&Json], whole: bool) -> Self {
        let of_group = objects.iter().copied().filter(|object| text(object, "/apiVersion").starts_with("rbac.authorization.k8s.io/"));
        let (bindings, roles): (Vec<_>, Vec<_>) = of_group.cloned().partition(|object| text(object, "/kind").ends_with("Binding"));
        let has_admin = |role: &Json| text(role, "/kind") == "ClusterRole" && text(role, "/metadata/name") == "cluster-admin";
        let whole = whole || roles.iter().any(has_admin);
        Self { bindings, roles, whole }
    }

    /// Whether `user` may do `access`.
    ///
    /// # Errors
    /// What would have to be known to say it.
    pub(crate) fn allow(&self, user: &User, access: &Access) -> Result<bool, String> {
        if user.name.is_empty() {
            return Err("who sends the request is not known, and so not what `authorizer` says".to_owned());
        }
        if user.groups.iter().any(|group| group == "system:masters") {
            return Ok(true);
        }
        let mut missing: Option<(&str, &str)> = None;
        for binding in &self.bindings {
            let home = text(binding, "/metadata/namespace");
            let here = text(binding, "/kind") == "ClusterRoleBinding" || (access.path.is_empty() && home == access.namespace);
            let subjects = || binding.get("subjects").and_then(Json::as_array).into_iter().flatten();
            if !here || !subjects().any(|subject| is_subject(subject, user, home)) {
                continue;
            }
            let (kind, name) = (text(binding, "/roleRef/kind"), text(binding, "/roleRef/name"));
            let is_it = |role: &&Json| {
                let there = kind == "ClusterRole" || text(role, "/metadata/namespace") == home;
                text(role, "/kind") == kind && text(role, "/metadata/name") == name && there
            };
            match self.roles.iter().find(is_it) {
                Some(role) if self.grants(role, access, &mut HashSet::new()) => return Ok(true),
                Some(_) => {}
                None => missing = missing.or(Some((kind, name))),
            }
        }
        match missing {
            Some((kind, name)) => Err(format!("{kind} `{name}`, which is bound to `{}`, was not read", user.name)),
            None if self.whole => Ok(false),
            None => Err(format!("no binding that was read lets `{}` do it, and whether another does is not known", user.name)),
        }
    }

    /// Whether a role grants it, with the roles that it is made of. `seen` are those that were asked already.
    fn grants<'s>(&'s self, role: &'s Json, access: &Access, seen: &mut HashSet<&'s str>) -> bool {
        let list = |pointer: &str| role.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
        if list("/rules").any(|rule| rule_grants(rule, access)) {
            return true;
        }
        if !seen.insert(text(role, "/metadata/name")) {
            return false;
        }
        let selectors: Vec<Selector> =
            list("/aggregationRule/clusterRoleSelectors").filter_map(|one| serde_json::from_value(one.clone()).ok()).collect();
        let is_part = |part: &&Json| text(part, "/kind") == "ClusterRole" && selectors.iter().any(|selector| selector.selects(Some(part)));
        self.roles.iter().filter(is_part).any(|part| self.grants(part, access, seen))
    }
}

fn is_subject(subject: &Json, user: &User, home: &str) -> bool {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "User" => name == user.name,
        "Group" => user.is_in(name),
        "ServiceAccount" => {
            let namespace = Some(text(subject, "/namespace")).filter(|namespace| !namespace.is_empty()).unwrap_or(home);
            user.account().is_some_and(|account| account == (namespace, name))
        }
        _ => false,
    }
}

/// RBAC's own rule (kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go`).
fn rule_grants(rule: &Json, access: &Access) -> bool {
    let list = |key: &str| rule.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let has = |key: &str, word: &str| list(key).any(|one| one == "*" || one == word);
    if !has("verbs", &access.verb) {
        return false;
    }
    if !access.path.is_empty() {
        let covers = |url: &str| url == access.path || url.strip_suffix('*').is_some_and(|start| access.path.starts_with(start));
        return list("nonResourceURLs").any(covers);
    }
    let is_resource = |one: &str| match one.split_once('/') {
        Some(("*", part)) => !access.subresource.is_empty() && part == access.subresource,
        Some((resource, part)) => resource == access.resource && part == access.subresource,
        None => one == "*" || (access.subresource.is_empty() && one == access.resource),
    };
    has("apiGroups", &access.group)
        && list("resources").any(is_resource)
        && (list("resourceNames").next().is_none() || list("resourceNames").any(|name| name == access.name))
}
