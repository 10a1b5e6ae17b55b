//! What is granted and was not used while the log was written.

use crate::answer::{Named, Place, SCHEMA_VERSION};
use crate::cover::break_down;
use crate::least::{Draft, Need, UNSEEN_VERBS, merge, reference, time};
use crate::usage::{Log, Observed, Seen, Usage};
use crate::{Authorizer, Grant};
use plimsoll_model::ObjectId;
use plimsoll_model::rbac::{Identity, Role, Rule, is_bootstrapped};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;

/// How much of something was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All of it.
    Used,
    /// A part; of what has wildcards never more is known.
    Partly,
    /// Nothing.
    Unused,
    /// Nothing whose use an audit log would show: see [`UNSEEN_VERBS`].
    Unseen,
    /// The role was not read.
    Unknown,
}

/// What is granted and not used, as far as a log tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access unused")]
pub struct Unused {
    /// The version of this form.
    pub schema_version: u32,
    /// The log.
    pub log: Log,
    /// Whether everything could be read that was to be.
    pub complete: bool,
    /// What is granted to whom, and how much of it was used.
    pub subjects: Vec<SubjectUse>,
    /// Roles that nobody is granted.
    pub unbound: Vec<Unbound>,
}

impl Unused {
    /// How much each of `subjects` uses of what is granted to it.
    pub fn of(usage: &Usage, held: &Authorizer<'_>, subjects: &[Identity<'_>], scope: Scope, is_complete: bool) -> Self {
        let subjects = subjects.par_iter().map(|subject| of_subject(usage, held, *subject, scope)).collect();
        Self { schema_version: SCHEMA_VERSION, log: usage.log(), complete: is_complete, subjects, unbound: unbound(held, scope) }
    }
}

/// The grants to one subject.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectUse {
    /// `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`.
    pub subject: String,
    /// Events of the subject, or of a group's members.
    pub events: u64,
    /// When it was last seen.
    pub last_seen: Option<String>,
    /// What was granted to it by name.
    pub grants: Vec<GrantUse>,
}

/// One binding to the subject.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantUse {
    /// The binding.
    pub binding: Named,
    /// The role that it grants.
    pub role: String,
    /// How much of it was used.
    pub status: Status,
    /// Events that it allowed; others may have allowed them as well.
    pub events: u64,
    /// When the last of them was.
    pub last_used: Option<String>,
    /// Its rules.
    pub rules: Vec<RuleUse>,
}

/// One rule of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleUse {
    /// The rule in words.
    pub rule: String,
    /// Where it stands.
    pub place: Place,
    /// How much of it was used.
    pub status: Status,
    /// What of it was not.
    pub unused: Vec<String>,
    /// What was used through a wildcard.
    pub used_of_wildcard: Vec<String>,
    /// What of it an audit log would not show.
    pub unseen: Vec<String>,
    /// Events that it allowed.
    pub events: u64,
    /// When the last of them was.
    pub last_used: Option<String>,
}

/// A role that no binding grants.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unbound {
    /// The role.
    pub role: Named,
}

/// Whether to look at what every API server makes by itself, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only what somebody made.
    Made,
    /// Also the bindings and roles of the API server.
    All,
}

/// Everybody to whom something is granted, in order.
pub fn subjects<'a>(held: &Authorizer<'a>, scope: Scope) -> Vec<Identity<'a>> {
    let counts = |identity: &Identity<'a>| held.grants_to(*identity).iter().any(|grant| is_in(grant, scope));
    held.identities().into_iter().filter(counts).collect()
}

/// How much somebody uses of what is granted to it by name.
pub fn of_subject(usage: &Usage, held: &Authorizer<'_>, subject: Identity<'_>, scope: Scope) -> SubjectUse {
    let people = usage.people_of(subject);
    let mut seen = Seen::default();
    people.iter().for_each(|person| seen.join(&person.seen));
    let requests: Vec<Observed<'_>> =
        people.iter().flat_map(|person| usage.requests_of(person)).filter(|one| one.allowed.count > 0).collect();
    let grants = held.grants_to(subject).into_iter().filter(|grant| is_in(grant, scope));
    let grants = grants.map(|grant| of_grant(held, &grant, &requests)).collect();
    SubjectUse { subject: reference(subject), events: seen.count, last_seen: time(seen.last), grants }
}

/// Roles that nobody is granted, directly or as a part of another role.
pub fn unbound(held: &Authorizer<'_>, scope: Scope) -> Vec<Unbound> {
    let roles = &held.rbac().roles;
    let foreign = |role: &Role<'_>| {
        let id = role.object.id();
        role.rules.iter().map(|rule| rule.role.id()).filter(|from| *from != id).collect::<Vec<_>>()
    };
    let parts: HashSet<ObjectId> =
        roles.iter().filter(|role| role.object.node.get("aggregationRule").is_some()).flat_map(foreign).collect();
    let is_part = |role: &Role<'_>| parts.contains(&role.object.id());
    let is_made = |role: &Role<'_>| scope == Scope::All || !role.is_default && !is_bootstrapped(&role.object);
    let unbound = roles.iter().enumerate().filter(|(at, role)| held.bindings_of(*at).next().is_none() && is_made(role) && !is_part(role));
    unbound.map(|(_, role)| Unbound { role: Named::of(held.rbac(), &role.object) }).collect()
}

fn is_in(grant: &Grant<'_, '_>, scope: Scope) -> bool {
    let by_server = grant.binding.is_default || is_bootstrapped(&grant.binding.object);
    scope == Scope::All || !by_server
}

fn of_grant(held: &Authorizer<'_>, grant: &Grant<'_, '_>, requests: &[Observed<'_>]) -> GrantUse {
    let reached: Vec<&Observed<'_>> = requests.iter().filter(|one| grant.binding.reaches(&one.request)).collect();
    let (mut rules, mut total) = (Vec::new(), Seen::default());
    for rule in grant.role.iter().flat_map(|role| &role.rules) {
        let (rule, seen) = of_rule(rule, &reached);
        rules.push(rule);
        total.join(&seen);
    }
    let all = |status: Status| rules.iter().all(|rule| rule.status == status);
    let status = match grant.role {
        None => Status::Unknown,
        Some(_) if all(Status::Used) && !rules.is_empty() => Status::Used,
        Some(_) if rules.iter().any(|rule| matches!(rule.status, Status::Used | Status::Partly)) => Status::Partly,
        Some(_) if rules.iter().any(|rule| rule.status == Status::Unseen) => Status::Unseen,
        Some(_) => Status::Unused,
    };
    GrantUse {
        binding: Named::of(held.rbac(), &grant.binding.object),
        role: format!("{} {}", grant.binding.role_kind, grant.binding.role_name),
        status,
        events: total.count,
        last_used: time(total.last),
        rules,
    }
}

/// A rule is looked at part by part: one verb of one resource of one group, by name.
fn of_rule(rule: &Rule<'_>, requests: &[&Observed<'_>]) -> (RuleUse, Seen) {
    let used: Vec<&&Observed<'_>> = requests.iter().filter(|one| rule.allows(&one.request)).collect();
    let mut seen = Seen::default();
    used.iter().for_each(|one| seen.join(one.allowed));
    let (mut unused, mut unseen, mut wide, mut is_used) = (Vec::new(), Vec::new(), Vec::new(), false);
    for part in break_down(rule) {
        let through = used.iter().filter(|one| part.allows(&one.request));
        if has_wildcard(&part) {
            let needs = through.filter_map(|one| Need::of(&one.request).ok());
            let before = wide.len();
            wide.extend(needs.map(|need| Draft { resource_names: Default::default(), ..Draft::of(&need) }));
            if wide.len() == before {
                unused.push(Draft::from_rule(&part));
            }
        } else if through.count() > 0 {
            is_used = true;
        } else if part.verbs.iter().any(|verb| UNSEEN_VERBS.contains(verb)) {
            unseen.push(Draft::from_rule(&part));
        } else {
            unused.push(Draft::from_rule(&part));
        }
    }
    let status = match (is_used, wide.is_empty(), unused.is_empty(), unseen.is_empty()) {
        (_, false, ..) | (true, _, false, _) => Status::Partly,
        (true, ..) => Status::Used,
        (false, _, true, false) => Status::Unseen,
        _ => Status::Unused,
    };
    let shown = |drafts: Vec<Draft>| merge(drafts).iter().map(Draft::to_string).collect();
    let use_ = RuleUse {
        rule: rule.to_string(),
        place: Place::of(rule.node()),
        status,
        unused: shown(unused),
        used_of_wildcard: shown(wide),
        unseen: shown(unseen),
        events: seen.count,
        last_used: time(seen.last),
    };
    (use_, seen)
}

fn has_wildcard(part: &Rule<'_>) -> bool {
    let is_wild = |text: &&str| *text == "*" || text.starts_with("*/");
    [&part.verbs, &part.api_groups, &part.resources].into_iter().flatten().any(is_wild)
        || part.non_resource_urls.iter().any(|url| url.ends_with('*'))
}
