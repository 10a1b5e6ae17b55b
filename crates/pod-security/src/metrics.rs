//! What is counted, in the text form of Prometheus.
//!
//! Names and labels are upstream's (`metrics/metrics.go`), so that dashboards and alerts keep working.

use crate::response::{Counted, Event};
use crate::{Level, Version};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counters of admission.
#[derive(Debug, Clone)]
pub struct Metrics {
    evaluations: BTreeMap<String, u64>,
    exemptions: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
}

impl Default for Metrics {
    /// The series that upstream shows before anything happened are there with zero.
    fn default() -> Self {
        let evaluation = |operation: &str| {
            let labels = format!(
                "decision=\"allow\",mode=\"enforce\",policy_level=\"privileged\",policy_version=\"latest\",request_operation=\"{operation}\",resource=\"pod\",subresource=\"\""
            );
            (labels, 0)
        };
        let exemption = |(operation, resource): (&str, &str)| (place_labels(operation, resource, ""), 0);
        let places = [("create", "pod"), ("update", "pod"), ("create", "controller"), ("update", "controller")];
        Self { evaluations: ["create", "update"].map(evaluation).into(), exemptions: places.map(exemption).into(), errors: BTreeMap::new() }
    }
}

impl Metrics {
    /// Counts what happened.
    pub fn record(&mut self, events: &[Event]) {
        for event in events {
            let place = place_labels(&event.operation, event.resource, &event.subresource);
            let (counters, labels) = match &event.counted {
                Counted::Evaluation { allowed, policy, mode } => {
                    let version = match policy.version {
                        _ if policy.level == Level::Privileged => "latest".to_owned(),
                        Version::Minor(minor) if minor > Version::NEWEST.into() => "future".to_owned(),
                        version => version.to_string(),
                    };
                    let decision = if *allowed { "allow" } else { "deny" };
                    let (mode, level) = (mode.name(), policy.level);
                    let own = format!("decision=\"{decision}\",mode=\"{mode}\",policy_level=\"{level}\",policy_version=\"{version}\"");
                    (&mut self.evaluations, format!("{own},{place}"))
                }
                Counted::Exemption => (&mut self.exemptions, place),
                Counted::Error { fatal } => (&mut self.errors, format!("fatal=\"{fatal}\",{place}")),
            };
            *counters.entry(labels).or_default() += 1;
        }
    }

    /// The text exposition.
    pub fn render(&self) -> String {
        let families = [
            ("pod_security_errors_total", "Requests that could not be judged as they should have been.", &self.errors),
            ("pod_security_evaluations_total", "Policies that were evaluated, without ignored and exempt requests.", &self.evaluations),
            ("pod_security_exemptions_total", "Requests that were exempt.", &self.exemptions),
        ];
        let mut text = String::new();
        for (name, help, counters) in families.into_iter().filter(|(_, _, counters)| !counters.is_empty()) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP {name} [ALPHA] {help}\n# TYPE {name} counter");
            for (labels, count) in counters {
                let _ = writeln!(text, "{name}{{{labels}}} {count}");
            }
        }
        text
    }
}

/// Label values come from the API server, but a subresource is text all the same.
fn place_labels(operation: &str, resource: &str, subresource: &str) -> String {
    let subresource = subresource.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("request_operation=\"{operation}\",resource=\"{resource}\",subresource=\"{subresource}\"")
}
