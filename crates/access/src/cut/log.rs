//! What an audit log shows in use: a cut leaves it alone.

use super::rules::{read, without};
use super::units::Held;
use crate::Authorizer;
use crate::usage::{Observed, Seen, Usage};
use plimsoll_model::rbac::{Identity, User, is_bootstrapped};
use std::collections::BTreeMap;
use std::fmt;

/// The requests of a log that were allowed, by whom a binding names.
pub struct InUse<'a, 'u> {
    usage: &'u Usage,
    requests: BTreeMap<Identity<'a>, Vec<Observed<'u>>>,
}

impl<'a, 'u> InUse<'a, 'u> {
    /// What everybody whom `held` names was seen to do.
    pub fn new(usage: &'u Usage, held: &Authorizer<'a>) -> Self {
        // What everybody may do by what the API server makes itself, which no cut takes away, needs no other right.
        let stays = |user: &User, one: &Observed<'_>| {
            let grants = held.grants_of(user).into_iter();
            let kept = grants.filter(|grant| grant.binding.is_default || is_bootstrapped(&grant.binding.object));
            let mut roles = kept.filter(|grant| grant.binding.reaches(&one.request)).filter_map(|grant| grant.role);
            roles.any(|role| role.allows(&one.request).is_some())
        };
        let requests = |identity: Identity<'a>| {
            let people = usage.people_of(identity).into_iter();
            let all = people.flat_map(|person| usage.requests_of(person).into_iter().map(move |one| (&person.user, one)));
            let seen = all.filter(|(user, one)| one.allowed.count > 0 && !stays(user, one)).map(|(_, one)| one);
            (identity, seen.collect())
        };
        Self { usage, requests: held.identities().into_iter().map(requests).collect() }
    }

    /// The requests of the log that would be denied without a right, in words; `None` where there are none. That something else
    /// allows them too is no reason to take the right away: that may be taken away as well.
    pub fn right(&self, held: &Held<'_, '_>) -> Option<String> {
        let requests = self.requests.get(&held.subject.identity)?;
        let mut used = requests.iter().filter(|one| held.binding.reaches(&one.request) && held.rule.allows(&one.request)).peekable();
        used.peek()?;
        let left = held.lost.map(|need| without(&held.rule.node().to_json(), need)).unwrap_or_default();
        let left: Vec<_> = left.iter().map(|rule| read(held.rule.role, rule)).collect();
        let is_lost = |one: &&Observed<'_>| !left.iter().any(|rule| rule.allows(&one.request));
        let lost: Vec<&Observed<'_>> = used.filter(is_lost).collect();
        let most = lost.iter().rev().max_by_key(|one| one.allowed.count)?;
        let more = match lost.len() - 1 {
            0 => String::new(),
            1 => ", and 1 other request".to_owned(),
            more => format!(", and {more} other requests"),
        };
        Some(format!("{} {}{more}", most.request, times(most.allowed)))
    }

    /// What an account was seen to do, in words.
    pub fn account(&self, identity: Identity<'_>) -> Option<String> {
        let mut seen = Seen::default();
        self.usage.people_of(identity).iter().for_each(|person| seen.join(&person.seen));
        (seen.count > 0).then(|| format!("seen in the log {}", times(&seen)))
    }
}

fn times(seen: &Seen) -> impl fmt::Display + use<> {
    let times = if seen.count == 1 { "once".to_owned() } else { format!("{} times", seen.count) };
    let last = seen.last.map(|last| format!(", last on {last}")).unwrap_or_default();
    let place = seen.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    format!("{times}{last}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::primitive::Primitive;
    use crate::usage::Observation;
    use plimsoll_model::rbac::{Defaults, Rbac, Request};
    use plimsoll_model::{Limits, Origin, Source, parse};

    /// Whether it counts as use that account shop/web asked for `verb resource namespace`, where it would lose what makes pods, or
    /// all of the rule.
    fn is_used(rule: &str, asked: &str, is_allowed: bool, loses_all: bool) -> bool {
        let yaml = format!(
            "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: r, namespace: shop}}
rules: [{{apiGroups: [''], {rule}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: b, namespace: shop}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}
subjects: [{{kind: ServiceAccount, name: web}}]
"
        );
        let (documents, problems) = parse(&Source::new("role.yaml", Origin::File, yaml), Limits::default());
        assert!(problems.is_empty(), "{problems:?}");
        let held = Authorizer::of(Rbac::of(documents.iter().flat_map(|document| document.objects().0), Defaults::Leave));
        let words: Vec<&str> = asked.split(' ').collect();
        let [verb, resource, namespace] = words[..] else { panic!("three words: {asked}") };
        let mut usage = Usage::default();
        let request = Request::resource(verb, "", resource, namespace, "");
        let user = "system:serviceaccount:shop:web";
        usage.add(&Observation { user, groups: &[], request, allowed: Some(is_allowed), at: None, place: &"log:1" });
        let (binding, role) = (&held.rbac().bindings[0], &held.rbac().roles[0]);
        let lost = Primitive::named("create-pods").and_then(|primitive| primitive.needs.first()).filter(|_| !loses_all);
        let right = Held { binding, subject: &binding.subjects[0], role, rule: &role.rules[0], lost };
        let log = InUse::new(&usage, &held);
        assert_eq!(log.account(right.subject.identity).as_deref(), Some("seen in the log once"));
        log.right(&right).is_some()
    }

    #[test]
    fn what_would_be_denied_afterwards_is_in_use() {
        let (pods, all) = ("resources: [pods], verbs: [get, create]", "resources: ['*'], verbs: ['*']");
        for (rule, asked, is_allowed, loses_all, wanted) in [
            (pods, "create pods shop", true, false, true),
            (pods, "get pods shop", true, false, false),
            (pods, "get pods shop", true, true, true),
            (pods, "create pods shop", false, false, false),
            (pods, "create pods other", true, false, false),
            (pods, "create services shop", true, true, false),
            // Of `*` but one no rule can be made: what else is created goes with it.
            (all, "create configmaps shop", true, false, true),
            (all, "get configmaps shop", true, false, false),
        ] {
            assert_eq!(is_used(rule, asked, is_allowed, loses_all), wanted, "{rule}: {asked}, allowed {is_allowed}, all {loses_all}");
        }
    }
}
