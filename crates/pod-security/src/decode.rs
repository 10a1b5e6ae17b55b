//! The objects of a request, as upstream's scheme of typed objects would decode them.
//!
//! Source of the rules: kubernetes/pod-security-admission `api/attributes.go`, `cmd/webhook/server/scheme.go`,
//! `admission/admission.go` (`DefaultPodSpecExtractor`).

use crate::request::Request;
use crate::words::go_quoted;
use plimsoll_model::{Node, Object, Pod, Problem, ProblemKind, WorkloadKinds};

/// The kinds that a request can carry instead of the one it should; any other is not registered, as far as a webhook
/// that is called for namespaces, pods and their controllers can tell.
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

/// The name of the scheme in upstream's message, which goes into the audit log as it is.
const SCHEME: &str = "k8s.io/client-go/kubernetes/scheme/register.go:82";

/// An object of a request.
pub(crate) struct Decoded<'a> {
    /// The object; its name is `metadata.name` and nothing else.
    pub(crate) object: Object<'a>,
    /// Whether it is of a kind that is a pod or carries the template of one.
    pub(crate) is_workload: bool,
    /// The pod that it is or carries; `None` for a workload without its optional template.
    pub(crate) pod: Option<Pod<'a>>,
}

impl Decoded<'_> {
    /// The kind that the object names, as Go prints a `GroupVersionKind`.
    pub(crate) fn described(&self) -> String {
        let text = |key| self.object.node.get(key).map_or("", Node::text);
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        format!("{group}/{version}, Kind={}", text("kind"))
    }
}

/// Decodes the object at `node`, if there is one. `custom` are kinds beyond upstream's that carry a pod template.
///
/// # Errors
/// Why it does not decode, for the audit log.
pub(crate) fn decode<'a>(
    request: &Request<'a>,
    node: Option<Node<'a>>,
    custom: Option<&WorkloadKinds>,
) -> Result<Option<Decoded<'a>>, String> {
    let Some(node) = node else { return Ok(None) };
    let object = typed(request, node, custom)?;
    metadata_is_sound(node)?;
    let built_in = WorkloadKinds::default();
    let is_custom = !is_registered(&object);
    let kinds = custom.filter(|_| is_custom).unwrap_or(&built_in);
    let mut problems = Vec::new();
    let workload = kinds.read(object, &mut problems);
    if let Some(problem) = problems.iter().find(|problem: &&Problem| problem.kind == ProblemKind::WrongType) {
        return Err(problem.message.clone());
    }
    let is_workload = kinds.templates(object.group(), object.kind).next().is_some();
    // In Go the template of a built-in kind is a value: missing, it is an empty one. Only one of them points to it.
    let is_empty = is_workload && !is_custom && object.kind != "ReplicationController";
    let pod = workload.map(|workload| workload.pod).or_else(|| is_empty.then(Pod::default));
    Ok(Some(Decoded { object, is_workload, pod }))
}

/// The object with its kind, which it may leave to the request.
fn typed<'a>(request: &Request<'a>, node: Node<'a>, custom: Option<&WorkloadKinds>) -> Result<Object<'a>, String> {
    if !node.is_map() {
        return Err(format!("the object must be a map, is {}", node.describe()));
    }
    let text = |path: &[&str]| node.at(path).map(Node::text).filter(|text| !text.is_empty());
    let asked = if request.kind.group.is_empty() {
        request.kind.version.to_owned()
    } else {
        format!("{}/{}", request.kind.group, request.kind.version)
    };
    let known = REGISTERED.iter().map(|(version, _)| *version).find(|version| *version == asked);
    let object = Object {
        api_version: text(&["apiVersion"]).or(known).unwrap_or(""),
        kind: text(&["kind"]).unwrap_or(request.kind.name),
        namespace: text(&["metadata", "namespace"]).unwrap_or(""),
        name: text(&["metadata", "name"]).unwrap_or(""),
        node,
    };
    if is_registered(&object) || custom.is_some_and(|kinds| kinds.templates(object.group(), object.kind).next().is_some()) {
        return Ok(object);
    }
    let version = if object.api_version.is_empty() { &asked } else { object.api_version };
    Err(format!("no kind {} is registered for version {} in scheme {}", go_quoted(object.kind), go_quoted(version), go_quoted(SCHEME)))
}

fn is_registered(object: &Object<'_>) -> bool {
    REGISTERED.iter().any(|(version, kinds)| *version == object.api_version && kinds.contains(&object.kind))
}

/// The metadata that verdicts rest on has the types of the API.
fn metadata_is_sound(node: Node<'_>) -> Result<(), String> {
    let wrong = |what: &str, wanted: &str, value: Node<'_>| Err(format!("`{what}` must be {wanted}, is {}", value.describe()));
    let Some(metadata) = node.get("metadata") else { return Ok(()) };
    if !metadata.is_map() {
        return wrong("metadata", "a map", metadata);
    }
    let Some(labels) = metadata.get("labels") else { return Ok(()) };
    if !labels.is_map() {
        return wrong("metadata.labels", "a map", labels);
    }
    match labels.entries().find(|(_, value)| value.as_str().is_none() && !value.is_null()) {
        Some((key, value)) => wrong(&format!("metadata.labels[{}]", key.text()), "a string", value),
        None => Ok(()),
    }
}
