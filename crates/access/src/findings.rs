//! Ways to what attackers are after, as findings of a scan.
//!
//! What one grant gives by itself is told by the posture checks. Here stands what several things come to together: the worst
//! that an identity reaches, once for each, blamed on the grant that the way starts with.

use crate::graph::{Evidence, Graph, Path, Search, Sink, Vertex};
use plimsoll_model::rbac::{Identity, is_bootstrapped};
use plimsoll_model::{Finding, Object, Reference, Rule, Severity, Violation, shell_word};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// A way longer than this is told by its first steps.
const TOLD_STEPS: usize = 6;

struct Row {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    sink: Option<Sink<'static>>,
    detects: &'static str,
    why: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        id: "ACC-path-cluster-admin",
        title: "Rights lead to cluster-admin",
        severity: Severity::Critical,
        sink: Some(Sink::ClusterAdmin),
        detects: "An identity whose rights lead, over more than one step, to every verb on every resource.",
        why: "No role says that it is an administrator, but whoever takes it over is one after these steps.",
    },
    Row {
        id: "ACC-path-masters",
        title: "Rights lead to the group that may do everything",
        severity: Severity::Critical,
        sink: Some(Sink::Masters),
        detects: "An identity whose rights lead, over more than one step, to `system:masters`.",
        why: "The API server asks no authorizer about that group, and what has it in a certificate cannot be taken back.",
    },
    Row {
        id: "ACC-path-control-plane",
        title: "Rights lead to the control plane's nodes",
        severity: Severity::Critical,
        sink: Some(Sink::ControlPlane),
        detects: "An identity whose rights lead to root on a node of the control plane.",
        why: "There lie the keys that sign client certificates and tokens, and the whole of etcd.",
    },
    Row {
        id: "ACC-path-tokens",
        title: "Rights lead to tokens of every service account",
        severity: Severity::High,
        sink: Some(Sink::Tokens),
        detects: "An identity whose rights lead, over more than one step, to tokens of all service accounts.",
        why: "A token is the account: what any controller may do, the identity may do.",
    },
    Row {
        id: "ACC-path-secrets",
        title: "Rights lead to every Secret",
        severity: Severity::High,
        sink: Some(Sink::EverySecret),
        detects: "An identity whose rights lead, over more than one step, to all Secrets of the cluster.",
        why: "Secrets hold what opens other systems, and tokens of service accounts.",
    },
    Row {
        id: "ACC-path-node",
        title: "Rights lead to a node",
        severity: Severity::High,
        sink: Some(Sink::Node),
        detects: "An identity whose rights lead, over more than one step, to root on a node.",
        why: "Root on a node is every pod there, with its Secrets and its service account.",
    },
    Row {
        id: "ACC-path-system-secrets",
        title: "Rights lead to the Secrets of kube-system",
        severity: Severity::High,
        sink: Some(Sink::SystemSecrets),
        detects: "An identity whose rights lead, over more than one step, to the Secrets of `kube-system`.",
        why: "Tokens of the cluster's own controllers and bootstrap tokens lie there.",
    },
    Row {
        id: "ACC-path-cloud",
        title: "Rights lead to an identity of the cloud",
        severity: Severity::High,
        sink: Some(Sink::CloudIdentity),
        detects: "An identity whose rights lead, over more than one step, to a role or account of the cloud.",
        why: "What is stolen then is not the cluster's alone.",
    },
    Row {
        id: "ACC-exposed-path",
        title: "What is open to the network leads on",
        severity: Severity::High,
        sink: None,
        detects: "A workload that is open to the network from outside and from which a way leads to the node, to all Secrets or to an administrator's rights.",
        why: "A weakness in what answers there is then one of the whole cluster.",
    },
];

const FIX: &str = "Take away the step that is needed least: the grant that the way starts with, or any after it. `plimsoll access paths` \
shows each step with its place, `plimsoll access cut` the smallest set of changes that closes all ways, and `plimsoll access unused --audit LOG` \
what nobody uses.";

static RULES: LazyLock<Vec<Arc<Rule>>> = LazyLock::new(|| ROWS.iter().map(|row| Arc::new(row.rule())).collect());

const REFERENCES: &[Reference] = &[
    Reference { system: "MITRE", id: "TA0004", url: "https://attack.mitre.org/tactics/TA0004/" },
    Reference { system: "MITRE", id: "T1098.006", url: "https://attack.mitre.org/techniques/T1098/006/" },
    Reference { system: "docs", id: "RBAC good practices", url: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/" },
];

impl Row {
    fn rule(&self) -> Rule {
        let docs = format!(
            "## What it detects\n{} Only the worst that an identity reaches is told. What Kubernetes grants by itself is taken into account and not blamed.\n\n\
             ## Why it matters\n{}\n\n## How to fix\n{FIX}",
            self.detects, self.why
        );
        Rule {
            id: Cow::Borrowed(self.id),
            title: Cow::Borrowed(self.title),
            severity: self.severity,
            docs: Cow::Owned(docs),
            references: Cow::Borrowed(REFERENCES),
        }
    }
}

/// The rules that findings of this room carry.
pub fn rules() -> &'static [Arc<Rule>] {
    &RULES
}

/// What a graph shows: for each identity that was given something, the worst that it leads to over more than one step.
pub fn findings(graph: &Graph<'_, '_>) -> Vec<Finding> {
    let searches: Vec<(usize, Search<'_>)> =
        ROWS.iter().enumerate().filter_map(|(row, one)| Some((row, Search::new(graph, one.sink?, |_, _| false)))).collect();
    let mut findings = Vec::new();
    for identity in graph.identities() {
        let Some(at) = graph.find(&Vertex::Identity(identity)) else { continue };
        // Who is an administrator already is told elsewhere.
        if let Some((row, path)) = worst(graph, &searches, at, 2) {
            findings.extend(of_identity(graph, identity, row, &path));
        }
    }
    findings.extend(exposed(graph, &searches));
    findings
}

/// The worst that is reached from somewhere in so many steps or more, if nothing worse is in fewer: what is certain before what
/// rests on something that was not read.
fn worst<'s>(graph: &Graph<'_, '_>, searches: &[(usize, Search<'s>)], at: u32, least: usize) -> Option<(usize, Path<'s>)> {
    let found = searches.iter().filter_map(|(row, search)| Some((*row, search.path(graph, at)?)));
    let mut found = found.peekable();
    if found.peek().is_some_and(|(_, path)| path.hops.len() < least) {
        return None;
    }
    found.filter(|(_, path)| path.hops.len() >= least).min_by_key(|(row, path)| {
        let severity = ROWS.get(*row).map(|row| if path.assumptions > 0 { lighter(row.severity) } else { row.severity });
        (std::cmp::Reverse(severity), path.assumptions > 0, *row)
    })
}

fn of_identity(graph: &Graph<'_, '_>, identity: Identity<'_>, row: usize, path: &Path<'_>) -> Option<Finding> {
    let binding = graph.first_grant(path)?;
    let binding = graph.authorizer.rbac().bindings.get(binding.0 as usize).map(|found| (found, binding.1))?;
    if binding.0.is_default || is_bootstrapped(&binding.0.object) {
        return None;
    }
    let subject = binding.0.subjects.get(binding.1 as usize)?;
    let message = format!("{identity} can come to {} in {} steps: {}", goal(graph, path), path.hops.len(), summary(graph, path));
    let object = binding.0.object;
    let mut violation = Violation::at(subject.pointer(), message);
    violation = if binding.0.subjects.len() > 1 {
        violation.cured_by("take it out of the binding", None)
    } else {
        violation.deleting("remove the binding", &object)
    };
    let asked = format!("plimsoll access unused --audit audit.log --subject {}", shell_word(&argument(identity)));
    violation = violation.needs(format!("what {identity} uses of it")).asked_by(asked);
    finding(graph, row, path, violation, &object)
}

/// A subject as the command line takes it.
fn argument(identity: Identity<'_>) -> String {
    match identity {
        Identity::ServiceAccount(namespace, name) => format!("sa:{namespace}/{name}"),
        Identity::User(name) => format!("user:{name}"),
        Identity::Group(name) => format!("group:{name}"),
    }
}

/// Ways that start outside, one for each workload that they lead through.
fn exposed(graph: &Graph<'_, '_>, searches: &[(usize, Search<'_>)]) -> Vec<Finding> {
    let Some(outside) = graph.find(&Vertex::Outside) else { return Vec::new() };
    let row = ROWS.iter().position(|row| row.sink.is_none()).unwrap_or_default();
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for edge in graph.edges.iter().filter(|edge| edge.from == outside && !edge.is_blocked()) {
        let Evidence::Object(place) = &edge.evidence else { continue };
        let worst = worst(graph, searches, edge.to, 1);
        let Some(((_, path), Some(Vertex::Workload(at)))) = worst.zip(Some(graph.vertex(edge.to))) else { continue };
        let Some(workload) = graph.workload(at).filter(|_| !seen.contains(&at)) else { continue };
        seen.insert(at);
        let object = workload.object;
        let way = summary(graph, &path);
        let message = format!("{} is open to the network and leads to {}: {way}", object.id(), goal(graph, &path));
        let (by, pointer) = place.as_ref();
        let violation = Violation::at(format!("{}/spec", workload.pod.pointer), message).with(by, pointer.clone());
        let violation = violation.advice("give it an account without these rights, and do not mount its token where it is not needed");
        findings.extend(finding(graph, row, &path, violation, &object));
    }
    findings
}

fn finding(graph: &Graph<'_, '_>, row: usize, path: &Path<'_>, mut violation: Violation, object: &Object<'_>) -> Option<Finding> {
    let rule = RULES.get(row)?;
    for (number, told) in graph.tell(path).into_iter().enumerate() {
        let assumes = told.assumes.map(|assumes| format!(" (if {assumes})")).unwrap_or_default();
        let technique = told.technique.map(|technique| format!(" [{technique}]")).unwrap_or_default();
        violation.evidence.push(format!("{}. {} {}{technique}: {}{assumes}", number + 1, told.from, told.does, told.to.join(", then ")));
        for fact in told.facts {
            let place = fact.location.as_ref().map(|location| format!(" ({location})")).unwrap_or_default();
            violation.evidence.push(format!("   {}{place}", fact.text));
            if let Some(other) = fact.object.filter(|other| other.node != object.node) {
                violation = violation.with(&other, fact.pointer);
            }
        }
    }
    // What rests on something that was not read weighs less.
    if path.assumptions > 0 {
        violation = violation.severity(lighter(rule.severity));
    }
    Some(violation.into_finding(rule, &Arc::new(object.id()), Some(object.node), "", None))
}

fn lighter(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Info => Severity::Info,
    }
}

fn goal(graph: &Graph<'_, '_>, path: &Path<'_>) -> String {
    path.hops.last().and_then(|hop| graph.end(hop)).map(|vertex| graph.name(&vertex)).unwrap_or_default()
}

/// The names of the steps, with what they lead to.
fn summary(graph: &Graph<'_, '_>, path: &Path<'_>) -> String {
    let told = graph.tell(path);
    let more = if told.len() > TOLD_STEPS { ", and so on" } else { "" };
    let steps: Vec<String> = told
        .iter()
        .take(TOLD_STEPS)
        .map(|told| format!("{} ({})", told.does, told.to.last().map(String::as_str).unwrap_or_default()))
        .collect();
    steps.join(", ") + more
}
