//! The fewest policies that let through what is needed, and a proof of what they let through.
//!
//! What is needed comes from what was observed, from what manifests declare, or from what another set of policies allows. Out of it come
//! NetworkPolicies v1: a default deny in each namespace, and what each workload needs beyond it, with labels that stay and with the names
//! of ports. They are read again and asked like any others, so that what is said of them is what they do.

mod declared;
mod draft;
mod needs;
mod prove;
mod selectors;

pub use declared::{Mention, dns_servers, dns_traffic};
pub use needs::{Need, Needs, Party};
pub use prove::{Proof, Unmet};
pub use selectors::is_lasting;

use crate::listing::Workload;
use crate::world::World;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Policies for what is needed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// The workloads that the proof names, by their places.
    pub workloads: Vec<Workload>,
    /// The policies, as they are applied.
    pub objects: Vec<Json>,
    /// What they let through.
    pub proof: Proof,
}

/// How policies are made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name all workloads of a namespace as such, and all namespaces: those that come later are among them. Without it, only those that
    /// are there.
    pub whole: bool,
    /// The namespaces, by name, that get policies, and whose slack counts; without it all that have workloads.
    pub namespaces: Option<BTreeSet<String>>,
}

impl Suggestion {
    /// For a world, whatever its policies are.
    pub fn new(world: &World<'_>, needs: &Needs, options: &Options) -> Self {
        let objects = draft::objects(world, needs, options);
        let proof = prove::prove(world, needs, &objects, options);
        Self { workloads: Workload::all(world), objects, proof }
    }
}

/// What an existing set of policies makes of needs.
pub fn check(world: &World<'_>, needs: &Needs, options: &Options) -> Proof {
    prove::of(world, needs, options)
}
