//! What keeps workloads running: resources, probes, labels, references that lead somewhere.

mod autoscalers;
mod budgets;
mod dangling;
mod duplicate_env;
mod env_source;
mod jobs;
mod labels;
mod ports;
mod priority_class;
mod probes;
mod replicas;
mod resources;
mod rolling_update;
mod sandbox;
mod selector_mismatch;
mod stateful_sets;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let tables = [
        autoscalers::ALL,
        budgets::ALL,
        dangling::ALL,
        jobs::ALL,
        labels::ALL,
        ports::ALL,
        probes::ALL,
        replicas::ALL,
        resources::ALL,
        sandbox::ALL,
        stateful_sets::ALL,
        ALL,
    ];
    tables.into_iter().flatten().copied()
}

/// Those with a file of their own.
static ALL: &[&Check] =
    &[&duplicate_env::CHECK, &env_source::CHECK, &priority_class::CHECK, &rolling_update::CHECK, &selector_mismatch::CHECK];
