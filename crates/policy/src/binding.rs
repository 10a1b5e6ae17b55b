//! What a ValidatingAdmissionPolicy and a MutatingAdmissionPolicy share: where a binding applies them and with which
//! parameters (admissionregistration.k8s.io/v1).

use crate::cel::{Opaque, Value};
use crate::matching::{MatchResources, Selector};
use crate::request::Request;
use crate::world::{World, text};
use plimsoll_model::{Node, Object, Problem, ProblemKind};
use serde::Deserialize;
use serde_json::Value as Json;
use std::sync::Arc;

/// What expressions of an admission policy may speak of, besides `variables`.
pub(crate) const ROOTS: &[&str] = &["object", "oldObject", "namespaceObject", "request", "params", "authorizer"];

/// Where a policy holds: its own constraints, and those of one of its bindings.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    constraints: Arc<MatchResources>,
    binding: Arc<Binding>,
    /// The kind of its parameters: API version and kind.
    param_kind: Option<(String, String)>,
}

/// `spec` of a binding.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Binding {
    pub(crate) validation_actions: Vec<String>,
    match_resources: Option<MatchResources>,
    param_ref: Option<ParamRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ParamRef {
    name: String,
    namespace: String,
    selector: Option<Selector>,
    parameter_not_found_action: String,
}

/// Whether a policy is asked about a request, and with what.
pub(crate) enum Asked<'w> {
    /// It is not about the request.
    No,
    /// There are no parameters, and the binding does not let that pass.
    Without(String),
    /// Once for each of these parameters; nothing is `null`.
    With(Vec<Option<&'w Json>>),
}

impl Scope {
    /// The scopes of a policy, one a binding. One that nothing binds is judged as if everything did: in a cluster it would
    /// do nothing, and whoever hands it over to be judged wants to know.
    pub(crate) fn read(object: &Object<'_>, bindings: &[Object<'_>], problems: &mut Vec<Problem>) -> Option<Vec<(Self, Arc<Binding>)>> {
        let spec = object.node.get("spec");
        let part = |key: &str| spec.and_then(|spec| spec.get(key));
        let constraints: Arc<MatchResources> = Arc::new(decoded(part("matchConstraints"), object.node, problems)?);
        if let Some(missing) = constraints.lacks() {
            let message = format!("a rule of `matchConstraints` has no `{missing}`, and so matches nothing");
            problems.push(Problem::at(ProblemKind::Invalid, part("matchConstraints").unwrap_or(object.node), message));
        }
        let param_kind = part("paramKind").map(|kind| {
            let word = |key| kind.get(key).map_or("", Node::text).to_owned();
            (word("apiVersion"), word("kind"))
        });
        let names_it = |binding: &&Object<'_>| binding.node.at(&["spec", "policyName"]).is_some_and(|name| name.text() == object.name);
        let mut bound: Vec<Arc<Binding>> = Vec::new();
        for binding in bindings.iter().filter(names_it) {
            let read = decoded::<Binding>(binding.node.get("spec"), binding.node, problems);
            if let Some(reference) = read.as_ref().and_then(|read| read.param_ref.as_ref()) {
                reference.check(binding, problems);
            }
            bound.extend(read.map(Arc::new));
        }
        if bound.is_empty() {
            bound.push(Arc::new(Binding { validation_actions: vec!["Deny".to_owned()], ..Binding::default() }));
        }
        let scope = |binding: Arc<Binding>| {
            (Self { constraints: Arc::clone(&constraints), binding: Arc::clone(&binding), param_kind: param_kind.clone() }, binding)
        };
        Some(bound.into_iter().map(scope).collect())
    }

    /// Whether the policy is asked about `request`, and with which parameters.
    pub(crate) fn asked<'w>(&self, request: &Request<'_>, world: &'w World<'_>) -> Asked<'w> {
        let bound = self.binding.match_resources.as_ref().is_none_or(|resources| resources.matches(request));
        if !bound || !self.constraints.matches(request) {
            return Asked::No;
        }
        let Some(((api_version, kind), wanted)) = self.param_kind.as_ref().zip(self.binding.param_ref.as_ref()) else {
            return Asked::With(vec![None]);
        };
        // Parameters in namespaces are those of the object's own, unless another is named.
        let namespace = if wanted.namespace.is_empty() { request.namespace } else { &wanted.namespace };
        let fits = |object: &&&Json| {
            let home = text(object, "/metadata/namespace");
            text(object, "/apiVersion") == api_version
                && text(object, "/kind") == kind
                && (home.is_empty() || home == namespace)
                && (wanted.name.is_empty() || text(object, "/metadata/name") == wanted.name)
                && wanted.selector.as_ref().is_none_or(|selector| selector.selects(Some(object)))
        };
        let found: Vec<_> = world.objects.iter().filter(fits).copied().map(Some).collect();
        match found.is_empty() {
            false => Asked::With(found),
            true if wanted.parameter_not_found_action == "Deny" => {
                Asked::Without(format!("no {kind} was found as parameters of the policy"))
            }
            true => Asked::No,
        }
    }
}

impl ParamRef {
    /// What the API server would not take.
    fn check(&self, binding: &Object<'_>, problems: &mut Vec<Problem>) {
        let at = binding.node.at(&["spec", "paramRef"]).unwrap_or(binding.node);
        if !matches!(self.parameter_not_found_action.as_str(), "Allow" | "Deny") {
            let message = "`parameterNotFoundAction` must be `Allow` or `Deny`";
            problems.push(Problem::at(ProblemKind::Invalid, at, message));
        }
        if self.name.is_empty() == self.selector.is_none() {
            problems.push(Problem::at(ProblemKind::Invalid, at, "`paramRef` needs either `name` or `selector`"));
        }
    }
}

/// What an admission policy may speak of beside the request.
pub(crate) fn roots<'a>(params: Option<&'a Json>, request: &Request<'_>) -> Vec<(&'static str, Value<'a>)> {
    let authorizer = Value::Opaque(Arc::new(Opaque::authorizer(&request.review)));
    vec![("params", params.map_or(Value::Null, Value::from)), ("authorizer", authorizer)]
}

/// A part of a policy as a type; what does not fit is a problem.
pub(crate) fn decoded<T: Default + for<'d> Deserialize<'d>>(
    node: Option<Node<'_>>,
    holder: Node<'_>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let Some(node) = node else { return Some(T::default()) };
    match serde_json::from_value(node.to_json()) {
        Ok(decoded) => Some(decoded),
        Err(error) => {
            let at = if node.is_null() { holder } else { node };
            problems.push(Problem::at(ProblemKind::WrongType, at, format!("the policy cannot be read: {error}")));
            None
        }
    }
}
