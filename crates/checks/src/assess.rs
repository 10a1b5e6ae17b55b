//! The walk: each object is visited once, and every check that looks at its kind is asked.

use crate::check::{Check, Component, Run};
use crate::component;
use crate::exposure::Exposure;
use crate::facts::Facts;
use crate::grants::Grants;
use crate::host::{self, Configuration, Kubelet};
use crate::parameters::Parameters;
use crate::registry::{Registry, registry};
use crate::reporter::Reporter;
use plimsoll_model::{Finding, Inventory, Object, Unknown, Workload};
use rayon::prelude::*;

/// What came of all checks.
#[derive(Debug, Default)]
pub struct Assessment {
    /// What was found, in order of the objects.
    pub findings: Vec<Finding>,
    /// What each check came to, in the order of [`crate::checks`].
    pub tallies: Vec<Tally>,
}

/// What one check came to.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Inputs that it looked at: workloads, objects, grants, processes.
    pub evaluated: usize,
    /// Those of them with a finding.
    pub failed: usize,
    /// Those of them that could not be decided.
    pub unknown: Vec<Unknown>,
}

/// What the checks may ask beside the object that they look at: built once, asked often.
pub struct Surroundings<'i, 'a> {
    inventory: &'i Inventory<'a>,
    parameters: &'i Parameters,
    grants: Grants<'a>,
    exposure: Exposure<'a>,
    facts: Facts,
}

impl<'i, 'a> Surroundings<'i, 'a> {
    /// Reads what takes part out of `inventory`.
    pub fn new(inventory: &'i Inventory<'a>, parameters: &'i Parameters) -> Self {
        let (grants, (exposure, facts)) = rayon::join(|| Grants::new(inventory), || (Exposure::new(inventory), Facts::new(inventory)));
        Self { inventory, parameters, grants, exposure, facts }
    }

    fn reporter(&self) -> Reporter<'_, 'a> {
        let checks = registry().checks.len();
        Reporter::new(self.inventory, &self.grants, &self.exposure, &self.facts, self.parameters, checks)
    }
}

/// Runs all checks over `inventory`.
pub fn assess(inventory: &Inventory<'_>, parameters: &Parameters) -> Assessment {
    assess_after(Vec::new(), inventory, parameters)
}

/// The same, with findings put after those that there are already: of a large input, a list is not copied for the next one.
pub fn assess_after(findings: Vec<Finding>, inventory: &Inventory<'_>, parameters: &Parameters) -> Assessment {
    let registry = registry();
    let surroundings = Surroundings::new(inventory, parameters);
    let mut whole = Assessment { findings, tallies: vec![Tally::default(); registry.checks.len()] };
    let own: Vec<&Workload<'_>> = inventory.own_workloads().collect();
    whole.look_at(&own, |workload, reporter| look_at_workload(registry, workload, reporter), || surroundings.reporter());
    whole.look_at(&inventory.objects, |object, reporter| look_at_object(registry, *object, reporter), || surroundings.reporter());
    let mut reporter = surroundings.reporter();
    look_at_grants(registry, &surroundings.grants, &mut reporter);
    look_at_processes(registry, inventory, &mut reporter);
    whole.add(done(reporter));
    whole
}

/// Runs one check over all that it looks at, on this thread: what it costs can be measured.
pub fn assess_by(check: &'static Check, surroundings: &Surroundings<'_, '_>) -> Assessment {
    let registry = &Registry::of(vec![check]);
    let mut reporter = surroundings.reporter();
    reporter.tallies.truncate(1);
    for workload in surroundings.inventory.own_workloads() {
        look_at_workload(registry, workload, &mut reporter);
    }
    for object in &surroundings.inventory.objects {
        look_at_object(registry, *object, &mut reporter);
    }
    look_at_grants(registry, &surroundings.grants, &mut reporter);
    look_at_processes(registry, surroundings.inventory, &mut reporter);
    done(reporter)
}

/// Inputs of one task: small enough to share the work, large enough that merging costs nothing.
const CHUNK: usize = 128;
/// Inputs whose findings are in memory twice for a moment, in a list of their task and in that of all.
const BATCH: usize = 64 * CHUNK;

fn look_at_workload<'r, 'a>(registry: &'r Registry, workload: &'r Workload<'a>, reporter: &mut Reporter<'r, 'a>) {
    reporter.enter(workload.object, Some(&workload.pod));
    for (at, rule, run) in registry.of_workloads() {
        reporter.run(at, rule, |reporter| match run {
            Run::Workload(look) => look(workload, reporter),
            Run::Container(look) => {
                for (index, container) in workload.pod.containers.iter().enumerate() {
                    look(workload, index, container, reporter);
                }
            }
            _ => {}
        });
    }
}

fn look_at_object<'r, 'a>(registry: &'r Registry, object: Object<'a>, reporter: &mut Reporter<'r, 'a>) {
    reporter.enter(object, None);
    for (at, rule, look) in registry.of_object(&object) {
        reporter.run(at, rule, |reporter| look(&object, reporter));
    }
    if let Some(kubelet) = Kubelet::of(&object, reporter) {
        look_at_kubelet(registry, &kubelet, reporter);
    }
    // What stands in the files of a node is judged as if it had been given by itself.
    for Configuration { group, kind, path, file } in host::configurations(&object) {
        let document = file.as_ref().and_then(|file| file.document(reporter));
        let objects = document.as_ref().map(|document| document.objects().0).unwrap_or_default();
        let found = objects.iter().find(|one| one.group() == group && one.kind == kind);
        reporter.inside(file.as_ref());
        for (at, rule, look) in registry.of_kind(group, kind) {
            reporter.run(at, rule, |reporter| match found {
                Some(configuration) => look(configuration, reporter),
                None => reporter.unknown(format!("the {kind} in {path}")),
            });
        }
        reporter.inside(None);
    }
}

fn look_at_grants<'r, 'a>(registry: &'r Registry, grants: &'r Grants<'a>, reporter: &mut Reporter<'r, 'a>) {
    for grant in grants.all() {
        reporter.enter(grant.binding, None);
        for (at, rule, run) in registry.of_grants() {
            if let Run::Grant(look) = run {
                reporter.run(at, rule, |reporter| look(grant, reporter));
            }
        }
    }
}

fn look_at_processes<'r, 'a>(registry: &'r Registry, inventory: &'r Inventory<'a>, reporter: &mut Reporter<'r, 'a>) {
    for ((object, pod), process) in component::processes(inventory) {
        reporter.enter(object, pod);
        look_at_process(registry, &process, reporter);
        if process.component == Component::Kubelet {
            look_at_kubelet(registry, &Kubelet::in_pod(process, reporter), reporter);
        }
    }
}

fn look_at_kubelet<'r>(registry: &'r Registry, kubelet: &Kubelet<'_>, reporter: &mut Reporter<'r, '_>) {
    for (at, rule, run) in registry.of_kubelets() {
        if let Run::Kubelet(look) = run {
            reporter.run(at, rule, |reporter| look(kubelet, reporter));
        }
    }
}

fn look_at_process<'r>(registry: &'r Registry, process: &component::Process<'_>, reporter: &mut Reporter<'r, '_>) {
    for (at, rule, run) in registry.of_processes() {
        if let Run::Process(components, look) = run
            && components.contains(&process.component)
        {
            reporter.run(at, rule, |reporter| look(process, reporter));
        }
    }
}

fn done(reporter: Reporter<'_, '_>) -> Assessment {
    Assessment { findings: reporter.findings, tallies: reporter.tallies }
}

impl Assessment {
    /// Looks at all `inputs` in parallel, and puts what is found in their order.
    fn look_at<'r, 'a: 'r, T: Sync>(
        &mut self,
        inputs: &'r [T],
        look: impl Fn(&'r T, &mut Reporter<'r, 'a>) + Sync,
        reporter: impl Fn() -> Reporter<'r, 'a> + Sync,
    ) {
        let mut left = inputs.len();
        for batch in inputs.chunks(BATCH) {
            let task = |chunk: &'r [T]| {
                let mut reporter = reporter();
                chunk.iter().for_each(|input| look(input, &mut reporter));
                done(reporter)
            };
            let parts: Vec<_> = batch.par_chunks(CHUNK).map(task).collect();
            // Room for those to come as well, if they are like these: a list that grows by copying is in memory twice.
            let found: usize = parts.iter().map(|part| part.findings.len()).sum();
            if self.findings.capacity() - self.findings.len() < found {
                self.findings.reserve_exact(found + found / batch.len().max(1) * (left + left / 8));
            }
            left -= batch.len();
            for part in parts {
                self.add(part);
            }
        }
    }

    fn add(&mut self, part: Self) {
        self.findings.extend(part.findings);
        for (mine, more) in self.tallies.iter_mut().zip(part.tallies) {
            mine.evaluated += more.evaluated;
            mine.failed += more.failed;
            mine.unknown.extend(more.unknown);
        }
    }
}
