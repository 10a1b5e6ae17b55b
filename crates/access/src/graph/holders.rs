//! Who holds which primitive, by which rules: what bindings say, without asking what it leads to.

use super::primitive::{Hit, Primitive, hits};
use super::vertex::{Granted, Scope};
use crate::Authorizer;
use plimsoll_model::rbac::{Identity, SERVICE_ACCOUNTS};
use std::collections::BTreeMap;

/// Somebody who holds a primitive.
#[derive(Debug, Clone)]
pub struct Holder<'a> {
    /// Whom bindings name.
    pub identity: Identity<'a>,
    /// What is held.
    pub primitive: &'static Primitive,
    /// Where.
    pub scope: Scope<'a>,
    /// What gives it: one for each of the primitive's needs, in their order.
    pub granted: Vec<Granted>,
}

/// What the rules of all roles give of the primitives.
pub struct Rights<'r, 'a> {
    authorizer: &'r Authorizer<'a>,
    /// The hits of each role, by its place.
    hits: Vec<Vec<Hit>>,
}

/// Everybody who holds a primitive by a binding that names them, in order of who it is. Where a primitive needs several
/// rights, one of them has to come by such a binding, the others may come by the groups that the identity is always in.
pub fn holders<'a>(authorizer: &Authorizer<'a>) -> Vec<Holder<'a>> {
    let rights = Rights::new(authorizer);
    authorizer.identities().into_iter().flat_map(|identity| rights.of(identity)).collect()
}

impl<'r, 'a> Rights<'r, 'a> {
    /// Reads the rules of the roles.
    pub fn new(authorizer: &'r Authorizer<'a>) -> Self {
        Self { authorizer, hits: authorizer.rbac().roles.iter().map(|role| hits(&role.rules)).collect() }
    }

    /// What a role gives of the primitives, by its place.
    pub fn of_role(&self, role: u32) -> &[Hit] {
        self.hits.get(role as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a role gives everything by one rule.
    pub(super) fn is_everything(&self, role: u32) -> bool {
        self.of_role(role).iter().any(|hit| hit.primitive.is_everything())
    }

    /// What an identity holds by bindings that name it, each primitive once for a scope.
    pub fn of(&self, identity: Identity<'a>) -> Vec<Holder<'a>> {
        let mut found: Vec<Holder<'a>> = Vec::new();
        for (place, role) in self.places(identity) {
            for hit in self.of_role(role).iter().filter(|hit| hit.primitive.needs.len() == 1) {
                let Some(scope) = self.scope(place, hit) else { continue };
                let granted = vec![granted(place, role, hit)];
                let is_known = |one: &Holder<'_>| std::ptr::eq(one.primitive, hit.primitive) && one.scope == scope;
                if !found.iter().any(is_known) {
                    found.push(Holder { identity, primitive: hit.primitive, scope, granted });
                }
            }
        }
        found.extend(self.combined(identity, |_| true));
        found
    }

    /// What an identity holds by several rights, of roles for which `counts` says so: by whatever bindings, in one scope.
    pub(super) fn combined(&self, identity: Identity<'a>, counts: impl Fn(u32) -> bool) -> Vec<Holder<'a>> {
        let has_part = |role: u32| counts(role) && self.of_role(role).iter().any(|hit| hit.primitive.needs.len() > 1);
        let mut places: Vec<((u32, u32), u32)> = self.places(identity).filter(|(_, role)| has_part(*role)).collect();
        if places.is_empty() {
            return Vec::new();
        }
        let of_namespace = match identity {
            Identity::ServiceAccount(namespace, _) => format!("{SERVICE_ACCOUNTS}:{namespace}"),
            _ => String::new(),
        };
        let of_namespace = (!of_namespace.is_empty()).then_some(of_namespace.as_str());
        for group in of_namespace.into_iter().chain(identity.groups().iter().copied()) {
            places.extend(self.places(Identity::Group(group)).filter(|(_, role)| has_part(*role)));
        }
        // What is given of each primitive, by scope.
        let mut given: BTreeMap<(&str, Scope<'a>), Parts> = BTreeMap::new();
        for (place, role) in places {
            for hit in self.of_role(role).iter().filter(|hit| hit.primitive.needs.len() > 1) {
                if let Some(scope) = self.scope(place, hit) {
                    let parts = given.entry((hit.primitive.name, scope)).or_insert((hit.primitive, Vec::new()));
                    parts.1.push((hit.need, granted(place, role, hit)));
                }
            }
        }
        let mut found = Vec::new();
        for ((name, scope), (primitive, here)) in &given {
            // A right in the whole cluster is one in the namespace too.
            let of_cluster = if *scope == Scope::Cluster { None } else { given.get(&(*name, Scope::Cluster)) };
            let of_cluster = of_cluster.map(|(_, held)| held.as_slice()).unwrap_or_default();
            let needs = 0..u8::try_from(primitive.needs.len()).unwrap_or(u8::MAX);
            let all = needs.map(|need| self.best(here, need).or_else(|| self.best(of_cluster, need)));
            let Some(granted) = all.collect::<Option<Vec<Granted>>>() else { continue };
            // Where all of it is given in the whole cluster, the namespace adds nothing.
            let is_enough = |need| of_cluster.iter().any(|(one, _)| *one == need);
            if *scope == Scope::Cluster || !(0..granted.len()).all(|need| u8::try_from(need).is_ok_and(is_enough)) {
                found.push(Holder { identity, primitive, scope: *scope, granted });
            }
        }
        found
    }

    /// The bindings that name an identity, with the places of their subjects and roles.
    fn places<'s>(&'s self, identity: Identity<'s>) -> impl Iterator<Item = ((u32, u32), u32)> + 's {
        let role = |at: &(u32, u32)| u32::try_from(self.authorizer.rbac().bindings.get(at.0 as usize)?.role?).ok();
        self.authorizer.places_of(identity).iter().filter_map(move |at| Some((*at, role(at)?)))
    }

    /// Where a hit counts by a binding; `None` where it does not.
    fn scope(&self, (binding, _): (u32, u32), hit: &Hit) -> Option<Scope<'a>> {
        let namespace = self.authorizer.rbac().bindings.get(binding as usize)?.namespace();
        let need = hit.primitive.needs.get(usize::from(hit.need))?;
        need.counts_in(namespace).then(|| namespace.map_or(Scope::Cluster, Scope::Namespace))
    }

    /// What gives a need: rather a rule without names.
    fn best(&self, held: &[(u8, Granted)], need: u8) -> Option<Granted> {
        let names = |granted: &Granted| {
            let role = self.authorizer.rbac().roles.get(granted.role as usize);
            role.and_then(|role| role.rules.get(granted.rule as usize)).map_or(usize::MAX, |rule| rule.resource_names.len())
        };
        held.iter().filter(|(one, _)| *one == need).map(|(_, granted)| *granted).min_by_key(names)
    }
}

/// What somebody has of a primitive: the place of the need, and what gives it.
type Parts = (&'static Primitive, Vec<(u8, Granted)>);

fn granted((binding, subject): (u32, u32), role: u32, hit: &Hit) -> Granted {
    Granted { binding, subject, role, rule: hit.rule }
}
