//! What an event of an audit log tells of use: its request, and what the API server asked for besides.

use crate::usage::{Observation, Usage};
use plimsoll_model::audit::Event;
use plimsoll_model::rbac::{AUTHENTICATED, NODE_PREFIX, Request, SERVICE_ACCOUNTS, Target, User, service_account};

const AUTHENTICATION: &str = "authentication.k8s.io";
const CREATED: u16 = 201;

impl Usage {
    /// Takes in the event that says how a request ended (`plimsoll_model::audit::Requests` picks it).
    ///
    /// - An update or patch that created the object needed `create`, too (k8s.io/apiserver `pkg/endpoints/handlers/{update,patch}.go`).
    /// - Whoever acts as somebody else needed `impersonate` (k8s.io/apiserver `pkg/endpoints/filters/impersonation`).
    pub fn observe(&mut self, event: &Event) {
        let allowed = event.was_allowed();
        let request = event.request();
        self.add_as(event, &event.user, request, allowed);
        if allowed == Some(true)
            && event.code == Some(CREATED)
            && matches!(request.verb, "update" | "patch")
            && matches!(request.target, Target::Resource(of) if of.subresource.is_empty())
        {
            self.add_as(event, &event.user, Request { verb: "create", ..request }, allowed);
        }
        if let Some(impersonator) = &event.impersonator {
            self.impersonation(event, impersonator, &request);
        }
    }

    fn add_as(&mut self, event: &Event, user: &User, request: Request<'_>, allowed: Option<bool>) {
        let (at, place) = (event.time(), &event.place);
        self.add(&Observation { user: &user.name, groups: &user.groups, request, allowed, at, place });
    }

    /// That a request was made in somebody's name says that this was allowed: it is found out first. What follows from the name was
    /// not asked for.
    fn impersonation(&mut self, event: &Event, impersonator: &User, request: &Request<'_>) {
        let (verb, mode) = match event.impersonation_constraint.as_deref() {
            Some(constraint) => (constraint, constraint.split_once(':').map(|(_, mode)| mode)),
            None => ("impersonate", None),
        };
        let user = &event.user;
        let mut ask = |group: &str, resource: &str, namespace: &str, name: &str| {
            self.add_as(event, impersonator, Request::resource(verb, group, resource, namespace, name), Some(true));
        };
        let group = if mode.is_some() { AUTHENTICATION } else { "" };
        match (service_account(&user.name), user.name.strip_prefix(NODE_PREFIX)) {
            (Some((namespace, name)), _) => ask(group, "serviceaccounts", namespace, name),
            (None, Some(_)) if mode == Some("associated-node") => ask(group, "nodes", "", "*"),
            (None, Some(node)) if mode.is_some() => ask(group, "nodes", "", node),
            _ => ask(group, "users", "", &user.name),
        }
        if mode.is_none_or(|mode| mode == "user-info") {
            let is_implied =
                |name: &str| name == AUTHENTICATED || name.starts_with(SERVICE_ACCOUNTS) && service_account(&user.name).is_some();
            user.groups.iter().filter(|name| !is_implied(name)).for_each(|name| ask(group, "groups", "", name));
            if !user.uid.is_empty() {
                ask(AUTHENTICATION, "uids", "", &user.uid);
            }
            for (key, values) in &user.extra {
                values.iter().for_each(|value| ask(AUTHENTICATION, &format!("userextras/{key}"), "", value));
            }
        }
        if let Some(mode) = mode {
            let verb = format!("impersonate-on:{mode}:{}", request.verb);
            self.add_as(event, impersonator, Request { verb: &verb, target: request.target }, Some(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::audit::{self, Decision, Place, Resource as Of, Stage};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn user(name: &str, groups: &[&str]) -> Arc<User> {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Arc::new(User { name: name.to_owned(), groups, ..User::default() })
    }

    fn event(verb: &str, resource: &str, name: &str) -> Event {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let of = Of {
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
            ..Of::default()
        };
        Event {
            id: String::new(),
            level: None,
            stage: Stage::ResponseComplete,
            verb: verb.to_owned(),
            user: user("alice", &["dev"]),
            impersonator: None,
            impersonation_constraint: None,
            uri: String::new(),
            source_ips: Vec::new(),
            user_agent: String::new(),
            target: audit::Target::Resource(of),
            code: Some(200),
            reason: None,
            message: None,
            decision: Some(Decision::Allow),
            received: None,
            reached: None,
            annotations: BTreeMap::new(),
            request: None,
            response: None,
            field_selector: None,
            label_selector: None,
            text: None,
            place: Place { source: "log".into(), line: 1, item: None },
        }
    }

    /// Who is seen to use what.
    fn used(event: &Event) -> Vec<String> {
        let mut usage = Usage::default();
        usage.observe(event);
        let used = |person: &crate::usage::Person| {
            let name = person.user.name.clone();
            usage.requests_of(person).into_iter().map(move |one| format!("{name}: {}", one.request)).collect::<Vec<_>>()
        };
        usage.people().into_iter().flat_map(used).collect()
    }

    #[test]
    fn what_authorization_was_asked() {
        let table = [
            (event("get", "pods", "x"), vec!["alice: get pods `x` in namespace a"]),
            // The log knows the name from the object.
            (event("create", "pods", "x"), vec!["alice: create pods in namespace a"]),
            (event("create", "pods/exec", "x"), vec!["alice: create pods/exec `x` in namespace a"]),
            (event("deletecollection", "pods", ""), vec!["alice: deletecollection pods in namespace a"]),
            (
                Event { field_selector: Some("metadata.name=x".to_owned()), ..event("watch", "pods", "") },
                vec!["alice: watch pods `x` in namespace a"],
            ),
            (
                Event { code: Some(201), ..event("patch", "pods", "x") },
                vec!["alice: create pods `x` in namespace a", "alice: patch pods `x` in namespace a"],
            ),
            (Event { code: Some(201), ..event("patch", "pods/status", "x") }, vec!["alice: patch pods/status `x` in namespace a"]),
        ];
        for (event, wanted) in table {
            assert_eq!(used(&event), wanted, "{event:?}");
        }
    }

    #[test]
    fn whoever_acts_as_others_uses_the_right_to_do_so() {
        let as_other = |name: &str, groups: &[&str], constraint: Option<&str>| Event {
            user: user(name, groups),
            impersonator: Some(user("admin", &["ops"])),
            impersonation_constraint: constraint.map(str::to_owned),
            ..event("get", "pods", "x")
        };
        let robot = "system:serviceaccount:a:robot";
        let implied = ["system:serviceaccounts", "system:serviceaccounts:a", AUTHENTICATED];
        let table = [
            (as_other("bob", &["dev", AUTHENTICATED], None), vec!["admin: impersonate groups `dev`", "admin: impersonate users `bob`"]),
            (as_other(robot, &implied, None), vec!["admin: impersonate serviceaccounts `robot` in namespace a"]),
            (
                as_other(robot, &implied, Some("impersonate:serviceaccount")),
                vec![
                    "admin: impersonate-on:serviceaccount:get pods `x` in namespace a",
                    "admin: impersonate:serviceaccount serviceaccounts.authentication.k8s.io `robot` in namespace a",
                ],
            ),
        ];
        for (event, wanted) in table {
            let got: Vec<String> = used(&event).into_iter().filter(|line| line.starts_with("admin")).collect();
            assert_eq!(got, wanted, "{event:?}");
        }
    }
}
