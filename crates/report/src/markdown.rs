//! Markdown, for pull requests and job summaries.

use crate::Report;
use crate::view::{Group, Summary, groups};
use plimsoll_model::{Applicability, Finding};
use std::fmt::Write as _;
use std::io::{self, Write};

/// A comment on GitHub holds 65,536 characters; what is beyond is counted instead of cut off in the middle.
const LARGEST: usize = 60_000;

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut text = head(report);
    let groups = groups(report);
    let mut left_out = 0;
    for group in &groups {
        let section = section(group);
        if text.len() + section.len() > LARGEST {
            left_out += group.findings.len();
        } else {
            text.push_str(&section);
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n**{left_out} more findings are left out here, because a comment holds no more text.**\n"));
    }
    problems(report, &mut text);
    out.write_all(text.as_bytes())
}

// Writing to a string does not fail.
fn head(report: &Report) -> String {
    let summary = Summary::of(report);
    let mut text = String::from("## Plimsoll\n\n");
    let totals = report.totals;
    let _ = writeln!(text, "{} of {} objects have findings.\n", summary.affected, totals.objects);
    text.push_str(
        "| critical | high | medium | low | info | accepted | could not be read |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n|",
    );
    for (_, count) in summary.by_severity() {
        let _ = write!(text, " {count} |");
    }
    let _ = writeln!(text, " {} | {} |", summary.excepted, summary.problems);
    text
}

fn section(group: &Group<'_>) -> String {
    let (open, accepted): (Vec<&Finding>, Vec<&Finding>) = group.findings.iter().copied().partition(|finding| finding.is_open());
    let mut text = String::new();
    if !open.is_empty() {
        let _ = writeln!(text, "\n### {}\n\n{}\n", cell(&group.object.to_string()), code(&group.place));
        text.push_str("| severity | check | what | where | fix |\n| --- | --- | --- | --- | --- |\n");
        for finding in open {
            let line = finding.location.as_ref().map_or(String::new(), |place| place.start().line.to_string());
            let _ = writeln!(
                text,
                "| {} | {} | {} | {line} {} | {} |",
                finding.severity,
                code(&finding.rule.id),
                cell(&finding.message),
                code(&finding.subject.pointer),
                cure(finding)
            );
        }
    }
    for finding in accepted {
        let reason = finding.exception.as_ref().map_or("", |exception| exception.reason.as_str());
        let _ = writeln!(text, "\n- accepted on {}: {} ({})", cell(&group.object.to_string()), code(&finding.rule.id), cell(reason));
    }
    text
}

fn cure(finding: &Finding) -> String {
    match &finding.remediation {
        None => String::new(),
        Some(cure) => match &cure.applicability {
            Applicability::Safe => cell(&cure.summary),
            Applicability::NeedsEvidence(what) => cell(&format!("{}; first find out {what}", cure.summary)),
        },
    }
}

fn problems(report: &Report, text: &mut String) {
    if report.problems.is_empty() {
        return;
    }
    text.push_str("\n### Problems\n\n");
    for problem in &report.problems {
        let help = problem.help.as_ref().map(|help| format!(" ({})", cell(help))).unwrap_or_default();
        let _ = writeln!(text, "- {} {}{help}", code(&problem.place()), cell(&problem.message));
    }
}

/// Text that stays in its cell and is no markup.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            control if control.is_control() => escaped.push(' '),
            '|' | '*' | '_' | '[' | ']' | '#' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text between backticks; backticks in it become quotes, because a cell cannot hold longer fences safely.
fn code(text: &str) -> String {
    let plain = text.replace('`', "'").replace('|', "\\|").replace(char::is_control, " ");
    if plain.is_empty() { plain } else { format!("`{plain}`") }
}
