//! The suites of the network: probes between pods, and what a peer's own tests expect.

mod np_guard;
mod probes;

pub(super) use np_guard::list;
pub(super) use probes::{cluster_network_policy, cyclonus, kubernetes};
