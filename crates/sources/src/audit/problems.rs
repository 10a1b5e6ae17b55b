//! What could not be read of a log: the first of each kind with their places, the rest counted.

use plimsoll_model::audit::Place;
use plimsoll_model::{Problem, ProblemKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many of one kind in one file are told one by one.
const SINGLY: u64 = 5;

/// What is wrong with a piece of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// JSON that ends too early.
    CutOff,
    /// More than one event may have.
    TooLarge,
    /// No JSON at all.
    NotJson,
    /// JSON of another kind.
    Unknown,
    /// An audit event without a member that it must have.
    Missing,
    /// An audit event with a value that does not fit.
    Invalid,
    /// A record of another log in the same export.
    OtherLog,
}

impl Trouble {
    fn kind(self) -> ProblemKind {
        match self {
            Self::CutOff | Self::NotJson => ProblemKind::Syntax,
            Self::TooLarge => ProblemKind::Limit,
            Self::Unknown => ProblemKind::Unreadable,
            Self::Missing | Self::Invalid => ProblemKind::Invalid,
            Self::OtherLog => ProblemKind::Note,
        }
    }

    fn message(self, what: &str) -> String {
        match self {
            Self::CutOff => "the JSON that begins here is cut off or broken".to_owned(),
            Self::TooLarge => format!("more than the {what} that one event may have"),
            Self::NotJson => "a line without JSON".to_owned(),
            Self::Unknown => format!("no audit event: {what}"),
            Self::Missing => format!("an audit event without `{what}`"),
            Self::Invalid => format!("an audit event with a wrong value: {what}"),
            Self::OtherLog => format!("a record of another log, {what}, is left out"),
        }
    }
}

/// The problems of a reading.
#[derive(Debug, Default)]
pub(super) struct Book {
    problems: Vec<Problem>,
    /// How many of each kind in each file, and the line of the last one.
    counts: BTreeMap<(Arc<str>, Trouble), (u64, u64)>,
}

impl Book {
    /// Notes what is wrong at `place`.
    pub(super) fn add(&mut self, trouble: Trouble, what: &str, place: &Place) {
        let (count, last) = self.counts.entry((place.source.clone(), trouble)).or_default();
        *count += 1;
        *last = place.line;
        let singly = if trouble == Trouble::OtherLog { 1 } else { SINGLY };
        if *count <= singly {
            self.problems.push(Problem::new(trouble.kind(), trouble.message(what)).target(place.to_string()));
        }
    }

    /// Notes what is wrong with a file as a whole.
    pub(super) fn other(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Those that were noted since the last call.
    pub(super) fn take(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// All of them, with the counts of those that were not told.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for ((source, trouble), (count, last)) in self.counts {
            let singly = if trouble == Trouble::OtherLog { 1 } else { SINGLY };
            if count > singly {
                let what = match trouble {
                    Trouble::CutOff | Trouble::NotJson => "that are cut off, broken or without JSON",
                    Trouble::TooLarge => "that are too large",
                    Trouble::Unknown => "that are no audit events",
                    Trouble::Missing | Trouble::Invalid => "that are incomplete or wrong",
                    Trouble::OtherLog => "of other logs",
                };
                let message = format!("{} more records {what}, the last one in line {last}", count - singly);
                self.problems.push(Problem::new(trouble.kind(), message).target(&*source));
            }
        }
        self.problems
    }
}
