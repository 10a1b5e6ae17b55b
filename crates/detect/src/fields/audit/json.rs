//! `jevt.value` and the like: any part of an event, by its place.

use super::{AuditContext, Getter, Row};
use crate::Value;
use crate::fields::Arg;
use std::borrow::Cow;

const VALUE: &str = "What a JSON pointer leads to: `[/user/groups/0]`. In a key, `~1` stands for a slash and `~0` for a tilde; the first slash \
     may be left out. Text comes without its quotes, anything else as JSON without blanks.";
const OBJECT: &str = "The whole event, as JSON with a line for each value.";
const TIME: &str = "When the event came to its stage: nanoseconds since 1970, as text.";

pub(super) const FIELDS: &[Row] = &[
    Row::new("json.value", Getter::Find(pointed), VALUE).keyed(),
    Row::new("json.obj", Getter::Find(object), OBJECT),
    Row::new("json.rawtime", Getter::Find(time), TIME),
    Row::new("jevt.value", Getter::Find(pointed), VALUE).keyed(),
    Row::new("jevt.obj", Getter::Find(object), OBJECT),
    Row::new("jevt.rawtime", Getter::Find(time), TIME),
];

fn pointed<'e>(cx: &AuditContext<'e>, arg: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    let Some(Arg::Key(pointer)) = arg else { return };
    let mut at = Some(cx.event);
    if !pointer.is_empty() {
        let mut keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/');
        at = keys.try_fold(cx.event, |value, key| value.get(unescaped(key).as_bytes()));
    }
    out.extend(at.map(super::value));
}

/// A key of a pointer as it is in the event.
fn unescaped(key: &str) -> Cow<'_, str> {
    if key.contains('~') { Cow::Owned(key.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(key) }
}

fn object<'e>(cx: &AuditContext<'e>, _: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    out.extend(cx.event.indented().map(Value::Text));
}

fn time<'e>(cx: &AuditContext<'e>, _: Option<&Arg>, out: &mut Vec<Value<'e>>) {
    out.push(cx.made(format_args!("{}", cx.time())));
}
