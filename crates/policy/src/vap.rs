//! ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1).

use crate::binding::{Asked, ROOTS, Scope, roots};
use crate::request::Request;
use crate::validation::{Parts, Validation};
use crate::world::World;
use crate::{Breach, Effect, Judge, Policy, Verdict, rule};
use plimsoll_model::{Object, Problem, ProblemKind};
use std::sync::Arc;

/// A policy, as one of its bindings applies it.
#[derive(Debug)]
struct Bound {
    validation: Arc<Validation>,
    scope: Scope,
}

/// Reads a policy; `bindings` are the objects that may bind it.
pub(crate) fn read(object: &Object<'_>, bindings: &[Object<'_>], problems: &mut Vec<Problem>) -> Vec<Policy> {
    let spec = object.node.get("spec");
    let part = |key: &str| spec.and_then(|spec| spec.get(key));
    let parts = Parts {
        conditions: part("matchConditions"),
        variables: part("variables"),
        checks: part("validations"),
        annotations: part("auditAnnotations"),
        fail_open: part("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
        roots: ROOTS,
    };
    if parts.checks.is_none() && parts.annotations.is_none() {
        problems.push(Problem::at(ProblemKind::Invalid, object.node, "the policy has neither `validations` nor `auditAnnotations`"));
        return Vec::new();
    }
    let Some(validation) = Validation::compile(&parts, problems).map(Arc::new) else { return Vec::new() };
    let Some(scopes) = Scope::read(object, bindings, problems) else { return Vec::new() };
    let mut policies = Vec::new();
    for (scope, binding) in scopes {
        let has = |action: &str| binding.validation_actions.iter().any(|one| one == action);
        check_actions(object, &binding.validation_actions, problems);
        let effect = if has("Deny") {
            Effect::Deny
        } else if has("Warn") {
            Effect::Warn
        } else {
            Effect::Audit
        };
        let judge = Bound { validation: Arc::clone(&validation), scope };
        policies.push(Policy {
            rule: rule(object, object.name, effect),
            name: object.name.to_owned(),
            part: String::new(),
            effect,
            judge: Box::new(judge),
        });
    }
    policies.sort_by_key(|policy| policy.effect);
    policies
}

/// What the API server would not take of the actions of a binding.
fn check_actions(object: &Object<'_>, actions: &[String], problems: &mut Vec<Problem>) {
    let wrong = if actions.is_empty() {
        "without `validationActions`".to_owned()
    } else if let Some(other) = actions.iter().find(|one| !matches!(one.as_str(), "Deny" | "Warn" | "Audit")) {
        format!("with the action `{other}`; there are Deny, Warn and Audit")
    } else if actions.iter().any(|one| one == "Deny") && actions.iter().any(|one| one == "Warn") {
        "with Deny and Warn together, which say the same twice".to_owned()
    } else {
        return;
    };
    problems.push(Problem::at(ProblemKind::Invalid, object.node, format!("policy `{}` is bound {wrong}", object.name)));
}

impl Judge for Bound {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        let all = match self.scope.asked(request, world) {
            Asked::No => return Verdict::NotMatched,
            // What is missing is judged as an expression that failed is.
            Asked::Without(_) if !self.validation.fail_closed => return Verdict::Passed,
            Asked::Without(message) => return Verdict::Failed(vec![Breach::new(message)]),
            Asked::With(all) => all,
        };
        let mut breaches = Vec::new();
        let mut passed = Verdict::Skipped;
        for params in all {
            match self.validation.judge(request, roots(params, request), world) {
                Verdict::Failed(more) => breaches.extend(more),
                Verdict::Passed => passed = Verdict::Passed,
                Verdict::Skipped | Verdict::NotMatched | Verdict::Excepted(..) => {}
                unknown @ Verdict::Unknown(_) => return unknown,
            }
        }
        if breaches.is_empty() { passed } else { Verdict::Failed(breaches) }
    }
}
