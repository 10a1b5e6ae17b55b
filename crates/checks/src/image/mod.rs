//! What images workloads run.

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[];
