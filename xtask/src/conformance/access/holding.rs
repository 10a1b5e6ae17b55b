//! Who holds what, as suites ask for it: which of our primitives and settings answer, and where they count.

use plimsoll_access::Authorizer;
use plimsoll_access::graph::primitive::Primitive;
use plimsoll_access::graph::{Holder, Scope, holders, settings};
use plimsoll_model::rbac::{Defaults, Identity, Rbac};
use plimsoll_model::{Document, Object};
use serde::Deserialize;

/// What answers for a rule of a peer.
#[derive(Deserialize, Clone)]
pub(super) struct Answer {
    /// Names of primitives.
    #[serde(default)]
    pub(super) primitives: Vec<String>,
    /// Names of settings.
    #[serde(default)]
    pub(super) settings: Vec<String>,
    #[serde(default)]
    pub(super) place: Place,
}

/// Where a primitive has to be held.
#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    #[default]
    Anywhere,
    /// In the whole cluster.
    Cluster,
    /// There, or in the namespace of the system.
    Privileged,
    /// In a namespace that is not the system's.
    Weak,
}

impl Answer {
    /// A name among them that nothing has.
    pub(super) fn unknown(&self) -> Option<&str> {
        let settings = settings();
        let is_primitive = |name: &&String| Primitive::named(name).is_some();
        let is_setting = |name: &&String| settings.iter().any(|setting| setting.name == name.as_str());
        let primitives = self.primitives.iter().find(|name| !is_primitive(name));
        primitives.or_else(|| self.settings.iter().find(|name| !is_setting(name))).map(String::as_str)
    }

    pub(super) fn is_given_by(&self, holder: &Holder<'_>) -> bool {
        self.primitives.iter().any(|name| name == holder.primitive.name)
            && match (self.place, holder.scope) {
                (Place::Anywhere, _) | (Place::Cluster | Place::Privileged, Scope::Cluster) => true,
                (Place::Privileged, Scope::Namespace(namespace)) => namespace == "kube-system",
                (Place::Weak, Scope::Namespace(namespace)) => namespace != "kube-system",
                (Place::Cluster, Scope::Namespace(_)) | (Place::Weak, Scope::Cluster) => false,
            }
    }
}

/// What the roles and bindings among documents say, and nothing else.
pub(super) fn authorizer(documents: &[Document]) -> Authorizer<'_> {
    let objects: Vec<Object<'_>> = documents.iter().flat_map(|document| document.objects().0).collect();
    Authorizer::of(Rbac::of(objects.into_iter(), Defaults::Leave))
}

/// Who holds one of the primitives in the right place.
pub(super) fn held<'a>(authorizer: &Authorizer<'a>, answer: &Answer) -> Vec<Holder<'a>> {
    holders(authorizer).into_iter().filter(|holder| answer.is_given_by(holder)).collect()
}

/// A subject as it stands in a binding.
pub(super) fn subject(identity: Identity<'_>) -> String {
    let namespace = if let Identity::ServiceAccount(namespace, _) = identity { format!("{namespace}/") } else { String::new() };
    format!("{} {namespace}{}", identity.kind(), identity.name())
}

/// The bindings and roles that give what a holder holds.
pub(super) fn evidence(authorizer: &Authorizer<'_>, holder: &Holder<'_>) -> Vec<String> {
    let rbac = authorizer.rbac();
    let mut objects: Vec<String> = Vec::new();
    for granted in &holder.granted {
        let binding = rbac.bindings.get(granted.binding as usize).map(|binding| binding.object);
        let role = rbac.roles.get(granted.role as usize).map(|role| role.object);
        objects.extend(binding.into_iter().chain(role).map(|object| format!("{} {}/{}", object.kind, object.namespace, object.name)));
    }
    objects.sort();
    objects.dedup();
    objects
}
