//! How pods are confined, beyond the Pod Security Standards.

mod host_path_writable;

use crate::check::Check;

/// Sorted by id.
pub(crate) static ALL: &[&Check] = &[&host_path_writable::CHECK];
