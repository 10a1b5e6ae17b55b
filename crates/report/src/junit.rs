//! JUnit XML, for CI servers: a suite per object, a failed case per finding.

use crate::Report;
use crate::escape::markup;
use crate::view::{Summary, groups};
use plimsoll_model::Finding;
use std::io::{self, Write};

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(report);
    let errors = report.problems.iter().filter(|problem| problem.kind.is_error()).count();
    let tests = report.findings.len() + errors;
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"plimsoll\" tests=\"{tests}\" failures=\"{}\" errors=\"{errors}\" skipped=\"{}\">",
        summary.total(),
        summary.excepted
    )?;
    for group in groups(report) {
        let open = group.findings.iter().filter(|finding| finding.is_open()).count();
        let total = group.findings.len();
        let name = group.object.to_string();
        let (name, file) = (markup(&name), markup(&group.place));
        writeln!(
            out,
            "  <testsuite name=\"{name}\" file=\"{file}\" tests=\"{total}\" failures=\"{open}\" errors=\"0\" skipped=\"{}\">",
            total - open
        )?;
        for finding in &group.findings {
            case(finding, &name, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if errors > 0 {
        writeln!(out, "  <testsuite name=\"problems\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\" skipped=\"0\">")?;
        for problem in report.problems.iter().filter(|problem| problem.kind.is_error()) {
            let (place, message) = (problem.place(), &problem.message);
            writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", problem.kind.name(), markup(&place))?;
            writeln!(out, "      <error type=\"{}\" message=\"{}\"/>", problem.kind.name(), markup(message))?;
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn case(finding: &Finding, suite: &str, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{} {}", finding.rule.id, finding.subject.pointer);
    let place = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
    writeln!(out, "    <testcase classname=\"{suite}\" name=\"{}\">", markup(&name))?;
    if let Some(exception) = &finding.exception {
        writeln!(out, "      <skipped message=\"{}\"/>", markup(&exception.reason))?;
    } else {
        let mut text = format!("{place}\n{}", finding.rule.title);
        finding.evidence.iter().for_each(|fact| text.push_str(&format!("\n{fact}")));
        finding.remediation.iter().for_each(|cure| text.push_str(&format!("\nfix: {}", cure.summary)));
        writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            finding.severity.name(),
            markup(&finding.message),
            markup(&text)
        )?;
    }
    writeln!(out, "    </testcase>")
}
