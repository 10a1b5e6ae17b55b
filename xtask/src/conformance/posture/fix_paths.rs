//! Kubescape's own cures as facts: where they clear what our checks find, ours have to.

use super::{Answers, Case, Expected, Judged, cured, is_answer, parameters};
use crate::conformance::{Cases, json_lines};
use anyhow::Context;
use serde_json::Value;
use std::path::Path;

/// Each failing case that Kubescape's fix and delete paths clear, by the verdict of our checks.
pub(in crate::conformance) fn fix_paths(file: &Path) -> anyhow::Result<Cases> {
    let answers: Answers = toml::from_str(include_str!("kubescape.toml")).context("posture/kubescape.toml")?;
    let mut cases = Cases::default();
    for case in json_lines(file)? {
        let case: Case = match case.and_then(serde_json::from_value) {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("case {}", cases.total + 1), error);
                continue;
            }
        };
        let Some(rule) = answers.rules.get(&case.rule) else { continue };
        if !theirs_clears(&case, rule)? {
            continue;
        }
        let got = cured(&case, &answers, rule);
        cases.case(|| case.name.clone(), "cured", got.as_ref().map_or_else(|why| why.as_str(), |()| "cured"));
    }
    Ok(cases)
}

/// Whether all of the case's paths together leave nothing that our checks find, where they found something.
fn theirs_clears(case: &Case, rule: &[String]) -> anyhow::Result<bool> {
    let parameters = parameters(case).map_err(anyhow::Error::msg)?;
    let is_wanted = |input: &[Value]| {
        let judged = Judged::new(input, &parameters);
        judged.findings.iter().any(|finding| rule.iter().any(|answer| is_answer(answer, finding)))
    };
    let mut input = case.input.clone();
    for expected in &case.expected {
        let Some(object) = blamed(&mut input, expected) else { return Ok(false) };
        for fix in &expected.fix_paths {
            // What a person has to choose is no cure.
            if fix.value == "YOUR_VALUE"
                || !set(object, &fix.path, serde_json::from_str(&fix.value).unwrap_or_else(|_| fix.value.as_str().into()))
            {
                return Ok(false);
            }
        }
        // Later items of a list first, so that the places of earlier ones still hold.
        for path in expected.delete_paths.iter().rev() {
            remove(object, path);
        }
    }
    Ok(is_wanted(&case.input) && !is_wanted(&input))
}

fn blamed<'v>(input: &'v mut [Value], expected: &Expected) -> Option<&'v mut Value> {
    let [blamed] = expected.objects.as_slice() else { return None };
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    input.iter_mut().find(|object| {
        text(object, "/kind") == blamed.kind
            && text(object, "/metadata/name") == blamed.name
            && blamed.namespace.as_deref().is_none_or(|one| one.is_empty() || text(object, "/metadata/namespace").as_deref() == Some(one))
    })
}

/// The keys and indices of a path like `spec.containers[0].image`.
fn steps(path: &str) -> Vec<&str> {
    path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()).collect()
}

/// Sets the value at a path, making what is missing on the way; `false` where the path does not fit.
fn set(object: &mut Value, path: &str, value: Value) -> bool {
    let mut node = object;
    for step in steps(path) {
        if let Ok(at) = step.parse::<usize>() {
            if node.is_null() {
                *node = Value::Array(Vec::new());
            }
            let Some(items) = node.as_array_mut() else { return false };
            if at >= items.len() {
                items.push(Value::Null);
            }
            let last = items.len() - 1;
            node = &mut items[at.min(last)];
        } else {
            if node.is_null() {
                *node = Value::Object(serde_json::Map::new());
            }
            let Some(map) = node.as_object_mut() else { return false };
            node = map.entry(step).or_insert(Value::Null);
        }
    }
    *node = value;
    true
}

fn remove(object: &mut Value, path: &str) {
    let steps = steps(path);
    let Some((last, parents)) = steps.split_last() else { return };
    let pointer: String = parents.iter().map(|step| format!("/{step}")).collect();
    match object.pointer_mut(&pointer) {
        Some(Value::Object(map)) => drop(map.remove(*last)),
        Some(Value::Array(items)) => {
            if let Some(at) = last.parse().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}
