//! What all formats share: findings in order, grouped by workload, and counted.

use crate::Report;
use plimsoll_model::{Applicability, Finding, ObjectId, Origin, Severity};
use std::sync::Arc;

/// The findings of one object, the worst first.
pub(crate) struct Group<'r> {
    pub(crate) object: &'r ObjectId,
    /// Where the object stands: the place of its first finding's document.
    pub(crate) place: String,
    pub(crate) findings: Vec<&'r Finding>,
}

/// Counts over a report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Open findings by severity, the heaviest first.
    pub(crate) open: [usize; 5],
    /// Findings that an exception covers.
    pub(crate) excepted: usize,
    /// Workloads with an open finding.
    pub(crate) affected: usize,
    /// Open findings whose cure may be applied as it is.
    pub(crate) safe: usize,
    /// Those of them that stand in a file on disk, so that they can be applied there.
    pub(crate) fixable: usize,
    /// What could not be read.
    pub(crate) problems: usize,
}

/// Findings by object: namespace, kind, name, then the file; the worst first within.
pub(crate) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut runs: Vec<_> = runs(report).collect();
    runs.sort_by_key(|(key, _)| *key);
    let of_one_object = runs.chunk_by(|(a, _), (b, _)| a == b);
    of_one_object
        .filter_map(|runs| {
            let ((object, file), _) = runs.first()?;
            Some(group_of(object, file, runs.iter().flat_map(|(_, findings)| *findings).collect()))
        })
        .collect()
}

/// Findings as engines give them, one object after the other: much fewer to sort than findings.
fn runs(report: &Report) -> impl Iterator<Item = ((&ObjectId, &str), &[Finding])> {
    let same = |a: &Finding, b: &Finding| Arc::ptr_eq(&a.subject.object, &b.subject.object) && file(a) == file(b);
    report.findings.chunk_by(same).filter_map(|run| {
        let first = run.first()?;
        Some(((&*first.subject.object, file(first)), run))
    })
}

fn group_of<'r>(object: &'r ObjectId, file: &str, mut findings: Vec<&'r Finding>) -> Group<'r> {
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    Group { object, place: file.to_owned(), findings }
}

type Order<'f> = (std::cmp::Reverse<Severity>, bool, &'f str, u32, &'f str, &'f str);

fn order(finding: &Finding) -> Order<'_> {
    let start = finding.location.as_ref().map_or(0, |place| place.span.start);
    (std::cmp::Reverse(finding.severity), !finding.is_open(), &finding.rule.id, start, &finding.subject.pointer, &finding.message)
}

/// The name of the source that a finding stands in.
pub(crate) fn file(finding: &Finding) -> &str {
    finding.location.as_ref().map_or("", |place| &place.source.name)
}

/// Whether a finding is about a live object, whose JSON has no lines worth showing.
pub(crate) fn is_live(finding: &Finding) -> bool {
    is_from(finding, Origin::Live)
}

fn is_from(finding: &Finding, origin: Origin) -> bool {
    finding.location.as_ref().is_some_and(|place| place.source.origin == origin)
}

/// Whether a finding's cure may be applied as it is.
pub(crate) fn is_safe(finding: &Finding) -> bool {
    finding.remediation.as_ref().is_some_and(|cure| cure.applicability == Applicability::Safe && cure.is_concrete())
}

impl Summary {
    pub(crate) fn of(report: &Report) -> Self {
        let mut summary = Self::default();
        for finding in &report.findings {
            if !finding.is_open() {
                summary.excepted += 1;
                continue;
            }
            let heaviest_first = Severity::ALL.iter().rev().position(|severity| *severity == finding.severity);
            if let Some(count) = heaviest_first.and_then(|at| summary.open.get_mut(at)) {
                *count += 1;
            }
            summary.safe += usize::from(is_safe(finding));
            summary.fixable += usize::from(is_safe(finding) && is_from(finding, Origin::File));
        }
        // A finding about the configuration names a workload that need not have one itself.
        let counts = |finding: &Finding| finding.is_open() && !finding.rule.id.starts_with("PLM-");
        let mut affected: Vec<_> = runs(report).filter(|(_, run)| run.iter().any(counts)).map(|(key, _)| key).collect();
        affected.sort_unstable();
        affected.dedup();
        summary.affected = affected.len();
        summary.problems = report.problems.iter().filter(|problem| problem.kind.is_error()).count();
        summary
    }

    /// Severities with their counts, the heaviest first.
    pub(crate) fn by_severity(&self) -> impl Iterator<Item = (Severity, usize)> {
        Severity::ALL.into_iter().rev().zip(self.open)
    }

    /// All open findings.
    pub(crate) fn total(&self) -> usize {
        self.open.iter().sum()
    }
}
