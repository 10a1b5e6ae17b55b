//! Results of earlier runs, read back from the JSON output: baselines and differences.

use anyhow::{Context, bail};
use plimsoll_model::{AppliedException, Finding, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The findings of a run.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Results {
    schema_version: u32,
    pub(crate) findings: Vec<Known>,
}

/// A finding of a run.
#[derive(Deserialize, Serialize, Debug, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) subject: Subject,
    #[serde(default, skip_serializing)]
    exception: Option<serde::de::IgnoredAny>,
}

/// What it is about.
#[derive(Deserialize, Serialize, Debug, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subject {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
}

/// What makes two findings the same across runs: not the place, which moves, nor the severity, which is a setting.
pub(crate) type Identity = (String, String, String, String, String, String);

impl Known {
    pub(crate) fn is_open(&self) -> bool {
        self.exception.is_none()
    }

    pub(crate) fn identity(&self) -> Identity {
        let Subject { kind, namespace, name, container } = &self.subject;
        let container = container.clone().unwrap_or_default();
        (namespace.clone(), kind.clone(), name.clone(), self.id.clone(), container, self.message.clone())
    }
}

fn identity(finding: &Finding) -> Identity {
    let object = &finding.subject.object;
    let container = finding.subject.container().unwrap_or_default().to_owned();
    (object.namespace.clone(), object.kind.clone(), object.name.clone(), finding.rule.id.to_string(), container, finding.message.clone())
}

impl Results {
    /// Reads the JSON output of a run.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let results: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a result: write one with `plimsoll scan -o json={}`", path.display(), path.display()))?;
        if results.schema_version != 1 {
            bail!("{} has schema version {}; this program reads version 1", path.display(), results.schema_version);
        }
        Ok(results)
    }

    /// How often each finding is there.
    pub(crate) fn counts(&self) -> BTreeMap<Identity, usize> {
        let mut counts = BTreeMap::new();
        for known in &self.findings {
            *counts.entry(known.identity()).or_default() += 1;
        }
        counts
    }

    /// Accepts the findings that were there already; how many of the old ones are gone.
    pub(crate) fn accept_known(&self, findings: &mut [Finding], source: &str) -> usize {
        let mut left = self.counts();
        let reason = Arc::new(AppliedException {
            reason: "was there when the baseline was taken".to_owned(),
            owner: None,
            expires: None,
            source: source.to_owned(),
        });
        for finding in findings {
            let Some(count) = left.get_mut(&identity(finding)).filter(|count| **count > 0) else { continue };
            *count -= 1;
            finding.exception.get_or_insert_with(|| Arc::clone(&reason));
        }
        left.into_values().sum()
    }
}
