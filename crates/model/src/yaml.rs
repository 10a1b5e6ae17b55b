//! YAML text to documents. The only file that knows the parser.

use crate::builder::{Broken, Builder};
use crate::document::{Limits, Parsed, Shape};
use crate::plain_yaml::{self, Unusual};
use crate::{Document, Location, Problem, ProblemKind, Source, Span};
use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, Tag};
use std::borrow::Cow;
use std::sync::Arc;

pub(crate) fn parse(source: &Arc<Source>, limits: Limits) -> Parsed {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for chunk in parts(&source.text) {
        let (document, trouble) = parse_chunk(source, chunk, limits);
        documents.extend(document);
        problems.extend(trouble);
    }
    (documents, problems)
}

/// The parts of a text that hold a document each. Each is read without a look at the others.
pub(crate) fn parts(text: &str) -> Vec<Span> {
    let mut parts = chunks(text);
    let is_blank = |line: &str| matches!(line, "" | "---" | "...") || line.starts_with('#');
    parts.retain(|part| !text.get(part.range()).unwrap_or("").lines().map(str::trim_ascii).all(is_blank));
    parts
}

/// Splits at lines that start a document, so that a broken document leaves the others readable.
///
/// `---` in the first column ends a document wherever it stands, block scalars included (YAML 1.2.2, 9.1.2).
fn chunks(text: &str) -> Vec<Span> {
    let mut starts = vec![0];
    for (at, _) in text.match_indices("---") {
        let first_column = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
        let ends = text.as_bytes().get(at + 3).is_none_or(u8::is_ascii_whitespace);
        if !first_column || !ends {
            continue;
        }
        let before = text.get(starts.last().copied().unwrap_or(0)..at).unwrap_or("");
        // `%YAML` lines belong to the document that follows them.
        let directives = before.lines().all(is_directive_or_blank) && before.lines().any(|line| line.starts_with('%'));
        if at > 0 && !directives {
            starts.push(at);
        }
    }
    let ends = starts.iter().copied().skip(1).chain(std::iter::once(text.len()));
    starts.iter().copied().zip(ends).map(|(start, end)| Span::new(start, end)).collect()
}

fn is_directive_or_blank(line: &str) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(['%', '#'])
}

fn parse_chunk(source: &Arc<Source>, chunk: Span, limits: Limits) -> (Option<Document>, Vec<Problem>) {
    let text = source.slice(chunk);
    let mut builder = Builder::new(source, limits, text.len() / 16);
    match plain_yaml::read(text, chunk.start, &mut builder) {
        Ok(()) => builder.finish(chunk),
        Err(Unusual) => parse_any(source, chunk, limits),
    }
}

/// Whether both readers agree about a document: `None` if it is not plain, else how they differ. For tests.
#[doc(hidden)]
pub fn compare_readers(text: &str) -> Option<Result<(), String>> {
    let source = Source::new("text", crate::Origin::Stdin, text);
    let (whole, limits) = (Span::new(0, source.text.len()), Limits::default());
    let mut builder = Builder::new(&source, limits, 0);
    plain_yaml::read(&source.text, 0, &mut builder).ok()?;
    let (plain, any) = (builder.finish(whole), parse_any(&source, whole, limits));
    let [plain, any] = [plain, any].map(|(document, problems)| {
        let document =
            document.map(|one| (one.nodes.iter().map(|node| format!("{node:?}")).collect::<Vec<_>>(), one.comments, one.unescaped));
        (document.unwrap_or_default(), problems.iter().map(|problem| format!("{problem:?}")).collect::<Vec<_>>())
    });
    let first = plain.0.0.iter().zip(&any.0.0).find(|(plain, any)| plain != any);
    Some(if plain == any { Ok(()) } else { Err(format!("first node: {first:?}\nplain: {plain:?}\nparser: {any:?}")) })
}

/// A document of any YAML.
///
/// Kubernetes reads with libyaml's rules, which take tabs at the start of a line within brackets for space; the parser does not. They are
/// made spaces then, which moves nothing, and whether they are within brackets is looked at when it has read on.
fn parse_any(source: &Arc<Source>, chunk: Span, limits: Limits) -> (Option<Document>, Vec<Problem>) {
    let mut text = Cow::Borrowed(source.slice(chunk));
    let mut tabs: Vec<usize> = Vec::new();
    loop {
        // Each attempt goes to the next such place.
        let tab = match attempt(source, chunk, &text, limits) {
            Ok((Some(document), problems)) => {
                let is_within = |tab: &&usize| document.nodes.iter().any(|node| node.is_flow_around(chunk.start as usize + **tab));
                match tabs.iter().find(|tab| !is_within(tab)) {
                    None => return (Some(document), problems),
                    Some(tab) => return (None, vec![problem(source, chunk, TAB, *tab).0]),
                }
            }
            Ok(broken) => return broken,
            Err(tab) => tab,
        };
        if tabs.len() == MOST_TABS {
            return (None, vec![problem(source, chunk, TAB, tab).0]);
        }
        tabs.push(tab);
        text = Cow::Owned(without_tabs(&text, tab));
    }
}

/// In how many places of a document tabs are put up with.
const MOST_TABS: usize = 32;
const TAB: &str = "a tab in the indentation; use spaces";

/// Makes spaces of the tabs in the indentation of the line at `at`.
fn without_tabs(text: &str, at: usize) -> String {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let (before, line) = text.split_at_checked(start).unwrap_or((text, ""));
    let (indentation, rest) = line.split_at_checked(line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or(("", line));
    format!("{before}{}{rest}", indentation.replace('\t', " "))
}

/// Reads a text of the length of the chunk. The error is the place of a tab in the indentation.
fn attempt(source: &Arc<Source>, chunk: Span, text: &str, limits: Limits) -> Result<(Option<Document>, Vec<Problem>), usize> {
    let mut builder = Builder::new(source, limits, text.len() / 16);
    let mut options = Options::default();
    options.flow_nesting_limit = limits.depth + 1;
    options.block_nesting_limit = limits.depth + 1;
    options.max_buffered_comment_events = usize::MAX;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut started = false;
    while let Some(next) = parser.next_event() {
        let outcome = match next {
            Ok((Event::DocumentStart(..), _)) if started => {
                // `...` and then bare content: one more document without `---`, which Kubernetes does not read.
                Err(problem(source, chunk, "text after the end of the document", text.len()))
            }
            Ok((event, span)) => {
                started |= matches!(event, Event::DocumentStart(..));
                let span = span
                    .byte_range()
                    .map_or(chunk, |range| Span::new(chunk.start as usize + range.start, chunk.start as usize + range.end));
                read(&mut builder, event, span, source, (text, chunk))
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                if is_tabbed(text, at) {
                    return Err(at);
                }
                Err(problem(source, chunk, &describe(&error.info(), text, at), at))
            }
        };
        if let Err(Broken(problem)) = outcome {
            let mut problems = builder.problems;
            problems.push(problem);
            return Ok((None, problems));
        }
    }
    Ok(builder.finish(chunk))
}

fn read(builder: &mut Builder<'_>, event: Event<'_>, span: Span, source: &Arc<Source>, (whole, chunk): (&str, Span)) -> Result<(), Broken> {
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            let shape = scalar_shape(style, tag.as_deref());
            match text {
                Cow::Borrowed(text) => match offset(text, whole, chunk.start as usize) {
                    Some(place) => builder.scalar(span, place, shape, anchor),
                    None => builder.owned_scalar(span, text, shape, anchor),
                },
                Cow::Owned(text) => builder.owned_scalar(span, &text, shape, anchor),
            }
        }
        Event::SequenceStart(style, anchor, _) => builder.start(span, Shape::List, style == StructureStyle::Flow, anchor),
        Event::MappingStart(style, anchor, _) => builder.start(span, Shape::Map, style == StructureStyle::Flow, anchor),
        Event::SequenceEnd | Event::MappingEnd => builder.end(flow_end(&source.text, span)),
        Event::Alias(anchor) => builder.alias(span, anchor),
        Event::Comment(..) => {
            builder.comments.push(span);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The byte after the bracket that ends a flow collection; `None` at the end of a block collection.
fn flow_end(text: &str, span: Span) -> Option<u32> {
    let bracket = |at: u32| matches!(text.as_bytes().get(at as usize), Some(b'}' | b']')).then_some(at + 1);
    bracket(span.start).or_else(|| bracket(span.start.checked_sub(1)?))
}

fn scalar_shape(style: ScalarStyle, tag: Option<&Tag>) -> Shape {
    match tag.and_then(Tag::core_suffix) {
        Some("str" | "binary") => Shape::Text,
        Some("bool" | "int" | "float" | "null") => Shape::Plain,
        _ if style == ScalarStyle::Plain => Shape::Plain,
        _ => Shape::Text,
    }
}

/// Where `part` stands in `whole`, which starts at `base`, if it is a slice of it.
fn offset(part: &str, whole: &str, base: usize) -> Option<Span> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start + part.len();
    (end <= whole.len()).then(|| Span::new(base + start, base + end))
}

fn problem(source: &Arc<Source>, chunk: Span, message: &str, at: usize) -> Broken {
    let mut start = (chunk.start as usize + at).min(source.text.len());
    while !source.text.is_char_boundary(start) {
        start -= 1;
    }
    let width = source.text.get(start..).and_then(|rest| rest.chars().next()).filter(|next| *next != '\n').map_or(0, char::len_utf8);
    let location = Location { source: Arc::clone(source), span: Span::new(start, start + width) };
    let problem = Problem::new(ProblemKind::Syntax, format!("not valid YAML: {message}"));
    Broken(problem.located(location))
}

/// What stands on a line before a place and from there on.
fn around(text: &str, at: usize) -> (&str, &str) {
    let line = text.get(..at).map_or("", |before| before.rsplit('\n').next().unwrap_or(""));
    (line, text.get(at..).map_or("", |after| after.split('\n').next().unwrap_or("")))
}

/// Whether there is a tab in the indentation of the line at a place.
fn is_tabbed(text: &str, at: usize) -> bool {
    let (line, rest) = around(text, at);
    line.trim_start_matches(' ').starts_with('\t') || (line.trim_ascii().is_empty() && rest.starts_with('\t'))
}

/// The parser's words, or better ones for the mistakes that are made most.
fn describe(error: &str, text: &str, at: usize) -> String {
    let (line, rest) = around(text, at);
    if format!("{line}{rest}").contains("{{") {
        return format!("{error}; this looks like a template that has to be rendered first");
    }
    error.to_owned()
}
