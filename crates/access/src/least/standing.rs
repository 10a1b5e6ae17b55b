//! Where each request of a subject stands: by what it was allowed, and whether that is held today.

use super::rules::Need;
use crate::Authorizer;
use crate::node::{Attributes, NodeAuthorizer};
use plimsoll_model::rbac::{AUTHENTICATED, Identity, MASTERS, Request, Rule, SERVICE_ACCOUNTS, UNAUTHENTICATED, User};

/// What is granted today.
#[derive(Debug, Clone, Copy)]
pub struct Held<'h, 'a> {
    /// The bindings that were read; at least the defaults of the API server.
    pub authorizer: &'h Authorizer<'a>,
    /// What kubelets are allowed besides, where the objects of the cluster were read.
    pub nodes: Option<&'h NodeAuthorizer<'a>>,
    /// Whether the bindings of the cluster were read. Without them nobody knows what is held.
    pub is_known: bool,
}

/// Whether everybody of some kind is in a group, so that nobody can be taken out of it.
pub(super) fn is_implied(group: &str) -> bool {
    matches!(group, AUTHENTICATED | UNAUTHENTICATED)
        || group.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What one subject holds, and what stays with its people whatever becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'h, 'a> {
    pub held: Held<'h, 'a>,
    pub subject: Identity<'h>,
    /// Whether the subject is to leave its groups: what came through them then is its own.
    pub leaves_groups: bool,
}

impl<'a> Standing<'_, 'a> {
    /// Whether a grant to a group stays when the subject's own grants are replaced.
    fn stays(&self, group: &str) -> bool {
        let is_left = match self.subject {
            // Whoever else grants it to a member: the group's roles alone are to cover what came through the group.
            Identity::Group(_) => true,
            Identity::User(_) | Identity::ServiceAccount(..) => self.leaves_groups,
        };
        self.subject != Identity::Group(group) && group != MASTERS && (is_implied(group) || !is_left)
    }

    /// The group that allows a request whatever the subject itself is granted.
    pub(super) fn stays_allowed<'u>(&self, user: &'u User, request: &Request<'_>) -> Option<&'u str> {
        let groups = user.groups.iter().map(String::as_str).filter(|group| self.stays(group));
        let allows = |group: &&str| self.rules(Identity::Group(group), request).any(|rule| rule.allows(request));
        groups.into_iter().find(allows)
    }

    /// Whether the Node authorizer allows a request that was allowed. The log tells of field selectors no more than names: that a
    /// kubelet asked for what is on its node only is taken from the fact that it was allowed.
    pub(super) fn is_kubelets(&self, user: &User, request: &Request<'_>) -> bool {
        let fields: Vec<(&str, &str)> = user.node().map(|node| ("spec.nodeName", node)).into_iter().collect();
        let attributes = Attributes { request: *request, fields: &fields };
        self.held.nodes.is_some_and(|nodes| nodes.authorize(user, &attributes).is_allowed())
    }

    /// Whether a request is allowed by what may be replaced.
    pub(super) fn is_held(&self, user: &User, request: &Request<'_>) -> bool {
        self.is_master(user) || self.own(user).any(|identity| self.rules(identity, request).any(|rule| rule.allows(request)))
    }

    /// Whether it may do everything, by the group that no authorizer is asked about.
    pub(super) fn is_master(&self, user: &User) -> bool {
        match self.subject {
            Identity::Group(group) => group == MASTERS,
            _ => user.is_in(MASTERS),
        }
    }

    /// Whether a binding whose role was not read may have allowed a request.
    pub(super) fn may_be_held(&self, user: &User, request: &Request<'_>) -> bool {
        let grants = self.own(user).flat_map(|identity| self.held.authorizer.grants_to(identity));
        grants.into_iter().any(|grant| grant.role.is_none() && grant.binding.reaches(request))
    }

    /// Whether a whole need is held.
    pub(super) fn holds(&self, user: &User, need: &Need) -> bool {
        self.is_held(user, &need.request())
    }

    /// All rules that are held in a namespace (none: in the whole cluster), and that may be replaced.
    pub(super) fn held_rules(&self, users: &[&User], namespace: Option<&str>) -> Vec<&Rule<'a>> {
        let mut identities: Vec<Identity<'_>> = users.iter().flat_map(|user| self.own(user)).collect();
        identities.sort_unstable();
        identities.dedup();
        let grants = identities.into_iter().flat_map(|identity| self.held.authorizer.grants_to(identity));
        let here = grants.filter(|grant| grant.binding.namespace().is_none_or(|one| Some(one) == namespace));
        here.filter_map(|grant| grant.role).flat_map(|role| &role.rules).collect()
    }

    /// The identities whose grants may be replaced.
    fn own<'u>(&'u self, user: &'u User) -> impl Iterator<Item = Identity<'u>> {
        let groups = user.groups.iter().map(String::as_str);
        let left = groups.filter(|group| self.leaves_groups && !matches!(self.subject, Identity::Group(_)) && !is_implied(group));
        std::iter::once(self.subject).chain(left.map(Identity::Group))
    }

    fn rules<'s>(&'s self, identity: Identity<'_>, request: &Request<'_>) -> impl Iterator<Item = &'s Rule<'a>> {
        let grants = self.held.authorizer.grants_to(identity).into_iter();
        let reaching: Vec<_> = grants.filter(|grant| grant.binding.reaches(request)).filter_map(|grant| grant.role).collect();
        reaching.into_iter().flat_map(|role| &role.rules)
    }
}
