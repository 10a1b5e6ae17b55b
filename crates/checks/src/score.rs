//! From what the checks came to, to figures: a score of our own, and Kubescape's two by its formulas.

use crate::frameworks::{Framework, kubescape_base_score};
use crate::resources::{Count, Resources};
use plimsoll_model::{ControlResult, Framework as View, Rule, Score, ScoreLoss, Severity, Status};
use std::sync::Arc;

/// What a check came to over its inputs, or a control over objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What it looked at.
    pub evaluated: usize,
    /// Those with a finding that is open.
    pub failed: usize,
    /// Those whose findings are all accepted.
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

    /// Of two counts of what may be the same things, the larger.
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self {
            evaluated: self.evaluated.max(other.evaluated),
            failed: self.failed.max(other.failed),
            excepted: self.excepted.max(other.excepted),
            unknown: self.unknown.max(other.unknown),
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
pub fn judge(framework: &Framework, rules: &[Arc<Rule>], resources: &Resources<'_>) -> View {
    view(framework.name, framework.title, &framework.answers(rules), resources)
}

/// The same for a framework of the user's own: each control with the rules that answer for it.
pub fn judge_own(name: &str, controls: &[(&str, Vec<&Arc<Rule>>)], resources: &Resources<'_>) -> View {
    view(name, name, controls, resources)
}

fn view(name: &str, title: &str, controls: &[(&str, Vec<&Arc<Rule>>)], resources: &Resources<'_>) -> View {
    let counts: Vec<Option<Count>> = controls.iter().map(|(_, rules)| (!rules.is_empty()).then(|| resources.total(rules))).collect();
    let covered: Vec<(&str, Count)> = controls.iter().zip(&counts).filter_map(|((id, _), count)| Some((*id, (*count)?))).collect();
    let scores = kubescape(&covered);
    let control = |((id, rules), count): (&(&str, Vec<&Arc<Rule>>), &Option<Count>)| {
        let outcome = count.unwrap_or_default().outcome;
        ControlResult {
            id: (*id).to_owned(),
            checks: rules.iter().map(|rule| rule.id.clone()).collect(),
            status: if count.is_some() { outcome.status() } else { Status::NotCovered },
            evaluated: outcome.evaluated,
            failed: outcome.failed,
            excepted: outcome.excepted,
            unknown: outcome.unknown,
            kubescape_compliance: scores.and(*count).map(|count| compliance(count.outcome)),
        }
    };
    View {
        name: name.to_owned(),
        title: title.to_owned(),
        covered: covered.len(),
        kubescape_compliance: scores.map(|scores| scores.0),
        kubescape_risk: scores.map(|scores| scores.1),
        controls: controls.iter().zip(&counts).map(control).collect(),
    }
}

/// Kubescape's compliance and risk of controls, in per cent, by its formulas (reference: kubescape/opa-utils `score`, August
/// 2026): compliance is the plain mean of the controls' compliance; risk weighs what failed against all that was looked
/// at, by the weights of the objects and the base scores of the controls.
///
/// A control with nothing to look at is irrelevant there and counts 100. Where that is so of all of them there is no
/// figure, rather than a perfect one.
fn kubescape(controls: &[(&str, Count)]) -> Option<(f64, f64)> {
    let base = |id: &str| f64::from(kubescape_base_score(id).unwrap_or(1.0));
    let worst: f64 = controls.iter().map(|(id, count)| base(id) * count.weight).sum();
    let failed: f64 = controls.iter().map(|(id, count)| base(id) * count.failed_weight).sum();
    let mean = controls.iter().map(|(_, count)| compliance(count.outcome)).sum::<f64>() / controls.len() as f64;
    (worst > 0.0).then(|| (mean, 100.0 * failed / worst))
}

/// Kubescape's compliance of one control, in per cent. What is unknown here is skipped there, which is not passed.
fn compliance(outcome: Outcome) -> f64 {
    match outcome.status() {
        Status::Failed | Status::Unknown => 100.0 * outcome.passed() as f64 / outcome.evaluated.max(1) as f64,
        _ => 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{
        AppliedException, Finding, Inventory, Limits, Object, Origin, Reference, Snapshot, Source, Unknown, Violation, WorkloadKinds, parse,
    };

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

    /// A rule that looks at workloads, and answers for a control of Kubescape.
    fn answer(id: &'static str, control: &'static str) -> Arc<Rule> {
        let references = vec![Reference { system: "KUBESCAPE", id: control, url: "" }];
        Arc::new(Rule { id: id.into(), title: "T".into(), severity: Severity::High, docs: "".into(), references: references.into() })
    }

    fn snapshot(files: &[String]) -> Snapshot {
        let read = |text: &String| parse(&Source::new("a.yaml", Origin::File, text.clone()), Limits::default()).0;
        Snapshot { documents: files.iter().flat_map(read).collect(), problems: Vec::new() }
    }

    fn workload(kind: &str, name: &str, more: &str) -> String {
        let pod = "template: {spec: {containers: [{name: a, image: b}]}}";
        format!("{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}}}, {}}}\n---\n", more.replace("POD", pod))
    }

    fn finding(rule: &Arc<Rule>, object: &Object<'_>, accepted: bool) -> Finding {
        let mut finding = Violation::at("/metadata/name", "M").into_finding(rule, &Arc::new(object.id()), Some(object.node), "", None);
        let exception = || AppliedException { reason: "R".into(), owner: None, expires: None, source: "S".into() };
        finding.exception = accepted.then(|| Arc::new(exception()));
        finding
    }

    fn near(got: Option<f64>, wanted: f64) -> bool {
        got.is_some_and(|got| (got - wanted).abs() < 1e-9)
    }

    const CONTROLS: Framework =
        Framework { name: "x", title: "X", system: "KUBESCAPE", controls: &["C-0057", "C-0016", "C-0013", "C-0031", "C-0045"] };

    #[test]
    fn scores_of_kubescape() {
        // What each weighs: 1, 3 replicas × 1.1 = 3.3, 4 nodes, 1; together 9.3.
        let files = [
            workload("Deployment", "one", "spec: {replicas: 1, POD}"),
            workload("Deployment", "three", "spec: {replicas: 3, POD}"),
            workload("DaemonSet", "nodes", "spec: {POD}, status: {desiredNumberScheduled: 4}"),
            workload("StatefulSet", "store", "spec: {POD}"),
        ];
        let snapshot = snapshot(&[files.concat()]);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let of = |kind, name| inventory.find(kind, "", name).unwrap();
        let (one, three) = (of("Deployment", "one"), of("Deployment", "three"));
        let (nodes, store) = (of("DaemonSet", "nodes"), of("StatefulSet", "store"));

        let looking = [answer("A", "C-0057"), answer("A2", "C-0057"), answer("B", "C-0016"), answer("C", "C-0013")];
        let [a, a2, b, c] = &looking;
        let irrelevant = answer("D", "C-0031");
        let mut resources = Resources::new(&inventory, &looking);
        let findings = [
            // Two checks and three findings, and one object.
            finding(a, &three, false),
            finding(a, &three, true),
            finding(a2, &three, false),
            finding(b, &nodes, false),
            finding(b, &one, true),
        ];
        let unknown = |rule: &Arc<Rule>, object: &Object<'_>| Unknown { rule: Arc::clone(rule), object: object.id(), missing: "M".into() };
        // What has failed is known.
        resources.add(&findings, &[unknown(b, &store), unknown(b, &nodes), unknown(c, &store)]);

        let rules = [a, a2, b, c, &irrelevant].map(Arc::clone);
        let view = judge(&CONTROLS, &rules, &resources);
        let wanted = [
            // 3 of 4 pass.
            (Status::Failed, (4, 1, 0, 0), Some(75.0)),
            // Failed, accepted, unknown, passed: 2 of 4 pass.
            (Status::Failed, (4, 1, 1, 1), Some(50.0)),
            // What is unknown is not passed: 3 of 4.
            (Status::Unknown, (4, 0, 0, 1), Some(75.0)),
            (Status::NotEvaluated, (0, 0, 0, 0), Some(100.0)),
            (Status::NotCovered, (0, 0, 0, 0), None),
        ];
        for (control, (status, counts, compliance)) in view.controls.iter().zip(wanted) {
            let got = (control.evaluated, control.failed, control.excepted, control.unknown);
            assert_eq!((control.status, got, control.kubescape_compliance), (status, counts, compliance), "{}", control.id);
        }
        assert_eq!(view.covered, 4);
        // (75 + 50 + 75 + 100) / 4
        assert!(near(view.kubescape_compliance, 75.0), "{:?}", view.kubescape_compliance);
        // Base scores 8, 6 and 6: 100 × (8 × 3.3 + 6 × 4 + 6 × 0) / (8 × 9.3 + 6 × 9.3 + 6 × 9.3) = 5040 / 186
        assert!(near(view.kubescape_risk, 5040.0 / 186.0), "{:?}", view.kubescape_risk);
    }

    #[test]
    fn nothing_looked_at_is_no_score() {
        let view = judge(&CONTROLS, &[answer("A", "C-0057")], &Resources::default());
        assert_eq!((view.kubescape_compliance, view.kubescape_risk, view.covered), (None, None, 1));
        assert!(view.controls.iter().all(|control| control.kubescape_compliance.is_none()));
    }

    #[test]
    fn objects_of_one_name_are_told_apart() {
        let file = workload("Deployment", "one", "spec: {POD}");
        let snapshot = snapshot(&[file.clone(), file.clone() + &file]);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let rules = [answer("A", "C-0057")];
        let [a] = &rules;
        let mut resources = Resources::new(&inventory, &rules);
        let findings: Vec<_> = inventory.objects.iter().skip(1).map(|object| finding(a, object, false)).collect();
        resources.add(&findings, &[]);
        let Count { outcome, weight, failed_weight } = resources.total(&[a]);
        assert_eq!((outcome, weight, failed_weight), (self::outcome(3, 2, 0), 3.0, 2.0));
    }

    #[test]
    fn rules_of_which_only_figures_are_known() {
        let snapshot = snapshot(&[workload("Deployment", "one", "spec: {POD}")]);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let [a, b] = [answer("A", "C-0057"), answer("B", "C-0057")];
        let mut resources = Resources::new(&inventory, &[]);
        resources.add(&[finding(&a, &inventory.objects[0], false)], &[]);
        resources.count(&a, outcome(3, 0, 1));
        resources.count(&b, outcome(2, 0, 0));
        let Count { outcome, weight, failed_weight } = resources.total(&[&a, &b]);
        assert_eq!((outcome, weight, failed_weight), (self::outcome(3, 1, 1), 3.0, 1.0));
    }

    /// What a control counts is what its checks were asked about.
    #[test]
    fn checks_look_at_what_they_are_asked_about() {
        let binding = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, \
             roleRef: {kind: ClusterRole, name: cluster-admin}, subjects: [{kind: User, name: u}, {kind: User, name: v}]}\n---\n";
        let server = "{apiVersion: v1, kind: Pod, metadata: {name: s, namespace: kube-system}, \
             spec: {containers: [{name: a, image: b, command: [kube-apiserver]}]}}";
        let snapshot = snapshot(&[binding.to_owned() + server]);
        let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
        let resources = Resources::new(&inventory, &[]);
        let asked = |id: &str| {
            let rule = crate::rules().iter().find(|rule| rule.id == id).unwrap();
            resources.total(&[rule]).outcome.evaluated
        };
        let table = [
            ("POD-host-path-writable", 1),
            ("RBAC-cluster-admin", 1),
            ("CTL-apiserver-anonymous-auth", 1),
            ("CTL-scheduler-profiling", 0),
            ("POD-naked", 1),
            ("CLU-default-namespace", 2),
            ("NET-ingress-without-tls", 0),
        ];
        for (id, wanted) in table {
            assert_eq!(asked(id), wanted, "{id}");
        }
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
