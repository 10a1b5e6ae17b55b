//! Annotations by which other tools are told to leave an object alone, honoured as exceptions: whoever wrote one has
//! decided already.

use crate::{AppliedException, Finding, Node, Object, ObjectId};
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;

/// What a tool was told to leave alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Skip {
    peer: &'static str,
    /// The check as the tool names it; empty for all of its checks.
    check: String,
    exception: Arc<AppliedException>,
}

/// Marks the findings about `objects` that other tools were told to leave alone. `finds` says whether a finding is what a
/// check of a tool finds; `today` is the day that expiry is judged by.
pub fn apply(findings: &mut [Finding], objects: &[Object<'_>], today: Date, finds: impl Fn(&str, &str, &Finding) -> bool) {
    let mut skips: HashMap<ObjectId, Vec<Skip>> = HashMap::new();
    for object in objects {
        let found = read(object, today);
        if !found.is_empty() {
            skips.entry(object.id()).or_default().extend(found);
        }
    }
    if skips.is_empty() {
        return;
    }
    for finding in findings.iter_mut().filter(|finding| finding.exception.is_none()) {
        let skip = skips.get(&*finding.subject.object).and_then(|skips| skips.iter().find(|skip| finds(skip.peer, &skip.check, finding)));
        finding.exception = skip.map(|skip| Arc::clone(&skip.exception));
    }
}

/// What the annotations of an object, and of its pods, say.
fn read(object: &Object<'_>, today: Date) -> Vec<Skip> {
    const TEMPLATES: [&[&str]; 3] =
        [&["metadata"], &["spec", "template", "metadata"], &["spec", "jobTemplate", "spec", "template", "metadata"]];
    let metadata = TEMPLATES.iter().filter_map(|path| object.node.at(path)?.get("annotations"));
    let mut skips = Vec::new();
    for annotations in metadata {
        for (key, value) in annotations.entries() {
            skips.extend(skip(key, value, annotations, today).unwrap_or_default());
        }
    }
    skips
}

/// What one annotation says; `None` if it is none of those.
fn skip(key: Node<'_>, value: Node<'_>, others: Node<'_>, today: Date) -> Option<Vec<Skip>> {
    let (domain, name) = key.text().split_once('/')?;
    let text = value.text().trim();
    let one = |peer: &'static str, check: &str, reason: &str, expires: Option<String>| {
        let reason = if reason.trim().is_empty() { format!("the annotation `{}`", key.text()) } else { reason.trim().to_owned() };
        let place = key.location();
        let source = format!("{}:{}", place.source.name, place.start().line);
        Skip { peer, check: check.to_owned(), exception: Arc::new(AppliedException { reason, owner: None, expires, source }) }
    };
    let listed = || text.split(',').map(str::trim).filter(|check| !check.is_empty());
    Some(match domain {
        // `checkov.io/skip1: CKV_K8S_20=reason`
        "checkov.io" if name.starts_with("skip") => {
            let (check, reason) = text.split_once('=').unwrap_or((text, ""));
            vec![one("checkov", check.trim(), reason, None)]
        }
        "ignore-check.kube-linter.io" => vec![one("kube-linter", name, text, None)],
        "kube-linter.io" if name == "ignore-all" => vec![one("kube-linter", "", text, None)],
        "kube-score" if name == "ignore" => listed().map(|check| one("kube-score", check, "", None)).collect(),
        "polaris.fairwinds.com" if text == "true" => match name.strip_suffix("exempt")? {
            "" => vec![one("polaris", "", "", None)],
            check => vec![one("polaris", check.strip_suffix('-')?, "", None)],
        },
        "kubescape.io" if name == "skip-controls" => {
            let note = |name: &str| others.get(&format!("kubescape.io/{name}")).map_or("", Node::text).trim();
            let expires = note("skip-expiry");
            let day = expires.parse::<jiff::Timestamp>().ok().map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
            // An expiry that cannot be read is no leave.
            if !expires.is_empty() && day.is_none_or(|day| day < today) {
                return None;
            }
            let day = day.map(|day| day.to_string());
            listed().map(|check| one("kubescape", &check.to_uppercase(), note("skip-reason"), day.clone())).collect()
        }
        _ => return None,
    })
}
