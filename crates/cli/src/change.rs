//! A change of objects: manifests that are applied, and objects that are deleted.

use anyhow::bail;
use plimsoll_model::Object;
use std::collections::{HashMap, HashSet};

/// An object that is to be deleted, as users name it: `KIND/NAMESPACE/NAME`, or `KIND/NAME` for kinds of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Deleted {
    kind: String,
    namespace: String,
    name: String,
}

impl Deleted {
    /// Reads it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let of = |kind: &str, namespace: &str, name: &str| Self { kind: kind.into(), namespace: namespace.into(), name: name.into() };
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [kind, name] => Ok(of(kind, "", name)),
            [kind, namespace, name] => Ok(of(kind, namespace, name)),
            _ => Err("an object is written `KIND/NAMESPACE/NAME`, or `KIND/NAME` for kinds of the cluster".to_owned()),
        }
    }

    fn is(&self, object: &Object<'_>) -> bool {
        let namespace = if object.is_cluster_scoped() { "" } else { object.effective_namespace() };
        self.kind.eq_ignore_ascii_case(object.kind) && self.namespace == namespace && self.name == object.name
    }
}

type Key<'o> = (&'o str, &'o str, &'o str, &'o str);

fn key<'o>(object: &Object<'o>) -> Key<'o> {
    (object.group(), object.kind, object.effective_namespace(), object.name)
}

/// What there is once `patch` has been applied to `objects`, as `kubectl apply` would: what it does not name stays.
pub(crate) fn applied<'o>(objects: &[Object<'o>], patch: &[Object<'o>]) -> Vec<Object<'o>> {
    let named: HashSet<_> = patch.iter().map(key).collect();
    let stays = objects.iter().filter(|object| !named.contains(&key(object)));
    patch.iter().chain(stays).copied().collect()
}

/// What there is without some of the objects.
pub(crate) fn without<'o>(objects: &[Object<'o>], deleted: &[Deleted]) -> anyhow::Result<Vec<Object<'o>>> {
    for one in deleted {
        if !objects.iter().any(|object| one.is(object)) {
            let namespace = if one.namespace.is_empty() { String::new() } else { format!("{}/", one.namespace) };
            bail!("there is no {} {namespace}{} to delete among what was read", one.kind, one.name);
        }
    }
    Ok(objects.iter().filter(|object| !deleted.iter().any(|one| one.is(object))).copied().collect())
}

/// Of `after`, without the pods, and what stands between, of controllers that are not as they are in `before`: their new templates make
/// others.
pub(crate) fn without_stale_pods<'o>(before: &[Object<'o>], after: &[Object<'o>]) -> Vec<Object<'o>> {
    let place = |object: &Object<'o>| object.node.location().source.name.clone();
    let stays: HashMap<Key<'o>, _> = after.iter().map(|object| (key(object), place(object))).collect();
    let is_changed = |object: &Object<'o>| stays.get(&key(object)).is_none_or(|after| *after != place(object));
    let controllers: HashMap<(&str, &str, &str), &Object<'o>> =
        before.iter().map(|object| ((object.kind, object.effective_namespace(), object.name), object)).collect();
    let is_stale = |object: &Object<'o>| {
        let mut below = *object;
        // Pod, ReplicaSet, Deployment; custom kinds on top at most a few more.
        for _ in 0..8 {
            let Some(owner) = below.controller() else { break };
            let Some(found) = controllers.get(&(owner.kind, below.effective_namespace(), owner.name)) else { break };
            if is_changed(found) {
                return true;
            }
            below = **found;
        }
        false
    };
    let is_made = |object: &Object<'o>| matches!(object.kind, "Pod" | "ReplicaSet" | "Job" | "ReplicationController");
    after.iter().filter(|object| !(is_made(object) && is_stale(object))).copied().collect()
}
