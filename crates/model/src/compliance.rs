//! Scores and frameworks as results: what outputs show of them.

use crate::{ObjectId, Rule};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

/// A score with what keeps it from 100.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Score {
    /// From 0 to 100.
    pub value: f64,
    /// What was lost, the most expensive first; together with `value` they make 100.
    pub losses: Vec<ScoreLoss>,
}

/// What one check takes off the score.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScoreLoss {
    /// The check's id.
    pub check: String,
    /// Points of 100.
    pub points: f64,
    /// Inputs that it looked at.
    pub evaluated: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that could not be decided.
    pub unknown: usize,
}

/// What a framework's controls came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Framework {
    /// As `--framework` names it.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Controls that at least one check answers for.
    pub covered: usize,
    /// Kubescape's compliance score, in per cent: the mean of the controls' compliance; absent if nothing was evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubescape_compliance: Option<f64>,
    /// Kubescape's risk score, in per cent: what failed, by the weights of objects and controls; absent if nothing was
    /// evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubescape_risk: Option<f64>,
    /// The controls in the framework's order.
    pub controls: Vec<ControlResult>,
}

/// What one control came to, counted in objects: each counts once, however many checks look at it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlResult {
    /// The framework's id of it.
    pub id: String,
    /// The checks that answer for it.
    pub checks: Vec<Cow<'static, str>>,
    /// Its verdict.
    pub status: Status,
    /// Objects that its checks looked at.
    pub evaluated: usize,
    /// Those with an open finding.
    pub failed: usize,
    /// Those whose findings are all accepted.
    pub excepted: usize,
    /// Those that could not be decided and have not failed.
    pub unknown: usize,
    /// Kubescape's compliance of it, in per cent: 100 if nothing is wrong or unknown, as for a control with nothing to look
    /// at. Absent if no check answers for it, or nothing was evaluated for the whole framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubescape_compliance: Option<f64>,
}

/// Something that a check could not decide. It does not count as passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// The check.
    pub rule: Arc<Rule>,
    /// What it is about.
    pub object: ObjectId,
    /// What would have to be read to know.
    pub missing: String,
}

/// The verdict on a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All that was looked at is good or accepted.
    Passed,
    /// Something is wrong.
    Failed,
    /// Nothing is known to be wrong, and not everything could be decided.
    Unknown,
    /// Nothing that it is about was read.
    NotEvaluated,
    /// No check answers for it.
    NotCovered,
}

impl Status {
    /// As outputs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotEvaluated => "not evaluated",
            Self::NotCovered => "not covered",
        }
    }
}
