//! Names of workloads: as users give them, and as answers say many of them.

use anyhow::bail;
use plimsoll_network::World;
use plimsoll_network::listing::Workload;
use std::collections::{BTreeMap, BTreeSet};

/// The endpoints that a user means by `name`, `namespace/name`, `namespace/` or `namespace/Kind/name`.
pub(super) fn find(world: &World<'_>, wanted: &str) -> anyhow::Result<BTreeSet<usize>> {
    let parts: Vec<_> = wanted.split('/').collect();
    let (namespace, kind, name) = match parts.as_slice() {
        [name] => (None, None, *name),
        [namespace, name] => (Some(*namespace), None, *name),
        [namespace, kind, name] => (Some(*namespace), Some(*kind), *name),
        _ => bail!("`{wanted}` is no workload; it is written `namespace/name` or `namespace/Kind/name`"),
    };
    let found: BTreeSet<usize> = world
        .endpoints
        .iter()
        .enumerate()
        .filter(|(_, endpoint)| {
            namespace.is_none_or(|namespace| world.namespace_of(endpoint).name == namespace)
                && kind.is_none_or(|kind| endpoint.kind.eq_ignore_ascii_case(kind))
                && (name.is_empty() || endpoint.name == name)
        })
        .map(|(at, _)| at)
        .collect();
    if found.is_empty() {
        bail!("no workload is called `{wanted}` among what was read; `plimsoll net list` names them");
    }
    Ok(found)
}

/// A workload's name: `shop/web`.
pub(super) fn name(workload: &Workload) -> String {
    let Workload { namespace, name, variant, .. } = workload;
    if variant.is_empty() { format!("{namespace}/{name}") } else { format!("{namespace}/{name}{{{variant}}}") }
}

/// Many workloads in few words: `all workloads`, `shop/*`, `shop/{cart, web}`.
pub(super) struct Names<'l> {
    workloads: &'l [Workload],
    in_namespace: BTreeMap<&'l str, usize>,
}

impl<'l> Names<'l> {
    pub(super) fn new(workloads: &'l [Workload]) -> Self {
        let mut in_namespace = BTreeMap::new();
        for workload in workloads {
            *in_namespace.entry(workload.namespace.as_str()).or_default() += 1;
        }
        Self { workloads, in_namespace }
    }

    /// The words for some of the workloads, by namespace.
    pub(super) fn words(&self, some: &[usize]) -> Vec<String> {
        if some.len() == self.workloads.len() && some.len() > 1 {
            return vec!["all workloads".to_owned()];
        }
        let mut by_namespace: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
        for workload in some.iter().filter_map(|at| self.workloads.get(*at)) {
            by_namespace.entry(&workload.namespace).or_default().push(workload);
        }
        let words = by_namespace.into_iter().map(|(namespace, list)| match list.as_slice() {
            [one] => name(one),
            list if self.in_namespace.get(namespace) == Some(&list.len()) => format!("{namespace}/*"),
            list => {
                let short = |workload: &&Workload| match workload.variant.as_str() {
                    "" => workload.name.clone(),
                    variant => format!("{}{{{variant}}}", workload.name),
                };
                format!("{namespace}/{{{}}}", list.iter().map(short).collect::<Vec<_>>().join(", "))
            }
        });
        words.collect()
    }
}
