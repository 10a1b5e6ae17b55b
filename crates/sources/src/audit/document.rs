//! One document of a log: which format it has, and the events in it.

use super::problems::Trouble;
use super::users::Users;
use super::{Options, aks, eks, event_list, gke, native, shipped};
use crate::split::begins_json;
use plimsoll_model::JsonText;
use plimsoll_model::audit::{Event, Place};
use plimsoll_model::rbac::User;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Exports wrap events in text in records in lists, not deeper.
const DEPTH: usize = 6;

/// What came of a piece.
pub(super) enum Found {
    /// An event.
    Event(Box<Event>),
    /// What is wrong, a word on it, and where.
    Trouble(Trouble, String, Place),
}

/// The members of a document that is no native event.
pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// What a format makes of a document that it knows.
pub(super) enum Form<'a> {
    /// A list of documents.
    List(&'a RawValue),
    /// A document that is a member, or text with one in it.
    Inner(&'a RawValue),
    /// A document made of the members.
    Text(String),
    /// A record of this other log.
    OtherLog(String),
    /// An event, or what is wrong with it.
    Event(Result<Box<Event>, (Trouble, String)>),
}

/// Each format tells whether a document is of its kind.
type Format = for<'a> fn(&Members<'a>, &mut Context<'_>, &Place) -> Option<Form<'a>>;

const FORMATS: [Format; 5] = [event_list::read, gke::read, aks::read, eks::read, shipped::read];

/// What parsing needs; each thread has its own.
pub(super) struct Context<'c> {
    pub(super) options: &'c Options,
    users: &'c Users,
    /// Those that this thread has asked for.
    asked: HashMap<Box<str>, Arc<User>>,
}

impl<'c> Context<'c> {
    pub(super) fn new(options: &'c Options, users: &'c Users) -> Self {
        Self { options, users, asked: HashMap::new() }
    }

    /// The user of this JSON text.
    pub(super) fn user(&mut self, text: &str) -> Result<Arc<User>, serde_json::Error> {
        if let Some(user) = self.asked.get(text) {
            return Ok(user.clone());
        }
        let user = self.users.get(text)?;
        self.asked.insert(text.into(), user.clone());
        Ok(user)
    }

    /// The body of a request or answer, if it is to be kept.
    pub(super) fn object(&self, object: Option<&RawValue>) -> Option<JsonText> {
        object.filter(|_| self.options.objects).map(|object| object.to_owned().into())
    }

    /// A line, a document or an item of a list.
    pub(super) fn piece(&mut self, bytes: &[u8], place: &Place, found: &mut Vec<Found>) {
        self.text(bytes, place, 0, found);
    }

    /// Text in which a document may stand behind something else: the time, the name of a stream.
    fn text(&mut self, bytes: &[u8], place: &Place, depth: usize, found: &mut Vec<Found>) {
        let bytes = bytes.trim_ascii();
        if begins_json(bytes) {
            return self.document(bytes, place, depth, found);
        }
        // Quotes before the JSON are rather the rest of other JSON.
        match memchr::memchr2(b'{', b'"', bytes).and_then(|start| bytes.get(start..)) {
            Some(document) if document.first() == Some(&b'{') => self.document(document, place, depth, found),
            _ => found.push(trouble(Trouble::NotJson, "", place)),
        }
    }

    fn document(&mut self, bytes: &[u8], place: &Place, depth: usize, found: &mut Vec<Found>) {
        if depth > DEPTH {
            return found.push(trouble(Trouble::Unknown, "lists or texts within one another, too deep", place));
        }
        if bytes.first() == Some(&b'[') {
            return match serde_json::from_slice::<Vec<&RawValue>>(bytes) {
                Ok(items) => match eks::row(&items) {
                    Some(message) => self.inner(message, place, depth, found),
                    None => self.items(&items, place, depth, found),
                },
                Err(error) => self.broken(bytes, &error, place, depth, found),
            };
        }
        match serde_json::from_slice::<native::Native<'_>>(bytes) {
            Ok(native) if native.is_audit() => {
                let text = if self.options.text { std::str::from_utf8(bytes).ok() } else { None };
                native.event(text, self, place, found);
            }
            Ok(_) => self.wrapped(bytes, None, place, depth, found),
            Err(error) if error.is_data() => self.wrapped(bytes, Some(&error), place, depth, found),
            Err(error) => self.broken(bytes, &error, place, depth, found),
        }
    }

    /// A document that is no native event, or one with a wrong value.
    fn wrapped(&mut self, bytes: &[u8], error: Option<&serde_json::Error>, place: &Place, depth: usize, found: &mut Vec<Found>) {
        let members = match serde_json::from_slice::<Members<'_>>(bytes) {
            Ok(members) => members,
            Err(error) => return self.broken(bytes, &error, place, depth, found),
        };
        if let Some(error) = error
            && native::is_audit(&members)
        {
            return found.push(trouble(Trouble::Invalid, &native::without_place(error), place));
        }
        match FORMATS.iter().find_map(|format| format(&members, self, place)) {
            Some(Form::List(list)) => match serde_json::from_str::<Vec<&RawValue>>(list.get()) {
                Ok(items) => self.items(&items, place, depth, found),
                Err(_) => found.push(trouble(Trouble::Unknown, "a list is expected", place)),
            },
            Some(Form::Inner(inner)) => self.inner(inner, place, depth, found),
            Some(Form::Text(text)) => self.document(text.as_bytes(), place, depth + 1, found),
            Some(Form::OtherLog(log)) => found.push(trouble(Trouble::OtherLog, &log, place)),
            Some(Form::Event(Ok(mut event))) => {
                if self.options.text {
                    let text = String::from_utf8(bytes.to_vec()).ok();
                    event.text = text.and_then(|text| RawValue::from_string(text).ok()).map(JsonText::from);
                }
                found.push(Found::Event(event));
            }
            Some(Form::Event(Err((what, word)))) => found.push(trouble(what, &word, place)),
            None => found.push(trouble(Trouble::Unknown, &shape(&members), place)),
        }
    }

    fn items(&mut self, items: &[&RawValue], place: &Place, depth: usize, found: &mut Vec<Found>) {
        for (index, item) in (0_u64..).zip(items) {
            let place = Place { item: Some(index), ..place.clone() };
            match item.get().as_bytes().first() {
                Some(b'{' | b'[') => self.document(item.get().as_bytes(), &place, depth + 1, found),
                _ => found.push(trouble(Trouble::Unknown, "an item of a list that is no object", &place)),
            }
        }
    }

    /// A document in a member: as such, or as text.
    fn inner(&mut self, inner: &RawValue, place: &Place, depth: usize, found: &mut Vec<Found>) {
        match serde_json::from_str::<String>(inner.get()) {
            Ok(text) => self.text(text.as_bytes(), place, depth + 1, found),
            Err(_) => self.text(inner.get().as_bytes(), place, depth + 1, found),
        }
    }

    /// Several documents in one line, or none. The line is believed as a whole: what is left of an event whose beginning is lost may
    /// start with an object that a client sent, and that object may look like an event.
    fn broken(&mut self, bytes: &[u8], error: &serde_json::Error, place: &Place, depth: usize, found: &mut Vec<Found>) {
        let documents = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
        match documents.collect::<Result<Vec<_>, _>>() {
            Ok(documents) if !error.is_eof() && documents.len() > 1 => {
                for document in documents {
                    self.text(document.get().as_bytes(), place, depth + 1, found);
                }
            }
            _ => found.push(trouble(Trouble::CutOff, "", place)),
        }
    }
}

pub(super) fn trouble(trouble: Trouble, what: &str, place: &Place) -> Found {
    Found::Trouble(trouble, what.to_owned(), place.clone())
}

/// A member that is text.
pub(super) fn string(members: &Members<'_>, name: &str) -> Option<String> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

/// What a document seems to be: its kind, or its first members.
fn shape(members: &Members<'_>) -> String {
    match (string(members, "apiVersion"), string(members, "kind")) {
        (Some(version), Some(kind)) => format!("an object of kind `{kind}` of `{version}`"),
        _ if members.is_empty() => "an empty object".to_owned(),
        _ => {
            let names: Vec<String> = members.keys().take(4).map(|name| format!("`{}`", name.escape_debug())).collect();
            format!("an object with {}", names.join(", "))
        }
    }
}
