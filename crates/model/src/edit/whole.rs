//! Objects that come and go as a whole.

use super::layout::Layout;
use super::{Refused, TextEdit, apply, refuse, render};
use crate::document::{Document, Limits, Node, parse};
use crate::{Object, ProblemKind, Source, Span};
use serde_json::Value;

/// The text of an object as a manifest, in block style.
pub fn manifest(object: &Value) -> String {
    let (documents, _) = parse(&Source::new("", crate::Origin::File, "kind: any\n"), Limits::default());
    documents.first().map(|document| text(object, &Layout::of(document))).unwrap_or_default()
}

fn text(object: &Value, layout: &Layout) -> String {
    let entries = object.as_object().map(|map| render::entries(map, 0, layout)).unwrap_or_default();
    format!("{entries}{}", layout.eol)
}

/// The edit that puts a document with `object` at the end of the source of `last`.
///
/// # Errors
/// The source is JSON, which holds one document, or the text would not be valid.
pub fn append(last: &Document, object: &Value) -> Result<TextEdit, Refused> {
    let source = &last.source;
    let place = crate::Location { source: std::sync::Arc::clone(source), span: Span::default() };
    let Some(root) = last.root() else { return Err(Refused { message: "the file has no object".to_owned(), location: place }) };
    let layout = Layout::of(last);
    if layout.is_json {
        return Err(refuse(root, "a JSON file holds one object"));
    }
    let end = Span::new(source.text.len(), 0).start;
    let gap = if source.text.ends_with('\n') { "" } else { layout.eol };
    let edit = TextEdit { span: Span { start: end, end }, text: format!("{gap}---{}{}", layout.eol, text(object, &layout)) };
    verify(source, &edit, root, |before, after| match after.split_last() {
        Some((new, same)) => is_same(before, same) && new.root().is_some_and(|root| root.to_json() == *object),
        None => false,
    })?;
    Ok(edit)
}

/// The edit that takes the document of `object` out of its source, with the comments in it. Where nothing is left of the
/// source but comments, everything goes.
///
/// # Errors
/// The object is an item of a list, or its document cannot be told from its neighbours.
pub fn remove(object: &Object<'_>) -> Result<TextEdit, Refused> {
    let document = object.node.document();
    let source = &document.source;
    if !object.pointer().is_empty() {
        return Err(refuse(object.node, "it is an item of a list"));
    }
    let span = object.node.span();
    let length = Span::new(source.text.len(), 0).start;
    let mut separators = separators(&source.text);
    let before = separators.iter().rev().find(|line| line.start <= span.start).copied();
    separators.retain(|line| line.start >= span.end.max(before.map_or(0, |before| before.end)));
    let after = separators.first().copied();
    let span = match (before, after) {
        (Some(before), after) => Span { start: before.start, end: after.map_or(length, |after| after.start) },
        (None, Some(after)) => Span { start: 0, end: after.end },
        (None, None) => Span { start: 0, end: length },
    };
    let edit = TextEdit { span, text: String::new() };
    let own = document.root().map(Node::span);
    verify(source, &edit, object.node, |before, after| {
        let others: Vec<&Document> = before.iter().filter(|one| one.root().map(Node::span) != own).collect();
        others.len() + 1 == before.len() && others.len() == after.len() && others.iter().zip(after).all(|(old, new)| same(old, new))
    })?;
    Ok(edit)
}

/// The lines that part documents.
fn separators(text: &str) -> Vec<Span> {
    let mut at = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            lines.push(Span::new(at, at + line.len()));
        }
        at += line.len();
    }
    lines
}

fn verify(
    source: &std::sync::Arc<Source>,
    edit: &TextEdit,
    place: Node<'_>,
    holds: impl FnOnce(&[Document], &[Document]) -> bool,
) -> Result<(), Refused> {
    let text = apply(&source.text, std::slice::from_ref(edit)).unwrap_or_default();
    let (before, _) = parse(source, Limits::default());
    let (after, problems) = parse(&Source::new(source.name.as_str(), source.origin, text), Limits::default());
    let broken = problems.iter().any(|problem| problem.kind == ProblemKind::Syntax);
    if broken || !holds(&before, &after) { Err(refuse(place, "the other documents would not stay as they are")) } else { Ok(()) }
}

fn is_same(before: &[Document], after: &[Document]) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(old, new)| same(old, new))
}

fn same(old: &Document, new: &Document) -> bool {
    old.root().map(Node::to_json) == new.root().map(Node::to_json)
}
