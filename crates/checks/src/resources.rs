//! Which objects each check looks at, and what was found in each: a control counts objects, however many checks answer for it.

use crate::check::{Component, Run};
use crate::component;
use crate::grants::Grants;
use crate::host::{self, Kubelet};
use crate::registry::registry;
use crate::score::Outcome;
use plimsoll_model::{Finding, Inventory, Location, Node, Object, ObjectId, Rule, Unknown};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// By rule: the objects that it looked at, and what came of each.
#[derive(Debug, Default)]
pub struct Resources<'a> {
    objects: Vec<Object<'a>>,
    /// How much each object weighs.
    weights: Vec<f64>,
    /// The objects of a name; more than one where several files hold it.
    by_name: HashMap<Name<'a>, Vec<usize>>,
    by_rule: HashMap<Cow<'static, str>, Seen>,
}

/// `apiVersion`, kind, namespace, name.
type Name<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What was seen under one rule, or under all rules of a control.
#[derive(Debug, Default)]
struct Seen {
    evaluated: Set,
    failed: Set,
    excepted: Set,
    unknown: Set,
    /// Of a rule whose objects are counted and not known.
    counted: Outcome,
}

/// What the rules of a control came to over distinct objects.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Count {
    /// How many objects.
    pub(crate) outcome: Outcome,
    /// The weight of all of them.
    pub(crate) weight: f64,
    /// The weight of those that failed.
    pub(crate) failed_weight: f64,
}

impl<'a> Resources<'a> {
    /// What the built-in checks look at in `inventory`; `of_workloads` are rules elsewhere that look at each workload that
    /// speaks for itself.
    pub fn new(inventory: &Inventory<'a>, of_workloads: &[Arc<Rule>]) -> Self {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::with_capacity(inventory.objects.len());
        for (at, object) in inventory.objects.iter().enumerate() {
            by_name.entry((object.api_version, object.kind, object.namespace, object.name)).or_default().push(at);
        }
        let weights = inventory.objects.iter().map(weight).collect();
        let mut resources = Self { objects: inventory.objects.clone(), weights, by_name, by_rule: HashMap::new() };
        resources.look(inventory, of_workloads);
        resources
    }

    /// Takes the way of [`crate::assess`] over the objects, and notes who is asked about what.
    fn look(&mut self, inventory: &Inventory<'a>, of_workloads: &[Arc<Rule>]) {
        let registry = registry();
        let workloads: Set = inventory.own_workloads().filter_map(|workload| self.index(&workload.object)).collect();
        let rules = registry.of_workloads().map(|(_, rule, _)| rule).chain(of_workloads);
        for rule in rules {
            self.of(rule).evaluated = workloads.clone();
        }
        let grants: Set = Grants::new(inventory).all().iter().filter_map(|grant| self.index(&grant.binding)).collect();
        for (_, rule, _) in registry.of_grants() {
            self.of(rule).evaluated = grants.clone();
        }
        for ((object, _), process) in component::processes(inventory) {
            let Some(at) = self.index(&object) else { continue };
            for (_, rule, run) in registry.of_processes() {
                if matches!(run, Run::Process(components, _) if components.contains(&process.component)) {
                    self.of(rule).evaluated.insert(at);
                }
            }
            if process.component == Component::Kubelet {
                self.ask_kubelets(at);
            }
        }
        for (at, object) in inventory.objects.iter().enumerate() {
            if Kubelet::is_of(object) {
                self.ask_kubelets(at);
            }
            for (_, rule, _) in registry.of_object(object) {
                self.of(rule).evaluated.insert(at);
            }
            for configuration in host::configurations(object) {
                for (_, rule, _) in registry.of_kind(configuration.group, configuration.kind) {
                    self.of(rule).evaluated.insert(at);
                }
            }
        }
    }

    fn ask_kubelets(&mut self, at: usize) {
        for (_, rule, _) in registry().of_kubelets() {
            self.of(rule).evaluated.insert(at);
        }
    }

    /// Takes in what was found, and what could not be decided.
    pub fn add(&mut self, findings: &[Finding], unknown: &[Unknown]) {
        for finding in findings {
            for at in self.places(&finding.subject.object, finding.location.as_ref()) {
                let seen = self.of(&finding.rule);
                if finding.is_open() { seen.failed.insert(at) } else { seen.excepted.insert(at) }
            }
        }
        for unknown in unknown {
            for at in self.places(&unknown.object, None) {
                self.of(&unknown.rule).unknown.insert(at);
            }
        }
    }

    /// Notes what a rule came to of which only figures are known. Rules that answer for the same control are taken to have
    /// looked at the same objects.
    pub fn count(&mut self, rule: &Rule, outcome: Outcome) {
        self.of(rule).counted = outcome;
    }

    /// What these rules came to together.
    pub(crate) fn total(&self, rules: &[&Arc<Rule>]) -> Count {
        let mut all = Seen::default();
        for seen in rules.iter().filter_map(|rule| self.by_rule.get(&rule.id)) {
            all.add(seen);
        }
        all.settle();
        let known =
            Outcome { evaluated: all.evaluated.len(), failed: all.failed.len(), excepted: all.excepted.len(), unknown: all.unknown.len() };
        let outcome = known.or_more(all.counted);
        let weight = |set: &Set| set.iter().filter_map(|at| self.weights.get(at)).sum::<f64>();
        // What is only counted weighs 1.
        let rest = |all: usize, known: usize| (all - known) as f64;
        Count {
            outcome,
            weight: weight(&all.evaluated) + rest(outcome.evaluated, known.evaluated),
            failed_weight: weight(&all.failed) + rest(outcome.failed, known.failed),
        }
    }

    fn of(&mut self, rule: &Rule) -> &mut Seen {
        self.by_rule.entry(rule.id.clone()).or_default()
    }

    fn index(&self, object: &Object<'_>) -> Option<usize> {
        let named = self.by_name.get(&(object.api_version, object.kind, object.namespace, object.name))?;
        named.iter().copied().find(|at| self.objects.get(*at).is_some_and(|one| one.node == object.node))
    }

    /// The objects of a name; where several have it, that in which `location` lies, if it lies in one.
    fn places(&self, id: &ObjectId, location: Option<&Location>) -> Vec<usize> {
        let named = self.by_name.get(&(&*id.api_version, &*id.kind, &*id.namespace, &*id.name));
        let named = named.map(Vec::as_slice).unwrap_or_default();
        if let ([_, _, ..], Some(location)) = (named, location) {
            let holds =
                |node: Node<'_>| Arc::ptr_eq(&node.document().source, &location.source) && node.span().contains(location.span.start);
            let here = named.iter().copied().find(|at| self.objects.get(*at).is_some_and(|object| holds(object.node)));
            if let Some(at) = here {
                return vec![at];
            }
        }
        named.to_vec()
    }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.evaluated.add(&other.evaluated);
        self.failed.add(&other.failed);
        self.excepted.add(&other.excepted);
        self.unknown.add(&other.unknown);
        self.counted = self.counted.or_more(other.counted);
    }

    /// An object is one thing only: failed before unknown, unknown before accepted.
    fn settle(&mut self) {
        for some in [&self.failed, &self.excepted, &self.unknown] {
            self.evaluated.add(some);
        }
        self.unknown.remove(&self.failed);
        self.excepted.remove(&self.failed);
        self.excepted.remove(&self.unknown);
    }
}

/// What an object weighs in Kubescape's risk score: 1; with more than one replica 1.1 for each; a DaemonSet as much as
/// there are nodes that it is to run on, where its status says so (reference: kubescape/opa-utils `score`, August 2026).
fn weight(object: &Object<'_>) -> f64 {
    let number = |path: &[&str]| object.node.at(path).and_then(Node::as_int).unwrap_or(0) as f64;
    let replicas = number(&["spec", "replicas"]);
    let nodes = if object.kind == "DaemonSet" { number(&["status", "desiredNumberScheduled"]) } else { 0.0 };
    (if replicas > 1.0 { replicas * 1.1 } else { 1.0 }) * nodes.max(1.0)
}

/// Indices of objects, one bit each.
#[derive(Debug, Default, Clone)]
struct Set(Vec<u64>);

impl Set {
    fn insert(&mut self, at: usize) {
        let word = at / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (at % 64);
        }
    }

    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (mine, more) in self.0.iter_mut().zip(&other.0) {
            *mine |= more;
        }
    }

    fn remove(&mut self, other: &Self) {
        for (mine, less) in self.0.iter_mut().zip(&other.0) {
            *mine &= !less;
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        let bits = |(word, bits): (usize, &u64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        };
        self.0.iter().enumerate().flat_map(bits)
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut set = Self::default();
        indices.into_iter().for_each(|at| set.insert(at));
        set
    }
}
