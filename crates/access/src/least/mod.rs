//! Least privilege from what was used: the smallest roles that allow everything that was asked and allowed, and nothing else.
//!
//! A role comes about in four steps: what the subject was allowed, and holds today, becomes [`Need`]s; those are widened where
//! that was asked for; [`rules`] says them in the fewest rules; [`prove`] reads the written objects back and asks every request of
//! the log again.

mod confidence;
mod objects;
mod prove;
mod rules;
mod standing;
mod widen;

pub use confidence::{Confidence, Level};
pub(crate) use objects::{binding, role};
use objects::{name, objects};
pub use prove::{Failure, Proof, Subset};
pub(crate) use rules::merge;
pub use rules::{Draft, Need, UNSEEN_VERBS, What};
use rules::{rules, unseen_verbs, without_covered};
pub use standing::Held;
pub use widen::{Widen, Widening};

use crate::answer::SCHEMA_VERSION;
use crate::unused::{self, GrantUse};
use crate::usage::{Log, Observed, Person, Seen, Usage};
use plimsoll_model::manifest;
use plimsoll_model::rbac::{GROUP, Identity, MASTERS, Request, Target, User};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use standing::Standing;
use std::collections::{BTreeMap, BTreeSet};

/// What to generate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Where to grant more than was used.
    pub widen: Widen,
    /// Whether the roles are for a subject that leaves its groups: what came through them is generated, too. Otherwise groups stay
    /// as they are. (Groups that everybody is in cannot be left.)
    pub leave_groups: bool,
}

/// The least that subjects need, as far as a log tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access least")]
pub struct Least {
    /// The version of this form.
    pub schema_version: u32,
    /// The log.
    pub log: Log,
    /// Whether the bindings of the cluster were read: without them nobody knows what is held, and what comes through groups.
    pub bindings_known: bool,
    /// Whether everything could be read that was to be.
    pub complete: bool,
    /// Who gets what.
    pub subjects: Vec<Suggestion>,
}

impl Least {
    /// The smallest roles for each of `subjects`.
    pub fn of(usage: &Usage, held: Held<'_, '_>, subjects: &[Identity<'_>], options: &Options, is_complete: bool) -> Self {
        let subjects = subjects.par_iter().map(|subject| suggest(usage, held, *subject, options)).collect();
        Self { schema_version: SCHEMA_VERSION, log: usage.log(), bindings_known: held.is_known, complete: is_complete, subjects }
    }

    /// Whether every request came out as it has to.
    pub fn is_proved(&self) -> bool {
        self.subjects.iter().all(|one| one.proof.failures.is_empty() && !matches!(one.subset, Subset::Exceeds(_)))
    }
}

/// The roles for one subject, and everything that is known about them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// Whom they are for: `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`.
    pub subject: String,
    /// The roles and bindings; none where everything that was used comes from elsewhere.
    pub objects: Vec<Json>,
    /// Events of the subject, or of a group's members.
    pub events: u64,
    /// The first of them.
    pub first: Option<String>,
    /// The last of them.
    pub last: Option<String>,
    /// Days (UTC) with events.
    pub days: usize,
    /// How much the log tells.
    pub confidence: Confidence,
    /// Distinct requests that the roles are for.
    pub requests: usize,
    /// What is allowed anyway and so is not generated, by what it comes from.
    pub stays: Vec<Stays>,
    /// Requests that were allowed and that the roles do not allow, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// Requests that were denied in the log and are allowed by what stands, each with the reason.
    pub conflicts: Vec<Conflict>,
    /// What is granted beyond what was used, because it was asked for.
    pub widened: Vec<Widening>,
    /// What was to be widened and is not, with the reason.
    pub not_widened: Vec<Widening>,
    /// Whether the roles are a part of what is held today.
    pub subset: Subset,
    /// What came of asking all requests again.
    pub proof: Proof,
    /// The grants that the roles take the place of, with how much of them was used; none where the bindings were not read.
    pub replaces: Vec<GrantUse>,
    /// What else has to be known before the roles take the place of what is held.
    pub notes: Vec<String>,
}

impl Suggestion {
    /// The roles in words, each with its rules.
    pub fn roles(&self) -> Vec<(String, Vec<String>)> {
        let role = |object: &Json| {
            let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            let rules = object.get("rules")?.as_array()?.iter().map(|rule| Draft::from_json(rule).to_string()).collect();
            let place = match text("/metadata/namespace") {
                "" => String::new(),
                namespace => format!(" in {namespace}"),
            };
            Some((format!("{} {}{place}", text("/kind"), text("/metadata/name")), rules))
        };
        self.objects.iter().filter_map(role).collect()
    }
}

/// What is allowed anyway.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stays {
    /// By what: `group NAME`, or `the Node authorizer`.
    pub by: String,
    /// Distinct requests.
    pub requests: usize,
    /// Events.
    pub events: u64,
}

/// A request that was allowed and is not generated.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// What.
    pub request: String,
    /// Why.
    pub why: &'static str,
    /// How often it was allowed.
    pub events: u64,
    /// When it was allowed last.
    pub last: Option<String>,
    /// Where the log has it first.
    pub place: Option<String>,
}

/// A request that was denied, and would not be now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// What.
    pub request: String,
    /// Why it is allowed.
    pub why: String,
    /// How often it was denied.
    pub events: u64,
    /// When it was denied first.
    pub first: Option<String>,
    /// When it was denied last.
    pub last: Option<String>,
    /// Where the log has it first.
    pub place: Option<String>,
}

const NOT_HELD: &str =
    "no grant that was read allows it today: it was taken away since, or something else than RBAC allowed it (a webhook)";
const REVOKED: &str = "it was denied after it was allowed for the last time";

/// A subject as the command line writes it.
pub fn reference(subject: Identity<'_>) -> String {
    match subject {
        Identity::ServiceAccount(namespace, name) => format!("sa:{namespace}/{name}"),
        Identity::User(name) => format!("user:{name}"),
        Identity::Group(name) => format!("group:{name}"),
    }
}

/// Everybody for whom roles can be made: who was allowed something, and the groups of bindings that had members among them. Groups
/// that everybody is in are left out.
pub fn subjects<'u>(usage: &'u Usage, held: Held<'_, 'u>) -> Vec<Identity<'u>> {
    let people = usage.people();
    let is_active = |person: &&Person| usage.requests_of(person).iter().any(|observed| observed.allowed.count > 0);
    let active: Vec<&Person> = people.into_iter().filter(is_active).collect();
    let users = active.iter().map(|person| Identity::of_user(&person.user.name));
    // Roles are nothing to system:masters: who is in it is told so, and the roles that serve once they are out of it.
    let is_bound =
        |group: &&str| *group != MASTERS && !standing::is_implied(group) && !held.authorizer.grants_to(Identity::Group(group)).is_empty();
    let groups = active.iter().flat_map(|person| &person.user.groups).map(String::as_str).filter(is_bound).map(Identity::Group);
    users.chain(groups).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The smallest roles for one subject.
pub fn suggest(usage: &Usage, held: Held<'_, '_>, subject: Identity<'_>, options: &Options) -> Suggestion {
    let standing = Standing { held, subject, leaves_groups: options.leave_groups };
    let people = usage.people_of(subject);
    let mut all = Seen::default();
    people.iter().for_each(|person| all.join(&person.seen));
    let days: BTreeSet<i64> = people.iter().flat_map(|person| &person.days).copied().collect();
    let requests: Vec<(&User, Observed<'_>)> =
        people.iter().flat_map(|person| usage.requests_of(person).into_iter().map(|observed| (&person.user, observed))).collect();

    let sorted = sort(&standing, &requests);
    let mut needs = without_covered(&sorted.needs);
    let users: Vec<&User> = people.iter().map(|person| &person.user).collect();
    let denied: Vec<Request<'_>> = requests.iter().filter(|(_, one)| one.denied.count > 0).map(|(_, one)| one.request).collect();
    let holds = |need: &Need| !held.is_known || users.iter().any(|user| standing.holds(user, need));
    let (widened, not_widened) = widen::widen(&mut needs, options.widen, &denied, &holds);
    let needs = without_covered(&needs);

    let objects = objects(&name(subject), subject, &rules(&needs));
    let (subset, proof, conflicts) = prove::prove(&standing, &requests, &users, &manifest(&objects), &sorted.generated);
    let confidence = confidence::confidence(usage, days.len(), requests.iter().map(|(_, one)| one.allowed).filter(|one| one.count > 0));
    Suggestion {
        subject: reference(subject),
        events: all.count,
        first: time(all.first),
        last: time(all.last),
        days: days.len(),
        confidence,
        requests: sorted.generated.len(),
        stays: sorted.stays.into_iter().map(|(by, (requests, events))| Stays { by, requests, events }).collect(),
        left_out: sorted.left_out,
        conflicts,
        widened,
        not_widened,
        subset,
        proof,
        replaces: if held.is_known { unused::of_subject(usage, held.authorizer, subject, unused::Scope::All).grants } else { Vec::new() },
        notes: notes(&standing, &users, &requests, &sorted.generated, &needs)
            .into_iter()
            .chain(objects.iter().filter_map(too_large))
            .collect(),
        objects,
    }
}

/// What etcd takes in one request, by default.
const LARGEST_OBJECT: usize = 1_500_000;

fn too_large(object: &Json) -> Option<String> {
    let size = object.to_string().len();
    let name = object.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default();
    (size > LARGEST_OBJECT).then(|| {
        format!("role {name} has {size} bytes, more than the API server stores: grant all names where there are many (`--widen names=N`)")
    })
}

/// The requests that were allowed, by where they stand.
#[derive(Default)]
struct Sorted<'u> {
    needs: BTreeSet<Need>,
    /// What the roles are to allow.
    generated: BTreeSet<(&'u User, Request<'u>)>,
    stays: BTreeMap<String, (usize, u64)>,
    left_out: Vec<LeftOut>,
}

fn sort<'u>(standing: &Standing<'_, '_>, requests: &[(&'u User, Observed<'u>)]) -> Sorted<'u> {
    let mut sorted = Sorted::default();
    for (user, observed) in requests.iter().filter(|(_, observed)| observed.allowed.count > 0) {
        let (user, Observed { request, allowed, denied }) = (*user, *observed);
        let by_group = standing.stays_allowed(user, &request).map(|group| format!("group {group}"));
        if let Some(by) = by_group.or_else(|| standing.is_kubelets(user, &request).then(|| "the Node authorizer".to_owned())) {
            let (requests, events) = sorted.stays.entry(by).or_default();
            *requests += 1;
            *events += allowed.count;
            continue;
        }
        let is_held = standing.is_held(user, &request);
        let is_unknown = !standing.held.is_known || standing.may_be_held(user, &request);
        let why = match Need::of(&request) {
            Err(why) => why,
            Ok(_) if !is_held && !is_unknown => NOT_HELD,
            // What was the case last is the case now, where nothing else is known.
            Ok(_) if !is_held && denied.count > 0 && denied.last > allowed.last => REVOKED,
            Ok(need) => {
                sorted.needs.insert(need);
                sorted.generated.insert((user, request));
                continue;
            }
        };
        let (events, last, place) = (allowed.count, time(allowed.last), allowed.place.clone());
        sorted.left_out.push(LeftOut { request: request.to_string(), why, events, last, place });
    }
    sorted
}

/// What cannot be seen in a log, and still matters.
fn notes(
    standing: &Standing<'_, '_>,
    users: &[&User],
    requests: &[(&User, Observed<'_>)],
    generated: &BTreeSet<(&User, Request<'_>)>,
    needs: &BTreeSet<Need>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let made_up: BTreeSet<&str> = needs.iter().filter_map(Need::generated_name).collect();
    if let Some(name) = made_up.first() {
        let others = if made_up.len() > 1 { format!(" (and {} more)", made_up.len() - 1) } else { String::new() };
        notes.push(format!("`{name}`{others} looks made up by Kubernetes: the next object will have another name (`--widen generated`)"));
    }
    if users.iter().any(|user| standing.is_master(user)) {
        notes.push("it is in system:masters, which may do everything: the roles matter once it is out of that group".to_owned());
    }
    let is_group_unknown = matches!(standing.subject, Identity::Group(_)) && !standing.held.is_known;
    if is_group_unknown {
        notes.push("what came through the group is not known without the bindings: everything that its members did counts".to_owned());
    }
    let writes_rbac = |request: &Request<'_>| {
        matches!(request.target, Target::Resource(of) if of.group == GROUP) && !matches!(request.verb, "get" | "list" | "watch")
    };
    if generated.iter().any(|(_, request)| writes_rbac(request)) {
        notes.push(
            "it writes roles or bindings: the API server lets it grant what it holds itself, and with less it may grant less".to_owned(),
        );
    }
    let namespaces: BTreeSet<&str> = requests.iter().map(|(_, one)| one.request.namespace()).collect();
    let mut unseen: Vec<String> = Vec::new();
    for namespace in namespaces {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        for rule in standing.held_rules(users, namespace) {
            let verbs = unseen_verbs(rule);
            let note = format!("{} (rule {} of {})", verbs.join(", "), rule.index, rule.role.id());
            if !verbs.is_empty() && !unseen.contains(&note) {
                unseen.push(note);
            }
        }
    }
    if !unseen.is_empty() {
        notes.push(format!("it holds verbs whose use no audit log shows, keep them by hand if they are needed: {}", unseen.join("; ")));
    }
    notes
}

pub(crate) fn time(time: Option<jiff::Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}
