//! What the API server refuses although the user may write roles and bindings: nobody grants more than they hold.
//!
//! Source: kubernetes `pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go` and
//! `pkg/registry/rbac/escalation_check.go`; Kubernetes documentation, *Privilege escalation prevention and bootstrapping*.

use crate::Authorizer;
use crate::cover::{compact, in_server_words, quoted, uncovered};
use plimsoll_model::rbac::{GROUP, MASTERS, Rbac, Request, Rule, User};
use plimsoll_model::{Node, Object};

/// Why a role or binding would be refused.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// What would be granted and is not held, put together by resource and name.
    pub missing: Vec<Rule<'a>>,
    /// Roles that are bound to the user and were not read, in the words of the API server: what they grant does not count.
    pub unresolved: Vec<String>,
    /// The role that was to be bound, where there is none of that name.
    pub no_role: Option<String>,
    message: String,
}

impl Refusal<'_> {
    /// The message of the API server (`status.message`, 403).
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Says whether the API server would let `user` create `object`, a role or binding, as far as escalation goes. That the user
/// may create it at all is another question, for [`Authorizer::authorize`].
///
/// # Errors
/// What the user would have to hold.
pub fn check<'a>(authorizer: &Authorizer<'a>, user: &User, object: Object<'a>) -> Result<(), Refusal<'a>> {
    check_among(authorizer, authorizer.rbac(), user, object)
}

/// The same, where the roles that a binding can refer to are others than those that give the user what it holds: those of a
/// change that is being made.
///
/// # Errors
/// What the user would have to hold.
pub fn check_among<'a>(authorizer: &Authorizer<'_>, roles: &Rbac<'a>, user: &User, object: Object<'a>) -> Result<(), Refusal<'a>> {
    let is_allowed =
        |verb: &str, resource: &str, name: &str| authorizer.allows(user, &Request::resource(verb, GROUP, resource, object.namespace, name));
    if user.is_in(MASTERS) {
        return Ok(());
    }
    match object.kind {
        "Role" | "ClusterRole" => {
            let resource = if object.kind == "Role" { "roles" } else { "clusterroles" };
            if is_allowed("escalate", resource, object.name) {
                return Ok(());
            }
            // An aggregated role can come to hold anything: its writer has to hold everything.
            if object.kind == "ClusterRole" && object.node.get("aggregationRule").is_some_and(|rule| !rule.is_null()) {
                return confirm(authorizer, user, object, &everything());
            }
            confirm(authorizer, user, object, &Rule::of_role(object, &mut Vec::new()))
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            let text = |key| object.node.at(&["roleRef", key]).map_or("", Node::text);
            let (kind, name) = (text("kind"), text("name"));
            let resource = if kind == "Role" { "roles" } else { "clusterroles" };
            if is_allowed("bind", resource, name) {
                return Ok(());
            }
            let namespace = if kind == "Role" { object.effective_namespace() } else { "" };
            match roles.role(kind, namespace, name) {
                Some(role) => confirm(authorizer, user, object, &role.rules),
                None => {
                    let message = format!("{}.{GROUP} {name:?} not found", plural(object.kind));
                    Err(Refusal { missing: Vec::new(), unresolved: Vec::new(), no_role: Some(name.to_owned()), message })
                }
            }
        }
        _ => Ok(()),
    }
}

fn confirm<'a>(authorizer: &Authorizer<'_>, user: &User, object: Object<'a>, wanted: &[Rule<'a>]) -> Result<(), Refusal<'a>> {
    let held: Vec<&Rule<'_>> = authorizer.rules_for(user, object.namespace).into_iter().map(|(_, rule)| rule).collect();
    let missing = compact(uncovered(&held, wanted));
    if missing.is_empty() {
        return Ok(());
    }
    let resource = plural(object.kind);
    let mut unresolved: Vec<String> = Vec::new();
    for grant in authorizer.grants_of(user) {
        let reaches = grant.binding.namespace().is_none_or(|namespace| namespace == object.namespace);
        if grant.role.is_none() && reaches {
            // The server looks up roles within the request, and so calls them by the resource of the request.
            unresolved.push(format!("{resource}.{GROUP} {:?} not found", grant.binding.role_name));
        }
    }
    let mut lines: Vec<String> = missing.iter().map(in_server_words).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut message = format!(
        "{resource}.{GROUP} {:?} is forbidden: user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        object.name,
        user.name,
        quoted(&user.groups),
        lines.join("\n")
    );
    if !unresolved.is_empty() {
        // Several errors are shown as a list in the list.
        let (open, close) = if unresolved.len() > 1 { ("[[", "]]") } else { ("[", "]") };
        message += &format!("; resolution errors: {open}{}{close}", unresolved.join(", "));
    }
    Err(Refusal { missing, unresolved, no_role: None, message })
}

/// What `cluster-admin` holds.
pub(crate) fn everything<'a>() -> Vec<Rule<'a>> {
    Rbac::of(plimsoll_model::rbac::defaults().iter().copied(), plimsoll_model::rbac::Defaults::Leave)
        .role("ClusterRole", "", "cluster-admin")
        .map(|role| role.rules.clone())
        .unwrap_or_default()
}

fn plural(kind: &str) -> String {
    format!("{}s", kind.to_lowercase())
}
