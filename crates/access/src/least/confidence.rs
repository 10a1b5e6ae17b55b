//! How much a log tells about what somebody needs.

use crate::usage::{Seen, Usage};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

const SECONDS_OF_A_DAY: i64 = 86_400;
/// A working week: less than that has not seen what is done weekly.
const SHORT: i64 = 7;
/// Four weeks: what is done monthly may have been seen.
const LONG: i64 = 28;
/// Days on which a subject has to have been active.
const ACTIVE: usize = 5;

/// Whether what was seen is likely to be all that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Confidence {
    /// In a word.
    pub level: Level,
    /// Why.
    pub because: String,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The log covers less than seven days, or the subject was active on one day only.
    Low,
    /// Neither of the others.
    Medium,
    /// The log covers at least 28 days, the subject was active on five or more, and nothing that it did in the last quarter of
    /// the time was new.
    High,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// By the rule that [`Level`] states: `days` are those on which the subject was active, `requests` when each of its requests was allowed.
pub(super) fn confidence<'s>(usage: &Usage, days: usize, requests: impl Iterator<Item = &'s Seen>) -> Confidence {
    let low = |because: String| Confidence { level: Level::Low, because };
    let (Some(first), Some(last)) = (usage.seen().first, usage.seen().last) else {
        return low("the log has no times".to_owned());
    };
    let seconds = last.as_second() - first.as_second();
    let covered = seconds / SECONDS_OF_A_DAY;
    let is_new = |seen: &Seen| seen.first.is_some_and(|time| time.as_second() > last.as_second() - seconds / 4);
    let new = requests.filter(|seen| is_new(seen)).count();
    let because = format!(
        "the log covers {}, the subject was active on {}, {new} of its requests came up in the last quarter of the time only",
        if covered == 0 { "less than a day".to_owned() } else { count(covered, "day") },
        count(days, "day")
    );
    let level = if covered < SHORT || days < 2 {
        Level::Low
    } else if covered >= LONG && days >= ACTIVE && new == 0 {
        Level::High
    } else {
        Level::Medium
    };
    Confidence { level, because }
}

/// `1 day`, `2 days`.
fn count(count: impl fmt::Display, what: &str) -> String {
    let count = count.to_string();
    let end = if count == "1" { "" } else { "s" };
    format!("{count} {what}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Observation;
    use jiff::Timestamp;
    use plimsoll_model::rbac::Request;

    #[test]
    fn the_rule_is_as_stated() {
        let table: &[(&[i64], &[i64], Level)] = &[
            (&[0, 1, 2, 3, 4, 5], &[0], Level::Low),
            (&[0, 8], &[0], Level::Medium),
            (&[0, 5, 10, 20, 29], &[0], Level::High),
            (&[0, 5, 10, 20, 29], &[0, 29], Level::Medium),
            (&[0, 29], &[0], Level::Medium),
        ];
        for (days, firsts, wanted) in table {
            let mut usage = Usage::default();
            let at = |day: i64| Timestamp::from_second(day * SECONDS_OF_A_DAY).ok();
            for day in *days {
                let request = Request::path("get", "/x");
                usage.add(&Observation { user: "a", groups: &[], request, allowed: Some(true), at: at(*day), place: &"" });
            }
            let seen: Vec<Seen> = firsts.iter().map(|day| Seen { first: at(*day), ..Seen::default() }).collect();
            let got = confidence(&usage, days.len(), seen.iter());
            assert_eq!(got.level, *wanted, "{days:?} {}", got.because);
        }
        assert_eq!(confidence(&Usage::default(), 0, std::iter::empty()).level, Level::Low);
    }
}
