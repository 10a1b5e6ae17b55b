//! One self-contained page: readable without scripts, with filters and search where there are some.
//!
//! Everything from manifests is escaped, and the page forbids itself to load anything (Content-Security-Policy).

use crate::Report;
use crate::escape::markup;
use crate::snippet::{Line, conceal, fit, lines};
use crate::view::{Group, Summary, groups, is_live};
use plimsoll_model::{Applicability, Finding, Location, Problem, Rule, Severity};
use std::collections::BTreeSet;
use std::io::{self, Write};

const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(report);
    let groups = groups(report);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>Plimsoll report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )?;
    header(report, &summary, out)?;
    filters(&groups, out)?;
    writeln!(out, "<main id=\"findings\">")?;
    if report.findings.is_empty() {
        writeln!(out, "<p class=\"none\">No findings in {} objects.</p>", report.totals.objects)?;
    }
    for group in &groups {
        workload(group, out)?;
    }
    writeln!(out, "<p class=\"none\" id=\"nothing\" hidden>Nothing matches the filter.</p>\n</main>")?;
    problems(&report.problems, out)?;
    rules(report, out)?;
    writeln!(out, "<footer>plimsoll {}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>", env!("CARGO_PKG_VERSION"))
}

fn header(report: &Report, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let totals = report.totals;
    writeln!(out, "<header>\n<div class=\"title\"><h1><span class=\"mark\" aria-hidden=\"true\"></span>Plimsoll</h1>")?;
    writeln!(
        out,
        "<button type=\"button\" id=\"theme\" class=\"scripted\" aria-label=\"Switch between light and dark\">Light / dark</button></div>"
    )?;
    writeln!(
        out,
        "<p class=\"what\">{} workloads in {} objects from {} sources: <b>{}</b></p>",
        totals.workloads,
        totals.objects,
        totals.sources,
        markup(&report.targets.join(", "))
    )?;
    writeln!(out, "<ul class=\"cards\">")?;
    for (severity, count) in summary.by_severity().filter(|(severity, count)| *severity != Severity::Info || *count > 0) {
        writeln!(out, "<li class=\"card {severity}\"><b>{count}</b> {severity}</li>")?;
    }
    let clean = totals.objects.saturating_sub(summary.affected);
    writeln!(out, "<li class=\"card\"><b>{clean}</b> objects without findings</li>")?;
    writeln!(out, "<li class=\"card\"><b>{}</b> accepted</li>", summary.excepted)?;
    writeln!(out, "<li class=\"card\"><b>{}</b> can be fixed safely</li>", summary.safe)?;
    if summary.problems > 0 {
        writeln!(out, "<li class=\"card critical\"><b>{}</b> <a href=\"#problems\">could not be read</a></li>", summary.problems)?;
    }
    writeln!(out, "</ul>")?;
    let total = summary.total().max(1);
    writeln!(out, "<div class=\"bar\" role=\"img\" aria-label=\"Share of each severity\">")?;
    for (severity, count) in summary.by_severity().filter(|(_, count)| *count > 0) {
        writeln!(
            out,
            "<span class=\"{severity}\" style=\"flex-grow:{}\" title=\"{count} {severity}\"></span>",
            (count * 1000 / total).max(1)
        )?;
    }
    writeln!(out, "</div>\n</header>")
}

fn filters(groups: &[Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let namespaces: BTreeSet<&str> = groups.iter().map(|group| group.object.namespace.as_str()).collect();
    let ids: BTreeSet<&str> = groups.iter().flat_map(|group| &group.findings).map(|finding| &*finding.rule.id).collect();
    writeln!(out, "<form class=\"filters scripted\" role=\"search\" aria-label=\"Filter findings\">")?;
    writeln!(out, "<label>Search <input type=\"search\" id=\"search\" placeholder=\"workload, message, file\"></label>")?;
    choice("severity", "At least", Severity::ALL.iter().map(|severity| severity.name()), "any severity", out)?;
    choice("namespace", "Namespace", namespaces.into_iter(), "all", out)?;
    choice("rule", "Check", ids.into_iter(), "all", out)?;
    choice("status", "Status", ["open", "accepted", "safe fix"].into_iter(), "all", out)?;
    writeln!(out, "<output id=\"count\" aria-live=\"polite\"></output>\n</form>")
}

fn choice<'a>(id: &str, label: &str, values: impl Iterator<Item = &'a str>, all: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<label>{label} <select id=\"{id}\"><option value=\"\">{all}</option>")?;
    for value in values {
        let shown = if value.is_empty() { "(none)" } else { value };
        // An empty value means all, so the namespace that is none gets a name of its own.
        let key = if value.is_empty() { "(none)" } else { value };
        write!(out, "<option value=\"{}\">{}</option>", markup(key), markup(shown))?;
    }
    writeln!(out, "</select></label>")
}

fn workload(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    let object = group.object;
    let namespace = if object.namespace.is_empty() { "(none)" } else { &object.namespace };
    let open = group.findings.iter().filter(|finding| finding.is_open()).count();
    writeln!(out, "<section class=\"workload\" data-namespace=\"{}\">", markup(namespace))?;
    writeln!(
        out,
        "<h2><span class=\"kind\">{}</span> {}<span class=\"place\">{}</span><span class=\"number\">{open}</span></h2>",
        markup(&object.kind),
        markup(&if object.namespace.is_empty() { object.name.clone() } else { format!("{}/{}", object.namespace, object.name) }),
        markup(&group.place)
    )?;
    for finding in &group.findings {
        card(finding, out)?;
    }
    writeln!(out, "</section>")
}

fn card(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let safe = crate::view::is_safe(finding);
    let status = match (finding.is_open(), safe) {
        (false, _) => "accepted",
        (true, true) => "open safe",
        (true, false) => "open",
    };
    let severity = finding.severity;
    let id = markup(&finding.rule.id);
    writeln!(
        out,
        "<details class=\"finding {severity}\" data-severity=\"{}\" data-rule=\"{id}\" data-status=\"{status}\">",
        Severity::ALL.iter().position(|known| *known == severity).unwrap_or(0)
    )?;
    let line =
        finding.location.as_ref().filter(|_| !is_live(finding)).map(|place| format!("line {}", place.start().line)).unwrap_or_default();
    let badge = if finding.is_open() { severity.name() } else { "accepted" };
    writeln!(
        out,
        "<summary><span class=\"badge\">{badge}</span> <span class=\"message\">{}</span> <span class=\"id\">{id}</span> <span class=\"line\">{line}</span></summary>",
        inline(&finding.message)
    )?;
    writeln!(out, "<div class=\"body\">")?;
    if let Some(exception) = &finding.exception {
        let owner = exception.owner.as_ref().map(|owner| format!(" Owner: {owner}.")).unwrap_or_default();
        let until = exception.expires.as_ref().map(|day| format!(" Until {day}.")).unwrap_or_default();
        writeln!(
            out,
            "<p class=\"accepted\">Accepted in {}: {}.{}{until}</p>",
            markup(&exception.source),
            markup(&exception.reason),
            markup(&owner)
        )?;
    }
    match &finding.location {
        Some(place) if !is_live(finding) => snippet(place, finding.concealed, out)?,
        _ => writeln!(out, "<p><code>{}</code></p>", markup(&finding.subject.pointer))?,
    }
    for fact in &finding.evidence {
        writeln!(out, "<p class=\"fact\">{}</p>", inline(fact))?;
    }
    if let Some(cure) = &finding.remediation {
        let (class, word) = match &cure.applicability {
            Applicability::Safe => ("safe", "Safe to apply".to_owned()),
            Applicability::NeedsEvidence(what) => ("asks", format!("First find out {what}")),
        };
        writeln!(out, "<p class=\"cure\"><b>Fix:</b> {}. <span class=\"{class}\">{}.</span></p>", inline(&cure.summary), inline(&word))?;
        if !cure.patch.is_empty() {
            let patch = serde_json::to_string_pretty(&cure.patch).unwrap_or_default();
            writeln!(out, "<details class=\"patch\"><summary>JSON Patch</summary><pre>{}</pre></details>", markup(&patch))?;
        }
        if !cure.changes.is_empty() {
            let changes = serde_json::to_string_pretty(&cure.changes).unwrap_or_default();
            writeln!(out, "<details class=\"patch\"><summary>Changes of objects</summary><pre>{}</pre></details>", markup(&changes))?;
        }
    }
    writeln!(out, "<p><a href=\"#rule-{id}\">What {id} means</a></p>\n</div>\n</details>")
}

fn snippet(place: &Location, concealed: bool, out: &mut dyn Write) -> io::Result<()> {
    let (shown, more) = lines(place, 6);
    let (start, name) = (place.start(), markup(&place.source.name));
    writeln!(out, "<figure><figcaption>{name}:{}:{}</figcaption><pre class=\"code\">", start.line, start.column)?;
    for line in &shown {
        let hidden = concealed.then(|| conceal(line));
        let hidden = hidden.as_ref().map(|(text, mark)| Line { number: line.number, text, mark: mark.clone() });
        let (text, column, length) = fit(hidden.as_ref().unwrap_or(line), 160);
        let part = |skip: usize, take: usize| text.chars().skip(skip).take(take).collect::<String>();
        writeln!(
            out,
            "<span class=\"n\">{:>5}</span> {}<mark>{}</mark>{}",
            line.number,
            markup(&part(0, column)),
            markup(&part(column, length)),
            markup(&part(column + length, usize::MAX))
        )?;
    }
    if more {
        writeln!(out, "<span class=\"n\">    …</span>")?;
    }
    writeln!(out, "</pre></figure>")
}

fn problems(problems: &[Problem], out: &mut dyn Write) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"problems\" class=\"problems\"><h2>What could not be read, and notes</h2>\n<ul>")?;
    for problem in problems {
        let help = problem.help.as_ref().map(|help| format!("<br><span class=\"help\">{}</span>", markup(help))).unwrap_or_default();
        let class = if problem.kind.is_error() { "error" } else { "note" };
        writeln!(out, "<li class=\"{class}\"><code>{}</code> {}{help}</li>", markup(&problem.place()), inline(&problem.message))?;
    }
    writeln!(out, "</ul></section>")
}

/// The pages of the checks that found something.
fn rules(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule.id).collect();
    let rules: Vec<_> = report.rules.iter().filter(|rule| found.contains(&*rule.id)).collect();
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section class=\"rules\"><h2>The checks</h2>")?;
    for rule in rules {
        let id = markup(&rule.id);
        writeln!(out, "<details id=\"rule-{id}\"><summary><b>{id}</b> {}</summary>", markup(&rule.title))?;
        page(rule, out)?;
        writeln!(out, "</details>")?;
    }
    writeln!(out, "</section>")
}

/// Text whose parts in backticks are code.
fn inline(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (at, part) in text.split('`').enumerate() {
        let part = markup(part);
        html.push_str(&if at % 2 == 1 { format!("<code>{part}</code>") } else { part.into_owned() });
    }
    html
}

/// The Markdown of a page: headings, paragraphs and code, which is all that pages of checks have.
fn page(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    for line in rule.docs.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("## ") {
            writeln!(out, "<h3>{}</h3>", markup(heading))?;
            continue;
        }
        writeln!(out, "<p>{}</p>", inline(line))?;
    }
    if !rule.references.is_empty() {
        writeln!(out, "<h3>References</h3><ul>")?;
        for one in rule.references.iter() {
            writeln!(out, "<li><a href=\"{}\" rel=\"noreferrer\">{} {}</a></li>", markup(one.url), markup(one.system), markup(one.id))?;
        }
        writeln!(out, "</ul>")?;
    }
    Ok(())
}
