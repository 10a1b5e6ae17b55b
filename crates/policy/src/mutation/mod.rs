//! Policies that change a request: MutatingAdmissionPolicy (admissionregistration.k8s.io), and what Kyverno's
//! MutatingPolicy shares with it.

mod merge;
mod patch;

use crate::binding::{Asked, ROOTS, Scope, roots};
use crate::cel::{Program, Value};
use crate::request::Request;
use crate::validation::{Parts, Validation, compiled};
use crate::world::World;
use crate::{Effect, Policies, Verdict, rule};
use merge::Unmerged;
use plimsoll_model::{Node, Object, PatchOp, Problem, ProblemKind, Rule};
use serde_json::Value as Json;
use std::fmt::Debug;
use std::sync::Arc;

/// A policy that changes requests, compiled, as one of its bindings applies it.
#[derive(Debug)]
pub struct Mutator {
    /// What its findings are findings of.
    pub rule: Arc<Rule>,
    /// The name of the policy.
    pub name: String,
    /// Whether it is asked again where a later one changed the object (`reinvocationPolicy: IfNeeded`).
    again: bool,
    mutate: Box<dyn Mutate>,
}

/// What changes a request.
pub(crate) trait Mutate: Debug + Send + Sync {
    fn mutate(&self, request: &Request<'_>, world: &World<'_>) -> Mutation;
}

/// What a mutating policy makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Mutation {
    /// The policy is not about it.
    NotMatched,
    /// A condition takes it out.
    Skipped,
    /// The object as it is then, which may be as it was.
    Made(Json),
    /// An expression failed, or what it gave cannot be applied: the API server refuses the request.
    Refused(String),
    /// It cannot be said; why.
    Unknown(String),
}

/// What all mutating policies make of a request.
#[derive(Debug)]
pub struct Mutated<'p> {
    /// The object as it is after all of them.
    pub object: Json,
    /// From the object of the request to that one, each operation after those before it (RFC 6902).
    pub patch: Vec<PatchOp>,
    /// Each policy in the order in which they were asked, with what it changed (nothing, where it had nothing to change), or
    /// with why it changed nothing.
    pub steps: Vec<(&'p Mutator, Result<Vec<PatchOp>, Mutation>)>,
}

impl Mutation {
    /// Whether the request goes on as it was.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Self::NotMatched | Self::Skipped)
    }
}

impl Mutator {
    /// What it makes of a request.
    pub fn mutate(&self, request: &Request<'_>, world: &World<'_>) -> Mutation {
        self.mutate.mutate(request, world)
    }

    pub(crate) fn new(object: &Object<'_>, again: bool, mutate: Box<dyn Mutate>) -> Self {
        let rule = rule(object, object.name, Effect::Change);
        Self { rule, name: object.name.to_owned(), again, mutate }
    }
}

impl Policies {
    /// The policies that change requests.
    pub fn mutators(&self) -> impl Iterator<Item = &Mutator> {
        self.mutators.iter()
    }

    /// What the mutating policies make of a request: each in the order of names; those that ask for it a second time, if
    /// others changed the object after them.
    pub fn mutate(&self, request: &Request<'_>, world: &World<'_>) -> Mutated<'_> {
        let mut object = request.object.clone();
        let mut steps = Vec::new();
        // Of what is deleted there is nothing left to change.
        if request.operation == "DELETE" {
            return Mutated { object, patch: Vec::new(), steps };
        }
        let mut seen: Vec<Option<Json>> = vec![None; self.mutators.len()];
        for round in 0..2 {
            for (mutator, seen) in self.mutators.iter().zip(&mut seen) {
                if round > 0 && !seen.as_ref().is_some_and(|seen| mutator.again && *seen != object) {
                    continue;
                }
                let said = match mutator.mutate(&request.with(&object), world) {
                    Mutation::Made(changed) => {
                        let patch = patch::difference(&object, &changed);
                        object = changed;
                        *seen = Some(object.clone());
                        Ok(patch)
                    }
                    other => Err(other),
                };
                steps.push((mutator, said));
            }
        }
        Mutated { patch: patch::difference(request.object, &object), object, steps }
    }
}

/// The conditions and mutations of a policy.
#[derive(Debug)]
pub(crate) struct Steps {
    validation: Validation,
    mutations: Vec<(Patch, Program)>,
    /// Where a controller of pods has what the policy says of a pod.
    below: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
enum Patch {
    ApplyConfiguration,
    JsonPatch,
}

impl Steps {
    /// Compiles the mutations at `mutations`, with the other parts of a policy.
    pub(crate) fn compile(parts: &Parts<'_>, mutations: Option<Node<'_>>, holder: Node<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let names = parts.names();
        let mut steps = Vec::new();
        for one in mutations.into_iter().flat_map(Node::items) {
            let expression = |key: &str| one.at(&[key, "expression"]);
            let (patch, node) = match one.get("patchType").map(Node::text) {
                Some("JSONPatch") => (Patch::JsonPatch, expression("jsonPatch")),
                Some("ApplyConfiguration") => (Patch::ApplyConfiguration, expression("applyConfiguration")),
                _ => {
                    problems.push(Problem::at(ProblemKind::Invalid, one, "`patchType` must be `ApplyConfiguration` or `JSONPatch`"));
                    continue;
                }
            };
            let wanted = if matches!(patch, Patch::JsonPatch) { "list" } else { "map" };
            steps.extend(compiled(node, one, &names, wanted, problems).map(|program| (patch, program)));
        }
        if steps.is_empty() && problems.len() == before {
            problems.push(Problem::at(ProblemKind::Invalid, holder, "the policy has no `mutations`"));
        }
        let validation = Validation::compile(parts, problems)?;
        (problems.len() == before).then_some(Self { validation, mutations: steps, below: &[] })
    }

    /// The same for what makes pods, which has a pod's template below `path`.
    pub(crate) fn below(&self, path: &'static [&'static str]) -> Self {
        Self {
            validation: self.validation.below(path),
            mutations: self.mutations.iter().map(|(patch, program)| (*patch, program.below(path))).collect(),
            below: path,
        }
    }

    /// Whether an expression that fails refuses the request.
    fn fails_closed(&self) -> bool {
        self.validation.fail_closed
    }

    /// Makes the mutations one after the other; each sees what those before it made.
    pub(crate) fn run(&self, request: &Request<'_>, more: &[(&'static str, Value<'_>)], world: &World<'_>) -> Mutation {
        match self.validation.held_back(&self.validation.environment(request, more.to_vec(), world)) {
            None => {}
            Some(Verdict::Failed(breaches)) => return Mutation::Refused(breaches.into_iter().map(|breach| breach.message).collect()),
            Some(Verdict::Unknown(why)) => return Mutation::Unknown(why),
            Some(_) => return Mutation::Skipped,
        }
        let mut object = request.object.clone();
        for (at, (patch, program)) in self.mutations.iter().enumerate() {
            let changed = {
                let request = request.with(&object);
                let environment = self.validation.environment(&request, more.to_vec(), world);
                let value = program.evaluate(&environment).map(|value| value.to_json());
                value.map_err(|failure| self.validation.failed(&format!("mutation {}", at + 1), &failure))
            };
            let refused = |why: String| match self.fails_closed() {
                true => Some(Mutation::Refused(format!("mutation {}: {why}", at + 1))),
                false => None,
            };
            let failed = match changed {
                Ok(value) => match self.apply(*patch, &object, value) {
                    Ok(changed) => {
                        object = changed;
                        None
                    }
                    Err(Unmerged::Refused(why)) => refused(why),
                    Err(Unmerged::Unknown(why)) => Some(Mutation::Unknown(format!("mutation {}: {why}", at + 1))),
                },
                Err(Verdict::Failed(breaches)) => Some(Mutation::Refused(breaches.into_iter().map(|breach| breach.message).collect())),
                Err(Verdict::Unknown(why)) => Some(Mutation::Unknown(why)),
                Err(_) => None,
            };
            if let Some(failed) = failed {
                return failed;
            }
        }
        Mutation::Made(object)
    }

    fn apply(&self, patch: Patch, object: &Json, value: Json) -> Result<Json, Unmerged> {
        match (patch, value) {
            (Patch::ApplyConfiguration, Json::Object(configuration)) => {
                let wrapped = self.below.iter().rev().fold(Json::Object(configuration), |inner, field| serde_json::json!({*field: inner}));
                merge::merge(object, &wrapped)
            }
            (Patch::JsonPatch, Json::Array(mut operations)) => {
                let place: String = self.below.iter().map(|field| format!("/{field}")).collect();
                for operation in operations.iter_mut().filter(|_| !place.is_empty()) {
                    for key in ["path", "from"] {
                        if let Some(Json::String(path)) = operation.get_mut(key) {
                            path.insert_str(0, &place);
                        }
                    }
                }
                let mut changed = object.clone();
                match patch::apply(&mut changed, &operations) {
                    Ok(true) => Ok(changed),
                    Ok(false) => Ok(object.clone()),
                    Err(why) => Err(Unmerged::Refused(why)),
                }
            }
            (_, value) => Err(Unmerged::Refused(format!("the expression gave {value}"))),
        }
    }
}

/// A MutatingAdmissionPolicy, as one of its bindings applies it.
#[derive(Debug)]
struct Bound {
    steps: Arc<Steps>,
    scope: Scope,
}

/// Reads a MutatingAdmissionPolicy; `bindings` are the objects that may bind it.
pub(crate) fn read(object: &Object<'_>, bindings: &[Object<'_>], problems: &mut Vec<Problem>) -> Vec<Mutator> {
    let spec = object.node.get("spec");
    let part = |key: &str| spec.and_then(|spec| spec.get(key));
    let parts = Parts {
        conditions: part("matchConditions"),
        variables: part("variables"),
        fail_open: part("failurePolicy").is_some_and(|policy| policy.text() == "Ignore"),
        roots: ROOTS,
        ..Parts::default()
    };
    let Some(steps) = Steps::compile(&parts, part("mutations"), object.node, problems).map(Arc::new) else { return Vec::new() };
    let again = part("reinvocationPolicy").is_some_and(|policy| policy.text() == "IfNeeded");
    let scopes = Scope::read(object, bindings, problems).unwrap_or_default();
    scopes.into_iter().map(|(scope, _)| Mutator::new(object, again, Box::new(Bound { steps: Arc::clone(&steps), scope }))).collect()
}

impl Mutate for Bound {
    fn mutate(&self, request: &Request<'_>, world: &World<'_>) -> Mutation {
        let all = match self.scope.asked(request, world) {
            Asked::No => return Mutation::NotMatched,
            Asked::Without(_) if !self.steps.fails_closed() => return Mutation::Skipped,
            Asked::Without(message) => return Mutation::Refused(message),
            Asked::With(all) => all,
        };
        let mut object = request.object.clone();
        let mut made = Mutation::Skipped;
        for params in all {
            let changed = {
                let request = request.with(&object);
                self.steps.run(&request, &roots(params, &request), world)
            };
            match changed {
                Mutation::Made(changed) => {
                    object.clone_from(&changed);
                    made = Mutation::Made(changed);
                }
                Mutation::Skipped | Mutation::NotMatched => {}
                other => return other,
            }
        }
        made
    }
}
