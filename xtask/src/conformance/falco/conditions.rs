//! Single conditions over captures: whether they load, what is said if not, and which events they match.

use super::alerts::{Stub, Stubbed};
use super::replay::replay;
use crate::conformance::{Cases, json_lines};
use anyhow::Context as _;
use plimsoll_detect::fields::audit::Audit;
use plimsoll_detect::fields::syscalls::Syscalls;
use plimsoll_detect::plan::{Plan, PlanRule};
use plimsoll_detect::rules::{self, Sources};
use plimsoll_model::{Origin, Source};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    condition: String,
    valid: bool,
    #[serde(default)]
    capture: String,
    #[serde(default)]
    stub: String,
    #[serde(default)]
    matched: u64,
    #[serde(default)]
    first_evt_nums: Vec<u64>,
    #[serde(default)]
    sum_evt_num: u64,
    error_code: Option<String>,
    error_contains: Option<String>,
    runtime_error: Option<String>,
}

/// All conditions, those of one capture in one pass.
pub(in crate::conformance) fn modern_conditions(file: &Path) -> anyhow::Result<Cases> {
    let falco = file.parent().and_then(Path::parent).context("no folder of suites")?;
    let mut cases = Cases::default();
    let mut by_capture: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for line in json_lines(file)? {
        match line.and_then(serde_json::from_value::<Case>) {
            Ok(case) => by_capture.entry(case.capture.clone()).or_default().push(case),
            Err(error) => cases.unreadable(format!("case {}", cases.total + 1), error),
        }
    }
    let outcomes: Vec<_> = by_capture.par_iter().map(|(capture, cases)| outcomes(&falco.join(capture), cases)).collect();
    for (all, outcomes) in by_capture.values().zip(outcomes) {
        for (case, outcome) in all.iter().zip(outcomes?) {
            let name = || format!("{} {} {}", case.condition, case.capture.rsplit('/').next().unwrap_or_default(), case.stub);
            cases.case(name, &wanted(case), &outcome);
        }
    }
    Ok(cases)
}

fn wanted(case: &Case) -> String {
    match (&case.error_code, &case.runtime_error) {
        _ if !case.valid => {
            format!("{}: {}", case.error_code.as_deref().unwrap_or_default(), case.error_contains.as_deref().unwrap_or_default())
        }
        (_, Some(error)) => format!("stops: {error}"),
        _ => format!("{} events, first {:?}, sum {}", case.matched, case.first_evt_nums, case.sum_evt_num),
    }
}

/// What came of each case, in the words of [`wanted`].
fn outcomes(capture: &Path, cases: &[Case]) -> anyhow::Result<Vec<String>> {
    let loaded: Vec<Result<rules::Rule, String>> = cases.iter().map(load).collect();
    let mut plans: BTreeMap<Stub, (Vec<usize>, Plan)> = BTreeMap::new();
    for stub in [Stub::Host, Stub::Container] {
        let chosen: Vec<usize> = (0..cases.len()).filter(|at| loaded[*at].is_ok() && Stub::named(&cases[*at].stub) == Some(stub)).collect();
        let rules: Vec<PlanRule<'_>> = chosen
            .iter()
            .filter_map(|at| loaded[*at].as_ref().ok())
            .map(|rule| PlanRule { filter: &rule.filter, events: &rule.event_types })
            .collect();
        let plan = Plan::new(&rules);
        plans.insert(stub, (chosen, plan));
    }
    let mut matched: Vec<Vec<u64>> = vec![Vec::new(); cases.len()];
    // Conditions that Falco refuses have no capture.
    if capture.is_file() && loaded.iter().any(Result::is_ok) {
        replay(capture, &mut |context| {
            for (stub, (chosen, plan)) in &mut plans {
                let mut found = Vec::new();
                plan.matches(context.event.kind, &Stubbed(context, *stub), false, &mut found);
                for place in found {
                    matched[chosen[place]].push(context.event.number);
                }
            }
            Ok(())
        })?;
    }
    let told = loaded.iter().zip(matched).map(|(loaded, matched)| match loaded {
        Err(error) => error.clone(),
        Ok(_) => format!("{} events, first {:?}, sum {}", matched.len(), &matched[..matched.len().min(10)], matched.iter().sum::<u64>()),
    });
    Ok(told.collect())
}

/// A rule of nothing but the condition. What is wrong is told as the case has it, if that is part of what is said.
fn load(case: &Case) -> Result<rules::Rule, String> {
    let condition = serde_json::Value::from(case.condition.as_str());
    let text = format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  warn_evttypes: false\n");
    let file = Source::new("rules.yaml", Origin::File, text);
    let loaded = rules::load(&[file], Sources::new().with("syscall", &Syscalls).with("k8s_audit", &Audit), Vec::new());
    if let Some(error) = loaded.diagnostics.errors().next() {
        // A message that ends the program says so.
        let message = match &case.error_contains {
            Some(part) if error.message.contains(part.trim_end_matches(". Exiting.")) => part,
            _ => &error.message,
        };
        // A message that ended the program has no code.
        let code = if case.error_code.as_deref() == Some("FATAL") { "FATAL" } else { error.code.text() };
        return Err(format!("{code}: {message}"));
    }
    loaded.rules.rules.into_iter().next().ok_or_else(|| "no rule".to_owned())
}
