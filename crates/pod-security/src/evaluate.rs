//! Evaluation of a pod against a level at a version.

use crate::LevelVersion;
use plimsoll_model::Pod;

/// What one check forbids in a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Upstream's `ForbiddenReason`, byte for byte.
    pub reason: String,
    /// Upstream's `ForbiddenDetail`, byte for byte.
    pub detail: String,
}

/// What `policy` forbids in `pod`, in upstream's order; empty when the pod is allowed.
pub fn evaluate(_pod: &Pod<'_>, _policy: LevelVersion) -> Vec<Forbidden> {
    Vec::new()
}

/// All reasons in one line, as upstream's `AggregateCheckResult.ForbiddenReason`.
pub fn aggregate_reason(forbidden: &[Forbidden]) -> String {
    forbidden.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// All reasons with their details in one line, as upstream's `AggregateCheckResult.ForbiddenDetail`.
pub fn aggregate_detail(forbidden: &[Forbidden]) -> String {
    let one = |one: &Forbidden| if one.detail.is_empty() { one.reason.clone() } else { format!("{} ({})", one.reason, one.detail) };
    forbidden.iter().map(one).collect::<Vec<_>>().join(", ")
}
