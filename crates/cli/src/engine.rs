//! Runs the engines over what was read: the one place that knows all of them.

use crate::input::Loaded;
use crate::situation::situation;
use crate::{benchmark, compliance, peers};
use plimsoll_access::Authorizer;
use plimsoll_access::graph::Graph;
use plimsoll_checks::Assessment;
use plimsoll_model::rbac::Defaults;
use plimsoll_model::{Finding, Inventory, Problem, Rule, annotations, exceptions};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::{Settings, World};
use plimsoll_pod_security::{LevelVersion, Policy, Version};
use plimsoll_policy::Policies;
use plimsoll_policy::benchmark::Benchmark;
use plimsoll_report::{Report, Totals};
use rayon::prelude::*;
use std::sync::Arc;

/// What is asked of the engines.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Judge {
    /// All engines; the Pod Security Standards as of a version.
    Everything(Version),
    /// One level of the Pod Security Standards, as admission would judge.
    PodSecurity(LevelVersion),
}

/// The rules of all engines, by id, with those of the policies and benchmarks that the user brought.
pub(crate) fn rules(policies: &Policies, benchmarks: &[Benchmark]) -> Vec<Arc<Rule>> {
    let mut rules: Vec<_> = {
        let built_in =
            [plimsoll_pod_security::rules(), plimsoll_checks::rules(), plimsoll_access::rules(), plimsoll_network::lint::rules()];
        built_in.into_iter().flatten().map(Arc::clone).collect()
    };
    rules.push(Arc::clone(&exceptions::EXPIRED));
    rules.extend(policies.rules().map(Arc::clone));
    rules.extend(benchmarks.iter().flat_map(Benchmark::rules).map(|(_, rule)| Arc::clone(rule)));
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    // A policy that is bound twice is one rule.
    rules.dedup_by(|a, b| a.id == b.id);
    rules
}

/// Everything there is to say of what was read.
pub(crate) fn run(loaded: &Loaded, judge: Judge) -> Report {
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    // The graph is made beside what takes all cores, and gone before the many findings come.
    let of_access = || if let Judge::Everything(_) = judge { access(&inventory, loaded) } else { Vec::new() };
    let (mut findings, mut of_pods) = rayon::join(of_access, || pod_security(&inventory, judge));
    findings.append(&mut of_pods);
    let mut assessment = Assessment::default();
    let mut of_policies = plimsoll_policy::Assessed::default();
    let mut problems = loaded.snapshot.problems.clone();
    if let Judge::Everything(version) = judge {
        let parameters = loaded.parameters.clone();
        let parameters = match version {
            Version::Minor(minor) => parameters.for_kubernetes(u32::try_from(minor).unwrap_or(u32::MAX)),
            Version::Latest => parameters,
        };
        assessment = plimsoll_checks::assess_after(findings, &inventory, &parameters);
        findings = std::mem::take(&mut assessment.findings);
        let mut of_network = network(&inventory, Settings::default());
        findings.append(&mut of_network.findings);
        problems.append(&mut of_network.problems);
        of_policies = loaded.policies.assess(&inventory, &loaded.policy_documents, Some(jiff::Timestamp::now()));
        findings.append(&mut of_policies.findings);
        problems.append(&mut of_policies.problems);
    }
    let mut benchmarks = if let Judge::Everything(_) = judge { benchmark::assess(loaded, &inventory) } else { Vec::new() };
    findings.extend(benchmarks.iter_mut().flat_map(|assessment| std::mem::take(&mut assessment.findings)));
    Finding::conceal_neighbours(&mut findings);
    findings.retain(|finding| loaded.selection.includes(&finding.rule));
    problems.extend(inventory.problems.iter().cloned());
    problems.extend(exceptions::apply(&mut findings, &loaded.snapshot.documents, &loaded.config, today()));
    annotations::apply(&mut findings, &inventory.objects, today(), peers::finds);
    compliance::accept_baseline(&mut findings, &mut problems, &loaded.selection);
    let rules: Vec<Arc<Rule>> =
        rules(&loaded.policies, &loaded.benchmarks).into_iter().filter(|rule| loaded.selection.includes(rule)).collect();
    let mut report = Report { targets: loaded.targets.clone(), findings, problems, rules, totals: totals(&inventory), ..Report::default() };
    if let Judge::Everything(_) = judge {
        compliance::add(&mut report, &inventory, assessment.tallies, &of_policies.tallies, loaded);
        compliance::add_benchmarks(&mut report, benchmarks, loaded);
    }
    compliance::hide_baseline(&mut report, &loaded.selection);
    report
}

/// What is wrong with network policies, and nothing else.
pub(crate) fn of_network(loaded: &Loaded, settings: Settings) -> Report {
    let inventory = Inventory::new(&loaded.snapshot, &loaded.kinds);
    let Network { mut findings, problems: mut of_network } = network(&inventory, settings);
    let mut problems = loaded.snapshot.problems.clone();
    problems.extend(inventory.problems.iter().cloned());
    problems.append(&mut of_network);
    let of_exceptions = exceptions::apply(&mut findings, &loaded.snapshot.documents, &loaded.config, today());
    // That an exception covers nothing says nothing here: it may be for what other engines find.
    problems.extend(of_exceptions.into_iter().filter(|problem| problem.kind.is_error()));
    annotations::apply(&mut findings, &inventory.objects, today(), peers::finds);
    let rules = plimsoll_network::lint::rules().to_vec();
    Report { targets: loaded.targets.clone(), findings, problems, rules, totals: totals(&inventory), ..Report::default() }
}

/// What the engine of the network says.
#[derive(Default)]
struct Network {
    findings: Vec<Finding>,
    problems: Vec<Problem>,
}

fn network(inventory: &Inventory<'_>, settings: Settings) -> Network {
    let mut world = World::new(inventory, settings);
    if world.policies.is_empty() {
        return Network::default();
    }
    let findings = plimsoll_network::lint::findings(&world, &Matrix::new(&world), inventory);
    Network { findings, problems: std::mem::take(&mut world.problems) }
}

/// What rights lead to over several steps. What is wrong with roles and bindings is told by the checks of them.
fn access(inventory: &Inventory<'_>, loaded: &Loaded) -> Vec<Finding> {
    let authorizer = Authorizer::new(inventory, Defaults::Assume);
    let situation = situation(inventory, &loaded.policies, &loaded.policy_documents);
    plimsoll_access::findings(&Graph::new(inventory, &authorizer, &situation))
}

/// The day of today in the local time zone, for the expiry of exceptions.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}

/// What the labels of a namespace ask for; `None` where it has none or is not here.
pub(crate) fn namespace_policy(inventory: &Inventory<'_>, name: &str) -> Option<Policy> {
    let namespace = inventory.find("Namespace", "", name)?;
    let labelled = |mode: &str| namespace.label(&format!("pod-security.kubernetes.io/{mode}")).is_some();
    ["enforce", "audit", "warn"].into_iter().any(labelled).then(|| Policy::of_namespace(&namespace, &Policy::default()).0)
}

fn pod_security(inventory: &Inventory<'_>, judge: Judge) -> Vec<Finding> {
    let own: Vec<_> = inventory.own_workloads().collect();
    own.into_par_iter()
        .flat_map_iter(|workload| match judge {
            Judge::Everything(version) => {
                let enforced = namespace_policy(inventory, workload.object.namespace).map(|policy| policy.enforce);
                plimsoll_pod_security::assess(workload, version, enforced)
            }
            Judge::PodSecurity(policy) => plimsoll_pod_security::findings(workload, policy),
        })
        .collect()
}

fn totals(inventory: &Inventory<'_>) -> Totals {
    let mut sources: Vec<_> = inventory.documents.iter().map(|document| Arc::as_ptr(&document.source)).collect();
    sources.dedup();
    Totals {
        sources: sources.len(),
        documents: inventory.documents.len(),
        objects: inventory.objects.len(),
        workloads: inventory.own_workloads().count(),
        represented: inventory.represented(),
    }
}
