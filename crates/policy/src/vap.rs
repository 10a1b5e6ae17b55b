//! ValidatingAdmissionPolicy with its bindings and parameters (admissionregistration.k8s.io/v1).

use crate::cel::Value;
use crate::matching::{MatchResources, Selector};
use crate::request::Request;
use crate::validation::{Parts, Validation};
use crate::world::{World, text};
use crate::{Breach, Effect, Judge, Policy, Verdict, rule};
use plimsoll_model::{Node, Object, Problem, ProblemKind};
use serde::Deserialize;
use serde_json::Value as Json;
use std::sync::Arc;

/// A policy, as one of its bindings applies it.
#[derive(Debug)]
struct Bound {
    validation: Arc<Validation>,
    constraints: Arc<MatchResources>,
    binding: Binding,
    /// The kind of its parameters: API version and kind.
    param_kind: Option<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Binding {
    validation_actions: Vec<String>,
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

/// Reads a policy; `bindings` are the objects that may bind it. One that nothing binds is judged as if everything did: in
/// a cluster it would do nothing, and whoever hands it over to be judged wants to know.
pub(crate) fn read(object: &Object<'_>, bindings: &[Object<'_>], problems: &mut Vec<Problem>) -> Vec<Policy> {
    let spec = object.node.get("spec");
    let part = |key: &str| spec.and_then(|spec| spec.get(key));
    let parts = Parts {
        conditions: part("matchConditions"),
        variables: part("variables"),
        checks: part("validations"),
        fail_closed: part("failurePolicy").is_none_or(|policy| policy.text() != "Ignore"),
        roots: &["object", "oldObject", "namespaceObject", "request", "params"],
    };
    let constraints: Option<MatchResources> = decoded(part("matchConstraints"), object.node, problems);
    let (Some(validation), Some(constraints)) = (Validation::compile(&parts, problems), constraints) else { return Vec::new() };
    let (validation, constraints) = (Arc::new(validation), Arc::new(constraints));
    let param_kind = part("paramKind").map(|kind| {
        let word = |key| kind.get(key).map_or("", Node::text).to_owned();
        (word("apiVersion"), word("kind"))
    });
    let names_it = |binding: &&Object<'_>| binding.node.at(&["spec", "policyName"]).is_some_and(|name| name.text() == object.name);
    let mut bound: Vec<Binding> = Vec::new();
    for binding in bindings.iter().filter(names_it) {
        bound.extend(decoded::<Binding>(binding.node.get("spec"), binding.node, problems));
    }
    if bound.is_empty() {
        bound.push(Binding { validation_actions: vec!["Deny".to_owned()], ..Binding::default() });
    }
    let policy = |binding: Binding| {
        let has = |action: &str| binding.validation_actions.iter().any(|one| one == action);
        let effect = if has("Deny") {
            Effect::Deny
        } else if has("Warn") {
            Effect::Warn
        } else {
            Effect::Audit
        };
        let judge =
            Bound { validation: Arc::clone(&validation), constraints: Arc::clone(&constraints), binding, param_kind: param_kind.clone() };
        Policy {
            rule: rule(object, object.name, effect),
            name: object.name.to_owned(),
            part: String::new(),
            effect,
            judge: Box::new(judge),
        }
    };
    let mut policies: Vec<Policy> = bound.into_iter().map(policy).collect();
    policies.sort_by_key(|policy| policy.effect);
    policies
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

impl Judge for Bound {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        let bound = self.binding.match_resources.as_ref().is_none_or(|resources| resources.matches(request));
        if !bound || !self.constraints.matches(request) {
            return Verdict::NotMatched;
        }
        let Some((api_version, kind)) = &self.param_kind else {
            return self.validation.judge(request, vec![("params", Value::Null)], world);
        };
        let params = self.params(api_version, kind, request, world);
        if params.is_empty() {
            let closed = self.binding.param_ref.as_ref().is_some_and(|wanted| wanted.parameter_not_found_action == "Deny");
            return match (&self.binding.param_ref, closed) {
                (Some(_), true) => {
                    let message = format!("no {kind} was found as parameters of the policy");
                    Verdict::Failed(vec![Breach { message, pointer: String::new() }])
                }
                (Some(_), false) => Verdict::NotMatched,
                (None, _) => self.validation.judge(request, vec![("params", Value::Null)], world),
            };
        }
        let mut breaches = Vec::new();
        let mut passed = Verdict::Skipped;
        for params in params {
            match self.validation.judge(request, vec![("params", Value::from(params))], world) {
                Verdict::Failed(more) => breaches.extend(more),
                Verdict::Passed => passed = Verdict::Passed,
                Verdict::Skipped | Verdict::NotMatched => {}
                unknown @ Verdict::Unknown(_) => return unknown,
            }
        }
        if breaches.is_empty() { passed } else { Verdict::Failed(breaches) }
    }
}

impl Bound {
    /// The objects that are its parameters for this request.
    fn params<'w>(&self, api_version: &str, kind: &str, request: &Request<'_>, world: &'w World<'_>) -> Vec<&'w Json> {
        let Some(wanted) = &self.binding.param_ref else { return Vec::new() };
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
        world.objects.iter().filter(fits).copied().collect()
    }
}
