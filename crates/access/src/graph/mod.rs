//! The escalation graph: what each identity, workload and node leads to, and by what.
//!
//! Rights are not joined to each other pair by pair: a right in a scope leads to a power over that scope, and the power to
//! what is there, so that the graph grows with the bindings and with the objects, not with their product.

mod build;
mod describe;
mod paths;
mod pods;
pub mod primitive;
mod vertex;

pub use describe::{Fact, Told};
pub use paths::{Hop, Path, Search};
pub(crate) use pods::CAPABILITIES;
pub use vertex::{Condition, Edge, Evidence, Granted, Power, Scope, Setting, Sink, Step, Vertex};

use crate::Authorizer;
use plimsoll_model::rbac::Identity;
use plimsoll_model::{Inventory, Workload};
use std::collections::{BTreeMap, HashMap};

/// What stands against an escalation beside RBAC, as far as other engines say it.
#[derive(Debug, Default, Clone)]
pub struct Situation {
    /// What refuses a privileged pod, by namespace: admission policies that were evaluated.
    pub refusals: BTreeMap<String, String>,
}

/// The graph.
pub struct Graph<'g, 'a> {
    /// What it was made of.
    pub authorizer: &'g Authorizer<'a>,
    /// The objects that it was made of.
    pub inventory: &'g Inventory<'a>,
    /// The vertices; edges name them by their place.
    pub vertices: Vec<Vertex<'a>>,
    /// The edges, those that are blocked among them.
    pub edges: Vec<Edge<'a>>,
    ids: HashMap<Vertex<'a>, u32>,
    /// The edges into each vertex: where they start in `into`, by the vertex' place.
    into_from: Vec<u32>,
    into: Vec<u32>,
}

impl<'g, 'a> Graph<'g, 'a> {
    /// Builds it.
    pub fn new(inventory: &'g Inventory<'a>, authorizer: &'g Authorizer<'a>, situation: &Situation) -> Self {
        let mut graph = build::graph(inventory, authorizer, situation);
        graph.index();
        graph
    }

    /// Sorts the edges by where they lead.
    #[expect(clippy::cast_possible_truncation, reason = "documents hold fewer than 2^32 nodes in all")]
    fn index(&mut self) {
        let mut counts = vec![0u32; self.vertices.len() + 1];
        for edge in &self.edges {
            counts.get_mut(edge.to as usize + 1).into_iter().for_each(|count| *count += 1);
        }
        for at in 1..counts.len() {
            let before = counts.get(at - 1).copied().unwrap_or_default();
            counts.get_mut(at).into_iter().for_each(|count| *count += before);
        }
        let mut free = counts.clone();
        self.into = vec![0; self.edges.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            if let Some(place) = free.get_mut(edge.to as usize) {
                self.into.get_mut(*place as usize).into_iter().for_each(|slot| *slot = at as u32);
                *place += 1;
            }
        }
        self.into_from = counts;
    }

    /// The edges into a vertex, with their places.
    pub fn edges_into(&self, vertex: u32) -> impl Iterator<Item = (u32, &Edge<'a>)> {
        let bound = |at: usize| self.into_from.get(at).copied().unwrap_or_default() as usize;
        let places = self.into.get(bound(vertex as usize)..bound(vertex as usize + 1)).unwrap_or_default();
        places.iter().filter_map(|at| Some((*at, self.edges.get(*at as usize)?)))
    }

    /// The place of a vertex.
    pub fn find(&self, vertex: &Vertex<'_>) -> Option<u32> {
        self.ids.get(vertex).copied()
    }

    /// The vertex at a place.
    pub fn vertex(&self, at: u32) -> Option<Vertex<'a>> {
        self.vertices.get(at as usize).copied()
    }

    /// The workload at its place in the inventory.
    pub fn workload(&self, at: u32) -> Option<&'g Workload<'a>> {
        self.inventory.workloads.get(at as usize)
    }

    /// The identities in it, in order.
    pub fn identities(&self) -> Vec<Identity<'a>> {
        let mut identities: Vec<Identity<'a>> = self
            .vertices
            .iter()
            .filter_map(|vertex| if let Vertex::Identity(identity) = vertex { Some(*identity) } else { None })
            .collect();
        identities.sort_unstable();
        identities
    }

    /// A vertex as a person would call it.
    pub fn name(&self, vertex: &Vertex<'a>) -> String {
        match vertex {
            Vertex::Outside => "whoever reaches the cluster from outside".to_owned(),
            Vertex::Identity(identity) => identity.to_string(),
            Vertex::Role(role, scope) => {
                let role = self.authorizer.rbac().roles.get(*role as usize);
                role.map_or_else(String::new, |role| format!("{} {} in {scope}", role.object.kind, role.object.name))
            }
            Vertex::Workload(at) => self.workload(*at).map_or_else(String::new, |workload| {
                let object = &workload.object;
                format!("{} {}/{}", object.kind, object.effective_namespace(), object.name)
            }),
            Vertex::Machine("") => "the node it runs on".to_owned(),
            Vertex::Machine(name) => format!("node {name}"),
            Vertex::Cloud("*") => "a cloud identity of one's choice".to_owned(),
            Vertex::Cloud(name) => format!("cloud identity {name}"),
            Vertex::Power(power, scope) => match (power, scope) {
                (Power::Everything, Scope::Cluster) => "cluster-admin".to_owned(),
                (Power::Everything, scope) => format!("everything in {scope}"),
                (Power::Accounts, scope) => format!("any service account in {scope}"),
                (Power::Users, _) => "any user".to_owned(),
                (Power::Groups, _) => "any group".to_owned(),
                (Power::Code, scope) => format!("code in any pod in {scope}"),
                (Power::HostPods, scope) => format!("privileged pods in {scope}"),
                (Power::Secrets, scope) => format!("all Secrets in {scope}"),
                (Power::Machines, _) => "root on any node".to_owned(),
                (Power::Nodes, _) => "any node's identity".to_owned(),
                (Power::ControlPlane, _) => "root on the control plane".to_owned(),
            },
        }
    }
}
