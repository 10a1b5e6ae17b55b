//! The suites of the Pod Security Standards.

use super::{Cases, json_lines};
use anyhow::{Context, bail};
use plimsoll_model::{Document, Limits, Object, Origin, Problem, ProblemKind, Source, Workload, WorkloadKinds, parse};
use plimsoll_pod_security::{
    Admission, Configuration, Counted, Event, Level, Request, State, Version, aggregate_detail, aggregate_reason, evaluate,
};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// The table of checks: id, level, versions, overrides.
pub(super) fn checks(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for line in json_lines(path)? {
        let case = line?;
        let id = case["id"].as_str().unwrap_or_default();
        let ours = plimsoll_pod_security::checks().iter().find(|check| check.id == id).map(|check| {
            let version = |form: &plimsoll_pod_security::Versioned| {
                let overrides = if form.overrides.is_empty() { Value::Null } else { json!(form.overrides) };
                json!({"min": Version::Minor(form.min.into()).to_string(), "overrides": overrides})
            };
            json!({"id": check.id, "level": check.level.name(), "versions": check.versions.iter().map(version).collect::<Vec<_>>()})
        });
        cases.case(|| id.to_owned(), &case.to_string(), &ours.unwrap_or_default().to_string());
    }
    let ours = plimsoll_pod_security::checks().len();
    let theirs = cases.total;
    cases.case(|| "number of checks".to_owned(), &theirs.to_string(), &ours.to_string());
    Ok(cases)
}

/// One case per pod, level and version.
pub(super) fn matrix(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    let mut pod = Value::Null;
    for (number, line) in json_lines(path)?.into_iter().enumerate() {
        let case = match line {
            Ok(case) => case,
            Err(error) => {
                cases.unreadable(format!("line {}", number + 1), error);
                continue;
            }
        };
        if !case["pod"].is_null() {
            pod = case["pod"].clone();
        }
        if let Err(error) = matrix_line(&case, &pod, &mut cases) {
            cases.unreadable(format!("line {}", number + 1), format!("{error:#}"));
        }
    }
    Ok(cases)
}

fn matrix_line(case: &Value, pod: &Value, cases: &mut Cases) -> anyhow::Result<()> {
    let key = text(case, "key")?;
    let level: Level = text(case, "level")?.parse().map_err(anyhow::Error::msg)?;
    with_pod(pod, |workload| {
        for run in case["runs"].as_array().context("no runs")? {
            let bound = |name| -> anyhow::Result<Version> { text(run, name)?.parse().map_err(anyhow::Error::msg) };
            let (from, to) = (bound("from")?, bound("to")?);
            let wanted = json!({"allowed": run["allowed"], "reason": run["reason"], "detail": run["detail"]}).to_string();
            for version in Version::all().filter(|version| (from..=to).contains(version)) {
                let forbidden = evaluate(&workload.pod, level.at(version));
                let got = json!({"allowed": forbidden.is_empty(), "reason": aggregate_reason(&forbidden), "detail": aggregate_detail(&forbidden)});
                cases.case(|| format!("{key} {level} {version}"), &wanted, &got.to_string());
            }
        }
        Ok(())
    })
}

/// One check at the version that it came with.
pub(super) fn checks_unit(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for (number, line) in json_lines(path)?.into_iter().enumerate() {
        let outcome = line.map_err(anyhow::Error::from).and_then(|case| unit(&case, &mut cases));
        if let Err(error) = outcome {
            cases.unreadable(format!("line {}", number + 1), format!("{error:#}"));
        }
    }
    Ok(cases)
}

fn unit(case: &Value, cases: &mut Cases) -> anyhow::Result<()> {
    let function = text(case, "func")?;
    let (check, minor) = plimsoll_pod_security::checks()
        .iter()
        .find_map(|check| Some((check, minor_of(function, check.id)?)))
        .with_context(|| format!("no check is meant by `{function}`"))?;
    let mut pod = case["pod"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    with_pod(&pod, |workload| {
        let got = check.forbid(&workload.pod, minor);
        let got = json!({
            "allowed": got.is_none(),
            "reason": got.as_ref().map_or("", |got| &got.reason),
            "detail": got.as_ref().map_or("", |got| &got.detail),
        });
        let wanted = json!({"allowed": case["allowed"], "reason": case["reason"], "detail": case["detail"]});
        cases.case(|| format!("{function}: {}", case["name"].as_str().unwrap_or_default()), &wanted.to_string(), &got.to_string());
        Ok(())
    })
}

/// The minor version in upstream's name of a check function, if it is one of the check `id`.
///
/// The names are the id in camel case, then the version: `seLinuxOptions1_31`, `runAsUser_1_0`, `sysctlsV1Dot27`,
/// `procMount1_35baseline`.
fn minor_of(function: &str, id: &str) -> Option<u32> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "");
    let (name, level) = id.split_once('_').unwrap_or((id, ""));
    let rest = function.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).and_then(|_| function.get(name.len()..))?;
    let rest = plain(&rest.replace("Dot", "."));
    // The level of a check stands before or after the version; a name without one means the check without one.
    let rest = match (level, rest.strip_prefix(level).or_else(|| rest.strip_suffix(level))) {
        ("", _) => rest.strip_suffix("baseline").unwrap_or(&rest).to_owned(),
        (_, Some(rest)) => rest.to_owned(),
        (_, None) => return None,
    };
    rest.trim_start_matches('v').strip_prefix('1')?.parse().ok()
}

/// Whole reviews: configuration, namespaces and pods in, response and events out.
pub(super) fn admission_reviews(path: &Path) -> anyhow::Result<Cases> {
    let mut cases = Cases::default();
    for (number, line) in json_lines(path)?.into_iter().enumerate() {
        let outcome = line.map_err(anyhow::Error::from).and_then(|case| admission_review(&case, &mut cases));
        if let Err(error) = outcome {
            cases.unreadable(format!("line {}", number + 1), format!("{error:#}"));
        }
    }
    Ok(cases)
}

fn admission_review(case: &Value, cases: &mut Cases) -> anyhow::Result<()> {
    let name = text(case, "name")?;
    let configuration = Configuration::read(&source(&case["config"])).map_err(|problems| anyhow::anyhow!("{}", words(&problems)))?;
    let lists: Vec<Vec<Document>> = ["namespaces", "pods"]
        .into_iter()
        .filter_map(|key| case.get(key)?.as_array())
        .flatten()
        .map(|object| parse(&source(object), Limits::default()).0)
        .collect();
    let objects: Vec<Object<'_>> = lists.iter().flatten().flat_map(|document| document.objects().0).collect();
    let (documents, mut problems) = parse(&source(&case["request"]), Limits::default());
    let request = documents.first().and_then(Document::root).with_context(|| words(&problems))?;
    let request = Request::read(request).map_err(|problem| anyhow::anyhow!(problem.message))?;
    let admission = Admission { configuration, ..Admission::default() };
    let (response, events) = admission.admit(&request, &State::of(objects, &mut problems), &mut || true);
    let events: Vec<String> = events.iter().map(event).collect();
    let mut wanted = json!({"response": case["response"]});
    let mut got = json!({"response": serde_json::to_value(&response)?});
    if let Some(metrics) = case.get("metrics") {
        wanted["metrics"] = if metrics.is_null() { json!([]) } else { metrics.clone() };
        got["metrics"] = json!(events);
    }
    cases.case(|| name.to_owned(), &wanted.to_string(), &got.to_string());
    Ok(())
}

fn event(event: &Event) -> String {
    match &event.counted {
        Counted::Evaluation { allowed, policy, mode } => {
            format!("evaluation decision={} policy={policy} mode={}", if *allowed { "allow" } else { "deny" }, mode.name())
        }
        Counted::Exemption => "exemption".to_owned(),
        Counted::Error { fatal } => format!("error fatal={fatal}"),
    }
}

fn source(value: &Value) -> Arc<Source> {
    Source::new("case", Origin::File, value.to_string())
}

fn words(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn with_pod<T>(pod: &Value, judge: impl FnOnce(&Workload<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let (documents, mut problems) = parse(&source(pod), Limits::default());
    let object = documents.first().and_then(|document| document.objects().0.first().copied()).with_context(|| words(&problems))?;
    let workload = WorkloadKinds::default().read(object, &mut problems);
    // The tables hold pods that no API server would store; what matters is that every value was read.
    problems.retain(|problem| problem.kind != ProblemKind::Invalid);
    if !problems.is_empty() {
        bail!("{}", words(&problems));
    }
    judge(&workload.context("no pod")?)
}

fn text<'v>(value: &'v Value, key: &str) -> anyhow::Result<&'v str> {
    value[key].as_str().with_context(|| format!("no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::minor_of;

    #[test]
    fn names_of_check_functions() {
        let table = [
            ("runAsUser_1_0", "runAsUser", Some(0)),
            ("runAsNonRoot1_35", "runAsNonRoot", Some(35)),
            ("sysctlsV1Dot27", "sysctls", Some(27)),
            ("procMount1_35baseline", "procMount", Some(35)),
            ("procMount1_35baseline", "procMount_restricted", None),
            ("seccompProfileRestricted_1_25", "seccompProfile_restricted", Some(25)),
            ("seccompProfileRestricted_1_25", "seccompProfile_baseline", None),
            ("capabilitiesBaseline_1_0", "capabilities_baseline", Some(0)),
            ("privileged_1_0", "procMount", None),
        ];
        for (function, id, wanted) in table {
            assert_eq!(minor_of(function, id), wanted, "{function} {id}");
        }
    }
}
