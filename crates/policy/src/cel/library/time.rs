//! Timestamps and durations (langdef; cel-go `common/types`).

use super::{Call, Fault, Function, Type, Value, method};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Zoned};
use std::sync::LazyLock;

pub(super) const FUNCTIONS: &[Function] = &[
    method("getDate", 1, 2, Type::Int, |call| part(call, "getDate", |at| i64::from(at.day()))),
    method("getDayOfMonth", 1, 2, Type::Int, |call| part(call, "getDayOfMonth", |at| i64::from(at.day()) - 1)),
    method("getDayOfWeek", 1, 2, Type::Int, |call| part(call, "getDayOfWeek", |at| i64::from(at.weekday().to_sunday_zero_offset()))),
    method("getDayOfYear", 1, 2, Type::Int, |call| part(call, "getDayOfYear", |at| i64::from(at.day_of_year()) - 1)),
    method("getFullYear", 1, 2, Type::Int, |call| part(call, "getFullYear", |at| i64::from(at.year()))),
    method("getHours", 1, 2, Type::Int, |call| part_or(call, "getHours", |at| i64::from(at.hour()), |span| span.as_secs() / 3600)),
    method("getMilliseconds", 1, 2, Type::Int, |call| {
        part_or(call, "getMilliseconds", |at| i64::from(at.millisecond()), |span| i64::from(span.subsec_millis()))
    }),
    method("getMinutes", 1, 2, Type::Int, |call| part_or(call, "getMinutes", |at| i64::from(at.minute()), |span| span.as_secs() / 60)),
    method("getMonth", 1, 2, Type::Int, |call| part(call, "getMonth", |at| i64::from(at.month()) - 1)),
    method("getSeconds", 1, 2, Type::Int, |call| part_or(call, "getSeconds", |at| i64::from(at.second()), SignedDuration::as_secs)),
    super::global("time.now", 0, 0, Type::Timestamp, now),
];

fn now<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    call.environment.now.map(Value::Timestamp).ok_or_else(|| Fault::Unsupported("there is no clock here".to_owned()))
}

/// The time zones of the IANA database, as they are in the binary.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A part of a timestamp, in UTC or in the zone or at the offset that the second argument names.
fn part<'a>(call: &Call<'_, 'a>, name: &str, read: fn(&Zoned) -> i64) -> Result<Value<'a>, Fault> {
    let Value::Timestamp(at) = call.get(0) else { return call.mismatch(name) };
    let zone = if call.has(1) { call.string(1, name)? } else { "UTC".into() };
    let zone = match parse_offset(&zone) {
        _ if zone == "UTC" || zone.is_empty() => TimeZone::UTC,
        Some(offset) => TimeZone::fixed(offset),
        None => ZONES.get(&zone).map_err(|_| format!("no time zone is called `{zone}`"))?,
    };
    Ok(Value::Int(read(&at.to_zoned(zone))))
}

fn part_or<'a>(call: &Call<'_, 'a>, name: &str, read: fn(&Zoned) -> i64, of_span: fn(&SignedDuration) -> i64) -> Result<Value<'a>, Fault> {
    match call.get(0) {
        Value::Duration(span) => Ok(Value::Int(of_span(span))),
        _ => part(call, name, read),
    }
}

fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.strip_prefix('+').unwrap_or(text)), |digits| (-1, digits));
    let (hours, minutes) = digits.split_once(':')?;
    Offset::from_seconds(sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60)).ok()
}

/// A duration as Go writes it: `1h30m`, `-1.5s`, `100ms`.
pub(super) fn parse_duration(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, f64); 8] =
        [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text.strip_prefix('+').unwrap_or(text)), |rest| (-1.0, rest));
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        nanoseconds += number.parse::<f64>().ok()? * factor;
        rest = after.strip_prefix(unit)?;
    }
    // 290 years, as a duration of Go can hold.
    #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
    (nanoseconds < 9.2e18 && rest.len() < text.len()).then(|| SignedDuration::from_nanos((sign * nanoseconds) as i64))
}

/// A duration in seconds, as `string(x)` gives it.
pub(crate) fn duration_text(span: SignedDuration) -> String {
    format!("{}s", span.as_secs_f64())
}
