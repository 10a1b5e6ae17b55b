//! Workflow commands of GitHub Actions: annotations on the lines of a pull request.
//!
//! Format: GitHub documentation, "Workflow commands for GitHub Actions".

use crate::Report;
use crate::view::groups;
use plimsoll_model::{Location, Severity};
use std::io::{self, Write};

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in groups(report).into_iter().flat_map(|group| group.findings).filter(|finding| finding.is_open()) {
        let command = match finding.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "notice",
        };
        let title = format!("{} {}", finding.rule.id, finding.rule.title);
        let cure = finding.remediation.as_ref().map(|cure| format!("\nFix: {}", cure.summary)).unwrap_or_default();
        let message = format!("{}: {}{cure}", finding.subject.object, finding.message);
        annotate(command, finding.location.as_ref(), &title, &message, out)?;
    }
    for problem in &report.problems {
        let command = if problem.kind.is_error() { "error" } else { "notice" };
        let place = problem.target.as_ref().map(|target| format!("{target}: ")).unwrap_or_default();
        annotate(command, problem.location.as_ref(), "plimsoll could not read this", &format!("{place}{}", problem.message), out)?;
    }
    out.flush()
}

fn annotate(command: &str, location: Option<&Location>, title: &str, message: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "::{command} ")?;
    if let Some(location) = location {
        let (start, end) = (location.start(), location.end());
        write!(out, "file={},line={},endLine={},col={},", property(&location.source.name), start.line, end.line, start.column)?;
    }
    writeln!(out, "title={}::{}", property(title), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
