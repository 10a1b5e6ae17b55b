//! The counters of admission, in the text form of Prometheus.
//!
//! Names, labels and values are upstream's (kubernetes/pod-security-admission `metrics/metrics.go`), so that dashboards
//! and alerts keep working.

use crate::event::{Event, Mode, What};
use crate::{Level, LevelVersion, Version};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counters of admission: labels as they are rendered, in the order of their names, to the count.
#[derive(Debug, Clone)]
pub struct Metrics {
    evaluations: BTreeMap<String, u64>,
    exemptions: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
}

impl Default for Metrics {
    /// The series that upstream shows before anything happened are there with zero.
    fn default() -> Self {
        let privileged = Level::Privileged.at(Version::Latest);
        let evaluation = |operation| evaluation_labels(true, privileged, Mode::Enforce) + "," + &request_labels(operation, "pod", "");
        let exemption = |(operation, resource)| request_labels(operation, resource, "");
        let exempt = [("create", "pod"), ("update", "pod"), ("create", "controller"), ("update", "controller")];
        Self {
            evaluations: ["create", "update"].map(|operation| (evaluation(operation), 0)).into(),
            exemptions: exempt.map(|request| (exemption(request), 0)).into(),
            errors: BTreeMap::new(),
        }
    }
}

impl Metrics {
    /// Counts.
    pub fn record(&mut self, events: &[Event]) {
        for event in events {
            let request = request_labels(&event.operation, event.resource, &event.subresource);
            let (counters, labels) = match event.what {
                What::Evaluation { allowed, policy, mode } => {
                    (&mut self.evaluations, evaluation_labels(allowed, policy, mode) + "," + &request)
                }
                What::Exemption => (&mut self.exemptions, request),
                What::Error { fatal } => (&mut self.errors, format!("fatal=\"{fatal}\",{request}")),
            };
            *counters.entry(labels).or_default() += 1;
        }
    }

    /// The text exposition; a counter that has no series is left out.
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

fn evaluation_labels(allowed: bool, policy: LevelVersion, mode: Mode) -> String {
    let version = match policy.version {
        // Nothing depends on the version then.
        _ if policy.level == Level::Privileged => Version::Latest.to_string(),
        Version::Minor(minor) if minor > Version::NEWEST => "future".to_owned(),
        version => version.to_string(),
    };
    let (decision, mode, level) = (if allowed { "allow" } else { "deny" }, mode.name(), policy.level);
    format!("decision=\"{decision}\",mode=\"{mode}\",policy_level=\"{level}\",policy_version=\"{version}\"")
}

/// A subresource comes out of a request, so it may be any text.
fn request_labels(operation: &str, resource: &str, subresource: &str) -> String {
    let subresource = subresource.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("request_operation=\"{operation}\",resource=\"{resource}\",subresource=\"{subresource}\"")
}
