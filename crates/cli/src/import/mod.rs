//! Exceptions of other tools as ours. What ours cannot say as exactly is said and left out: an exception never covers more
//! than the one that it was made from.

mod gatekeeper;
mod kubescape;
mod kyverno;
mod trivy;

use crate::peers::Answer;
use plimsoll_model::config::Pattern;
use plimsoll_model::{Document, Limits, Origin, Source, parse};
use std::collections::BTreeMap;
use std::fmt::Write;

/// An exception to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    ids: Vec<String>,
    namespace: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    container: Option<String>,
    path: Option<String>,
    reason: String,
    expires: Option<String>,
}

/// What came of files.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) drafts: Vec<Draft>,
    /// What was left out, and why.
    pub(crate) left: Vec<String>,
    /// Whether anything was found that speaks of exceptions.
    pub(crate) found: bool,
}

/// Reads the exceptions in files: name and text.
pub(crate) fn read(files: &[(String, String)]) -> Imported {
    let mut imported = Imported::default();
    let mut documents: Vec<Document> = Vec::new();
    for (name, text) in files {
        if trivy::is_list(name) {
            trivy::read(name, text, &mut imported);
            continue;
        }
        let (more, problems) = parse(&Source::new(name.as_str(), Origin::File, text.as_str()), Limits::default());
        imported.left.extend(problems.iter().map(|problem| format!("{}: {}", problem.place(), problem.message)));
        documents.extend(more);
    }
    for document in &documents {
        kubescape::read(document, &mut imported);
    }
    let objects: Vec<_> = documents.iter().flat_map(|document| document.objects().0).collect();
    for object in &objects {
        kyverno::read(object, &mut imported);
    }
    gatekeeper::read(&objects, &mut imported);
    imported
}

impl Imported {
    fn left(&mut self, what: &str, why: impl std::fmt::Display) {
        self.left.push(format!("{what}: {why}"));
    }

    /// Adds what `draft` says for `answers`, one exception for all checks that are meant as a whole.
    fn add(&mut self, draft: &Draft, answers: impl IntoIterator<Item = Answer>) {
        let mut parts: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for answer in answers {
            parts.entry((answer.kind, answer.end)).or_default().push(answer.id.to_owned());
        }
        for ((kind, end), mut ids) in parts {
            ids.sort();
            ids.dedup();
            // An exception for another kind does not cover this part.
            if !kind.is_empty() && draft.kind.as_ref().is_some_and(|other| Pattern::parse(other).is_ok_and(|other| !other.fits(kind))) {
                continue;
            }
            let path = Some(end).filter(|end| !end.is_empty()).map(|end| format!("*{end}"));
            let kind = if kind.is_empty() { draft.kind.clone() } else { Some(kind.to_owned()) };
            self.push(Draft { ids, kind, path, ..draft.clone() });
        }
    }

    fn push(&mut self, draft: Draft) {
        if !self.drafts.contains(&draft) {
            self.drafts.push(draft);
        }
    }
}

/// One pattern for a list of globs, in which `*` is any text and `?` any character.
fn any_of(globs: &[String]) -> Option<String> {
    match globs {
        [] => None,
        [one] if !one.contains('?') => Some(one.clone()),
        many => {
            let one = |glob: &String| regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".").replace(r"\-", "-");
            Some(format!("~^(?:{})$", many.iter().map(one).collect::<Vec<_>>().join("|")))
        }
    }
}

/// Exceptions as they stand in `plimsoll.yaml`, items at `indent`.
pub(crate) fn yaml(drafts: &[Draft], owner: &str, indent: usize) -> String {
    let space = " ".repeat(indent);
    let mut text = String::new();
    for draft in drafts {
        let ids = draft.ids.iter().map(|id| scalar(id)).collect::<Vec<_>>();
        let ids = if let [only] = ids.as_slice() { only.clone() } else { format!("[{}]", ids.join(", ")) };
        let workload = match (&draft.kind, &draft.name) {
            (None, None) => None,
            (None, Some(name)) if !name.contains('/') => Some(name.clone()),
            (kind, name) => Some(format!("{}/{}", kind.as_deref().unwrap_or("*"), name.as_deref().unwrap_or("*"))),
        };
        let fields = [
            ("namespace", &draft.namespace),
            ("workload", &workload),
            ("container", &draft.container),
            ("path", &draft.path),
            ("reason", &Some(draft.reason.clone())),
            ("owner", &Some(owner.to_owned())),
            ("expires", &draft.expires),
        ];
        let _ = writeln!(text, "{space}- id: {ids}");
        for (key, value) in fields.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            let _ = writeln!(text, "{space}  {key}: {}", if key == "expires" { value.clone() } else { scalar(value) });
        }
    }
    text
}

/// A text as YAML: plain where that is read back as the same text.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain) && !text.ends_with(' ');
    let is_text = !matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if is_word && is_text { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
