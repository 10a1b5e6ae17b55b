//! The lines that Falco writes for an alert: text, and JSON with its keys in order.
//!
//! The rules are those of falcosecurity/falco, `userspace/engine/formats.cpp`.

use crate::fields::{Time, TimeStyle};
use serde_json::{Map, Value as Json};
use std::fmt::Write as _;

/// What lines hold (`json_include_*_property` and `time_format_iso_8601` in falco.yaml).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// JSON has the text line.
    pub output: bool,
    /// JSON has the tags.
    pub tags: bool,
    /// JSON has the text without time and priority.
    pub message: bool,
    /// JSON has the fields.
    pub fields: bool,
    /// The text line has the whole date.
    pub iso_8601: bool,
}

impl Default for Options {
    /// As Falco has it without being told.
    fn default() -> Self {
        Self { output: true, tags: true, message: false, fields: true, iso_8601: false }
    }
}

/// What a line is made of.
#[derive(Debug, Clone, Copy)]
pub struct Alert<'a> {
    /// When the event was made, in nanoseconds since 1970.
    pub time: u64,
    /// How bad it is (`Warning`).
    pub priority: &'a str,
    /// The rule that fired.
    pub rule: &'a str,
    /// The source of the event (`syscall`).
    pub source: &'a str,
    /// The tags of the rule, in order.
    pub tags: &'a [&'a str],
    /// Where the event was made.
    pub hostname: &'a str,
    /// The text of the rule with its values.
    pub message: &'a [u8],
    /// The fields of the rule, and those that were added.
    pub fields: &'a Map<String, Json>,
}

/// The text line, without a line feed: `06:14:09.071763988: Warning message`. What would break it is written as JSON writes it.
#[must_use]
pub fn text(alert: &Alert<'_>, options: Options) -> String {
    let quoted = Json::from(output(alert, options)).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// The JSON line, without a line feed.
#[must_use]
pub fn json(alert: &Alert<'_>, options: Options) -> Json {
    let mut line = Map::new();
    line.insert("hostname".into(), alert.hostname.into());
    if options.message {
        line.insert("message".into(), String::from_utf8_lossy(alert.message).into());
    }
    if options.output {
        line.insert("output".into(), output(alert, options).into());
    }
    if options.fields {
        let mut fields = alert.fields.clone();
        let name = if options.iso_8601 { "evt.time.iso8601" } else { "evt.time" };
        fields.insert(name.into(), alert.time.into());
        fields.sort_keys();
        line.insert("output_fields".into(), fields.into());
    }
    line.insert("priority".into(), alert.priority.into());
    line.insert("rule".into(), alert.rule.into());
    line.insert("source".into(), alert.source.into());
    if options.tags {
        line.insert("tags".into(), alert.tags.into());
    }
    line.insert("time".into(), utc(alert.time).into());
    line.into()
}

/// A time as JSON lines have it: `2026-11-23T06:14:09.071763988Z`.
#[must_use]
pub fn utc(time: u64) -> String {
    let mut text = Time(time, TimeStyle::Iso8601).to_string();
    text.truncate(text.len() - "+0000".len());
    text.push('Z');
    text
}

fn output(alert: &Alert<'_>, options: Options) -> String {
    let style = if options.iso_8601 { TimeStyle::Iso8601 } else { TimeStyle::Clock };
    let mut line = String::new();
    // Writing into memory does not fail.
    let _ = write!(line, "{}: {} {}", Time(alert.time, style), alert.priority, String::from_utf8_lossy(alert.message));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_falco() {
        let mut fields = Map::new();
        fields.insert("proc.name".into(), "sh".into());
        fields.insert("evt.num".into(), 7.into());
        let alert = Alert {
            time: 1_795_414_449_071_763_988,
            priority: "Warning",
            rule: "R",
            source: "syscall",
            tags: &["a", "b"],
            hostname: "h",
            message: b"say \"hi\"\n\xff",
            fields: &fields,
        };
        assert_eq!(text(&alert, Options::default()), "06:14:09.071763988: Warning say \\\"hi\\\"\\n\u{fffd}");
        let whole = Options { iso_8601: true, message: true, ..Options::default() };
        assert_eq!(
            json(&alert, whole).to_string(),
            r#"{"hostname":"h","message":"say \"hi\"\n�","output":"2026-11-23T06:14:09.071763988+0000: Warning say \"hi\"\n�","output_fields":{"evt.num":7,"evt.time.iso8601":1795414449071763988,"proc.name":"sh"},"priority":"Warning","rule":"R","source":"syscall","tags":["a","b"],"time":"2026-11-23T06:14:09.071763988Z"}"#
        );
        let bare = Options { output: false, tags: false, fields: false, ..Options::default() };
        assert_eq!(
            json(&alert, bare).to_string(),
            r#"{"hostname":"h","priority":"Warning","rule":"R","source":"syscall","time":"2026-11-23T06:14:09.071763988Z"}"#
        );
    }
}
