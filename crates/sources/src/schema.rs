//! Whether an object is what the API knows under its kind: fields that are unknown, values of the wrong type.
//!
//! The types are those of the Kubernetes API that `k8s-openapi` generates from its OpenAPI document, of the newest
//! version that it has. Reading an object into its type tells what does not fit; a field that is missing is not told, and
//! kinds that are not built in have no type.

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v1 as autoscaling_v1, autoscaling::v2 as autoscaling,
    batch::v1 as batch, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, networking::v1 as networking,
    node::v1 as node, policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use std::cell::RefCell;
use std::fmt;

/// What does not fit the type of an object's kind, one line each, with its JSON pointer; `None` where no type is known.
///
/// What follows a value of the wrong type is not looked at.
pub fn problems(object: &Value) -> Option<Vec<String>> {
    let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let unknown = RefCell::new(Vec::new());
    let outcome = read(text("apiVersion"), text("kind"), At { value: object, path: &Path::Root, unknown: &unknown })?;
    let mut problems = unknown.into_inner();
    if let Err(Misfit { path, message }) = outcome {
        problems.push(format!("`{path}` does not fit: {message}"));
    }
    Some(problems)
}

macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {
        /// Reads an object as what it says that it is.
        fn read(api_version: &str, kind: &str, object: At<'_, '_>) -> Option<Result<(), Misfit>> {
            $(
                if kind == <$kind as Resource>::KIND && api_version == <$kind as Resource>::API_VERSION {
                    return Some(<$kind>::deserialize(object).map(drop));
                }
            )*
            None
        }
    };
}

kinds! {
    admission::MutatingWebhookConfiguration,
    admission::ValidatingAdmissionPolicy,
    admission::ValidatingAdmissionPolicyBinding,
    admission::ValidatingWebhookConfiguration,
    apps::ControllerRevision,
    apps::DaemonSet,
    apps::Deployment,
    apps::ReplicaSet,
    apps::StatefulSet,
    autoscaling::HorizontalPodAutoscaler,
    autoscaling_v1::HorizontalPodAutoscaler,
    batch::CronJob,
    batch::Job,
    coordination::Lease,
    core::ConfigMap,
    core::Endpoints,
    core::LimitRange,
    core::Namespace,
    core::Node,
    core::PersistentVolume,
    core::PersistentVolumeClaim,
    core::Pod,
    core::PodTemplate,
    core::ReplicationController,
    core::ResourceQuota,
    core::Secret,
    core::Service,
    core::ServiceAccount,
    discovery::EndpointSlice,
    networking::Ingress,
    networking::IngressClass,
    networking::NetworkPolicy,
    node::RuntimeClass,
    policy::PodDisruptionBudget,
    rbac::ClusterRole,
    rbac::ClusterRoleBinding,
    rbac::Role,
    rbac::RoleBinding,
    scheduling::PriorityClass,
    storage::CSIDriver,
    storage::CSIStorageCapacity,
    storage::StorageClass,
    storage::VolumeAttachment,
}

/// A value, where it stands, and where fields that nobody knows are noted.
#[derive(Clone, Copy)]
struct At<'de, 'p> {
    value: &'de Value,
    path: &'p Path<'p>,
    unknown: &'p RefCell<Vec<String>>,
}

impl<'de> At<'de, '_> {
    /// Reads a value below this one.
    fn below<T: DeserializeSeed<'de>>(self, value: &'de Value, path: &Path<'_>, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(At { value, path, unknown: self.unknown }).map_err(|misfit| misfit.at(path))
    }
}

/// A JSON pointer in the making.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => write!(f, "{parent}/{}", plimsoll_model::escape(key)),
            Self::Item(parent, at) => write!(f, "{parent}/{at}"),
        }
    }
}

/// Why a value does not fit, and where it stands.
#[derive(Debug, Default)]
struct Misfit {
    path: String,
    message: String,
}

impl Misfit {
    /// The innermost place is the one that counts.
    fn at(mut self, path: &Path<'_>) -> Self {
        if self.path.is_empty() {
            self.path = path.to_string();
        }
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string() }
    }
}

impl<'de> Deserializer<'de> for At<'de, '_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let read = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), at: self }),
            Value::Object(map) => visitor.visit_map(Entries { entries: map.iter(), value: None, at: self }),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(Misfit::custom("a number that is too large")),
            },
        };
        read.map_err(|misfit| misfit.at(self.path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            // The API reads quantities from numbers too.
            Value::Number(number) if name == "Quantity" => {
                let text: StringDeserializer<Misfit> = number.to_string().into_deserializer();
                visitor.visit_newtype_struct(text)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.unknown.borrow_mut().push(format!("`{}` is no field that the API knows", self.path));
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

struct Items<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    at: At<'de, 'p>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        self.at.below(value, &Path::Item(self.at.path, index), seed).map(Some)
    }
}

struct Entries<'de, 'p> {
    entries: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
    at: At<'de, 'p>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        let key: StrDeserializer<'_, Misfit> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let Some((key, value)) = self.value.take() else { return Err(Misfit::custom("a key without a value")) };
        self.at.below(value, &Path::Key(self.at.path, key), seed)
    }
}

#[cfg(test)]
mod tests {
    use super::problems;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {
                "replica": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [
                    {"name": "web", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}, "securityContext": {"privilege/d": true}},
                    {"name": "log", "securityContext": {"runAsUser": "root"}},
                ]}},
            },
        });
        assert_eq!(
            problems(&deployment).unwrap(),
            [
                "`/spec/replica` is no field that the API knows",
                "`/spec/template/spec/containers/0/securityContext/privilege~1d` is no field that the API knows",
                "`/spec/template/spec/containers/1/securityContext/runAsUser` does not fit: invalid type: string \"root\", expected i64",
            ]
        );
    }

    #[test]
    fn what_fits_has_no_problem_and_what_is_not_known_no_verdict() {
        let policy = json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "deny", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}, {"port": "http"}]}], "egress": null},
        });
        assert_eq!(problems(&policy).unwrap(), Vec::<String>::new());
        assert_eq!(problems(&json!({"apiVersion": "apps/v1beta1", "kind": "Deployment"})), None);
        assert_eq!(problems(&json!(["no object"])), None);
    }
}
