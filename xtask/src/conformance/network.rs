//! The suites of the network: probes between pods, and what a peer's own tests expect.

mod probes;

pub(super) use probes::{cluster_network_policy, cyclonus, kubernetes};
