//! What keeps workloads running: resources, probes, budgets, references that lead somewhere.

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[];
