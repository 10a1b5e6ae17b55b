//! Builds the flat tree of a [`Document`] out of the events of the YAML and JSON readers.

use crate::document::{Document, Limits, Raw, Shape, flag};
use crate::{Location, Problem, ProblemKind, Source, Span};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) struct Builder<'s> {
    source: &'s Arc<Source>,
    limits: Limits,
    nodes: Vec<Raw>,
    unescaped: String,
    pub(crate) comments: Vec<Span>,
    pub(crate) problems: Vec<Problem>,
    open: Vec<Open>,
    /// Anchor id to the node that carries it.
    anchors: HashMap<usize, usize>,
    expanded: usize,
}

struct Open {
    node: usize,
    anchor: usize,
    /// In a mapping, whether the next node is a key.
    at_key: bool,
    merges: bool,
    /// The byte after the last part that stands in its own place.
    last: u32,
}

/// Why a document cannot be read further.
pub(crate) struct Broken(pub(crate) Problem);

impl<'s> Builder<'s> {
    pub(crate) fn new(source: &'s Arc<Source>, limits: Limits, expected: usize) -> Self {
        Self {
            source,
            limits,
            nodes: Vec::with_capacity(expected),
            unescaped: String::new(),
            comments: Vec::new(),
            problems: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
        }
    }

    /// A scalar whose text is the bytes `text` of the source.
    pub(crate) fn scalar(&mut self, span: Span, text: Span, shape: Shape, anchor: usize) -> Result<(), Broken> {
        self.push(Raw { shape, flags: 0, end: 0, span, text }, anchor)
    }

    /// A scalar whose text does not stand in the source.
    pub(crate) fn owned_scalar(&mut self, span: Span, text: &str, shape: Shape, anchor: usize) -> Result<(), Broken> {
        let start = self.unescaped.len();
        self.unescaped.push_str(text);
        let text = Span::new(start, self.unescaped.len());
        self.push(Raw { shape, flags: flag::UNESCAPED, end: 0, span, text }, anchor)
    }

    /// The start of a map or list.
    pub(crate) fn start(&mut self, span: Span, shape: Shape, flow: bool, anchor: usize) -> Result<(), Broken> {
        if self.open.len() >= self.limits.depth {
            return Err(self.broken(ProblemKind::Limit, span, format!("nested deeper than {} levels", self.limits.depth)));
        }
        self.key_of_other_kind(span)?;
        let node = self.nodes.len();
        let flags = if flow { flag::FLOW } else { 0 } | if anchor > 0 { flag::ANCHORED } else { 0 };
        self.nodes.push(Raw { shape, flags, end: 0, span, text: Span::default() });
        self.open.push(Open { node, anchor, at_key: shape == Shape::Map, merges: false, last: span.start });
        Ok(())
    }

    /// The end of the innermost map or list; `end` is the byte after its bracket, where it has one.
    pub(crate) fn end(&mut self, end: Option<u32>) -> Result<(), Broken> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        if open.merges {
            self.merge(open.node)?;
        }
        let after = count(self.nodes.len());
        // A block collection ends where its last part ends; the parser's own mark is the start of what follows.
        let mut whole = open.last;
        if let Some(node) = self.nodes.get_mut(open.node) {
            let end = end.filter(|_| node.flags & flag::FLOW != 0);
            node.end = after;
            node.span.end = end.unwrap_or(open.last);
            whole = node.span.end;
        }
        if self.nodes.get(open.node).is_some_and(|node| node.shape == Shape::Map) {
            self.hide_duplicates(open.node);
        }
        if open.anchor > 0 {
            self.anchors.insert(open.anchor, open.node);
        }
        self.placed(whole);
        Ok(())
    }

    /// An alias: a copy of the node that carries `anchor`.
    pub(crate) fn alias(&mut self, span: Span, anchor: usize) -> Result<(), Broken> {
        let Some(&from) = self.anchors.get(&anchor) else {
            return Err(self.broken(ProblemKind::Syntax, span, "the alias stands inside of its own anchor".to_owned()));
        };
        if self.at_key() && self.nodes.get(from).is_some_and(|node| matches!(node.shape, Shape::Map | Shape::List)) {
            self.key_of_other_kind(span)?;
        }
        self.copy(from, span)?;
        self.placed(span.end);
        Ok(())
    }

    /// The finished document, read from the bytes `part`; `None` if there was nothing but comments.
    pub(crate) fn finish(self, part: Span) -> (Option<Document>, Vec<Problem>) {
        let Self { source, mut nodes, unescaped, comments, problems, open, .. } = self;
        nodes.shrink_to_fit();
        let whole = open.is_empty() && !nodes.is_empty();
        (whole.then(|| Document { source: Arc::clone(source), comments, part, nodes, unescaped }), problems)
    }

    pub(crate) fn broken(&self, kind: ProblemKind, span: Span, message: String) -> Broken {
        Broken(Problem::new(kind, message).located(Location { source: Arc::clone(self.source), span }))
    }

    fn push(&mut self, mut raw: Raw, anchor: usize) -> Result<(), Broken> {
        let node = self.nodes.len();
        raw.end = count(node + 1);
        if self.at_key() && raw.shape == Shape::Plain && self.text(&raw) == "<<" {
            raw.flags |= flag::HIDDEN;
            if let Some(open) = self.open.last_mut() {
                open.merges = true;
            }
        }
        if anchor > 0 {
            raw.flags |= flag::ANCHORED;
            self.anchors.insert(anchor, node);
        }
        self.nodes.push(raw);
        self.placed(raw.span.end);
        Ok(())
    }

    fn at_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.at_key)
    }

    /// A node that ends at `end` is complete: in a mapping, the other half of the entry comes next.
    fn placed(&mut self, end: u32) {
        if let Some(open) = self.open.last_mut() {
            open.last = open.last.max(end);
            open.at_key = !open.at_key && self.nodes.get(open.node).is_some_and(|node| node.shape == Shape::Map);
        }
    }

    fn key_of_other_kind(&self, span: Span) -> Result<(), Broken> {
        if !self.at_key() {
            return Ok(());
        }
        let before = span.start.saturating_sub(1);
        if self.source.slice(Span { start: before, end: before + 2 }) == "{{" {
            let message = "not valid YAML: this looks like a template that has to be rendered first";
            return Err(self.broken(ProblemKind::Syntax, Span { start: before, end: before + 2 }, message.to_owned()));
        }
        Err(self.broken(ProblemKind::Syntax, span, "a key must be a scalar, not a map or list".to_owned()))
    }

    /// Appends a copy of the subtree at `from`, its root standing at `span`.
    fn copy(&mut self, from: usize, span: Span) -> Result<(), Broken> {
        let Some(end) = self.nodes.get(from).map(|node| node.end as usize) else { return Ok(()) };
        self.expanded += end.saturating_sub(from);
        if self.expanded > self.limits.expansion {
            return Err(self.broken(
                ProblemKind::Limit,
                span,
                format!("aliases and merge keys expand to more than {} nodes", self.limits.expansion),
            ));
        }
        let shift = count(self.nodes.len().saturating_sub(from));
        for at in from..end {
            let Some(mut node) = self.nodes.get(at).copied() else { break };
            node.end += shift;
            node.flags = (node.flags | flag::SHARED) & !flag::ANCHORED;
            self.nodes.push(node);
        }
        Ok(())
    }

    /// Appends what the `<<` entries of the map at `node` bring in and the map does not say itself.
    fn merge(&mut self, node: usize) -> Result<(), Broken> {
        let mut own: Vec<(usize, usize)> = Vec::new();
        let mut sources: Vec<usize> = Vec::new();
        for (key, value) in self.entries(node, self.nodes.len()) {
            let Some(raw) = self.nodes.get(key) else { continue };
            if raw.flags & flag::HIDDEN == 0 {
                own.push((key, value));
                continue;
            }
            match self.nodes.get(value).map(|value| value.shape) {
                Some(Shape::Map) => sources.push(value),
                Some(Shape::List) => sources.extend(self.items(value)),
                _ => {}
            }
        }
        for from in sources {
            let Some(end) = self.nodes.get(from).map(|raw| raw.end as usize) else { continue };
            if self.nodes.get(from).is_none_or(|raw| raw.shape != Shape::Map) {
                let span = self.nodes.get(from).map(|raw| raw.span).unwrap_or_default();
                return Err(self.broken(ProblemKind::Syntax, span, "`<<` merges maps only".to_owned()));
            }
            for (key, value) in self.entries(from, end) {
                let known = |&(own, _): &(usize, usize)| self.text_at(own) == self.text_at(key);
                if self.nodes.get(key).is_some_and(|raw| raw.flags & flag::HIDDEN != 0) || own.iter().any(known) {
                    continue;
                }
                let at = self.nodes.len();
                let span = self.nodes.get(value).map(|raw| raw.span).unwrap_or_default();
                self.copy(key, span)?;
                let copied_value = self.nodes.len();
                self.copy(value, span)?;
                own.push((at, copied_value));
            }
        }
        Ok(())
    }

    /// Hides all but the last of equal keys, as the last one is what Kubernetes takes, and reports the others.
    fn hide_duplicates(&mut self, node: usize) {
        let entries = self.entries(node, self.nodes.len());
        let visible: Vec<usize> = entries
            .into_iter()
            .map(|(key, _)| key)
            .filter(|&key| self.nodes.get(key).is_some_and(|raw| raw.flags & flag::HIDDEN == 0))
            .collect();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        if visible.len() <= 16 {
            for (at, &later) in visible.iter().enumerate() {
                let earlier = visible.iter().take(at).rev().find(|&&earlier| self.text_at(earlier) == self.text_at(later));
                pairs.extend(earlier.map(|&earlier| (earlier, later)));
            }
        } else {
            let mut seen: HashMap<&str, usize> = HashMap::with_capacity(visible.len());
            for &later in &visible {
                pairs.extend(seen.insert(self.text_at(later), later).map(|earlier| (earlier, later)));
            }
        }
        for (earlier, later) in pairs {
            let (Some(first), Some(again)) = (self.nodes.get(earlier).copied(), self.nodes.get(later).copied()) else { continue };
            let line = self.source.position(first.span.start).line;
            let message = format!("key `{}` stands twice, first in line {line}; Kubernetes takes the last one", self.text(&again));
            let Broken(problem) = self.broken(ProblemKind::DuplicateKey, again.span, message);
            self.problems.push(problem.help("remove one of the two"));
            if let Some(raw) = self.nodes.get_mut(earlier) {
                raw.flags |= flag::HIDDEN;
            }
        }
    }

    /// Indices of the key and value nodes of the map at `node`, whose subtree ends at `end`.
    fn entries(&self, node: usize, end: usize) -> Vec<(usize, usize)> {
        let mut entries = Vec::new();
        let mut at = node + 1;
        while at < end {
            let Some(key) = self.nodes.get(at) else { break };
            let value = key.end as usize;
            let Some(next) = self.nodes.get(value).map(|value| value.end as usize) else { break };
            entries.push((at, value));
            at = next;
        }
        entries
    }

    fn items(&self, node: usize) -> Vec<usize> {
        let Some(end) = self.nodes.get(node).map(|raw| raw.end as usize) else { return Vec::new() };
        let mut items = Vec::new();
        let mut at = node + 1;
        while at < end {
            items.push(at);
            let Some(raw) = self.nodes.get(at) else { break };
            at = raw.end as usize;
        }
        items
    }

    fn text_at(&self, index: usize) -> &str {
        self.nodes.get(index).map_or("", |raw| self.text(raw))
    }

    fn text(&self, raw: &Raw) -> &str {
        let from = if raw.flags & flag::UNESCAPED == 0 { &self.source.text } else { &self.unescaped };
        from.get(raw.text.range()).unwrap_or("")
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
