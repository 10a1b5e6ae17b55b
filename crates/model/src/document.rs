//! Documents: YAML or JSON as a tree in which every node and key knows its bytes.
//!
//! The tree is one flat list in document order (a node is followed by its whole subtree), 24 bytes a node. Scalars are
//! kept as written and typed when they are read, because Kubernetes types them by field.

use crate::scalar::{self, Scalar};
use crate::{Location, Problem, Source, Span, json, yaml};
use std::borrow::Cow;
use std::sync::Arc;

/// One YAML or JSON document of a source.
pub struct Document {
    /// The text that it was read from.
    pub source: Arc<Source>,
    /// Comments in order of their place, without those inside of block scalars.
    pub comments: Vec<Span>,
    /// The bytes that it was read from, and no other: those between two document markers, the one before it included.
    pub(crate) part: Span,
    pub(crate) nodes: Vec<Raw>,
    /// Scalar text that does not stand in the source as it is (escapes, folded lines).
    pub(crate) unescaped: String,
}

/// A node of a [`Document`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: u32,
}

/// The bounds on what one document may ask of the reader.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one source.
    pub bytes: u64,
    /// Levels of nesting. Kubernetes objects stay below 70 (deep OpenAPI schemas in custom resource definitions).
    pub depth: usize,
    /// Nodes that aliases and merge keys may add to one document.
    pub expansion: usize,
}

/// How far a JSON pointer leads.
pub(crate) struct Way<'a> {
    /// The node that it names, or the last one on the way to it.
    pub(crate) node: Node<'a>,
    /// The key of that node; `None` for an item of a list and where the walk did not get away.
    pub(crate) key: Option<Node<'a>>,
    /// Whether the node is the one that it names.
    pub(crate) reached: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 250, expansion: 100_000 }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw {
    pub(crate) shape: Shape,
    pub(crate) flags: u8,
    /// The index after the last node of the subtree.
    pub(crate) end: u32,
    /// Where the node stands, quotes and brackets included.
    pub(crate) span: Span,
    /// A scalar's text: in the source, or in `unescaped` when flagged so.
    pub(crate) text: Span,
}

impl Raw {
    /// Whether it is written with brackets or braces, and a place is between them.
    pub(crate) fn is_flow_around(&self, at: usize) -> bool {
        self.flags & flag::FLOW != 0 && self.span.range().contains(&at)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Map,
    List,
    /// Not quoted: typed by the Kubernetes rules.
    Plain,
    /// Quoted, block or tagged `!!str`: always a string.
    Text,
}

pub(crate) mod flag {
    /// The text is in `Document::unescaped`.
    pub(crate) const UNESCAPED: u8 = 1;
    /// Copied from an anchor: an edit here would change every other place too.
    pub(crate) const SHARED: u8 = 2;
    /// Written with brackets or braces.
    pub(crate) const FLOW: u8 = 4;
    /// A key whose entry is not part of the map: `<<`, or an earlier duplicate.
    pub(crate) const HIDDEN: u8 = 8;
    /// Carries an anchor that aliases may refer to.
    pub(crate) const ANCHORED: u8 = 16;
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A scalar, typed by the Kubernetes rules.
    Scalar(Scalar<'a>),
    /// A mapping.
    Map,
    /// A sequence.
    List,
}

/// The documents of a source and what could not be read of it.
pub type Parsed = (Vec<Document>, Vec<Problem>);

/// Reads every document of `source`. A broken document is a problem and does not hide the others.
///
/// Text that starts with a brace or bracket is read as JSON, with YAML as the fallback, as kubectl does.
pub fn parse(source: &Arc<Source>, limits: Limits) -> Parsed {
    if source.text.len() as u64 > limits.bytes.min(u64::from(u32::MAX)) {
        let problem = Problem::new(
            crate::ProblemKind::Limit,
            format!("{} bytes is more than the limit of {} bytes", source.text.len(), limits.bytes),
        );
        return (Vec::new(), vec![problem.target(&source.name)]);
    }
    let text = source.text.trim_ascii_start();
    if text.starts_with(['{', '[']) && !text.starts_with("{{") {
        let (documents, problems) = json::parse(source, limits);
        if problems.is_empty() {
            return (documents, problems);
        }
        let fallback = yaml::parse(source, limits);
        return if fallback.1.is_empty() { fallback } else { (documents, problems) };
    }
    yaml::parse(source, limits)
}

/// The parts of a text that hold a document each, as [`parse`] divides it, in order.
pub(crate) fn parts(text: &str) -> Vec<Span> {
    if text.trim_ascii_start().starts_with(['{', '[']) {
        let (documents, _) = parse(&Source::new("", crate::Origin::File, text), Limits::default());
        return documents.iter().map(|document| document.part).collect();
    }
    yaml::parts(text)
}

impl Document {
    /// The root node; `None` for a document of nothing but comments.
    pub fn root(&self) -> Option<Node<'_>> {
        self.node(0)
    }

    /// The node that JSON pointer `pointer` (RFC 6901) names.
    pub fn resolve(&self, pointer: &str) -> Option<Node<'_>> {
        self.root()?.resolve(pointer)
    }

    pub(crate) fn node(&self, index: u32) -> Option<Node<'_>> {
        ((index as usize) < self.nodes.len()).then_some(Node { document: self, index })
    }
}

impl<'a> Node<'a> {
    /// The document that the node is part of.
    pub fn document(self) -> &'a Document {
        self.document
    }

    /// The node's bytes.
    pub fn span(self) -> Span {
        self.raw().span
    }

    /// The node's place.
    pub fn location(self) -> Location {
        Location { source: Arc::clone(&self.document.source), span: self.span() }
    }

    /// What the node is.
    pub fn value(self) -> Value<'a> {
        match self.raw().shape {
            Shape::Map => Value::Map,
            Shape::List => Value::List,
            Shape::Plain => Value::Scalar(scalar::resolve(self.text())),
            Shape::Text => Value::Scalar(Scalar::Str(self.text())),
        }
    }

    /// A scalar's text as written, quotes and escapes resolved; empty for maps and lists.
    pub fn text(self) -> &'a str {
        let raw = self.raw();
        let from = if raw.flags & flag::UNESCAPED == 0 { &self.document.source.text } else { &self.document.unescaped };
        from.get(raw.text.range()).unwrap_or("")
    }

    /// Whether the node is a mapping.
    pub fn is_map(self) -> bool {
        self.raw().shape == Shape::Map
    }

    /// Whether the node is a sequence.
    pub fn is_list(self) -> bool {
        self.raw().shape == Shape::List
    }

    /// Whether the node is `null`, which Kubernetes reads as absent.
    pub fn is_null(self) -> bool {
        self.raw().shape == Shape::Plain && matches!(scalar::resolve(self.text()), Scalar::Null)
    }

    /// The string, if it is one by the Kubernetes rules.
    pub fn as_str(self) -> Option<&'a str> {
        match self.value() {
            Value::Scalar(Scalar::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.value() {
            Value::Scalar(Scalar::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// The whole number, if it is one; `1.0` is one, as in JSON.
    pub fn as_int(self) -> Option<i64> {
        match self.value() {
            Value::Scalar(Scalar::Int(value)) => Some(value),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
            Value::Scalar(Scalar::Float(value)) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
            _ => None,
        }
    }

    /// The value of `key` in a mapping; `None` where it is missing, null, or the node is no mapping.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.entry(key).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The key and value nodes of `key` in a mapping, null values included.
    pub fn entry(self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        self.entries().find(|(name, _)| name.text() == key)
    }

    /// The key and value nodes of the first `key` in a mapping, also where the key stands again: what yaml-cpp takes, unlike Kubernetes.
    pub fn first_entry(self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        self.written_entries().find(|(name, _)| name.text() == key)
    }

    /// Key and value nodes of a mapping in order; nothing for other nodes.
    pub fn entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> + use<'a> {
        self.written_entries().filter(|(key, _)| key.raw().flags & flag::HIDDEN == 0)
    }

    /// As [`Node::entries`], with those that do not count for Kubernetes.
    fn written_entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> + use<'a> {
        let raw = self.raw();
        let mut next = if raw.shape == Shape::Map { self.index + 1 } else { raw.end };
        std::iter::from_fn(move || {
            (next < raw.end).then(|| {
                let key = Node { document: self.document, index: next };
                let value = Node { document: self.document, index: key.raw().end };
                next = value.raw().end;
                (key, value)
            })
        })
    }

    /// The items of a sequence in order; nothing for other nodes.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let raw = self.raw();
        let mut next = if raw.shape == Shape::List { self.index + 1 } else { raw.end };
        std::iter::from_fn(move || {
            (next < raw.end).then(|| {
                let item = Node { document: self.document, index: next };
                next = item.raw().end;
                item
            })
        })
    }

    /// The value at a path of mapping keys; see [`Node::get`].
    pub fn at(self, path: &[&str]) -> Option<Node<'a>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The node that JSON pointer `pointer` (RFC 6901) names below this one.
    pub fn resolve(self, pointer: &str) -> Option<Node<'a>> {
        tokens(pointer).try_fold(self, |node, token| node.child(&token))
    }

    /// The node that `pointer` names, or the last one on the way to it that exists, and whether it was reached.
    pub fn nearest(self, pointer: &str) -> (Node<'a>, bool) {
        let way = self.follow(pointer);
        (way.node, way.reached)
    }

    /// Walks along `pointer` as far as there are nodes.
    pub(crate) fn follow(self, pointer: &str) -> Way<'a> {
        let mut way = Way { node: self, key: None, reached: true };
        for token in tokens(pointer) {
            let next = if way.node.is_list() {
                token.parse().ok().and_then(|at| way.node.items().nth(at)).map(|item| (None, item))
            } else {
                way.node.entry(&token).map(|(key, value)| (Some(key), value))
            };
            match next {
                Some((key, node)) => (way.key, way.node) = (key, node),
                None => return Way { reached: false, ..way },
            }
        }
        way
    }

    /// The value of an entry of a mapping (null ones included), or the item of a sequence.
    pub(crate) fn child(self, token: &str) -> Option<Node<'a>> {
        if self.is_list() { self.items().nth(token.parse().ok()?) } else { self.entry(token).map(|(_, value)| value) }
    }

    /// The JSON pointer from the document's root to this node.
    pub fn pointer(self) -> String {
        let mut pointer = String::new();
        let Some(mut node) = self.document.root() else { return pointer };
        while node.index != self.index {
            let within = |child: Node<'_>| child.index <= self.index && self.index < child.raw().end;
            let step = if node.is_list() {
                node.items().enumerate().find(|(_, item)| within(*item)).map(|(at, item)| (Cow::Owned(at.to_string()), item))
            } else {
                node.entries().find(|(_, value)| within(*value)).map(|(key, value)| (escape(key.text()), value))
            };
            let Some((token, child)) = step else { break };
            pointer.push('/');
            pointer.push_str(&token);
            node = child;
        }
        pointer
    }

    /// Whether the node, or a part of it, was copied from an anchor or carries one: an edit would reach further than it seems.
    pub fn is_shared(self) -> bool {
        let raw = self.raw();
        let subtree = self.document.nodes.get(self.index as usize..raw.end as usize).unwrap_or_default();
        subtree.iter().any(|node| node.flags & (flag::SHARED | flag::ANCHORED) != 0)
    }

    /// Whether the node was copied from an anchor by an alias or a merge key.
    pub fn is_alias(self) -> bool {
        self.raw().flags & flag::SHARED != 0
    }

    /// Whether the node is written with brackets or braces.
    pub fn is_flow(self) -> bool {
        self.raw().flags & flag::FLOW != 0
    }

    /// The node as JSON, with scalars typed by the Kubernetes rules.
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.value() {
            Value::Map => Json::Object(self.entries().map(|(key, value)| (key.text().to_owned(), value.to_json())).collect()),
            Value::List => Json::Array(self.items().map(Node::to_json).collect()),
            Value::Scalar(Scalar::Null) => Json::Null,
            Value::Scalar(Scalar::Bool(value)) => value.into(),
            Value::Scalar(Scalar::Int(value)) => value.into(),
            Value::Scalar(Scalar::Uint(value)) => value.into(),
            Value::Scalar(Scalar::Float(value)) => serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number),
            Value::Scalar(Scalar::Str(text)) => text.into(),
        }
    }

    /// How a user would call what the node is: `a map`, `a list`, `a string`, ….
    pub fn describe(self) -> &'static str {
        match self.value() {
            Value::Map => "a map",
            Value::List => "a list",
            Value::Scalar(Scalar::Null) => "null",
            Value::Scalar(Scalar::Bool(_)) => "a boolean",
            Value::Scalar(Scalar::Int(_) | Scalar::Uint(_)) => "a number",
            Value::Scalar(Scalar::Float(_)) => "a decimal number",
            Value::Scalar(Scalar::Str(_)) => "a string",
        }
    }

    fn raw(self) -> Raw {
        /// A node is only made for an index that exists; this stands in for the impossible.
        const NOTHING: Raw =
            Raw { shape: Shape::Plain, flags: 0, end: u32::MAX, span: Span { start: 0, end: 0 }, text: Span { start: 0, end: 0 } };
        self.document.nodes.get(self.index as usize).copied().unwrap_or(NOTHING)
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.location(), self.pointer())
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({}, {} nodes)", self.source.name, self.nodes.len())
    }
}

/// The tokens of a JSON pointer, unescaped.
pub fn tokens(pointer: &str) -> impl DoubleEndedIterator<Item = Cow<'_, str>> {
    let tokens = pointer.strip_prefix('/').map(|rest| rest.split('/'));
    tokens
        .into_iter()
        .flatten()
        .map(|token| if token.contains('~') { Cow::Owned(token.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(token) })
}

/// `token` as it stands in a JSON pointer.
pub fn escape(token: &str) -> Cow<'_, str> {
    if token.contains(['~', '/']) { Cow::Owned(token.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(token) }
}
