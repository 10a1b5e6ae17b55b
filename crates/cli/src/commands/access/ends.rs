//! Where ways start and end: `--from` and `--to`.

use anyhow::{anyhow, bail};
use plimsoll_access::graph::{Graph, Sink, Vertex};
use plimsoll_model::rbac::{ANONYMOUS, AUTHENTICATED, Identity, MASTERS, SERVICE_ACCOUNTS, UNAUTHENTICATED};

/// The options of commands that ask about ways.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct EndArgs {
    /// Who starts; may be given several times: sa:NAMESPACE/NAME, user:NAME, group:NAME, namespace:NAME for all its service
    /// accounts, a workload as KIND:NAMESPACE/NAME, node:NAME, or outside.
    #[arg(long, value_name = "SUBJECT")]
    pub(super) from: Vec<String>,
    /// What is reached; may be given several times: system:masters, cluster-admin, control-plane, token-minting, every-secret,
    /// node, kube-system-secrets, cloud-identity, namespace:NAME.
    #[arg(long, value_name = "GOAL")]
    pub(super) to: Vec<String>,
}

impl EndArgs {
    /// The sinks that are asked for.
    pub(super) fn sinks<'s>(&'s self, default: &[Sink<'s>]) -> anyhow::Result<Vec<Sink<'s>>> {
        if self.to.is_empty() {
            return Ok(default.to_vec());
        }
        self.to.iter().map(|text| Sink::parse(text)).collect::<Result<_, _>>().map_err(|error| anyhow!(error))
    }

    /// The vertices that are asked about, by their places; without `--from`, those that `by_default` says.
    pub(super) fn sources(&self, graph: &Graph<'_, '_>, by_default: impl Fn(&Vertex<'_>) -> bool) -> anyhow::Result<Vec<u32>> {
        let places = |is: &dyn Fn(&Vertex<'_>) -> bool| -> Vec<u32> {
            (0u32..).zip(&graph.vertices).filter(|(_, vertex)| is(vertex)).map(|(at, _)| at).collect()
        };
        if self.from.is_empty() {
            return Ok(places(&by_default));
        }
        let mut found = Vec::new();
        for text in &self.from {
            let here = match text.strip_prefix("namespace:") {
                Some(name) => places(&|vertex| matches!(vertex, Vertex::Identity(Identity::ServiceAccount(one, _)) if *one == name)),
                None => {
                    let source = match graph.workload_called(text) {
                        Some(workload) => workload,
                        None => Vertex::parse(text).map_err(|error| anyhow!(error))?,
                    };
                    places(&|vertex| *vertex == source)
                }
            };
            if here.is_empty() {
                bail!("nothing that was read names `{text}`: no way starts there");
            }
            found.extend(here);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// Whether somebody is looked at unless said otherwise: whoever is not a part of Kubernetes itself.
pub(super) fn is_of_users(vertex: &Vertex<'_>) -> bool {
    match vertex {
        Vertex::Outside => true,
        Vertex::Identity(Identity::ServiceAccount(namespace, _)) => *namespace != "kube-system",
        Vertex::Identity(Identity::User(name)) => !name.starts_with("system:") || *name == ANONYMOUS,
        Vertex::Identity(Identity::Group(name)) => {
            let is_everybody = [AUTHENTICATED, UNAUTHENTICATED, SERVICE_ACCOUNTS].contains(name);
            *name != MASTERS
                && (!name.starts_with("system:") || is_everybody || name.starts_with("system:serviceaccounts:"))
                && *name != "system:serviceaccounts:kube-system"
        }
        _ => false,
    }
}

/// Those of them that nobody means to be administrators: users and groups of people are left out.
pub(super) fn is_machine_or_everybody(vertex: &Vertex<'_>) -> bool {
    let is_person = match vertex {
        Vertex::Identity(Identity::User(name) | Identity::Group(name)) => !name.starts_with("system:"),
        Vertex::Outside => true,
        _ => false,
    };
    is_of_users(vertex) && !is_person
}
