//! Alerts as findings, so that every output takes them.

mod techniques;

use crate::engine::Alert;
use crate::rules::{self, Priority};
use plimsoll_model::{ApiResources, ContainerId, Finding, ObjectId, Reference, Rule, Severity, Subject};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How bad a finding is, by the priority of its rule.
#[must_use]
pub fn severity(priority: Priority) -> Severity {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => Severity::Critical,
        Priority::Error => Severity::High,
        Priority::Warning => Severity::Medium,
        Priority::Notice => Severity::Low,
        Priority::Informational | Priority::Debug => Severity::Info,
    }
}

/// The id of a rule's findings: its name in lower case, with a dash for all that is neither letter nor digit.
#[must_use]
pub fn id(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for part in name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if !id.is_empty() {
            id.push('-');
        }
        id.extend(part.chars().flat_map(char::to_lowercase));
    }
    id
}

/// Makes findings of alerts; those of one rule share what is known of it.
#[derive(Debug)]
pub struct Findings {
    rules: BTreeMap<String, Arc<Rule>>,
    resources: ApiResources<'static>,
}

impl Default for Findings {
    fn default() -> Self {
        Self { rules: BTreeMap::new(), resources: ApiResources::of(std::iter::empty()) }
    }
}

impl Findings {
    /// What an alert says as a finding.
    pub fn finding(&mut self, alert: &Alert) -> Finding {
        let rule = match self.rules.get(&alert.rule.name) {
            Some(known) => Arc::clone(known),
            None => {
                let made = Arc::new(rule(&alert.rule));
                self.rules.insert(alert.rule.name.clone(), Arc::clone(&made));
                made
            }
        };
        finding(alert, rule, &self.resources)
    }

    /// The rules of all findings so far, by id.
    #[must_use]
    pub fn rules(self) -> Vec<Arc<Rule>> {
        let mut rules: Vec<_> = self.rules.into_values().collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        rules.dedup_by(|a, b| a.id == b.id);
        rules
    }
}

fn finding(alert: &Alert, rule: Arc<Rule>, resources: &ApiResources<'_>) -> Finding {
    let text = |name: &str| match alert.fields.get(name) {
        Some(Json::String(text)) if !matches!(text.as_str(), "" | "<NA>" | "host") => Some(text.as_str()),
        _ => None,
    };
    let container = text("container.name").or_else(|| text("container.id")).map(|name| {
        let image = text("container.image").or_else(|| text("container.image.repository")).unwrap_or_default();
        Arc::new(ContainerId { name: name.to_owned(), image: image.to_owned() })
    });
    let mut evidence =
        vec![format!("event {} at {}", alert.number, crate::format::line::utc(alert.time)), format!("source {}", alert.rule.source)];
    let said = alert.fields.iter().filter(|(_, value)| !value.is_null() && value.as_str() != Some("<NA>"));
    evidence.extend(said.map(|(name, value)| match value {
        Json::String(text) => format!("{name}: {text}"),
        value => format!("{name}: {value}"),
    }));
    Finding {
        severity: rule.severity,
        rule,
        message: String::from_utf8_lossy(&alert.message).into_owned(),
        subject: Subject { object: Arc::new(object(text, resources)), container, pointer: String::new() },
        location: None,
        concealed: false,
        evidence,
        related: Vec::new(),
        remediation: None,
        exception: None,
    }
}

/// Whom an alert is about: the pod, the object of a request, or the process, as far as the rule's output names them.
fn object<'a>(text: impl Fn(&str) -> Option<&'a str>, resources: &ApiResources<'_>) -> ObjectId {
    let named = |kind: &str, namespace: Option<&str>, name: &str, version: &str| ObjectId {
        namespace: namespace.unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        api_version: version.to_owned(),
    };
    if let Some(pod) = text("k8s.pod.name") {
        return named("Pod", text("k8s.ns.name"), pod, "v1");
    }
    if let Some(resource) = text("ka.target.resource") {
        let name = text("ka.target.name").or_else(|| text("ka.resp.name")).unwrap_or_default();
        let kind = resources.find(resource).map_or(resource, |found| found.kind);
        return named(if kind.is_empty() { resource } else { kind }, text("ka.target.namespace"), name, "");
    }
    if let Some(user) = text("ka.user.name") {
        return named("User", None, user, "");
    }
    let process = ["proc.name", "proc.exepath", "proc.cmdline"].into_iter().find_map(&text);
    named("Process", None, process.unwrap_or_default(), "")
}

/// A rule of Falco's language as one of findings.
fn rule(rule: &rules::Rule) -> Rule {
    let mut references: Vec<Reference> = rule.tags.iter().filter_map(|tag| techniques::reference(tag)).collect();
    references.dedup_by_key(|reference| reference.id);
    Rule {
        id: id(&rule.name).into(),
        title: rule.name.clone().into(),
        severity: severity(rule.priority),
        docs: rule.description.trim().to_owned().into(),
        references: references.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_names() {
        for (name, wanted) in
            [("Read sensitive file (untrusted)", "read-sensitive-file-untrusted"), ("  A/b__C ", "a-b-c"), ("Ä1", "ä1"), ("", "")]
        {
            assert_eq!(id(name), wanted);
        }
    }

    #[test]
    fn techniques_are_found_by_tags() {
        let id = |tag: &str| techniques::reference(tag).map(|reference| (reference.system, reference.id, reference.url));
        assert_eq!(id("T1611"), Some(("MITRE", "T1611", "https://attack.mitre.org/techniques/T1611/")));
        assert_eq!(id("t1059.004"), Some(("MITRE", "T1059.004", "https://attack.mitre.org/techniques/T1059/004/")));
        assert_eq!(id("container"), None);
    }
}
