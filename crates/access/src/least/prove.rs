//! The proof: what was written is read back, and every request of the log is asked again.

use super::standing::Standing;
use super::{Conflict, time};
use crate::Authorizer;
use crate::cover::{in_server_words, uncovered};
use crate::usage::Observed;
use plimsoll_model::rbac::{Defaults, MASTERS, Rbac, Request, Rule, User};
use plimsoll_model::{Limits, Object, Origin, Source, parse};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What came of asking every request again: of the written roles, and of what stays.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Distinct requests that were allowed in the log and are allowed again.
    pub allowed_replayed: usize,
    /// Their events.
    pub allowed_events: u64,
    /// Distinct requests that were denied in the log and are denied again.
    pub denied_replayed: usize,
    /// Their events.
    pub denied_events: u64,
    /// Requests that come out otherwise, and are none of those that are left out or in conflict for a stated reason.
    pub failures: Vec<Failure>,
}

/// A request that comes out otherwise than it has to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Who asked.
    pub user: String,
    /// What.
    pub request: String,
    /// `allowed` or `denied`.
    pub wanted: &'static str,
}

/// Whether the roles are a part of what is held.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subset {
    /// Each rule is covered by what is held where it holds.
    Proved,
    /// The bindings, or some of their roles, were not read.
    Unknown,
    /// Rules that are not covered.
    Exceeds(Vec<String>),
}

pub(super) fn prove(
    standing: &Standing<'_, '_>,
    requests: &[(&User, Observed<'_>)],
    users: &[&User],
    yaml: &str,
    generated: &BTreeSet<(&User, Request<'_>)>,
) -> (Subset, Proof, Vec<Conflict>) {
    let (documents, problems) = parse(&Source::new("least", Origin::Live, yaml), Limits::default());
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    let written = Authorizer::of(Rbac::of(objects.into_iter(), Defaults::Leave));
    let mut proof = Proof::default();
    for problem in problems.iter().chain(&written.rbac().problems) {
        proof.failures.push(Failure { user: String::new(), request: problem.message.clone(), wanted: "readable" });
    }
    let mut conflicts = Vec::new();
    for (user, observed) in requests {
        let Observed { request, allowed, denied } = observed;
        // Nobody is asked about a member of this group, so that nothing would be proved.
        let asked = User::exactly(&user.name, user.groups.iter().filter(|group| *group != MASTERS));
        let by_roles = written.allows(&asked, request);
        let by_group = standing.stays_allowed(user, request);
        if allowed.count > 0 && (by_roles || by_group.is_some() || standing.is_kubelets(user, request)) {
            proof.allowed_replayed += 1;
            proof.allowed_events += allowed.count;
        } else if allowed.count > 0 && generated.contains(&(*user, *request)) {
            proof.failures.push(Failure { user: user.name.clone(), request: request.to_string(), wanted: "allowed" });
        }
        if denied.count == 0 {
            continue;
        }
        let why = if !by_roles && by_group.is_none() {
            proof.denied_replayed += 1;
            proof.denied_events += denied.count;
            continue;
        } else if let Some(group) = by_group {
            format!("group {group} is granted it today")
        } else if standing.is_held(user, request) {
            let why = match allowed.count {
                0 => "it is a part of what was used, and is held today",
                _ if denied.last > allowed.last => "it is held today, and was taken away for a time",
                _ => "it is held today, and was granted after it was denied",
            };
            why.to_owned()
        } else if allowed.count > 0 || !standing.held.is_known {
            "it, or more than it, was allowed at another time; whether it is held today is not known".to_owned()
        } else {
            proof.failures.push(Failure { user: user.name.clone(), request: request.to_string(), wanted: "denied" });
            continue;
        };
        let (first, last, place) = (time(denied.first), time(denied.last), denied.place.clone());
        conflicts.push(Conflict { request: request.to_string(), why, events: denied.count, first, last, place });
    }
    (subset(standing, users, &written), proof, conflicts)
}

/// Each role is asked in each place where it is bound.
fn subset(standing: &Standing<'_, '_>, users: &[&User], written: &Authorizer<'_>) -> Subset {
    if !standing.held.is_known {
        return Subset::Unknown;
    }
    if users.iter().any(|user| standing.is_master(user)) {
        return Subset::Proved;
    }
    let (mut exceeding, mut is_unknown) = (Vec::new(), false);
    for binding in &written.rbac().bindings {
        let held: Vec<&Rule<'_>> = standing.held_rules(users, binding.namespace());
        let rules = written.rbac().granted(binding).map(|role| role.rules.as_slice()).unwrap_or_default();
        for part in uncovered(&held, rules) {
            let request = Request::resource("", "", "", binding.namespace().unwrap_or_default(), "");
            is_unknown |= users.iter().any(|user| standing.may_be_held(user, &request));
            exceeding.push(in_server_words(&part));
        }
    }
    match (exceeding.is_empty(), is_unknown) {
        (true, _) => Subset::Proved,
        (false, true) => Subset::Unknown,
        (false, false) => Subset::Exceeds(exceeding),
    }
}
