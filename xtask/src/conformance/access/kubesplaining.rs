//! kubesplaining's findings, id by id: in its snapshots with their subjects, in its manifests by rule, and its chains hop by hop.

use super::holding::Answer;
use super::{documents, list, text, texts};
use crate::conformance::{Cases, json_lines, posture::judge};
use crate::peers::is_answer;
use anyhow::{Context, bail};
use plimsoll_access::Authorizer;
use plimsoll_access::graph::primitive::Primitive;
use plimsoll_access::graph::{Graph, Holder, Power, Scope, Search, Sink, Situation, Vertex, holders};
use plimsoll_access::unused::{self, RuleUse, Status, of_subject, subjects};
use plimsoll_access::usage::{Observation, Usage};
use plimsoll_checks::Parameters;
use plimsoll_model::rbac::{Defaults, Identity, Request, SERVICE_ACCOUNT_PREFIX};
use plimsoll_model::{Document, Finding, Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Deserialize)]
struct Answers {
    rules: BTreeMap<String, Entry>,
    hops: BTreeMap<String, Vec<String>>,
    seen: Vec<Seen>,
}

/// Requests of a service account.
#[derive(Deserialize)]
struct Seen {
    namespace: String,
    account: String,
    resource: String,
    verbs: Vec<String>,
}

/// How much of what is granted to somebody is used.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Used {
    /// Nothing of a role.
    None,
    /// A part of what a rule names.
    Some,
    /// A part of what a wildcard stands for.
    Wildcard,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(flatten)]
    answer: Answer,
    #[serde(default)]
    checks: Vec<String>,
    #[serde(default)]
    sink: String,
    #[serde(default)]
    mounted: bool,
    #[serde(default)]
    kind: String,
    used: Option<Used>,
    #[serde(default)]
    account: String,
    #[serde(default)]
    none: String,
}

/// The kinds of a snapshot's lists.
const KINDS: [(&str, &str, &str); 12] = [
    ("namespaces", "v1", "Namespace"),
    ("service_accounts", "v1", "ServiceAccount"),
    ("secrets_metadata", "v1", "Secret"),
    ("config_maps", "v1", "ConfigMap"),
    ("pods", "v1", "Pod"),
    ("deployments", "apps/v1", "Deployment"),
    ("network_policies", "networking.k8s.io/v1", "NetworkPolicy"),
    ("mutating_webhook_configs", "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("cluster_roles", "rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("roles", "rbac.authorization.k8s.io/v1", "Role"),
    ("cluster_role_bindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("role_bindings", "rbac.authorization.k8s.io/v1", "RoleBinding"),
];

/// Every id of the suite.
pub(crate) fn kubesplaining(path: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("kubesplaining.toml")).context("kubesplaining.toml")?;
    if let Some(name) = answers.rules.values().find_map(|entry| entry.answer.unknown()) {
        bail!("kubesplaining.toml: nothing is called `{name}`");
    }
    let mut cases = Cases::default();
    let mut without: BTreeSet<String> = BTreeSet::new();
    for line in json_lines(path)? {
        let case = line?;
        let is_snapshot = case.get("objects").is_some();
        let documents = if is_snapshot { of_snapshot(&case["objects"])? } else { of_manifest(path, text(&case, "manifest"))? };
        let snapshot = Snapshot { documents, problems: Vec::new() };
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        // The manifests are applied to a cluster, which has its own roles; the snapshots are all there is.
        let authorizer = Authorizer::new(&inventory, if is_snapshot { Defaults::Leave } else { Defaults::Assume });
        let graph = Graph::new(&inventory, &authorizer, &Situation::default());
        let usage = if is_snapshot { Usage::default() } else { usage(&answers.seen) };
        let said = Said { graph: &graph, holders: own(&authorizer), findings: judge(&snapshot, &Parameters::default()), usage: &usage };
        let name = text(&case, "name");
        let (expected, deny) = (texts(&case, "expected"), texts(&case, "deny"));
        for (id, is_wanted) in expected.iter().map(|id| (id, true)).chain(deny.iter().map(|id| (id, false))) {
            let rule = id.split(':').next().unwrap_or(id);
            match answers.rules.get(rule) {
                None => cases.unreadable(format!("{name} {id}"), "nothing answers for the rule"),
                Some(entry) if !entry.none.is_empty() => {
                    without.insert(rule.to_owned());
                    cases.known();
                }
                Some(entry) => {
                    let is_said = said.about(entry, is_wanted).iter().any(|names| is_about(names, id));
                    let word = |is_said| if is_said { "said" } else { "not said" };
                    cases.case(|| format!("{name} {id}"), word(is_wanted), word(is_said));
                }
            }
        }
        if is_snapshot {
            let more = said.more(&answers, &expected);
            cases.case(|| format!("{name}: nothing else"), "", &more.join(", "));
        }
        for chain in list(&case, "chains") {
            let finding = text(chain, "finding");
            match said.chain(chain, &answers) {
                Ok((wanted, got)) => cases.case(|| format!("{name} chain {finding}"), &wanted, &got),
                Err(error) => cases.unreadable(format!("{name} chain {finding}"), format!("{error:#}")),
            }
        }
    }
    let without: Vec<String> = without.into_iter().collect();
    cases.notes.push(format!(
        "{} rules have an answer, {} a reason: {}",
        answers.rules.len() - without.len(),
        without.len(),
        without.join(", ")
    ));
    Ok(cases)
}

fn of_snapshot(objects: &Json) -> anyhow::Result<Vec<Document>> {
    let mut all: Vec<Json> = Vec::new();
    for (key, items) in objects.as_object().into_iter().flatten() {
        // Requests for certificates are not looked at.
        if key == "certificate_signing_requests" {
            continue;
        }
        let Some((_, version, kind)) = KINDS.iter().find(|(list, ..)| list == key) else { bail!("unknown list `{key}`") };
        for item in items.as_array().into_iter().flatten() {
            let mut object = item.clone();
            if key == "secrets_metadata" {
                object = json!({"metadata": {"name": item["name"], "namespace": item["namespace"]}, "type": item["type"]});
            }
            object["apiVersion"] = json!(version);
            object["kind"] = json!(kind);
            all.push(object);
        }
    }
    Ok(documents(all.iter()))
}

/// One manifest of the suite, or all of them together.
fn of_manifest(path: &Path, name: &str) -> anyhow::Result<Vec<Document>> {
    let folder = path.with_file_name("manifests");
    let mut files: Vec<_> = if name == "all" {
        std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|entry| entry.path()).collect()
    } else {
        vec![folder.join(Path::new(name).file_name().context("no file name")?)]
    };
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        documents.extend(parse(&Source::new(file.display().to_string(), Origin::Stdin, text), Limits::default()).0);
    }
    Ok(documents)
}

/// Who holds what, without the system's own accounts and without what comes of a rule that gives everything anyway.
fn own<'a>(authorizer: &Authorizer<'a>) -> Vec<Holder<'a>> {
    let roles = &authorizer.rbac().roles;
    let everything = |holder: &Holder<'_>| {
        let rules = holder.granted.iter().filter_map(|one| roles.get(one.role as usize)?.rules.get(one.rule as usize));
        let need = Primitive::named("everything").and_then(|primitive| primitive.needs.first());
        rules.into_iter().any(|rule| need.is_some_and(|need| need.is_given_by(rule)))
    };
    let counts = |holder: &Holder<'_>| !holder.identity.is_system() && (holder.primitive.is_everything() || !everything(holder));
    holders(authorizer).into_iter().filter(counts).collect()
}

/// Whether an id that names objects names those; a bare rule names none.
fn is_about(names: &[String], id: &str) -> bool {
    let mut parts = id.split([':', '/']);
    parts.next();
    let parts: BTreeSet<&str> = parts.collect();
    parts.is_empty() || names.iter().all(|name| parts.contains(name.as_str()))
}

/// What there is to say of a case.
struct Said<'s, 'g, 'a> {
    graph: &'s Graph<'g, 'a>,
    holders: Vec<Holder<'a>>,
    findings: Vec<Finding>,
    usage: &'s Usage,
}

impl<'a> Said<'_, '_, 'a> {
    /// What we say for a rule: the names of each that it is said about. Of what is not to be found, ways that rest on something
    /// that was not read do not count: they are shown with what they assume.
    fn about(&self, entry: &Entry, is_wanted: bool) -> Vec<Vec<String>> {
        let mut said: Vec<Vec<String>> = Vec::new();
        let reaching = self.reaching(&entry.sink, is_wanted);
        let reaches =
            |identity| entry.sink.is_empty() || self.graph.find(&Vertex::Identity(identity)).is_some_and(|at| reaching.contains(&at));
        if entry.answer.primitives.is_empty() && !entry.sink.is_empty() {
            let sources = self.graph.identities().into_iter().filter(|identity| !identity.is_system() && reaches(*identity));
            said.extend(sources.map(names_of));
        }
        let holds = |holder: &&Holder<'a>| {
            entry.answer.is_given_by(holder) && reaches(holder.identity) && (!entry.mounted || self.is_mounted(holder.identity))
        };
        said.extend(self.holders.iter().filter(holds).map(|holder| names_of(holder.identity)));
        for edge in self.graph.edges.iter().filter(|edge| entry.answer.settings.iter().any(|name| name == edge.step.name())) {
            if edge.is_blocked() || !is_wanted && edge.condition.is_some() {
                continue;
            }
            for vertex in [edge.from, edge.to].into_iter().filter_map(|at| self.graph.vertex(at)) {
                match vertex {
                    Vertex::Workload(at) => {
                        let object = self.graph.workload(at).map(|workload| workload.object);
                        said.extend(
                            object
                                .filter(|object| entry.kind.is_empty() || object.kind == entry.kind)
                                .map(|object| vec![object.name.to_owned()]),
                        );
                    }
                    Vertex::Identity(identity) if entry.kind.is_empty() => said.push(names_of(identity)),
                    _ => {}
                }
            }
        }
        for finding in self.findings.iter().filter(|finding| entry.checks.iter().any(|check| is_answer(check, finding))) {
            said.push(vec![finding.subject.object.name.clone()]);
        }
        let users = entry.used.into_iter().flat_map(|used| self.users(used)).map(names_of);
        said.extend(users.filter(|names| names.last() == Some(&entry.account)));
        said
    }

    /// Who uses so much of something that is granted.
    fn users(&self, used: Used) -> Vec<Identity<'a>> {
        let is_so = |rule: &RuleUse| match used {
            Used::None => false,
            Used::Some => rule.status == Status::Partly && !rule.unused.is_empty(),
            Used::Wildcard => !rule.used_of_wildcard.is_empty(),
        };
        let uses = |subject: &Identity<'a>| {
            let grants = of_subject(self.usage, self.graph.authorizer, *subject, unused::Scope::Made).grants;
            grants.iter().any(|grant| used == Used::None && grant.status == Status::Unused || grant.rules.iter().any(is_so))
        };
        subjects(self.graph.authorizer, unused::Scope::Made).into_iter().filter(uses).collect()
    }

    /// The vertices from which a sink is reached.
    fn reaching(&self, sink: &str, with_assumptions: bool) -> BTreeSet<u32> {
        let is_sink = |vertex: &Vertex<'_>| match sink {
            "" => false,
            // Who has a certificate for any user has one for an administrator, if not for this group.
            "system:masters" => Sink::Masters.is(vertex) || *vertex == Vertex::Power(Power::Users, Scope::Cluster),
            "namespace" => matches!(vertex, Vertex::Power(Power::Everything, Scope::Namespace(_))),
            name => Sink::ALL.iter().any(|sink| sink.name() == name && sink.is(vertex)),
        };
        let mut open: Vec<u32> = (0u32..).zip(&self.graph.vertices).filter(|(_, vertex)| is_sink(vertex)).map(|(at, _)| at).collect();
        let mut seen: BTreeSet<u32> = open.iter().copied().collect();
        while let Some(at) = open.pop() {
            for (_, edge) in self.graph.edges_into(at) {
                if !edge.is_blocked() && (with_assumptions || edge.condition.is_none()) && seen.insert(edge.from) {
                    open.push(edge.from);
                }
            }
        }
        seen
    }

    fn is_mounted(&self, identity: Identity<'a>) -> bool {
        let at = self.graph.find(&Vertex::Identity(identity));
        at.is_some_and(|at| self.graph.edges_into(at).any(|(_, edge)| edge.step.name() == "mounted-token" && !edge.is_blocked()))
    }

    /// Who holds a primitive or reaches a sink without any id that says so.
    fn more(&self, answers: &Answers, expected: &[String]) -> Vec<String> {
        let mut more = Vec::new();
        for (rule, entry) in &answers.rules {
            let is_same = |other: &Entry| other.answer.primitives == entry.answer.primitives && other.sink == entry.sink;
            let ids: Vec<&String> =
                expected.iter().filter(|id| id.split(':').next().and_then(|rule| answers.rules.get(rule)).is_some_and(is_same)).collect();
            let is_ours = entry.checks.is_empty() && entry.answer.settings.is_empty() && !entry.mounted && entry.used.is_none();
            for names in if is_ours { self.about(entry, false) } else { Vec::new() } {
                if !ids.iter().any(|id| is_about(&names, id)) {
                    more.push(format!("{rule} {}", names.join("/")));
                }
            }
        }
        more.sort();
        more.dedup();
        more
    }

    /// A chain: at least so many hops, and some of them in this order.
    fn chain(&self, chain: &Json, answers: &Answers) -> anyhow::Result<(String, String)> {
        if text(chain, "path") != "primary" {
            bail!("only first paths are compared");
        }
        let mut parts = text(chain, "finding").split(':');
        let (rule, subject, sink) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let mut subject = subject.split('/').skip(1);
        let (namespace, name) = (subject.next().unwrap_or_default(), subject.next().unwrap_or_default());
        let sink = match (sink, rule) {
            (Some("cluster_admin_equivalent"), _) | (None, "KUBE-PRIVESC-PATH-CLUSTER-ADMIN") => Sink::ClusterAdmin,
            (Some("node_escape"), _) => Sink::Node,
            (Some("system_masters"), _) => Sink::Masters,
            other => bail!("unknown sink {other:?}"),
        };
        let hops = texts(chain, "hops");
        let least = chain["min_hops"].as_u64().unwrap_or_default();
        let wanted = format!("at least {least} hops with {}", hops.join(", "));
        let search = Search::new(self.graph, sink, |_, _| false);
        let start = self.graph.find(&Vertex::Identity(Identity::ServiceAccount(namespace, name)));
        let Some(path) = start.and_then(|start| search.path(self.graph, start)) else { return Ok((wanted, "no path".to_owned())) };
        let steps: Vec<&str> = path.hops.iter().filter_map(|hop| self.graph.edge(hop.step)).map(|edge| edge.step.name()).collect();
        let mut left = steps.iter();
        for hop in &hops {
            let ours = answers.hops.get(hop).with_context(|| format!("nothing answers for the hop `{hop}`"))?;
            if !left.any(|step| ours.iter().any(|one| one == step)) {
                return Ok((wanted, steps.join(", ")));
            }
        }
        let is_long = steps.len() as u64 >= least;
        Ok((wanted.clone(), if is_long { wanted } else { steps.join(", ") }))
    }
}

fn usage(seen: &[Seen]) -> Usage {
    let mut usage = Usage::default();
    for Seen { namespace, account, resource, verbs } in seen {
        for verb in verbs {
            let request = Request::resource(verb, "", resource, namespace, "");
            let user = format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{account}");
            usage.add(&Observation { user: &user, groups: &[], request, allowed: Some(true), at: None, place: &"kubesplaining.toml" });
        }
    }
    usage
}

fn names_of(identity: Identity<'_>) -> Vec<String> {
    match identity {
        Identity::ServiceAccount(namespace, name) => vec![namespace.to_owned(), name.to_owned()],
        other => vec![other.name().to_owned()],
    }
}
