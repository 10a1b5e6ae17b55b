//! The attack graph that KubeHound draws of a cluster of three nodes, compared edge by edge.
//!
//! A container or pod is the workload that it belongs to; a permission set is a role as a binding hands it out.

use super::{documents, list, text, texts};
use crate::conformance::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::graph::{Edge, Evidence, Graph, Scope, Situation, Step, Vertex};
use plimsoll_model::rbac::{Defaults, Identity};
use plimsoll_model::{Document, Inventory, Limits, Node, Origin, Snapshot, Source, Workload, WorkloadKinds, parse};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NODES: [(&str, bool); 3] =
    [("kubehound.test.local-control-plane", true), ("kubehound.test.local-worker", false), ("kubehound.test.local-worker2", false)];

#[derive(Deserialize)]
struct Answers {
    edges: BTreeMap<String, Vec<String>>,
    none: BTreeMap<String, String>,
}

type Pairs = BTreeSet<(String, String)>;

/// Every edge of the suite.
pub(crate) fn kubehound(path: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("kubehound.toml")).context("kubehound.toml")?;
    let mut cases = Cases::default();
    // All manifests are applied to one cluster.
    let snapshot = Snapshot { documents: cluster(&path.with_file_name("manifests"))?, problems: Vec::new() };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let authorizer = Authorizer::new(&inventory, Defaults::Assume);
    let graph = Graph::new(&inventory, &authorizer, &Situation::default());
    for line in json_lines(path)? {
        let case = line?;
        let name = || text(&case, "name").to_owned();
        let edge = text(&case, "edge");
        if answers.none.contains_key(edge) {
            cases.known();
            continue;
        }
        let none = Vec::new();
        let Some(steps) = answers.edges.get(edge).or_else(|| edge.is_empty().then_some(&none)) else {
            cases.unreadable(name(), format!("nothing answers for `{edge}`"));
            continue;
        };
        let cluster = Cluster { graph: &graph, steps };
        match cluster.compare(&case) {
            Ok((wanted, got)) => cases.case(name, &wanted, &got),
            Err(error) => cases.unreadable(name(), format!("{error:#}")),
        }
    }
    Ok(cases)
}

/// The manifests, with three nodes and the pods on the two that are no control plane.
fn cluster(folder: &Path) -> anyhow::Result<Vec<Document>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    let mut objects: Vec<Json> = Vec::new();
    for file in files {
        let read = parse(&Source::new("manifest", Origin::Stdin, std::fs::read_to_string(&file)?), Limits::default()).0;
        objects.extend(read.iter().filter_map(Document::root).map(|root| root.to_json()));
    }
    for (at, pod) in objects.iter_mut().filter(|object| text(object, "kind") == "Pod").enumerate() {
        pod["spec"]["nodeName"] = json!(NODES[1 + at % 2].0);
    }
    for (name, is_control_plane) in NODES {
        let labels = if is_control_plane { json!({"node-role.kubernetes.io/control-plane": ""}) } else { json!({}) };
        objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}));
    }
    Ok(documents(objects.iter()))
}

struct Cluster<'c, 'g, 'a> {
    graph: &'c Graph<'g, 'a>,
    steps: &'c [String],
}

impl<'a> Cluster<'_, '_, 'a> {
    fn compare(&self, case: &Json) -> anyhow::Result<(String, String)> {
        let got = match text(case, "edge") {
            "" => return Ok((String::new(), self.leaving("control-pod"))),
            "POD_ATTACH" => return Ok(self.counted(|_| 1)),
            "CONTAINER_ATTACH" => {
                return Ok(self.counted(|workload| workload.pod.at(&["containers"]).into_iter().flat_map(Node::items).count()));
            }
            "EXPLOIT_HOST_TRAVERSE" => return Ok(self.traversed(&texts(case, "containers"))),
            "POD_PATCH" | "POD_EXEC" => {
                self.over_permissions(|vertex| if let Vertex::Workload(_) = vertex { self.short(vertex) } else { String::new() })
            }
            "POD_CREATE" => {
                self.over_permissions(|vertex| if let Vertex::Machine(name) = vertex { (*name).to_owned() } else { String::new() })
            }
            "TOKEN_BRUTEFORCE" | "TOKEN_LIST" => self.over_permissions(|vertex| self.account(vertex)),
            "PERMISSION_DISCOVER" => self.discovered(),
            "ROLE_BIND" => {
                let is_cluster = case["filters"][1][1] == "false";
                self.bound(is_cluster)
            }
            _ => self.direct(),
        };
        let wanted: Pairs = list(case, "pairs").map(|pair| (pair[0].to_string(), pair[1].to_string())).collect();
        let wanted: Pairs = wanted.into_iter().map(|(from, to)| (from.replace('"', ""), to.replace('"', ""))).collect();
        let shown = |pairs: &Pairs| pairs.iter().map(|(from, to)| format!("{from} -> {to}")).collect::<Vec<_>>().join("; ");
        let targets: BTreeSet<String> = got.iter().map(|(_, to)| to.clone()).collect();
        let names: BTreeSet<String> = texts(case, "names").into_iter().collect();
        match (text(case, "mode"), names.is_empty()) {
            ("exact", false) => Ok((
                format!("{names:?}"),
                format!("{:?}", targets.into_iter().filter(|name| self.has_permission(name)).collect::<BTreeSet<_>>()),
            )),
            ("exact", true) => Ok((shown(&wanted), shown(&got))),
            ("subset", false) => {
                let found: BTreeSet<String> =
                    got.iter().flat_map(|(from, to)| [from, to]).filter(|name| names.contains(*name)).cloned().collect();
                Ok((format!("{names:?}"), format!("{found:?}")))
            }
            ("subset", true) => Ok((shown(&wanted), shown(&got.intersection(&wanted).cloned().collect()))),
            ("any", _) => {
                let (from, to) = (texts(case, "from_names"), texts(case, "to_names"));
                let is_there = got.iter().any(|pair| from.contains(&pair.0) && to.contains(&pair.1));
                Ok(("an edge".to_owned(), if is_there { "an edge".to_owned() } else { shown(&got) }))
            }
            (mode, _) => bail!("unknown mode `{mode}`"),
        }
    }

    /// Whether an edge is one of those asked for, and is open.
    fn is_it(&self, edge: &Edge<'_>) -> bool {
        !edge.is_blocked() && self.steps.iter().any(|step| step == edge.step.name())
    }

    fn vertex(&self, at: u32) -> Vertex<'a> {
        self.graph.vertex(at).unwrap_or(Vertex::Outside)
    }

    /// A vertex by its plain name.
    fn short(&self, vertex: &Vertex<'a>) -> String {
        match vertex {
            Vertex::Workload(at) => self.graph.workload(*at).map_or_else(String::new, |workload| workload.object.name.to_owned()),
            Vertex::Machine(name) => (*name).to_owned(),
            Vertex::Identity(identity) => identity.name().to_owned(),
            other => self.graph.name(other),
        }
    }

    /// The names of the containers of a workload, and its own.
    fn names(&self, vertex: &Vertex<'a>) -> Vec<String> {
        let mut names = vec![self.short(vertex)];
        if let Vertex::Workload(at) = vertex {
            let containers = self.graph.workload(*at).into_iter().flat_map(|workload| &workload.pod.containers);
            names.extend(containers.map(|container| container.name.to_owned()));
        }
        names
    }

    fn account(&self, vertex: &Vertex<'a>) -> String {
        match vertex {
            Vertex::Identity(Identity::ServiceAccount("default", name)) => (*name).to_owned(),
            _ => String::new(),
        }
    }

    /// Edges between two vertices; to what lies behind evidence in an object, too: the volume or port that it is about.
    fn direct(&self) -> Pairs {
        let mut pairs = Pairs::new();
        for edge in self.graph.edges.iter().filter(|edge| self.is_it(edge)) {
            let (from, to) = (self.vertex(edge.from), self.vertex(edge.to));
            let mut targets = self.names(&to);
            if let Evidence::Object(object) = &edge.evidence {
                let (object, pointer) = &**object;
                // From the pointer to what has a name: the volume, the port, the object.
                let mut part = pointer.as_str();
                while let Some((above, _)) = part.rsplit_once('/') {
                    targets.extend(object.node.resolve(part).and_then(|node| node.get("name")).map(|name| name.text().to_owned()));
                    part = above;
                }
                targets.push(object.name.to_owned());
            }
            for from in self.names(&from) {
                pairs.extend(targets.iter().map(|to| (from.clone(), to.clone())));
            }
        }
        pairs
    }

    /// Roles in the namespace `default`, by the bindings that hand them out.
    fn permissions(&self) -> Vec<(String, Vertex<'a>)> {
        let rbac = self.graph.authorizer.rbac();
        let of_binding = |binding: &plimsoll_model::rbac::Binding<'a>| {
            let scope = binding.namespace().filter(|namespace| *namespace == "default").map(Scope::Namespace)?;
            let role = u32::try_from(binding.role?).ok()?;
            Some((format!("{}::{}", binding.role_name, binding.object.name), Vertex::Role(role, scope)))
        };
        rbac.bindings.iter().filter_map(of_binding).collect()
    }

    /// From permission sets by the edges asked for, and on by what is implied, to what `name` gives a name.
    fn over_permissions(&self, name: impl Fn(&Vertex<'a>) -> String) -> Pairs {
        let mut pairs = Pairs::new();
        for (permission, role) in self.permissions() {
            let Some(start) = self.graph.find(&role) else { continue };
            let (mut seen, mut open) = (BTreeSet::from([start]), vec![start]);
            while let Some(at) = open.pop() {
                for edge in self.graph.edges.iter().filter(|edge| edge.from == at) {
                    let goes_on =
                        self.is_it(edge) || at != start && matches!(edge.step, Step::Implied) || edge.step.name() == "token-secret";
                    if goes_on && seen.insert(edge.to) {
                        let name = name(&self.vertex(edge.to));
                        if !name.is_empty() {
                            pairs.insert((permission.clone(), name));
                        }
                        open.push(edge.to);
                    }
                }
            }
        }
        pairs
    }

    /// Who holds which permission set, of the service accounts of the namespace.
    fn discovered(&self) -> Pairs {
        let mut pairs = Pairs::new();
        for binding in &self.graph.authorizer.rbac().bindings {
            for subject in &binding.subjects {
                let name = self.account(&Vertex::Identity(subject.identity));
                if !name.is_empty() && binding.role.is_some() {
                    pairs.insert((name, format!("{}::{}", binding.role_name, binding.object.name)));
                }
            }
        }
        pairs
    }

    /// From permission sets that let bind roles to those of roles that can be bound, in the namespace or the cluster.
    fn bound(&self, is_cluster: bool) -> Pairs {
        let rbac = self.graph.authorizer.rbac();
        let mut pairs = Pairs::new();
        for edge in self.graph.edges.iter().filter(|edge| self.is_it(edge)) {
            let Evidence::Rules(rules) = &edge.evidence else { continue };
            let Some(source) = rules.first().and_then(|granted| rbac.bindings.get(granted.binding as usize)) else { continue };
            if source.namespace().is_none() {
                continue;
            }
            let from = format!("{}::{}", source.role_name, source.object.name);
            for target in
                rbac.bindings.iter().filter(|target| target.namespace().is_none() == is_cluster && target.role_name.starts_with("rolebind"))
            {
                let is_reached = match self.vertex(edge.to) {
                    Vertex::Role(role, _) => target.role == Some(role as usize),
                    Vertex::Power(_, Scope::Namespace(namespace)) => target.namespace() == Some(namespace),
                    Vertex::Power(_, Scope::Cluster) => true,
                    _ => false,
                };
                let to = format!("{}::{}", target.role_name, target.object.name);
                if is_reached && to != from {
                    pairs.insert((from.clone(), to));
                }
            }
        }
        pairs
    }

    /// Whether somebody of that name is named by a binding: KubeHound knows no others.
    fn has_permission(&self, name: &str) -> bool {
        self.graph.authorizer.identities().iter().any(|identity| identity.name() == name)
    }

    /// What there is of workloads, against what there is of those that something leads to.
    fn counted(&self, count: impl Fn(&Workload<'a>) -> usize) -> (String, String) {
        let found: BTreeSet<u32> = self.graph.edges.iter().filter(|edge| self.is_it(edge)).map(|edge| edge.to).collect();
        let workloads =
            found.iter().filter_map(|at| if let Vertex::Workload(at) = self.vertex(*at) { self.graph.workload(at) } else { None });
        (self.graph.inventory.own_workloads().map(&count).sum::<usize>().to_string(), workloads.map(&count).sum::<usize>().to_string())
    }

    /// What leaves a workload: all but a token that opens nothing.
    fn leaving(&self, workload: &str) -> String {
        let leaves = |edge: &&Edge<'a>| {
            let is_idle = matches!(self.vertex(edge.to), Vertex::Identity(identity) if !self.has_permission(identity.name()));
            self.short(&self.vertex(edge.from)) == workload && !edge.is_blocked() && !is_idle
        };
        self.graph.edges.iter().filter(leaves).map(|edge| edge.step.name()).collect::<Vec<_>>().join(", ")
    }

    /// The accounts of the pods on the node of a container, and those that it comes to.
    fn traversed(&self, containers: &[String]) -> (String, String) {
        let (mut wanted, mut got) = (Pairs::new(), Pairs::new());
        for (at, workload) in (0u32..).zip(&self.graph.inventory.workloads) {
            let name = workload.object.name;
            if !containers.iter().any(|one| one == name) {
                continue;
            }
            let node = |workload: &Workload<'a>| workload.pod.at(&["nodeName"]).map(|node| node.text().to_owned());
            for other in self.graph.inventory.workloads.iter().filter(|other| node(other) == node(workload)) {
                let account = other.pod.at(&["serviceAccountName"]).map_or("default", |name| name.text());
                wanted.insert((name.to_owned(), format!("{}/{account}", other.object.effective_namespace())));
            }
            let Some(start) = self.graph.find(&Vertex::Workload(at)) else { continue };
            let (mut seen, mut open) = (BTreeSet::from([start]), vec![start]);
            while let Some(at) = open.pop() {
                let is_other = at != start && matches!(self.vertex(at), Vertex::Workload(_));
                for edge in self.graph.edges.iter().filter(|edge| edge.from == at) {
                    let goes_on = if is_other { edge.step.name() == "mounted-token" } else { self.is_it(edge) };
                    if !goes_on || !seen.insert(edge.to) {
                        continue;
                    }
                    match self.vertex(edge.to) {
                        Vertex::Identity(Identity::ServiceAccount(namespace, account)) => {
                            got.insert((name.to_owned(), format!("{namespace}/{account}")));
                        }
                        _ => open.push(edge.to),
                    }
                }
            }
        }
        (format!("{wanted:?}"), format!("{got:?}"))
    }
}
