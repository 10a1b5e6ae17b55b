//! Kyverno's policies in CEL: `ValidatingPolicy`, and the rules of a `ClusterPolicy` or `Policy` with `validate.cel`
//! (<https://kyverno.io/docs/policy-types/>). A policy on pods holds for what makes pods too.

mod exceptions;
mod filters;

pub(crate) use exceptions::{Exemption, exemption};

use crate::binding::decoded;
use crate::cel::Value;
use crate::matching::MatchResources;
use crate::mutation::{Mutate, Mutation, Mutator, Steps};
use crate::request::Request;
use crate::validation::{Parts, Validation};
use crate::world::World;
use crate::{Effect, Judge, Policy, Verdict, rule};
use filters::Filters;
use plimsoll_model::{Node, Object, Problem, ProblemKind};
use serde_json::{Value as Json, json};
use std::sync::Arc;

const ROOTS: &[&str] = &[
    "object",
    "oldObject",
    "namespaceObject",
    "request",
    "params",
    "resource",
    "user",
    "images",
    "image",
    "globalContext",
    "http",
    "exceptions",
];

/// What makes pods: the resource, its kind, and the way to the template.
const CONTROLLERS: [(&str, &str, &[&str]); 7] = [
    ("daemonsets", "DaemonSet", TEMPLATE),
    ("deployments", "Deployment", TEMPLATE),
    ("jobs", "Job", TEMPLATE),
    ("replicasets", "ReplicaSet", TEMPLATE),
    ("replicationcontrollers", "ReplicationController", TEMPLATE),
    ("statefulsets", "StatefulSet", TEMPLATE),
    ("cronjobs", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
];
const TEMPLATE: &[&str] = &["spec", "template"];

/// Expressions, and the same for each kind of controller that they are generated for.
#[derive(Debug)]
struct Generated {
    own: Validation,
    controllers: Vec<(&'static str, Validation)>,
}

impl Generated {
    fn new(own: Validation, wanted: impl Fn(&str, &str) -> bool) -> Self {
        let controllers = CONTROLLERS.iter().filter(|(resource, kind, _)| wanted(resource, kind));
        let controllers = controllers.map(|(_, kind, path)| (*kind, own.below(path))).collect();
        Self { own, controllers }
    }

    fn of(&self, kind: &str) -> Option<&Validation> {
        self.controllers.iter().find(|(controller, _)| *controller == kind).map(|(_, validation)| validation)
    }
}

/// What the libraries hang on: they have no value of their own. `allowed` is what exceptions let through.
fn roots<'a>(images: &'a Json, allowed: &'a Json) -> Vec<(&'static str, Value<'a>)> {
    let mut roots: Vec<_> =
        ["resource", "user", "image", "globalContext", "http"].into_iter().map(|name| (name, Value::Type(name))).collect();
    roots.push(("params", Value::Null));
    roots.push(("images", images.into()));
    roots.push(("exceptions", allowed.into()));
    roots
}

/// The references of the images of a pod, or of a pod template, by the list of containers that they stand in.
fn images(object: &Json) -> Json {
    let paths = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let spec = paths.iter().filter_map(|path| object.pointer(path)).find(|spec| spec.get("containers").is_some());
    let list = |key: &str| -> Json {
        let containers = spec.and_then(|spec| spec.get(key)?.as_array());
        containers.into_iter().flatten().filter_map(|container| container.get("image").cloned()).collect()
    };
    json!({"containers": list("containers"), "initContainers": list("initContainers"), "ephemeralContainers": list("ephemeralContainers")})
}

/// Whether a policy is about objects of Kubernetes, and not about payloads of other services (`spec.evaluation.mode`).
pub(crate) fn judges_objects(object: &Object<'_>) -> bool {
    object.node.at(&["spec", "evaluation", "mode"]).is_none_or(|mode| mode.text() == "Kubernetes")
}

/// A `ValidatingPolicy` or `NamespacedValidatingPolicy` of policies.kyverno.io.
pub(crate) fn validating_policy(object: &Object<'_>, exemptions: &Arc<Vec<Exemption>>, problems: &mut Vec<Problem>) -> Vec<Policy> {
    let spec = object.node.get("spec");
    let part = |key: &str| spec.and_then(|spec| spec.get(key));
    let parts = Parts {
        conditions: part("matchConditions"),
        variables: part("variables"),
        checks: part("validations"),
        fail_open: part("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
        roots: ROOTS,
        ..Parts::default()
    };
    let constraints: Option<MatchResources> = decoded(part("matchConstraints"), object.node, problems);
    let (Some(validation), Some(constraints)) = (Validation::compile(&parts, problems), constraints) else { return Vec::new() };
    let asked = spec.and_then(|spec| spec.at(&["autogen", "podControllers", "controllers"]));
    let asked: Option<Vec<&str>> = asked.map(|list| list.items().map(Node::text).collect());
    let on_pods = constraints.resources().all(|resource| resource == "pods");
    let wanted = |resource: &str, _: &str| on_pods && asked.as_ref().is_none_or(|asked| asked.contains(&resource));
    let effect = match part("validationActions").and_then(|actions| actions.items().next()).map(Node::text) {
        Some("Deny") => Effect::Deny,
        Some("Warn") => Effect::Warn,
        _ => Effect::Audit,
    };
    let home = if object.kind.starts_with("Namespaced") { object.effective_namespace().to_owned() } else { String::new() };
    let judge = Validating {
        name: object.name.to_owned(),
        validation: Generated::new(validation, wanted),
        constraints,
        exemptions: Arc::clone(exemptions),
        home,
    };
    vec![Policy {
        rule: rule(object, object.name, effect),
        name: object.name.to_owned(),
        part: String::new(),
        effect,
        judge: Box::new(judge),
    }]
}

#[derive(Debug)]
struct Validating {
    name: String,
    validation: Generated,
    constraints: MatchResources,
    exemptions: Arc<Vec<Exemption>>,
    /// The namespace that a `NamespacedValidatingPolicy` is about; empty for all.
    home: String,
}

impl Judge for Validating {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        if !self.home.is_empty() && self.home != request.namespace {
            return Verdict::NotMatched;
        }
        let validation = if self.constraints.matches(request) {
            &self.validation.own
        } else {
            let of_controller = self.validation.of(request.kind).filter(|_| self.constraints.names("", "pods"));
            let Some(validation) = of_controller else { return Verdict::NotMatched };
            validation
        };
        let images = images(request.object);
        let held: Vec<&Exemption> = self.exemptions.iter().filter(|one| one.lets(&self.name, "", request, &images, world)).collect();
        let verdict = validation.judge(request, roots(&images, &exceptions::allowed(&held)), world);
        exceptions::excepted(verdict, &held)
    }
}

/// A `MutatingPolicy` or `NamespacedMutatingPolicy` of policies.kyverno.io.
pub(crate) fn mutating_policy(object: &Object<'_>, exemptions: &Arc<Vec<Exemption>>, problems: &mut Vec<Problem>) -> Option<Mutator> {
    let spec = object.node.get("spec");
    let part = |key: &str| spec.and_then(|spec| spec.get(key));
    let parts = Parts {
        conditions: part("matchConditions"),
        variables: part("variables"),
        fail_open: part("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
        roots: ROOTS,
        ..Parts::default()
    };
    let own = Steps::compile(&parts, part("mutations"), object.node, problems)?;
    let constraints: MatchResources = decoded(part("matchConstraints"), object.node, problems)?;
    let asked = spec.and_then(|spec| spec.at(&["autogen", "podControllers", "controllers"]));
    let asked: Vec<&str> = asked.into_iter().flat_map(Node::items).map(Node::text).collect();
    let on_pods = constraints.resources().all(|resource| resource == "pods");
    let wanted = CONTROLLERS.iter().filter(|(resource, ..)| on_pods && asked.contains(resource));
    let controllers = wanted.map(|(_, kind, path)| (*kind, own.below(path))).collect();
    let home = if object.kind.starts_with("Namespaced") { object.effective_namespace().to_owned() } else { String::new() };
    let again = part("reinvocationPolicy").is_some_and(|policy| policy.text() == "IfNeeded");
    Some(Mutator::new(
        object,
        again,
        Box::new(Mutating { name: object.name.to_owned(), own, controllers, constraints, exemptions: Arc::clone(exemptions), home }),
    ))
}

#[derive(Debug)]
struct Mutating {
    name: String,
    own: Steps,
    controllers: Vec<(&'static str, Steps)>,
    constraints: MatchResources,
    exemptions: Arc<Vec<Exemption>>,
    /// The namespace that a `NamespacedMutatingPolicy` is about; empty for all.
    home: String,
}

impl Mutate for Mutating {
    fn mutate(&self, request: &Request<'_>, world: &World<'_>) -> Mutation {
        if !self.home.is_empty() && self.home != request.namespace {
            return Mutation::NotMatched;
        }
        let of_controller = || self.controllers.iter().find(|(kind, _)| *kind == request.kind).map(|(_, steps)| steps);
        let images = images(request.object);
        if self.exemptions.iter().any(|one| one.lets(&self.name, "", request, &images, world) && !one.is_partial()) {
            return Mutation::Skipped;
        }
        let steps = if self.constraints.matches(request) { Some(&self.own) } else { of_controller() };
        steps.map_or(Mutation::NotMatched, |steps| steps.run(request, &roots(&images, &exceptions::allowed(&[])), world))
    }
}

/// The rules of a `ClusterPolicy` or `Policy` of kyverno.io that are written in CEL; others are notes.
pub(crate) fn policy(object: &Object<'_>, exemptions: &Arc<Vec<Exemption>>, problems: &mut Vec<Problem>) -> Vec<Policy> {
    let Some(spec) = object.node.get("spec") else { return Vec::new() };
    let controllers = object.node.at(&["metadata", "annotations"]).and_then(|all| all.get("pod-policies.kyverno.io/autogen-controllers"));
    let controllers: Option<Vec<&str>> = controllers.map(|list| list.text().split(',').map(str::trim).collect());
    let mut policies = Vec::new();
    for one in spec.get("rules").into_iter().flat_map(Node::items) {
        let name = one.get("name").map_or("", Node::text);
        let Some(cel) = one.at(&["validate", "cel"]) else {
            let message = format!("rule `{name}` of Kyverno policy `{}` is not written in CEL and was not judged", object.name);
            problems.push(Problem::at(ProblemKind::Note, one, message));
            continue;
        };
        let parts = Parts {
            conditions: one.get("celPreconditions"),
            variables: cel.get("variables"),
            checks: cel.get("expressions"),
            fail_open: spec.get("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
            roots: ROOTS,
            ..Parts::default()
        };
        let validation = Validation::compile(&parts, problems);
        let matching: Option<Filters> = decoded(one.get("match"), one, problems);
        let exclude: Option<Filters> = decoded(one.get("exclude"), one, problems);
        let (Some(validation), Some(matching), Some(exclude)) = (validation, matching, exclude) else { continue };
        let generates = matching.is_for_all_pods() && exclude.allows_generation();
        let wanted = |_: &str, kind: &str| generates && controllers.as_ref().is_none_or(|asked| asked.contains(&kind));
        let action = one.at(&["validate", "failureAction"]).or_else(|| spec.get("validationFailureAction"));
        let effect = if action.is_some_and(|action| action.text().eq_ignore_ascii_case("enforce")) { Effect::Deny } else { Effect::Audit };
        let home = if object.kind == "Policy" { object.effective_namespace().to_owned() } else { String::new() };
        policies.push(Policy {
            rule: rule(object, &format!("{}/{name}", object.name), effect),
            name: object.name.to_owned(),
            part: name.to_owned(),
            effect,
            judge: Box::new(Classic {
                name: (object.name.to_owned(), name.to_owned()),
                validation: Generated::new(validation, wanted),
                matching,
                exclude,
                exemptions: Arc::clone(exemptions),
                home,
            }),
        });
    }
    policies
}

#[derive(Debug)]
struct Classic {
    /// Of the policy and the rule.
    name: (String, String),
    validation: Generated,
    matching: Filters,
    exclude: Filters,
    exemptions: Arc<Vec<Exemption>>,
    /// The namespace that a `Policy` is about; empty for all.
    home: String,
}

impl Judge for Classic {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict {
        if !self.home.is_empty() && self.home != request.namespace {
            return Verdict::NotMatched;
        }
        let images = images(request.object);
        let (validation, kind) = match self.validation.of(request.kind) {
            Some(generated) => (generated, ("", "v1", "Pod")),
            None => (&self.validation.own, (request.group, request.version, request.kind)),
        };
        if !self.matching.matches(request, kind) {
            return Verdict::NotMatched;
        }
        if self.exclude.matches(request, kind) {
            return Verdict::Skipped;
        }
        let (policy, rule) = &self.name;
        let held: Vec<&Exemption> = self.exemptions.iter().filter(|one| one.lets(policy, rule, request, &images, world)).collect();
        let verdict = validation.judge(request, roots(&images, &exceptions::allowed(&held)), world);
        exceptions::excepted(verdict, &held)
    }
}
