//! When ways were open: the roles and bindings as an audit log shows them change.

use crate::Authorizer;
use crate::graph::{Graph, Situation};
use crate::ways::{Asked, Opening, Turn, Way, rank, shortest};
use plimsoll_model::audit::{Event, Target};
use plimsoll_model::rbac::{Defaults, GROUP, Rbac};
use plimsoll_model::{Document, Inventory, Limits, Object, Origin, Problem, ProblemKind, Source, parse};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A role or binding that somebody wrote or deleted.
#[derive(Debug)]
pub struct Write {
    at: jiff::Timestamp,
    user: String,
    verb: String,
    key: Key,
    /// What it is afterwards; `None` where it is gone, with all of its kind in the namespace if there is no name.
    after: Option<Document>,
    /// Whether it was not there before.
    is_new: bool,
    place: String,
}

/// Kind, namespace and name.
type Key = (String, String, String);

impl Write {
    /// The write that an event tells of; `None` for an event of something else, or of nothing that was done.
    ///
    /// # Errors
    /// What the log leaves out.
    pub fn of(event: &Event) -> Option<Result<Self, Problem>> {
        let Target::Resource(target) = &event.target else { return None };
        let kind = match target.resource.as_str() {
            "roles" => "Role",
            "clusterroles" => "ClusterRole",
            "rolebindings" => "RoleBinding",
            "clusterrolebindings" => "ClusterRoleBinding",
            _ => return None,
        };
        let is_write = matches!(event.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection");
        let is_done = event.is_final() && event.code.is_none_or(|code| (200..300).contains(&code)) && event.was_allowed() != Some(false);
        let is_dry = plimsoll_model::audit::query_parameter(&event.uri, "dryRun").is_some();
        if target.group != GROUP || !target.subresource.is_empty() || !is_write || !is_done || is_dry {
            return None;
        }
        Some(Self::read(event, kind, &target.namespace, &target.name))
    }

    fn read(event: &Event, kind: &str, namespace: &str, name: &str) -> Result<Self, Problem> {
        let problem = |message: String| {
            let help = "let the audit policy log roles and bindings at level RequestResponse";
            Problem::new(ProblemKind::Note, message).target(event.place.to_string()).help(help)
        };
        let what = format!("{} {} {kind} {name}", event.user.name, event.verb);
        let Some(at) = event.time() else { return Err(problem(format!("{what}: the event has no time"))) };
        let is_part =
            ["labelSelector", "fieldSelector"].iter().any(|key| plimsoll_model::audit::query_parameter(&event.uri, key).is_some());
        if event.verb == "deletecollection" && is_part {
            return Err(problem(format!("{what}: which were deleted, the log does not say")));
        }
        let after = if event.verb.starts_with("delete") {
            None
        } else {
            // The answer is the whole object; the request of a create is all but what the server adds.
            let request = event.request.as_ref().filter(|_| event.verb != "patch");
            let Some(text) = event.response.as_ref().or(request) else {
                return Err(problem(format!("{what}: the log does not hold the object")));
            };
            let documents = parse(&Source::new(event.place.to_string(), Origin::Live, text.get().to_owned()), Limits::default()).0;
            Some(documents.into_iter().next().ok_or_else(|| problem(format!("{what}: the object in the log cannot be read")))?)
        };
        let named = after.as_ref().and_then(|document| document.objects().0.first().map(|object| object.name.to_owned()));
        let is_new = event.verb == "create" || event.code == Some(201);
        let key = (kind.to_owned(), namespace.to_owned(), named.unwrap_or_else(|| name.to_owned()));
        let (user, verb) = (event.user.name.clone(), event.verb.clone());
        Ok(Self { at, user, verb, key, after, is_new, place: event.place.to_string() })
    }

    fn turn(&self) -> Turn {
        let request = format!("{} {}", self.verb, self.what());
        Turn { at: self.at.to_string(), user: self.user.clone(), request, place: self.place.clone() }
    }

    fn what(&self) -> String {
        let (kind, namespace, name) = &self.key;
        let name = if name.is_empty() { "*" } else { name };
        if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
    }

    /// Whether it is a deletion of everything of a kind in a namespace.
    fn is_of_all(&self) -> bool {
        self.key.2.is_empty() && self.after.is_none()
    }
}

/// Roles and bindings that were there before the log begins and of which it shows only what became of them: what they said
/// before is not known. Deletions of all that a namespace holds are left out, since most find nothing.
pub fn unknown_before(inventory: &Inventory<'_>, writes: &[Write]) -> Option<Problem> {
    let mut writes: Vec<&Write> = writes.iter().filter(|write| !write.is_of_all()).collect();
    writes.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    let mut seen = BTreeSet::new();
    writes.retain(|write| seen.insert(&write.key));
    let is_unknown = |write: &&Write| {
        let (kind, namespace, name) = &write.key;
        // What was read and is deleted by the log is older than it.
        let is_read = write.after.is_none() && inventory.find(kind, namespace, name).is_some();
        !write.is_new && !is_read
    };
    let unknown: Vec<&Write> = writes.into_iter().filter(is_unknown).collect();
    let first = unknown.first()?;
    let shown: Vec<String> = unknown.iter().take(3).map(|write| format!("{} ({})", write.what(), write.place)).collect();
    let more = if unknown.len() > 3 { format!(" and {} more", unknown.len() - 3) } else { String::new() };
    let message = format!(
        "what these said before they were changed or deleted is not in the log, and taken to be what was read: {}{more}",
        shown.join(", ")
    );
    let help = "give the log of the time before, or what was there when it begins";
    Some(Problem::new(ProblemKind::Note, message).target(first.place.clone()).help(help))
}

/// The ways that were open at some time of the log, with when that was. What was read is how things are after it; roles and
/// bindings are taken back to how they were before, everything else is taken to have been as it is.
pub fn ways_over_time(
    inventory: &Inventory<'_>,
    writes: &mut [Write],
    situation: &Situation,
    asked: &Asked<'_>,
    defaults: Defaults,
) -> Vec<Way> {
    writes.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    let writes: &[Write] = writes;
    let is_rbac = |object: &&Object<'_>| object.group() == GROUP;
    let key = |object: &Object<'_>| {
        let namespace = if object.kind.starts_with("Cluster") { "" } else { object.effective_namespace() };
        (object.kind.to_owned(), namespace.to_owned(), object.name.to_owned())
    };
    // How it was before the log: what it shows to be made was not there.
    let mut first: HashMap<&Key, &Write> = HashMap::new();
    for write in writes {
        first.entry(&write.key).or_insert(write);
    }
    let mut state: BTreeMap<Key, Object<'_>> = BTreeMap::new();
    for object in inventory.objects.iter().filter(is_rbac) {
        let key = key(object);
        if first.get(&key).is_none_or(|write| !write.is_new) {
            state.entry(key).or_insert(*object);
        }
    }
    let mut seen: BTreeMap<(usize, String, String), (Way, Vec<Opening>)> = BTreeMap::new();
    let mut look = |state: &BTreeMap<Key, Object<'_>>, turn: Option<Turn>| {
        let authorizer = Authorizer::of(Rbac::of(state.values().copied(), defaults));
        let graph = Graph::new(inventory, &authorizer, situation);
        let open: BTreeMap<_, Way> = shortest(&graph, asked)
            .iter()
            .map(|path| Way::of(&graph, path))
            .map(|way| ((rank(&way.to), way.to.clone(), way.from.clone()), way))
            .collect();
        for (key, way) in &open {
            let (known, openings) = seen.entry(key.clone()).or_insert_with(|| (way.clone(), Vec::new()));
            if openings.last().is_none_or(|last| last.closed.is_some()) {
                *known = way.clone();
                openings.push(Opening { opened: turn.clone(), closed: None });
            }
        }
        for (_, (_, openings)) in seen.iter_mut().filter(|(key, _)| !open.contains_key(*key)) {
            if let (Some(last), Some(turn)) = (openings.last_mut().filter(|last| last.closed.is_none()), &turn) {
                last.closed = Some(turn.clone());
            }
        }
    };
    look(&state, None);
    for write in writes {
        match write.after.as_ref().and_then(|document| document.objects().0.into_iter().next()) {
            Some(object) => {
                state.insert(write.key.clone(), object);
            }
            None if write.is_of_all() => state.retain(|(kind, namespace, _), _| (kind, namespace) != (&write.key.0, &write.key.1)),
            None => {
                state.remove(&write.key);
            }
        }
        look(&state, Some(write.turn()));
    }
    seen.into_values().map(|(way, open)| Way { open, ..way }).collect()
}
