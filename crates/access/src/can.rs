//! What somebody can do: one thing, with what decides it, or everything.

use crate::answer::{By, SCHEMA_VERSION, Unknown, Who};
use crate::cover::uncovered;
use crate::node::{Attributes, Basis, NodeAuthorizer, Opinion};
use crate::who_can::{NamedOnly, named};
use crate::{Authorizer, Grant, Question, Scope};
use plimsoll_model::rbac::{Binding, Identity, MASTERS, Rule, User};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether somebody can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A rule allows it.
    Yes,
    /// No rule does.
    No,
    /// No rule that was read does, and not all were read.
    NotKnown,
}

/// Whether somebody can do something.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access can, with a request")]
pub struct Can {
    /// The version of this form.
    pub schema_version: u32,
    /// The user name; empty for somebody of whom groups are known only.
    pub user: String,
    /// The groups, with those that are implied.
    pub groups: Vec<String>,
    /// What was asked.
    pub question: Question,
    /// The answer.
    pub verdict: Verdict,
    /// What allows it; absent for members of `system:masters`, whom nobody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// The namespaces where it is allowed, where all were asked about and not all are allowed.
    pub in_namespaces: Vec<Allowed>,
    /// What allows it for objects of some names, where none was asked about.
    pub named_only: Vec<NamedOnly>,
    /// Bindings that might allow it: their roles were not read.
    pub unknown: Vec<Unknown>,
    /// Whether the roles and bindings that every API server makes were taken as given.
    pub defaults_assumed: bool,
    /// What else should be known.
    pub notes: Vec<String>,
}

impl Can {
    /// The same with what the Node authorizer says, which the API server asks about kubelets before RBAC.
    #[must_use]
    pub fn with_node(mut self, user: &User, node: &NodeAuthorizer<'_>) -> Self {
        let request = self.question.request();
        let opinion = node.authorize(user, &Attributes::from(request));
        let note = match &opinion {
            Opinion::Allowed(Basis::Related(object)) => {
                let location = object.node.location();
                format!("the Node authorizer allows it: {} is on the node, or what a pod there needs ({location})", object.id())
            }
            Opinion::Allowed(Basis::Kubelet) => "the Node authorizer allows it: it is the kubelet's own".to_owned(),
            Opinion::Allowed(Basis::Rule(_)) => "the Node authorizer allows it: every kubelet may (ClusterRole system:node)".to_owned(),
            Opinion::None(reason) => {
                self.notes.push(format!("the Node authorizer does not allow it: {reason}"));
                return self;
            }
        };
        self.notes.push(note);
        self.verdict = Verdict::Yes;
        self
    }
}

/// A namespace where something is allowed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// The namespace.
    pub namespace: String,
    /// What allows it.
    pub by: By,
}

/// Everything that somebody can do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access can, without a request")]
pub struct CanDo {
    /// The version of this form.
    pub schema_version: u32,
    /// The user name; empty for somebody of whom groups are known only.
    pub user: String,
    /// The groups, with those that are implied.
    pub groups: Vec<String>,
    /// Whether it is a member of `system:masters`, which may do everything.
    pub is_master: bool,
    /// The whole cluster first, then each namespace.
    pub scopes: Vec<Held>,
    /// Bindings that might give more: their roles were not read.
    pub unknown: Vec<Unknown>,
    /// Whether this is all, as far as roles and bindings say: everything was read, and no role is missing.
    pub complete: bool,
    /// Whether the roles and bindings that every API server makes were taken as given.
    pub defaults_assumed: bool,
}

/// What is held in one place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The namespace; absent for the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The rules, each one once.
    pub rules: Vec<HeldRule>,
}

/// A rule that is held.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldRule {
    /// `verbs`
    pub verbs: Vec<String>,
    /// `apiGroups`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// `resources`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// `resourceNames`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// `nonResourceURLs`
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
    /// What gives it: more than one, where it is granted more than once.
    pub by: Vec<By>,
    /// Whether it adds nothing to the other rules that hold here.
    pub covered: bool,
}

impl Authorizer<'_> {
    /// Answers whether `user` can. `is_complete` says whether everything could be read that was to be.
    pub fn ask(&self, user: &User, question: Question, is_complete: bool) -> Can {
        let rbac = self.rbac();
        let request = question.request();
        let decision = self.authorize(user, &request);
        let is_any = question.scope == Scope::AnyNamespace && question.path.is_none();
        let concerns = |binding: &Binding<'_>| is_any || binding.reaches(&request);
        let (mut in_namespaces, mut named_only, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        if !decision.is_allowed() {
            for grant in self.grants_of(user).into_iter().filter(|grant| concerns(grant.binding)) {
                let rule = grant.role.and_then(|role| role.allows(&request));
                match (rule, grant.binding.namespace()) {
                    (Some(rule), Some(namespace)) => {
                        in_namespaces.push(Allowed { namespace: namespace.to_owned(), by: By::of(rbac, &grant, rule) });
                    }
                    _ => named_only.extend(named(self, &question, &grant)),
                }
            }
            in_namespaces.sort();
            in_namespaces.dedup_by(|a, b| a.namespace == b.namespace);
            named_only.sort();
            unknown = self.unknown(|binding| concerns(binding) && binding.subjects.iter().any(|subject| subject.applies_to(user)));
        }
        let verdict = match (decision.is_allowed(), is_complete && unknown.is_empty()) {
            (true, _) => Verdict::Yes,
            (false, true) => Verdict::No,
            (false, false) => Verdict::NotKnown,
        };
        let mut notes = question.notes.clone();
        if decision.is_master {
            notes.push(format!("members of the group {MASTERS} may do everything: no authorizer is asked about them"));
        }
        Can {
            schema_version: SCHEMA_VERSION,
            user: user.name.clone(),
            groups: user.groups.clone(),
            verdict,
            by: decision.allowed_by.map(|(grant, rule)| By::of(rbac, &grant, rule)),
            in_namespaces,
            named_only,
            unknown,
            defaults_assumed: rbac.has_assumed,
            notes,
            question,
        }
    }

    /// Says everything that `user` can do; in one namespace (with what holds in the whole cluster), or in all.
    pub fn ask_all(&self, user: &User, namespace: Option<&str>, is_complete: bool) -> CanDo {
        let concerns = |binding: &Binding<'_>| match (binding.namespace(), namespace) {
            (Some(one), Some(asked)) => one == asked,
            _ => true,
        };
        let mut scopes: BTreeMap<Option<&str>, Vec<(Grant<'_, '_>, &Rule<'_>)>> = BTreeMap::new();
        for grant in self.grants_of(user).into_iter().filter(|grant| concerns(grant.binding)) {
            let rules = grant.role.into_iter().flat_map(|role| &role.rules);
            scopes.entry(grant.binding.namespace()).or_default().extend(rules.map(|rule| (grant, rule)));
        }
        let cluster: Vec<&Rule<'_>> = scopes.get(&None).into_iter().flatten().map(|(_, rule)| *rule).collect();
        let held = |namespace: &Option<&str>, granted: &[(Grant<'_, '_>, &Rule<'_>)]| Held {
            namespace: namespace.map(str::to_owned),
            rules: self.held(granted, if namespace.is_none() { &[] } else { &cluster }),
        };
        let scopes: Vec<Held> = scopes.iter().map(|(namespace, granted)| held(namespace, granted)).collect();
        let unknown = self.unknown(|binding| concerns(binding) && binding.subjects.iter().any(|subject| subject.applies_to(user)));
        CanDo {
            schema_version: SCHEMA_VERSION,
            user: user.name.clone(),
            groups: user.groups.clone(),
            is_master: user.is_in(MASTERS),
            scopes,
            complete: is_complete && unknown.is_empty(),
            unknown,
            defaults_assumed: self.rbac().has_assumed,
        }
    }

    /// The rules of grants, each one once, with what gives them; `wider` are those that hold here too.
    fn held(&self, granted: &[(Grant<'_, '_>, &Rule<'_>)], wider: &[&Rule<'_>]) -> Vec<HeldRule> {
        let mut distinct: Vec<(&Rule<'_>, Vec<By>)> = Vec::new();
        for (grant, rule) in granted {
            let by = By::of(self.rbac(), grant, rule);
            match distinct.iter_mut().find(|(known, _)| known.is_same(rule)) {
                Some((_, all)) => all.push(by),
                None => distinct.push((rule, vec![by])),
            }
        }
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut rules: Vec<HeldRule> = Vec::new();
        let mut essential: Vec<bool> = vec![true; distinct.len()];
        for (at, (rule, by)) in distinct.iter().enumerate() {
            // Of two rules that cover each other, the first one counts.
            let others = distinct.iter().zip(&essential).enumerate();
            let others = others.filter(|(other, (_, essential))| *other != at && **essential).map(|(_, ((other, _), _))| *other);
            let owner: Vec<&Rule<'_>> = wider.iter().copied().chain(others).collect();
            let covered = uncovered(&owner, std::slice::from_ref(*rule)).is_empty();
            if let Some(essential) = essential.get_mut(at) {
                *essential = !covered;
            }
            rules.push(HeldRule {
                verbs: texts(&rule.verbs),
                api_groups: texts(&rule.api_groups),
                resources: texts(&rule.resources),
                resource_names: texts(&rule.resource_names),
                non_resource_urls: texts(&rule.non_resource_urls),
                by: by.clone(),
                covered,
            });
        }
        rules
    }
}

impl Can {
    /// Who was asked about.
    pub fn who(&self) -> String {
        subject(&self.user, &self.groups)
    }
}

impl CanDo {
    /// Who was asked about.
    pub fn who(&self) -> String {
        subject(&self.user, &self.groups)
    }
}

fn subject(user: &str, groups: &[String]) -> String {
    match groups.first().filter(|_| user.is_empty()) {
        Some(group) => format!("a member of group {group}"),
        None => Who::of(Identity::of_user(user)).to_string(),
    }
}
