//! Objects that come and go as a whole.

use super::layout::Layout;
use super::{Refused, TextEdit, apply, read, refuse, render, whole_of};
use crate::document::{Document, Node, parts};
use crate::{Object, Span};
use serde_json::Value;

/// The text of an object as a manifest, in block style.
pub fn manifest(object: &Value) -> String {
    read("kind: any\n").map(|document| text(object, &Layout::of(&document))).unwrap_or_default()
}

fn text(object: &Value, layout: &Layout) -> String {
    let entries = object.as_object().map(|map| render::entries(map, 0, layout)).unwrap_or_default();
    format!("{entries}{}", layout.eol)
}

/// The edits that take documents out of a source, with the comments in them, and put new ones at its end; `last` is its
/// last document. What is not the text that it was is read to prove them. Where nothing is left of the source but comments,
/// everything goes.
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
    let location = whole_of(gone.first().map_or(last, |object| object.node.document()));
    let refused = |message: &str| Refused { message: message.to_owned(), location };
    let Some(text) = apply(&source.text, &edits) else { return Err(refused("the changes touch the same lines")) };
    let part_of = |object: &Object<'_>| object.node.document().part;
    let (before, after) = (parts(&source.text), parts(&text));
    let kept: Vec<Span> = before.iter().filter(|part| !gone.iter().any(|object| part_of(object) == **part)).copied().collect();
    let after: Vec<&str> = after.iter().map(|part| text.get(part.range()).unwrap_or("")).collect();
    let json = |text: &str| read(text).and_then(|document| document.root().map(Node::to_json));
    let is_same = |old: &str, new: &str| old == new || json(old).is_some_and(|old| json(new) == Some(old));
    let stays = kept.iter().zip(&after).all(|(old, new)| is_same(source.slice(*old), new));
    let comes = after.iter().skip(kept.len()).map(|text| json(text)).eq(new.iter().cloned().map(Some));
    let counts = kept.len() + gone.len() == before.len() && kept.len() + new.len() == after.len();
    if !stays || !comes || !counts {
        return Err(refused("the other documents would not stay as they are"));
    }
    Ok(edits)
}

fn addition(last: &Document, new: &[Value]) -> Result<TextEdit, Refused> {
    let source = &last.source;
    let layout = Layout::of(last);
    if layout.is_json || last.root().is_none() {
        return Err(Refused { message: "a JSON file holds one object".to_owned(), location: whole_of(last) });
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
