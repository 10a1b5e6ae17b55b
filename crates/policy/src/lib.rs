//! Policies that users bring, over the same documents and with the same findings as every other engine.
//!
//! [`Policies::read`] finds them in documents, compiles them, and says with its place what does not compile.
//! [`Policies::judge`] is one request against all of them, [`Policies::assess`] a whole inventory.

mod access;
pub mod benchmark;
mod binding;
pub mod cel;
mod gatekeeper;
mod kubescape;
mod kyverno;
mod matching;
mod modules;
mod mutation;
mod rego;
mod request;
mod sprintf;
pub mod testing;
mod validation;
mod vap;
mod world;

pub use kubescape::{Aggregator, KubescapeRule, Response, aggregate};
pub use mutation::{Mutated, Mutation, Mutator};
pub use request::{Request, admitted, plural};
pub use world::World;

use plimsoll_model::{
    AppliedException, Document, Finding, Inventory, Location, Node, Object, PatchOp, Problem, ProblemKind, Reference, Rule, Severity,
    Source, Violation,
};
use rayon::prelude::*;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// A policy, compiled; of a policy of many rules, one of them.
#[derive(Debug)]
pub struct Policy {
    /// What its findings are findings of.
    pub rule: Arc<Rule>,
    /// The name of the policy.
    pub name: String,
    /// The name of the rule within it, where it has rules with names.
    pub part: String,
    /// What it does to a request that breaks it.
    pub effect: Effect,
    judge: Box<dyn Judge>,
}

/// What judges a request.
trait Judge: Debug + Send + Sync {
    fn judge(&self, request: &Request<'_>, world: &World<'_>) -> Verdict;
}

/// What a policy does to a request that breaks it, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is refused.
    Deny,
    /// Whoever sent it is warned.
    Warn,
    /// It is written down.
    Audit,
    /// It is changed.
    Change,
}

/// What a policy says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The policy is not about it.
    NotMatched,
    /// A condition or an exclusion takes it out.
    Skipped,
    /// It keeps to the policy.
    Passed,
    /// It breaks the policy.
    Failed(Vec<Breach>),
    /// It breaks the policy, and an exception that came with the policies lets it.
    Excepted(Vec<Breach>, Arc<AppliedException>),
    /// It cannot be said; why.
    Unknown(String),
}

/// One way in which a request breaks a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// What the policy says of it.
    pub message: String,
    /// JSON pointer to the part of the object that decided it; empty for the object as a whole.
    pub pointer: String,
    /// What the policy writes down beside it.
    pub evidence: Vec<String>,
}

impl Breach {
    /// A breach of the object as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), pointer: String::new(), evidence: Vec::new() }
    }
}

/// All policies that were read.
#[derive(Debug, Default)]
pub struct Policies {
    policies: Vec<Policy>,
    /// Those that change requests, by name.
    mutators: Vec<Mutator>,
    /// Those that look at all objects at once.
    wholes: Vec<modules::Whole>,
    /// The inputs of Kubescape's controls.
    inputs: Json,
}

/// What all policies say of all objects.
#[derive(Debug, Default)]
pub struct Assessed {
    /// What breaks them.
    pub findings: Vec<Finding>,
    /// What they could not say.
    pub problems: Vec<Problem>,
    /// By id of a rule: how many objects it judged, and of how many it could not say.
    pub tallies: BTreeMap<String, (usize, usize)>,
}

impl Policies {
    /// Reads the policies in `documents`, and in `modules` of Rego. Those that cannot be compiled are problems, and the
    /// others still hold.
    pub fn read(documents: &[Document], modules: &[Arc<Source>]) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut objects = Vec::new();
        for document in documents {
            let (more, more_problems) = document.objects();
            objects.extend(more);
            problems.extend(more_problems);
        }
        let of_kind = |group: &str, kind: &str| -> Vec<Object<'_>> {
            objects.iter().filter(|object| object.group() == group && object.kind == kind).copied().collect()
        };
        let bindings = of_kind("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding");
        let mutating = of_kind("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding");
        let templates = of_kind("templates.gatekeeper.sh", "ConstraintTemplate");
        let templates: Vec<_> = templates.iter().filter_map(|object| gatekeeper::template(object, &mut problems)).collect();
        let expansions = of_kind("expansion.gatekeeper.sh", "ExpansionTemplate");
        let expansions = Arc::new(expansions.iter().filter_map(|object| gatekeeper::expansion(object, &mut problems)).collect());
        let exempting = objects.iter().filter(|object| object.kind == "PolicyException" && object.group().ends_with("kyverno.io"));
        let exemptions = Arc::new(exempting.filter_map(|object| kyverno::exemption(object, &mut problems)).collect());
        let (mut policies, mut mutators) = (Vec::new(), Vec::new());
        for object in &objects {
            match (object.group(), object.kind) {
                ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => {
                    mutators.extend(mutation::read(object, &mutating, &mut problems));
                }
                ("policies.kyverno.io", _) if !kyverno::judges_objects(object) => problems.push(not_run(object)),
                ("policies.kyverno.io", "MutatingPolicy" | "NamespacedMutatingPolicy") => {
                    mutators.extend(kyverno::mutating_policy(object, &exemptions, &mut problems));
                }
                ("policies.kyverno.io", kind)
                    if kind.ends_with("Policy") && !matches!(kind, "ValidatingPolicy" | "NamespacedValidatingPolicy") =>
                {
                    problems.push(not_run(object));
                }
                ("kyverno.io", "CleanupPolicy" | "ClusterCleanupPolicy") | ("mutations.gatekeeper.sh", _) => problems.push(not_run(object)),
                _ => {}
            }
            policies.extend(match (object.group(), object.kind) {
                ("policies.kyverno.io", _) if !kyverno::judges_objects(object) => Vec::new(),
                ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => vap::read(object, &bindings, &mut problems),
                ("policies.kyverno.io", "ValidatingPolicy" | "NamespacedValidatingPolicy") => {
                    kyverno::validating_policy(object, &exemptions, &mut problems)
                }
                ("kyverno.io", "ClusterPolicy" | "Policy") => kyverno::policy(object, &exemptions, &mut problems),
                ("constraints.gatekeeper.sh", _) => {
                    gatekeeper::constraint(object, &templates, &expansions, &mut problems).into_iter().collect()
                }
                _ => Vec::new(),
            });
        }
        for template in templates.iter().filter(|template| !objects.iter().any(|object| object.kind == template.kind)) {
            let message =
                format!("the template of `{}` is fine, and judges nothing until there is a constraint of that kind", template.kind);
            problems.push(Problem::new(ProblemKind::Note, message));
        }
        let (more, wholes) = modules::read(modules, documents, &mut problems);
        policies.extend(more);
        mutators.sort_by(|a: &Mutator, b| a.name.cmp(&b.name));
        (Self { policies, mutators, wholes, inputs: modules::inputs(documents) }, problems)
    }

    /// With inputs of Kubescape's controls (`sensitiveKeyNames`, …), which come before those that came with the policies.
    #[must_use]
    pub fn with_inputs(mut self, inputs: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        if let Some(known) = self.inputs.as_object_mut() {
            known.extend(inputs.into_iter().map(|(name, values)| (name, values.into())));
        }
        self
    }

    /// All that judge one request.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    /// What their findings are findings of.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let each = self.policies.iter().map(|policy| &policy.rule).chain(self.mutators.iter().map(|mutator| &mutator.rule));
        each.chain(self.wholes.iter().map(|whole| &whole.rule))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty() && self.mutators.is_empty() && self.wholes.is_empty()
    }

    /// What each policy says of a request.
    pub fn judge<'p>(&'p self, request: &Request<'_>, world: &World<'_>) -> Vec<(&'p Policy, Verdict)> {
        self.policies.iter().map(|policy| (policy, policy.judge.judge(request, world))).collect()
    }

    /// What all policies say of all objects, each as if it were created. `params` are documents that only policies look at.
    pub fn assess(&self, inventory: &Inventory<'_>, params: &[Document], now: Option<jiff::Timestamp>) -> Assessed {
        if self.is_empty() {
            return Assessed::default();
        }
        let json: Vec<Json> = inventory.objects.par_iter().map(|object| admitted(object.node.to_json())).collect();
        let more: Vec<Json> = params.iter().flat_map(|document| document.objects().0).map(|object| object.node.to_json()).collect();
        let world = World::new(json.iter().chain(&more).collect()).at(now);
        let namespaces: BTreeMap<&str, &Json> = inventory
            .objects
            .iter()
            .zip(&json)
            .filter(|(object, _)| object.kind == "Namespace" && object.group().is_empty())
            .map(|(object, json)| (object.name, json))
            .collect();
        let judged: Vec<_> = inventory
            .objects
            .par_iter()
            .zip(&json)
            .map(|(object, json)| {
                let request = Request::create(json);
                let namespace = namespaces.get(request.namespace).copied();
                let request = request.in_namespace(namespace);
                let mut said = Assessed::default();
                let Assessed { findings, problems, tallies } = &mut said;
                // The API server changes first and judges what comes of it.
                let changed = (!self.mutators.is_empty()).then(|| self.mutate(&request, &world));
                for (mutator, said) in changed.iter().flat_map(|changed| &changed.steps) {
                    match said {
                        Ok(patch) => findings.extend(change(mutator, object, patch)),
                        Err(Mutation::Refused(why)) => findings.push(Finding {
                            severity: Severity::High,
                            ..finding(&mutator.rule, object, Breach::new(format!("the API server would refuse this: {why}")))
                        }),
                        Err(Mutation::Unknown(why)) => {
                            let message = format!("policy `{}` says nothing of {}: {why}", mutator.name, object.id());
                            problems.push(Problem::at(ProblemKind::Note, object.node, message));
                        }
                        Err(_) => {}
                    }
                }
                let request = changed.as_ref().map_or_else(|| request.clone(), |changed| request.with(&changed.object));
                for (policy, verdict) in self.judge(&request, &world) {
                    if !matches!(verdict, Verdict::NotMatched | Verdict::Skipped) {
                        let tally = tallies.entry(policy.rule.id.to_string()).or_default();
                        tally.0 += usize::from(!matches!(verdict, Verdict::Unknown(_)));
                        tally.1 += usize::from(matches!(verdict, Verdict::Unknown(_)));
                    }
                    match verdict {
                        Verdict::Failed(breaches) => {
                            findings.extend(breaches.into_iter().map(|breach| finding(&policy.rule, object, breach)));
                        }
                        Verdict::Excepted(breaches, by) => findings.extend(
                            breaches
                                .into_iter()
                                .map(|breach| Finding { exception: Some(Arc::clone(&by)), ..finding(&policy.rule, object, breach) }),
                        ),
                        Verdict::Unknown(why) => {
                            let message = format!("policy `{}` says nothing of {}: {why}", policy.name, object.id());
                            problems.push(Problem::at(ProblemKind::Note, object.node, message));
                        }
                        Verdict::NotMatched | Verdict::Skipped | Verdict::Passed => {}
                    }
                }
                // A policy that is bound twice says the same twice; its strongest effect comes first.
                let mut before = std::collections::HashSet::new();
                findings.retain(|one: &Finding| before.insert((one.rule.id.clone(), one.subject.pointer.clone(), one.message.clone())));
                said
            })
            .collect();
        let mut all = judged.into_iter().fold(Assessed::default(), Assessed::and);
        // A rule of Kubescape sees nothing but objects, and names those that it blames.
        for (whole, said) in self.wholes.par_iter().map(|whole| (whole, whole.judge(&json, &self.inputs))).collect::<Vec<_>>() {
            match said {
                Ok(said) => {
                    all.tallies.entry(whole.rule.id.to_string()).or_default().0 += said.evaluated;
                    for one in said.blamed {
                        match one.candidates.iter().find_map(|object| named(inventory, object)) {
                            Some(object) => all.findings.push(finding(&whole.rule, &object, one.breach)),
                            None => {
                                let message = format!("`{}` blames what is not among the objects: {}", whole.rule.id, one.breach.message);
                                all.problems.push(Problem::new(ProblemKind::Note, message));
                            }
                        }
                    }
                }
                Err(error) => {
                    all.problems.push(Problem::new(ProblemKind::Limit, format!("`{}` says nothing: {error}", whole.rule.id)));
                }
            }
        }
        all
    }
}

impl Assessed {
    fn and(mut self, more: Self) -> Self {
        self.findings.extend(more.findings);
        self.problems.extend(more.problems);
        for (rule, (evaluated, unknown)) in more.tallies {
            let tally = self.tallies.entry(rule).or_default();
            *tally = (tally.0 + evaluated, tally.1 + unknown);
        }
        self
    }
}

fn not_run(object: &Object<'_>) -> Problem {
    Problem::at(ProblemKind::Note, object.node, format!("a {} is not run: `{}` judges nothing here", object.kind, object.name))
}

/// What a policy would change of an object, as a finding.
fn change(mutator: &Mutator, object: &Object<'_>, patch: &[PatchOp]) -> Option<Finding> {
    let first = patch.first()?;
    let shown = |operation: &PatchOp| match &operation.value {
        // What a Secret holds is nobody's to read here.
        Some(_) if object.kind == "Secret" => operation.path.clone(),
        Some(value) => format!("{} = {}", operation.path, value.value()),
        None => format!("{} goes", operation.path),
    };
    let breach = Breach {
        pointer: first.path.clone(),
        evidence: patch.iter().map(shown).collect(),
        ..Breach::new(match patch {
            [only] => format!("the API server would change this: {}", shown(only)),
            _ => format!("the API server would change {} fields of this, the first at {}", patch.len(), first.path),
        })
    };
    Some(finding(&mutator.rule, object, breach))
}

/// The object of an inventory that JSON is of.
fn named<'a>(inventory: &Inventory<'a>, object: &Json) -> Option<Object<'a>> {
    let part = |pointer| world::text(object, pointer);
    inventory.find(part("/kind"), part("/metadata/namespace"), part("/metadata/name"))
}

fn finding(rule: &Arc<Rule>, object: &Object<'_>, breach: Breach) -> Finding {
    let violation = Violation::at(breach.pointer, breach.message);
    breach.evidence.into_iter().fold(violation, Violation::because).into_finding(rule, &Arc::new(object.id()), Some(object.node), "", None)
}

/// The rule of a policy: its page is what the policy says of itself.
fn rule(object: &Object<'_>, id: &str, effect: Effect) -> Arc<Rule> {
    let annotations = object.node.at(&["metadata", "annotations"]);
    let note = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| annotations?.get(key));
        found.map(|note| note.text().trim().to_owned()).filter(|note| !note.is_empty())
    };
    let severity = note(&["policies.kyverno.io/severity"]).and_then(|word| word.parse().ok()).unwrap_or(match effect {
        Effect::Deny => Severity::High,
        Effect::Warn => Severity::Medium,
        Effect::Audit => Severity::Low,
        Effect::Change => Severity::Info,
    });
    let title = note(&["policies.kyverno.io/title"]).unwrap_or_else(|| format!("Policy {}", object.name));
    let description = note(&["policies.kyverno.io/description", "kubernetes.io/description", "description"]);
    let location: Location = object.node.get("metadata").map_or_else(|| object.node.location(), Node::location);
    let effect = match effect {
        Effect::Deny => "refuses",
        Effect::Warn => "warns of",
        Effect::Audit => "records",
        Effect::Change => "changes",
    };
    let detects = format!("What the {} `{}` ({location}) {effect}.", object.kind, object.name);
    made_rule(id, &title, &detects, description.as_deref().unwrap_or(""), "", severity)
}

/// The rule of a module: what is known of it comes from beside it.
fn rule_of(id: &str, title: &str, description: &str, remediation: &str, severity: Severity) -> Arc<Rule> {
    made_rule(id, title, "What the module objects to.", description, remediation, severity)
}

fn made_rule(id: &str, title: &str, detects: &str, why: &str, fix: &str, severity: Severity) -> Arc<Rule> {
    let or = |text: &str, other: &str| if text.trim().is_empty() { other.to_owned() } else { text.trim().to_owned() };
    let docs = format!(
        "## What it detects\n{detects}\n\n## Why it matters\n{}\n\n## How to fix\n{}",
        or(why, "Whoever wrote the policy asks for it."),
        or(fix, "Change the object so that the policy lets it pass, or the policy."),
    );
    Arc::new(Rule {
        id: Cow::Owned(format!("POLICY-{id}")),
        title: Cow::Owned(title.to_owned()),
        severity,
        docs: Cow::Owned(docs),
        references: Cow::Borrowed(&[] as &[Reference]),
    })
}
