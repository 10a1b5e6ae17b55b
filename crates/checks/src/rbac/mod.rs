//! What roles grant, and to whom.

mod create_pods;

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[&create_pods::CHECK];
