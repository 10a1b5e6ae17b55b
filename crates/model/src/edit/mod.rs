//! Edits of YAML and JSON text: a JSON Patch of an object made in the text that it was read from, so that comments,
//! order, quoting and line ends survive.
//!
//! Every edit proves itself: the document that changes is read again, and if it says anything but the patched object, nothing
//! is written. The other documents of a file are not looked at, as no edit reaches over a document's end.

mod diff;
mod layout;
mod patch;
mod render;
mod whole;

pub use diff::diff;
pub use patch::patch_json;
pub use whole::{documents, manifest};

use crate::document::{Document, Limits, Node, parse, tokens};
use crate::{JsonText, Location, Object, Origin, PatchKind, PatchOp, ProblemKind, Source, Span};
use layout::Layout;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A replacement in the text of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// The bytes that go; empty for an insertion.
    pub span: Span,
    /// What comes in their place.
    pub text: String,
}

/// Why a patch is not made in the text.
#[derive(Debug, Clone)]
pub struct Refused {
    /// For the user: lower case, no full stop.
    pub message: String,
    /// Where.
    pub location: Location,
}

/// The edits that make `patch` of `object` in its source.
///
/// All paths refer to the object as it stands: operations of several findings can be given together. Additions to
/// one place are merged; indices of list items are those of the original list.
///
/// # Errors
/// Why it cannot be done without touching something else.
pub fn edits(object: &Object<'_>, patch: &[PatchOp]) -> Result<Vec<TextEdit>, Refused> {
    Editor::of(object.node.document()).edits(&[(*object, patch.to_vec())])
}

/// Makes edits in one document.
pub struct Editor<'d> {
    document: &'d Document,
    layout: Layout,
}

impl<'d> Editor<'d> {
    /// Learns how a document is laid out.
    pub fn of(document: &'d Document) -> Self {
        Self { document, layout: Layout::of(document) }
    }

    /// The edits that make `patch` of an object of the document, not proved yet: the work is that of the object.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn plan(&self, object: &Object<'_>, patch: &[PatchOp]) -> Result<Vec<TextEdit>, Refused> {
        let mut plan = Plan { layout: &self.layout, edits: Vec::new() };
        plan.make(object.node, patch)?;
        plan.edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        if plan.edits.iter().zip(plan.edits.iter().skip(1)).any(|(one, next)| one.span.end > next.span.start) {
            return Err(refuse(object.node, "the changes touch the same lines"));
        }
        Ok(plan.edits)
    }

    /// The edits that make patches of several objects of the document, each as [`edits`] does: the document is read once to
    /// prove them all, and the others of its source are not.
    ///
    /// # Errors
    /// Why one of them cannot be done without touching something else.
    pub fn edits(&self, changes: &[(Object<'_>, Vec<PatchOp>)]) -> Result<Vec<TextEdit>, Refused> {
        let mut edits = Vec::new();
        for (object, patch) in changes {
            edits.append(&mut self.plan(object, patch)?);
        }
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        verify(self.document, changes, &edits)?;
        Ok(edits)
    }
}

/// `text` with `edits` made, which are in order; `None` if they overlap or do not fit the text.
pub fn apply(text: &str, edits: &[TextEdit]) -> Option<String> {
    let mut changed = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        changed.push_str(text.get(at..range.start)?);
        changed.push_str(&edit.text);
        at = range.end;
    }
    changed.push_str(text.get(at..)?);
    Some(changed)
}

/// Reads the part of the text that holds a document as it would be and compares it with the patched objects.
///
/// Each part is read without a look at the others: as long as it holds one document and ends as it did, they stay as they are.
fn verify(document: &Document, changes: &[(Object<'_>, Vec<PatchOp>)], edits: &[TextEdit]) -> Result<(), Refused> {
    let location = || changes.first().map_or_else(|| whole_of(document), |(object, _)| object.node.location());
    let refused = |message: &str| Err(Refused { message: message.to_owned(), location: location() });
    let Some(text) = apply_to(document, edits) else { return refused("the changes touch the same lines") };
    let ends_alike = text.ends_with('\n') || !document.source.slice(document.part).ends_with('\n');
    let Some(new) = read(text).filter(|_| ends_alike) else { return refused("the changed text would not be valid") };
    let (Some(old_root), Some(new_root)) = (document.root(), new.root()) else {
        return refused("the changed text would not be valid");
    };
    // Items of a list are counted from its start: what takes some out comes after what changes the others.
    let mut changes: Vec<_> = changes.iter().map(|(object, patch)| (object.pointer(), patch)).collect();
    changes.sort_by_key(|(pointer, _)| pointer.is_empty());
    let mut wanted = old_root.to_json();
    for (pointer, patch) in changes {
        if wanted.pointer_mut(&pointer).is_none_or(|object| patch_json(object, patch).is_err()) {
            return refused("the patch does not fit the object");
        }
    }
    if new_root.to_json() != wanted {
        return refused("the change would reach further than it should; an anchor or an unusual layout is in the way");
    }
    // A comment on the line of an entry that goes, goes with it.
    let gone = document.comments.iter().filter(|comment| edits.iter().any(|edit| edit.span.contains(comment.start))).count();
    if document.comments.len() - gone != new.comments.len() {
        return refused("a comment would be lost");
    }
    Ok(())
}

/// The part of the text that holds a document with `edits` made; `None` if they overlap or touch what is not of it.
fn apply_to(document: &Document, edits: &[TextEdit]) -> Option<String> {
    let part = document.part;
    let moved = |edit: &TextEdit| {
        let span = Span { start: edit.span.start.checked_sub(part.start)?, end: edit.span.end.checked_sub(part.start)? };
        Some(TextEdit { span, text: edit.text.clone() })
    };
    apply(document.source.slice(part), &edits.iter().map(moved).collect::<Option<Vec<_>>>()?)
}

/// The document that a text holds if that is one and valid.
fn read(text: impl Into<String>) -> Option<Document> {
    let (mut documents, problems) = parse(&Source::new("", Origin::File, text), Limits::default());
    let is_valid = documents.len() == 1 && !problems.iter().any(|problem| problem.kind == ProblemKind::Syntax);
    documents.pop().filter(|_| is_valid)
}

fn whole_of(document: &Document) -> Location {
    Location { source: Arc::clone(&document.source), span: document.part }
}

/// A place that a patch speaks of.
#[derive(Clone, Copy)]
struct Spot<'a> {
    parent: Node<'a>,
    /// The key, if the parent is a map.
    key: Option<Node<'a>>,
    value: Node<'a>,
}

struct Plan<'l> {
    layout: &'l Layout,
    edits: Vec<TextEdit>,
}

/// What happens to the entries of one map or the items of one list.
struct Change<'a> {
    holder: Spot<'a>,
    added: Map<String, Value>,
    appended: Vec<Value>,
    removed: Vec<Spot<'a>>,
}

impl Plan<'_> {
    fn make(&mut self, object: Node<'_>, patch: &[PatchOp]) -> Result<(), Refused> {
        let mut changes: Vec<Change<'_>> = Vec::new();
        let mut set: Vec<(Spot<'_>, Value)> = Vec::new();
        for op in patch {
            let (holder_path, last) = op.path.rsplit_once('/').unwrap_or(("", ""));
            let holder = locate(object, holder_path)?;
            let last = tokens(&format!("/{last}")).next().unwrap_or_default().into_owned();
            let spot = child(holder.value, &last);
            let at = match changes.iter().position(|change| change.holder.value == holder.value) {
                Some(at) => at,
                None => {
                    changes.push(Change { holder, added: Map::new(), appended: Vec::new(), removed: Vec::new() });
                    changes.len() - 1
                }
            };
            let Some(change) = changes.get_mut(at) else { continue };
            match (op.op, spot, op.value.as_ref().map(JsonText::value)) {
                (PatchKind::Remove, Some(spot), _) => {
                    if !change.removed.iter().any(|known| known.value == spot.value) {
                        change.removed.push(spot);
                    }
                }
                (PatchKind::Add, None, Some(value)) if holder.value.is_list() && last == "-" => {
                    if !change.appended.contains(&value) {
                        change.appended.push(value);
                    }
                }
                (PatchKind::Add, None, Some(value)) if holder.value.is_map() => merge(&mut change.added, last, &value, holder.value)?,
                (PatchKind::Add | PatchKind::Replace, Some(spot), Some(value))
                    if !holder.value.is_list() || op.op == PatchKind::Replace =>
                {
                    match set.iter_mut().find(|(known, _)| known.value == spot.value) {
                        Some((_, known)) => merge_value(known, &last, &value, holder.value)?,
                        None => set.push((spot, value)),
                    }
                }
                _ => return Err(refuse(holder.value, format!("`{}` is not there", op.path))),
            }
        }
        for (spot, value) in set {
            self.set(spot, &value)?;
        }
        // Insertions at one place are made in this order: those of the inner map come before those of the map around it.
        changes.sort_by_key(|change| std::cmp::Reverse(change.holder.value.span().start));
        for change in changes {
            self.change(&change)?;
        }
        Ok(())
    }

    fn change(&mut self, change: &Change<'_>) -> Result<(), Refused> {
        let Change { holder, added, appended, removed } = change;
        if added.is_empty() && appended.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let parts: Vec<Spot<'_>> = parts(holder.value);
        let gone = |spot: &Spot<'_>| removed.iter().any(|known| known.value == spot.value);
        let kept: Vec<Spot<'_>> = parts.iter().filter(|spot| !gone(spot)).copied().collect();
        if holder.value.is_flow() {
            return self.change_flow(change, &parts, &kept);
        }
        if !added.is_empty() && !removed.is_empty() {
            // The new entries take the place of the first that goes.
            let Some((first, rest)) = removed.split_first() else { return Ok(()) };
            let indent = self.layout.column(start_of(first));
            let text = render::entries(added, indent, self.layout);
            let end = self.layout.content_end(first.value);
            self.edit(Span { start: start_of(first), end }, text.trim_start().to_owned());
            return rest.iter().try_for_each(|spot| self.remove_block(spot, &parts));
        }
        if kept.is_empty() && added.is_empty() && appended.is_empty() {
            return self.empty(holder, &parts);
        }
        for spot in removed {
            self.remove_block(spot, &parts)?;
        }
        let Some(last) = kept.last() else { return Ok(()) };
        let after = self.layout.last_line_end(last.value);
        if !added.is_empty() {
            let indent = self.layout.column(start_of(last));
            let text = render::entries(added, indent, self.layout);
            self.insert(after, format!("{}{text}", self.layout.eol));
        }
        for value in appended {
            let dash =
                self.layout.dash_before(last.value.span().start).ok_or_else(|| refuse(last.value, "the list has an unusual layout"))?;
            let indent = self.layout.column(dash);
            let text = render::item(value, indent, self.layout);
            self.insert(after, format!("{}{text}", self.layout.eol));
        }
        Ok(())
    }

    /// Gives `spot` another value.
    fn set(&mut self, spot: Spot<'_>, value: &Value) -> Result<(), Refused> {
        let node = spot.value;
        let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        let inline = !(value.is_object() || value.is_array()) || is_empty(value) || spot.parent.is_flow();
        let Some(key) = spot.key else {
            let text = render::flow(value, self.layout);
            self.edit(Span { start: node.span().start, end: self.layout.content_end(node) }, text);
            return Ok(());
        };
        let colon = self.layout.colon_after(key).ok_or_else(|| refuse(key, "the key has an unusual layout"))?;
        if inline {
            // A space after the colon, and everything up to the end of the old value.
            let bare = self.layout.is_blank(colon, node.span().start);
            let start =
                if bare && node.span().start < node.span().end && !self.is_block_collection(node) { node.span().start } else { colon };
            let end = if node.span().start < node.span().end { self.layout.content_end(node) } else { colon };
            let space = if start == colon { " " } else { "" };
            self.edit(Span { start, end }, format!("{space}{}", self.flow(&spot, value)));
            return Ok(());
        }
        if self.is_block_collection(node) {
            return Err(refuse(node, "a map or list would be replaced as a whole"));
        }
        // The old scalar goes, a comment stays on its line, the new block comes below.
        let end = if node.span().start < node.span().end { self.layout.content_end(node) } else { colon };
        if end > colon {
            self.edit(Span { start: colon, end }, String::new());
        }
        let indent = self.layout.column(key.span().start) + self.layout.step;
        let body = match value {
            Value::Object(map) => render::entries(map, indent, self.layout),
            other => render::items(other, self.layout.list_indent(self.layout.column(key.span().start)), self.layout),
        };
        self.insert(self.layout.line_end(end), format!("{}{body}", self.layout.eol));
        Ok(())
    }

    fn is_block_collection(&self, node: Node<'_>) -> bool {
        (node.is_map() || node.is_list()) && !node.is_flow()
    }

    /// Takes an entry or item with its lines.
    fn remove_block(&mut self, spot: &Spot<'_>, parts: &[Spot<'_>]) -> Result<(), Refused> {
        let start = if spot.key.is_some() {
            start_of(spot)
        } else {
            self.layout.dash_before(spot.value.span().start).ok_or_else(|| refuse(spot.value, "the list has an unusual layout"))?
        };
        let end = self.layout.content_end(spot.value).max(spot.key.map_or(0, |key| self.layout.colon_after(key).unwrap_or(0)));
        if self.layout.is_first_on_line(start) {
            self.edit(Span { start: self.layout.line_start(start), end: self.layout.next_line(end) }, String::new());
            return Ok(());
        }
        // The first entry of a list item stands behind its dash: the next one moves up.
        let next = parts.iter().map(start_of).find(|next| *next > start);
        match next {
            Some(next) => {
                self.edit(Span { start, end: next }, String::new());
                Ok(())
            }
            None => Err(refuse(spot.value, "the only entry of a list item cannot be taken out")),
        }
    }

    /// A map or list of which nothing is left.
    fn empty(&mut self, holder: &Spot<'_>, parts: &[Spot<'_>]) -> Result<(), Refused> {
        let key = holder.key.ok_or_else(|| refuse(holder.value, "nothing would be left of it"))?;
        let colon = self.layout.colon_after(key).ok_or_else(|| refuse(key, "the key has an unusual layout"))?;
        let text = if holder.value.is_map() { " {}" } else { " []" };
        self.insert(colon, text.to_owned());
        parts.iter().try_for_each(|part| self.remove_block(part, parts))
    }

    fn change_flow(&mut self, change: &Change<'_>, parts: &[Spot<'_>], kept: &[Spot<'_>]) -> Result<(), Refused> {
        let Change { holder, added, appended, removed } = change;
        let span = holder.value.span();
        let value = if holder.value.is_map() { Value::Object(added.clone()) } else { Value::Array(appended.clone()) };
        let Some(last) = kept.last() else {
            // In block surroundings, `key: {}` reads better as a block.
            if let (Some(key), true, true) = (holder.key, parts.is_empty() && !self.layout.is_json, self.ends_line(span.end)) {
                return self.set(Spot { parent: holder.parent, key: Some(key), value: holder.value }, &value);
            }
            self.edit(span, self.flow(holder, &value));
            return Ok(());
        };
        if parts.iter().all(|part| self.has_own_lines(part)) {
            self.change_lines(change, parts, last, &value);
            return Ok(());
        }
        let new = render::flow_parts(&value, self.layout);
        for spot in removed {
            let at = parts.iter().position(|part| part.value == spot.value).unwrap_or(0);
            let before = parts.iter().take(at).rev().find(|part| kept.iter().any(|kept| kept.value == part.value));
            let range = match (before, parts.get(at.wrapping_sub(1)), parts.get(at + 1)) {
                (Some(_), Some(previous), _) => Span { start: previous.value.span().end, end: spot.value.span().end },
                (_, _, Some(next)) => Span { start: start_of(spot), end: start_of(next) },
                _ => return Err(refuse(spot.value, "the list has an unusual layout")),
            };
            self.edit(range, String::new());
        }
        if !new.is_empty() {
            let separator = if self.layout.is_compact_json { "," } else { ", " };
            self.insert(last.value.span().end, format!("{separator}{}", new.join(separator)));
        }
        Ok(())
    }

    /// Changes a flow collection that has each part on lines of its own; comments stay on the lines of their parts.
    fn change_lines(&mut self, change: &Change<'_>, parts: &[Spot<'_>], last: &Spot<'_>, new: &Value) {
        for spot in &change.removed {
            let lines = Span { start: self.layout.line_start(start_of(spot)), end: self.layout.next_line(spot.value.span().end) };
            self.edit(lines, String::new());
        }
        let indent = self.layout.column(start_of(last));
        let new = render::lines(new, indent, self.layout);
        let end = last.value.span().end;
        let trails = parts.last().is_some_and(|part| self.layout.comma_after(part.value.span().end).is_some());
        match (self.layout.comma_after(end), trails || !new.is_empty()) {
            (None, true) => self.insert(end, ",".to_owned()),
            (Some(comma), false) => self.edit(Span { start: end, end: comma }, String::new()),
            _ => {}
        }
        if !new.is_empty() {
            let start = format!("{}{}", self.layout.eol, " ".repeat(indent));
            let comma = if trails { "," } else { "" };
            self.insert(self.layout.line_end(end), format!("{start}{}{comma}", new.join(&format!(",{start}"))));
        }
    }

    /// Whether nothing else stands on the lines of a part of a flow collection, but for its comma and a comment.
    fn has_own_lines(&self, part: &Spot<'_>) -> bool {
        let end = part.value.span().end;
        self.layout.is_first_on_line(start_of(part)) && self.ends_line(self.layout.comma_after(end).unwrap_or(end))
    }

    /// `value` in flow style as it reads best at `spot`: over several lines in pretty-printed JSON, else on one.
    fn flow(&self, spot: &Spot<'_>, value: &Value) -> String {
        let start = start_of(spot);
        if self.layout.is_pretty_json && self.layout.is_first_on_line(start) {
            render::pretty(value, self.layout.column(start), self.layout)
        } else {
            render::flow(value, self.layout)
        }
    }

    /// Whether nothing but a comment follows on the line.
    fn ends_line(&self, at: u32) -> bool {
        let rest = self.layout.rest_of_line(at).trim_start();
        rest.is_empty() || rest.starts_with('#')
    }

    fn edit(&mut self, span: Span, text: String) {
        self.edits.push(TextEdit { span, text });
    }

    fn insert(&mut self, at: u32, text: String) {
        self.edit(Span { start: at, end: at }, text);
    }
}

/// The entries of a map or the items of a list.
fn parts(holder: Node<'_>) -> Vec<Spot<'_>> {
    let entries = holder.entries().map(|(key, value)| Spot { parent: holder, key: Some(key), value });
    entries
        .chain(holder.items().map(|value| Spot { parent: holder, key: None, value }))
        .filter(|spot| !spot.value.is_alias() || spot.key.is_some_and(|key| !key.is_alias()))
        .collect()
}

fn start_of(spot: &Spot<'_>) -> u32 {
    spot.key.unwrap_or(spot.value).span().start
}

/// The node at `pointer` below `object`, refused where it is shared by an alias.
fn locate<'a>(object: Node<'a>, pointer: &str) -> Result<Spot<'a>, Refused> {
    let mut spot = Spot { parent: object, key: None, value: object };
    for token in tokens(pointer) {
        spot = child(spot.value, &token).ok_or_else(|| refuse(spot.value, format!("`{pointer}` is not there")))?;
        if spot.value.is_alias() {
            return Err(refuse(spot.value, "it comes from an anchor, and a change would reach every place that uses it"));
        }
    }
    Ok(spot)
}

fn child<'a>(parent: Node<'a>, token: &str) -> Option<Spot<'a>> {
    if parent.is_list() {
        let value = parent.items().nth(token.parse().ok()?)?;
        return Some(Spot { parent, key: None, value });
    }
    parent.entry(token).map(|(key, value)| Spot { parent, key: Some(key), value })
}

/// Adds `value` under `key`, together with what was added there before.
fn merge(map: &mut Map<String, Value>, key: String, value: &Value, place: Node<'_>) -> Result<(), Refused> {
    if let Some(known) = map.get_mut(&key) {
        return merge_value(known, &key, value, place);
    }
    map.insert(key, value.clone());
    Ok(())
}

fn merge_value(known: &mut Value, key: &str, value: &Value, place: Node<'_>) -> Result<(), Refused> {
    match (known, value) {
        (Value::Object(known), Value::Object(more)) => more.iter().try_for_each(|(key, value)| merge(known, key.clone(), value, place)),
        (known, value) if known == value => Ok(()),
        _ => Err(refuse(place, format!("two changes want different values for `{key}`"))),
    }
}

fn refuse(node: Node<'_>, message: impl Into<String>) -> Refused {
    Refused { message: message.into(), location: node.location() }
}
