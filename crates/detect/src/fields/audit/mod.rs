//! What events of the audit log of an API server say: the fields of the source `k8s_audit`.
//!
//! One file a class, one [`Row`] a field. Names and meaning are those of falcosecurity/plugins (`plugins/k8saudit`, `plugins/json`), also
//! where they surprise: rules are written for them. All values are texts; what is no text in the event stands as its JSON. Where the
//! event has another type of JSON than the field needs, the field has no value.

mod common;
mod containers;
mod event;
mod json;
mod request;
mod uri;

use super::syscalls::Stream;
use super::{Arg, ArgRule, Catalogue, Facts, Field, FieldError, FieldId, FieldInfo, Limits, Syntax, nearest};
use crate::Value;
use bumpalo::Bump;
use jiff::Timestamp;
use plimsoll_model::events::{Format, ParamType};
use plimsoll_model::lazy::{Json, Kind};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::LazyLock;

/// How deep lists that stand directly in lists are gone through.
const LISTS: usize = 16;

/// One event, ready to be asked.
#[derive(Debug, Clone)]
pub struct AuditContext<'e> {
    event: Json<'e>,
    number: u64,
    stream: &'e Stream,
    arena: &'e Bump,
    /// Whether it is an audit event; nothing else has fields of class `ka`.
    is_audit: bool,
    time: OnceCell<u64>,
}

impl<'e> AuditContext<'e> {
    /// The event with this number of a stream. Values that are made lie in `arena`.
    #[must_use]
    pub fn new(event: Json<'e>, number: u64, stream: &'e Stream, arena: &'e Bump) -> Self {
        let is_audit = event.get(b"auditID").is_some();
        Self { event, number, stream, arena, is_audit, time: OnceCell::new() }
    }

    /// The event itself.
    #[must_use]
    pub fn event(&self) -> Json<'e> {
        self.event
    }

    /// Which event of its stream it is, from 1 on.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it came to its stage, in nanoseconds since 1970; if the event does not say so, when its request was received; else 0.
    #[must_use]
    pub fn time(&self) -> u64 {
        *self.time.get_or_init(|| {
            ["stageTimestamp", "requestReceivedTimestamp", "timestamp"].into_iter().find_map(|key| self.time_at(key)).unwrap_or(0)
        })
    }

    fn time_at(&self, key: &str) -> Option<u64> {
        let text = std::str::from_utf8(self.event.get(key.as_bytes())?.text()?).ok()?;
        u64::try_from(text.parse::<Timestamp>().ok()?.as_nanosecond()).ok()
    }

    /// A text that is made for this event.
    fn made(&self, text: fmt::Arguments<'_>) -> Value<'e> {
        let mut made = bumpalo::collections::String::new_in(self.arena);
        // Writing into memory does not fail.
        let _ = made.write_fmt(text);
        Value::Text(made.into_bump_str().as_bytes())
    }
}

/// A text without its quotes, anything else as its JSON. Upstream's texts end at a zero byte.
fn text(json: Json<'_>) -> &[u8] {
    match json.text() {
        Some(text) => memchr::memchr(0, text).and_then(|end| text.get(..end)).unwrap_or(text),
        None => json.compact(),
    }
}

fn value(json: Json<'_>) -> Value<'_> {
    Value::Text(text(json))
}

/// What an index says which of.
fn place(arg: Option<&Arg>) -> Option<usize> {
    match arg {
        Some(Arg::Index(index)) => Some(usize::try_from(*index).unwrap_or(usize::MAX)),
        _ => None,
    }
}

/// Shows `visit` what a path leads to. Lists on it are gone through item by item, and `visit` is also told of an item in which the path
/// ends early; with a place, only that item of each list is looked at. Whether there was anything at all.
fn each<'e>(start: Json<'e>, path: &[&str], place: Option<usize>, visit: &mut dyn FnMut(Option<Json<'e>>)) -> bool {
    each_within(start, path, place, LISTS, visit)
}

fn each_within<'e>(start: Json<'e>, path: &[&str], place: Option<usize>, depth: usize, visit: &mut dyn FnMut(Option<Json<'e>>)) -> bool {
    let (mut at, mut path) = (start, path);
    while let [key, rest @ ..] = path {
        if at.kind() == Kind::List {
            match place {
                None if depth == 0 => return false,
                None => {
                    for item in at.parts() {
                        if !each_within(item, path, None, depth - 1, visit) {
                            visit(None);
                        }
                    }
                    return true;
                }
                Some(place) => match at.parts().nth(place) {
                    Some(item) => at = item,
                    None => return false,
                },
            }
        }
        if !key.is_empty() {
            match at.get(key.as_bytes()) {
                Some(member) => at = member,
                None => return false,
            }
        }
        path = rest;
    }
    visit(Some(at));
    true
}

/// A function that finds the values of a field.
type Find = for<'e> fn(&AuditContext<'e>, Option<&Arg>, &mut Vec<Value<'e>>);

/// How the values of a field are found. Paths start at the event.
#[derive(Clone, Copy)]
enum Getter {
    /// What a path leads to.
    At(&'static [&'static str]),
    /// Each item of the list that a path leads to.
    Items(&'static [&'static str]),
    /// What a path leads to through lists.
    Each(&'static [&'static str]),
    /// Each item of the lists that a path leads to through lists.
    EachItem(&'static [&'static str]),
    /// From each container of a list.
    Containers(&'static str, containers::Ask),
    /// In some other way.
    Find(Find),
}

/// A field: what it is and how its values are found.
#[derive(Clone)]
struct Row {
    info: FieldInfo,
    syntax: Syntax,
    get: Getter,
}

impl Row {
    const fn new(name: &'static str, get: Getter, description: &'static str) -> Self {
        let syntax = Syntax::Declared(ArgRule::NONE);
        let (kind, format) = (ParamType::CharBuf, Format::Plain);
        let info = FieldInfo { name, kind, format, list: false, arg: ArgRule::NONE, limits: Limits::NONE, description };
        Self { info, syntax, get }
    }

    /// It can have several values.
    const fn list(mut self) -> Self {
        self.info.list = true;
        self
    }

    const fn arg(mut self, rule: ArgRule) -> Self {
        self.syntax = Syntax::Declared(rule);
        self.info.arg = rule;
        self
    }

    /// It can have several values, and an index may say which one is meant.
    const fn indexed(self) -> Self {
        self.list().arg(ArgRule { required: false, index: true, key: false })
    }

    /// It needs a key.
    const fn keyed(self) -> Self {
        self.arg(ArgRule { required: true, index: false, key: true })
    }

    /// It should not be used any more.
    const fn deprecated(mut self) -> Self {
        self.info.limits.deprecated = true;
        self
    }
}

struct Table {
    infos: Vec<FieldInfo>,
    rows: Vec<(Syntax, Getter)>,
    places: HashMap<&'static str, FieldId>,
    /// Where the fields begin and end that only audit events have.
    audit: std::ops::Range<usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { infos: Vec::new(), rows: Vec::new(), places: HashMap::new(), audit: 0..0 };
    let common = common::rows();
    let audit: Vec<Row> = [event::FIELDS, request::FIELDS].concat().into_iter().chain(containers::rows()).collect();
    table.audit = common.len()..common.len() + audit.len();
    for (place, row) in common.into_iter().chain(audit).chain(json::FIELDS.iter().cloned()).enumerate() {
        table.places.insert(row.info.name, FieldId(u16::try_from(place).unwrap_or(u16::MAX)));
        table.infos.push(row.info);
        table.rows.push((row.syntax, row.get));
    }
    table
});

/// The fields of the source `k8s_audit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Catalogue for Audit {
    fn all(&self) -> &[FieldInfo] {
        &TABLE.infos
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let id = *TABLE.places.get(name).ok_or(FieldError::Unknown)?;
        let at = usize::from(id.0);
        let (info, (syntax, _)) = TABLE.infos.get(at).zip(TABLE.rows.get(at)).ok_or(FieldError::Unknown)?;
        Ok(Field { id, info, arg: syntax.read(info.name, name, arg)?, kind: info.kind })
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        nearest(TABLE.infos.iter().filter(|info| !info.limits.deprecated).map(|info| info.name), name)
    }
}

impl<'e> Facts<'e> for AuditContext<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        let at = usize::from(field.id.0);
        let Some((_, get)) = TABLE.rows.get(at) else { return };
        if !self.is_audit && TABLE.audit.contains(&at) {
            return;
        }
        let arg = field.arg.as_ref();
        match get {
            Getter::At(path) => out.extend(self.event.at(path).map(value)),
            Getter::Items(path) => {
                let list = self.event.at(path).filter(|list| list.kind() == Kind::List);
                out.extend(list.into_iter().flat_map(Json::parts).map(value));
            }
            Getter::Each(path) => {
                each(self.event, path, place(arg), &mut |found| out.extend(found.map(value)));
            }
            Getter::EachItem(path) => {
                each(self.event, path, place(arg), &mut |found| {
                    let list = found.filter(|list| list.kind() == Kind::List);
                    out.extend(list.into_iter().flat_map(Json::parts).map(value));
                });
            }
            Getter::Containers(list, ask) => containers::of_containers(self, list, *ask, place(arg), out),
            Getter::Find(find) => find(self, arg, out),
        }
    }

    fn arena(&self) -> &'e Bump {
        self.arena
    }
}

#[cfg(test)]
mod tests;
