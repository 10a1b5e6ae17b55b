//! `evt.num`, `evt.time` and the like, as they are for audit events.

use super::{AuditContext, Getter, Row};
use crate::Value;
use crate::fields::Syntax;
use crate::fields::syscalls::Syscalls;
use crate::fields::time::{Time, TimeStyle};

const SECOND: u64 = 1_000_000_000;

/// The fields that every source has; only how they are found differs.
pub(super) fn rows() -> Vec<Row> {
    let rows = Syscalls::common().map(|info| Row { info: info.clone(), syntax: Syntax::None, get: getter(info.name) });
    rows.collect()
}

fn getter(name: &str) -> Getter {
    Getter::Find(match name {
        "evt.num" => |cx, _, out| out.push(Value::Uint(cx.number)),
        "evt.time" => |cx, _, out| out.push(time(cx, TimeStyle::Clock)),
        "evt.time.s" => |cx, _, out| out.push(time(cx, TimeStyle::ClockSeconds)),
        "evt.time.iso8601" => |cx, _, out| out.push(time(cx, TimeStyle::Iso8601)),
        "evt.datetime" => |cx, _, out| out.push(time(cx, TimeStyle::Date)),
        "evt.datetime.s" => |cx, _, out| out.push(time(cx, TimeStyle::DateSeconds)),
        "evt.rawtime" => |cx, _, out| out.push(Value::Uint(cx.time())),
        "evt.rawtime.s" => |cx, _, out| out.push(Value::Uint(cx.time() / SECOND)),
        "evt.rawtime.ns" => |cx, _, out| out.push(Value::Uint(cx.time() % SECOND)),
        "evt.reltime" => |cx, _, out| out.push(Value::Uint(since_first(cx))),
        "evt.reltime.s" => |cx, _, out| out.push(Value::Uint(since_first(cx) / SECOND)),
        "evt.reltime.ns" => |cx, _, out| out.push(Value::Uint(since_first(cx) % SECOND)),
        "evt.pluginname" => |_, _, out| out.push(Value::Text(b"k8saudit")),
        "evt.plugininfo" => |cx, _, out| out.push(Value::Text(cx.event.compact())),
        "evt.source" => |_, _, out| out.push(Value::Text(b"k8s_audit")),
        "evt.is_async" => |_, _, out| out.push(Value::Bool(false)),
        "evt.hostname" => |cx, _, out| {
            if !cx.stream.hostname.is_empty() {
                out.push(Value::Text(cx.stream.hostname.as_bytes()));
            }
        },
        _ => |_, _, _| {},
    })
}

fn time<'e>(cx: &AuditContext<'e>, style: TimeStyle) -> Value<'e> {
    cx.made(format_args!("{}", Time(cx.time(), style)))
}

/// A clock that goes backwards wraps, as upstream's number does.
fn since_first(cx: &AuditContext<'_>) -> u64 {
    cx.time().wrapping_sub(cx.stream.first.unwrap_or(cx.time()))
}
