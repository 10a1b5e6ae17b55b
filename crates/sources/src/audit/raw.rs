//! Events as they stand in a log, one by one: for rules, which may ask for any part of an event and mostly ask for few.
//!
//! What is an event of `audit.k8s.io` by itself is handed over as it is, once it is known to be JSON, and of it only the members at the top are
//! looked for. Anything else goes the way that [`read`](super::read) goes, and comes back as such an event: taken out of an export, or made of one that has
//! a form of its own.

use super::Options;
use super::document::{Context, Found};
use super::problems::Book;
use super::users::Users;
use crate::files;
use crate::split::{Batch, Splitter};
use crate::streams::{broken_stream, each_stream, unpacked};
use bumpalo::Bump;
use plimsoll_model::Problem;
use plimsoll_model::audit::{Event, Place, Target};
use plimsoll_model::lazy::{self, Json};
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// Memory of an event that was larger than this is given back.
const ARENA: usize = 1 << 20;

/// One event of a log.
#[derive(Debug)]
pub struct RawEvent<'b> {
    /// The event, an object.
    pub json: Json<'b>,
    /// Memory that lasts as long as the event.
    pub arena: &'b Bump,
    /// Where it stands.
    pub place: Place,
}

/// Reads what the paths name, as [`read`](super::read) does, and gives each event to `sink`. Of the options, only the limit and
/// whether to be prompt count.
pub fn raw(paths: &[PathBuf], options: &Options, stdin: impl Read + Send, mut sink: impl FnMut(RawEvent<'_>)) -> Vec<Problem> {
    let mut reader = RawReader::new(options);
    each_stream(paths, stdin, |next| match next {
        Ok((name, input)) => reader.stream(&name, input, &mut sink),
        Err(problem) => reader.book.other(problem),
    });
    reader.book.finish()
}

/// Reads one stream, which problems and places call `name`; see [`raw`].
pub fn raw_stream(name: &str, input: impl Read + Send, options: &Options, mut sink: impl FnMut(RawEvent<'_>)) -> Vec<Problem> {
    let mut reader = RawReader::new(options);
    reader.stream(name, input, &mut sink);
    reader.book.finish()
}

/// What reading needs from event to event.
#[derive(Debug)]
pub(super) struct RawReader {
    options: Options,
    users: Users,
    arena: Bump,
    pub(super) book: Book,
}

impl RawReader {
    pub(super) fn new(options: &Options) -> Self {
        let options = Options { objects: true, text: true, ..*options };
        Self { options, users: Users::default(), arena: Bump::new(), book: Book::default() }
    }

    fn stream(&mut self, name: &str, input: impl Read + Send, sink: &mut impl FnMut(RawEvent<'_>)) {
        let (input, is_gzip) = match unpacked(input) {
            Ok(input) => input,
            Err(error) => return self.book.other(files::unreadable(name, &error)),
        };
        let source = name.into();
        let mut splitter = Splitter::new(input, self.options.limit, self.options.prompt);
        loop {
            match splitter.next() {
                Ok(Some(batch)) => self.batch(&source, &batch, sink),
                Ok(None) => break,
                Err(error) => self.book.other(broken_stream(name, splitter.line(), is_gzip, &error)),
            }
        }
    }

    pub(super) fn batch(&mut self, source: &Arc<str>, batch: &Batch, sink: &mut impl FnMut(RawEvent<'_>)) {
        for piece in &batch.pieces {
            let place = Place { source: source.clone(), line: piece.line, item: piece.item };
            match piece.broken {
                None => self.piece(batch.bytes.get(piece.range.clone()).unwrap_or_default(), place, sink),
                Some(broken) => self.note(broken.found(self.options.limit, place)),
            }
        }
    }

    fn piece(&mut self, bytes: &[u8], place: Place, sink: &mut impl FnMut(RawEvent<'_>)) {
        if self.arena.allocated_bytes() > ARENA {
            self.arena = Bump::new();
        }
        self.arena.reset();
        let arena = &self.arena;
        if let Ok(json) = Json::read(bytes, arena)
            && is_event(json)
            && lazy::check(bytes).is_ok()
        {
            return sink(RawEvent { json, arena, place });
        }
        let mut found = Vec::new();
        Context::new(&self.options, &self.users).piece(bytes, &place, &mut found);
        for found in found {
            self.arena.reset();
            match found {
                Found::Event(event) => {
                    let (text, place) = native_text(*event);
                    if let Ok(json) = Json::read(text.as_bytes(), &self.arena) {
                        sink(RawEvent { json, arena: &self.arena, place });
                    }
                }
                trouble => self.note(trouble),
            }
        }
    }

    fn note(&mut self, found: Found) {
        if let Found::Trouble(trouble, what, place) = found {
            self.book.add(trouble, &what, &place);
        }
    }
}

/// Whether it is an event of `audit.k8s.io`; items of an EventList do not repeat their kind, and some
/// shippers keep it and leave the version out.
fn is_event(json: Json<'_>) -> bool {
    let looks_like_one = || json.get(b"auditID").is_some() && (json.get(b"stage").is_some() || json.get(b"verb").is_some());
    match (json.get(b"kind"), json.get(b"apiVersion")) {
        (None, None) => looks_like_one(),
        (Some(kind), None) => kind.raw() == br#""Event""# && looks_like_one(),
        (Some(kind), Some(version)) => kind.raw() == br#""Event""# && version.raw().starts_with(br#""audit.k8s.io/"#),
        _ => false,
    }
}

/// The event as the API server would have written it.
fn native_text(event: Event) -> (String, Place) {
    let arena = Bump::new();
    if let Some(text) = &event.text
        && Json::read(text.get().as_bytes(), &arena).is_ok_and(is_event)
    {
        return (text.get().to_owned(), event.place);
    }
    (written(&event).to_string(), event.place)
}

/// An event of an export that has another form, written anew.
fn written(event: &Event) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = value.is_null() || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            members.insert(key.to_owned(), value);
        }
    };
    let body = |text: Option<&plimsoll_model::JsonText>| text.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or(Value::Null);
    put("kind", "Event".into());
    put("apiVersion", "audit.k8s.io/v1".into());
    put("level", event.level.map_or(Value::Null, |level| level.name().into()));
    put("auditID", event.id.as_str().into());
    put("stage", event.stage.name().into());
    put("requestURI", event.uri.as_str().into());
    put("verb", event.verb.as_str().into());
    put("user", json!({"username": event.user.name, "groups": event.user.groups}));
    put("sourceIPs", event.source_ips.clone().into());
    put("userAgent", event.user_agent.as_str().into());
    match &event.target {
        Target::Path(path) => put("requestURI", path.as_str().into()),
        Target::Resource(target) => {
            let parts = [
                ("resource", &target.resource),
                ("namespace", &target.namespace),
                ("name", &target.name),
                ("apiGroup", &target.group),
                ("apiVersion", &target.version),
                ("subresource", &target.subresource),
            ];
            put(
                "objectRef",
                parts.iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| ((*key).to_owned(), json!(text))).collect(),
            );
        }
    }
    let status = [
        ("code", event.code.map_or(Value::Null, Value::from)),
        ("reason", event.reason.as_deref().map_or(Value::Null, Value::from)),
        ("message", event.message.as_deref().map_or(Value::Null, Value::from)),
    ];
    put("responseStatus", status.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect());
    put("requestObject", body(event.request.as_ref()));
    put("responseObject", body(event.response.as_ref()));
    let times = [event.received.or(event.reached), event.reached.or(event.received)];
    let [received, reached] = times.map(|time| time.map_or(Value::Null, |time| time.to_string().into()));
    put("requestReceivedTimestamp", received);
    put("stageTimestamp", reached);
    put("annotations", json!(event.annotations));
    Value::Object(members)
}
