//! Who may talk to whom, why, and what a change would break.
//!
//! Pure: objects in, answers out. [`World`] is what is connected and the policies about it, of all kinds as one ([`policy`]);
//! [`World::between`] decides about one pair and says why; [`matrix`] decides about all pairs at once, at a cost that grows with
//! how many workloads behave differently and not with how many there are.

pub mod addresses;
pub mod can;
mod decide;
pub mod derivation;
pub mod diff;
pub mod entrances;
pub mod explain;
pub mod flows;
pub mod lint;
pub mod listing;
pub mod matrix;
pub mod networks;
pub mod policy;
pub mod ranges;
pub mod selector;
pub mod services;
mod split;
pub mod suggest;
pub mod traffic;
pub mod what_if;
mod world;

pub use addresses::{Addresses, Cidr};
pub use decide::{Decision, End, Reason, is_domain};
pub use traffic::{Protocol, Traffic};
pub use world::{ClusterNode, Endpoint, HostNetwork, Loopback, METADATA_NAME, Namespace, PodAddresses, Port, Settings, World};

/// The JSON schemas of the answers, by the name of their question.
pub fn json_schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("can", schemars::schema_for!(can::Can).to_value()),
        ("explain", schemars::schema_for!(explain::Explanation).to_value()),
        ("diff", schemars::schema_for!(diff::Diff).to_value()),
        ("list", schemars::schema_for!(listing::Listing).to_value()),
        ("suggest", schemars::schema_for!(suggest::Suggestion).to_value()),
        ("what-if", schemars::schema_for!(what_if::WhatIf).to_value()),
    ]
}
