//! Audit logs: as the commands read them, and as rules see their events.

use crate::check_problems;
use bumpalo::Bump;
use plimsoll_detect::Value;
use plimsoll_detect::fields::audit::{Audit, AuditContext};
use plimsoll_detect::fields::syscalls::Stream;
use plimsoll_detect::fields::{Catalogue, Facts, Field, FieldInfo};
use plimsoll_detect::format::Format;
use plimsoll_model::Problem;
use plimsoll_model::lazy::{Json, Kind};
use plimsoll_sources::audit::{Options, raw_stream, read_stream};
use serde_json::Value as Reference;
use std::io::{self, Read};
use std::sync::LazyLock;

const OPTIONS: Options = Options { objects: true, text: true, prompt: false, limit: 1 << 16 };

/// Bytes as an audit log, at once and in small parts: the same events, at places that are there, and none without a cause.
pub fn audit_log(data: &[u8]) {
    let read = |prompt, step| {
        let mut events = Vec::new();
        let problems = read_stream("fuzz", Parts { data, step }, &Options { prompt, ..OPTIONS }, |batch| events.extend(batch));
        (events, problems)
    };
    let (events, problems) = read(false, usize::MAX);
    check_problems(&problems);
    let lines = lines(data);
    for event in &events {
        assert!(!event.verb.is_empty());
        assert!((1..=lines).contains(&event.place.line), "{} of {lines}", event.place);
    }
    let blank = data.iter().all(u8::is_ascii_whitespace);
    // An empty list is neither.
    assert!(blank || !events.is_empty() || !problems.is_empty() || data.contains(&b'['), "nothing is said");
    let (again, complaints) = read(true, step(data));
    assert_eq!((&events, words(&problems)), (&again, words(&complaints)), "parts make a difference");
}

/// How many lines there are; of compressed ones that is not known.
fn lines(data: &[u8]) -> u64 {
    if data.starts_with(&[0x1f, 0x8b]) { u64::MAX } else { data.split(|byte| *byte == b'\n').count() as u64 }
}

/// A few bytes of a short log, more of a long one: each step costs as much as a whole buffer.
pub(crate) fn step(data: &[u8]) -> usize {
    7 + data.len() / 100
}

pub(crate) fn words(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| problem.place() + &problem.message).collect()
}

/// Bytes that come a few at a time.
pub(crate) struct Parts<'d> {
    pub(crate) data: &'d [u8],
    pub(crate) step: usize,
}

impl Read for Parts<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.step.min(out.len());
        self.data.read(&mut out[..length])
    }
}

/// Bytes as a line of an audit log, and as a log of events for rules: what is looked for in an event is what a parser of all of it finds,
/// and any field can be asked of any event.
pub fn audit_events(data: &[u8]) {
    let arena = Bump::new();
    let reference: Option<Reference> = serde_json::from_slice(data).ok().filter(|value: &Reference| value.is_object() || value.is_array());
    let read = Json::read(data, &arena);
    assert!(reference.is_none() || read.is_ok(), "{read:?}");
    if let Ok(json) = read {
        let _ = (json.compact(), json.indented());
        let mut pointers = Vec::new();
        walk(json, &mut pointers);
        if let Some(reference) = &reference {
            let parsed = |text: &[u8]| serde_json::from_slice::<Reference>(text).expect("all of it was parsed before");
            assert_eq!(parsed(json.raw()), *reference);
            assert_eq!(parsed(json.compact()), *reference);
            assert_eq!(parsed(json.indented().expect("so deep does the reference not go")), *reference);
            compare(json, reference);
        }
        ask(json, &arena, &pointers);
    }
    let events = |prompt, step| {
        let mut events = Vec::new();
        let problems = raw_stream("fuzz", Parts { data, step }, &Options { prompt, ..OPTIONS }, |event| {
            // What many events say is asked of the first ones, for that takes long.
            if !prompt && events.len() < ASKED {
                ask(event.json, event.arena, &[]);
            }
            let verb = event.json.get(b"verb").and_then(Json::text).map(<[u8]>::to_vec);
            events.push((event.place, verb, event.json.raw().to_vec()));
        });
        (events, words(&problems))
    };
    let found = events(false, usize::MAX);
    assert!(found.0.iter().all(|(place, ..)| (1..=lines(data)).contains(&place.line)));
    assert_eq!(found, events(true, step(data)), "parts make a difference");
    // Rules see every event that the other commands see.
    read_stream("fuzz", data, &OPTIONS, |batch| {
        for event in batch {
            let mut here = found.0.iter().filter(|(place, ..)| *place == event.place);
            let (first, second) = (here.next(), here.next());
            assert!(first.is_some() || found.0.iter().any(|(place, ..)| place.line == event.place.line), "{} is lost", event.place);
            if let (Some((_, verb, _)), None) = (first, second) {
                assert_eq!(verb.as_deref(), Some(event.verb.as_bytes()), "{}", event.place);
            }
        }
    });
}

/// How deep parts are asked for: each level passes over all that is below it.
const DEEP: usize = 40;
/// So many events of a log are asked for everything.
const ASKED: usize = 20;
/// So many members of an object are looked for.
const MEMBERS: usize = 300;
/// So many places are asked for by their pointers.
const POINTERS: usize = 40;

/// Every part of every part stands within the whole, in order. The pointers to the first ones are noted, with what stands there.
fn walk<'a>(json: Json<'a>, pointers: &mut Vec<(String, Json<'a>)>) {
    let mut left = vec![(json, Some(String::new()), 0)];
    while let Some((json, pointer, depth)) = left.pop() {
        let whole = json.raw().as_ptr_range();
        let mut end = whole.start;
        let parts = json.parts();
        assert!(parts.len() == 0 || matches!(json.kind(), Kind::Object | Kind::List));
        assert_eq!(json.text().is_some(), json.kind() == Kind::Text);
        for (index, part) in parts.enumerate() {
            let range = part.raw().as_ptr_range();
            assert!(end < range.start && range.start < range.end && range.end < whole.end, "a part stands elsewhere");
            end = range.end;
            let key = if json.kind() == Kind::List { index.to_string() } else { String::from_utf8_lossy(part.key()).into_owned() };
            // Keys that are no text cannot be pointed at, nor what stands under a key again.
            let is_found = index < MEMBERS && json.get(key.as_bytes()).is_some_and(|found| std::ptr::eq(found.raw(), part.raw()));
            let pointer =
                pointer.as_ref().filter(|_| is_found).map(|above| format!("{above}/{}", key.replace('~', "~0").replace('/', "~1")));
            if depth < DEEP {
                left.push((part, pointer, depth + 1));
            }
        }
        if let Some(pointer) = pointer
            && pointers.len() < POINTERS
        {
            pointers.push((pointer, json));
        }
    }
}

/// What is looked for is what is there. Of what stands under a key twice, the reference keeps the last and so is not asked.
fn compare(json: Json<'_>, reference: &Reference) {
    match reference {
        Reference::Object(members) => {
            assert_eq!(json.kind(), Kind::Object);
            // Each is looked for from the first one on.
            for (key, member) in members.iter().take(MEMBERS) {
                let mut parts = json.parts().filter(|part| part.key() == key.as_bytes());
                let first = parts.next().expect("the member is there");
                assert_eq!(json.get(key.as_bytes()).map(Json::raw), Some(first.raw()));
                if parts.next().is_none() {
                    compare(first, member);
                }
            }
        }
        Reference::Array(items) => {
            assert_eq!((json.kind(), json.parts().len()), (Kind::List, items.len()));
            json.parts().zip(items).for_each(|(part, item)| compare(part, item));
        }
        Reference::String(text) => assert_eq!(json.text(), Some(text.as_bytes())),
        Reference::Bool(is) => assert_eq!(json.kind(), if *is { Kind::True } else { Kind::False }),
        Reference::Null => assert_eq!(json.kind(), Kind::Null),
        Reference::Number(number) => {
            assert_eq!((json.kind(), serde_json::from_slice(json.raw()).ok().as_ref()), (Kind::Number, Some(number)));
        }
    }
}

/// Every field, with arguments of all kinds.
static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let args =
        [None, Some("0"), Some("1"), Some("18446744073709551615"), Some("/etc*"), Some("command"), Some("/user/groups/0"), Some("a//~")];
    let named = |info: &FieldInfo| args.iter().filter_map(|arg| Audit.resolve(info.name, *arg).ok()).collect::<Vec<_>>();
    Audit.all().iter().flat_map(named).collect()
});

/// Every field in a text.
static PRINTED: LazyLock<Format> = LazyLock::new(|| {
    let names = Audit.all().iter().map(|info| if info.arg.required { format!("%{}[/a]", info.name) } else { format!("%{}", info.name) });
    Format::compile(&names.collect::<Vec<_>>().join(" "), &Audit).expect("each field can be printed").lenient()
});

/// Fields that are but a name for a place.
const PLACES: [(&str, &str); 6] = [
    ("ka.verb", "/verb"),
    ("ka.user.name", "user/username"),
    ("ka.auth.decision", "/annotations/authorization.k8s.io~1decision"),
    ("ka.target.resource", "/objectRef/resource"),
    ("ka.response.code", "/responseStatus/code"),
    ("ka.req.configmap.obj", "/requestObject/data"),
];

static STREAM: LazyLock<Stream> = LazyLock::new(|| {
    let mut stream = Stream::default();
    (stream.first, stream.hostname) = (Some(7), "node".to_owned());
    stream
});

/// Asks an event for everything.
fn ask<'a>(json: Json<'a>, arena: &'a Bump, pointers: &[(String, Json<'a>)]) {
    let context = AuditContext::new(json, 1, &STREAM, arena);
    let values = |field: &Field| {
        let mut values = Vec::new();
        context.extract(field, &mut values);
        values
    };
    for field in FIELDS.iter() {
        let values = values(field);
        let name = field.info.name;
        assert_eq!(!values.is_empty(), context.has(field), "{name}");
        assert!(field.info.list || values.len() <= 1, "{name} has too many values");
        assert!(!name.starts_with("ka.") || values.iter().all(|value| matches!(value, Value::Text(_))), "{name} is no text");
        assert!(!name.starts_with("ka.") || values.is_empty() || json.get(b"auditID").is_some(), "{name} is of no audit event");
    }
    let named = |name: &str, arg: Option<&str>| values(&Audit.resolve(name, arg).expect("it is a field"));
    for (name, pointer) in PLACES {
        let there = if json.get(b"auditID").is_some() { named("jevt.value", Some(pointer)) } else { Vec::new() };
        assert_eq!(named(name, None), there, "{name}");
    }
    for (pointer, there) in pointers {
        let text = there.text().map(|text| text.split(|byte| *byte == 0).next().unwrap_or_default());
        let wanted = Value::Text(text.unwrap_or_else(|| there.compact()));
        assert_eq!(named("jevt.value", Some(pointer)), [wanted], "{pointer}");
        assert!(!matches!(there.kind(), Kind::Object | Kind::List) || named("jevt.value", Some(&format!("{pointer}/-1"))).is_empty());
    }
    let (images, names) = (named("ka.req.pod.containers.image", None), named("ka.req.pod.containers.image.repository", None));
    assert_eq!(images.len(), names.len());
    assert!(images.iter().zip(&names).all(|pair| matches!(pair, (Value::Text(image), Value::Text(name)) if image.starts_with(name))));
    let (mut text, mut members) = (Vec::new(), serde_json::Map::new());
    assert!(PRINTED.text(&context, &mut text) && PRINTED.json(&context, true, &mut members));
}
