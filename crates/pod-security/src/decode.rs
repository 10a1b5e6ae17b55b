//! The object in a request, as the API's own decoder reads it.
//!
//! Source of the rules: kubernetes/client-go `kubernetes/scheme`, kubernetes/pod-security-admission `admission/admission.go`
//! (`DefaultPodSpecExtractor`).

use crate::admission::Admission;
use crate::request::Request;
use crate::words::go_quoted;
use plimsoll_model::{Node, Object, Pod, Problem, ProblemKind};

/// The kinds of the API's scheme in the groups that Pod Security is registered for. One beyond them does not decode.
const REGISTERED: &[(&str, &[&str])] = &[
    (
        "v1",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "List",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
            "Status",
        ],
    ),
    ("apps/v1", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch/v1", &["CronJob", "Job"]),
];

/// What a request carries instead of what it should.
pub(crate) enum NotDecoded {
    /// It does not decode at all; the cause is for the audit log.
    Broken(String),
    /// It is something else: group/version and kind.
    Other(String),
}

impl Admission {
    /// The object that a request carries, as the typed API reads it: its kind must be one that there is, and what it says
    /// of itself must have the right types.
    pub(crate) fn decode<'a>(&self, request: &Request<'a>, object: Option<Node<'a>>) -> Result<Object<'a>, NotDecoded> {
        let Some(node) = object else { return Err(NotDecoded::Other("<nil>".to_owned())) };
        if !node.is_map() {
            return Err(NotDecoded::Broken(format!("the object must be a map, is {}", node.describe())));
        }
        if let Some(wrong) = wrong_metadata(node) {
            return Err(NotDecoded::Broken(wrong));
        }
        let object = as_object(request, node);
        let registered = REGISTERED.iter().any(|(version, kinds)| *version == object.api_version && kinds.contains(&object.kind));
        if registered || (self.custom_kinds && self.carries(&object)) {
            return Ok(object);
        }
        // The place in the scheme's source is part of upstream's message.
        Err(NotDecoded::Broken(format!(
            "no kind {} is registered for version {} in scheme \"k8s.io/client-go/kubernetes/scheme/register.go:82\"",
            go_quoted(object.kind),
            go_quoted(object.api_version)
        )))
    }

    fn carries(&self, object: &Object<'_>) -> bool {
        self.kinds.templates(object.group(), object.kind).next().is_some()
    }

    /// The pod that an object is or carries. `Other` with nothing in it is a kind whose template is optional and missing.
    pub(crate) fn pod_of<'a>(&self, object: Object<'a>) -> Result<Pod<'a>, NotDecoded> {
        if !self.carries(&object) {
            return Err(NotDecoded::Other(described(&object)));
        }
        let mut problems = Vec::new();
        let workload = self.kinds.read(object, &mut problems);
        // What the typed objects of the API cannot hold does not decode.
        if let Some(problem) = problems.iter().find(|problem: &&Problem| problem.kind == ProblemKind::WrongType) {
            return Err(NotDecoded::Broken(problem.message.clone()));
        }
        match workload {
            Some(workload) => Ok(workload.pod),
            None if object.kind == "ReplicationController" => Err(NotDecoded::Other(String::new())),
            // A template that is missing is an empty one.
            None => Ok(Pod::default()),
        }
    }
}

pub(crate) fn as_namespace(object: Object<'_>) -> Result<Object<'_>, NotDecoded> {
    is(object, "Namespace")
}

pub(crate) fn as_pod(object: Object<'_>) -> Result<Object<'_>, NotDecoded> {
    is(object, "Pod")
}

/// The object if it is of a kind of the core group.
fn is<'a>(object: Object<'a>, kind: &str) -> Result<Object<'a>, NotDecoded> {
    if (object.api_version, object.kind) == ("v1", kind) { Ok(object) } else { Err(NotDecoded::Other(described(&object))) }
}

/// What of the fields that admission looks at does not have the type of `metav1.TypeMeta` and `metav1.ObjectMeta`.
fn wrong_metadata(node: Node<'_>) -> Option<String> {
    let wrong = |path: &str, wanted: &str, node: Node<'_>| Some(format!("`{path}` must be {wanted}, is {}", node.describe()));
    let set = |path: &[&str]| node.at(path).filter(|node| !node.is_null());
    for path in [&["metadata"][..], &["metadata", "labels"], &["metadata", "annotations"]] {
        match set(path) {
            Some(map) if !map.is_map() => return wrong(&path.join("."), "a map", map),
            Some(map) if path.len() > 1 => {
                if let Some((key, value)) = map.entries().find(|(_, value)| value.as_str().is_none() && !value.is_null()) {
                    return wrong(&format!("{}.{}", path.join("."), key.text()), "a string", value);
                }
            }
            _ => {}
        }
    }
    let texts = [&["apiVersion"][..], &["kind"], &["metadata", "name"], &["metadata", "namespace"]];
    texts
        .into_iter()
        .find_map(|path| set(path).filter(|text| text.as_str().is_none()).and_then(|text| wrong(&path.join("."), "a string", text)))
}

fn as_object<'a>(request: &Request<'a>, node: Node<'a>) -> Object<'a> {
    let text = |key: &str, fallback: &'a str| node.get(key).map(Node::text).filter(|text| !text.is_empty()).unwrap_or(fallback);
    let metadata = |key: &str| node.at(&["metadata", key]).map_or("", Node::text);
    // An object may leave out what the request says of its kind.
    let asked = |version: &&str| version.rsplit_once('/').unwrap_or(("", version)) == (request.kind.group, request.kind.version);
    let version = REGISTERED.iter().map(|(version, _)| *version).find(asked).unwrap_or(request.kind.version);
    Object {
        api_version: text("apiVersion", version),
        kind: text("kind", request.kind.name),
        namespace: metadata("namespace"),
        name: metadata("name"),
        node,
    }
}

/// A kind as Go prints a `GroupVersionKind`.
fn described(object: &Object<'_>) -> String {
    let version = object.api_version.rsplit('/').next().unwrap_or("");
    format!("{}/{version}, Kind={}", object.group(), object.kind)
}
