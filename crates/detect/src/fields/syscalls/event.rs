//! `evt.type`, `evt.arg` and the like: what a system call did, with what and with which result.

use super::{Context, Getter, Row};
use crate::Value;
use crate::fields::{Arg, Syntax};
use plimsoll_model::events::Format::{Decimal, Plain};
use plimsoll_model::events::ParamType::{CharBuf, Dyn, UInt32, UInt64};
use plimsoll_model::events::schema;

pub(super) const FIELDS: &[Row] = &[
    Row::text("evt.type", |cx| Some(Value::Text(cx.event.info().name.as_bytes())), "The name of the event (`open`)."),
    Row::new(
        "evt.type.is",
        UInt32,
        Plain,
        Getter::OneOf(is_type),
        "1 for events of the type that stands behind the last dot, 0 for others.",
    )
    .syntax(Syntax::EventType),
    Row::new(
        "evt.arg",
        CharBuf,
        Plain,
        Getter::OneOf(|_, _| None),
        "One parameter as text, by its name or place: `evt.arg.fd`, `evt.arg[0]`.",
    )
    .syntax(Syntax::Param),
    Row::new("evt.rawarg", Dyn, Plain, Getter::OneOf(|_, _| None), "One parameter as it is, by its name: `evt.rawarg.fd`.")
        .syntax(Syntax::RawParam)
        .plain_only(),
    Row::new(
        "evt.around",
        UInt64,
        Decimal,
        Getter::OneOf(|_, _| None),
        "Whether it was made within so many milliseconds of a time: `evt.around[T]=D`, T as `evt.rawtime`.",
    )
    .syntax(Syntax::Around)
    .filter_only(),
    Row::new(
        "evt.abspath",
        CharBuf,
        Plain,
        Getter::OneOf(|_, _| None),
        "The full path that a call works on which takes a directory and a name; `.src` and `.dst` where there are two.",
    )
    .syntax(Syntax::Side),
];

/// A name stands for its first two numbers alone: the entry and the exit of the oldest layout.
fn is_type<'e>(cx: &Context<'e>, arg: Option<&Arg>) -> Option<Value<'e>> {
    let kind = cx.event.kind;
    let is = match arg? {
        Arg::Index(number) => u64::from(kind.0) == *number,
        Arg::Key(name) => {
            cx.event.info().name == &**name
                && schema()
                    .iter()
                    .find(|info| info.name == &**name)
                    .is_some_and(|first| kind.0 == first.kind.0 || kind.0 == first.kind.0 + 1)
        }
    };
    Some(Value::Uint(is.into()))
}
