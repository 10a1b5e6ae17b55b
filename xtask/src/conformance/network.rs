//! The suites of the network: probes between pods, and what a peer's own tests expect.

mod np_guard;
mod probes;
mod round_trip;

pub(super) use np_guard::{diff, explain, list};
pub(super) use probes::{cluster_network_policy, cyclonus, kubernetes};
pub(super) use round_trip::round_trip;
