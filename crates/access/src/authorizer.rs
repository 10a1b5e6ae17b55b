//! The RBAC authorizer, exactly, over indexes: whom a request concerns is looked up, not searched for.
//!
//! Source: kubernetes `plugin/pkg/auth/authorizer/rbac/rbac.go`, `pkg/registry/rbac/validation/rule.go`, and
//! `apiserver/pkg/authorization/authorizerfactory` for the group `system:masters`.

use plimsoll_model::Inventory;
use plimsoll_model::rbac::{Binding, Defaults, Identity, MASTERS, Rbac, Request, Role, Rule, Subject, User};
use std::collections::HashMap;

/// The grants of a cluster, indexed by whom they are made to and by what they grant.
#[derive(Debug)]
pub struct Authorizer<'a> {
    rbac: Rbac<'a>,
    /// Bindings and the places of their subjects, by whom they name; those of the whole cluster first.
    by_identity: HashMap<Identity<'a>, Vec<(u32, u32)>>,
    /// Bindings by the role that they grant.
    by_role: Vec<Vec<u32>>,
}

/// One subject of one binding.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'r, 'a> {
    /// The binding.
    pub binding: &'r Binding<'a>,
    /// The subject of it.
    pub subject: &'r Subject<'a>,
    /// The role, where it was read.
    pub role: Option<&'r Role<'a>>,
}

/// What the authorizer says to a request.
#[derive(Debug)]
pub struct Decision<'r, 'a> {
    /// The grant and the rule that allow it. `None` with [`Self::is_master`] unset is a refusal.
    pub allowed_by: Option<(Grant<'r, 'a>, &'r Rule<'a>)>,
    /// Whether the user is in `system:masters`, which may do everything and is not asked about.
    pub is_master: bool,
    /// Bindings to the user whose roles were not read: without them, a refusal is only what is known.
    pub unknown: Vec<&'r Binding<'a>>,
}

impl Decision<'_, '_> {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        self.is_master || self.allowed_by.is_some()
    }

    /// Why, in the words of the API server (`reason` of a SubjectAccessReview).
    pub fn reason(&self) -> String {
        if self.is_master {
            return String::new();
        }
        if let Some((grant, _)) = &self.allowed_by {
            return format!("RBAC: {}", grant.description());
        }
        let mut missing: Vec<String> = Vec::new();
        for binding in &self.unknown {
            let error = format!("{}.rbac.authorization.k8s.io {:?} not found", binding.role_kind.to_lowercase(), binding.role_name);
            if !missing.contains(&error) {
                missing.push(error);
            }
        }
        match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            many => format!("RBAC: [{}]", many.join(", ")),
        }
    }
}

impl Grant<'_, '_> {
    /// The binding and the role in the words of the API server.
    pub fn description(&self) -> String {
        let Binding { object, role_kind, role_name, .. } = self.binding;
        let quoted = |text: String| format!("{text:?}");
        let name = match object.kind {
            "RoleBinding" => quoted(format!("{}/{}", object.name, object.effective_namespace())),
            _ => quoted(object.name.to_owned()),
        };
        let to = match self.subject.identity {
            // What a user is called that is a service account depends on how the binding says it.
            Identity::ServiceAccount(namespace, name) if self.says("ServiceAccount") => quoted(format!("{name}/{namespace}")),
            Identity::ServiceAccount(namespace, name) => quoted(format!("system:serviceaccount:{namespace}:{name}")),
            Identity::User(name) | Identity::Group(name) => quoted(name.to_owned()),
        };
        let kind = if self.says("ServiceAccount") {
            "ServiceAccount"
        } else if self.says("Group") {
            "Group"
        } else {
            "User"
        };
        format!("allowed by {} {name} of {role_kind} {} to {kind} {to}", object.kind, quoted((*role_name).to_owned()))
    }

    fn says(&self, kind: &str) -> bool {
        self.subject.node.get("kind").is_some_and(|node| node.text() == kind)
    }
}

impl<'a> Authorizer<'a> {
    /// Reads the roles and bindings of `inventory`.
    pub fn new(inventory: &Inventory<'a>, defaults: Defaults) -> Self {
        Self::of(Rbac::new(inventory, defaults))
    }

    /// Indexes what was read.
    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    pub fn of(rbac: Rbac<'a>) -> Self {
        let mut by_identity: HashMap<_, Vec<(u32, u32)>> = HashMap::with_capacity(rbac.bindings.len());
        let mut by_role: Vec<Vec<u32>> = vec![Vec::new(); rbac.roles.len()];
        // ClusterRoleBindings are asked first.
        let is_namespaced = |at: &usize| rbac.bindings.get(*at).is_some_and(|binding| binding.namespace().is_some());
        let (namespaced, cluster): (Vec<usize>, Vec<usize>) = (0..rbac.bindings.len()).partition(is_namespaced);
        for at in cluster.into_iter().chain(namespaced) {
            let Some(binding) = rbac.bindings.get(at) else { continue };
            if let Some(bindings) = binding.role.and_then(|role| by_role.get_mut(role)) {
                bindings.push(at as u32);
            }
            for (place, subject) in binding.subjects.iter().enumerate() {
                by_identity.entry(subject.identity).or_default().push((at as u32, place as u32));
            }
        }
        Self { rbac, by_identity, by_role }
    }

    /// What was read.
    pub fn rbac(&self) -> &Rbac<'a> {
        &self.rbac
    }

    /// The grants that name this identity itself, those of the whole cluster first.
    pub fn grants_to(&self, identity: Identity<'_>) -> Vec<Grant<'_, 'a>> {
        self.by_identity.get(&identity).into_iter().flatten().filter_map(|at| self.grant(*at)).collect()
    }

    /// The places of the bindings that name this identity itself, and of the subjects in them.
    pub(crate) fn places_of<'s>(&'s self, identity: Identity<'s>) -> &'s [(u32, u32)] {
        self.by_identity.get(&identity).map(Vec::as_slice).unwrap_or_default()
    }

    /// All grants that apply to a user, by its name and by its groups; those of the whole cluster first.
    pub fn grants_of<'s>(&'s self, user: &User) -> Vec<Grant<'s, 'a>> {
        let identities = std::iter::once(Identity::of_user(&user.name)).chain(user.groups.iter().map(|group| Identity::Group(group)));
        let mut places: Vec<(u32, u32)> = identities.filter_map(|identity| self.by_identity.get(&identity)).flatten().copied().collect();
        // A binding that names the user twice grants once, by the first subject that applies.
        places.sort_unstable();
        places.dedup_by_key(|(binding, _)| *binding);
        let (namespaced, cluster): (Vec<_>, Vec<_>) =
            places.into_iter().filter_map(|at| self.grant(at)).partition(|grant| grant.binding.namespace().is_some());
        cluster.into_iter().chain(namespaced).collect()
    }

    /// Says whether `user` may do what `request` asks.
    pub fn authorize(&self, user: &User, request: &Request<'_>) -> Decision<'_, 'a> {
        if user.is_in(MASTERS) {
            return Decision { allowed_by: None, is_master: true, unknown: Vec::new() };
        }
        let mut unknown = Vec::new();
        for grant in self.grants_of(user).into_iter().filter(|grant| grant.binding.reaches(request)) {
            match grant.role {
                None => unknown.push(grant.binding),
                Some(role) => {
                    if let Some(rule) = role.allows(request) {
                        return Decision { allowed_by: Some((grant, rule)), is_master: false, unknown };
                    }
                }
            }
        }
        Decision { allowed_by: None, is_master: false, unknown }
    }

    /// The same, without saying why: nothing is put together for it.
    pub fn allows(&self, user: &User, request: &Request<'_>) -> bool {
        let identities = || std::iter::once(Identity::of_user(&user.name)).chain(user.groups.iter().map(|group| Identity::Group(group)));
        let allows = |at: &(u32, u32)| {
            let grant = self.grant(*at).filter(|grant| grant.binding.reaches(request));
            grant.and_then(|grant| grant.role).is_some_and(|role| role.allows(request).is_some())
        };
        user.is_in(MASTERS) || identities().filter_map(|identity| self.by_identity.get(&identity)).flatten().any(allows)
    }

    /// Every rule that holds for a user in a namespace (empty: in the whole cluster only), with the grant that gives it.
    pub fn rules_for(&self, user: &User, namespace: &str) -> Vec<(Grant<'_, 'a>, &Rule<'a>)> {
        let grants = self.grants_of(user).into_iter();
        let holds = |grant: &Grant<'_, '_>| grant.binding.namespace().is_none_or(|one| !namespace.is_empty() && one == namespace);
        grants.filter(holds).flat_map(|grant| grant.role.into_iter().flat_map(|role| &role.rules).map(move |rule| (grant, rule))).collect()
    }

    /// Everybody whom a binding lets do what `request` asks, with the first rule that allows it; in order of the roles. A request
    /// for all namespaces is allowed by bindings of the whole cluster only.
    pub fn who_can(&self, request: &Request<'_>) -> Vec<(Grant<'_, 'a>, &Rule<'a>)> {
        self.holders(|role| role.allows(request), |binding| binding.reaches(request))
    }

    /// Everybody whom a binding that counts gives a role, with the rule of it that counts; in order of the roles.
    pub fn holders<'s>(
        &'s self,
        rule_of: impl Fn(&'s Role<'a>) -> Option<&'s Rule<'a>>,
        counts: impl Fn(&Binding<'a>) -> bool,
    ) -> Vec<(Grant<'s, 'a>, &'s Rule<'a>)> {
        let mut found = Vec::new();
        for (at, role) in self.rbac.roles.iter().enumerate() {
            let Some(bindings) = self.by_role.get(at).filter(|bindings| !bindings.is_empty()) else { continue };
            let Some(rule) = rule_of(role) else { continue };
            for binding in bindings.iter().filter_map(|at| self.rbac.bindings.get(*at as usize)).filter(|one| counts(one)) {
                found.extend(binding.subjects.iter().map(|subject| (Grant { binding, subject, role: Some(role) }, rule)));
            }
        }
        found
    }

    /// The bindings that grant a role, by its place in [`Rbac::roles`].
    pub fn bindings_of(&self, role: usize) -> impl Iterator<Item = &Binding<'a>> {
        self.by_role.get(role).into_iter().flatten().filter_map(|at| self.rbac.bindings.get(*at as usize))
    }

    /// Everybody whom a binding names, once, in order of their kind and name.
    pub fn identities(&self) -> Vec<Identity<'a>> {
        let mut identities: Vec<_> = self.by_identity.keys().copied().collect();
        identities.sort_unstable();
        identities
    }

    fn grant(&self, (binding, subject): (u32, u32)) -> Option<Grant<'_, 'a>> {
        let binding = self.rbac.bindings.get(binding as usize)?;
        Some(Grant { binding, subject: binding.subjects.get(subject as usize)?, role: self.rbac.granted(binding) })
    }
}
