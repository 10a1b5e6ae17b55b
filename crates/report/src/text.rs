//! For a terminal: grouped by workload, the worst first, with the lines of the manifest.

use crate::escape::terminal;
use crate::snippet::{Line, conceal, fit, lines};
use crate::view::{Group, Summary, groups, is_live};
use crate::{Report, Scores, Style};
use plimsoll_model::{Applicability, Finding, Framework, Location, Origin, Problem, Severity, Status};
use rayon::prelude::*;
use std::io::{self, Write};

/// Sections that are rendered before they are written: enough to keep all processors busy, too few to fill the memory.
const AT_A_TIME: usize = 1024;
/// Lines of a place that are shown before an ellipsis.
const MOST_LINES: usize = 4;

pub(crate) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { on: style.color };
    // Sections do not depend on each other; a report of a large cluster has thousands.
    let mut groups = groups(report);
    for group in &mut groups {
        group.findings.retain(|finding| finding.severity >= style.least);
    }
    groups.retain(|group| !group.findings.is_empty());
    for some in groups.chunks(AT_A_TIME) {
        let sections: Vec<io::Result<Vec<u8>>> = some
            .par_iter()
            .map(|group| {
                let mut section = Vec::with_capacity(4096);
                workload(group, style, paint, &mut section)?;
                Ok(section)
            })
            .collect();
        for section in sections {
            out.write_all(&section?)?;
        }
    }
    for framework in &report.frameworks {
        controls(framework, style, paint, out)?;
    }
    summary(report, style, paint, out)
}

pub(crate) fn problems(problems: &[Problem], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { on: style.color };
    for problem in problems {
        let (word, color) = if problem.kind.is_error() { ("problem", RED) } else { ("note", CYAN) };
        write!(out, "{}", paint.with(color, word))?;
        let place = problem.place();
        if !place.is_empty() {
            write!(out, " {}", paint.with(BOLD, &terminal(&place)))?;
        }
        writeln!(out, ": {}", terminal(&problem.message))?;
        if let Some(location) = problem.location.as_ref().filter(|location| location.source.origin != Origin::Live) {
            snippet(location, "", false, color, style, paint, out)?;
        }
        if let Some(help) = &problem.help {
            writeln!(out, "      {} {}", paint.with(DIM, "help:"), terminal(help))?;
        }
    }
    out.flush()
}

fn workload(group: &Group<'_>, style: &Style, paint: Paint, out: &mut Vec<u8>) -> io::Result<()> {
    let place = terminal(&group.place);
    writeln!(out, "{}  {}", paint.with(BOLD, &terminal(&group.object.to_string())), paint.with(DIM, &place))?;
    for same in group.findings.chunk_by(|a, b| a.rule.id == b.rule.id && a.severity == b.severity && a.exception == b.exception) {
        let Some(first) = same.first() else { continue };
        rule(first, same.len(), paint, out)?;
        if let Some(exception) = &first.exception {
            let until = exception.expires.as_ref().map(|day| format!(", until {day}")).unwrap_or_default();
            let owner = exception.owner.as_ref().map(|owner| format!(" ({owner}{until})")).unwrap_or_default();
            writeln!(
                out,
                "      {}",
                paint.with(DIM, &terminal(&format!("accepted in {}: {}{owner}", exception.source, exception.reason)))
            )?;
            if !style.verbose {
                continue;
            }
        }
        for finding in same {
            place_of(finding, style, paint, out)?;
            if style.verbose {
                evidence(finding, paint, out)?;
            }
        }
        if !style.verbose
            && let Some(refused) = first.evidence.first()
        {
            writeln!(out, "      {} {}", paint.with(DIM, "note:"), terminal(refused))?;
        }
        cures(same, style.verbose, paint, out)?;
    }
    writeln!(out)
}

fn rule(finding: &Finding, count: usize, paint: Paint, out: &mut Vec<u8>) -> io::Result<()> {
    let color = if finding.is_open() { severity_color(finding.severity) } else { DIM };
    let times = if count > 1 { format!(" ×{count}") } else { String::new() };
    let severity = format!("{:<8}", finding.severity.name());
    writeln!(
        out,
        "  {} {}  {}{}",
        paint.with(color, &severity),
        paint.with(if finding.is_open() { BOLD } else { DIM }, &terminal(&finding.rule.id)),
        terminal(&finding.rule.title),
        paint.with(DIM, &times)
    )
}

fn place_of(finding: &Finding, style: &Style, paint: Paint, out: &mut Vec<u8>) -> io::Result<()> {
    match &finding.location {
        Some(location) if !is_live(finding) => {
            snippet(location, &finding.message, finding.concealed, severity_color(finding.severity), style, paint, out)
        }
        _ => writeln!(out, "      {}  {}", terminal(&finding.message), paint.with(DIM, &terminal(&finding.subject.pointer))),
    }
}

fn snippet(
    location: &Location,
    label: &str,
    concealed: bool,
    color: &str,
    style: &Style,
    paint: Paint,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let (shown, more) = lines(location, MOST_LINES);
    let bar = paint.with(DIM, "│");
    let last = shown.len().saturating_sub(1);
    for (at, line) in shown.iter().enumerate() {
        let hidden = concealed.then(|| conceal(line));
        let hidden = hidden.as_ref().map(|(text, mark)| Line { number: line.number, text, mark: mark.clone() });
        let (text, column, length) = fit(hidden.as_ref().unwrap_or(line), style.width.saturating_sub(9));
        writeln!(out, "{} {bar} {text}", paint.with(DIM, &format!("{:>6}", line.number)))?;
        // The line is whole; marks under more than the first and last would only repeat it.
        if at == last {
            let marks = format!("{}{}", "^".repeat(length), if more { "…" } else { "" });
            let label = terminal(label);
            let gap = if label.is_empty() { "" } else { " " };
            writeln!(out, "       {bar} {}{}{gap}{}", " ".repeat(column), paint.with(color, &marks), paint.with(color, &label))?;
        }
    }
    Ok(())
}

fn evidence(finding: &Finding, paint: Paint, out: &mut Vec<u8>) -> io::Result<()> {
    for fact in &finding.evidence {
        writeln!(out, "      {} {}", paint.with(DIM, "note:"), terminal(fact))?;
    }
    for op in finding.remediation.iter().flat_map(|cure| &cure.patch) {
        let op = serde_json::to_string(op).unwrap_or_default();
        writeln!(out, "      {} {}", paint.with(DIM, "patch:"), terminal(&op))?;
    }
    for change in finding.remediation.iter().flat_map(|cure| &cure.changes) {
        let change = serde_json::to_string(change).unwrap_or_default();
        writeln!(out, "      {} {}", paint.with(DIM, "change:"), terminal(&change))?;
    }
    Ok(())
}

/// What to do, each thing once.
fn cures(findings: &[&Finding], verbose: bool, paint: Paint, out: &mut Vec<u8>) -> io::Result<()> {
    let mut said: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        let Some(cure) = &finding.remediation else { continue };
        let line = match &cure.applicability {
            Applicability::Safe => cure.summary.to_string(),
            Applicability::NeedsEvidence(what) => match finding.evidence_command() {
                Some(command) if verbose => format!("{}; first find out {what}: {command}", cure.summary),
                _ => format!("{}; first find out {what}", cure.summary),
            },
        };
        if said.contains(&line) {
            continue;
        }
        let word = if cure.applicability == Applicability::Safe { paint.with(GREEN, "fix:") } else { paint.with(YELLOW, "fix?") };
        writeln!(out, "      {word} {}", terminal(&line))?;
        said.push(line);
    }
    Ok(())
}

/// A framework's controls, those without trouble counted only.
fn controls(framework: &Framework, style: &Style, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let count = |status: Status| framework.controls.iter().filter(|control| control.status == status).count();
    let kubescape = style.scores == Some(Scores::Kubescape);
    writeln!(out, "{}  {}", paint.with(BOLD, &terminal(&framework.name)), paint.with(DIM, &terminal(&framework.title)))?;
    for control in &framework.controls {
        let color = match control.status {
            Status::Failed => RED,
            Status::Unknown => YELLOW,
            _ if style.verbose => DIM,
            _ => continue,
        };
        let checks: Vec<&str> = control.checks.iter().map(|check| &**check).collect();
        let counts = if control.evaluated > 0 { format!("{} of {}", control.failed, control.evaluated) } else { String::new() };
        let compliance = control.kubescape_compliance.filter(|_| kubescape).map(|value| format!("{value:>5.1} %  ")).unwrap_or_default();
        let status = paint.with(color, &format!("{:<13}", control.status.name()));
        writeln!(
            out,
            "  {status} {:<10} {counts:<14} {compliance}{}",
            terminal(&control.id),
            paint.with(DIM, &terminal(&checks.join(", ")))
        )?;
    }
    let statuses = [Status::Failed, Status::Unknown, Status::Passed, Status::NotEvaluated, Status::NotCovered];
    let counts: Vec<String> = statuses.into_iter().map(|status| format!("{} {}", count(status), status.name())).collect();
    writeln!(out, "  {} controls: {}", framework.controls.len(), counts.join(", "))?;
    if let (true, Some(compliance), Some(risk)) = (kubescape, framework.kubescape_compliance, framework.kubescape_risk) {
        let irrelevant = match count(Status::NotEvaluated) {
            0 => String::new(),
            some => format!("; {} with nothing to look at counted as 100 %", amount(some, "control")),
        };
        writeln!(out, "  by Kubescape's formulas: compliance {compliance:.1} %, risk {risk:.1} %{irrelevant}")?;
    }
    writeln!(out)
}

/// The score and what it lost most by.
fn score(report: &Report, style: &Style, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let Some(score) = &report.score else { return Ok(()) };
    writeln!(out, "score {} of 100", paint.with(BOLD, &format!("{:.0}", score.value.floor())))?;
    let shown = if style.scores == Some(Scores::Plimsoll) { score.losses.len() } else { 0 };
    for loss in score.losses.iter().take(shown) {
        let unknown = if loss.unknown > 0 { format!(", {} unknown", loss.unknown) } else { String::new() };
        writeln!(
            out,
            "  -{:<5.1} {}  {}",
            loss.points,
            terminal(&loss.check),
            paint.with(DIM, &format!("{} of {} fail{unknown}", loss.failed, loss.evaluated))
        )?;
    }
    Ok(())
}

/// What could not be decided, each reason once.
fn undecided(report: &Report, style: &Style, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: std::collections::BTreeMap<(&str, &str), usize> = std::collections::BTreeMap::new();
    for unknown in &report.unknown {
        *reasons.entry((&unknown.rule.id, &unknown.missing)).or_default() += 1;
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let more = if style.verbose { "" } else { "; -v says which" };
    writeln!(out, "{}", paint.with(YELLOW, &format!("{} undecided{more}", amount(report.unknown.len(), "verdict"))))?;
    for ((check, missing), count) in reasons.into_iter().filter(|_| style.verbose) {
        writeln!(out, "  {count:>5} {}  {}", terminal(check), terminal(missing))?;
    }
    Ok(())
}

fn summary(report: &Report, style: &Style, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(report);
    let totals = report.totals;
    let represented =
        if totals.represented > 0 { format!(" (and {} that their controller speaks for)", totals.represented) } else { String::new() };
    writeln!(
        out,
        "{} in {} from {}: {} with findings{represented}",
        paint.with(BOLD, &amount(totals.workloads, "workload")),
        amount(totals.objects, "object"),
        amount(totals.sources, "source"),
        amount(summary.affected, "object")
    )?;
    let counts: Vec<String> = summary
        .by_severity()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| paint.with(severity_color(severity), &format!("{count} {severity}")))
        .collect();
    let mut parts = vec![if counts.is_empty() { paint.with(GREEN, "no findings") } else { counts.join(", ") }];
    if summary.excepted > 0 {
        parts.push(format!("{} accepted by exceptions", summary.excepted));
    }
    if summary.problems > 0 {
        parts.push(paint.with(RED, &format!("{} that could not be read", amount(summary.problems, "thing"))));
    }
    writeln!(out, "{}", parts.join("; "))?;
    let hidden = report.findings.iter().filter(|finding| finding.severity < style.least).count();
    if hidden > 0 {
        let line = format!("{hidden} below {} are not shown here; --min-severity info shows them", style.least);
        writeln!(out, "{}", paint.with(DIM, &line))?;
    }
    undecided(report, style, paint, out)?;
    score(report, style, paint, out)?;
    if summary.fixable > 0 {
        writeln!(out, "{}", paint.with(DIM, &format!("{} can be fixed with --fix; see the changes first with --diff", summary.fixable)))?;
    }
    if summary.total() > 0 {
        writeln!(out, "{}", paint.with(DIM, "plimsoll explain ID says what a finding means"))?;
    }
    out.flush()
}

fn amount(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

fn severity_color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;35",
        Severity::High => "1;31",
        Severity::Medium => "33",
        Severity::Low => "36",
        Severity::Info => "2",
    }
}

#[derive(Clone, Copy)]
struct Paint {
    on: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
