//! Exceptions applied to findings: the one mechanism for every engine.
//!
//! An exception stands in the configuration or in a comment of the manifest itself:
//!
//! ```yaml
//! hostNetwork: true  # plimsoll: ignore PSS-hostNamespaces it announces the node's own routes
//! ```
//!
//! A comment at the end of a line covers what starts on that line; a comment on a line of its own covers the entry that
//! follows, and before the first key of a document the whole document. `*` globs work in ids, several ids are separated
//! by commas, the reason is required.

use crate::config::{CheckSetting, Config, Exception, Pattern, glob};
use crate::document::{Document, Node};
use crate::{AppliedException, Finding, Location, Problem, ProblemKind, Reference, Rule, Severity, Span, Subject};
use jiff::civil::Date;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// An in-line exception and what it covers.
#[derive(Debug, Clone)]
pub struct InlineException {
    /// Globs over check ids.
    pub ids: Vec<String>,
    /// Why.
    pub reason: String,
    /// The bytes it covers.
    pub covers: Span,
    /// Where the comment stands.
    pub location: Location,
}

/// An exception in the configuration that has expired: the finding it accepted is open again, and somebody has to decide.
pub static EXPIRED: LazyLock<Arc<Rule>> = LazyLock::new(|| {
    Arc::new(Rule {
        id: Cow::Borrowed("PLM-expired-exception"),
        title: Cow::Borrowed("Exception has expired"),
        severity: Severity::Medium,
        docs: Cow::Borrowed(
            "## What it detects\nAn exception in the configuration whose `expires` day has passed. It accepts nothing any more.\n\n## Why it matters\nAn exception with an end is a promise to look again. The findings that it covered are open and count.\n\n## How to fix\nCure what it covered, or decide again and give it a new day.",
        ),
        references: Cow::Borrowed(&[] as &[Reference]),
    })
});

/// Applies the configuration and the in-line exceptions of `documents` to `findings`.
///
/// Findings of checks that are off are dropped, severities replaced, accepted findings marked. An expired exception
/// becomes a finding; one that covers nothing, and a malformed comment, become problems. `today` is the day that expiry
/// is judged by.
pub fn apply(findings: &mut Vec<Finding>, documents: &[Document], config: &Config, today: Date) -> Vec<Problem> {
    findings.retain_mut(|finding| match config.setting(&finding.rule.id) {
        Some(CheckSetting::Off) => false,
        Some(CheckSetting::Severity(severity)) => {
            finding.severity = severity;
            true
        }
        Some(CheckSetting::On) | None => true,
    });
    let mut problems = apply_inline(findings, documents);
    for exception in &config.exceptions {
        let expired = exception.expires.is_some_and(|last| last < today);
        let mut covered = 0_usize;
        let applied = Arc::new(AppliedException {
            reason: exception.reason.clone(),
            owner: exception.owner.clone(),
            expires: exception.expires.map(|day| day.to_string()),
            source: exception.written_at.clone(),
        });
        let mut subject = None;
        for finding in findings.iter_mut().filter(|finding| covers(exception, finding)) {
            covered += 1;
            subject.get_or_insert_with(|| finding.subject.clone());
            if !expired && finding.exception.is_none() {
                finding.exception = Some(Arc::clone(&applied));
            }
        }
        match subject {
            Some(subject) if expired => findings.push(expired_finding(exception, subject, covered)),
            Some(_) => {}
            None => {
                let message = format!("the exception for {} covers nothing", exception.ids.join(", "));
                let problem = Problem::new(ProblemKind::Note, message).located(exception.place.0.clone());
                problems.push(problem.help("remove it, or look whether its patterns are still right"));
            }
        }
    }
    problems
}

fn covers(exception: &Exception, finding: &Finding) -> bool {
    let Subject { object, pointer, .. } = &finding.subject;
    let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.fits(text));
    let namespace = if object.kind == "Namespace" { &object.name } else { &object.namespace };
    exception.ids.iter().any(|id| glob(id, &finding.rule.id))
        && fits(&exception.namespace, namespace)
        && fits(&exception.kind, &object.kind)
        && fits(&exception.workload, &object.name)
        && fits(&exception.path, pointer)
        && (exception.container.is_none() || finding.subject.container().is_some_and(|name| fits(&exception.container, name)))
        && (exception.image.is_none() || finding.subject.image().is_some_and(|image| fits(&exception.image, image)))
}

fn expired_finding(exception: &Exception, subject: Subject, covered: usize) -> Finding {
    let day = exception.expires.map(|day| day.to_string()).unwrap_or_default();
    let owner = exception.owner.as_deref().unwrap_or("nobody");
    Finding {
        rule: Arc::clone(&EXPIRED),
        severity: EXPIRED.severity,
        message: format!("the exception for {} expired on {day}; its owner is {owner}", exception.ids.join(", ")),
        subject,
        location: Some(exception.place.0.clone()),
        concealed: false,
        evidence: vec![format!("findings it would cover: {covered}"), format!("its reason: {}", exception.reason)],
        related: Vec::new(),
        remediation: None,
        exception: None,
    }
}

fn apply_inline(findings: &mut [Finding], documents: &[Document]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for document in documents.iter().filter(|document| !document.comments.is_empty()) {
        let (exceptions, trouble) = document.inline_exceptions();
        problems.extend(trouble);
        for exception in exceptions {
            let applied = Arc::new(AppliedException {
                reason: exception.reason.clone(),
                owner: None,
                expires: None,
                source: format!("{}:{}", document.source.name, exception.location.start().line),
            });
            let mut used = false;
            let here = |finding: &Finding| {
                finding
                    .location
                    .as_ref()
                    .is_some_and(|place| Arc::ptr_eq(&place.source, &document.source) && exception.covers.contains(place.span.start))
            };
            for finding in findings.iter_mut().filter(|finding| here(finding) && exception.ids.iter().any(|id| glob(id, &finding.rule.id)))
            {
                used = true;
                finding.exception.get_or_insert_with(|| Arc::clone(&applied));
            }
            if !used {
                let message = format!("the in-line exception for {} covers nothing", exception.ids.join(", "));
                problems.push(Problem::new(ProblemKind::Note, message).located(exception.location).help("remove the comment"));
            }
        }
    }
    problems
}

impl Document {
    /// The exceptions that stand in the document's comments, and comments that mean to be one and are not.
    pub fn inline_exceptions(&self) -> (Vec<InlineException>, Vec<Problem>) {
        let mut exceptions = Vec::new();
        let mut problems = Vec::new();
        for span in &self.comments {
            let text = self.source.slice(*span).trim_start_matches('#').trim();
            let Some(order) = text.strip_prefix("plimsoll:") else { continue };
            let location = Location { source: Arc::clone(&self.source), span: *span };
            let mut wrong = |message: &str| {
                let problem = Problem::new(ProblemKind::Configuration, message).located(location.clone());
                problems.push(problem.help("write `# plimsoll: ignore ID reason`, several ids separated by commas"));
            };
            let Some(order) = order.trim().strip_prefix("ignore").filter(|rest| rest.starts_with(char::is_whitespace) || rest.is_empty())
            else {
                wrong("a comment for plimsoll that is not understood");
                continue;
            };
            let (ids, reason) = order.trim().split_once(char::is_whitespace).unwrap_or((order.trim(), ""));
            let ids: Vec<String> = ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
            if ids.is_empty() {
                wrong("an in-line exception without the id of a check");
            } else if reason.trim().is_empty() {
                wrong("an in-line exception without a reason");
            } else if let Some(covers) = self.covered_by(*span) {
                exceptions.push(InlineException { ids, reason: reason.trim().to_owned(), covers, location });
            } else {
                wrong("an in-line exception with nothing after it");
            }
        }
        (exceptions, problems)
    }

    /// What a comment speaks of: what starts on its line, else the next entry or item after it.
    fn covered_by(&self, comment: Span) -> Option<Span> {
        let before = self.source.text.get(..comment.start as usize)?;
        let line_start = u32::try_from(before.rfind('\n').map_or(0, |at| at + 1)).ok()?;
        let alone = before.get(line_start as usize..)?.trim().is_empty();
        let root = self.root()?;
        if alone && comment.end <= root.span().start {
            return Some(root.span());
        }
        let from = if alone { comment.end } else { line_start };
        let found = first_part(root, from)?;
        // At the end of a line, only what starts on that very line.
        (alone || found.start < comment.start).then_some(found)
    }
}

/// The first entry or list item that starts at or after `from`; of several at one place, the widest.
fn first_part(node: Node<'_>, from: u32) -> Option<Span> {
    let entries = node.entries().filter(|(_, value)| !value.is_alias()).map(|(key, value)| {
        let span = Span { start: key.span().start, end: key.span().end.max(value.span().end) };
        (span, value)
    });
    let items = node.items().filter(|item| !item.is_alias()).map(|item| (item.span(), item));
    for (span, value) in entries.chain(items) {
        if span.start >= from {
            return Some(span);
        }
        if span.end > from
            && let Some(inner) = first_part(value, from)
        {
            return Some(inner);
        }
    }
    None
}
