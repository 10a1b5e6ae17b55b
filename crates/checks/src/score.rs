//! From what the checks came to, to figures: a score of our own, and Kubescape's two by its formulas.

use crate::frameworks::{Framework, kubescape_base_score};
use plimsoll_model::{ControlResult, Framework as View, Rule, Score, ScoreLoss, Severity, Status};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// What one check came to over everything that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Inputs that it looked at.
    pub evaluated: usize,
    /// Those with a finding that is open.
    pub failed: usize,
    /// Those with findings that are all accepted.
    pub excepted: usize,
    /// Those that could not be decided.
    pub unknown: usize,
}

impl Outcome {
    /// Inputs that are known to be good, or accepted.
    fn passed(self) -> usize {
        self.evaluated.saturating_sub(self.failed + self.unknown)
    }

    fn status(self) -> Status {
        match self {
            Self { failed, .. } if failed > 0 => Status::Failed,
            Self { unknown, .. } if unknown > 0 => Status::Unknown,
            Self { evaluated: 0, .. } => Status::NotEvaluated,
            _ => Status::Passed,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            evaluated: self.evaluated + other.evaluated,
            failed: self.failed + other.failed,
            excepted: self.excepted + other.excepted,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// How much a check weighs: a critical one as much as ten low ones. Info weighs nothing.
fn weight(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 10.0,
        Severity::High => 7.0,
        Severity::Medium => 4.0,
        Severity::Low => 1.0,
        Severity::Info => 0.0,
    }
}

/// The score: of the weight of all checks that had something to look at, the part that is known to be good.
///
/// `100 · Σ weight · passed / evaluated ÷ Σ weight`. What is unknown is not passed. Without anything to look at there is
/// no score, rather than a perfect one.
pub fn score<'r>(outcomes: impl Iterator<Item = (&'r Arc<Rule>, Outcome)>) -> Option<Score> {
    let (mut possible, mut reached) = (0.0, 0.0);
    let mut losses = Vec::new();
    for (rule, outcome) in outcomes.filter(|(rule, outcome)| outcome.evaluated > 0 && weight(rule.severity) > 0.0) {
        let weight = weight(rule.severity);
        let share = outcome.passed() as f64 / outcome.evaluated as f64;
        possible += weight;
        reached += weight * share;
        if share < 1.0 {
            let Outcome { evaluated, failed, unknown, .. } = outcome;
            losses.push(ScoreLoss { check: rule.id.to_string(), points: weight * (1.0 - share), evaluated, failed, unknown });
        }
    }
    if possible == 0.0 {
        return None;
    }
    for loss in &mut losses {
        loss.points *= 100.0 / possible;
    }
    losses.sort_by(|a, b| b.points.total_cmp(&a.points).then_with(|| a.check.cmp(&b.check)));
    Some(Score { value: 100.0 * reached / possible, losses })
}

/// What a framework's entries came to.
pub fn judge(framework: &Framework, rules: &[Arc<Rule>], outcomes: &HashMap<&str, Outcome>) -> View {
    let controls = framework.answers(rules).into_iter().map(|(id, rules)| control(id, &rules, outcomes)).collect();
    view(framework.name, framework.title, controls)
}

/// The same for a framework of the user's own: each control with the rules that answer for it.
pub fn judge_own(name: &str, controls: &[(&str, Vec<&Arc<Rule>>)], outcomes: &HashMap<&str, Outcome>) -> View {
    view(name, name, controls.iter().map(|(id, rules)| control(id, rules, outcomes)).collect())
}

fn view(name: &str, title: &str, controls: Vec<ControlResult>) -> View {
    let covered = controls.iter().filter(|control| control.status != Status::NotCovered).count();
    let scores = kubescape(&controls);
    View { name: name.to_owned(), title: title.to_owned(), covered, kubescape_compliance: scores.0, kubescape_risk: scores.1, controls }
}

fn control(id: &str, rules: &[&Arc<Rule>], outcomes: &HashMap<&str, Outcome>) -> ControlResult {
    let of = |rule: &&Arc<Rule>| outcomes.get(&*rule.id).copied().unwrap_or_default();
    let sum = rules.iter().map(of).fold(Outcome::default(), Outcome::plus);
    ControlResult {
        id: id.to_owned(),
        checks: rules.iter().map(|rule| rule.id.clone()).collect::<Vec<Cow<'static, str>>>(),
        status: if rules.is_empty() { Status::NotCovered } else { sum.status() },
        evaluated: sum.evaluated,
        failed: sum.failed,
        excepted: sum.excepted,
        unknown: sum.unknown,
    }
}

/// Kubescape's compliance and risk of a list of controls, in per cent, by its formulas (reference: kubescape
/// `core/pkg/score`, August 2026): compliance is the plain mean of the share of resources that pass each control, and a
/// control without resources that passed counts 100; risk weighs failed against all resources by the controls' base
/// scores. Controls that nothing was evaluated for take no part; without any, there is no figure.
fn kubescape(controls: &[ControlResult]) -> (Option<f64>, Option<f64>) {
    let judged: Vec<&ControlResult> = controls.iter().filter(|control| control.evaluated > 0).collect();
    if judged.is_empty() {
        return (None, None);
    }
    let share =
        |control: &&ControlResult| 100.0 * (control.evaluated - control.failed.min(control.evaluated)) as f64 / control.evaluated as f64;
    let compliance = judged.iter().map(share).sum::<f64>() / judged.len() as f64;
    let base = |control: &ControlResult| f64::from(kubescape_base_score(&control.id).unwrap_or(1.0));
    let all: f64 = judged.iter().map(|control| base(control) * control.evaluated as f64).sum();
    let failed: f64 = judged.iter().map(|control| base(control) * control.failed as f64).sum();
    (Some(compliance), (all > 0.0).then(|| 100.0 * failed / all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::Reference;

    fn rule(id: &'static str, severity: Severity) -> Arc<Rule> {
        let references: &'static [Reference] = &[Reference { system: "CIS", id: "5.2.3", url: "" }];
        Arc::new(Rule { id: id.into(), title: "T".into(), severity, docs: "".into(), references: references.into() })
    }

    fn outcome(evaluated: usize, failed: usize, unknown: usize) -> Outcome {
        Outcome { evaluated, failed, excepted: 0, unknown }
    }

    fn value(rows: &[(Severity, Outcome)]) -> Option<f64> {
        let rules: Vec<_> = rows.iter().map(|(severity, _)| rule("A", *severity)).collect();
        score(rules.iter().zip(rows.iter().map(|(_, outcome)| *outcome))).map(|score| score.value)
    }

    #[test]
    fn scores() {
        type Row<'t> = (&'t [(Severity, Outcome)], Option<f64>);
        let table: [Row<'_>; 7] = [
            (&[], None),
            (&[(Severity::High, outcome(0, 0, 0))], None),
            (&[(Severity::Info, outcome(5, 5, 0))], None),
            (&[(Severity::High, outcome(4, 0, 0))], Some(100.0)),
            (&[(Severity::High, outcome(4, 1, 0))], Some(75.0)),
            // What is unknown is not passed.
            (&[(Severity::High, outcome(4, 1, 1))], Some(50.0)),
            // A critical check weighs ten times what a low one does.
            (&[(Severity::Critical, outcome(1, 1, 0)), (Severity::Low, outcome(1, 0, 0))], Some(100.0 / 11.0)),
        ];
        for (rows, wanted) in table {
            let got = value(rows);
            assert!(got.zip(wanted).map_or(got == wanted, |(got, wanted)| (got - wanted).abs() < 1e-9), "{rows:?}: {got:?}");
        }
    }

    #[test]
    fn losses_add_up_to_what_is_missing() {
        let rules = [rule("A", Severity::High), rule("B", Severity::Low)];
        let score = score(rules.iter().zip([outcome(2, 1, 0), outcome(3, 0, 3)])).unwrap();
        let lost: f64 = score.losses.iter().map(|loss| loss.points).sum();
        assert!((score.value + lost - 100.0).abs() < 1e-9);
        assert_eq!(score.losses[0].check, "A");
    }

    #[test]
    fn a_framework_says_what_it_does_not_look_at() {
        let rules = [rule("A", Severity::High)];
        let framework = Framework { name: "x", title: "X", system: "CIS", controls: &["5.2.3", "5.2.4"] };
        let view = judge(&framework, &rules, &HashMap::from([("A", outcome(2, 1, 0))]));
        let statuses: Vec<_> = view.controls.iter().map(|control| control.status).collect();
        assert_eq!((statuses.as_slice(), view.covered), (&[Status::Failed, Status::NotCovered][..], 1));
        assert_eq!(view.kubescape_compliance, Some(50.0));
    }

    #[test]
    fn built_in_frameworks_are_sound() {
        for framework in crate::FRAMEWORKS {
            let mut ids = framework.controls.to_vec();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), framework.controls.len(), "{} names a control twice", framework.name);
            if framework.system == "KUBESCAPE" {
                assert!(ids.iter().all(|id| kubescape_base_score(id).is_some()), "{}", framework.name);
            }
        }
    }
}
