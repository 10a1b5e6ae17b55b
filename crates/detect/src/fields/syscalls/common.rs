//! `evt.num`, `evt.time` and the like: what every event says, whatever made it.

use super::{Context, Getter, Row};
use crate::Value;
use crate::fields::time::{Time, TimeStyle};
use plimsoll_model::events::Format::{Decimal, Id, Padded};
use plimsoll_model::events::ParamType::{AbsTime, RelTime, UInt64};
use plimsoll_model::events::{Origin, kinds};

pub(super) const SECOND: u64 = 1_000_000_000;

pub(super) const FIELDS: &[Row] = &[
    Row::new("evt.num", UInt64, Id, Getter::One(|cx| Some(Value::Uint(cx.event.number))), "Which event of its stream it is, from 1 on."),
    Row::text("evt.time", |cx| time(cx, TimeStyle::Clock), "When it was made: time of day in UTC, with nanoseconds."),
    Row::text("evt.time.s", |cx| time(cx, TimeStyle::ClockSeconds), "When it was made: time of day in UTC, in whole seconds."),
    Row::text("evt.time.iso8601", |cx| time(cx, TimeStyle::Iso8601), "When it was made, as ISO 8601 writes it."),
    Row::text("evt.datetime", |cx| time(cx, TimeStyle::Date), "When it was made: date and time in UTC, with nanoseconds."),
    Row::text("evt.datetime.s", |cx| time(cx, TimeStyle::DateSeconds), "When it was made: date and time in UTC, in whole seconds."),
    Row::new(
        "evt.rawtime",
        AbsTime,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(cx.event.time))),
        "When it was made: nanoseconds since 1970.",
    ),
    Row::new(
        "evt.rawtime.s",
        AbsTime,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(cx.event.time / SECOND))),
        "When it was made: whole seconds since 1970.",
    ),
    Row::new(
        "evt.rawtime.ns",
        AbsTime,
        Padded,
        Getter::One(|cx| Some(Value::Uint(cx.event.time % SECOND))),
        "When it was made: the nanoseconds after the last whole second.",
    ),
    Row::new(
        "evt.reltime",
        RelTime,
        Padded,
        Getter::One(|cx| Some(Value::Uint(since_first(cx)))),
        "Nanoseconds after the first event of the stream.",
    ),
    Row::new(
        "evt.reltime.s",
        RelTime,
        Decimal,
        Getter::One(|cx| Some(Value::Uint(since_first(cx) / SECOND))),
        "Whole seconds after the first event of the stream.",
    ),
    Row::new(
        "evt.reltime.ns",
        RelTime,
        Padded,
        Getter::One(|cx| Some(Value::Uint(since_first(cx) % SECOND))),
        "The nanoseconds that remain of the time after the first event when whole seconds are taken off.",
    ),
    Row::text("evt.pluginname", |_| None, "The plugin that made the event; an event of a system call has none."),
    Row::text("evt.plugininfo", |_| None, "What that plugin says of the event in short."),
    Row::text("evt.source", |_| Some(Value::Text(b"syscall")), "The source that the event comes from."),
    Row::flag(
        "evt.is_async",
        |cx| Some(Value::Bool(cx.event.info().origin == Origin::Meta)),
        "Whether it reports on the recording itself.",
    ),
    Row::text("evt.asynctype", asynchronous, "What a report on the recording itself is about."),
    Row::text(
        "evt.hostname",
        |cx| (!cx.stream.hostname.is_empty()).then(|| Value::Text(cx.stream.hostname.as_bytes())),
        "The machine that was recorded.",
    ),
];

fn time<'e>(cx: &Context<'e>, style: TimeStyle) -> Option<Value<'e>> {
    Some(cx.made(format_args!("{}", Time(cx.event.time, style))))
}

/// A clock that goes backwards wraps, as upstream's number does.
fn since_first(cx: &Context<'_>) -> u64 {
    cx.event.time.wrapping_sub(cx.stream.first.unwrap_or(cx.event.time))
}

fn asynchronous<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let info = cx.event.info();
    if info.origin != Origin::Meta {
        return None;
    }
    let own = (cx.event.kind == kinds::ASYNCEVENT_E).then(|| cx.event.params.text(1));
    own.map_or(Some(info.name.as_bytes()), |name| name).map(Value::Text)
}
