//! Tests of policies: in a format of our own, and in those of gator and Kyverno.

mod gator;
mod kyverno;
mod own;

use crate::input;
use anyhow::{Context, bail};
use plimsoll_model::Document;
use plimsoll_policy::{Mutation, Policies, Verdict, admitted};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What came of one expectation.
pub(crate) struct Result {
    /// Suite, test and case.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of an expectation.
pub(crate) enum Outcome {
    /// It holds.
    Passed,
    /// What was wanted and what came instead.
    Failed(String),
    /// Why it cannot be said.
    NotRun(String),
}

impl Outcome {
    /// Passed, unless there is a complaint.
    fn of(complaint: Option<String>) -> Self {
        complaint.map_or(Self::Passed, Self::Failed)
    }

    /// Passed where what was wanted came.
    fn compare(wanted: &str, got: &str) -> Self {
        Self::of((wanted != got).then(|| format!("wanted {wanted}, got {got}")))
    }
}

/// Runs every suite in `paths`. A suite that cannot be read is a result that failed.
pub(crate) fn run(paths: &[String]) -> Vec<Result> {
    let (_, snapshot) = input::all_policies(paths);
    let mut results = Vec::new();
    for document in &snapshot.documents {
        let Some(root) = document.root() else { continue };
        let word = |key: &str| root.get(key).map_or("", |node| node.text());
        let group = word("apiVersion").split('/').next().unwrap_or("");
        let suite = Suite { file: Path::new(&document.source.name) };
        let ran = match (group, word("kind")) {
            ("plimsoll.dev", "PolicyTest") => suite.decode(document).and_then(|test| own::run(&test, &suite, &mut results)),
            ("test.gatekeeper.sh", "Suite") => suite.decode(document).map(|test| gator::run(&test, &suite, &mut results)),
            ("cli.kyverno.io", "Test") => suite.decode(document).and_then(|test| kyverno::run(&test, &suite, &mut results)),
            _ => continue,
        };
        if let Err(error) = ran {
            let name = suite.file.display().to_string();
            results.push(Result { name, outcome: Outcome::Failed(format!("{error:#}")) });
        }
    }
    results
}

/// A suite: the file that it stands in.
struct Suite<'p> {
    file: &'p Path,
}

/// Policies, and what else stands beside them.
struct Beside {
    policies: Policies,
    objects: Vec<Json>,
    documents: Vec<Document>,
}

impl Suite<'_> {
    fn decode<T: DeserializeOwned>(&self, document: &Document) -> anyhow::Result<T> {
        let root = document.root().context("nothing in it")?;
        serde_json::from_value(root.to_json()).context("the test cannot be read")
    }

    fn name(&self, rest: &str) -> String {
        format!("{}: {rest}", self.file.display())
    }

    /// What stands in files that the suite names; what is not there or is broken is an error.
    fn read<S: AsRef<str>>(&self, files: impl IntoIterator<Item = S>) -> anyhow::Result<Beside> {
        let base = self.file.parent().unwrap_or(Path::new("."));
        let paths: Vec<PathBuf> = files.into_iter().map(|file| base.join(file.as_ref())).collect();
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            bail!("{}: no such file or directory", missing.display());
        }
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        if paths.is_empty() {
            return Ok(Beside { policies: Policies::default(), objects: Vec::new(), documents: Vec::new() });
        }
        let (policies, snapshot) = input::policies(&paths);
        if let Some(problem) = snapshot.problems.iter().find(|problem| problem.kind.is_error()) {
            bail!("{}: {}", problem.place(), problem.message);
        }
        let objects = snapshot.documents.iter().flat_map(|document| document.objects().0);
        let objects = objects.map(|object| admitted(object.node.to_json())).collect();
        Ok(Beside { policies, objects, documents: snapshot.documents })
    }
}

fn text<'j>(object: &'j Json, pointer: &str) -> &'j str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or("")
}

/// The first of `objects` with a kind (any, if empty), and `namespace/name` or `name`.
fn named<'j>(objects: &'j [Json], kind: &str, name: &str) -> Option<&'j Json> {
    let (home, own) = name.rsplit_once('/').unwrap_or(("", name));
    let is_it = |object: &&Json| {
        (kind.is_empty() || text(object, "/kind") == kind)
            && text(object, "/metadata/name") == own
            && (home.is_empty() || text(object, "/metadata/namespace") == home)
    };
    objects.iter().find(is_it)
}

/// The namespace of a name: as it stands among `objects`, or one that has nothing but its name.
fn namespace(objects: &[Json], name: &str) -> Json {
    let made = || serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    named(objects, "Namespace", name).cloned().unwrap_or_else(made)
}

/// A verdict in one word, or why there is none.
fn word(verdict: &Verdict) -> std::result::Result<&'static str, &str> {
    match verdict {
        Verdict::Failed(_) => Ok("fail"),
        Verdict::Passed => Ok("pass"),
        Verdict::Skipped | Verdict::NotMatched | Verdict::Excepted(..) => Ok("skip"),
        Verdict::Unknown(why) => Err(why),
    }
}

/// What is wrong with what a mutating policy made: the object that was wanted is `wanted`.
fn compare_changed(mutation: Mutation, wanted: Option<&Json>) -> Outcome {
    match (mutation, wanted) {
        (Mutation::Made(object), Some(wanted)) => Outcome::of(first_difference(&object, wanted, &mut String::new()).map(|place| {
            let shown = |object: &Json| object.pointer(&place).map_or_else(|| "nothing".to_owned(), Json::to_string);
            format!("wanted {} at `{place}`, got {}", shown(wanted), shown(&object))
        })),
        (Mutation::Made(_), None) => Outcome::Passed,
        (Mutation::Skipped | Mutation::NotMatched, _) => Outcome::Failed("wanted pass, got skip".to_owned()),
        (Mutation::Refused(why), _) => Outcome::Failed(format!("wanted pass, got {why}")),
        (Mutation::Unknown(why), _) => Outcome::NotRun(why),
    }
}

/// The pointer to the first place at which two values differ.
fn first_difference(a: &Json, b: &Json, path: &mut String) -> Option<String> {
    let height = path.len();
    let mut below = |token: &str, a: Option<&Json>, b: Option<&Json>| {
        path.push('/');
        path.push_str(&plimsoll_model::escape(token));
        let found = match (a, b) {
            (Some(a), Some(b)) => first_difference(a, b, path),
            (Some(only), None) | (None, Some(only)) if is_filled_in(token, only) => None,
            _ => Some(path.clone()),
        };
        path.truncate(height);
        found
    };
    match (a, b) {
        _ if a == b => None,
        (Json::Object(one), Json::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.filter(|key| one.get(*key) != other.get(*key)).find_map(|key| below(key, one.get(key), other.get(key)))
        }
        (Json::Array(one), Json::Array(other)) => (0..one.len().max(other.len()))
            .filter(|at| one.get(*at) != other.get(*at))
            .find_map(|at| below(&at.to_string(), one.get(at), other.get(at))),
        _ => Some(path.clone()),
    }
}

/// Whether a field is one that Kubernetes' own types write out even where nothing is set.
fn is_filled_in(field: &str, value: &Json) -> bool {
    match field {
        "creationTimestamp" => value.is_null(),
        "resources" | "status" | "strategy" | "updateStrategy" => value.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}
