//! Credentials in the open, and Secrets in reach.

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[];
