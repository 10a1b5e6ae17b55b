//! Where ways start and end: `--from` and `--to`.

use super::subject::{alike, identity};
use anyhow::{anyhow, bail};
use plimsoll_access::graph::{Graph, Sink, Vertex};
use plimsoll_model::rbac::{ANONYMOUS, AUTHENTICATED, Identity, MASTERS, SERVICE_ACCOUNTS, UNAUTHENTICATED};

/// The options of commands that ask about ways.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct EndArgs {
    /// Who starts: sa:NAMESPACE/NAME, user:NAME, group:NAME, namespace:NAME for all its service accounts,
    /// workload:NAMESPACE/NAME for code in it, node:NAME, outside; may be given several times.
    #[arg(long, value_name = "SUBJECT")]
    pub(super) from: Vec<String>,
    /// What is reached: system:masters, cluster-admin, control-plane, token-minting, every-secret, node, kube-system-secrets,
    /// cloud-identity, namespace:NAME; may be given several times.
    #[arg(long, value_name = "GOAL")]
    pub(super) to: Vec<String>,
}

impl EndArgs {
    /// The sinks that are asked for.
    pub(super) fn sinks<'s>(&'s self, default: &[Sink<'s>]) -> anyhow::Result<Vec<Sink<'s>>> {
        if self.to.is_empty() {
            return Ok(default.to_vec());
        }
        let mut sinks = Vec::new();
        for name in &self.to {
            let Some(sink) = Sink::parse(name) else {
                let known: Vec<String> = Sink::ALL.iter().map(|sink| sink.name().into_owned()).collect();
                bail!("nothing is called `{name}` that could be reached: one of {}, namespace:NAME", known.join(", "));
            };
            if !sinks.contains(&sink) {
                sinks.push(sink);
            }
        }
        Ok(sinks)
    }

    /// The vertices that are asked about; without `--from`, those that `by_default` says.
    pub(super) fn sources<'a>(&'a self, graph: &Graph<'_, 'a>, by_default: impl Fn(&Vertex<'_>) -> bool) -> anyhow::Result<Vec<u32>> {
        if self.from.is_empty() {
            return Ok((0u32..).zip(&graph.vertices).filter(|(_, vertex)| by_default(vertex)).map(|(at, _)| at).collect());
        }
        let mut sources = Vec::new();
        for subject in &self.from {
            let found: Vec<u32> = vertices(graph, subject)?.iter().filter_map(|vertex| graph.find(vertex)).collect();
            if found.is_empty() {
                return Err(nothing(graph, subject));
            }
            sources.extend(found);
        }
        sources.sort_unstable();
        sources.dedup();
        Ok(sources)
    }

    /// What `--from` names, each of them somebody that something that was read names.
    pub(super) fn known<'a>(&'a self, graph: &Graph<'_, 'a>) -> anyhow::Result<Vec<Vertex<'a>>> {
        for subject in &self.from {
            if !vertices(graph, subject)?.iter().any(|vertex| graph.find(vertex).is_some()) {
                return Err(nothing(graph, subject));
            }
        }
        self.named(graph)
    }

    /// What `--from` names, also who is named by nothing that was read: it may have been by what an audit log shows.
    pub(super) fn named<'a>(&'a self, graph: &Graph<'_, 'a>) -> anyhow::Result<Vec<Vertex<'a>>> {
        let mut named = Vec::new();
        for subject in &self.from {
            let found = vertices(graph, subject)?;
            if found.is_empty() {
                return Err(nothing(graph, subject));
            }
            named.extend(found);
        }
        Ok(named)
    }
}

/// Why nobody starts at `subject`. Silence would say that it reaches nothing; what it has as a member of a group it still has.
fn nothing(graph: &Graph<'_, '_>, subject: &str) -> anyhow::Error {
    anyhow!(
        "nothing that was read names `{subject}`{}; what everybody has starts at `--from group:system:authenticated`",
        alike(graph.authorizer.rbac(), subject)
    )
}

/// What one word means.
fn vertices<'a>(graph: &Graph<'_, 'a>, subject: &'a str) -> anyhow::Result<Vec<Vertex<'a>>> {
    let all = |is: &dyn Fn(&Vertex<'_>) -> bool| graph.vertices.iter().filter(|vertex| is(vertex)).copied().collect();
    Ok(match subject.split_once(':') {
        Some(("namespace", name)) => {
            all(&|vertex| matches!(vertex, Vertex::Identity(Identity::ServiceAccount(namespace, _)) if *namespace == name))
        }
        Some(("workload", path)) => all(&|vertex| {
            let Vertex::Workload(at) = vertex else { return false };
            let is_it = |object: &plimsoll_model::Object<'_>| format!("{}/{}", object.effective_namespace(), object.name) == path;
            graph.workload(*at).is_some_and(|workload| is_it(&workload.object))
        }),
        Some(("node", name)) if !name.is_empty() => vec![Vertex::Machine(name)],
        None if subject == "outside" => vec![Vertex::Outside],
        _ => vec![Vertex::Identity(identity(subject)?)],
    })
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
