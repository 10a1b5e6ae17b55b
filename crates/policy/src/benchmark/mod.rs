//! Benchmarks in kube-bench's format, as they are, without a shell.
//!
//! [`Configuration`] says which programs and files a benchmark means, [`Benchmark`] holds its checks, and
//! [`Benchmark::assess`] carries out their audits on a [`Host`] that the caller gives. An audit that cannot be carried out is
//! *not evaluated*, with the reason; it never passes.

mod config;
mod controls;
mod criteria;
pub mod host;
mod jsonpath;
#[cfg(test)]
mod memory;
mod shell;
#[cfg(test)]
mod tests;
mod tools;

pub use config::Configuration;
pub use host::Host;

use config::Variables;
use controls::{Check, Mode, Section};
use criteria::{Outputs, Verdict};
use plimsoll_model::{Applicability, Finding, ObjectId, Problem, Remediation, Rule, Source, Unknown, Violation};
use rayon::prelude::*;
use serde_json::Value as Json;
use shell::{Machine, Reason, Script};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A benchmark: the sections of one folder.
#[derive(Debug)]
pub struct Benchmark {
    /// What it is called, such as `cis-1.12`.
    pub name: String,
    configuration: Configuration,
    sections: Vec<Section>,
}

/// What a benchmark came to on a host.
#[derive(Debug, Default)]
pub struct Assessment {
    /// A finding for each check that failed.
    pub findings: Vec<Finding>,
    /// Checks that could not be decided, with what would have to be known, or done by a person.
    pub unknown: Vec<Unknown>,
    /// The rules of the checks that were decided.
    pub evaluated: Vec<Arc<Rule>>,
}

/// How much of a benchmark can be carried out.
#[derive(Debug, Default)]
pub struct Survey {
    /// All checks.
    pub checks: usize,
    /// Those that the benchmark does not leave to people and does not skip.
    pub automated: usize,
    /// Those of them whose audits are understood.
    pub understood: usize,
    /// Those of the understood that ask the cluster for objects.
    pub ask_cluster: usize,
    /// Those of the understood that read the system's journal.
    pub ask_journal: usize,
    /// The ids of the others, with the reasons.
    pub not_understood: Vec<(String, String)>,
}

/// What one check came to.
enum Outcome {
    Skipped,
    Passed,
    Failed(Verdict),
    NotEvaluated(Reason),
}

impl Benchmark {
    /// Reads the files of a benchmark. Files of other formats among them are passed over; what cannot be read is a problem.
    pub fn read(name: &str, files: &[Arc<Source>], configuration: Configuration) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut sections: Vec<Section> = files.iter().flat_map(|file| controls::read(name, file, &mut problems)).collect();
        if let Some(wanted) = configuration.sections(name) {
            sections.retain(|section| wanted.contains(&section.kind.as_str()));
        }
        sections.sort_by_key(|section| section.order);
        let mut ids = BTreeSet::new();
        for section in &mut sections {
            for check in &mut section.checks {
                // Other sections, and sometimes the same, use an id again.
                let mut more = 2;
                while !ids.insert(check.id.clone()) {
                    if ids.contains(&format!("{}-{}", check.id, section.kind)) || section.kind.is_empty() {
                        check.rename(&more.to_string());
                        more += 1;
                    } else {
                        check.rename(&section.kind);
                    }
                }
            }
        }
        (Self { name: name.to_owned(), configuration, sections }, problems)
    }

    /// The checks as rules, with their ids in the benchmark.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &Arc<Rule>)> {
        self.checks().map(|check| (check.id.as_str(), &check.rule))
    }

    /// Whether there are no checks.
    pub fn is_empty(&self) -> bool {
        self.checks().next().is_none()
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.sections.iter().flat_map(|section| &section.checks)
    }

    /// Carries out all audits on `host`. `objects` are those of the cluster, where some were read: audits with `kubectl`
    /// look at them.
    pub fn assess(&self, host: &dyn Host, objects: Option<&[Json]>) -> Assessment {
        let node = Arc::new(ObjectId {
            namespace: String::new(),
            kind: "Node".to_owned(),
            name: host.name().to_owned(),
            api_version: "v1".to_owned(),
        });
        let mut assessment = Assessment::default();
        for section in &self.sections {
            let variables = self.configuration.variables(&section.kind, host);
            let audits: Vec<&str> = section.checks.iter().flat_map(|check| [check.audit.as_str(), check.audit_config.as_str()]).collect();
            let program = variables.only_program(&audits);
            let outcomes: Vec<Outcome> = section.checks.par_iter().map(|check| check.decide(&variables, program, host, objects)).collect();
            for (check, outcome) in section.checks.iter().zip(outcomes) {
                match outcome {
                    Outcome::Skipped => continue,
                    Outcome::Passed => {}
                    Outcome::Failed(verdict) => assessment.findings.push(check.finding(verdict, &variables, &node)),
                    Outcome::NotEvaluated(reason) => {
                        let missing = first_line(&reason);
                        assessment.unknown.push(Unknown { rule: Arc::clone(&check.rule), object: ObjectId::clone(&node), missing });
                        continue;
                    }
                }
                assessment.evaluated.push(Arc::clone(&check.rule));
            }
        }
        assessment
    }

    /// How many audits are understood. `host` says what the names in them stand for.
    pub fn survey(&self, host: &dyn Host) -> Survey {
        let mut survey = Survey::default();
        for section in &self.sections {
            let variables = self.configuration.variables(&section.kind, host);
            for check in &section.checks {
                survey.checks += 1;
                if check.mode != Mode::Automated || check.criteria.as_ref().is_some_and(criteria::Criteria::is_empty) {
                    continue;
                }
                survey.automated += 1;
                let audits = [&check.audit, &check.audit_env, &check.audit_config];
                let understood = audits.into_iter().try_for_each(|audit| script(&variables.put(audit)).map(|_| ()));
                let says = |word: &str| audits.iter().any(|audit| audit.contains(word));
                match understood {
                    Ok(()) if check.criteria.is_some() => {
                        survey.understood += 1;
                        survey.ask_journal += usize::from(says("journalctl"));
                        survey.ask_cluster += usize::from(says("kubectl ") || says("oc get") || says("oc -n"));
                    }
                    Ok(()) => survey.not_understood.push((check.id.clone(), "its tests cannot be read".to_owned())),
                    Err(reason) => survey.not_understood.push((check.id.clone(), first_line(&reason))),
                }
            }
        }
        survey
    }
}

/// An audit, parsed and known to be understood.
fn script(audit: &str) -> Result<Script, Reason> {
    let script = Script::parse(audit)?;
    script.understood()?;
    Ok(script)
}

impl Check {
    fn decide(&self, variables: &Variables, program: Option<&str>, host: &dyn Host, objects: Option<&[Json]>) -> Outcome {
        match self.mode {
            Mode::Skipped => return Outcome::Skipped,
            Mode::Manual => {
                let todo = variables.put(&self.remediation);
                return Outcome::NotEvaluated(format!("a person has to decide: {todo}"));
            }
            Mode::Automated => {}
        }
        // Upstream fails what it cannot ask; here nobody has to answer for what does not run.
        let absent = || [&self.audit, &self.audit_config, &self.audit_env].into_iter().find_map(|audit| variables.absent_in(audit));
        if let Some(component) = variables.missing.first().map(String::as_str).or_else(absent) {
            return Outcome::NotEvaluated(format!("{component} does not run here"));
        }
        match &self.criteria {
            None => Outcome::NotEvaluated("its tests cannot be read".to_owned()),
            Some(criteria) if criteria.is_empty() => Outcome::NotEvaluated("the benchmark says nothing of what to look for".to_owned()),
            Some(criteria) => {
                let criteria = criteria.put(|text| variables.put(text));
                let outcome = self.outputs(&criteria, variables, program, &Machine::new(host, objects));
                let verdict = outcome.and_then(|outputs| match outputs {
                    Ok(outputs) => criteria.judge(&outputs, self.by_line),
                    Err(failed) => Ok(failed),
                });
                match verdict {
                    Ok(verdict) if verdict.passed => Outcome::Passed,
                    Ok(verdict) => Outcome::Failed(verdict),
                    Err(reason) => Outcome::NotEvaluated(reason),
                }
            }
        }
    }

    /// What the audits write. One whose status says that it failed fails the check, as upstream.
    fn outputs(
        &self,
        criteria: &criteria::Criteria,
        variables: &Variables,
        program: Option<&str>,
        machine: &Machine<'_>,
    ) -> Result<Result<Outputs, Verdict>, Reason> {
        let failed = |audit: &str, output: &str| {
            let said = first_line(output);
            let said = if said.is_empty() { "it writes nothing".to_owned() } else { said };
            Err(Verdict { passed: false, expected: format!("`{}` succeeds", first_line(audit)), seen: said })
        };
        let run = |audit: &str| -> Result<(String, i32), Reason> {
            if audit.is_empty() { Ok((String::new(), 0)) } else { script(audit)?.run(machine) }
        };
        let mut env = variables.put(&self.audit_env);
        if env.is_empty() && criteria.asks_environment() {
            // Without an audit of its own the environment is that of the program that the section is about.
            env = program
                .map(|program| format!("cat /proc/$(ps -C {program} -o pid= | tr -d ' ')/environ | tr '\\0' '\\n'"))
                .unwrap_or_default();
        }
        let (command, config) = (variables.put(&self.audit), variables.put(&self.audit_config));
        // What cannot be known of the environment or the configuration matters only to tests that look there.
        let env = match run(&env) {
            Ok((text, status)) if status != 0 => return Ok(failed(&env, &text)),
            known => known.map(|(text, _)| text),
        };
        let (command_output, status) = run(&command)?;
        if status != 0 {
            return Ok(failed(&command, &command_output));
        }
        let config = match run(&config) {
            Ok((text, status)) if status != 0 => {
                let without = status == 127 || text.contains("No such file or directory");
                let wrote = !command_output.is_empty() || env.as_ref().is_ok_and(|text| !text.is_empty());
                if !(without && wrote) {
                    return Ok(failed(&config, &text));
                }
                Ok(String::new())
            }
            known => known.map(|(text, _)| text),
        };
        Ok(Ok(Outputs { command: command_output, config, env }))
    }

    fn finding(&self, verdict: Verdict, variables: &Variables, node: &Arc<ObjectId>) -> Finding {
        let Verdict { expected, seen, .. } = verdict;
        let mut violation = Violation::at("", format!("{seen}; wanted: {expected}"));
        for audit in [&self.audit, &self.audit_config].into_iter().filter(|audit| !audit.is_empty()) {
            violation = violation.because(format!("audit: `{}`", variables.put(audit).trim()));
        }
        violation = violation.because(format!("seen: {seen}")).because(format!("expected: {expected}"));
        let mut finding = violation.into_finding(&self.rule, node, None, "", None);
        finding.location = Some(self.location.clone());
        let summary = variables.put(&self.remediation).split_whitespace().collect::<Vec<_>>().join(" ");
        finding.remediation = (!summary.is_empty()).then(|| {
            Box::new(Remediation {
                summary: Cow::Owned(summary),
                patch: Vec::new(),
                changes: Vec::new(),
                applicability: Applicability::NeedsEvidence(Cow::Borrowed("what on the node relies on it")),
                evidence: None,
            })
        });
        finding
    }
}

/// The first line of a text, cut short.
fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or("");
    let short: String = line.chars().take(160).collect();
    if short.len() < text.trim().len() { format!("{}…", short.trim_end()) } else { short }
}
