//! How the API server merges an apply configuration into an object: by the types of its lists
//! (structured-merge-diff; `x-kubernetes-list-type` and `x-kubernetes-list-map-keys` of the Kubernetes API).

use serde_json::Value as Json;

/// Why a configuration is not merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmerged {
    /// The API server refuses it.
    Refused(String),
    /// The type of a list of a custom resource is not known.
    Unknown(String),
}

/// Lists whose items are told apart by keys: the fields that they stand in (empty: any), the field, the keys.
const KEYED: &[(&[&str], &str, &[&str])] = &[
    (&["spec"], "containers", &["name"]),
    (&["spec"], "ephemeralContainers", &["name"]),
    (&["spec"], "hostAliases", &["ip"]),
    (&["spec"], "imagePullSecrets", &["name"]),
    (&["spec"], "initContainers", &["name"]),
    (&["spec"], "resourceClaims", &["name"]),
    (&["spec"], "schedulingGates", &["name"]),
    (&["spec"], "topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    (&["spec"], "volumes", &["name"]),
    (CONTAINERS, "env", &["name"]),
    (CONTAINERS, "ports", &["containerPort", "protocol"]),
    (CONTAINERS, "volumeDevices", &["devicePath"]),
    (CONTAINERS, "volumeMounts", &["mountPath"]),
    (&["resources"], "claims", &["name"]),
    (&[SERVICE], "ports", &["port", "protocol"]),
    (&["metadata"], "ownerReferences", &["uid"]),
    (&[""], "imagePullSecrets", &["name"]),
    (&[""], "secrets", &["name"]),
    (&[""], "webhooks", &["name"]),
    (&["spec", "webhooks"], "matchConditions", &["name"]),
    (&["spec"], "drivers", &["name"]),
    (&[], "conditions", &["type"]),
];
/// Lists of values that stand in them once.
const SETS: &[(&str, &str)] = &[("metadata", "finalizers"), ("spec", "podCIDRs"), ("spec", "volumeLifecycleModes")];
/// Maps and structs that are set as a whole; an apply configuration may not name them.
const ATOMIC: &[&str] = &[
    "configMapKeyRef",
    "dataSource",
    "fieldRef",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "objectSelector",
    "podSelector",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resourceFieldRef",
    "roleRef",
    "scaleTargetRef",
    "scopeSelector",
    "secretKeyRef",
    "selector",
    "targetRef",
];
/// Lists whose items are set as a whole.
const ATOMIC_ITEMS: &[&str] = &["imagePullSecrets", "ownerReferences", "secrets"];
const CONTAINERS: &[&str] = &["containers", "ephemeralContainers", "initContainers"];
/// `spec` of a Service: `ports` below the `spec` of other kinds are other lists.
const SERVICE: &str = "spec of a Service";

/// How the items of a list are told apart.
#[derive(Clone, Copy)]
enum ListType {
    Keyed(&'static [&'static str]),
    Set,
    Atomic,
}

/// `configuration` merged into `object`.
pub(super) fn merge(object: &Json, configuration: &Json) -> Result<Json, Unmerged> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or("");
    let group = text("/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let kind =
        Types { service: text("/kind") == "Service" && group.is_empty(), built_in: !group.contains('.') || group.ends_with(".k8s.io") };
    kind.check(configuration, "", "", &mut Vec::new())?;
    let mut merged = object.clone();
    kind.put(&mut merged, configuration, "", "")?;
    Ok(merged)
}

/// The types of a kind's fields.
struct Types {
    service: bool,
    built_in: bool,
}

impl Types {
    fn of_list(&self, parent: &str, field: &str) -> ListType {
        let parent = if self.service && parent == "spec" { SERVICE } else { parent };
        let keyed = KEYED.iter().find(|(parents, name, _)| *name == field && (parents.is_empty() || parents.contains(&parent)));
        match keyed {
            // What a custom resource has in common with built-in kinds are its metadata.
            Some((_, _, keys)) if self.built_in || parent == "metadata" => ListType::Keyed(keys),
            _ if SETS.contains(&(parent, field)) => ListType::Set,
            _ => ListType::Atomic,
        }
    }

    /// That nothing in `configuration` is set as a whole (`mutating/patch/smd.go`, `validatePatch`).
    fn check<'c>(&self, configuration: &'c Json, parent: &str, field: &str, path: &mut Vec<&'c str>) -> Result<(), Unmerged> {
        let refused = |path: &[&str]| {
            Err(Unmerged::Refused(format!(
                "an apply configuration may not set lists, maps or structs that are atomic: .{}",
                path.join(".")
            )))
        };
        match configuration {
            Json::Object(_) if self.built_in && ATOMIC.contains(&field) => refused(path),
            Json::Object(map) => map.iter().try_for_each(|(key, value)| {
                path.push(key);
                let checked = self.check(value, field, key, path);
                path.pop();
                checked
            }),
            Json::Array(items) => match self.of_list(parent, field) {
                ListType::Atomic if self.built_in => refused(path),
                ListType::Atomic => {
                    let message = format!("how items of .{} are told apart is in the custom resource's definition", path.join("."));
                    Err(Unmerged::Unknown(message))
                }
                ListType::Keyed(_) if ATOMIC_ITEMS.contains(&field) && !items.is_empty() => refused(path),
                _ => items.iter().try_for_each(|item| match item {
                    Json::Object(map) => map.iter().try_for_each(|(key, value)| {
                        path.push(key);
                        let checked = self.check(value, field, key, path);
                        path.pop();
                        checked
                    }),
                    _ => Ok(()),
                }),
            },
            _ => Ok(()),
        }
    }

    fn put(&self, into: &mut Json, from: &Json, parent: &str, field: &str) -> Result<(), Unmerged> {
        match (into, from) {
            (Json::Object(into), Json::Object(from)) => from.iter().try_for_each(|(key, value)| match into.get_mut(key) {
                Some(known) => self.put(known, value, field, key),
                // Built-in kinds do not keep lists without items.
                None if self.built_in && value.as_array().is_some_and(Vec::is_empty) => Ok(()),
                None => {
                    into.insert(key.clone(), value.clone());
                    Ok(())
                }
            }),
            (Json::Array(into), Json::Array(from)) => {
                *into = self.lists(into, from, parent, field)?;
                Ok(())
            }
            (into, from) => {
                into.clone_from(from);
                Ok(())
            }
        }
    }

    /// Two lists merged: items keep their order, and a new one stands before the known one that it was given before.
    fn lists(&self, into: &[Json], from: &[Json], parent: &str, field: &str) -> Result<Vec<Json>, Unmerged> {
        let keys = match self.of_list(parent, field) {
            ListType::Keyed(keys) => keys,
            ListType::Set => &[],
            ListType::Atomic => return Ok(from.to_vec()),
        };
        let identity = |item: &Json| {
            identity(item, keys)
                .ok_or_else(|| Unmerged::Refused(format!("an item of `{field}` lacks one of its keys: {}", keys.join(", "))))
        };
        let old = into.iter().map(identity).collect::<Result<Vec<_>, _>>()?;
        let new = from.iter().map(identity).collect::<Result<Vec<_>, _>>()?;
        let mut merged: Vec<Json> = Vec::new();
        let mut left = into.iter().zip(&old).peekable();
        for (item, key) in from.iter().zip(&new) {
            let Some(known) = old.iter().position(|one| one == key).and_then(|at| into.get(at)) else {
                // What comes before the next known item stays before the new one.
                while let Some((before, _)) = left.next_if(|(_, key)| !new.contains(key)) {
                    merged.push(before.clone());
                }
                merged.push(item.clone());
                continue;
            };
            while let Some((before, _)) = left.next_if(|(_, key)| !new.contains(key)) {
                merged.push(before.clone());
            }
            left.next_if(|(_, one)| *one == key);
            let mut known = known.clone();
            if let (Json::Object(known), Json::Object(item)) = (&mut known, item) {
                for (name, value) in item {
                    match known.get_mut(name) {
                        Some(known) => self.put(known, value, field, name)?,
                        None => {
                            known.insert(name.clone(), value.clone());
                        }
                    }
                }
            }
            merged.push(known);
        }
        merged.extend(left.filter(|(_, key)| !new.contains(key)).map(|(item, _)| item.clone()));
        Ok(merged)
    }
}

/// What tells an item of a list apart from others.
fn identity(item: &Json, keys: &[&str]) -> Option<Vec<Json>> {
    if keys.is_empty() {
        return Some(vec![item.clone()]);
    }
    let value = |key: &&str| match (item.get(*key), *key) {
        (Some(value), _) => Some(value.clone()),
        (None, "protocol") => Some("TCP".into()),
        (None, _) => None,
    };
    keys.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(spec: &Json) -> Json {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
    }

    #[test]
    fn lists_are_merged_by_their_keys() {
        let table = [
            // A field of a known container, and one that is new, before the known one.
            (
                json!({"initContainers": [{"name": "a"}, {"name": "b", "image": "b:1"}]}),
                json!({"initContainers": [{"name": "new"}, {"name": "b", "image": "b:2"}]}),
                json!({"initContainers": [{"name": "a"}, {"name": "new"}, {"name": "b", "image": "b:2"}]}),
            ),
            // TCP is what a port says that says nothing.
            (
                json!({"containers": [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}]}),
                json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]}]}),
                json!({"containers": [{"name": "a", "ports": [
                    {"containerPort": 80, "protocol": "TCP", "name": "web"}, {"containerPort": 80, "protocol": "UDP"},
                ]}]}),
            ),
            (
                json!({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}),
                json!({"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}], "hostNetwork": false}),
                json!({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}], "hostNetwork": false}),
            ),
        ];
        for (before, configuration, wanted) in table {
            let merged = merge(&pod(&before), &json!({"spec": configuration})).unwrap();
            assert_eq!(merged, pod(&wanted));
        }
    }

    #[test]
    fn what_is_atomic_is_refused() {
        let table = [
            (json!({"spec": {"tolerations": [{"key": "a"}]}}), ".spec.tolerations"),
            (json!({"spec": {"nodeSelector": {"a": "b"}}}), ".spec.nodeSelector"),
            (json!({"spec": {"containers": [{"name": "a", "command": ["sh"]}]}}), ".spec.containers.command"),
            (json!({"spec": {"imagePullSecrets": [{"name": "a"}]}}), ".spec.imagePullSecrets"),
        ];
        for (configuration, path) in table {
            let refused = merge(&pod(&json!({})), &configuration);
            assert!(matches!(&refused, Err(Unmerged::Refused(message)) if message.ends_with(path)), "{refused:?}");
        }
        let gizmo = json!({"apiVersion": "example.com/v1", "kind": "Gizmo", "spec": {"parts": [1]}});
        assert!(matches!(merge(&gizmo, &json!({"spec": {"parts": [2]}})), Err(Unmerged::Unknown(_))));
        let labelled = merge(&gizmo, &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
        assert_eq!(labelled["metadata"]["labels"]["a"], "b");
    }
}
