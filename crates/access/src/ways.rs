//! The ways to what attackers are after, as an answer: from whom, to what, by which steps.

use crate::answer::{Place, SCHEMA_VERSION, Who};
use crate::graph::{Graph, Path, Search, Sink, Step, Told, Vertex};
use plimsoll_model::rbac::is_bootstrapped;
use schemars::JsonSchema;
use serde::Serialize;

/// The ways that are open, or were.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plimsoll access paths")]
pub struct Ways {
    /// The version of this form.
    pub schema_version: u32,
    /// In order of what they lead to, the worst first, then of whom they lead from.
    pub paths: Vec<Way>,
    /// From sources that were asked for and reach nothing: the ways that there would be if something that was read did not stop them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Way>,
    /// Whether the roles and bindings that every API server makes were taken as given.
    pub defaults_assumed: bool,
    /// Whether there are no others, as far as was looked: everything was read, and no role is missing.
    pub complete: bool,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// One way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// Where it starts, in words.
    pub from: String,
    /// The identity that it starts with, where it starts with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Who>,
    /// What it reaches, as `--to` takes it.
    pub to: String,
    /// How many of its steps rest on something that was not read.
    pub assumptions: usize,
    /// Its steps in order.
    pub steps: Vec<WayStep>,
    /// When it was open, by the audit log; absent without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Opening>,
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayStep {
    /// The stable name of what is done.
    pub name: String,
    /// The technique of MITRE ATT&CK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// Who does it, or where.
    pub from: String,
    /// What is done, after a subject.
    pub does: String,
    /// What comes of it, one thing after the other.
    pub to: Vec<String>,
    /// What shows it.
    pub because: Vec<Because>,
    /// What was not read and is taken to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumes: Option<String>,
    /// What was read and stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
}

/// Something that was read and shows a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// In words.
    pub text: String,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A time during which a way was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// What opened it; absent where it was open when the log begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Turn>,
    /// What closed it; absent where it is open when the log ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Turn>,
}

/// A request that changed who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub user: String,
    /// What: `create ClusterRoleBinding x`.
    pub request: String,
    /// Where the log says so.
    pub place: String,
}

/// Where ways start and what they lead to.
#[derive(Debug, Clone, Default)]
pub struct Asked<'s> {
    /// From these; without any, from all that something was given to that Kubernetes does not give by itself.
    pub sources: Vec<Vertex<'s>>,
    /// To these; without any, to the worst that each source reaches.
    pub sinks: Vec<Sink<'s>>,
}

/// The ways that are open in a graph.
pub fn ways(graph: &Graph<'_, '_>, asked: &Asked<'_>, is_complete: bool) -> Ways {
    let rbac = graph.authorizer.rbac();
    let mut paths: Vec<Way> = shortest(graph, asked).iter().map(|path| Way::of(graph, path)).collect();
    paths.sort_by_key(|way| (rank(&way.to), way.from.clone()));
    Ways {
        schema_version: SCHEMA_VERSION,
        paths,
        stopped: stopped(graph, asked),
        defaults_assumed: rbac.has_assumed,
        complete: is_complete && rbac.bindings.iter().all(|binding| binding.role.is_some()),
        notes: Vec::new(),
    }
}

/// Ways that would be open but for something that was read, from sources that were asked for and reach nothing.
fn stopped(graph: &Graph<'_, '_>, asked: &Asked<'_>) -> Vec<Way> {
    let sinks = if asked.sinks.is_empty() { &Sink::ALL[..] } else { &asked.sinks };
    let of = |source: u32| {
        let is_open = sinks.iter().any(|sink| Search::new(graph, *sink, |_, _| false).reaches(source));
        let mut found = sinks.iter().filter_map(|sink| Search::past_blocks(graph, *sink).path(graph, source));
        found.next().filter(|_| !is_open)
    };
    let sources = asked.sources.iter().filter_map(|source| graph.find(source));
    sources.filter_map(of).map(|path| Way::of(graph, &path)).collect()
}

/// How bad a sink is, the worst first.
pub(crate) fn rank(sink: &str) -> usize {
    Sink::ALL.iter().position(|one| one.name() == sink).unwrap_or(Sink::ALL.len())
}

/// The shortest way from each source to what is asked for.
pub(crate) fn shortest<'s>(graph: &Graph<'_, '_>, asked: &Asked<'s>) -> Vec<Path<'s>> {
    let sinks = if asked.sinks.is_empty() { Sink::ALL.to_vec() } else { asked.sinks.clone() };
    let searches: Vec<Search<'_>> = sinks.iter().map(|sink| Search::new(graph, *sink, |_, _| false)).collect();
    let mut paths = Vec::new();
    let mut add = |source: u32, is_wanted: &dyn Fn(&Path<'_>) -> bool| {
        let found = searches.iter().filter_map(|search| search.path(graph, source)).filter(|path| is_wanted(path));
        // Of all sinks, the first is the worst; those that are asked for are all wanted.
        paths.extend(found.take(if asked.sinks.is_empty() { 1 } else { usize::MAX }));
    };
    if asked.sources.is_empty() {
        for identity in graph.identities() {
            if let Some(source) = graph.find(&Vertex::Identity(identity)) {
                add(source, &|path| starts_with_a_grant(graph, path));
            }
        }
    } else {
        asked.sources.iter().filter_map(|source| graph.find(source)).for_each(|source| add(source, &|_| true));
    }
    paths
}

/// Whether a way starts with something that was given to the source itself, and not by Kubernetes.
fn starts_with_a_grant(graph: &Graph<'_, '_>, path: &Path<'_>) -> bool {
    match graph.first_grant(path) {
        Some((binding, _)) => {
            let binding = graph.authorizer.rbac().bindings.get(binding as usize);
            binding.is_some_and(|binding| !binding.is_default && !is_bootstrapped(&binding.object))
        }
        // To be in a group is given to the group; an annotation, or a place in a pod, is given to whom it is about.
        None => path.hops.first().and_then(|hop| graph.edge(*hop.edges.first()?)).is_some_and(|edge| !matches!(edge.step, Step::Implied)),
    }
}

impl Way {
    pub(crate) fn of(graph: &Graph<'_, '_>, path: &Path<'_>) -> Self {
        let source = graph.vertex(path.source);
        let subject = match source {
            Some(Vertex::Identity(identity)) => Some(Who::of(identity)),
            _ => None,
        };
        Self {
            from: source.map(|vertex| graph.name(&vertex)).unwrap_or_default(),
            subject,
            to: path.sink.name().into_owned(),
            assumptions: path.assumptions,
            steps: graph.tell(path).into_iter().map(WayStep::of).collect(),
            open: Vec::new(),
        }
    }
}

impl WayStep {
    fn of(told: Told<'_>) -> Self {
        let because = told.facts.into_iter().map(|fact| Because {
            text: fact.text,
            place: fact.location.map(|location| {
                let start = location.start();
                Place { file: location.source.name.clone(), line: start.line, column: start.column }
            }),
        });
        Self {
            name: told.name.to_owned(),
            technique: told.technique.map(str::to_owned),
            from: told.from,
            does: told.does,
            to: told.to,
            because: because.collect(),
            assumes: told.assumes,
            stopped_by: told.stopped_by,
        }
    }
}
