//! Times as texts, in UTC: the engine knows no time zone.

use std::fmt;

const SECOND: u64 = 1_000_000_000;

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeStyle {
    /// `06:14:09.071763988`.
    Clock,
    /// `06:14:09`.
    ClockSeconds,
    /// `2026-11-23 06:14:09.071763988`.
    Date,
    /// `2026-11-23 06:14:09`.
    DateSeconds,
    /// `2026-11-23T06:14:09.071763988+0000`.
    Iso8601,
    /// `2026-11-23 06:14:09.071763988 +0000`: times among the parameters of an event.
    Param,
}

/// A time in nanoseconds since 1970, to be written in a style.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub u64, pub TimeStyle);

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time, style) = *self;
        let (seconds, nanoseconds) = (time / SECOND, time % SECOND);
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds % 86_400 / 3600, seconds % 3600 / 60, seconds % 60);
        match style {
            TimeStyle::Clock | TimeStyle::ClockSeconds => {}
            TimeStyle::Iso8601 => write!(out, "{year:04}-{month:02}-{day:02}T")?,
            TimeStyle::Date | TimeStyle::DateSeconds | TimeStyle::Param => write!(out, "{year:04}-{month:02}-{day:02} ")?,
        }
        write!(out, "{hour:02}:{minute:02}:{second:02}")?;
        if !matches!(style, TimeStyle::ClockSeconds | TimeStyle::DateSeconds) {
            write!(out, ".{nanoseconds:09}")?;
        }
        match style {
            TimeStyle::Iso8601 => out.write_str("+0000"),
            TimeStyle::Param => out.write_str(" +0000"),
            _ => Ok(()),
        }
    }
}

/// Year, month and day of a number of days since 1970. Years are counted from March on, so that the odd day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_every_style() {
        let cases = [
            (1_795_414_449_071_763_988, TimeStyle::Iso8601, "2026-11-23T06:14:09.071763988+0000"),
            (1_795_414_449_071_763_988, TimeStyle::Clock, "06:14:09.071763988"),
            (951_782_400_000_000_001, TimeStyle::Date, "2000-02-29 00:00:00.000000001"),
            (951_868_799_999_999_999, TimeStyle::DateSeconds, "2000-02-29 23:59:59"),
            (951_868_800_000_000_000, TimeStyle::ClockSeconds, "00:00:00"),
            (0, TimeStyle::Param, "1970-01-01 00:00:00.000000000 +0000"),
            (u64::MAX, TimeStyle::DateSeconds, "2554-07-21 23:34:33"),
        ];
        for (time, style, text) in cases {
            assert_eq!(Time(time, style).to_string(), text);
        }
    }
}
