//! Objects that come and go as a whole.

use super::layout::Layout;
use super::{Refused, TextEdit, apply, refuse, render, span_of};
use crate::document::{Document, Limits, Node, parse};
use crate::{Object, ProblemKind, Source, Span};
use serde_json::Value;
use std::sync::Arc;

/// The text of an object as a manifest, in block style.
pub fn manifest(object: &Value) -> String {
    let (documents, _) = parse(&Source::new("", crate::Origin::File, "kind: any\n"), Limits::default());
    documents.first().map(|document| text(object, &Layout::of(document))).unwrap_or_default()
}

fn text(object: &Value, layout: &Layout) -> String {
    let entries = object.as_object().map(|map| render::entries(map, 0, layout)).unwrap_or_default();
    format!("{entries}{}", layout.eol)
}

/// The edits that take documents out of a source, with the comments in them, and put new ones at its end; `last` is its
/// last document. The text is read once to prove them all. Where nothing is left of the source but comments, everything goes.
///
/// # Errors
/// An object is an item of a list, a document cannot be told from its neighbours, or the source is JSON, which holds one.
pub fn documents(last: &Document, gone: &[Object<'_>], new: &[Value]) -> Result<Vec<TextEdit>, Refused> {
    let source = &last.source;
    let separators = separators(&source.text);
    let mut edits = Vec::with_capacity(gone.len() + 1);
    for object in gone {
        edits.push(removal(object, &separators)?);
    }
    edits.sort_by_key(|edit| edit.span.start);
    if !new.is_empty() {
        edits.push(addition(last, new)?);
    }
    let place = crate::Location { source: Arc::clone(source), span: gone.first().map_or(Span::default(), |object| object.node.span()) };
    let refused = |message: &str| Refused { message: message.to_owned(), location: place };
    let Some(text) = apply(&source.text, &edits) else { return Err(refused("the changes touch the same lines")) };
    let (before, _) = parse(source, Limits::default());
    let (after, problems) = parse(&Source::new(source.name.as_str(), source.origin, text), Limits::default());
    let is_gone = |document: &&Document| gone.iter().any(|object| span_of(object.node.document()) == span_of(document));
    let kept: Vec<&Document> = before.iter().filter(|document| !is_gone(document)).collect();
    let json = |document: &Document| document.root().map(Node::to_json);
    let stays = kept.iter().zip(&after).all(|(old, new)| json(old) == json(new));
    let comes = after.iter().skip(kept.len()).map(json).eq(new.iter().cloned().map(Some));
    let counts = kept.len() + gone.len() == before.len() && kept.len() + new.len() == after.len();
    if !stays || !comes || !counts || problems.iter().any(|problem| problem.kind == ProblemKind::Syntax) {
        return Err(refused("the other documents would not stay as they are"));
    }
    Ok(edits)
}

fn addition(last: &Document, new: &[Value]) -> Result<TextEdit, Refused> {
    let source = &last.source;
    let layout = Layout::of(last);
    if layout.is_json || last.root().is_none() {
        let location = crate::Location { source: Arc::clone(source), span: span_of(last).unwrap_or_default() };
        return Err(Refused { message: "a JSON file holds one object".to_owned(), location });
    }
    let end = Span::new(source.text.len(), 0).start;
    let gap = if source.text.ends_with('\n') { "" } else { layout.eol };
    let texts: String = new.iter().map(|object| format!("---{}{}", layout.eol, text(object, &layout))).collect();
    Ok(TextEdit { span: Span { start: end, end }, text: format!("{gap}{texts}") })
}

fn removal(object: &Object<'_>, separators: &[Span]) -> Result<TextEdit, Refused> {
    if !object.pointer().is_empty() {
        return Err(refuse(object.node, "it is an item of a list"));
    }
    let span = object.node.span();
    let length = Span::new(object.node.document().source.text.len(), 0).start;
    let at = separators.partition_point(|line| line.start <= span.start);
    let before = at.checked_sub(1).and_then(|at| separators.get(at));
    let after = separators.get(at..).unwrap_or_default().iter().find(|line| line.start >= span.end);
    let span = match (before, after) {
        (Some(before), after) => Span { start: before.start, end: after.map_or(length, |after| after.start) },
        (None, Some(after)) => Span { start: 0, end: after.end },
        (None, None) => Span { start: 0, end: length },
    };
    Ok(TextEdit { span, text: String::new() })
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
