//! The escalation graph as a picture: the shortest ways, with what goes the same way folded into one.

use plimsoll_access::graph::{Graph, Hop, Power, Scope, Search, Sink, Vertex};
use plimsoll_model::rbac::{Identity, MASTERS};
use plimsoll_report::diagram::{Diagram, Edge, Group, Node};
use std::collections::{BTreeMap, BTreeSet};

/// So many nodes with ways of their own are drawn below headings of their namespaces; more are folded over namespaces.
const APART: usize = 24;
/// So many facts are kept for an edge.
const FACTS: usize = 40;

/// What one thing leads to, by what: vertices by their places.
type Leads = (u32, u32, &'static str);

#[derive(Default)]
struct Drawn {
    steps: BTreeMap<Leads, Told>,
    sources: BTreeSet<u32>,
    /// How many sources reach each sink, by its place.
    reached: BTreeMap<usize, usize>,
}

#[derive(Default)]
struct Told {
    facts: BTreeSet<String>,
    is_sure: bool,
}

/// Draws the ways from `sources` to `sinks`.
pub(super) fn picture(graph: &Graph<'_, '_>, sources: &[u32], sinks: &[Sink<'_>]) -> Diagram {
    let mut sinks = sinks.to_vec();
    // Who is in one is the other.
    if sinks.contains(&Sink::ClusterAdmin) {
        sinks.retain(|sink| *sink != Sink::Masters);
    }
    sinks.sort_unstable_by_key(|sink| (std::cmp::Reverse(sink.severity()), Sink::ALL.iter().position(|one| one == sink)));
    let drawn = ways(graph, sources, &sinks);
    let apart = classes(graph, &drawn, &sinks, true);
    let count = |classes: &BTreeMap<u32, usize>| drawn.sources.iter().filter_map(|at| classes.get(at)).collect::<BTreeSet<_>>().len();
    let is_apart = count(&apart) <= APART;
    let classes = if is_apart { apart } else { self::classes(graph, &drawn, &sinks, false) };
    let folded = Folded { graph, drawn: &drawn, sinks: &sinks, classes: &classes, is_apart };
    folded.diagram(sources.len())
}

/// The administrators' group stands for what it comes to.
fn canonical(graph: &Graph<'_, '_>, at: u32) -> u32 {
    let is_masters = graph.vertex(at) == Some(Vertex::Identity(Identity::Group(MASTERS)));
    let admin = graph.find(&Vertex::Power(Power::Everything, Scope::Cluster)).filter(|_| is_masters);
    admin.unwrap_or(at)
}

fn ways(graph: &Graph<'_, '_>, sources: &[u32], sinks: &[Sink<'_>]) -> Drawn {
    let searches: Vec<Search<'_>> = sinks.iter().map(|sink| Search::new(graph, *sink, |_, _| false)).collect();
    let mut drawn = Drawn::default();
    for source in sources {
        let (mut passed, mut done): (BTreeSet<u32>, BTreeSet<u32>) = Default::default();
        for (at, (sink, search)) in sinks.iter().zip(&searches).enumerate() {
            if graph.vertex(*source).is_some_and(|vertex| sink.is(&vertex)) {
                continue;
            }
            let Some(path) = search.path(graph, *source) else { continue };
            // What comes along with what is drawn is no way of its own.
            let is_passed = path.hops.iter().all(|hop| done.contains(&hop.step));
            // Who has the cluster has all else: no further way is worth a line.
            let has_all = passed.iter().any(|at| graph.vertex(*at) == Some(Vertex::Power(Power::Everything, Scope::Cluster)));
            if !has_all {
                *drawn.reached.entry(at).or_default() += 1;
            }
            if is_passed || has_all {
                continue;
            }
            drawn.sources.insert(*source);
            for hop in &path.hops {
                let ends = (hop.edges.first().and_then(|at| graph.edge(*at)), hop.edges.last().and_then(|at| graph.edge(*at)));
                let (Some(first), Some(last)) = ends else { continue };
                let (from, to) = (canonical(graph, first.from), canonical(graph, last.to));
                passed.extend(hop.edges.iter().filter_map(|at| graph.edge(*at)).map(|edge| canonical(graph, edge.to)));
                done.insert(hop.step);
                let name = graph.edge(hop.step).map_or("", |edge| edge.step.name());
                let told = drawn.steps.entry((from, to, name)).or_default();
                told.is_sure |= hop.edges.iter().all(|at| graph.edge(*at).is_some_and(|edge| edge.condition.is_none()));
                told.facts.insert(fact(graph, hop));
            }
        }
    }
    drawn
}

/// One step in words: who, by what, and where that stands.
fn fact(graph: &Graph<'_, '_>, hop: &Hop) -> String {
    let Some(told) = graph.tell_hop(hop) else { return String::new() };
    let because = told.facts.iter().map(|fact| match &fact.location {
        Some(place) => format!("{} ({}:{})", fact.text, place.source.name, place.start().line),
        None => fact.text.clone(),
    });
    let mut parts: Vec<String> = because.collect();
    parts.extend(told.assumes.map(|assumed| format!("if {assumed}")));
    let by = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    format!("{} {}{by}", told.from, told.does)
}

/// Which vertices are drawn as one: those of a kind that lead to the same by the same (bisimulation, by refining).
fn classes(graph: &Graph<'_, '_>, drawn: &Drawn, sinks: &[Sink<'_>], is_apart: bool) -> BTreeMap<u32, usize> {
    let mut out: BTreeMap<u32, Vec<(&str, u32)>> = BTreeMap::new();
    for (from, to, name) in drawn.steps.keys() {
        out.entry(*from).or_default().push((name, *to));
        out.entry(*to).or_default();
    }
    let number = |keys: BTreeMap<u32, String>| -> BTreeMap<u32, usize> {
        let known: BTreeMap<&String, usize> =
            keys.values().collect::<BTreeSet<_>>().into_iter().enumerate().map(|(at, key)| (key, at)).collect();
        keys.iter().filter_map(|(at, key)| Some((*at, *known.get(key)?))).collect()
    };
    let kind = |at: u32| {
        let vertex = graph.vertex(at);
        let sink = vertex.and_then(|vertex| sinks.iter().position(|sink| sink.is(&vertex)));
        let is_source = drawn.sources.contains(&at);
        let group = vertex.filter(|_| is_source && is_apart).map(|vertex| heading(&vertex, true).1).unwrap_or_default();
        format!("{sink:?} {is_source} {} {group}", vertex.map(|vertex| tag(&vertex)).unwrap_or_default())
    };
    let mut classes = number(out.keys().map(|at| (*at, kind(*at))).collect());
    let mut count = 0;
    loop {
        let distinct = classes.values().collect::<BTreeSet<_>>().len();
        if distinct == count {
            return classes;
        }
        count = distinct;
        let signature = |at: &u32| {
            let mut ways: Vec<_> = out.get(at).into_iter().flatten().map(|(name, to)| (*name, classes.get(to))).collect();
            ways.sort_unstable();
            ways.dedup();
            format!("{:?} {ways:?}", classes.get(at))
        };
        classes = number(out.keys().map(|at| (*at, signature(at))).collect());
    }
}

/// What things have in common that may be drawn as one.
fn tag(vertex: &Vertex<'_>) -> String {
    match vertex {
        Vertex::Outside => "outside".to_owned(),
        Vertex::Identity(identity) => identity.kind().to_owned(),
        Vertex::Role(..) => "role".to_owned(),
        Vertex::Workload(_) => "workload".to_owned(),
        Vertex::Machine(_) => "machine".to_owned(),
        Vertex::Power(power, scope) => format!("{power:?} {}", matches!(scope, Scope::Cluster)),
        Vertex::Cloud(_) => "cloud".to_owned(),
    }
}

/// A heading with its order.
type Heading = (u8, String);

/// Below which heading something stands.
fn heading(vertex: &Vertex<'_>, is_apart: bool) -> Heading {
    match vertex {
        Vertex::Outside => (0, "outside the cluster".to_owned()),
        Vertex::Identity(Identity::Group(_)) => (1, "groups".to_owned()),
        Vertex::Identity(Identity::User(_)) => (2, "users".to_owned()),
        Vertex::Identity(Identity::ServiceAccount(namespace, _)) if is_apart => (3, format!("namespace {namespace}")),
        Vertex::Identity(_) => (3, "service accounts".to_owned()),
        _ => (4, "what runs".to_owned()),
    }
}

/// The ways with what is drawn as one.
struct Folded<'f, 'g, 'a> {
    graph: &'f Graph<'g, 'a>,
    drawn: &'f Drawn,
    sinks: &'f [Sink<'f>],
    classes: &'f BTreeMap<u32, usize>,
    /// Whether namespaces are kept apart.
    is_apart: bool,
}

impl Folded<'_, '_, '_> {
    fn diagram(&self, asked: usize) -> Diagram {
        let Self { graph, drawn, sinks, classes, is_apart } = *self;
        let mut members: BTreeMap<usize, Vec<Vertex<'_>>> = BTreeMap::new();
        let mut sources: BTreeSet<usize> = BTreeSet::new();
        for (at, class) in classes {
            members.entry(*class).or_default().extend(graph.vertex(*at));
            if drawn.sources.contains(at) {
                sources.insert(*class);
            }
        }
        let mut entries: Vec<(usize, Node, Option<Heading>)> = members
            .iter()
            .map(|(class, vertices)| {
                let sink = vertices.first().and_then(|vertex| sinks.iter().find(|sink| sink.is(vertex)));
                let heading = vertices.first().filter(|_| sources.contains(class)).map(|vertex| heading(vertex, is_apart));
                (*class, node(graph, vertices, sink), heading)
            })
            .collect();
        entries.sort_by(|a, b| (a.2.is_none(), &a.2, &a.1.label).cmp(&(b.2.is_none(), &b.2, &b.1.label)));
        let names: BTreeSet<&Heading> = entries.iter().filter_map(|(_, _, heading)| heading.as_ref()).collect();
        let names: Vec<Heading> = names.into_iter().cloned().collect();
        let place: BTreeMap<usize, usize> = entries.iter().enumerate().map(|(at, (class, ..))| (*class, at)).collect();
        let mut nodes: Vec<Node> = Vec::new();
        for (_, mut node, heading) in entries {
            node.group = heading.and_then(|heading| names.iter().position(|name| *name == heading));
            nodes.push(node);
        }
        let groups: Vec<Group> = names.into_iter().map(|(_, name)| Group { name }).collect();
        let mut merged: BTreeMap<(usize, usize, &str), (BTreeSet<&String>, bool)> = BTreeMap::new();
        for ((from, to, name), told) in &drawn.steps {
            let at = |vertex: &u32| classes.get(vertex).and_then(|class| place.get(class)).copied();
            let (Some(from), Some(to)) = (at(from), at(to)) else { continue };
            let slot = merged.entry((from, to, name)).or_default();
            slot.0.extend(&told.facts);
            slot.1 |= told.is_sure;
        }
        let mut edges: Vec<Edge> = merged
            .into_iter()
            .map(|((from, to, name), (facts, is_sure))| {
                let more = facts.len().saturating_sub(FACTS);
                let mut facts: Vec<String> = facts.into_iter().take(FACTS).cloned().collect();
                facts.extend((more > 0).then(|| format!("and {more} more like these")));
                let label = if name.is_empty() { "member" } else { name };
                Edge { from, to, label: label.to_owned(), severity: None, is_assumed: !is_sure, facts }
            })
            .collect();
        colour(&mut nodes, &mut edges);
        // The heading says the namespace of what starts a way.
        for at in (0..nodes.len()).filter(|at| edges.iter().all(|edge| edge.to != *at)).collect::<Vec<_>>() {
            let Some(node) = nodes.get_mut(at) else { continue };
            let heading = node.group.and_then(|group| groups.get(group)).and_then(|group: &Group| group.name.strip_prefix("namespace "));
            let short = heading.and_then(|namespace| node.label.strip_prefix(namespace)?.strip_prefix('/').map(str::to_owned));
            node.label = short.unwrap_or_else(|| std::mem::take(&mut node.label));
        }
        let of = |sink: &usize| sinks.get(*sink).copied();
        let (all, others): (Vec<_>, Vec<_>) = drawn.reached.iter().partition(|(sink, _)| of(sink) == Some(Sink::ClusterAdmin));
        let mut reached: Vec<String> = all.iter().map(|(_, count)| format!("{count} cluster-admin, and with it everything")).collect();
        let other = if all.is_empty() { "" } else { " of the others" };
        reached.extend(others.iter().filter_map(|(sink, count)| Some(format!("{count}{other} {}", of(sink)?.name()))));
        let count = drawn.sources.len();
        let summary = match count {
            0 => format!("None of {asked} identities reaches anything of it."),
            _ => format!("{count} of {asked} identities reach something: {}.", reached.join("; ")),
        };
        let mut notes = vec!["Drawn are shortest ways, with the fewest assumptions. Whoever reaches cluster-admin reaches everything else: no further way of theirs is drawn.".to_owned()];
        if edges.iter().any(|edge| edge.is_assumed) {
            notes.push("A dashed line holds if something does that was not read; its words say what.".to_owned());
        }
        Diagram { title: "Who reaches the crown jewels".to_owned(), summary, notes, groups, nodes, edges }
    }
}

/// Everything has the colour of the worst that it leads to.
fn colour(nodes: &mut [Node], edges: &mut [Edge]) {
    for _ in 0..=nodes.len() {
        let mut is_done = true;
        for edge in edges.iter_mut() {
            let target = nodes.get(edge.to).and_then(|node| node.severity);
            edge.severity = edge.severity.max(target);
            if let Some(node) = nodes.get_mut(edge.from)
                && node.severity < target
                && !node.is_sink
            {
                node.severity = target;
                is_done = false;
            }
        }
        if is_done {
            break;
        }
    }
}

fn node(graph: &Graph<'_, '_>, vertices: &[Vertex<'_>], sink: Option<&Sink<'_>>) -> Node {
    let mut names: Vec<String> = vertices.iter().map(|vertex| name(graph, vertex)).collect();
    let short = names.first().cloned().unwrap_or_default();
    if vertices.iter().all(|vertex| matches!(vertex, Vertex::Power(..))) {
        names = vertices.iter().map(|vertex| graph.name(vertex)).collect();
    }
    names.sort();
    let count = vertices.len();
    let first = vertices.first();
    let label = match (first, count) {
        (_, 1) | (Some(Vertex::Power(..)), _) => short,
        (Some(Vertex::Identity(Identity::ServiceAccount(..))), _) => format!("{count} service accounts"),
        (Some(Vertex::Identity(Identity::User(_))), _) => format!("{count} users"),
        (Some(Vertex::Identity(Identity::Group(_))), _) => format!("{count} groups"),
        (Some(Vertex::Workload(_)), _) => format!("code in {count} workloads"),
        (Some(Vertex::Machine(_)), _) => format!("root on {count} nodes"),
        (Some(Vertex::Cloud(_)), _) => format!("{count} cloud identities"),
        _ => format!("{count} like {}", names.first().map_or("", String::as_str)),
    };
    let caption = match first {
        _ if count > 1 => some(vertices, &names),
        Some(Vertex::Power(Power::Code | Power::Secrets | Power::Accounts | Power::HostPods, scope)) => format!("in {scope}"),
        Some(vertex) => caption(graph, vertex),
        None => String::new(),
    };
    let severity = sink.map(Sink::severity);
    Node { label, caption, severity, is_sink: sink.is_some(), group: None, members: names }
}

/// Some of many by name.
fn some(vertices: &[Vertex<'_>], names: &[String]) -> String {
    let namespaces: BTreeSet<&str> = vertices
        .iter()
        .filter_map(|vertex| match vertex {
            Vertex::Identity(Identity::ServiceAccount(namespace, _)) | Vertex::Power(_, Scope::Namespace(namespace)) => Some(*namespace),
            _ => None,
        })
        .collect();
    match namespaces.len() {
        0 => names.join(", "),
        1 => format!("in namespace {}", namespaces.into_iter().collect::<String>()),
        2..=3 => namespaces.into_iter().collect::<Vec<_>>().join(", "),
        more => format!("in {more} namespaces"),
    }
}

fn name(graph: &Graph<'_, '_>, vertex: &Vertex<'_>) -> String {
    match vertex {
        Vertex::Identity(Identity::ServiceAccount(namespace, name)) => format!("{namespace}/{name}"),
        Vertex::Identity(Identity::User(name) | Identity::Group(name)) => (*name).to_owned(),
        Vertex::Workload(at) => graph
            .workload(*at)
            .map_or_else(String::new, |workload| format!("{}/{}", workload.object.effective_namespace(), workload.object.name)),
        Vertex::Outside => "anybody who reaches it".to_owned(),
        Vertex::Machine("") => "root on a node".to_owned(),
        Vertex::Machine(name) => format!("root on {name}"),
        Vertex::Power(_, scope) => graph.name(vertex).trim_end_matches(&format!(" in {scope}")).to_owned(),
        _ => graph.name(vertex),
    }
}

fn caption(graph: &Graph<'_, '_>, vertex: &Vertex<'_>) -> String {
    let text = match vertex {
        Vertex::Outside => "from the network outside",
        Vertex::Identity(Identity::ServiceAccount(..)) => "service account",
        Vertex::Identity(Identity::User(_)) => "user",
        Vertex::Identity(Identity::Group(_)) => "group",
        Vertex::Role(..) => "role",
        Vertex::Workload(at) => graph.workload(*at).map_or("", |workload| workload.object.kind),
        Vertex::Machine(_) => "node",
        Vertex::Cloud(_) => "outside the cluster",
        Vertex::Power(power, _) => match power {
            Power::Everything => "every verb on every resource",
            Power::Accounts | Power::Users | Power::Groups => "acts in their name",
            Power::Code => "runs what it likes",
            Power::HostPods => "starts pods that nothing confines",
            Power::Secrets => "reads what they hold",
            Power::Machines => "root on the machine",
            Power::Nodes => "acts as their kubelet",
            Power::ControlPlane => "holds the keys of the cluster",
        },
    };
    text.to_owned()
}
