//! All checks, found by what they look at.

use crate::check::{Check, Run};
use crate::reporter::Reporter;
use crate::{cloud, cluster, control_plane, host, image, isolation, network, pod, rbac, reliability, secrets};
use plimsoll_model::{Object, Rule};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The prefix of each domain's ids, and its directory under `src` and `fixtures`.
pub const DOMAINS: &[(&str, &str)] = &[
    ("CLOUD", "cloud"),
    ("CLU", "cluster"),
    ("CTL", "control_plane"),
    ("HOST", "host"),
    ("IMG", "image"),
    ("ISO", "isolation"),
    ("NET", "network"),
    ("POD", "pod"),
    ("RBAC", "rbac"),
    ("REL", "reliability"),
    ("SEC", "secrets"),
];

/// The checks, their rules, and which of them to ask.
pub(crate) struct Registry {
    pub(crate) checks: Vec<&'static Check>,
    rules: Vec<Arc<Rule>>,
    workloads: Vec<usize>,
    grants: Vec<usize>,
    processes: Vec<usize>,
    kubelets: Vec<usize>,
    /// By kind, then group: `*` is under the empty kind.
    objects: HashMap<&'static str, Vec<(&'static str, usize)>>,
}

type LookAtObject = fn(&Object<'_>, &mut Reporter<'_, '_>);

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

pub(crate) fn registry() -> &'static Registry {
    &REGISTRY
}

/// All built-in checks, sorted by id.
pub fn checks() -> &'static [&'static Check] {
    &REGISTRY.checks
}

/// The rules that their findings carry, in the same order.
pub fn rules() -> &'static [Arc<Rule>] {
    &REGISTRY.rules
}

impl Registry {
    fn new() -> Self {
        let domains = [image::ALL, pod::ALL, secrets::ALL];
        let mut checks: Vec<&'static Check> = domains.into_iter().flatten().copied().collect();
        checks.extend(control_plane::all());
        checks.extend(cloud::all());
        checks.extend(cluster::all());
        checks.extend(host::all());
        checks.extend(isolation::all());
        checks.extend(network::all());
        checks.extend(rbac::all());
        checks.extend(reliability::all());
        checks.sort_by_key(|check| check.id);
        Self::of(checks)
    }

    /// A registry of these checks alone.
    pub(crate) fn of(checks: Vec<&'static Check>) -> Self {
        let mut registry = Self {
            rules: checks.iter().map(|check| Arc::new(rule(check))).collect(),
            checks,
            workloads: Vec::new(),
            grants: Vec::new(),
            processes: Vec::new(),
            kubelets: Vec::new(),
            objects: HashMap::new(),
        };
        for (at, check) in registry.checks.iter().enumerate() {
            match check.run {
                Run::Workload(_) | Run::Container(_) => registry.workloads.push(at),
                Run::Grant(_) => registry.grants.push(at),
                Run::Process(..) => registry.processes.push(at),
                Run::Kubelet(_) => registry.kubelets.push(at),
                Run::Object(kinds, _) => {
                    for kind in kinds {
                        let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
                        registry.objects.entry(if kind == "*" { "" } else { kind }).or_default().push((group, at));
                    }
                }
            }
        }
        registry
    }

    /// The checks of workloads and containers.
    pub(crate) fn of_workloads(&self) -> impl Iterator<Item = (usize, &Arc<Rule>, Run)> {
        self.those(&self.workloads)
    }

    pub(crate) fn of_grants(&self) -> impl Iterator<Item = (usize, &Arc<Rule>, Run)> {
        self.those(&self.grants)
    }

    pub(crate) fn of_processes(&self) -> impl Iterator<Item = (usize, &Arc<Rule>, Run)> {
        self.those(&self.processes)
    }

    pub(crate) fn of_kubelets(&self) -> impl Iterator<Item = (usize, &Arc<Rule>, Run)> {
        self.those(&self.kubelets)
    }

    pub(crate) fn of_object<'s>(&'s self, object: &Object<'s>) -> impl Iterator<Item = (usize, &'s Arc<Rule>, LookAtObject)> {
        self.of_kind(object.group(), object.kind).chain(self.of_kind("*", ""))
    }

    /// Without those that look at objects of every kind.
    pub(crate) fn of_kind<'s>(&'s self, group: &'s str, kind: &str) -> impl Iterator<Item = (usize, &'s Arc<Rule>, LookAtObject)> {
        let of_kind = self.objects.get(kind).into_iter().flatten().filter(move |(wanted, _)| group == "*" || *wanted == group);
        of_kind.filter_map(|(_, at)| self.looking(*at))
    }

    fn looking(&self, at: usize) -> Option<(usize, &Arc<Rule>, LookAtObject)> {
        let (check, rule) = self.checks.get(at).zip(self.rules.get(at))?;
        if let Run::Object(_, look) = check.run { Some((at, rule, look)) } else { None }
    }

    fn those<'s>(&'s self, which: &'s [usize]) -> impl Iterator<Item = (usize, &'s Arc<Rule>, Run)> {
        which.iter().filter_map(|at| Some((*at, self.rules.get(*at)?, self.checks.get(*at)?.run)))
    }
}

fn rule(check: &'static Check) -> Rule {
    Rule {
        id: Cow::Borrowed(check.id),
        title: Cow::Borrowed(check.title),
        severity: check.severity,
        docs: Cow::Borrowed(check.docs.trim()),
        references: Cow::Borrowed(check.references),
    }
}
