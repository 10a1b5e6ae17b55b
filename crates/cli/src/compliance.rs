//! Which checks are asked for, and what they came to: frameworks, scores, what is unknown.

use crate::input::Loaded;
use crate::results::Results;
use anyhow::bail;
use plimsoll_checks::{FRAMEWORKS, Framework, Outcome, Resources, Tally, framework};
use plimsoll_model::config::{CheckSetting, UserFramework, glob};
use plimsoll_model::{Finding, Inventory, Problem, ProblemKind, Rule};
use plimsoll_policy::benchmark::Assessment;
use plimsoll_report::{Report, Scores};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The options that choose checks.
#[derive(clap::Args, Default)]
#[group(skip)]
pub(crate) struct Args {
    /// Only the checks of these frameworks, and what their controls came to: pss, cis, mitre, nsa, soc2, kubescape and
    /// others (see docs/frameworks.md), or one from the configuration.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Checks")]
    framework: Vec<String>,
    /// Only checks whose id matches this glob (may be given several times).
    #[arg(long, value_name = "GLOB", help_heading = "Checks")]
    check: Vec<String>,
    /// Accept the findings of an earlier run, whose result `-o json=FILE` has written.
    #[arg(long, value_name = "FILE", help_heading = "Checks")]
    baseline: Option<PathBuf>,
    /// With --baseline: leave the accepted findings of the baseline out.
    #[arg(long, requires = "baseline", help_heading = "Checks")]
    new_only: bool,
}

/// The checks that are asked for.
#[derive(Default)]
pub(crate) struct Selection {
    globs: Vec<String>,
    frameworks: Vec<&'static Framework>,
    own: Vec<UserFramework>,
    /// Whether Kubescape's scores are asked for, whatever the frameworks.
    kubescape: bool,
    baseline: Option<Baseline>,
}

/// An earlier run whose findings are accepted.
struct Baseline {
    results: Results,
    source: String,
    /// Whether its findings are left out altogether.
    hide: bool,
}

impl Args {
    /// What is asked for, with `scores`.
    pub(crate) fn selection(&self, loaded: &Loaded, scores: Option<Scores>) -> anyhow::Result<Selection> {
        let config = &loaded.config;
        let kubescape = scores == Some(Scores::Kubescape);
        let mut selection = Selection { globs: self.check.clone(), kubescape, ..Selection::default() };
        for name in &self.framework {
            if let Some(own) = config.frameworks.iter().find(|own| own.name == *name) {
                selection.own.push(own.clone());
            } else if let Some(known) = framework(name) {
                selection.frameworks.push(known);
            } else {
                let own = config.frameworks.iter().map(|own| own.name.as_str());
                let names: Vec<&str> = FRAMEWORKS.iter().map(|framework| framework.name).chain(own).collect();
                bail!("no framework is called `{name}`; there are {}", names.join(", "));
            }
        }
        let rules = crate::engine::rules(&loaded.policies, &loaded.benchmarks);
        if let Some(nothing) = self.check.iter().find(|pattern| !rules.iter().any(|rule| glob(pattern, &rule.id))) {
            bail!("no check matches `{nothing}`; `plimsoll explain` lists all");
        }
        if let Some(path) = &self.baseline {
            selection.baseline = Some(Baseline { results: Results::read(path)?, source: path.display().to_string(), hide: self.new_only });
        }
        Ok(selection)
    }
}

impl Selection {
    /// Whether a rule takes part.
    pub(crate) fn includes(&self, rule: &Rule) -> bool {
        let asked = self.globs.is_empty() || self.globs.iter().any(|pattern| glob(pattern, &rule.id));
        // An exception that has expired is nobody's control, and still to be seen.
        asked && (self.is_everything() || rule.id.starts_with("PLM-") || self.in_framework(rule))
    }

    /// Whether no framework restricts it.
    fn is_everything(&self) -> bool {
        self.frameworks.is_empty() && self.own.is_empty()
    }

    fn in_framework(&self, rule: &Rule) -> bool {
        let built_in = |framework: &&Framework| {
            rule.references.iter().any(|one| one.system == framework.system && framework.controls.contains(&one.id))
        };
        let own = |framework: &UserFramework| framework.controls.iter().flat_map(|(_, checks)| checks).any(|check| glob(check, &rule.id));
        self.frameworks.iter().any(built_in) || self.own.iter().any(own)
    }
}

/// Accepts what the baseline knows; what it knew and is gone becomes a note.
pub(crate) fn accept_baseline(findings: &mut [Finding], problems: &mut Vec<Problem>, selection: &Selection) {
    let Some(Baseline { results, source, .. }) = &selection.baseline else { return };
    let gone = results.accept_known(findings, source);
    if gone > 0 {
        let message = format!("{gone} findings of the baseline are gone");
        problems.push(Problem::new(ProblemKind::Note, message).target(source).help("take a new baseline, so that they cannot come back"));
    }
}

/// Leaves out what the baseline knows, if that is asked for: once it is counted, for what is not shown is there.
pub(crate) fn hide_baseline(report: &mut Report, selection: &Selection) {
    if let Some(Baseline { source, hide: true, .. }) = &selection.baseline {
        report.findings.retain(|finding| finding.exception.as_ref().is_none_or(|exception| exception.source != *source));
    }
}

/// Adds to `report` what its findings and the tallies of the checks and of policies (objects judged, and not known) come to.
pub(crate) fn add(
    report: &mut Report,
    inventory: &Inventory<'_>,
    tallies: Vec<Tally>,
    of_policies: &BTreeMap<String, (usize, usize)>,
    loaded: &Loaded,
) {
    let off = |rule: &Rule| loaded.config.setting(&rule.id) == Some(CheckSetting::Off) || !loaded.selection.includes(rule);
    let failures = failures(report);
    let mut outcomes: HashMap<&str, Outcome> = HashMap::new();
    for rule in plimsoll_pod_security::rules().iter().filter(|rule| !off(rule)) {
        let (failed, excepted) = failures.get(&*rule.id).copied().unwrap_or_default();
        outcomes.insert(&rule.id, Outcome { evaluated: report.totals.workloads, failed, excepted, unknown: 0 });
    }
    let mut unknown = Vec::new();
    for (rule, tally) in plimsoll_checks::rules().iter().zip(tallies).filter(|(rule, _)| !off(rule)) {
        let (failed, excepted) = failures.get(&*rule.id).copied().unwrap_or_default();
        let outcome = Outcome { evaluated: tally.evaluated, failed, excepted, unknown: tally.unknown.len() };
        outcomes.insert(&rule.id, outcome);
        unknown.extend(tally.unknown);
    }
    for rule in loaded.policies.rules().filter(|rule| !off(rule)) {
        let Some((evaluated, unknown)) = of_policies.get(&*rule.id).copied() else { continue };
        let (failed, excepted) = failures.get(&*rule.id).copied().unwrap_or_default();
        let evaluated = (evaluated + unknown).max(failed + excepted);
        outcomes.insert(&rule.id, Outcome { evaluated, failed, excepted, unknown });
    }
    report.score = plimsoll_checks::score(report.rules.iter().filter_map(|rule| Some((rule, *outcomes.get(&*rule.id)?))));
    report.unknown = unknown;
    report.frameworks = frameworks(report, inventory, of_policies, loaded);
}

/// What the frameworks that are asked for came to.
fn frameworks(
    report: &Report,
    inventory: &Inventory<'_>,
    of_policies: &BTreeMap<String, (usize, usize)>,
    loaded: &Loaded,
) -> Vec<plimsoll_model::Framework> {
    let Selection { frameworks, own, kubescape, .. } = &loaded.selection;
    let overall = (*kubescape && loaded.selection.is_everything()).then(|| framework("kubescape")).flatten();
    if loaded.selection.is_everything() && overall.is_none() {
        return Vec::new();
    }
    let mut resources = Resources::new(inventory, plimsoll_pod_security::rules());
    resources.add(&report.findings, &report.unknown);
    for rule in loaded.policies.rules() {
        if let Some((evaluated, unknown)) = of_policies.get(&*rule.id).copied() {
            resources.count(rule, Outcome { evaluated: evaluated + unknown, unknown, ..Outcome::default() });
        }
    }
    // A check that is switched off answers for nothing.
    let is_on = |rule: &&Arc<Rule>| loaded.config.setting(&rule.id) != Some(CheckSetting::Off);
    let rules: Vec<Arc<Rule>> = report.rules.iter().filter(is_on).map(Arc::clone).collect();
    let built_in = frameworks.iter().copied().chain(overall);
    let mut views: Vec<_> = built_in.map(|framework| plimsoll_checks::judge(framework, &rules, &resources)).collect();
    for own in own {
        let answers = |checks: &[String]| rules.iter().filter(|rule| checks.iter().any(|check| glob(check, &rule.id))).collect();
        let controls: Vec<(&str, Vec<&Arc<Rule>>)> = own.controls.iter().map(|(id, checks)| (id.as_str(), answers(checks))).collect();
        views.push(plimsoll_checks::judge_own(&own.name, &controls, &resources));
    }
    views
}

/// Adds to `report` what benchmarks came to, each as a framework whose controls are its checks. They take no part in the score.
pub(crate) fn add_benchmarks(report: &mut Report, assessments: Vec<Assessment>, loaded: &Loaded) {
    let failures = failures(report);
    for (benchmark, assessment) in loaded.benchmarks.iter().zip(assessments) {
        let mut resources = Resources::default();
        for rule in &assessment.evaluated {
            let (failed, excepted) = failures.get(&*rule.id).copied().unwrap_or_default();
            resources.count(rule, Outcome { evaluated: 1, failed, excepted, unknown: 0 });
        }
        for unknown in &assessment.unknown {
            resources.count(&unknown.rule, Outcome { evaluated: 1, unknown: 1, ..Outcome::default() });
        }
        let off = |rule: &Rule| loaded.config.setting(&rule.id) == Some(CheckSetting::Off) || !loaded.selection.includes(rule);
        let controls: Vec<(&str, Vec<&Arc<Rule>>)> =
            benchmark.rules().filter(|(_, rule)| !off(rule)).map(|(id, rule)| (id, vec![rule])).collect();
        report.frameworks.push(plimsoll_checks::judge_own(&benchmark.name, &controls, &resources));
        report.unknown.extend(assessment.unknown.into_iter().filter(|unknown| !off(&unknown.rule)));
    }
}

/// By rule: inputs with an open finding, and inputs whose findings are all accepted.
fn failures(report: &Report) -> HashMap<String, (usize, usize)> {
    let mut failures: HashMap<&str, (usize, usize)> = HashMap::new();
    // An engine gives the findings of an object one after the other: only these are compared with each other.
    let mut inputs: Vec<(&Rule, &str, bool)> = Vec::new();
    for run in report.findings.chunk_by(|a, b| Arc::ptr_eq(&a.subject.object, &b.subject.object)) {
        inputs.clear();
        for finding in run {
            // Of a binding, each subject is an input of its own.
            let subject = if finding.subject.pointer.starts_with("/subjects/") { finding.subject.pointer.as_str() } else { "" };
            let same = |(rule, other, _): &&mut (&Rule, &str, bool)| std::ptr::eq(*rule, &*finding.rule) && *other == subject;
            match inputs.iter_mut().find(same) {
                Some((_, _, open)) => *open |= finding.is_open(),
                None => inputs.push((&finding.rule, subject, finding.is_open())),
            }
        }
        for (rule, _, open) in &inputs {
            let counts = failures.entry(&rule.id).or_default();
            if *open {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
    }
    failures.into_iter().map(|(rule, counts)| (rule.to_owned(), counts)).collect()
}
