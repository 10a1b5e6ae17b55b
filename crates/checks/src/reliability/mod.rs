//! What keeps workloads running: resources, probes, labels, references that lead somewhere.

mod dangling;
mod duplicate_env;
mod labels;
mod probes;
mod resources;
mod rolling_update;
mod sandbox;
mod selector_mismatch;

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [dangling::ALL, labels::ALL, probes::ALL, resources::ALL, sandbox::ALL, ALL].into_iter().flatten().copied()
}

/// Those with a file of their own.
static ALL: &[&Check] = &[&duplicate_env::CHECK, &rolling_update::CHECK, &selector_mismatch::CHECK];
