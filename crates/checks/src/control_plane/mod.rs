//! Flags of the control plane's components.

use crate::check::Check;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [].into_iter()
}
