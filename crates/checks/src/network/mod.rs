//! What is exposed, and to whom.

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[];
