//! SARIF 2.1.0 (OASIS), for code scanning.

use crate::Report;
use crate::lines::Members;
use crate::view::{groups, is_live};
use plimsoll_model::{Finding, Location, Problem, Rule, Severity};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let indices: HashMap<&str, usize> = report.rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
    let findings: Vec<&Finding> = groups(report).into_iter().flat_map(|group| group.findings).collect();
    let mut log = Members::open(out)?;
    log.value("$schema", &"https://json.schemastore.org/sarif-2.1.0.json")?;
    log.value("version", &"2.1.0")?;
    log.name("runs")?;
    log.out.write_all(b"[")?;
    let mut run = Members::open(log.out)?;
    run.value("tool", &tool(report))?;
    run.value("columnKind", &"unicodeCodePoints")?;
    run.value("invocations", &[invocation(report)])?;
    run.list("results", &findings, |finding| result(finding, &indices))?;
    run.close()?;
    log.out.write_all(b"]")?;
    log.close()?;
    out.write_all(b"\n")
}

fn tool(report: &Report) -> Value {
    json!({"driver": {
        "name": "plimsoll",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": report.rules.iter().map(|rule| rule_json(rule)).collect::<Vec<_>>(),
    }})
}

fn invocation(report: &Report) -> Value {
    json!({
        "executionSuccessful": !report.problems.iter().any(|problem| problem.kind.is_error()),
        "toolExecutionNotifications": report.problems.iter().map(notification).collect::<Vec<_>>(),
    })
}

fn rule_json(rule: &Rule) -> Value {
    let tags: Vec<String> = rule.references.iter().map(|one| format!("{}:{}", one.system, one.id)).collect();
    let mut tags = [vec!["security".to_owned()], tags].concat();
    // Tags are a set in the schema.
    tags.sort();
    tags.dedup();
    let mut json = json!({
        "id": rule.id,
        "name": rule.title,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": summary(&rule.docs)},
        "help": {"text": rule.docs, "markdown": rule.docs},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": tags, "security-severity": score(rule.severity), "precision": "very-high"},
    });
    if let (Some(reference), Some(object)) = (rule.references.first(), json.as_object_mut()) {
        object.insert("helpUri".to_owned(), reference.url.into());
    }
    json
}

/// The first paragraph of a page.
fn summary(docs: &str) -> &str {
    docs.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or(docs)
}

fn result(finding: &Finding, indices: &HashMap<&str, usize>) -> Value {
    let subject = &finding.subject;
    let mut result = json!({
        "ruleId": finding.rule.id,
        "level": level(finding.severity),
        "message": {"text": format!("{}: {}", subject.object, finding.message)},
        "locations": [location(finding)],
        "partialFingerprints": {"plimsoll/v1": fingerprint(finding)},
        "properties": {
            "severity": finding.severity.name(),
            "pointer": subject.pointer,
            "evidence": finding.evidence,
        },
    });
    let Some(object) = result.as_object_mut() else { return result };
    if let Some(at) = indices.get(&*finding.rule.id) {
        object.insert("ruleIndex".to_owned(), (*at).into());
    }
    if let (Some(cure), Some(properties)) = (&finding.remediation, object.get_mut("properties").and_then(Value::as_object_mut)) {
        properties.insert("fix".to_owned(), json!({"summary": cure.summary, "patch": cure.patch}));
    }
    if let Some(exception) = &finding.exception {
        let inline = finding.location.as_ref().is_some_and(|place| exception.source.starts_with(&place.source.name));
        let kind = if inline { "inSource" } else { "external" };
        object.insert("suppressions".to_owned(), json!([{"kind": kind, "justification": exception.reason}]));
    }
    result
}

fn location(finding: &Finding) -> Value {
    let object = &finding.subject.object;
    let name = format!("{}/{}{}", object.namespace, object.name, finding.subject.pointer);
    let logical = json!([{"name": object.name, "kind": "resource", "fullyQualifiedName": format!("{}/{name}", object.kind)}]);
    match &finding.location {
        Some(place) if !is_live(finding) => json!({"physicalLocation": physical(place), "logicalLocations": logical}),
        // Code scanning wants a file; of a live object it is the list that it was served in.
        Some(place) => json!({"physicalLocation": {"artifactLocation": {"uri": uri(&place.source.name)}}, "logicalLocations": logical}),
        None => json!({"logicalLocations": logical}),
    }
}

fn physical(place: &Location) -> Value {
    let (start, end) = (place.start(), place.end());
    json!({
        "artifactLocation": {"uri": uri(&place.source.name)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
            "byteOffset": place.span.start,
            "byteLength": place.span.end - place.span.start,
        },
    })
}

fn notification(problem: &Problem) -> Value {
    let mut notification = json!({
        "level": if problem.kind.is_error() { "error" } else { "note" },
        "message": {"text": match &problem.help { Some(help) => format!("{}; {help}", problem.message), None => problem.message.clone() }},
        "descriptor": {"id": problem.kind.name()},
    });
    let place = match (&problem.location, &problem.target) {
        (Some(location), _) => Some(json!({"physicalLocation": physical(location)})),
        (None, Some(target)) if !target.is_empty() => Some(json!({"physicalLocation": {"artifactLocation": {"uri": uri(target)}}})),
        _ => None,
    };
    if let (Some(place), Some(object)) = (place, notification.as_object_mut()) {
        object.insert("locations".to_owned(), json!([place]));
    }
    notification
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub's scale: over 9.0 critical, over 7.0 high, over 4.0 medium, else low.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}

/// The same finding has the same fingerprint when lines move: it says what and where in the object, not where in the file.
fn fingerprint(finding: &Finding) -> String {
    let object = &finding.subject.object;
    let container = finding.subject.container().unwrap_or("");
    let parts =
        [&*finding.rule.id, &object.api_version, &object.kind, &object.namespace, &object.name, container, &finding.subject.pointer];
    // FNV-1a: short, and the same for ever.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// A file name as a relative reference (RFC 3986).
fn uri(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
