//! What a policy judges: an object as it would be sent to the API server.

use crate::cel::Value;
use serde_json::{Value as Json, json};

/// A request to create or change an object (admission/v1 `AdmissionRequest`).
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The object.
    pub object: &'a Json,
    /// The object before, for `UPDATE`.
    pub old_object: Option<&'a Json>,
    /// The namespace that the object is in, where it is known.
    pub namespace_object: Option<&'a Json>,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// API version, without its group.
    pub version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Plural name of the resource.
    pub resource: String,
    /// Name of the object.
    pub name: &'a str,
    /// Namespace that the object ends up in; empty for objects without one.
    pub namespace: &'a str,
    /// The request as expressions see it.
    pub review: Json,
}

impl<'a> Request<'a> {
    /// The request to create `object`. An object that names no namespace ends up in `default`.
    pub fn create(object: &'a Json) -> Self {
        Self::new(object, "CREATE", &Json::Null)
    }

    /// The request of `user` (authentication/v1 `UserInfo`, or null) to do `operation` with `object`.
    pub fn new(object: &'a Json, operation: &'a str, user: &Json) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or("");
        let (group, version) = text("/apiVersion").rsplit_once('/').unwrap_or(("", text("/apiVersion")));
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let namespace = match text("/metadata/namespace") {
            _ if plimsoll_model::is_cluster_scoped(kind) => "",
            "" => "default",
            namespace => namespace,
        };
        let resource = plural(kind);
        let review = json!({
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "name": name,
            "namespace": namespace,
            "operation": operation,
            "userInfo": if user.is_null() { json!({"username": "", "groups": []}) } else { user.clone() },
            "dryRun": false,
        });
        Self { object, old_object: None, namespace_object: None, operation, group, version, kind, resource, name, namespace, review }
    }

    /// The request that an AdmissionReview (its JSON) carries; `None` where it carries none.
    pub fn of_review(review: &'a Json) -> Option<Self> {
        let request = review.get("request")?;
        let part = |key: &str| request.get(key).filter(|part| !part.is_null());
        let operation = request.get("operation").and_then(Json::as_str).unwrap_or("CREATE");
        let object = part("object").or_else(|| part("oldObject"))?;
        let mut made = Self::new(object, operation, &Json::Null);
        made.old_object = part("oldObject");
        if let (Some(own), Some(given)) = (made.review.as_object_mut(), request.as_object()) {
            own.extend(
                given
                    .iter()
                    .filter(|(key, _)| !matches!(key.as_str(), "object" | "oldObject"))
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        let text = |pointer: &str| request.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty());
        made.group = text("/kind/group").unwrap_or(made.group);
        made.version = text("/kind/version").unwrap_or(made.version);
        made.kind = text("/kind/kind").unwrap_or(made.kind);
        made.name = text("/name").unwrap_or(made.name);
        made.namespace = text("/namespace").unwrap_or(made.namespace);
        Some(made)
    }

    /// With the namespace that the object is in.
    #[must_use]
    pub fn in_namespace(mut self, namespace: Option<&'a Json>) -> Self {
        self.namespace_object = namespace.filter(|_| !self.namespace.is_empty());
        self
    }

    /// The same request with another object.
    pub(crate) fn with<'b>(&self, object: &'b Json) -> Request<'b>
    where
        'a: 'b,
    {
        Request { object, ..self.clone() }
    }

    /// The variables that every kind of policy may speak of.
    pub(crate) fn roots(&'a self) -> Vec<(&'static str, Value<'a>)> {
        let or_null = |value: Option<&'a Json>| value.map_or(Value::Null, Value::from);
        // What is deleted is the old object, and there is no new one.
        let (object, old) = if self.operation == "DELETE" {
            (Value::Null, or_null(self.old_object.or(Some(self.object))))
        } else {
            (self.object.into(), or_null(self.old_object))
        };
        vec![
            ("object", object),
            ("oldObject", old),
            ("namespaceObject", or_null(self.namespace_object)),
            ("request", (&self.review).into()),
        ]
    }
}

/// `object` as the API server hands it to policies: in its namespace.
pub fn admitted(mut object: Json) -> Json {
    let kind = object.get("kind").and_then(Json::as_str).unwrap_or("");
    if !plimsoll_model::is_cluster_scoped(kind)
        && let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut)
        && metadata.get("namespace").is_none_or(|namespace| namespace == "")
    {
        metadata.insert("namespace".to_owned(), "default".into());
    }
    object
}

/// The plural name of the resource of a kind, as API servers and code generators form it.
pub fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    let vowel_before_y = || lower.strip_suffix('y').is_some_and(|stem| stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if lower == "endpoints" {
        lower
    } else if lower.ends_with(['s', 'x', 'z']) || lower.ends_with("ch") || lower.ends_with("sh") {
        format!("{lower}es")
    } else if lower.ends_with('y') && !vowel_before_y() {
        format!("{}ies", lower.trim_end_matches('y'))
    } else {
        format!("{lower}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        let table = [
            ("Pod", "pods"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Endpoints", "endpoints"),
            ("StorageClass", "storageclasses"),
            ("Gateway", "gateways"),
        ];
        for (kind, wanted) in table {
            assert_eq!(plural(kind), wanted);
        }
    }

    #[test]
    fn a_namespace_is_filled_in_where_the_kind_has_one() {
        let object = |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
        assert_eq!(Request::create(&object("Pod")).namespace, "default");
        assert_eq!(Request::create(&object("Namespace")).namespace, "");
    }
}
