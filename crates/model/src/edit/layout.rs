//! How a document is laid out: where lines start and end, and the habits of its author.

use crate::document::{Document, Node};
use crate::{Source, Span};
use std::sync::Arc;

pub(super) struct Layout {
    source: Arc<Source>,
    /// `\n` or `\r\n`.
    pub(super) eol: &'static str,
    /// Columns that a map in a map is indented by.
    pub(super) step: usize,
    /// Columns that a list is indented by below its key.
    pub(super) list_step: usize,
    /// Whether lists of words are written in brackets.
    pub(super) flow_lists: bool,
    /// Whether the document is JSON.
    pub(super) is_json: bool,
    /// Whether it is JSON over several lines.
    pub(super) is_pretty_json: bool,
    /// Whether it is JSON without blanks.
    pub(super) is_compact_json: bool,
}

impl Layout {
    pub(super) fn of(document: &Document) -> Self {
        let source = Arc::clone(&document.source);
        let is_json = document.root().is_some_and(Node::is_flow);
        let span = document.root().map(Node::span).unwrap_or_default();
        let text = source.slice(span);
        let mut layout = Self {
            eol: if ends_in_return(source.text.get(span.start as usize..).unwrap_or("")) { "\r\n" } else { "\n" },
            step: 2,
            list_step: 0,
            flow_lists: is_json,
            is_json,
            is_pretty_json: is_json && text.contains('\n'),
            is_compact_json: is_json && !text.contains("\": ") && !text.contains('\n'),
            source,
        };
        let mut habits = Habits::default();
        if let Some(root) = document.root() {
            habits.learn(root, &layout);
        }
        layout.step = habits.step.unwrap_or(2);
        layout.list_step = habits.list_step.unwrap_or(if is_json { layout.step } else { 0 });
        layout.flow_lists |= habits.flow_lists;
        layout
    }

    fn text(&self) -> &str {
        &self.source.text
    }

    /// The first byte of the line that holds byte `at`.
    pub(super) fn line_start(&self, at: u32) -> u32 {
        let before = self.text().get(..at as usize).unwrap_or("");
        Span::new(before.rfind('\n').map_or(0, |at| at + 1), 0).start
    }

    /// The byte after the last of the line that holds byte `at`, without its line break.
    pub(super) fn line_end(&self, at: u32) -> u32 {
        let rest = self.rest_of_line(at);
        at + Span::new(rest.len(), 0).start
    }

    /// The first byte of the next line.
    pub(super) fn next_line(&self, at: u32) -> u32 {
        let rest = self.text().get(at as usize..).unwrap_or("");
        at + Span::new(rest.find('\n').map_or(rest.len(), |at| at + 1), 0).start
    }

    pub(super) fn rest_of_line(&self, at: u32) -> &str {
        self.text().get(at as usize..).unwrap_or("").split('\n').next().unwrap_or("").trim_end_matches('\r')
    }

    /// Bytes between the start of the line and `at`.
    pub(super) fn column(&self, at: u32) -> usize {
        (at - self.line_start(at)) as usize
    }

    pub(super) fn is_first_on_line(&self, at: u32) -> bool {
        self.is_blank(self.line_start(at), at)
    }

    /// Whether there is only white space from `start` to `end`: no indicator of a block scalar, tag or anchor.
    pub(super) fn is_blank(&self, start: u32, end: u32) -> bool {
        self.source.slice(Span { start, end }).trim().is_empty()
    }

    /// The byte after the last one of a node that is not white space; block scalars reach into the next line.
    pub(super) fn content_end(&self, node: Node<'_>) -> u32 {
        let span = node.span();
        span.start + Span::new(self.source.slice(span).trim_end().len(), 0).start
    }

    /// The end of the last line of a node, comment and the blank lines that belong to a block scalar included.
    pub(super) fn last_line_end(&self, node: Node<'_>) -> u32 {
        let mut end = self.line_end(self.content_end(node));
        let mut last = node;
        while let Some(inner) = last.entries().map(|(_, value)| value).chain(last.items()).last().filter(|inner| !inner.is_alias()) {
            last = inner;
        }
        // `|+` keeps the blank lines below its text. In quotes, line breaks do not reach further than the closing quote.
        let is_quoted = self.source.slice(last.span()).ends_with(['"', '\'']);
        if last.text().ends_with("\n\n") && !is_quoted {
            let length = Span::new(self.text().len(), 0).start;
            let mut next = self.next_line(end);
            while next < length && self.rest_of_line(next).trim().is_empty() {
                (end, next) = (self.line_end(next), self.next_line(next));
            }
        }
        end
    }

    /// The byte after the comma that follows `at` on the same line.
    pub(super) fn comma_after(&self, at: u32) -> Option<u32> {
        let rest = self.rest_of_line(at);
        let comma = rest.find(',')?;
        rest.get(..comma)?.trim().is_empty().then(|| at + Span::new(comma + 1, 0).start)
    }

    /// The byte after the colon of a key.
    pub(super) fn colon_after(&self, key: Node<'_>) -> Option<u32> {
        let rest = self.rest_of_line(key.span().end);
        let at = rest.find(':')?;
        rest.get(..at)?.trim().is_empty().then(|| key.span().end + Span::new(at + 1, 0).start)
    }

    /// The dash of the list item that starts at `at`, if it stands on the same line with only blanks between.
    pub(super) fn dash_before(&self, at: u32) -> Option<u32> {
        let before = self.source.slice(Span { start: self.line_start(at), end: at });
        let trimmed = before.trim_end();
        trimmed.ends_with('-').then(|| self.line_start(at) + Span::new(trimmed.len() - 1, 0).start)
    }

    /// The column of the dashes of a list below a key in column `key`.
    pub(super) fn list_indent(&self, key: usize) -> usize {
        key + self.list_step
    }
}

/// Whether the first line of a text ends in a carriage return: files keep to one line end.
fn ends_in_return(text: &str) -> bool {
    text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"))
}

#[derive(Default)]
struct Habits {
    step: Option<usize>,
    list_step: Option<usize>,
    flow_lists: bool,
}

impl Habits {
    fn learn(&mut self, node: Node<'_>, layout: &Layout) {
        for (key, value) in node.entries().filter(|(_, value)| !value.is_alias()) {
            let column = layout.column(key.span().start);
            let first = value.entries().next().map(|(key, _)| key);
            if let Some(first) = first.filter(|first| layout.is_first_on_line(first.span().start) && self.step.is_none()) {
                self.step = layout.column(first.span().start).checked_sub(column).filter(|step| *step > 0);
            }
            if let Some(item) = value.items().next() {
                if value.is_flow() {
                    self.flow_lists |= !item.is_map() && !item.is_list();
                } else if self.list_step.is_none() {
                    self.list_step = layout.dash_before(item.span().start).and_then(|dash| layout.column(dash).checked_sub(column));
                }
            }
            self.learn(value, layout);
        }
        for item in node.items().filter(|item| !item.is_alias()) {
            self.learn(item, layout);
        }
    }
}
