//! Runs the engines over what was read: the one place that knows all of them.

use crate::input::Loaded;
use plimsoll_model::{Document, Finding, Object, Problem, Rule, Snapshot, Workload, WorkloadKinds, exceptions};
use plimsoll_pod_security::{LevelVersion, Policy, Version};
use plimsoll_report::{Report, Totals};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is asked of the engines.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Judge {
    /// All engines; the Pod Security Standards as of a version.
    Everything(Version),
    /// One level of the Pod Security Standards, as admission would judge.
    PodSecurity(LevelVersion),
}

/// The rules of all engines, by id.
pub(crate) fn rules() -> Vec<Arc<Rule>> {
    let mut rules: Vec<_> = plimsoll_pod_security::rules().to_vec();
    rules.push(Arc::clone(&exceptions::EXPIRED));
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

/// Everything there is to say of what was read.
pub(crate) fn run(loaded: &Loaded, judge: Judge) -> Report {
    report(loaded, &Inventory::new(&loaded.snapshot, &loaded.kinds), judge)
}

/// The same for a part of a snapshot: the namespaces of the `whole` count, its workloads do not.
pub(crate) fn run_beside(part: &Loaded, whole: &Snapshot, judge: Judge) -> Report {
    let mut inventory = Inventory::new(&part.snapshot, &part.kinds);
    for namespace in whole.objects().0.into_iter().filter(is_namespace) {
        inventory.namespaces.entry(namespace.name).or_insert(namespace);
    }
    report(part, &inventory, judge)
}

fn is_namespace(object: &Object<'_>) -> bool {
    object.kind == "Namespace" && object.api_version == "v1"
}

fn report(loaded: &Loaded, inventory: &Inventory<'_>, judge: Judge) -> Report {
    let mut findings = inventory.judge(judge);
    let mut problems = loaded.snapshot.problems.clone();
    problems.extend(inventory.problems().iter().cloned());
    problems.extend(exceptions::apply(&mut findings, &loaded.snapshot.documents, &loaded.config, today()));
    Report { targets: loaded.targets.clone(), findings, problems, rules: rules(), totals: inventory.totals() }
}

/// The day of today in the local time zone, for the expiry of exceptions.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}

/// Objects and workloads of a snapshot with the indexes that engines share.
pub(crate) struct Inventory<'a> {
    documents: &'a [Document],
    /// All workloads, in order of their documents.
    workloads: Vec<Workload<'a>>,
    /// Whether the workload at the same index is spoken for by its controller.
    represented: Vec<bool>,
    /// The namespaces that are there.
    pub(crate) namespaces: HashMap<&'a str, Object<'a>>,
    objects: usize,
    problems: Vec<Problem>,
}

impl<'a> Inventory<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, kinds: &WorkloadKinds) -> Self {
        let parts: Vec<_> = snapshot
            .documents
            .par_iter()
            .map(|document| {
                let (objects, mut problems) = document.objects();
                let workloads =
                    objects.iter().filter_map(|object| Some(kinds.read(*object, &mut problems)?.with_defaults())).collect::<Vec<_>>();
                (objects, workloads, problems)
            })
            .collect();
        let mut inventory = Self {
            documents: &snapshot.documents,
            workloads: Vec::new(),
            represented: Vec::new(),
            namespaces: HashMap::new(),
            objects: 0,
            problems: Vec::new(),
        };
        for (objects, workloads, problems) in parts {
            inventory.objects += objects.len();
            let namespaces = objects.into_iter().filter(is_namespace);
            inventory.namespaces.extend(namespaces.map(|namespace| (namespace.name, namespace)));
            inventory.workloads.extend(workloads);
            inventory.problems.extend(problems);
        }
        inventory.mark_represented();
        inventory
    }

    /// A pod whose controller is here too says what the controller says: it is counted, not judged again.
    fn mark_represented(&mut self) {
        let name = |object: &Object<'a>| (object.namespace, object.kind, object.name);
        let known: HashSet<_> = self.workloads.iter().map(|workload| name(&workload.object)).collect();
        let is_known =
            |object: &Object<'a>| object.controller().is_some_and(|owner| known.contains(&(object.namespace, owner.kind, owner.name)));
        self.represented = self.workloads.iter().map(|workload| is_known(&workload.object)).collect();
    }

    /// The workloads that speak for themselves.
    pub(crate) fn own_workloads(&self) -> impl Iterator<Item = &Workload<'a>> {
        self.workloads.iter().zip(&self.represented).filter(|(_, represented)| !**represented).map(|(workload, _)| workload)
    }

    /// All workloads, pods that a controller speaks for included.
    pub(crate) fn all_workloads(&self) -> &[Workload<'a>] {
        &self.workloads
    }

    /// What could not be read of the objects.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the labels of a namespace ask for; `None` where it has none or is not here.
    pub(crate) fn namespace_policy(&self, name: &str) -> Option<Policy> {
        let namespace = self.namespaces.get(name)?;
        let labelled = |mode: &str| namespace.label(&format!("pod-security.kubernetes.io/{mode}")).is_some();
        ["enforce", "audit", "warn"].into_iter().any(labelled).then(|| Policy::of_namespace(namespace, &Policy::default()).0)
    }

    fn judge(&self, judge: Judge) -> Vec<Finding> {
        let own: Vec<_> = self.own_workloads().collect();
        own.into_par_iter()
            .flat_map_iter(|workload| match judge {
                Judge::Everything(version) => {
                    let enforced = self.namespace_policy(workload.object.namespace).map(|policy| policy.enforce);
                    plimsoll_pod_security::assess(workload, version, enforced)
                }
                Judge::PodSecurity(policy) => plimsoll_pod_security::findings(workload, policy),
            })
            .collect()
    }

    fn totals(&self) -> Totals {
        let mut sources: Vec<*const plimsoll_model::Source> = self.documents.iter().map(|document| Arc::as_ptr(&document.source)).collect();
        sources.dedup();
        Totals {
            sources: sources.len(),
            documents: self.documents.len(),
            objects: self.objects,
            workloads: self.own_workloads().count(),
            represented: self.represented.iter().filter(|represented| **represented).count(),
        }
    }
}
