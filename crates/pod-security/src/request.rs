//! AdmissionReview in and out.

use crate::admission::{Admission, State};
use crate::response::{Event, Response};
use plimsoll_model::{Limits, Node, Problem, ProblemKind, Source, parse};
use serde::Serialize;
use std::sync::Arc;

/// An `AdmissionRequest`, as far as Pod Security looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// To be copied into the response.
    pub uid: &'a str,
    /// The kind of the object, after conversion.
    pub kind: Named<'a>,
    /// The resource, after conversion.
    pub resource: Named<'a>,
    /// `requestSubResource`, which upstream's webhook looks at.
    pub subresource: &'a str,
    /// The object's name.
    pub name: &'a str,
    /// The object's namespace; for a Namespace its own name.
    pub namespace: &'a str,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: &'a str,
    /// `userInfo.username`.
    pub username: &'a str,
    /// The object; absent on deletion.
    pub object: Option<Node<'a>>,
    /// The object before the change.
    pub old_object: Option<Node<'a>>,
}

/// A kind or resource with group and version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Named<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The kind or resource.
    pub name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'r> {
    api_version: &'r str,
    kind: &'static str,
    response: &'r Response,
}

impl<'a> Request<'a> {
    /// Reads the `request` of an AdmissionReview.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn read(node: Node<'a>) -> Result<Self, Problem> {
        let wrong = |node: Node<'_>, message: &str| Problem::at(ProblemKind::Syntax, node, message);
        if !node.is_map() {
            return Err(wrong(node, "`request` must be a map"));
        }
        let set = |node: Node<'a>, key: &str| node.get(key).filter(|value| !value.is_null());
        let text = |node: Node<'a>, key: &str| match set(node, key) {
            None => Ok(""),
            Some(value) => value.as_str().ok_or_else(|| wrong(value, &format!("`{key}` must be a string, is {}", value.describe()))),
        };
        let map = |key: &str| match set(node, key) {
            Some(value) if !value.is_map() => Err(wrong(value, &format!("`{key}` must be a map, is {}", value.describe()))),
            value => Ok(value),
        };
        let named = |key: &str, name: &str| match map(key)? {
            None => Ok(Named::default()),
            Some(map) => Ok(Named { group: text(map, "group")?, version: text(map, "version")?, name: text(map, name)? }),
        };
        let request = Self {
            uid: text(node, "uid")?,
            kind: named("kind", "kind")?,
            resource: named("resource", "resource")?,
            subresource: text(node, "requestSubResource")?,
            name: text(node, "name")?,
            namespace: text(node, "namespace")?,
            operation: text(node, "operation")?,
            username: map("userInfo")?.map_or(Ok(""), |user| text(user, "username"))?,
            object: set(node, "object"),
            old_object: set(node, "oldObject"),
        };
        if request.resource.name.is_empty() {
            return Err(wrong(node, "the request does not say its `resource`"));
        }
        if !matches!(request.operation, "CREATE" | "UPDATE" | "DELETE" | "CONNECT") {
            let place = node.get("operation").unwrap_or(node);
            return Err(wrong(place, "`operation` must be CREATE, UPDATE, DELETE or CONNECT"));
        }
        Ok(request)
    }
}

/// Answers the AdmissionReview in `source`, in its own version; also returns what is to be counted.
///
/// `in_time` is asked between existing pods whether there is time for more, as the check of a namespace is bounded.
///
/// # Errors
/// Everything that keeps the text from being an AdmissionReview with a request.
pub fn review(
    source: &Arc<Source>,
    admission: &Admission,
    state: &State<'_>,
    in_time: &mut dyn FnMut() -> bool,
) -> Result<(String, Vec<Event>), Vec<Problem>> {
    let (documents, mut problems) = parse(source, Limits::default());
    let fail = |problem: Problem| Err(vec![problem.help("an AdmissionReview of admission.k8s.io/v1 with a `request` is expected")]);
    // Keys that stand twice are the API server's to refuse; the last one is what it took.
    problems.retain(|problem| problem.kind != ProblemKind::DuplicateKey);
    if !problems.is_empty() {
        return Err(problems);
    }
    let [document] = documents.as_slice() else {
        return fail(
            Problem::new(ProblemKind::Syntax, format!("{} documents instead of one AdmissionReview", documents.len())).target(&source.name),
        );
    };
    let Some(root) = document.root() else {
        return fail(Problem::new(ProblemKind::Syntax, "no AdmissionReview").target(&source.name));
    };
    let version = root.get("apiVersion").map_or("", Node::text);
    let known = matches!(version, "admission.k8s.io/v1" | "admission.k8s.io/v1beta1");
    if !known || root.get("kind").map(Node::text) != Some("AdmissionReview") {
        return fail(Problem::at(ProblemKind::Syntax, root, "not an AdmissionReview"));
    }
    let Some(request) = root.get("request") else {
        return fail(Problem::at(ProblemKind::Syntax, root, "the AdmissionReview has no `request`"));
    };
    let request = Request::read(request).map_err(|problem| vec![problem])?;
    let (mut response, events) = admission.admit(&request, state, in_time);
    request.uid.clone_into(&mut response.uid);
    let review = Review { api_version: version, kind: "AdmissionReview", response: &response };
    match serde_json::to_string(&review) {
        Ok(text) => Ok((text, events)),
        Err(error) => Err(vec![Problem::new(ProblemKind::Syntax, error.to_string())]),
    }
}
