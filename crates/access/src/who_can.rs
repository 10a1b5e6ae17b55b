//! Who can do something: everybody whom a binding lets, with what lets them.

use crate::answer::{By, SCHEMA_VERSION, Unknown, Who};
use crate::{Authorizer, Grant, Question, Scope};
use plimsoll_model::rbac::{Binding, MASTERS, Role, Rule};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Everybody who can do something.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access who-can")]
pub struct WhoCan {
    /// The version of this form.
    pub schema_version: u32,
    /// What was asked.
    pub question: Question,
    /// Those who can, everywhere that was asked about.
    pub holders: Vec<By>,
    /// Those who can in some namespaces only, where all were asked about.
    pub in_namespaces: Vec<InNamespace>,
    /// Those who can do it to objects of some names only, where no name was asked about.
    pub named_only: Vec<NamedOnly>,
    /// Bindings that might let more people: their roles were not read.
    pub unknown: Vec<Unknown>,
    /// Whether nobody else can, as far as roles and bindings say: everything was read, and no role is missing.
    pub complete: bool,
    /// Whether the roles and bindings that every API server makes were taken as given.
    pub defaults_assumed: bool,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// Somebody who can in one namespace.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InNamespace {
    /// The namespace.
    pub namespace: String,
    /// Who, and by what.
    #[serde(flatten)]
    pub by: By,
}

/// Somebody who can do it to objects of these names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedOnly {
    /// The namespace; empty for all of them, or where there are none.
    pub namespace: String,
    /// The names.
    pub names: Vec<String>,
    /// Who, and by what.
    #[serde(flatten)]
    pub by: By,
}

impl Authorizer<'_> {
    /// Answers a question. `is_complete` says whether everything could be read that was to be.
    pub fn ask_who(&self, question: Question, is_complete: bool) -> WhoCan {
        let rbac = self.rbac();
        let request = question.request();
        let concerns =
            |binding: &Binding<'_>| binding.reaches(&request) || question.scope == Scope::AnyNamespace && question.path.is_none();
        let (mut holders, mut in_namespaces, mut named_only) = (Vec::new(), Vec::new(), Vec::new());
        for (grant, by) in By::all(rbac, self.holders(|role| role.allows(&request), concerns).into_iter()) {
            match grant.binding.namespace().filter(|_| question.scope == Scope::AnyNamespace) {
                Some(namespace) => in_namespaces.push(InNamespace { namespace: namespace.to_owned(), by }),
                None => holders.push(by),
            }
        }
        let by_name = |role: &Role<'_>| role.allows(&request).is_none() && names_of(role, &question).next().is_some();
        for (grant, _) in self.holders(|role| role.rules.first().filter(|_| by_name(role)), concerns) {
            named_only.extend(named(self, &question, &grant));
        }
        // What somebody wrote comes before what every API server has.
        holders.sort_unstable_by(|a, b| (a.binding.default, a).cmp(&(b.binding.default, b)));
        in_namespaces.sort_unstable_by(|a, b| (a.by.binding.default, a).cmp(&(b.by.binding.default, b)));
        named_only.sort_unstable_by(|a, b| (a.by.binding.default, a).cmp(&(b.by.binding.default, b)));
        // Whoever can everywhere is said once.
        let everywhere: BTreeSet<&Who> = holders.iter().map(|by| &by.subject).collect();
        in_namespaces.retain(|one| !everywhere.contains(&one.by.subject));
        named_only.retain(|one| !everywhere.contains(&one.by.subject));
        let unknown = self.unknown(concerns);
        let mut notes = question.notes.clone();
        notes.push(format!("members of the group {MASTERS} can do it anyway: no authorizer is asked about them"));
        WhoCan {
            schema_version: SCHEMA_VERSION,
            holders,
            in_namespaces,
            named_only,
            complete: is_complete && unknown.is_empty(),
            unknown,
            defaults_assumed: rbac.has_assumed,
            notes,
            question,
        }
    }

    /// Bindings that count and whose roles were not read. Of a running API server nothing is unknown: what it does not have
    /// grants nothing.
    pub(crate) fn unknown(&self, counts: impl Fn(&Binding<'_>) -> bool) -> Vec<Unknown> {
        let rbac = self.rbac();
        let missing = rbac.bindings.iter().filter(|binding| binding.role.is_none() && !rbac.is_live && counts(binding));
        let mut unknown: Vec<Unknown> = missing.map(|binding| Unknown::of(rbac, binding)).collect();
        unknown.sort();
        unknown
    }
}

/// The rules of a role that allow it for objects of some names, where the question has no name.
pub(crate) fn names_of<'r, 'a>(role: &'r Role<'a>, question: &Question) -> impl Iterator<Item = &'r Rule<'a>> {
    role.rules.iter().filter(|rule| {
        let name = rule.resource_names.first().copied();
        name.and_then(|name| question.request_for(name)).is_some_and(|request| rule.allows(&request))
    })
}

pub(crate) fn named(authorizer: &Authorizer<'_>, question: &Question, grant: &Grant<'_, '_>) -> Vec<NamedOnly> {
    let namespace = grant.binding.namespace().unwrap_or_default();
    let one = |rule: &Rule<'_>| NamedOnly {
        namespace: namespace.to_owned(),
        names: rule.resource_names.iter().map(|name| (*name).to_owned()).collect(),
        by: By::of(authorizer.rbac(), grant, rule),
    };
    grant.role.into_iter().flat_map(|role| names_of(role, question)).map(one).collect()
}
